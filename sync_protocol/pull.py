"""Pull, both ends: the entries of a channel that a replica has not applied yet.

The hub cuts a page and signs where it ends; the station recomputes the digest from what it got and
applies the page only if that gives the receipt. PROTOCOL.md, sections 5 and 10.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from sync_protocol import agree, channel, limits, operations
from sync_protocol.channel import (
    CopyEntry,
    Cursor,
    Entry,
    EpochEntry,
    PlaceEntry,
    Receipt,
    UnknownEntry,
    VerdictNumber,
)
from sync_protocol.enrol import COPIES_SINCE, VERSION_HIGHEST
from sync_protocol.errors import PeerFault
from sync_protocol.limits import Moment, Natural
from sync_protocol.operations import Header, Operation


class OwnItem(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=1):
    """An entry about one of the receiver's own operations, which it has: seq instead of bytes."""

    seq: Natural
    verdict: VerdictNumber
    code: str
    effective: Moment
    at: Moment


class OperationItem(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=2):
    """An entry with the operation's bytes; of an absent body only the digest."""

    header: bytes
    body: bytes | None
    body_digest: bytes | None
    verdict: VerdictNumber
    code: str
    effective: Moment
    at: Moment


class EntryItem(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=3):
    """Any other entry, as its own bytes."""

    data: bytes


Item = OwnItem | OperationItem | EntryItem

OwnNames = tuple[bytes, bytes]
"""Name and identity of an own operation."""


class Page(msgspec.Struct, frozen=True, array_like=True):
    """Entries base+1 … of one channel, the receipt at their end, and how long the channel is.

    Without a receipt (since version 2) it says that the channel ends at `base`, of which each end
    holds the other's signature already.
    `parted` is not empty when the hub cannot continue from the cursor it was shown; then there are
    no items: "receipt" asks for the receipt that the cursor was reached by, "lost" says that the
    hub was restored from a backup. `covered` is the position up to which the oldest backup that can
    still be restored holds the channel: nothing above it may be purged. `epochs` are the channel's
    epoch entries as bytes, where the page is parted or starts at the first entry.
    """

    base: Cursor
    items: list[Item]
    receipt: Receipt | None
    head: Natural
    covered: Natural = 0
    parted: str = ""
    epochs: list[bytes] = []


SHOW_RECEIPT = "receipt"
LOST = "lost"


# --- hub -----------------------------------------------------------------------------------------


class StoredEntry(msgspec.Struct, frozen=True, gc=False):
    """An entry as the hub holds it, the channel's digest after it, and its operation if any."""

    position: int
    data: bytes
    digest: bytes
    operation: Operation | None


@dataclass(frozen=True)
class Reader:
    """Who a page is for: its replica, what it has of its own chain, and the version it speaks.

    It has its own operations up to `own_seq`, a head on whose link both ends agree, and those of
    the names in `sent`, which came with this request. Of all others it gets the bytes: after a
    clone or a restore one seq means two operations.
    """

    replica: bytes
    own_seq: int
    sent: frozenset[bytes] = frozenset()
    version: int = VERSION_HIGHEST

    def has(self, header: Header, name: bytes) -> bool:
        """Whether it has the operation of this header and name."""
        if header.replica != self.replica:
            return False
        return header.seq <= self.own_seq or name in self.sent


def make_page(
    base: Cursor,
    stored: Iterable[StoredEntry],
    reader: Reader,
    budget_bytes: int,
) -> tuple[list[Item], Cursor]:
    """The items after `base` that fit the budget, at least one, and the cursor at their end."""
    items: list[Item] = []
    end, used = base, 0
    for each in stored:
        item, size = _item(each, reader)
        used += size
        if items and (used > budget_bytes or len(items) >= limits.ENTRIES_PER_PAGE):
            break
        items.append(item)
        end = Cursor(base.channel, base.epoch, each.position, each.digest)
    return items, end


def _item(stored: StoredEntry, reader: Reader) -> tuple[Item, int]:
    operation = stored.operation
    entry = channel.read_entry(stored.data)
    if operation is None or not isinstance(entry, PlaceEntry):
        return EntryItem(stored.data), len(stored.data)
    if isinstance(entry, CopyEntry) and reader.version < COPIES_SINCE:
        return EntryItem(stored.data), len(stored.data)
    verdict = (entry.verdict, entry.code, entry.effective, entry.at)
    if reader.has(operation.header, entry.name):
        return OwnItem(operation.header.seq, *verdict), 24
    absent = operation.body_digest if operation.body is None else None
    item = OperationItem(operation.header_bytes, operation.body, absent, *verdict)
    return item, operation.size_bytes + 32


