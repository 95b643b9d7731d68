"""At rest, what people are shown: rows, counts and inboxes of both ends, counted a second time from
the operations alone.

The numbers are those of PROTOCOL.md, section 2.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

from msgspec.structs import replace

from hub_server.accounts import Account
from hub_server.hub import Hub
from hub_server.services.list_undecided import list_undecided
from hub_server.services.watch_stations import ComputerWatch, watch_stations
from station_client.services.list_inbox import list_inbox
from station_client.services.merged import merged
from station_client.services.projection import project
from station_client.services.read_status import Status
from station_client.station import Station
from station_client.store.rows import RecordRow, StoredOperation
from tests.simulation.cast import Pc
from tests.simulation.promises import require
from tests.simulation.recompute import ACCEPTED, HELD, REFUSED
from tests.simulation.rest_of_hub import rows

EVERY = 1_000


def check_pages(
    pc: Pc, status: Status, held: Mapping[bytes, Mapping[bytes, list[StoredOperation]]]
) -> None:
    """Promises 2 and 4 at a desk that is served: whoever lists, counts or searches finds what the
    operations say. `held`: channel → record → its operations."""
    station, store = pc.station, pc.station.store
    shown: dict[bytes, RecordRow] = {}
    lost = set[bytes]()
    for channel, records in held.items():
        here = {row.id: row for row in store.records.all(channel)}
        shown |= here
        for record, stored in records.items():
            row = here.get(record)
            if all(each.body for each in stored):
                made = _made(station, channel, stored, row)
                require(row == made, 2, "a row is not what its operations make")
            else:  # what lost a body on this disk is shown as it was
                lost.add(record)
            if row is not None:
                _check_counts(row, stored)
    published = {row.id: row.values for row in shown.values() if _is_published(row)}
    found = {item.record: item.values for item in store.items.find("", EVERY)}
    require(found == published, 2, "the catalogue is not what was published")
    _check_inbox(pc, status, list(shown.values()), lost)


def _made(
    station: Station, channel: bytes, stored: Sequence[StoredOperation], shown: RecordRow | None
) -> RecordRow | None:
    """The row of these operations, with the station's name of when `shown` was made; what waits is
    counted apart."""
    now = merged(station.forms, stored)
    if not now.shown.registers:
        return None
    name = shown.cells[2] if shown is not None and shown.cells else station.name
    row = project(now, stored, channel, name)
    row = replace(row, pending=shown.pending if shown is not None else 0)
    return row if channel == station.channel else replace(row, conflicts=0)


def _is_published(row: RecordRow) -> bool:
    return row.kind == "catalogue_item" and not row.alive


def _check_counts(row: RecordRow, stored: list[StoredOperation]) -> None:
    of = Counter(each.verdict for each in stored)
    require((row.pending, row.held) == (of[None], of[HELD]), 4, "a row counts what waits wrongly")
    written = [each.order for each in stored if each.verdict != REFUSED]
    if written:
        refused = [each.order for each in stored if each.verdict == REFUSED]
        is_open = max(refused, default=(0, 0)) > max(written)
        require(bool(row.refused) == is_open, 4, "a row does not say whether a refusal is open")


def _check_inbox(pc: Pc, status: Status, shown: list[RecordRow], lost: set[bytes]) -> None:
    items = list_inbox(pc.station)
    open_ones = pc.station.store.database.rows(
        "SELECT DISTINCT identity, verdict FROM operation WHERE verdict < ? AND body IS NOT NULL",
        ACCEPTED,
    )
    held = {row["identity"] for row in open_ones if row["verdict"] == HELD}
    require({e.operation for e in items if e.matter == "held"} == held, 4, "the inbox lacks a hold")
    for matter in ("conflict", "returned", "refused"):
        named = {each.record for each in items if each.matter == matter}
        counted = {row.id for row in shown if getattr(row, COUNTED[matter])}
        require(named >= counted - lost, 4, f"the inbox lacks what is {matter}")
    counts = status.held, status.refused, status.open_conflicts, status.returned
    due = (
        len(held),
        sum(row.refused for row in shown),
        *(sum(bool(getattr(row, column)) for row in shown) for column in ("conflicts", "returned")),
    )
    require(counts == due, 4, "the status counts wrongly")


COUNTED = {"conflict": "conflicts", "returned": "returned", "refused": "refused"}


def check_county_pages(hub: Hub, admin: Account, pcs: list[Pc]) -> None:
    """Promise 4 at the county: who decides and who watches sees what waits at which station."""
    items, count = list_undecided(hub, admin, limit=EVERY)
    listed = Counter((each.channel, int(each.verdict)) for each in items)
    due = _undecided(hub)
    require({each.identity for each in items} == set(due), 4, "the county does not see what waits")
    require(count == len(items) == len(due), 4, "the county counts what waits wrongly")
    for each in watch_stations(hub, admin):
        station = hub.store.stations.get(each.station_code)
        assert station is not None
        counted = tuple(listed[station.channel, verdict] for verdict in (HELD, REFUSED))
        require((each.held, each.refused) == counted, 4, "an operator sees another count")
        channel = hub.store.journal.channel(station.channel)
        assert channel is not None
        require(each.entries == channel.position, 4, "an operator sees another length")
        computers = {one.device_number: one for one in each.computers}
        for pc in pcs:
            known = hub.store.stations.replica(pc.station.keys.replica)
            if known is not None and known.station_code == each.station_code:
                _check_watch(pc, computers[known.device_number])


def _check_watch(pc: Pc, computer: ComputerWatch) -> None:
    report, state = computer.report, pc.station.store.facts.exchange()
    require(report is not None, 4, "an operator knows nothing of a PC")
    assert report is not None
    written = pc.station.store.journal.own_head(pc.station.keys.replica).seq
    require(computer.written == written == computer.received, 4, "an operator sees another backlog")
    told = report.backlog, report.failed_attempts, report.clock_offset_ms
    require(told == (0, 0, state.clock_offset_ms), 4, "an operator is told something else")


def _undecided(hub: Hub) -> dict[bytes, int]:
    """Identity → verdict of what is held, or refused and not followed by an accepted operation; of
    an erased record nothing."""
    sql = "SELECT identity, channel, record, position, verdict FROM operation ORDER BY position"
    first: dict[bytes, tuple[bytes, bytes, int, int]] = {}
    last_accepted: dict[tuple[bytes, bytes], int] = {}
    for identity, channel, record, position, verdict in rows(hub, sql):
        first.setdefault(identity, (channel, record, position, verdict))
        if verdict == ACCEPTED:
            last_accepted[channel, record] = position
    erased = set(rows(hub, "SELECT channel, record FROM erased"))
    return {
        identity: verdict
        for identity, (channel, record, position, verdict) in first.items()
        if (channel, record) not in erased
        and verdict < ACCEPTED
        and (verdict == HELD or position > last_accepted.get((channel, record), 0))
    }
