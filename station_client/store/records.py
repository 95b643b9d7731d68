"""Records as pages list and search them: one row each, made of its operations by the services.

Knows no form and no operation. Whoever writes does so within `Database.writing`.
"""

from collections.abc import Iterable, Sequence

import msgspec

from station_client.store.connection import Database, Row
from station_client.store.rows import RecordRow

_COLUMNS = (
    "channel, id, kind, form_version, alive, payload, cells, day, title, case_no, search,"
    " created_at, changed_at, conflicts, held, refused, returned, status, marked"
)
_RECORD = (
    # Counted when it is asked for: the row is wide, and most change by being sent alone.
    f"{_COLUMNS}, (SELECT count(DISTINCT identity) FROM operation AS o"
    "  WHERE o.channel = record.channel AND o.record = record.id AND verdict IS NULL) AS pending"
)
_PUT_RECORD = (
    f"INSERT OR REPLACE INTO record ({_COLUMNS})"
    f" VALUES ({','.join('?' * len(_COLUMNS.split(',')))})"
)


class Records:
    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, records: Iterable[RecordRow]) -> None:
        self._database.write_many(_PUT_RECORD, (_record_values(each) for each in records))

    def remove(self, channel: bytes, records: Iterable[bytes]) -> None:
        """Take rows away; their operations stay."""
        self._database.write_many(
            "DELETE FROM record WHERE channel = ? AND id = ?",
            ((channel, record) for record in records),
        )

    def find(self, record: bytes) -> RecordRow | None:
        row = self._database.row(f"SELECT {_RECORD} FROM record WHERE id = ?", record)
        return _record(row) if row else None

    def of_kind(self, kinds: Sequence[str]) -> list[RecordRow]:
        """All records of these kinds, newest first."""
        rows = self._database.rows_of(
            f"SELECT {_RECORD} FROM record WHERE kind IN (?*) ORDER BY created_at DESC, id", kinds
        )
        return [_record(row) for row in rows]

    def all(self, channel: bytes) -> list[RecordRow]:
        """Every record of a channel, oldest first."""
        rows = self._database.rows(
            f"SELECT {_RECORD} FROM record WHERE channel = ? ORDER BY created_at, id", channel
        )
        return [_record(row) for row in rows]

    def in_conflict(self) -> list[RecordRow]:
        return self._newest("conflicts > 0")

    def returned(self) -> list[RecordRow]:
        """Records that the county sent back and that nobody has written since."""
        # As the partial index has it; of `returned` alone there is none.
        return self._newest("(refused > 0 OR returned > 0) AND returned > 0")

    def _newest(self, where: str) -> list[RecordRow]:
        rows = self._database.rows(
            f"SELECT {_RECORD} FROM record WHERE {where} ORDER BY changed_at DESC, id"
        )
        return [_record(row) for row in rows]

    def lines(self, since: str, until: str, text: str, limit: int, offset: int) -> list[RecordRow]:
        """Cases with a ledger line between two days (ISO, inclusive) that hold every word of the
        text, newest first."""
        where, bounds = _lines_that(since, until, text)
        rows = self._database.rows(
            f"SELECT {_RECORD} FROM record WHERE {where}"
            " ORDER BY day DESC, created_at DESC, id DESC LIMIT ? OFFSET ?",
            *bounds,
            limit,
            offset,
        )
        return [_record(row) for row in rows]

    def count_lines(self, since: str, until: str, text: str) -> dict[str, int]:
        """Status, as the line says it → how many of those lines."""
        where, bounds = _lines_that(since, until, text)
        rows = self._database.rows(
            f"SELECT status, count(*) AS n FROM record WHERE {where} GROUP BY status", *bounds
        )
        return {row["status"]: row["n"] for row in rows}

    def marked(self, limit: int) -> tuple[list[RecordRow], int]:
        """Imported lines that still have a mark, oldest first, and how many there are in all."""
        rows = self._database.rows(
            f"SELECT {_RECORD} FROM record WHERE marked > 0 ORDER BY day LIMIT ?", limit
        )
        count = self._database.row("SELECT count(*) AS n FROM record WHERE marked > 0")
        return [_record(row) for row in rows], count["n"] if count else 0

    def newest_line(self) -> RecordRow | None:
        """The case that stands first in the ledger."""
        row = self._database.row(
            f"SELECT {_RECORD} FROM record WHERE day > ''"
            " ORDER BY day DESC, created_at DESC, id DESC LIMIT 1"
        )
        return _record(row) if row else None


def _lines_that(since: str, until: str, text: str) -> tuple[str, list[object]]:
    where = "day > '' AND day BETWEEN ? AND ?"
    bounds: list[object] = [since, until]
    for word in text.split():
        where += r" AND search LIKE ? ESCAPE '\'"
        bounds.append(f"%{_escaped(word.lower())}%")
    return where, bounds


def _record_values(row: RecordRow) -> tuple[object, ...]:
    return (
        row.channel,
        row.id,
        row.kind,
        row.form_version,
        row.alive,
        msgspec.json.encode(row.values),
        None if row.cells is None else msgspec.json.encode(row.cells),
        row.day,
        row.title,
        row.case_no,
        row.search,
        row.created_at,
        row.changed_at,
        row.conflicts,
        row.held,
        row.refused,
        row.returned,
        row.status,
        row.marked,
    )


def _record(row: Row) -> RecordRow:
    cells = row.pop("cells")
    values = msgspec.json.decode(row.pop("payload"))
    return RecordRow(
        **row, values=values, cells=None if cells is None else tuple(msgspec.json.decode(cells))
    )


def _escaped(word: str) -> str:
    return word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
