"""Snapshot, both ends: what a replacement PC starts from, instead of every entry since the first.

Taken at a position that the hub's oldest restorable backup covers, in parts by record id, each part
under the hub's signature; then the tail. Operations come as the bytes they were sent in; of those
that nothing of is live any more, only that they are spent. PROTOCOL.md, section 14.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from sync_protocol import agree, limits, operations
from sync_protocol.channel import Receipt, VerdictNumber
from sync_protocol.errors import PeerFault
from sync_protocol.limits import Moment, Natural
from sync_protocol.merge import Act, Record, Rules
from sync_protocol.operations import Operation


class SnapshotAsk(msgspec.Struct, frozen=True, array_like=True):
    """Which part is wanted: of this channel, taken at `position` (0: the hub chooses), of the
    records after this id (empty: from the first)."""

    channel: bytes
    position: Natural
    after: bytes


class PlacedOperation(msgspec.Struct, frozen=True, array_like=True):
    """An operation with the place and verdict it has at the snapshot's position."""

    header: bytes
    body: bytes | None
    body_digest: bytes | None
    position: Natural
    verdict: VerdictNumber
    code: str
    effective: Moment
    at: Moment


class SnapshotRecord(msgspec.Struct, frozen=True, array_like=True):
    """One record. `spent` is (name, identity) of each accepted operation, and copy of one, that is
    left out: nothing of it is live. `replaced` names, register by register, what these replaced."""

    record: bytes
    operations: list[PlacedOperation]
    spent: list[tuple[bytes, bytes]]
    replaced: list[tuple[str, list[bytes]]]
    erased: bool = False


class SnapshotPart(msgspec.Struct, frozen=True, array_like=True):
    """Some records of a channel at the receipt's position, and how many it has in all.

    `last` is the id to ask after next, empty with the last part. The first part brings the
    channel's epoch entries and its closing (entry bytes, or empty).
    """

    receipt: Receipt
    after: bytes
    records: list[SnapshotRecord]
    last: bytes
    total: Natural
    epochs: list[bytes]
    closing: bytes


# --- hub -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Summary:
    """Which accepted operations of a record are spent, by identity, and what they replaced of the
    others."""

    spent: frozenset[bytes]
    replaced: dict[str, list[bytes]]


def summarise(acts: Collection[Act], record: Record, rules: Rules) -> Summary:
    """What a snapshot leaves out of a record's accepted acts, without changing what they make."""
    live = {each.name for register in record.registers.values() for each in register.live}
    spent = {act.name for act in acts if act.name not in live and not _bound(act, rules)}
    replaced: dict[str, set[bytes]] = {}
    for act in acts:
        if act.name in spent:
            for write in act.writes:
                replaced.setdefault(write.field, set()).update(write.replaces)
    left = {field: sorted(names - spent) for field, names in replaced.items()}
    return Summary(frozenset(spent), {field: names for field, names in left.items() if names})


def _bound(act: Act, rules: Rules) -> bool:
    """Whether what an act replaces depends on who wrote it: then it must be sent along."""
    return not act.by_hub and any(
        write.replaces and rules.policy(write.field) == "hub" for write in act.writes
    )


# --- station -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ReadRecord:
    """A record of a part, its operations read: (operation, its place) pairs."""

    record: bytes
    operations: tuple[tuple[Operation, PlacedOperation], ...]
    spent: tuple[tuple[bytes, bytes], ...]
    replaced: Mapping[str, Sequence[bytes]]
    erased: bool


def read_part(part: SnapshotPart, ask: SnapshotAsk, hub_signing: bytes) -> list[ReadRecord] | None:
    """The records of the part that was asked for, None for another one (late, repeated).

    PeerFault `reply.receipt`, `operation.header`, `message.form`, `envelope.too_large`.
    """
    cursor = part.receipt.cursor
    asked = (cursor.channel, part.after) == (ask.channel, ask.after)
    if not asked or ask.position not in (0, cursor.position):
        return None
    if not agree.receipt_verifies(hub_signing, part.receipt):
        raise PeerFault("reply.receipt")
    if len(part.records) > limits.ENTRIES_PER_PAGE:
        raise PeerFault("envelope.too_large", limit=limits.ENTRIES_PER_PAGE)
    ids = [each.record for each in part.records]
    ordered = all(a < b for a, b in zip([part.after, *ids], ids, strict=False))
    if not ordered or (part.last and part.last != (ids[-1] if ids else b"")):
        raise PeerFault("message.form", where="snapshot")
    return [_read(each) for each in part.records]


def _read(record: SnapshotRecord) -> ReadRecord:
    read = [
        (operations.received(each.header, each.body, each.body_digest), each)
        for each in record.operations
    ]
    if any(operation.header.record != record.record for operation, _ in read):
        raise PeerFault("message.form", where="snapshot")
    return ReadRecord(
        record.record, tuple(read), tuple(record.spent), dict(record.replaced), record.erased
    )
