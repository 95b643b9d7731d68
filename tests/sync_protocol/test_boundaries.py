"""What is just within a limit is taken, and what is just beyond it is refused, with the limit."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from sync_protocol import agree, channel, limits, mint, operations, pull, push, snapshot
from sync_protocol.channel import Cursor, Verdict
from sync_protocol.errors import OwnFault, PeerFault
from sync_protocol.lost import read_stretch
from sync_protocol.mint import read_introduction
from sync_protocol.operations import Head, Write
from sync_protocol.pull import OwnItem
from sync_protocol.push import Doorway, Records
from tests.sync_protocol.builders import (
    CHANNEL,
    EPOCH,
    HUB,
    NOW,
    PC,
    START,
    a_chain,
    a_header,
    a_log,
    a_page,
    a_run,
    an_operation,
    refused,
    taken,
    verdicts,
)
from tests.sync_protocol.refusals import ASK, introduction, part, stretch

CHAIN = a_chain(4)
SALT = b"s" * 16
ROUGH_TEXT = "x" * (limits.BODY_BYTES - 100)


def a_body_of(length: int) -> bytes:
    """A body of exactly this many bytes."""
    short = msgspec.msgpack.encode([SALT, [["a", ROUGH_TEXT, []]], []])
    text = ROUGH_TEXT + "x" * (length - len(short))
    body = msgspec.msgpack.encode([SALT, [["a", text, []]], []])
    assert len(body) == length
    return body


def test_a_body_may_be_as_large_as_the_limit() -> None:
    [write] = operations.read_body(a_body_of(limits.BODY_BYTES))
    assert write.value.startswith("x")
    with pytest.raises(PeerFault) as fault:
        operations.read_body(a_body_of(limits.BODY_BYTES + 1))
    assert (fault.value.code, fault.value.facts) == (
        "operation.too_large",
        {"limit": limits.BODY_BYTES},
    )


def test_a_body_of_our_own_may_be_as_large_as_the_limit() -> None:
    spare = limits.BODY_BYTES - len(a_body_of(len(ROUGH_TEXT) + 60)) + len(ROUGH_TEXT)
    fits = max(
        n
        for n in range(spare - 99, spare + 99)
        if len(msgspec.msgpack.encode([SALT, [["a", "x" * n, []]], []])) <= limits.BODY_BYTES
    )
    header = a_header()
    operation = operations.compose(header, SALT, [Write("a", "x" * fits)])
    assert len(operation.body or b"") == limits.BODY_BYTES
    with pytest.raises(OwnFault) as fault:
        operations.compose(header, SALT, [Write("a", "x" * (fits + 1))])
    assert fault.value.facts == {"limit": limits.BODY_BYTES}


def test_a_header_may_be_as_large_as_the_limit() -> None:
    parts = list(msgspec.structs.astuple(a_header()))
    room = limits.HEADER_BYTES - len(msgspec.msgpack.encode([*parts, b"x" * 256])) + 256
    data = msgspec.msgpack.encode([*parts, b"x" * room])
    assert len(data) == limits.HEADER_BYTES
    assert operations.read_header(data) == a_header()
    with refused("operation.header"):
        operations.read_header(msgspec.msgpack.encode([*parts, b"x" * (room + 1)]))


@pytest.mark.parametrize("kind", ["k", "k" * limits.KIND_CHARACTERS])
def test_a_kind_may_have_one_character_or_as_many_as_the_limit(kind: str) -> None:
    header = a_header(kind=kind)
    assert operations.read_header(operations.header_bytes(header)) == header


Body = list[Any]
AT_THE_LIMIT: dict[str, Body] = {
    "writes": [SALT, [[str(n), n, []] for n in range(limits.WRITES_PER_OPERATION)], []],
    "names": [SALT, [], [n.to_bytes(32, "big") for n in range(limits.NAMES_PER_OPERATION)]],
    "register": [SALT, [["r" * limits.FIELD_NAME_CHARACTERS, 1, []]], []],
    "highest": [SALT, [["a", limits.INTEGER_HIGHEST, []], ["b", -limits.INTEGER_HIGHEST, []]], []],
    "lists six deep": [SALT, [["a", [[[[[[1]]]]]], []]], []],
    "maps six deep": [SALT, [["a", {"a": {"a": {"a": {"a": {"a": {"a": 1}}}}}}, []]], []],
}
BEYOND: dict[str, Body] = {
    "writes": [SALT, [[str(n), n, []] for n in range(limits.WRITES_PER_OPERATION + 1)], []],
    "names": [SALT, [], [n.to_bytes(32, "big") for n in range(limits.NAMES_PER_OPERATION + 1)]],
    "register": [SALT, [["r" * (limits.FIELD_NAME_CHARACTERS + 1), 1, []]], []],
    "highest": [SALT, [["a", limits.INTEGER_HIGHEST + 1, []]], []],
    "lists seven deep": [SALT, [["a", [[[[[[[]]]]]]], []]], []],
    "maps seven deep": [SALT, [["a", {"a": {"a": {"a": {"a": {"a": {"a": {}}}}}}}, []]], []],
}


@pytest.mark.parametrize("about", AT_THE_LIMIT)
def test_a_body_just_within_its_limits_is_read(about: str) -> None:
    body = AT_THE_LIMIT[about]
    assert len(operations.read_body(msgspec.msgpack.encode(body))) == len(body[1])


@pytest.mark.parametrize("about", BEYOND)
def test_a_body_just_beyond_its_limits_is_not(about: str) -> None:
    with refused("operation.value"):
        operations.read_body(msgspec.msgpack.encode(BEYOND[about]))


@pytest.mark.parametrize(
    ("writes", "field"),
    [
        ([Write("a", 1.5)], "a"),
        ([Write("a", 1), Write("b", b"")], "b"),
        ([Write("a", 1), Write("a", 2)], ""),
        ([Write("a", "\ud800")], ""),
    ],
)
def test_what_we_may_not_write_is_told_with_its_field(writes: list[Write], field: str) -> None:
    with pytest.raises(OwnFault) as fault:
        operations.compose(a_header(), SALT, writes)
    assert (fault.value.code, fault.value.facts) == ("operation.value", {"field": field})


def test_a_run_may_be_as_long_as_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BATCH_OPERATIONS", 4)
    assert push.read_run(a_run(CHAIN)).operations == CHAIN
    with pytest.raises(PeerFault) as fault:
        push.read_run(a_run(a_chain(5)))
    assert fault.value.facts == {"limit": 4}


def test_a_page_a_stretch_and_a_part_may_be_as_long_as_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    page, offered, given = a_page(a_log(CHAIN)), stretch(), part()
    length = len(offered.entries)
    readers: list[tuple[int, Callable[[], object]]] = [
        (4, lambda: pull.absorb_page(page, START, {}, HUB.public.signing)),
        (length, lambda: read_stretch(offered, HUB.public.signing)),
        (4, lambda: snapshot.read_part(given, ASK, HUB.public.signing)),
        (
            length,
            lambda: read_stretch(
                replace(offered, operations=offered.operations * 2), HUB.public.signing
            ),
        ),
    ]
    for most, read in readers[:3]:
        monkeypatch.setattr(limits, "ENTRIES_PER_PAGE", most)
        assert read()
    for most, read in [(most - 1, read) for most, read in readers[:3]] + [(length, readers[3][1])]:
        monkeypatch.setattr(limits, "ENTRIES_PER_PAGE", most)
        with pytest.raises(PeerFault) as fault:
            read()
        assert fault.value.facts == {"limit": most}


def test_a_page_is_cut_where_the_budget_ends_and_not_before() -> None:
    log, reader = a_log(CHAIN), pull.Reader(PC.replica, 0)
    size = CHAIN[0].size_bytes + 32
    assert all(each.size_bytes + 32 == size for each in CHAIN)
    for budget, count in ((size * 2 - 1, 1), (size * 2, 2), (size * 2 + 1, 2), (size * 4, 4)):
        items, end = pull.make_page(START, log, reader, budget)
        assert (len(items), end.position) == (count, count)
    own = pull.Reader(PC.replica, 4)
    assert [len(pull.make_page(START, log, own, budget)[0]) for budget in (47, 48, 72)] == [1, 2, 3]


def test_a_page_holds_no_more_entries_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ENTRIES_PER_PAGE", 3)
    items, end = pull.make_page(START, a_log(CHAIN), pull.Reader(PC.replica, 4), 10**6)
    assert (len(items), end.position) == (3, 3)


def test_a_reader_of_version_1_gets_all_but_copies_as_ever() -> None:
    log = a_log([*CHAIN, mint.issue_again(CHAIN[0], Head(PC.replica, 4, b"l" * 32))])
    items, _ = pull.make_page(START, log, pull.Reader(PC.replica, 5, version=1), 10**6)
    assert [isinstance(each, OwnItem) for each in items] == [True] * 4 + [False]
    items, _ = pull.make_page(START, log, pull.Reader(PC.replica, 5, version=2), 10**6)
    assert [isinstance(each, OwnItem) for each in items] == [True] * 5


@pytest.mark.parametrize(
    ("page", "why"),
    [
        (replace(a_page(a_log(CHAIN)), items=[], parted=pull.LOST), pull.LOST),
        (replace(a_page(a_log(CHAIN)), items=[]), "digest"),
        (a_page(a_log(CHAIN), own_seq=1), "own"),
    ],
)
def test_an_alarm_says_why(page: pull.Page, why: str) -> None:
    with pytest.raises(PeerFault) as fault:
        pull.absorb_page(page, START, {}, HUB.public.signing)
    assert (fault.value.code, fault.value.facts) == ("reply.digest", {"parted": why})


def test_an_applied_page_says_how_far_a_backup_reaches_and_which_bytes_came() -> None:
    page = replace(a_page(a_log(CHAIN), own_seq=1), covered=3)
    own = {1: (CHAIN[0].name, CHAIN[0].identity)}
    applied = pull.absorb_page(page, START, own, HUB.public.signing)
    assert applied is not None
    assert applied.covered == 3
    assert [each.operation for each in applied.entries] == [None, *CHAIN[1:]]


def test_the_time_of_late_arrivals_ends_after_its_last_moment() -> None:
    closing = channel.ClosingEntry(NOW, NOW - 1)
    doorway = Doorway(closing=closing)
    early = an_operation(1, record=b"1" * 16, stamp=NOW)
    assert verdicts(taken(a_run([early]), doorway=doorway).decisions) == ["accepted"]
    doorway = Doorway(closing=replace(closing, until=NOW - 1))
    assert verdicts(taken(a_run([early]), doorway=doorway).decisions) == ["late"]


def test_what_a_gap_releases_is_judged_by_the_time_of_its_release() -> None:
    chain = a_chain(2)
    first = push.make_run(operations.empty_head(PC.replica), chain[:1], PC.signing)
    head = push.read_run(first).head
    link = operations.next_link(head.link, chain[1].name)
    closed = Doorway(closing=channel.ClosingEntry(NOW, NOW))

    def judge(*_: object) -> tuple[Verdict, str]:
        return Verdict.ACCEPTED, ""

    for hub_time, code in ((NOW, ""), (NOW + 1, "late")):
        released = push.release([(chain[1], link)], head, closed, Records(), judge, hub_time)
        assert [each.code for each in released.entries] == [code]
        assert released.forked is False


def test_a_record_that_is_held_is_held_for_its_first_operation() -> None:
    records = Records()
    first, second = an_operation(1), an_operation(2)
    records.note(first, Verdict.HELD)
    records.note(second, Verdict.HELD)
    assert records.awaited == {first.header.record}
    assert (records.waits(first), records.waits(second)) == (False, True)
    records.note(second, Verdict.REFUSED)
    assert records.waits(second)
    records.note(first, Verdict.REFUSED)
    assert not records.waits(second)


def test_a_fresh_cursor_is_at_the_start_of_its_channel() -> None:
    start = channel.start_of(CHANNEL, EPOCH)
    assert start == Cursor(CHANNEL, EPOCH, 0, channel.first_digest(CHANNEL))
    assert channel.first_digest(CHANNEL) != channel.first_digest(b"another-channel-")


def test_a_time_before_1970_is_signed_like_any_other() -> None:
    receipt = agree.sign_receipt(HUB.signing, START, -1)
    assert agree.receipt_verifies(HUB.public.signing, receipt)
    assert not agree.receipt_verifies(HUB.public.signing, replace(receipt, hub_time=1))


def test_a_part_brings_what_is_spent_replaced_and_erased() -> None:
    whole = part()
    one, two, *rest = whole.records
    left_out = [(b"n" * 32, b"i" * 32)]
    spent = replace(one, operations=[], spent=left_out, replaced=[("a", [b"m" * 32])])
    erased = [replace(each, body=None, body_digest=CHAIN[1].body_digest) for each in two.operations]
    records = [spent, replace(two, operations=erased, erased=True), *rest]
    read = snapshot.read_part(replace(whole, records=records), ASK, HUB.public.signing)
    assert read is not None
    assert (read[0].record, read[0].spent, read[0].replaced) == (
        one.record,
        tuple(left_out),
        {"a": [b"m" * 32]},
    )
    assert (read[1].erased, read[1].operations[0][0].name) == (True, CHAIN[1].name)


def test_an_introduction_brings_the_certificate_as_it_was_signed() -> None:
    for each in (introduction(), introduction(mint=None)):
        found = read_introduction(each, HUB.public)
        assert found.certificate_bytes == each.certificate
        assert found.certificate.station_code == "140581001"
