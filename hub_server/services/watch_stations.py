"""How every station stands, for operators: counts, ages and codes, and nothing about any person."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from hub_server.accounts import Account
from hub_server.hub import Hub
from hub_server.permissions import demand
from hub_server.store import Replica, Station
from sync_protocol.channel import HELD_CODES, Verdict
from sync_protocol.exchange import Report


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
    accepted: int
    held: int
    refused: int
    computers: tuple[ComputerWatch, ...]


def watch_stations(hub: Hub, account: Account) -> list[StationWatch]:
    """The stations of the account's region, by code."""
    demand(account, "station.watch")
    with hub.store.reading():
        return [_watch(hub, station) for station in hub.store.stations.within(account.region)]


def _watch(hub: Hub, station: Station) -> StationWatch:
    replicas = hub.store.stations.replicas_of(station.code)
    channel = hub.store.journal.channel(station.channel)
    verdicts = hub.store.journal.count_verdicts(station.channel)
    computers = tuple(_computer(hub, each) for each in replicas)
    reports = [each.report for each in replicas if each.report is not None]
    behind = [c.report for c in computers if c.report is not None and c.received < c.written]
    newest = max(replicas, key=lambda each: each.last_contact or 0, default=None)
    return StationWatch(
        station_code=station.code,
        name=station.name,
        region=station.region,
        state=station.state,
        last_contact=_most(max, (each.last_contact for each in replicas)),
        backlog=sum(each.backlog for each in behind),
        oldest_unsent_at=_most(min, (each.oldest_unsent_at for each in behind)),
        open_conflicts=max((each.open_conflicts for each in reports), default=0),
        clock_offset_ms=max((o for o in _offsets(reports)), key=abs, default=None),
        free_disk_bytes=_most(min, (each.free_disk_bytes for each in reports)),
        failed_attempts=sum(each.failed_attempts for each in reports),
        last_error=next((each.last_error for each in reports if each.last_error), ""),
        standing=next((_words(each) for each in replicas if each.standing), ""),
        program=newest.report.program if newest and newest.report else "",
        entries=channel.position if channel else 0,
        accepted=verdicts.get(Verdict.ACCEPTED, 0),
        held=verdicts.get(Verdict.HELD, 0),
        refused=verdicts.get(Verdict.REFUSED, 0),
        computers=computers,
    )


def _computer(hub: Hub, replica: Replica) -> ComputerWatch:
    return ComputerWatch(
        device_number=replica.device_number,
        device=replica.device,
        enrolled_at=replica.enrolled_at,
        last_contact=replica.last_contact,
        standing=_words(replica),
        written=replica.own_seq,
        received=hub.store.journal.count_of(replica.id),
        report=replica.report,
    )


def _words(replica: Replica) -> str:
    return HELD_CODES.get(replica.standing, replica.standing)


def _offsets(reports: Iterable[Report]) -> Iterable[int]:
    return (each.clock_offset_ms for each in reports if each.clock_offset_ms is not None)


def _most(choose: Callable[[list[int]], int], values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return choose(known) if known else None
