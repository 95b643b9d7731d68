"""What is truly gone, said with a list: entries that a restore lost and nobody brought back, and
operations that stations declared as lost and nobody else had. PROTOCOL.md, sections 12 and 13."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hub_server.accounts import Account
from hub_server.hub import Hub
from hub_server.outside_journal import Found, Line, Lost
from hub_server.permissions import demand
from hub_server.store import DeclaredLoss

Stretch = tuple[int, int]


@dataclass(frozen=True)
class LostEntries:
    """Entries `first` to `last` of a channel's older epoch. `station_code` is "" of the county's
    own channels."""

    station_code: str
    channel: bytes
    epoch: bytes
    first: int
    last: int

    @property
    def count(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True)
class LostOperations:
    """Operations `first` to `last` that a PC lost; `missing` of them are nowhere."""

    station_code: str
    device_number: int | None
    first: int
    last: int
    missing: int
    declared_at: int


@dataclass(frozen=True)
class Losses:
    entries: tuple[LostEntries, ...]
    operations: tuple[LostOperations, ...]

    @property
    def count(self) -> int:
        return sum(e.count for e in self.entries) + sum(o.missing for o in self.operations)


def list_losses(hub: Hub, account: Account) -> Losses:
    """What is missing of the stations of the account's region, and of the county's own channels."""
    demand(account, "station.watch")
    codes = {each.channel: each.code for each in hub.store.stations.within(account.region)}
    foreign = {each.channel for each in hub.store.stations.within("")} - set(codes)
    losses = all_losses(hub)
    visible = tuple(each for each in losses.entries if each.channel not in foreign)
    own = set(codes.values())
    return Losses(visible, tuple(e for e in losses.operations if e.station_code in own))


def all_losses(hub: Hub) -> Losses:
    codes = {each.channel: each.code for each in hub.store.stations.within("")}
    entries = [
        LostEntries(codes.get(channel, ""), channel, epoch, first, last)
        for (channel, epoch), stretches in still_lost(hub.outside.read()).items()
        for first, last in stretches
    ]
    operations = [_operations(hub, each) for each in hub.store.losses.missing()]
    return Losses(tuple(entries), tuple(operations))


def _operations(hub: Hub, loss: DeclaredLoss) -> LostOperations:
    replica = hub.store.stations.replica(loss.replica)
    code, number = (replica.station_code, replica.device_number) if replica else ("", None)
    return LostOperations(code, number, loss.first, loss.last, loss.missing, loss.at)


def still_lost(lines: Iterable[Line]) -> dict[tuple[bytes, bytes], list[Stretch]]:
    """(channel, epoch) → first and last of what was lost there and has not been found."""
    lost: dict[tuple[bytes, bytes], list[Stretch]] = {}
    for line in lines:
        if isinstance(line, Lost):
            key = line.channel, line.epoch
            apart = without(lost.get(key, []), line.first, line.last)
            lost[key] = sorted([*apart, (line.first, line.last)])
        elif isinstance(line, Found):
            _strike_out(lost, line)
    return {key: stretches for key, stretches in lost.items() if stretches}


def news(lines: Iterable[Line], found: Iterable[Found]) -> list[Found]:
    """Those of these lines that strike out something of what is lost by now."""
    lost, told = still_lost(lines), list[Found]()
    for each in found:
        before = {key: list(stretches) for key, stretches in lost.items()}
        _strike_out(lost, each)
        if lost != before:
            told.append(each)
    return told


def _strike_out(lost: dict[tuple[bytes, bytes], list[Stretch]], found: Found) -> None:
    """Of the epoch that signed it; a history that a later epoch went on from is that one's, too."""
    key = found.channel, found.epoch
    before = lost.get(key, [])
    after = without(before, found.first, found.last)
    if after != before:
        lost[key] = after
        return
    for channel, epoch in lost:
        if channel == found.channel:
            lost[channel, epoch] = without(lost[channel, epoch], found.first, found.last)


def without(stretches: Iterable[Stretch], first: int, last: int) -> list[Stretch]:
    """What these stretches hold besides `first` to `last`."""
    cut = (
        part
        for start, end in stretches
        for part in ((start, min(end, first - 1)), (max(start, last + 1), end))
    )
    return [(start, end) for start, end in cut if start <= end]
