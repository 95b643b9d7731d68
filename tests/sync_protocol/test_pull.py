"""Pull: a page is applied whole, where it continues our history, if it ends at the receipt."""

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_protocol import agree, channel, limits, mint, operations, pull
from sync_protocol.channel import CopyEntry, Cursor, EpochEntry, FreezeEntry, VerdictEntry
from sync_protocol.errors import PeerFault
from sync_protocol.operations import Head, Operation
from sync_protocol.pull import Applied, EntryItem, OperationItem, OwnItem, Page
from tests.sync_protocol.builders import (
    HUB,
    NOW,
    OTHER_PC,
    PC,
    START,
    a_chain,
    a_log,
    a_page,
    an_operation,
    refused,
)

CHAIN = a_chain(4)
WORDS = (VerdictEntry(CHAIN[0].name, 2, "", NOW), FreezeEntry(OTHER_PC.replica, "fork", NOW))
LOG = a_log(CHAIN, *WORDS)
OWN_NAMES = {each.header.seq: (each.name, each.identity) for each in CHAIN}


def a_copy(seq: int) -> Operation:
    """Of the first operation of the chain."""
    return mint.issue_again(CHAIN[0], Head(PC.replica, seq - 1, b"l" * 32))


def absorbed(
    page: Page, cursor: Cursor = START, own: dict[int, pull.OwnNames] | None = None
) -> Applied:
    """A page that must continue from this cursor."""
    names = OWN_NAMES if own is None else own
    applied = pull.absorb_page(page, cursor, names, HUB.public.signing)
    assert applied is not None
    return applied


def test_a_page_gives_the_hubs_entries_and_ends_at_its_digest() -> None:
    applied = absorbed(a_page(LOG))
    assert [each.data for each in applied.entries] == [each.data for each in LOG]
    assert [each.digest for each in applied.entries] == [each.digest for each in LOG]
    assert [each.position for each in applied.entries] == [1, 2, 3, 4, 5, 6]
    assert [each.operation for each in applied.entries] == [*CHAIN, None, None]
    assert applied.cursor == Cursor(START.channel, START.epoch, 6, LOG[-1].digest)
    assert applied.is_complete


def test_own_operations_up_to_own_seq_come_as_numbers_and_those_above_with_bytes() -> None:
    page = a_page(LOG, own_seq=2)
    assert pull.own_seqs(page) == [1, 2]
    assert [type(item) for item in page.items] == [
        *[OwnItem] * 2,
        *[OperationItem] * 2,
        *[EntryItem] * 2,
    ]
    assert absorbed(page).cursor == absorbed(a_page(LOG)).cursor


def test_operations_of_others_always_come_with_bytes() -> None:
    others = an_operation(1, replica=OTHER_PC.replica)
    page = a_page(a_log([others]), own_seq=9)
    assert pull.own_seqs(page) == []
    assert [each.operation for each in absorbed(page).entries] == [others]


def test_a_copy_is_placed_under_its_own_name_and_the_firsts() -> None:
    copy = a_copy(2)
    whole, short = (a_page(a_log([copy]), own_seq=seq) for seq in (0, 2))
    own = {2: (copy.name, copy.identity)}
    [entry] = {absorbed(page, own=own).entries[0].entry for page in (whole, short)}
    assert isinstance(entry, CopyEntry)
    assert (entry.name, entry.identity) == (copy.name, CHAIN[0].name)


def test_a_station_of_version_1_gets_the_entry_of_a_copy_raw() -> None:
    log = a_log([a_copy(2)])
    items, _ = pull.make_page(START, log, pull.Reader(PC.replica, 2, version=1), 10**6)
    assert items == [EntryItem(log[0].data)]


def test_an_erased_body_comes_as_its_digest() -> None:
    whole = CHAIN[0]
    erased = operations.received(whole.header_bytes, None, whole.body_digest)
    applied = absorbed(a_page(a_log([erased])))
    assert applied.entries[0].operation == erased
    assert applied.cursor.digest == LOG[0].digest


def test_pages_of_any_budget_lead_to_the_same_end() -> None:
    for budget_bytes in (1, 300, 10**6):
        cursor, pages = START, 0
        while cursor.position < len(LOG):
            applied = absorbed(a_page(LOG, cursor, budget_bytes=budget_bytes), cursor)
            assert applied.is_complete is (applied.cursor.position == len(LOG))
            cursor, pages = applied.cursor, pages + 1
        assert cursor.digest == LOG[-1].digest
        assert (pages == 1) is (budget_bytes == 10**6)


def test_an_empty_page_renews_the_receipt() -> None:
    end = absorbed(a_page(LOG)).cursor
    applied = absorbed(a_page(LOG, end), end)
    assert (applied.entries, applied.cursor, applied.is_complete) == ((), end, True)


def test_a_page_that_does_not_start_at_our_cursor_is_passed_over() -> None:
    end = absorbed(a_page(LOG)).cursor
    assert pull.absorb_page(a_page(LOG), end, OWN_NAMES, HUB.public.signing) is None


def test_a_parted_page_is_an_alarm() -> None:
    page = Page(START, [], agree.sign_receipt(HUB.signing, START, NOW), 6, 0, "epoch")
    with refused("reply.digest"):
        absorbed(page)


def test_an_own_operation_that_we_lack_is_an_alarm() -> None:
    with refused("reply.digest"):
        absorbed(a_page(LOG, own_seq=4), own={1: OWN_NAMES[1]})


