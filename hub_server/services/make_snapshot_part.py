"""What a replacement PC starts from: a channel's records as they were where every backup reaches.

A part at a time, by record id, under the hub's receipt at that position; the tail follows as pages.
PROTOCOL.md, section 14.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import structs

from hub_server.hub import Hub
from hub_server.services.draw_epoch import epoch_at
from hub_server.services.projection import accepted_of, act_of, form_of, is_known, rules_of
from hub_server.store import Channel, Placed
from sync_protocol import agree, limits, merge, operations, snapshot
from sync_protocol import channel as protocol
from sync_protocol.channel import Cursor, PlaceEntry, Standing, Verdict, VerdictEntry
from sync_protocol.snapshot import PlacedOperation, SnapshotAsk, SnapshotPart, SnapshotRecord

# What cannot be compressed must still fit into REPLY_BYTES, with all else that a reply says.
RECORD_BYTES_HIGHEST = limits.REPLY_BYTES // 2

_Place = tuple[Placed, PlaceEntry]


def make_snapshot_part(
    hub: Hub, channel: Channel, ask: SnapshotAsk, budget_bytes: int
) -> SnapshotPart | None:
    """The part that is asked for, at least one record of it; None where no backup covers what is
    asked for: then the channel is pulled from the start."""
    covered = hub.store.backups.covered(channel.id)
    position = ask.position or covered
    digest = hub.store.journal.digest_at(channel.id, position)
    if not 0 < position <= covered or digest is None:
        return None
    total, ids = hub.store.snapshots.records(
        channel.id, position, ask.after, limits.SNAPSHOT_RECORDS_PER_PART + 1
    )
    wanted = ids[: limits.SNAPSHOT_RECORDS_PER_PART]
    records = _records(hub, channel, position, wanted, budget_bytes)
    cursor = Cursor(channel.id, epoch_at(hub, channel, position), position, digest)
    is_first, is_last = not ask.after, len(records) == len(ids)
    return SnapshotPart(
        receipt=agree.sign_receipt(hub.keys.signing, cursor, hub.now_ms()),
        after=ask.after,
        records=records,
        last=b"" if is_last else records[-1].record,
        total=total,
        epochs=hub.store.epochs.of(channel.id, position) if is_first else [],
        closing=_closing(hub, channel, position) if is_first else b"",
    )


def _closing(hub: Hub, channel: Channel, position: int) -> bytes:
    """The closing entry, where it has taken effect by then."""
    if channel.closing is None:
        return b""
    at = hub.store.snapshots.position_of(channel.id, channel.closing)
    return channel.closing if at is not None and at <= position else b""


def _records(
    hub: Hub, channel: Channel, position: int, ids: Sequence[bytes], budget_bytes: int
) -> list[SnapshotRecord]:
    """As many of these records as fit, at least one."""
    places = hub.store.snapshots.places(channel.id, position, ids)
    erased = hub.store.withdrawn.erased(channel.id, ids)
    then = _standings_then(hub, channel, position, places)
    records, used = list[SnapshotRecord](), 0
    for record in ids:
        made = _record(hub, record, [_as_then(e, then) for e in places[record]], record in erased)
        made = _fitting(made)
        used += sum(len(each.header) + len(each.body or b"") + 48 for each in made.operations)
        used += 64 * len(made.spent)
        if records and used > budget_bytes:
            break
        records.append(made)
    return records


def _fitting(record: SnapshotRecord) -> SnapshotRecord:
    """A record that no reply could hold comes without some bodies: the station asks for them."""
    used, told = 0, list[PlacedOperation]()
    for each in record.operations:
        used += len(each.body or b"")
        told.append(each if used <= RECORD_BYTES_HIGHEST else _without_body(each))
    return structs.replace(record, operations=told)


def _without_body(placed: PlacedOperation) -> PlacedOperation:
    if placed.body is None:
        return placed
    digest = operations.digest_of_body(placed.body)
    return structs.replace(placed, body=None, body_digest=digest)


def _standings_then(
    hub: Hub, channel: Channel, position: int, places: Mapping[bytes, Sequence[_Place]]
) -> dict[bytes, Standing]:
    """Identity → standing as the entries up to a position give it, of those that later entries are
    about, too."""
    later = hub.store.snapshots.words(channel.id, position, channel.position)
    moved = {_about(entry) for entry in map(protocol.read_entry, later)}
    mine = {p.operation.identity for each in places.values() for p, _ in each} & moved
    then: dict[bytes, Standing] = {}
    if not mine:
        return then
    for data in hub.store.snapshots.words(channel.id, 0, position):
        entry = protocol.read_entry(data)
        if isinstance(entry, PlaceEntry | VerdictEntry) and _about(entry) in mine:
            given = Standing(Verdict(entry.verdict), entry.code)
            known = then.get(_about(entry))
            then[_about(entry)] = known.raised_by(given.verdict, given.code) if known else given
    return then


def _about(entry: object) -> bytes:
    """The identity that a verdict is about, empty for any other word."""
    if isinstance(entry, VerdictEntry):
        return entry.name
    return entry.identity if isinstance(entry, PlaceEntry) else b""


def _as_then(place: _Place, then: Mapping[bytes, Standing]) -> _Place:
    placed, entry = place
    standing = then.get(placed.operation.identity)
    if standing is None:
        return place
    return structs.replace(placed, verdict=standing.verdict, code=standing.code), entry


def _record(hub: Hub, record: bytes, places: Sequence[_Place], is_erased: bool) -> SnapshotRecord:
    summary = _summary(hub, [placed for placed, _ in places], is_erased)
    told, spent = list[PlacedOperation](), list[tuple[bytes, bytes]]()
    for placed, entry in places:
        operation = placed.operation
        if operation.identity in summary.spent:
            spent.append((operation.name, operation.identity))
        else:
            told.append(_placed_operation(placed, entry))
    return SnapshotRecord(record, told, spent, sorted(summary.replaced.items()), is_erased)


def _summary(hub: Hub, placed: Sequence[Placed], is_erased: bool) -> snapshot.Summary:
    """What may be left out: nothing of a record whose contents are not all here, or of which this
    program does not know what it must not leave out."""
    accepted = accepted_of(placed)
    everything = snapshot.Summary(frozenset(), {})
    if not accepted or is_erased or any(each.operation.body is None for each in accepted):
        return everything
    form = form_of(hub.forms, accepted)
    if form is None or not is_known(hub.forms, accepted):
        return everything
    acts, rules = [act_of(each) for each in accepted], rules_of(form)
    return snapshot.summarise(acts, merge.fold(acts, rules), rules)


def _placed_operation(placed: Placed, entry: PlaceEntry) -> PlacedOperation:
    operation = placed.operation
    return PlacedOperation(
        header=operation.header_bytes,
        body=operation.body,
        body_digest=operation.body_digest if operation.body is None else None,
        position=placed.position,
        verdict=int(placed.verdict),
        code=placed.code,
        effective=entry.effective,
        at=entry.at,
    )
