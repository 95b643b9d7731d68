"""Operations that are held or refused, for whoever watches and whoever decides.

What was refused and has been followed by an accepted operation about the same record is settled,
and so is whatever was written about a record that is erased: it stays in the journal and is not
listed here. Knows neither form nor account, but the region prefix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from peewee import SQL, Expression, fn

from hub_server.store.database import HubDatabase, run_in
from hub_server.store.operations import OF_IDENTITIES, PLACED, Placed, placed_from, placed_of
from hub_server.store.tables import columns_of, table, within
from sync_protocol import channel as protocol
from sync_protocol.channel import UnknownEntry, Verdict


@dataclass(frozen=True)
class OpenOperation:
    """One of them: which PC of which station wrote it, and when it got its place (ms)."""

    placed: Placed
    channel: bytes
    station_code: str
    station_name: str
    region: str
    device_number: int | None
    since: int


class Undecided:
    def __init__(self, database: HubDatabase) -> None:
        self._database = database
        self._operations = table(database, "operation")
        self._stations = table(database, "station")
        self._replicas = table(database, "replica")
        self._entries = table(database, "entry")
        self._erased = table(database, "erased")

    def counts(self) -> dict[bytes, dict[Verdict, int]]:
        """Channel → how many of its operations are held and how many refused, where any are."""
        o = self._operations
        query = o.select(o.channel, o.verdict, fn.count(o.name)).where(self._is_open())
        found: dict[bytes, dict[Verdict, int]] = {}
        for channel, verdict, count in query.group_by(o.channel, o.verdict).tuples():
            found.setdefault(channel, {})[Verdict(verdict)] = count
        return found

    def within(
        self, region: str, station_code: str, limit: int, offset: int = 0
    ) -> tuple[list[OpenOperation], int]:
        """Those of a region prefix, and how many there are: held before refused, oldest first."""
        o, s = self._operations, self._stations
        wanted = self._is_open() & within(s.region, region)
        if station_code:
            wanted &= s.code == station_code
        count = o.select(fn.count(o.name)).join(s, on=(s.channel == o.channel)).where(wanted)
        query = self._joined().where(wanted).order_by(o.verdict, s.code, o.position)
        rows = query.limit(limit).offset(offset)
        return [_open_operation(row) for row in rows], int(count.scalar() or 0)

    def of_record(
        self, record: bytes, region: str, channel: bytes | None = None
    ) -> list[OpenOperation]:
        """Those about one record, in the order of their places."""
        o, s = self._operations, self._stations
        wanted = self._is_open() & (o.record == record) & within(s.region, region)
        if channel is not None:
            wanted &= o.channel == channel
        return [_open_operation(row) for row in self._joined().where(wanted).order_by(o.position)]

    def identified(self, channel: bytes, identities: Sequence[bytes]) -> list[Placed]:
        """The operations of these identities, whatever their verdict, chain by chain as they came:
        of several copies the first."""
        found: dict[bytes, Placed] = {}
        order = "min(position) OVER (PARTITION BY replica), seq"
        sql = f"SELECT {PLACED} FROM operation WHERE {OF_IDENTITIES} ORDER BY {order}"
        for row in run_in(self._database, sql, identities, channel):
            placed = placed_from(*row)
            found.setdefault(placed.operation.identity, placed)
        return list(found.values())

    def _is_open(self) -> Expression:
        o = self._operations
        later, first, earlier = (o.alias(name) for name in ("later", "first", "earlier"))
        accepted_since = later.select(SQL("1")).where(
            (later.channel == o.channel)
            & (later.record == o.record)
            & (later.verdict == int(Verdict.ACCEPTED))
            & (later.position > o.position)
        )
        is_first = (
            (first.channel == o.channel)
            & (first.name == o.identity)
            & (first.position < o.position)
        )
        is_earlier = (
            (earlier.channel == o.channel)
            & (earlier.identity == o.identity)
            & (earlier.identity != earlier.name)
            & (earlier.position < o.position)
        )
        erased = self._erased.select(SQL("1")).where(
            (self._erased.channel == o.channel) & (self._erased.record == o.record)
        )
        first_copied = first.select(SQL("1")).where(is_first)
        copied = earlier.select(SQL("1")).where(is_earlier)
        is_waiting = (o.verdict == int(Verdict.HELD)) | ~fn.EXISTS(accepted_since)
        # Literally as the partial index has it: of a parameter the engine cannot know its value.
        is_low = SQL('"verdict" < 2') & is_waiting & ~fn.EXISTS(erased)
        return is_low & ~fn.EXISTS(first_copied) & ~fn.EXISTS(copied)

    def _joined(self) -> Any:
        o, s, r, e = self._operations, self._stations, self._replicas, self._entries
        more = (
            s.code.alias("station_code"),
            s.name.alias("station_name"),
            s.region,
            r.device_number,
            e.data,
        )
        own = [getattr(o, name) for name in columns_of("operation")]
        return (
            o.select(*own, *more)
            .join(s, on=(s.channel == o.channel))
            .join(e, on=((e.channel == o.channel) & (e.position == o.position)))
            .left_outer_join(r, on=(r.id == o.replica))
        )


def _open_operation(row: Any) -> OpenOperation:
    entry = protocol.read_entry(row["data"])
    return OpenOperation(
        placed=placed_of(row),
        channel=row["channel"],
        station_code=row["station_code"],
        station_name=row["station_name"],
        region=row["region"],
        device_number=row["device_number"],
        since=0 if isinstance(entry, UnknownEntry) else entry.at,
    )
