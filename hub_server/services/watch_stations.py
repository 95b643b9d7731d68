"""How every station stands, for operators: counts, ages and codes, and nothing about any person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from hub_server.accounts import Account
from hub_server.hub import Hub
from hub_server.permissions import demand
from hub_server.store import Channel, Replica, Station
from sync_protocol.channel import Verdict
from sync_protocol.exchange import Report

STANDINGS = {
    "revoked": "启用资格已被撤销",
    "frozen": "操作链分叉，已冻结",
    "waiting": "与另一台电脑用过同一份数据，等县级核对后准入",
    "retired": "已停用",
}


@dataclass(frozen=True)
class ComputerWatch:
    """One PC. `received` of its own operations are here; it says that it has written `written`."""

    device_number: int
    device: str
    enrolled_at: int
    last_contact: int | None
    standing: str
    written: int
    received: int
    report: Report | None


@dataclass(frozen=True)
class StationWatch:
    """One station; ages in ms since 1970 UTC. Conflicts are the most that one of its PCs reported
    last, `clock_offset_ms` the largest. `entries` is how long its channel is.

    A PC reports its backlog before it sends: what it reported counts until all has arrived.
    """

    station_code: str
    name: str
    region: str
    state: str
    last_contact: int | None
    backlog: int
    oldest_unsent_at: int | None
    open_conflicts: int
    clock_offset_ms: int | None
    free_disk_bytes: int | None
    failed_attempts: int
    last_error: str
    standing: str
    program: str
    entries: int
    held: int
    refused: int
    computers: tuple[ComputerWatch, ...]


def watch_stations(hub: Hub, account: Account) -> list[StationWatch]:
    """The stations of the account's region, by code. A handful of queries, however many."""
    demand(account, "station.watch")
    with hub.store.reading():
        stations = hub.store.stations.within(account.region)
        replicas = hub.store.stations.replicas_within(account.region)
        received = _received(hub, [each for part in replicas.values() for each in part])
        channels = {each.id: each for each in hub.store.journal.channels()}
        undecided = hub.store.undecided.counts()
    watches = list[StationWatch]()
    for station in stations:
        computers = [_computer(each, received[each.id]) for each in replicas.get(station.code, ())]
        counts = undecided.get(station.channel, {})
        watches.append(_watch(station, computers, channels.get(station.channel), counts))
    return watches


def _received(hub: Hub, replicas: Sequence[Replica]) -> dict[bytes, int]:
    """Replica → how many of its operations are here. Only what has gaps or lags is counted out."""
    ends = hub.store.chains.ends()
    behind = [each.id for each in replicas if ends.get(each.id, 0) < each.own_seq]
    counted = hub.store.operations.count_of_chains(behind)
    return {each.id: counted.get(each.id, ends.get(each.id, 0)) for each in replicas}


def _watch(
    station: Station,
    computers: Sequence[ComputerWatch],
    channel: Channel | None,
    counts: Mapping[Verdict, int],
) -> StationWatch:
    reports = [each.report for each in computers if each.report is not None]
    behind = [c.report for c in computers if c.report is not None and c.received < c.written]
    newest = max(computers, key=lambda each: each.last_contact or 0, default=None)
    return StationWatch(
        station_code=station.code,
        name=station.name,
        region=station.region,
        state=station.state,
        last_contact=_most(max, (each.last_contact for each in computers)),
        backlog=sum(each.backlog for each in behind),
        oldest_unsent_at=_most(min, (each.oldest_unsent_at for each in behind)),
        open_conflicts=max((each.open_conflicts for each in reports), default=0),
        clock_offset_ms=max((o for o in _offsets(reports)), key=abs, default=None),
        free_disk_bytes=_most(min, (each.free_disk_bytes for each in reports)),
        failed_attempts=sum(each.failed_attempts for each in reports),
        last_error=next((each.last_error for each in reports if each.last_error), ""),
        standing=next((each.standing for each in computers if each.standing), ""),
        program=newest.report.program if newest and newest.report else "",
        entries=channel.position if channel else 0,
        held=counts.get(Verdict.HELD, 0),
        refused=counts.get(Verdict.REFUSED, 0),
        computers=tuple(computers),
    )


def _computer(replica: Replica, received: int) -> ComputerWatch:
    return ComputerWatch(
        device_number=replica.device_number,
        device=replica.device,
        enrolled_at=replica.enrolled_at,
        last_contact=replica.last_contact,
        standing=standing_words(replica.standing),
        written=replica.own_seq,
        received=received,
        report=replica.report,
    )


def standing_words(standing: str) -> str:
    """Why a PC is delivered nothing; "" of one that is."""
    return STANDINGS.get(standing, standing)


def _offsets(reports: Iterable[Report]) -> Iterable[int]:
    return (each.clock_offset_ms for each in reports if each.clock_offset_ms is not None)


def _most(choose: Callable[[list[int]], int], values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return choose(known) if known else None
