"""Lost future: where two histories part, what is offered again, and what that proves."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sync_protocol import agree, channel, limits
from sync_protocol.channel import Cursor, EpochEntry, FreezeEntry, Receipt, VerdictEntry
from sync_protocol.lost import Stretch, common_position, cut_stretches, read_stretch
from sync_protocol.pull import StoredEntry
from tests.sync_protocol.builders import (
    CHANNEL,
    EPOCH,
    HUB,
    NOW,
    OTHER_PC,
    START,
    a_chain,
    a_log,
    refused,
)

CHAIN = a_chain(5)
LOG = a_log(CHAIN, VerdictEntry(CHAIN[0].name, 2, "", NOW), FreezeEntry(OTHER_PC.replica, "", NOW))
DIGESTS = [START.digest, *(each.digest for each in LOG)]
END = len(LOG)


def digest_at(position: int) -> bytes | None:
    return DIGESTS[position] if position <= END else None


def an_epoch(kept: int, digest: bytes | None = None) -> bytes:
    return channel.entry_bytes(EpochEntry(EPOCH, kept, digest or DIGESTS[kept], NOW))


def receipt_at(position: int) -> Receipt:
    cursor = Cursor(CHANNEL, EPOCH, position, DIGESTS[position])
    return agree.sign_receipt(HUB.signing, cursor, NOW)


def entries_of(log: list[StoredEntry], after: int) -> list[tuple[int, bytes]]:
    return [(each.position, each.data) for each in log[after:]]


@pytest.mark.parametrize(
    ("epochs", "common"),
    [
        ([an_epoch(3)], 3),
        ([an_epoch(0)], 0),
        ([an_epoch(END)], END),
        ([an_epoch(2), an_epoch(5)], 5),
        ([an_epoch(5), an_epoch(2)], 5),
        ([an_epoch(1), an_epoch(4, b"o" * 32)], 1),
        ([an_epoch(3, b"o" * 32)], None),
        ([channel.entry_bytes(FreezeEntry(OTHER_PC.replica, "", NOW))], None),
        ([channel.entry_bytes(EpochEntry(EPOCH, END + 1, b"o" * 32, NOW))], None),
        ([], None),
    ],
)
def test_histories_part_only_where_an_epoch_says_so(
    epochs: list[bytes], common: int | None
) -> None:
    assert common_position(digest_at, END, epochs) == common


def test_both_may_have_left_the_same_epoch_we_earlier() -> None:
    ours = [channel.entry_bytes(EpochEntry(b"e" * 16, 3, DIGESTS[3], NOW))]
    later = channel.entry_bytes(EpochEntry(b"e" * 16, END + 2, b"o" * 32, NOW))
    earlier = channel.entry_bytes(EpochEntry(b"e" * 16, 2, b"o" * 32, NOW))
    other = channel.entry_bytes(EpochEntry(b"f" * 16, END + 2, b"o" * 32, NOW))
    assert common_position(digest_at, END, [later], ours) == 3
    assert common_position(digest_at, END, [earlier], ours) is None
    assert common_position(digest_at, END, [other], ours) is None
    assert common_position(digest_at, END, [later, an_epoch(5)], ours) == 5


def test_where_we_hold_no_digest_any_more_nothing_is_common() -> None:
    def since_snapshot(position: int) -> bytes | None:
        return DIGESTS[position] if position >= 4 else None

    assert common_position(since_snapshot, END, [an_epoch(3)]) is None
    assert common_position(since_snapshot, END, [an_epoch(4)]) == 4


def test_what_is_offered_ends_at_receipts_and_chains_from_one_to_the_next() -> None:
    base = receipt_at(1).cursor
    pieces = cut_stretches(base, entries_of(LOG, 1), [receipt_at(n) for n in (1, 3, 6)])
    assert [(each.position, len(data), end.cursor.position) for each, data, end in pieces] == [
        (1, 2, 3),
        (3, 3, 6),
    ]
    for each, data, receipt in pieces:
        read = read_stretch(Stretch(each, data, receipt, []), HUB.public.signing)
        assert [proven.data for proven in read] == data


def test_what_lies_beyond_the_last_receipt_is_not_offered() -> None:
    assert cut_stretches(START, entries_of(LOG, 0), []) == []


def a_stretch(first: int = 0, end: int = END) -> Stretch:
    base = Cursor(CHANNEL, EPOCH, first, DIGESTS[first])
    parts = [(each.header_bytes, each.body, None) for each in CHAIN]
    data = [each.data for each in LOG[first:end]]
    return Stretch(base, data, receipt_at(end), parts)


def test_what_chains_to_the_hubs_own_receipt_was_in_its_log() -> None:
    proven = read_stretch(a_stretch(), HUB.public.signing)
    assert [each.operation for each in proven] == [*CHAIN, None, None]
    assert [each.entry for each in proven] == [channel.read_entry(each.data) for each in LOG]


def test_an_operation_that_no_entry_places_is_not_taken() -> None:
    proven = read_stretch(a_stretch(0, 2), HUB.public.signing)
    assert [each.operation for each in proven] == CHAIN[:2]


def test_a_verdict_is_proven_without_the_bytes_of_its_operation() -> None:
    proven = read_stretch(replace(a_stretch(), operations=[]), HUB.public.signing)
    assert [each.operation for each in proven] == [None] * END


@given(at=st.integers(0, END - 1), bit=st.integers(0, 7), where=st.integers(0, 500))
def test_a_flipped_bit_in_any_entry_proves_nothing(at: int, bit: int, where: int) -> None:
    entries = [each.data for each in LOG]
    data = bytearray(entries[at])
    data[where % len(data)] ^= 1 << bit
    entries[at] = bytes(data)
    with refused("stretch.unproven"):
        read_stretch(replace(a_stretch(), entries=entries), HUB.public.signing)


Change = Callable[[Stretch], Stretch]
CHANGES: dict[str, Change] = {
    "entries": lambda s: replace(s, entries=s.entries * 2),
    "operations": lambda s: replace(s, operations=s.operations * 2),
}


@pytest.mark.parametrize("which", CHANGES)
def test_a_stretch_without_end_is_refused(which: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ENTRIES_PER_PAGE", END)
    with refused("envelope.too_large"):
        read_stretch(CHANGES[which](a_stretch()), HUB.public.signing)