# --- station -----------------------------------------------------------------------------------


class AppliedEntry(msgspec.Struct, frozen=True, gc=False):
    """One entry as the station stores it; `operation` where its bytes came along."""

    position: int
    data: bytes
    digest: bytes
    entry: Entry | UnknownEntry
    operation: Operation | None


@dataclass(frozen=True)
class Applied:
    """A page that proved genuine: what to store, in the one transaction that moves the cursor to
    `cursor`. Without a receipt there is nothing to move."""

    entries: tuple[AppliedEntry, ...]
    cursor: Cursor
    receipt: Receipt | None
    head: int
    covered: int
    past_epochs: tuple[bytes, ...] = ()

    @property
    def is_complete(self) -> bool:
        """Whether the cursor has reached the end of the channel as the hub knew it."""
        return self.head == self.cursor.position


def own_seqs(page: Page) -> list[int]:
    """The own operations that a page speaks of: fetch their names before `absorb_page`."""
    return [item.seq for item in page.items if isinstance(item, OwnItem)]


def absorb_page(
    page: Page, cursor: Cursor, own: Mapping[int, OwnNames], hub_signing: bytes
) -> Applied | None:
    """What to apply of a page, or None when it does not continue from our cursor (late, repeated).

    PeerFault `reply.digest` when the hub's history does not continue ours, `reply.receipt` when
    the receipt is not the hub's, or is left out of a page that says something new.
    """
    if page.parted:
        raise PeerFault("reply.digest", parted=page.parted)
    if page.base != cursor:
        return None
    if page.receipt is None:
        return _unchanged(page)
    if not agree.receipt_verifies(hub_signing, page.receipt):
        raise PeerFault("reply.receipt")
    entries = _entries(page.items, cursor, own)
    position, digest = (entries[-1].position, entries[-1].digest) if entries else cursor.end
    reached = page.receipt.cursor
    if (reached.channel, reached.position, reached.digest) != (cursor.channel, position, digest):
        raise PeerFault("reply.digest", parted="digest")
    if reached.epoch != cursor.epoch and not _explained(cursor, entries):
        raise PeerFault("reply.digest", parted="epoch")
    past_epochs = _past_epochs(page)
    return Applied(entries, reached, page.receipt, page.head, page.covered, past_epochs)


def _unchanged(page: Page) -> Applied:
    """Nothing is signed anew of a channel that ends where it did; of any other it has to be."""
    if page.items or page.head != page.base.position:
        raise PeerFault("reply.receipt")
    return Applied((), page.base, None, page.head, page.covered)


def _explained(cursor: Cursor, entries: Sequence[AppliedEntry]) -> bool:
    """Whether the page says why its receipt is of another epoch than our cursor."""
    return cursor.position == 0 or any(isinstance(each.entry, EpochEntry) for each in entries)


def _past_epochs(page: Page) -> tuple[bytes, ...]:
    """The epochs before the receipt's in which the hub wrote in this channel."""
    told = [*page.epochs, *(item.data for item in page.items if isinstance(item, EntryItem))]
    return tuple(channel.former_epochs(told))


def _entries(
    items: Sequence[Item], cursor: Cursor, own: Mapping[int, OwnNames]
) -> tuple[AppliedEntry, ...]:
    if len(items) > limits.ENTRIES_PER_PAGE:
        raise PeerFault("envelope.too_large", limit=limits.ENTRIES_PER_PAGE)
    applied: list[AppliedEntry] = []
    digest = cursor.digest
    for position, item in enumerate(items, start=cursor.position + 1):
        data, entry, operation = _read_item(item, own)
        digest = channel.next_digest(digest, data)
        applied.append(AppliedEntry(position, data, digest, entry, operation))
    return tuple(applied)


def _read_item(
    item: Item, own: Mapping[int, OwnNames]
) -> tuple[bytes, Entry | UnknownEntry, Operation | None]:
    if isinstance(item, EntryItem):
        return item.data, channel.read_entry(item.data), None
    operation = None
    if isinstance(item, OwnItem):
        named = own.get(item.seq)
        if named is None:
            raise PeerFault("reply.digest", parted="own")
    else:
        operation = operations.received(item.header, item.body, item.body_digest)
        named = operation.name, operation.identity
    entry = channel.place(*named, item.verdict, item.code, item.effective, item.at)
    return channel.entry_bytes(entry), entry, operation
