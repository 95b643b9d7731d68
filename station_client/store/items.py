"""The published catalogue as the desk searches it: by name, code, pinyin initials, department.

Knows no form and no pinyin: both are handed in.
"""

from collections.abc import Iterable

import msgspec

from station_client.store.connection import Database, Row
from station_client.store.rows import ItemRow

_COLUMNS = "record, code, name, department, initials, payload"


class Items:
    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, items: Iterable[ItemRow]) -> None:
        self._database.write_many(
            f"INSERT OR REPLACE INTO item ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?)",
            (
                (i.record, i.code, i.name, i.department, i.initials, msgspec.json.encode(i.values))
                for i in items
            ),
        )

    def remove(self, records: Iterable[bytes]) -> None:
        self._database.write_many(
            "DELETE FROM item WHERE record = ?", ((record,) for record in records)
        )

    def find(self, text: str, limit: int) -> list[ItemRow]:
        """Items that hold every word of the text somewhere; those that begin with it first."""
        words = text.lower().split()
        condition = " AND ".join(
            "(instr(lower(name), ?) OR instr(lower(code), ?) OR instr(initials, ?)"
            " OR instr(lower(department), ?))"
            for _ in words
        )
        found = self._database.rows(
            f"SELECT {_COLUMNS} FROM item WHERE {condition or '1'}"
            " ORDER BY instr(lower(name), ?) != 1 AND instr(initials, ?) != 1, length(name), name"
            " LIMIT ?",
            *(word for word in words for _ in range(4)),
            *([words[0]] * 2 if words else ["", ""]),
            limit,
        )
        return [_item(row) for row in found]


def _item(row: Row) -> ItemRow:
    values = msgspec.json.decode(row.pop("payload"))
    return ItemRow(**row, values=values)
