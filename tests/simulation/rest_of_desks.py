"""At rest, a PC's store beside the hub's: the same entries, operations, verdicts and records.

The numbers are those of PROTOCOL.md, section 2.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec

from forms import ALIVE
from hub_server.hub import Hub
from hub_server.services.projection import accepted_of, fold, form_of
from hub_server.store import Placed
from station_client.services.merged import form_for, merged, rules_of
from station_client.services.read_status import read_status
from station_client.store.rows import StoredOperation
from sync_protocol import merge
from sync_protocol.channel import Receipt
from sync_protocol.merge import Act, Counts, Record
from tests.simulation import recompute
from tests.simulation.cast import Pc
from tests.simulation.facts import writes_of
from tests.simulation.promises import require
from tests.simulation.rest_of_hub import rows
from tests.simulation.rest_of_pages import check_pages


def check_desk(hub: Hub, pc: Pc, erased: Collection[bytes]) -> None:
    """Violation of whatever does not hold."""
    status, store = read_status(pc.station), pc.station.store
    _check_erased(pc, erased)
    if status.standing in ("revoked", "retired"):
        require(not status.synchronised, 6, "the lamp is on at a PC that is told nothing")
        return
    for record in erased:
        left = "SELECT 1 FROM operation WHERE record = ? AND body IS NOT NULL"
        require(not store.database.rows(left, record), 4, "an erased body is still at a desk")
    require(not status.alarms, 7, "an alarm where nothing was tampered with")
    lit = status.synchronised or _lacks_what_is_gone(hub, pc)
    require(lit, 6, "all is exchanged, and the lamp is not on")
    require(not status.pending, 4, "the outbox does not empty")
    held = {}
    for channel in (row.cursor.channel for row in store.channels.all()):
        held[channel] = store.journal.operations_of(channel, store.journal.record_ids(channel))
        _check_log(hub, pc, channel)
        _check_records(hub, pc, channel, held[channel])
    _check_operations(hub, pc, erased)
    _check_closing(hub, pc)
    check_pages(pc, status, held)


def _check_closing(hub: Hub, pc: Pc) -> None:
    """Who has read everything knows whether the station is closed."""
    channel, own = hub.store.journal.channel(pc.station.channel), pc.station.store.channels.own()
    assert channel is not None
    until = msgspec.msgpack.decode(channel.closing)[1] if channel.closing else None
    require(own.closed_until == until, 4, "a desk does not know that it is closed")


def _lacks_what_is_gone(hub: Hub, pc: Pc) -> bool:
    """Whether bodies are missing here that the hub, which asks everybody, has not either. What it
    erased is missed by nobody."""
    digests = pc.station.store.bodies.lacking(1_000)
    is_known = (
        "SELECT 1 FROM operation AS o WHERE body_digest = ? AND (body IS NOT NULL"
        " OR EXISTS (SELECT 1 FROM erased WHERE channel = o.channel AND record = o.record))"
    )
    return bool(digests) and not any(rows(hub, is_known, digest) for digest in digests)


def _check_erased(pc: Pc, erased: Collection[bytes]) -> None:
    """Nothing is left of an erased record at a desk that knows of it."""
    database = pc.station.store.database
    for row in database.rows("SELECT data FROM entry"):
        kind, *rest = msgspec.msgpack.decode(row["data"])
        if kind == recompute.ERASURE and rest[0] in erased:
            held = database.rows(
                "SELECT 1 FROM operation WHERE record = ? AND body IS NOT NULL", rest[0]
            )
            require(not held, 4, "an erased body is still at a desk")
            require(pc.station.store.records.find(rest[0]) is None, 4, "an erased record is shown")


def _check_log(hub: Hub, pc: Pc, channel: bytes) -> None:
    """Promises 2 and 7: the PC holds the hub's entries, digests and a receipt over their end."""
    held = pc.station.store.database.rows(
        "SELECT position, data, digest FROM entry WHERE channel = ? ORDER BY position", channel
    )
    there = rows(
        hub,
        "SELECT position, data, digest FROM entry WHERE channel = ? ORDER BY position",
        channel,
    )
    first = held[0]["position"] if held else len(there) + 1  # a snapshot stands before the first
    here = [tuple(row.values()) for row in held]
    require(here == there[first - 1 :], 2, "a PC holds other entries than the hub")
    for receipt in pc.station.store.channels.receipts():
        if receipt.cursor.channel == channel:
            require(_is_receipt(hub, receipt), 7, "a receipt that the hub did not sign")
            end = (there[-1][0], there[-1][2]) if there else (0, receipt.cursor.digest)
            require((receipt.cursor.position, receipt.cursor.digest) == end, 7, "an old receipt")


