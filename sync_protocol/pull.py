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
    Cursor,
    Entry,
    OperationEntry,
    Receipt,
    UnknownEntry,
    VerdictNumber,
)
from sync_protocol.errors import PeerFault
from sync_protocol.limits import Moment, Natural
from sync_protocol.operations import Operation


class OwnItem(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """An entry about one of the receiver's own operations, which it has: seq instead of bytes."""

    seq: Natural
    verdict: VerdictNumber
    code: str
    effective: Moment
    at: Moment


class OperationItem(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """An entry with the operation's bytes; of an absent body only the digest."""

    header: bytes
    body: bytes | None
    body_digest: bytes | None
    verdict: VerdictNumber
    code: str
    effective: Moment
    at: Moment


class EntryItem(msgspec.Struct, frozen=True, array_like=True, tag=3):
    """Any other entry, as its own bytes."""

    data: bytes


Item = OwnItem | OperationItem | EntryItem


class Page(msgspec.Struct, frozen=True, array_like=True):
    """Entries base+1 … of one channel, the receipt at their end, and how long the channel is.

    `parted` is not empty when the hub cannot continue from the cursor it was shown ("epoch" or
    "parted"); then there are no items. `covered` is the position up to which the oldest backup
    that can still be restored holds the channel: nothing above it may be purged.
    """

    base: Cursor
    items: list[Item]
    receipt: Receipt
    head: Natural
    covered: Natural = 0
    parted: str = ""


# --- hub -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StoredEntry:
    """An entry as the hub holds it, the channel's digest after it, and its operation if any."""

    position: int
    data: bytes
    digest: bytes
    operation: Operation | None


@dataclass(frozen=True)
class Reader:
    """Who a page is for: its replica, and the seq up to which it says it has its own operations."""

    replica: bytes
    own_seq: int


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
    if operation is None or not isinstance(entry, OperationEntry):
        return EntryItem(stored.data), len(stored.data)
    verdict = (entry.verdict, entry.code, entry.effective, entry.at)
    header = operation.header
    is_own = header.replica == reader.replica and header.origin is None
    if is_own and header.seq <= reader.own_seq:
        return OwnItem(header.seq, *verdict), 24
    absent = operation.body_digest if operation.body is None else None
    item = OperationItem(operation.header_bytes, operation.body, absent, *verdict)
    return item, operation.size_bytes + 32


# --- station -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class AppliedEntry:
    """One entry as the station stores it; `operation` where its bytes came along."""

    position: int
    data: bytes
    digest: bytes
    entry: Entry | UnknownEntry
    operation: Operation | None


@dataclass(frozen=True)
class Applied:
    """A page that proved genuine: what to store, in the one transaction that moves the cursor."""

    entries: tuple[AppliedEntry, ...]
    receipt: Receipt
    head: int
    covered: int

    @property
    def cursor(self) -> Cursor:
        return self.receipt.cursor

    @property
    def is_complete(self) -> bool:
        """Whether the cursor has reached the end of the channel as the hub knew it."""
        return self.head == self.cursor.position


def own_seqs(page: Page) -> list[int]:
    """The own operations that a page speaks of: fetch their names before `absorb_page`."""
    return [item.seq for item in page.items if isinstance(item, OwnItem)]


def absorb_page(
    page: Page, cursor: Cursor, own_names: Mapping[int, bytes], hub_signing: bytes
) -> Applied | None:
    """What to apply of a page, or None when it does not continue from our cursor (late, repeated).

    PeerFault `reply.digest` when the hub's history does not continue ours, `reply.receipt` when
    the receipt is not the hub's.
    """
    if page.parted:
        raise PeerFault("reply.digest", parted=page.parted)
    if page.base != cursor:
        return None
    if not agree.receipt_verifies(hub_signing, page.receipt):
        raise PeerFault("reply.receipt")
    entries = _entries(page.items, cursor, own_names)
    end = entries[-1] if entries else None
    reached = Cursor(cursor.channel, cursor.epoch, end.position, end.digest) if end else cursor
    if page.receipt.cursor != reached:
        raise PeerFault("reply.digest", parted="digest")
    return Applied(entries, page.receipt, page.head, page.covered)


def _entries(
    items: Sequence[Item], cursor: Cursor, own_names: Mapping[int, bytes]
) -> tuple[AppliedEntry, ...]:
    if len(items) > limits.ENTRIES_PER_PAGE:
        raise PeerFault("envelope.too_large", limit=limits.ENTRIES_PER_PAGE)
    applied: list[AppliedEntry] = []
    digest = cursor.digest
    for position, item in enumerate(items, start=cursor.position + 1):
        data, operation = _read_item(item, own_names)
        digest = channel.next_digest(digest, data)
        applied.append(AppliedEntry(position, data, digest, channel.read_entry(data), operation))
    return tuple(applied)


def _read_item(item: Item, own_names: Mapping[int, bytes]) -> tuple[bytes, Operation | None]:
    if isinstance(item, EntryItem):
        return item.data, None
    if isinstance(item, OwnItem):
        name = own_names.get(item.seq)
        if name is None:
            raise PeerFault("reply.digest", parted="own")
        operation = None
    else:
        operation = operations.received(item.header, item.body, item.body_digest)
        name = operation.identity
    entry = OperationEntry(name, item.verdict, item.code, item.effective, item.at)
    return channel.entry_bytes(entry), operation
