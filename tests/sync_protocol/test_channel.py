"""Entries, digests and verdicts."""

from itertools import permutations, product

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_protocol import channel, limits
from sync_protocol.channel import (
    HELD_CODES,
    REFUSED_CODES,
    ClosingEntry,
    Cursor,
    EpochEntry,
    ErasureEntry,
    FreezeEntry,
    OperationEntry,
    RevocationEntry,
    Standing,
    UnknownEntry,
    Verdict,
    VerdictEntry,
)
from tests.sync_protocol.builders import (
    CHANNEL,
    EPOCH,
    NOW,
    START,
    mutated,
    perhaps_refused,
    refused,
)

NAME, ID = b"n" * 32, b"i" * 16
ENTRIES: list[channel.Entry] = [
    OperationEntry(NAME, 2, "", NOW, NOW),
    VerdictEntry(NAME, 1, "county", NOW),
    EpochEntry(ID, 7, NAME, NOW),
    ErasureEntry(ID, NOW),
    RevocationEntry(ID, "被盗", NOW),
    FreezeEntry(ID, "fork", NOW),
    ClosingEntry(NOW, NOW),
]


@pytest.mark.parametrize("entry", ENTRIES)
def test_an_entry_reads_back(entry: channel.Entry) -> None:
    assert channel.read_entry(channel.entry_bytes(entry)) == entry


def test_an_entry_of_a_later_kind_is_kept_and_not_interpreted() -> None:
    data = msgspec.msgpack.encode([99, "later", {"a": 1}])
    assert channel.read_entry(data) == UnknownEntry(data)


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [0],
        [1],
        [7, NOW],
        [True, 1],
        [-3],
        ["1", NAME],
        {"kind": 1},
        5,
        [1, NAME, 3, "", NOW, NOW],
        [1, NAME, -1, "", NOW, NOW],
        [2, NAME, 1, "county", 2**60],
    ],
)
def test_what_is_no_entry_is_refused(parts: object) -> None:
    with refused("message.form"):
        channel.read_entry(msgspec.msgpack.encode(parts))


def test_an_entry_nested_without_end_is_refused() -> None:
    with refused("message.form"):
        channel.read_entry(b"\x92\x63" + b"\x91" * 100_000)


@given(st.data())
def test_mutated_entries_are_read_or_refused(data: st.DataObject) -> None:
    entry = data.draw(st.sampled_from(ENTRIES))
    changed = data.draw(mutated(channel.entry_bytes(entry)) | st.binary(max_size=30))
    with perhaps_refused("message.form"):
        assert channel.read_entry(changed) is not None


def test_digests_depend_on_every_entry_its_order_and_the_channel() -> None:
    def after(*entries: bytes) -> bytes:
        digest = START.digest
        for entry in entries:
            digest = channel.next_digest(digest, entry)
        return digest

    assert len({after(*order) for order in permutations((b"a", b"b", b"c"))}) == 6
    assert channel.first_digest(CHANNEL) != channel.first_digest(EPOCH)


def test_a_cursor_signs_every_part_of_itself() -> None:
    parts = Cursor(CHANNEL, EPOCH, 3, NAME).parts()
    assert parts == (CHANNEL, EPOCH, b"\0\0\0\0\0\0\0\x03", NAME)


@pytest.mark.parametrize("position", [-1, 2**53])
def test_a_cursor_out_of_bounds_is_not_read(position: int) -> None:
    data = msgspec.msgpack.encode(Cursor(CHANNEL, EPOCH, position, NAME))
    with pytest.raises(msgspec.ValidationError):
        msgspec.msgpack.decode(data, type=Cursor)


def test_a_fast_clock_gains_no_more_than_the_lead() -> None:
    lead = limits.CLOCK_LEAD_MS
    assert channel.effective_stamp(NOW + 10 * lead, NOW) == NOW + lead
    assert channel.effective_stamp(NOW + lead, NOW) == NOW + lead
    assert channel.effective_stamp(NOW - 10 * lead, NOW) == NOW - 10 * lead


# --- verdicts ------------------------------------------------------------------------------------


def test_the_highest_verdict_stands_in_whatever_order_they_come() -> None:
    codes = {Verdict.ACCEPTED: "", Verdict.REFUSED: "county", Verdict.HELD: "gap"}
    for order in permutations(Verdict):
        standing = Standing(order[0], codes[order[0]])
        for verdict in order[1:]:
            standing = standing.raised_by(verdict, codes[verdict])
        assert standing == Standing(Verdict.ACCEPTED, "")


def test_a_lower_or_equal_verdict_changes_nothing_but_the_cause_of_a_hold() -> None:
    for stands, comes in product(Verdict, Verdict):
        before = Standing(stands, "old")
        after = before.raised_by(comes, "new")
        if comes > stands or stands == comes == Verdict.HELD:
            assert after == Standing(comes, "new")
        else:
            assert after == before


def test_every_code_has_words() -> None:
    words = {**HELD_CODES, **REFUSED_CODES}.values()
    assert all(words)
    assert not any("本机" in each for each in words)  # the county and every desk read the same
    assert not HELD_CODES.keys() & REFUSED_CODES.keys()


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        (channel.county_code(" 与凭证\n不符：重报 "), "与凭证 不符：重报"),
        (channel.county_code("长" * 300), "长" * 200),
        ("county", ""),
        ("check:remark:too_long", ""),
        ("gap", ""),
    ],
)
def test_only_the_countys_own_refusal_carries_a_reason(code: str, reason: str) -> None:
    assert channel.county_reason(code) == reason


def test_a_place_is_of_the_name_and_a_verdict_of_the_identity() -> None:
    first = channel.place(NAME, NAME, 2, "", NOW, NOW)
    copy = channel.place(b"c" * 32, NAME, 2, "", NOW, NOW)
    assert (type(first), type(copy)) == (OperationEntry, channel.CopyEntry)
    assert (first.identity, copy.name, copy.identity) == (NAME, b"c" * 32, NAME)
    assert channel.VerdictEntry(NAME, 1, "", NOW).identity == NAME
    assert channel.read_entry(channel.entry_bytes(copy)) == copy


def test_former_epochs_are_those_that_ended_and_those_that_came_back() -> None:
    entries = [
        channel.EpochEntry(b"1" * 16, 3, NAME, NOW),
        channel.FreezeEntry(b"r" * 16, "fork", NOW),
        channel.FormerEpochEntry(b"2" * 16, NOW),
    ]
    told = map(channel.entry_bytes, entries)
    assert channel.former_epochs(told) == [b"1" * 16, b"2" * 16]


def test_the_hub_writes_as_another_replica_in_each_channel_and_epoch() -> None:
    told = {
        channel.hub_replica(hub, in_channel, epoch)
        for hub in (b"1" * 16, b"2" * 16)
        for in_channel in (b"3" * 16, b"4" * 16)
        for epoch in (b"5" * 16, b"6" * 16)
    }
    assert len(told) == 8
    assert {len(replica) for replica in told} == {16}