def _is_receipt(hub: Hub, receipt: Receipt) -> bool:
    cursor, time = receipt.cursor, receipt.hub_time.to_bytes(8, "big", signed=True)
    place = (cursor.channel, cursor.epoch, cursor.position.to_bytes(8, "big"), cursor.digest)
    public = hub.keys.public.signing
    return recompute.is_signed(public, receipt.signature, "bianmin/receipt", *place, time)


def _check_operations(hub: Hub, pc: Pc, erased: Collection[bytes]) -> None:
    """Promises 4 and 8: the same bytes, authors and verdicts as the hub, of its own channels only,
    but for what a snapshot left out. What an older chain of its own holds may have arrived as a
    copy alone."""
    sql = (
        "SELECT name, identity, record, channel, header, body, by_hub, verdict, code, position,"
        " effective FROM operation"
    )
    here = {row["name"]: tuple(row.values()) for row in pc.station.store.database.rows(sql)}
    channels = [row.cursor.channel for row in pc.station.store.channels.all()]
    marks = ",".join("?" * len(channels))
    there = {row[0]: row for row in rows(hub, f"{sql} WHERE channel IN ({marks})", *channels)}
    verdicts = {row[1]: row[7:9] for row in there.values()}
    left_out = {row["identity"] for row in pc.station.store.database.rows("SELECT * FROM spent")}
    for name, row in here.items():
        if row[1] not in verdicts and row[2] in erased:
            continue  # before it was sent
        require(row[1] in verdicts, 4, "a PC holds what the hub does not")
        require(row[7:9] == verdicts[row[1]], 4, "the ends hold other verdicts")
        require(row[:9] == there.get(name, row)[:9], 4, "the ends hold other bytes")
        is_placed = name in there and row[9] is not None and row[1] not in left_out
        require(not is_placed or row[9:] == there[name][9:], 2, "the ends hold other places")
    missing = {there[name][1] for name in there.keys() - here.keys()}
    require(missing <= left_out, 4, "the hub holds what a PC does not")


def _check_records(
    hub: Hub, pc: Pc, channel: bytes, here: Mapping[bytes, list[StoredOperation]]
) -> None:
    """Promise 2: accepted records and ledger lines equal, byte for byte."""
    placed = hub.store.operations.of_records(channel, list(here))
    for record, stored in here.items():
        there = hub.store.records.get(channel, record)
        accepted = [each for each in stored if each.verdict == recompute.ACCEPTED]
        is_shown = any(writes_of(each.body) for each in accepted)
        known = accepted_of(placed[record]) if there is not None else []
        if any(each.operation.body is None for each in known):
            continue  # of what is truly gone the county knows that it was there
        require((there is None) == (not is_shown), 2, "a record that only one end shows")
        if there is None:
            continue
        operations = accepted_of(placed[record])
        form = form_of(hub.forms, operations)
        assert form is not None
        folded = fold(form, operations)
        require(as_json(there.values) == as_json(folded.values), 2, "an old projection at the hub")
        require(_folded_here(pc, operations) == as_json(there.values), 2, "records differ")
        row = pc.station.store.records.find(record)
        require(row is not None, 2, "an accepted record is not shown")
        if row is not None and not (row.held or row.pending):
            shown = {name: value for name, value in there.values.items() if _is_shown(name, value)}
            require(as_json(row.values) == as_json(shown), 2, "a page shows another record")
            require(list(row.cells or ()) == list(there.cells), 2, "the ledger lines differ")
            here_live = _live(merged(pc.station.forms, stored).record)
            require(here_live == _live(folded), 2, "a page has other live writes")


def _live(record: Record) -> dict[str, list[bytes]]:
    return {name: [each.name for each in r.live] for name, r in record.registers.items()}


def _folded_here(pc: Pc, operations: Sequence[Placed]) -> bytes:
    """The record by the station's own definitions."""
    newest = max((each.operation.header for each in operations), key=lambda h: h.form_version)
    form = form_for(pc.station.forms, newest.kind, newest.form_version)
    acts = [_act(each) for each in operations]
    return as_json(merge.fold(acts, rules_of(form)).values)


def _act(placed: Placed) -> Act:
    operation = placed.operation
    return Act(
        operation.identity,
        placed.effective,
        placed.by_hub,
        Counts.ACCEPTED,
        operation.writes(),
        operation.header.replica,
    )


def _is_shown(name: str, value: object) -> bool:
    return name != ALIVE and not ("/" in name and value is None)


def as_json(values: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(dict(sorted(values.items())))
