"""Enrolment: a code that can be read aloud turns a fresh PC into a replica of the right hub."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_protocol import crypto, enrol, envelope, limits
from sync_protocol.enrol import Certificate, Code, EnrolCall, Enrolled, Grant, HubKeys
from tests.sync_protocol.builders import (
    CHANNEL,
    EPOCH,
    HUB,
    NOW,
    OTHER_PC,
    PC,
    perhaps_refused,
    refused,
)

CODE = enrol.new_code(bytes(range(10)), HUB.public)
CERTIFICATE = Certificate(
    version=1,
    hub=HUB.public.id,
    enrolment=b"enrolment-enrolm",
    keys=PC.public,
    station_code="140581001",
    station_name="东街便民服务站",
    grants=[Grant(CHANNEL, "station", "140581")],
    epoch=EPOCH,
    issued_at=NOW,
)
OTHER_HUB = HubKeys(b"\x07" * 32, b"\x08" * 32)
LIMIT = limits.REQUEST_BYTES
secrets = st.binary(min_size=enrol.SECRET_BYTES, max_size=enrol.SECRET_BYTES)


def asked(code: Code = CODE) -> EnrolCall:
    return enrol.ask(code, HUB.public, PC, "前台")


def granted(call: EnrolCall, certificate: Certificate = CERTIFICATE, keys: HubKeys = HUB) -> bytes:
    read = enrol.read_ask(call.data, HUB, LIMIT)
    return enrol.grant(read, keys, CODE.key, certificate, NOW)


def accepted(reply: bytes, call: EnrolCall, code: Code = CODE) -> Enrolled:
    return enrol.accept(reply, call, code, HUB.public, PC, LIMIT)


# --- the code ------------------------------------------------------------------------------------


@given(secrets)
def test_a_code_reads_back_however_it_is_typed(secret: bytes) -> None:
    code = enrol.new_code(secret, HUB.public)
    text = code.text()
    wide = "".join(chr(ord(letter) + 0xFEE0) if letter != "-" else "－" for letter in text)
    look_alikes = text.replace("0", "O").replace("1", "l")
    for typed in (text, text.lower(), text.replace("-", " "), f" {text} ", wide, look_alikes):
        assert enrol.read_code(typed) == code


def test_a_code_is_six_groups_of_four() -> None:
    groups = CODE.text().split("-")
    assert [len(group) for group in groups] == [4] * 6
    assert not set("ILOU") & set(CODE.text())


@given(secrets, st.integers(0, 23), st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ"))
def test_a_typing_error_gives_another_code(secret: bytes, at: int, letter: str) -> None:
    letters = list(enrol.new_code(secret, HUB.public).text().replace("-", ""))
    right = letters[at] == letter
    letters[at] = letter
    read = enrol.read_code("".join(letters))
    assert (read == enrol.new_code(secret, HUB.public)) is right
    assert (read.fingerprint == CODE.fingerprint) is (at < 16 or right)


@pytest.mark.parametrize(
    "text", ["", "ABCD", CODE.text()[:-1], CODE.text() + "0", "U" * 24, "码" * 24]
)
def test_what_is_no_code_is_refused(text: str) -> None:
    with refused("enrol.code_form"):
        enrol.read_code(text)


@given(st.text(max_size=40))
def test_any_text_is_a_code_or_refused(text: str) -> None:
    with perhaps_refused("enrol.code_form"):
        assert len(enrol.read_code(text).secret) == enrol.SECRET_BYTES


def test_a_code_of_fewer_bits_is_a_mistake_of_the_program() -> None:
    with pytest.raises(ValueError, match="80"):
        enrol.new_code(b"short", HUB.public)


def test_the_id_and_the_key_of_a_code_do_not_show_each_other() -> None:
    assert CODE.id not in CODE.key
    assert len(CODE.id) == 8


# --- the hub's card ------------------------------------------------------------------------------


def test_the_card_of_the_hub_that_the_code_names_is_taken() -> None:
    card = enrol.read_hub_card(enrol.hub_card(HUB, "泽州县"), CODE)
    assert (card.keys, card.name) == (HUB.public, "泽州县")


def test_the_card_of_another_hub_is_refused_at_once() -> None:
    with refused("enrol.hub_fingerprint"):
        enrol.read_hub_card(enrol.hub_card(OTHER_HUB, "假平台"), CODE)


@pytest.mark.parametrize("data", [b"", b"<html>", b"\x94\x01\x01\x92\xc4\x00\xc4\x00\xa1\xff"])
def test_what_is_no_card_is_not_ours(data: bytes) -> None:
    with refused("envelope.not_ours"):
        enrol.read_hub_card(data, CODE)


@pytest.mark.parametrize(("lowest", "highest"), [(3, 4), (0, 0)])
def test_the_card_of_a_hub_of_another_version_is_refused(lowest: int, highest: int) -> None:
    card = enrol.HubCard(lowest, highest, HUB.public, "泽州县")
    with refused("envelope.version"):
        enrol.read_hub_card(envelope.pack(card), CODE)


# --- request and grant ---------------------------------------------------------------------------


def test_a_fresh_pc_becomes_a_replica() -> None:
    call = asked()
    read = enrol.read_ask(call.data, HUB, LIMIT)
    enrol.prove(read, CODE.key, HUB.public)
    assert (read.request.code_id, read.request.device) == (CODE.id, "前台")
    assert read.request.keys == PC.public
    result = accepted(granted(call), call)
    assert (result.certificate, result.hub, result.hub_time) == (CERTIFICATE, HUB.public, NOW)
    again = enrol.read_certificate(result.certificate_bytes, result.signature, HUB.public)
    assert again == CERTIFICATE


def test_who_does_not_know_the_code_proves_nothing() -> None:
    guess = replace(CODE, secret=b"\xff" * 10)
    read = enrol.read_ask(asked(guess).data, HUB, LIMIT)
    with refused("enrol.proof"):
        enrol.prove(read, CODE.key, HUB.public)


def test_a_proof_is_of_the_keys_it_came_with() -> None:
    read = enrol.read_ask(asked().data, HUB, LIMIT)
    others = msgspec.structs.replace(read.request, keys=OTHER_PC.public)
    with refused("enrol.proof"):
        enrol.prove(replace(read, request=others), CODE.key, HUB.public)


def a_call_with(request: enrol.EnrolRequest, sender: bytes = PC.replica) -> bytes:
    return envelope.wrap(
        envelope.pack(request),
        envelope.Kind.ENROL_REQUEST,
        sender=sender,
        signing=PC.signing,
        receiver=HUB.public.id,
        sealing_public=HUB.public.sealing,
    )


def test_a_request_under_another_name_than_its_senders_is_refused() -> None:
    request = enrol.read_ask(asked().data, HUB, LIMIT).request
    with refused("message.form"):
        enrol.read_ask(a_call_with(request, OTHER_PC.replica), HUB, LIMIT)


def test_a_request_not_signed_by_the_key_it_brings_is_refused() -> None:
    request = enrol.read_ask(asked().data, HUB, LIMIT).request
    keys = msgspec.structs.replace(request.keys, signing=OTHER_PC.public.signing)
    with refused("envelope.signature"):
        enrol.read_ask(a_call_with(msgspec.structs.replace(request, keys=keys)), HUB, LIMIT)


@pytest.mark.parametrize("sealing", [b"", b"short", bytes(32)])
def test_nothing_is_granted_to_a_key_that_is_none(sealing: bytes) -> None:
    request = enrol.read_ask(asked().data, HUB, LIMIT).request
    keys = msgspec.structs.replace(request.keys, sealing=sealing)
    read = enrol.read_ask(a_call_with(msgspec.structs.replace(request, keys=keys)), HUB, LIMIT)
    with refused("message.form"):
        enrol.grant(read, HUB, CODE.key, CERTIFICATE, NOW)


def test_the_answer_of_a_proxy_that_forged_the_fingerprint_is_refused() -> None:
    call = asked()
    read = enrol.read_ask(call.data, HUB, LIMIT)
    with refused("enrol.proof"):
        accepted(enrol.grant(read, HUB, b"another key", CERTIFICATE, NOW), call)


def test_an_answer_to_an_earlier_request_is_refused() -> None:
    earlier = enrol.ask(CODE, HUB.public, PC, "another request")
    with refused("enrol.proof"):
        accepted(granted(earlier), asked())


@pytest.mark.parametrize(
    "changes", [{"keys": OTHER_PC.public}, {"grants": []}, {"hub": OTHER_HUB.public.id}]
)
def test_a_certificate_that_is_not_ours_is_refused(changes: dict[str, object]) -> None:
    call = asked()
    certificate = msgspec.structs.replace(CERTIFICATE, **changes)
    with refused("enrol.certificate"):
        accepted(granted(call, certificate), call)


def test_a_certificate_that_the_hub_did_not_sign_is_refused() -> None:
    body = envelope.pack(CERTIFICATE)
    signature = crypto.sign(OTHER_HUB.signing, b"bianmin/certificate", body)
    with refused("enrol.certificate"):
        enrol.read_certificate(body, signature, HUB.public)


def test_an_answer_of_another_hub_is_refused() -> None:
    call = asked()
    with refused("envelope.signature"):
        accepted(granted(call, keys=OTHER_HUB), call)
