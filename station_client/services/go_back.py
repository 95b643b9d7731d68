"""Where the hub's history does not continue ours: go back to what both have and offer the rest,
mend our own log, or raise the alarm and keep both. Recording goes on in every case.

PROTOCOL.md, sections 11 and 13.
"""

from functools import partial

from msgspec.structs import replace

from station_client.services.apply_page import show_again
from station_client.station import Station
from station_client.store.rows import ChannelRow
from sync_protocol import channel, lost
from sync_protocol.channel import EpochEntry
from sync_protocol.exchange import Rare
from sync_protocol.pull import LOST, SHOW_RECEIPT, Applied, Page


def meet_parted(station: Station, page: Page, said: Rare) -> bool:
    """The hub cannot continue from our cursor; whether there is something to say to it at once.

    `said`: what the request said to which this is the answer.
    """
    store = station.store
    with store.writing():
        row = store.channels.find(page.base.channel)
        if row is None or page.base != row.cursor or row.is_starting:
            return False  # an answer to what we said before we went back
        if _mend(station, row):
            return True
        if page.parted == SHOW_RECEIPT:
            return _show_receipt(station, row, said)
        if page.parted == LOST and _go_back(station, row, page):
            state = store.facts.exchange()
            store.facts.keep_exchange(replace(state, shows_receipts=False, synchronised=False))
            return True
        store.channels.part(row.cursor.channel, page.parted)
    return False


def _show_receipt(station: Station, row: ChannelRow, said: Rare) -> bool:
    shown = [(each.cursor.channel, each.cursor.end) for each in said.receipts]
    if (row.cursor.channel, row.cursor.end) in shown or not row.cursor.position:
        station.store.channels.part(row.cursor.channel, SHOW_RECEIPT)
        return False  # the hub does not know its own signature, or where every log begins
    facts, held = station.store.facts, station.store.lost
    # Where we went back to, nobody signed: to where somebody did, else it would ask for ever.
    signed = held.signed_end(row)
    if signed is None:
        held.start_over(row)
    elif signed != row.cursor.end:
        held.go_back(row, *signed)
    facts.keep_exchange(replace(facts.exchange(), shows_receipts=True, synchronised=False))
    return True


def _go_back(station: Station, row: ChannelRow, page: Page) -> bool:
    """Whether an epoch of the hub explains why it parted from us."""
    held = station.store.lost
    digest_at = partial(held.digest_at, row)
    common = lost.common_position(digest_at, row.cursor.position, page.epochs, held.epochs(row))
    if common is not None and common < row.cursor.position:
        digest = digest_at(common)
        assert digest is not None
        held.go_back(row, common, digest)
        return True
    if common is None and _is_below_base(row, page):
        held.start_over(row)
        return True
    return False


def _is_below_base(row: ChannelRow, page: Page) -> bool:
    """Whether the hub lost the very position of the snapshot that we started from: it kept less, or
    is of a history in which the epoch of that position never was."""
    if row.base is None or page.receipt is None:
        return False
    read = [each for each in map(channel.read_entry, page.epochs) if isinstance(each, EpochEntry)]
    is_left_out = row.base.epoch not in {page.receipt.cursor.epoch, *(e.old_epoch for e in read)}
    return any(is_left_out or each.kept < row.base.position for each in read)


def meet_difference(station: Station, page: Page, why: str) -> bool:
    """The page does not give its receipt: whose log is at fault? Whether ours was, and is fetched
    again from its last sound position."""
    store = station.store
    with store.writing():
        row = store.channels.find(page.base.channel)
        if row is None:
            return False
        if _mend(station, row):
            return True
        store.channels.part(row.cursor.channel, why)
    return False


def _mend(station: Station, row: ChannelRow) -> bool:
    """Go back to where our own log still adds up; whether it did not."""
    sound = station.store.lost.sound_end(row)
    if sound.end == row.cursor.end:
        return False
    station.store.lost.mend(sound)
    return True


def forget_kept(station: Station, applied: list[Applied | None]) -> None:
    """Once every stretch was read and a page reaches the head, the hub's entries alone count."""
    store = station.store
    if not store.lost.keeps() or store.lost.count_stretches():
        return
    for each in applied:
        row = store.channels.find(each.cursor.channel) if each and each.is_complete else None
        if row is None:
            continue
        with store.writing():
            if store.lost.offer_again(row):
                continue
            kept = store.lost.forget_kept(row)
            named = store.journal.records_of(kept)
            store.lost.drop_unknown(kept)
            show_again(station, row.cursor.channel, list({*named.values()}))
            if row.closed_at is not None:
                closing = store.channels.closing(row)
                at, until = (closing.at, closing.until) if closing else (None, None)
                store.channels.close(row.cursor.channel, at, until)
