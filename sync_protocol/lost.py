"""Lost future, both ends: a hub restored from a backup gets back what its stations still hold.

A station whose cursor is beyond what the hub kept goes back to the last position that both hold,
keeps what lay above it, and offers it: the entries up to a receipt that the hub itself signed, and
the bytes. What chains to that receipt was in the hub's own log; its verdicts are taken. A rewrite
has no such receipt. PROTOCOL.md, section 13.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec

from sync_protocol import agree, channel, limits, operations
from sync_protocol.channel import Cursor, Entry, EpochEntry, Receipt, UnknownEntry
from sync_protocol.errors import PeerFault
from sync_protocol.operations import Operation

Parts = tuple[bytes, bytes | None, bytes | None]
"""An operation as it travels: header, body, digest of an absent body."""


class Stretch(msgspec.Struct, frozen=True, array_like=True):
    """Entries base+1 … of a channel as the hub once signed them, and the operations they place.

    `receipt` is the hub's, at the last of them. Of operations without bytes here the hub is told
    the verdict only.
    """

    base: Cursor
    entries: Annotated[list[bytes], msgspec.Meta(max_length=limits.ENTRIES_PER_PAGE)]
    receipt: Receipt
    operations: Annotated[list[Parts], msgspec.Meta(max_length=limits.ENTRIES_PER_PAGE)]


# --- station -----------------------------------------------------------------------------------


def common_position(
    digest_at: Callable[[int], bytes | None],
    position: int,
    epochs: Iterable[bytes],
    own_epochs: Iterable[bytes] = (),
) -> int | None:
    """The last position that our log and the hub's have in common, or None where the hub shows no
    epoch that explains why they part.

    `epochs` are the hub's epoch entries as bytes, `own_epochs` those of our log; `digest_at` gives
    our digest at a position, None where we hold none; `position` is our end. A hub that was
    restored says at which position it went on: every honest parting is at one of these, or at one
    of ours, where both logs left the same epoch and ours left it earlier.
    """
    theirs, ours = _partings(epochs), _partings(own_epochs)
    common = {
        each.kept
        for each in theirs
        if each.kept <= position and digest_at(each.kept) == each.digest
    }
    common |= {
        mine.kept
        for mine in ours
        for each in theirs
        if mine.old_epoch == each.old_epoch and mine.kept < each.kept
    }
    return max(common, default=None)


def _partings(epochs: Iterable[bytes]) -> list[EpochEntry]:
    return [each for each in map(channel.read_entry, epochs) if isinstance(each, EpochEntry)]


def cut_stretches(
    base: Cursor,
    entries: Sequence[tuple[int, bytes]],
    receipts: Sequence[Receipt],
) -> list[tuple[Cursor, list[bytes], Receipt]]:
    """The entries (position, bytes) after `base`, in pieces that each end at a receipt.

    Receipts above the base, oldest first. What lies beyond the last receipt was never proven and
    is in no piece.
    """
    pieces: list[tuple[Cursor, list[bytes], Receipt]] = []
    at = iter(entries)
    for receipt in receipts:
        end = receipt.cursor.position
        if end <= base.position:
            continue
        piece = [next(at)[1] for _ in range(end - base.position)]
        pieces.append((base, piece, receipt))
        base = receipt.cursor
    return pieces


# --- hub -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Proven:
    """An entry that was once in the hub's log, and the operation it placed where bytes came."""

    data: bytes
    entry: Entry | UnknownEntry
    operation: Operation | None


def read_stretch(stretch: Stretch, hub_signing: bytes) -> list[Proven]:
    """What a stretch proves, in order. PeerFault `stretch.unproven` where the entries do not chain
    to the hub's own receipt, `operation.header`, `envelope.too_large`, `message.form`."""
    if len(stretch.entries) > limits.ENTRIES_PER_PAGE:
        raise PeerFault("envelope.too_large", limit=limits.ENTRIES_PER_PAGE)
    if not agree.receipt_verifies(hub_signing, stretch.receipt):
        raise PeerFault("stretch.unproven")
    digest = stretch.base.digest
    for data in stretch.entries:
        digest = channel.next_digest(digest, data)
    end = stretch.receipt.cursor
    reached = (stretch.base.channel, stretch.base.position + len(stretch.entries), digest)
    if reached != (end.channel, end.position, end.digest):
        raise PeerFault("stretch.unproven")
    brought = _by_name(stretch.operations)
    return [_proven(data, brought) for data in stretch.entries]


def _by_name(parts: Sequence[Parts]) -> dict[bytes, Operation]:
    if len(parts) > limits.ENTRIES_PER_PAGE:
        raise PeerFault("envelope.too_large", limit=limits.ENTRIES_PER_PAGE)
    return {each.name: each for each in (operations.received(*part) for part in parts)}


def _proven(data: bytes, brought: Mapping[bytes, Operation]) -> Proven:
    entry = channel.read_entry(data)
    operation = brought.get(entry.name) if isinstance(entry, channel.PlaceEntry) else None
    return Proven(data, entry, operation)
