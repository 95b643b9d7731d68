"""The envelope: nothing but what its sender wrote comes out of it, and only at its receiver."""

import msgspec
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from sync_protocol import crypto, envelope, limits
from sync_protocol.envelope import Kind
from sync_protocol.errors import PeerFault
from sync_protocol.exchange import Report
from tests.sync_protocol.builders import HUB, OTHER_PC, PC, REPORT, not_allowed, refused

PAYLOAD = b"payload " * 20


def wrapped(payload: bytes = PAYLOAD, kind: Kind = Kind.REQUEST) -> bytes:
    return envelope.wrap(
        payload,
        kind,
        sender=PC.replica,
        signing=PC.signing,
        receiver=HUB.public.id,
        sealing_public=HUB.public.sealing,
    )


def sealed_raw(packed: bytes) -> bytes:
    """An envelope that a member makes of bytes that are no honest zstd frame."""
    head = envelope.MAGIC + b"\0\1" + bytes([Kind.REQUEST]) + PC.replica + HUB.public.id
    sealed = crypto.seal(HUB.public.sealing, head, packed)
    return head + sealed + crypto.sign(PC.signing, b"bianmin/envelope", head, sealed)


def opened(data: bytes, kind: Kind = Kind.REQUEST) -> bytes:
    sent = envelope.parse(data, kind, limits.REQUEST_BYTES)
    envelope.verify(sent, PC.public.signing)
    return envelope.open_sealed(sent, HUB.public.id, HUB.sealing)


SAMPLE = wrapped()


@given(st.binary(max_size=3000))
def test_what_is_wrapped_opens(payload: bytes) -> None:
    assert opened(wrapped(payload)) == payload


def test_an_envelope_says_from_whom_to_whom_and_nothing_of_what() -> None:
    data = wrapped("王芳 13812345678".encode())
    sent = envelope.parse(data, Kind.REQUEST, limits.REQUEST_BYTES)
    assert (sent.sender, sent.receiver) == (PC.replica, HUB.public.id)
    assert b"13812345678" not in data
    assert wrapped() != wrapped()


@pytest.mark.parametrize("at", range(len(SAMPLE)))
def test_a_changed_byte_at_every_place_is_refused(at: int) -> None:
    for bits in (1, 0x80, 0xFF):
        changed = bytearray(SAMPLE)
        changed[at] ^= bits
        with pytest.raises(PeerFault) as fault:
            opened(bytes(changed))
        assert fault.value.code.startswith(("envelope.", "message.form"))


@pytest.mark.parametrize("length", range(len(SAMPLE)))
def test_an_envelope_cut_anywhere_is_refused(length: int) -> None:
    with refused("envelope.cut_short", "envelope.signature"):
        opened(SAMPLE[:length])


@given(st.binary(max_size=400) | st.binary(max_size=400).map(lambda tail: SAMPLE[:40] + tail))
def test_what_is_no_envelope_is_refused(data: bytes) -> None:
    with pytest.raises(PeerFault):
        opened(data)


@pytest.mark.parametrize("page", [b"<!DOCTYPE html><html>", b"{}", b"Not Found"])
def test_a_captive_portals_page_is_not_ours(page: bytes) -> None:
    with refused("envelope.not_ours"):
        opened(page)


def test_an_envelope_beyond_the_limit_is_refused_unread() -> None:
    with refused("envelope.too_large"):
        envelope.parse(SAMPLE, Kind.REQUEST, len(SAMPLE) - 1)


def test_an_envelope_of_another_suite_or_kind_is_refused() -> None:
    with refused("envelope.suite"):
        opened(SAMPLE[:2] + b"\0\2" + SAMPLE[4:])
    with refused("message.form"):
        opened(SAMPLE, Kind.REPLY)


def test_an_envelope_for_another_is_refused() -> None:
    sent = envelope.parse(SAMPLE, Kind.REQUEST, limits.REQUEST_BYTES)
    with refused("envelope.receiver"):
        envelope.open_sealed(sent, OTHER_PC.replica, OTHER_PC.sealing)
    with refused("envelope.sealed"):
        envelope.open_sealed(sent, HUB.public.id, OTHER_PC.sealing)


def test_an_envelope_signed_by_another_is_refused() -> None:
    sent = envelope.parse(SAMPLE, Kind.REQUEST, limits.REQUEST_BYTES)
    with refused("envelope.signature"):
        envelope.verify(sent, OTHER_PC.public.signing)


# --- compression ---------------------------------------------------------------------------------


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = zstandard.ZstdCompressor(level=19).compress(bytes(limits.UNPACKED_BYTES + 1))
    assert len(bomb) < 10_000
    with refused("envelope.too_large"):
        opened(sealed_raw(bomb))


def test_a_bomb_that_does_not_say_its_size_is_refused() -> None:
    compressor = zstandard.ZstdCompressor(write_content_size=False).compressobj()
    with refused("envelope.too_large"):
        opened(sealed_raw(compressor.compress(bytes(10**6)) + compressor.flush()))


def test_a_bomb_that_lies_about_its_size_is_refused() -> None:
    honest = zstandard.ZstdCompressor(level=3).compress(bytes(70_000))
    declared = zstandard.get_frame_parameters(honest)
    at = honest.index((70_000).to_bytes(4, "little"))
    small = honest[:at] + (300).to_bytes(4, "little") + honest[at + 4 :]
    assert declared.content_size == 70_000
    with refused("envelope.sealed"):
        opened(sealed_raw(small))


@given(st.binary(max_size=60))
def test_what_is_not_compressed_is_refused(packed: bytes) -> None:
    with refused("envelope.sealed", "envelope.too_large"):
        opened(sealed_raw(packed))


# --- payloads ------------------------------------------------------------------------------------


def test_a_message_packs_and_unpacks() -> None:
    assert envelope.unpack(envelope.pack(REPORT), Report) == REPORT


@pytest.mark.parametrize(
    "payload", [b"", b"\xff", b"\x90", b"\x98" + b"\xa1\xff" * 8, msgspec.msgpack.encode([1] * 8)]
)
def test_a_payload_of_another_form_is_refused(payload: bytes) -> None:
    with refused("message.form"):
        envelope.unpack(payload, Report)


def test_a_message_beyond_the_limit_is_not_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "UNPACKED_BYTES", 3)
    with not_allowed("envelope.too_large"):
        envelope.pack(REPORT)


def test_a_payload_is_named_by_its_bytes() -> None:
    assert envelope.payload_digest(b"a") != envelope.payload_digest(b"b")
