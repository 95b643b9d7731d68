"""What must hold at rest, over the stores of all PCs and of the hub, from the stored bytes.

Digests, chains, verdicts and live writes are worked out anew here. The numbers are those of
PROTOCOL.md, section 2.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from forms import ALIVE
from hub_server.hub import Hub
from hub_server.services.projection import accepted_of, fold, form_of
from hub_server.store import Channel, Placed
from station_client.services.merged import form_for, rules_of
from station_client.services.read_status import read_status
from sync_protocol import merge
from sync_protocol.channel import Receipt
from sync_protocol.errors import PeerFault
from sync_protocol.limits import CLOCK_LEAD_MS
from sync_protocol.merge import Act, Counts
from sync_protocol.operations import Operation, Write
from tests.simulation import recompute
from tests.simulation.cast import Pc
from tests.simulation.onlooker import Onlooker, Saved
from tests.simulation.promises import require

CLOSING_CODES = ("closed", "late")


class Log(NamedTuple):
    """One channel as an end stores it."""

    entries: list[bytes]
    digests: list[bytes]


def check_rest(hub: Hub, pcs: Sequence[Pc], onlooker: Onlooker) -> None:
    """Violation of whatever does not hold."""
    for pc in pcs:
        onlooker.check_told(pc)
    for channel in hub.store.journal.channels():
        _check_channel(hub, channel)
    for pc in pcs:
        _check_pc(hub, pc)
    for saved in onlooker.saved:
        _check_kept(hub, saved)
    by_name = {saved.name: saved for saved in onlooker.saved}
    for pc in pcs:
        _check_values(hub, pc.station.channel, by_name)


# --- the hub's store alone -----------------------------------------------------------------------


def _rows(hub: Hub, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    return list(hub.store._database.execute_sql(sql, parameters).fetchall())


def _check_channel(hub: Hub, channel: Channel) -> None:
    """Promise 7: positions without gaps, digests, chains and names as the text says."""
    rows = _rows(
        hub,
        "SELECT position, data, digest FROM entry WHERE channel = ? ORDER BY position",
        channel.id,
    )
    require([row[0] for row in rows] == list(range(1, len(rows) + 1)), 5, "a gap in a channel")
    digests = recompute.digests(channel.id, [row[1] for row in rows])
    require([row[2] for row in rows] == digests, 7, "the hub stores another digest")
    last = (len(digests), digests[-1]) if digests else (0, channel.digest)
    require((channel.position, channel.digest) == last, 7, "the channel ends elsewhere")
    standings = recompute.standings(row[1] for row in rows)
    stored = _rows(
        hub,
        "SELECT name, header, body, verdict, code FROM operation WHERE channel = ?",
        channel.id,
    )
    for name, header, body, verdict, code in stored:
        require(
            name == recompute.name_of(header, body), 7, "a stored name is not that of its bytes"
        )
        require(standings[name] == (verdict, code), 4, "a stored verdict is not what entries gave")
    require(len(stored) == len(standings), 5, "an operation was placed twice or never")
    entries = [msgspec.msgpack.decode(row[1]) for row in rows]
    placed = [entry for entry in entries if entry[0] == recompute.OPERATION]
    require(len(placed) == len(stored), 5, "an operation has two places")
    ahead = max((entry[4] - entry[5] for entry in placed), default=0)
    require(ahead <= CLOCK_LEAD_MS, 3, "a fast clock wins more than the lead")
    _check_chains(hub, channel)


def _check_chains(hub: Hub, channel: Channel) -> None:
    chains = _rows(
        hub,
        "SELECT replica, is_hub, head_seq, head_link, signed_seq, signature FROM chain"
        " WHERE channel = ?",
        channel.id,
    )
    for replica, is_hub, head_seq, head_link, signed_seq, signature in chains:
        found = _rows(
            hub, "SELECT seq, name, link FROM operation WHERE replica = ? ORDER BY seq", replica
        )
        require([row[0] for row in found] == list(range(1, len(found) + 1)), 5, "a chain has gaps")
        links = recompute.links(replica, [row[1] for row in found])
        require([row[2] for row in found] == links, 7, "the hub stores another link")
        require(head_seq == len(found), 7, "a chain's head is not its end")
        require(not found or head_link == links[-1], 7, "a chain's head has another link")
        if not is_hub and found:
            parts = (replica, signed_seq.to_bytes(8, "big"), links[signed_seq - 1])
            public = hub.store.stations.replica(replica)
            assert public is not None
            signed = recompute.is_signed(public.signing, signature, "bianmin/head", *parts)
            require(signed_seq == len(found) and signed, 7, "a chain's end is not signed")


# --- a PC beside the hub -------------------------------------------------------------------------


def _check_pc(hub: Hub, pc: Pc) -> None:
    station, store = pc.station, pc.station.store
    status = read_status(station)
    require(
        status.synchronised and not status.alarms, 6, "all is exchanged, and the lamp is not on"
    )
    require(not status.pending, 4, "the outbox does not empty")
    for row in store.channels.all():
        _check_log(hub, pc, row.cursor.channel)
        _check_records(hub, pc, row.cursor.channel)
    require(store.journal.own_head(station.keys.replica).seq == _count_own(hub, pc), 4, "own chain")
    _check_operations(hub, pc)


def _count_own(hub: Hub, pc: Pc) -> int:
    return hub.store.journal.count_of(pc.station.keys.replica)


def _check_log(hub: Hub, pc: Pc, channel: bytes) -> None:
    """Promises 2 and 7: the PC holds the hub's entries, digests and a receipt over their end."""
    rows = pc.station.store.database.rows(
        "SELECT position, data, digest FROM entry WHERE channel = ? ORDER BY position", channel
    )
    entries = [row["data"] for row in rows]
    there = _rows(hub, "SELECT data FROM entry WHERE channel = ? ORDER BY position", channel)
    require(entries == [row[0] for row in there], 2, "a PC holds other entries than the hub")
    digests = recompute.digests(channel, entries)
    require([row["digest"] for row in rows] == digests, 7, "a PC stores another digest")
    for receipt in pc.station.store.channels.receipts():
        if receipt.cursor.channel == channel:
            require(_is_receipt(hub, receipt), 7, "a receipt that the hub did not sign")
            end = (len(digests), digests[-1]) if digests else (0, receipt.cursor.digest)
            require((receipt.cursor.position, receipt.cursor.digest) == end, 7, "an old receipt")