def test_a_receipt_that_the_hub_did_not_sign_is_refused() -> None:
    page = a_page(LOG)
    assert page.receipt is not None
    receipt = agree.sign_receipt(PC.signing, page.receipt.cursor, NOW)
    with refused("reply.receipt"):
        absorbed(msgspec.structs.replace(page, receipt=receipt))


def test_a_page_without_a_receipt_says_that_the_channel_ends_where_it_did() -> None:
    end = absorbed(a_page(LOG)).cursor
    applied = absorbed(Page(end, [], None, end.position, covered=3), cursor=end)
    assert (applied.entries, applied.cursor, applied.receipt) == ((), end, None)
    assert (applied.is_complete, applied.covered) == (True, 3)
    late = pull.absorb_page(Page(START, [], None, 0), end, OWN_NAMES, HUB.public.signing)
    assert late is None


def test_nothing_new_comes_without_a_receipt() -> None:
    page = a_page(LOG)
    for each in (msgspec.structs.replace(page, receipt=None), Page(START, [], None, 6)):
        with refused("reply.receipt"):
            absorbed(each)


def test_a_page_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "ENTRIES_PER_PAGE", 3)
    assert len(a_page(LOG).items) == 3
    monkeypatch.setattr(limits, "ENTRIES_PER_PAGE", 2)
    whole = Page(START, [EntryItem(each.data) for each in LOG], a_page(LOG).receipt, 6)
    with refused("envelope.too_large"):
        absorbed(whole)


# --- tampering -----------------------------------------------------------------------------------

TAMPERINGS: dict[str, Callable[[list[pull.Item]], list[pull.Item]]] = {
    "dropped first": lambda items: items[1:],
    "dropped last": lambda items: items[:-1],
    "swapped": lambda items: [items[1], items[0], *items[2:]],
    "repeated": lambda items: [items[0], *items],
    "another verdict": lambda items: [msgspec.structs.replace(items[0], verdict=1), *items[1:]],
    "another code": lambda items: [msgspec.structs.replace(items[0], code="county"), *items[1:]],
    "another stamp": lambda items: [msgspec.structs.replace(items[0], effective=1), *items[1:]],
    "another time": lambda items: [msgspec.structs.replace(items[0], at=1), *items[1:]],
    "another body": lambda items: [msgspec.structs.replace(items[0], body=b"x"), *items[1:]],
    "an entry added": lambda items: [*items, EntryItem(channel.entry_bytes(WORDS[0]))],
}


@pytest.mark.parametrize("how", TAMPERINGS)
def test_a_page_whose_items_were_tampered_with_is_refused(how: str) -> None:
    page = a_page(LOG)
    changed = msgspec.structs.replace(page, items=TAMPERINGS[how](page.items))
    with refused("reply.digest"):
        absorbed(changed)


@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_flipped_byte_anywhere_in_a_page_never_gives_another_history(at: int, bits: int) -> None:
    data = bytearray(msgspec.msgpack.encode(a_page(LOG, own_seq=2)))
    data[at % len(data)] ^= bits
    try:
        page = msgspec.msgpack.decode(bytes(data), type=Page)
        applied = pull.absorb_page(page, START, OWN_NAMES, HUB.public.signing)
    except (msgspec.MsgspecError, UnicodeDecodeError, PeerFault):
        return
    assert applied is None or [each.data for each in applied.entries] == [e.data for e in LOG]


# --- epochs --------------------------------------------------------------------------------------

NEW_EPOCH = b"epoch-of-restore"


def in_epoch(page: Page, epoch: bytes) -> Page:
    """The page under a receipt of another epoch."""
    assert page.receipt is not None
    end = msgspec.structs.replace(page.receipt.cursor, epoch=epoch)
    return msgspec.structs.replace(page, receipt=agree.sign_receipt(HUB.signing, end, NOW))


def test_an_epoch_entry_explains_a_receipt_of_another_epoch() -> None:
    middle = absorbed(a_page(LOG)).cursor
    restored = a_log(CHAIN, *WORDS, EpochEntry(START.epoch, 6, LOG[-1].digest, NOW))
    page = in_epoch(a_page(restored, middle), NEW_EPOCH)
    applied = absorbed(page, middle)
    assert (applied.cursor.epoch, applied.cursor.position) == (NEW_EPOCH, 7)
    assert applied.past_epochs == (START.epoch,)


def test_an_epoch_that_no_entry_explains_is_an_alarm() -> None:
    middle = absorbed(a_page(LOG, budget_bytes=1)).cursor
    with refused("reply.digest"):
        absorbed(in_epoch(a_page(LOG, middle), NEW_EPOCH), middle)


def test_whoever_starts_is_told_of_the_epochs_before() -> None:
    opened = channel.entry_bytes(EpochEntry(START.epoch, 3, LOG[2].digest, NOW))
    page = msgspec.structs.replace(in_epoch(a_page(LOG), NEW_EPOCH), epochs=[opened])
    applied = absorbed(page)
    assert (applied.cursor.epoch, applied.past_epochs) == (NEW_EPOCH, (START.epoch,))


def test_what_came_with_the_request_goes_back_as_its_number() -> None:
    reader = pull.Reader(PC.replica, 1, frozenset({CHAIN[2].name}))
    items, _ = pull.make_page(START, LOG, reader, 10**6)
    assert [type(item) for item in items[:4]] == [OwnItem, OperationItem, OwnItem, OperationItem]
