"""Records as accepted operations add up to: a projection, written beside every append.

It can be made anew from the journal at any time. Every query about people takes the division-code
prefix that the asking account may see. Knows no form: cells and values come ready made.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from peewee import SQL, Expression, NodeList, fn

from hub_server.errors import HubError
from hub_server.store.database import HubDatabase, Row, first_row, insert_many, run_in
from hub_server.store.tables import table, within


class StoredRecord(msgspec.Struct, frozen=True):
    """One record. `version` stands for all that is accepted of it; `cells` are the 16 columns.

    `state` is that of an application or a case ("" of anything else); `ledger_date` is ISO, "" of
    what is no line of the ledger.
    """

    channel: bytes
    record: bytes
    kind: str
    form_version: int
    station_code: str | None
    region: str
    version: bytes
    values: Mapping[str, Any]
    conflicts: int
    alive: bool
    open_case: bool
    state: str
    ledger_date: str
    cells: Sequence[str]
    changed_at: int


@dataclass(frozen=True)
class StoredLine:
    """What the ledger shows of a case: its 16 cells, and where the case is."""

    record: bytes
    channel: bytes
    kind: str
    station_code: str
    ledger_date: str
    cells: Sequence[str]
    conflicts: int


@dataclass(frozen=True)
class Filters:
    """What to show of the ledger. Dates are ISO and inclusive; empty texts do not filter."""

    station_code: str = ""
    since: str = ""
    until: str = ""
    text: str = ""
    kind: str = ""
    status: str = ""


@dataclass(frozen=True)
class Kinds:
    """Which records to list; `states` None are all, an empty `station_code` does not filter."""

    kinds: Sequence[str]
    states: Sequence[str] | None = None
    station_code: str = ""


class Records:
    """The projection's table."""

    def __init__(self, database: HubDatabase) -> None:
        self._database = database
        self._records = table(database, "record")

    def save(self, records: Sequence[StoredRecord]) -> None:
        rows = [_row(record) for record in records]
        insert_many(self._database, "record", rows, replacing=_KEY)

    def kinds(self, channel: bytes, records: Sequence[bytes]) -> dict[bytes, str]:
        """Record → kind, of those of these records about which something is accepted."""
        sql = "SELECT record, kind FROM record WHERE channel = ? AND record IN (?*)"
        return dict(run_in(self._database, sql, records, channel))

    def get(self, channel: bytes, record: bytes) -> StoredRecord | None:
        row = first_row(self._database, "record", "channel = ? AND record = ?", channel, record)
        return record_of(row) if row is not None else None

    def find(self, record: bytes, region: str, channel: bytes | None = None) -> StoredRecord | None:
        """A record within a region prefix, of this channel or, without one, wherever it lies.

        A station chooses the ids of its records: one that lies in two channels is no single record.
        HubError `record.ambiguous`.
        """
        r = self._records
        wanted = (r.record == record) & within(r.region, region)
        if channel is not None:
            wanted &= r.channel == channel
        found = list(r.select().where(wanted).limit(2))
        if len(found) > 1:
            raise HubError("record.ambiguous")
        return record_of(found[0]) if found else None

    def of_kinds(
        self, which: Kinds, region: str, limit: int | None = None, offset: int = 0
    ) -> list[StoredRecord]:
        """Records of these kinds within a region prefix, newest change first."""
        r = self._records
        query = r.select().where(self._kinds_condition(which, region))
        query = query.order_by(r.changed_at.desc(), r.record)
        return [record_of(row) for row in query.limit(limit).offset(offset)]

    def count_kinds(self, which: Kinds, region: str) -> int:
        r = self._records
        query = r.select(fn.count(r.record)).where(self._kinds_condition(which, region))
        return int(query.scalar() or 0)

    def _kinds_condition(self, which: Kinds, region: str) -> Expression:
        r = self._records
        wanted = r.kind.in_(list(which.kinds)) & within(r.region, region) & (r.alive == True)  # noqa: E712
        if which.states is not None:
            wanted &= r.state.in_(list(which.states))
        if which.station_code:
            wanted &= r.station_code == which.station_code
        return wanted

    def values_of_kind(
        self, kind: str, region: str
    ) -> dict[tuple[bytes, bytes], Mapping[str, Any]]:
        """(channel, record) → register → value, of one kind within a region prefix."""
        r = self._records
        query = r.select(r.channel, r.record, r.values)
        query = query.where((r.kind == kind) & within(r.region, region))
        return {(at, of): msgspec.json.decode(values) for at, of, values in query.tuples()}

    def in_channel(self, channel: bytes, kind: str = "") -> Iterator[StoredRecord]:
        r = self._records
        wanted = r.channel == channel
        if kind:
            wanted &= r.kind == kind
        for row in r.select().where(wanted).order_by(r.record):
            yield record_of(row)

    def count_open_cases(self, channel: bytes) -> int:
        r = self._records
        query = r.select(fn.count(r.record)).where((r.channel == channel) & (r.open_case == True))  # noqa: E712
        return int(query.scalar() or 0)

    def ledger(
        self, filters: Filters, region: str, limit: int, offset: int = 0
    ) -> tuple[list[StoredLine], int]:
        """Lines of the work ledger within a region prefix, newest day first, and their number."""
        r = self._records
        query = self._lines(filters, region)
        if not filters.text:
            found = self._newest_first(query, filters).limit(limit).offset(offset)
            return [_line(row) for row in found], self.count_ledger(filters, region)
        keys, count = self._search(filters, region, limit, offset)
        channels, records = ({key[at] for key in keys} for at in (0, 1))
        found = query.where(r.channel.in_(list(channels)) & r.record.in_(list(records)))
        lines = [_line(row) for row in self._newest_first(found, filters)]
        return [line for line in lines if (line.channel, line.record) in keys], count

    def _search(
        self, filters: Filters, region: str, limit: int, offset: int
    ) -> tuple[set[tuple[bytes, bytes]], int]:
        """(channel, record) of these lines, and how many there are: one pass over the narrow index
        `record_text`, which holds all that this asks for."""
        r = self._records
        query = r.select(r.channel, r.record, fn.count(r.record).over())
        query = query.where(self._ledger_condition(filters, region))
        found = list(self._newest_first(query, filters).limit(limit).offset(offset).tuples())
        if not found:
            return set(), self.count_ledger(filters, region) if offset else 0
        return {(channel, record) for channel, record, _ in found}, found[0][2]

    def _newest_first(self, query: Any, filters: Filters) -> Any:
        r = self._records
        return query.order_by(self._day(filters).desc(), r.station_code, r.record.desc())

    def _day(self, filters: Filters) -> Any:
        """The day of a line; with a sign before it, where the index by day is of no use: it holds
        no texts."""
        day = self._records.ledger_date
        return NodeList((SQL("+"), day)) if filters.text else day

    def ledger_by_station(self, filters: Filters, region: str) -> Iterator[StoredLine]:
        """The same lines, station by station and oldest first, read as they are asked for."""
        r = self._records
        query = self._lines(filters, region)
        query = query.order_by(r.station_code, r.ledger_date, r.record)
        return (_line(row) for row in query.iterator())

    def _lines(self, filters: Filters, region: str) -> Any:
        r = self._records
        columns = (getattr(r, name) for name in StoredLine.__dataclass_fields__)
        return r.select(*columns).where(self._ledger_condition(filters, region))

    def count_ledger(self, filters: Filters, region: str) -> int:
        r = self._records
        query = r.select(fn.count(r.record)).where(self._ledger_condition(filters, region))
        return int(query.scalar() or 0)

    def _ledger_condition(self, filters: Filters, region: str) -> Expression:
        r, day = self._records, self._day(filters)
        wanted = (day > "") & (r.alive == True) & within(r.region, region)  # noqa: E712
        if filters.kind:
            wanted &= r.kind == filters.kind
        if filters.station_code:
            wanted &= r.station_code == filters.station_code
        if filters.status:
            wanted &= r.state == filters.status
        if filters.since:
            wanted &= day >= filters.since
        if filters.until:
            wanted &= day <= filters.until
        if filters.text:  # of any channel: so the engine takes the index that begins with it
            wanted &= (r.channel > b"") & r.cells.contains(filters.text)
        return wanted


_KEY = ("channel", "record")
_VALUES, _CELLS = (StoredRecord.__struct_fields__.index(name) for name in ("values", "cells"))


def _row(record: StoredRecord) -> list[object]:
    """In the order of the table's columns, which is that of the fields."""
    row = list(msgspec.structs.astuple(record))
    row[_VALUES] = _text(record.values)
    row[_CELLS] = _text(record.cells)
    return row


def record_of(row: Row) -> StoredRecord:
    ready = {name: msgspec.json.decode(row[name]) for name in ("values", "cells")}
    flags = {name: bool(row[name]) for name in ("alive", "open_case")}
    return StoredRecord(**{**row, **ready, **flags})


def _line(row: Row) -> StoredLine:
    return StoredLine(**{**row, "cells": msgspec.json.decode(row["cells"])})


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()