def _is_receipt(hub: Hub, receipt: Receipt) -> bool:
    cursor, time = receipt.cursor, receipt.hub_time.to_bytes(8, "big", signed=True)
    place = (cursor.channel, cursor.epoch, cursor.position.to_bytes(8, "big"), cursor.digest)
    public = hub.keys.public.signing
    return recompute.is_signed(public, receipt.signature, "bianmin/receipt", *place, time)


def _check_operations(hub: Hub, pc: Pc) -> None:
    """Promises 4 and 8: the same bytes and verdicts as the hub, of its own channels only."""
    sql = "SELECT name, channel, header, body, verdict, code FROM operation"
    here = {row["name"]: tuple(row.values()) for row in pc.station.store.database.rows(sql)}
    channels = [row.cursor.channel for row in pc.station.store.channels.all()]
    marks = ",".join("?" * len(channels))
    there = {row[0]: row for row in _rows(hub, f"{sql} WHERE channel IN ({marks})", *channels)}
    require(here.keys() == there.keys(), 4, "the ends hold other operations")
    require(here == there, 4, "the ends hold other bytes or verdicts")


def _check_records(hub: Hub, pc: Pc, channel: bytes) -> None:
    """Promise 2: accepted records and ledger lines equal, byte for byte."""
    journal = pc.station.store.journal
    here = journal.operations_of(channel, journal.record_ids(channel))
    placed = hub.store.journal.of_records(channel, list(here))
    for record, stored in here.items():
        there = hub.store.records.get(channel, record)
        accepted = [each for each in stored if each.verdict == recompute.ACCEPTED]
        require((there is None) == (not accepted), 2, "a record that only one end shows")
        if there is None:
            continue
        operations = accepted_of(placed[record])
        folded = fold(form_of(hub.forms, operations), operations)
        require(as_json(there.values) == as_json(folded.values), 2, "an old projection at the hub")
        require(_folded_here(pc, operations) == as_json(there.values), 2, "records differ")
        row = journal.record(record)
        require(row is not None, 2, "an accepted record is not shown")
        if row is not None and not (row.held or row.pending):
            shown = {name: value for name, value in there.values.items() if _is_shown(name, value)}
            require(as_json(row.values) == as_json(shown), 2, "a page shows another record")
            require(list(row.cells or ()) == list(there.cells), 2, "the ledger lines differ")


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


# --- what was ever saved -------------------------------------------------------------------------


def _check_kept(hub: Hub, saved: Saved) -> None:
    """Promises 4 and 5: at the hub once, with the bytes it was saved with and a fair verdict."""
    rows = _rows(
        hub, "SELECT header, body, verdict, code FROM operation WHERE name = ?", saved.name
    )
    require(len(rows) == 1, 5, f"a saved operation is at the hub {len(rows)} times")
    header, body, verdict, code = rows[0]
    require((header, body) == (saved.header, saved.body), 4, "the hub keeps other bytes")
    require(bool(code) is (verdict != recompute.ACCEPTED), 4, "a verdict without its reason")
    if verdict != recompute.ACCEPTED:
        require(_is_deserved(hub, saved, verdict, code), 4, f"a sound operation: {verdict} {code}")


def _is_deserved(hub: Hub, saved: Saved, verdict: int, code: str) -> bool:
    """Whether the program that wrote it was wrong, the station was closed, or what it builds on
    was not accepted either."""
    if saved.intent and verdict == recompute.REFUSED:
        return code.startswith(saved.intent)
    channel = hub.store.journal.channel(saved.pc.station.channel)
    if verdict == recompute.HELD and code in CLOSING_CODES:
        return channel is not None and channel.closing is not None
    ids = ",".join("?" * len(saved.known))
    sql = f"SELECT verdict FROM operation WHERE name IN ({ids})"
    beneath = _rows(hub, sql, *saved.known)
    return any(row[0] != recompute.ACCEPTED for row in beneath)


def _check_values(hub: Hub, channel: bytes, by_name: Mapping[bytes, Saved]) -> None:
    """Promise 3 for every record of a channel."""
    found = _rows(hub, "SELECT DISTINCT record FROM operation WHERE channel = ?", channel)
    placed = hub.store.journal.of_records(channel, [row[0] for row in found])
    for operations in placed.values():
        accepted = accepted_of(operations)
        if accepted:
            _check_record_keeps(hub, channel, accepted, by_name)


def _check_record_keeps(
    hub: Hub, channel: bytes, accepted: Sequence[Placed], by_name: Mapping[bytes, Saved]
) -> None:
    form = form_of(hub.forms, accepted)
    record = fold(form, accepted)
    live = _live(accepted, form.policy)
    shown = {name: {each.name for each in r.live} for name, r in record.registers.items()}
    require(shown == live, 3, "other writes are live than nobody replaced")
    for placed in accepted:
        for write in writes_of(placed.operation):
            _check_write(placed, write, accepted, live.get(write.field, set()), by_name)
            saved = by_name.get(placed.operation.name)
            seen = saved.seen.get(write.field, frozenset()) if saved else frozenset()
            if form.policy(write.field) != "hub":
                back = live.get(write.field, set()) & seen
                require(not back, 3, f"an old value of {write.field} came back")


def _live(accepted: Sequence[Placed], policy: Any) -> dict[str, set[bytes]]:
    """Register → the accepted writes that no accepted write replaced: promise 3 as the text has
    it, without the protocol's merge."""
    by_hub = {each.operation.name for each in accepted if each.by_hub}
    replaced: dict[str, set[bytes]] = {}
    written: dict[str, set[bytes]] = {}
    for each in accepted:
        for write in writes_of(each.operation):
            shielded = by_hub if policy(write.field) == "hub" and not each.by_hub else set()
            replaced.setdefault(write.field, set()).update(set(write.replaces) - shielded)
            written.setdefault(write.field, set()).add(each.operation.name)
    live = {name: names - replaced[name] for name, names in written.items()}
    return {name: names for name, names in live.items() if names}


def _check_write(
    placed: Placed,
    write: Write,
    accepted: Sequence[Placed],
    live: set[bytes],
    by_name: Mapping[bytes, Saved],
) -> None:
    name = placed.operation.name
    if name in live:
        return
    replacing = [
        other
        for other in accepted
        for each in writes_of(other.operation)
        if each.field == write.field and name in each.replaces
    ]
    had_seen = any(_knew(other, placed, by_name) for other in replacing)
    require(had_seen, 3, f"a value of {write.field} vanished")


def _knew(other: Placed, placed: Placed, by_name: Mapping[bytes, Saved]) -> bool:
    """Whether the author of `other` had `placed` on the disk it wrote from."""
    saved = by_name.get(other.operation.name)
    if saved is None:  # the hub's own: it knew what stood before it
        return placed.position < other.position
    return placed.operation.name in saved.known


def writes_of(operation: Operation) -> tuple[Write, ...]:
    try:
        return operation.writes()
    except PeerFault:
        return ()
