"""Which place and verdict the county gave each operation, as its entries say.

Knows no entry's bytes and no record's form. Whoever writes does so within `Database.writing`.
"""

from collections.abc import Iterable, Sequence

import msgspec

from station_client.store.connection import Database


class _Pending(msgspec.Struct, frozen=True, gc=False):
    """One's own operation that has no place yet."""

    name: bytes
    row: int
    stamp: int


class Standings:
    def __init__(self, database: Database) -> None:
        self._database = database

    def accept_as_written(self, accepted: Sequence[tuple[bytes, int, int, int]]) -> set[bytes]:
        """(name, position, effective stamp, hub's time) of what is accepted; gives the names of
        those with which nothing changes but that they wait no longer.

        They were pending, have no copy, and their stamps stand: so their records look as before,
        and what is most of every push is not merged again.
        """
        found = self._database.made_of(
            _Pending,
            "SELECT name, rowid, stamp FROM operation AS mine"
            " WHERE verdict IS NULL AND position IS NULL AND body IS NOT NULL AND NOT EXISTS"
            "  (SELECT 1 FROM operation WHERE identity = mine.identity AND name <> mine.name)"
            " AND identity NOT IN (SELECT identity FROM spent) AND name IN (?*)",
            [name for name, *_ in accepted],
        )
        pending = {each.name: each for each in found}
        plain = {
            name: (pending[name].row, *standing)
            for name, *standing in accepted
            if name in pending and pending[name].stamp == standing[1]
        }
        self._database.write_many(
            "UPDATE operation SET position = ?2, effective = ?3, verdict = 2, at = ?4"
            " WHERE rowid = ?1",
            plain.values(),
        )
        return set(plain)

    def set_places(self, places: Iterable[tuple[bytes, int, int]]) -> None:
        """(name, position, effective stamp) as entries gave them: a place is of one name alone."""
        self._database.write_many(
            "UPDATE operation SET position = ?2, effective = ?3 WHERE name = ?1", places
        )

    def raise_verdicts(self, verdicts: Iterable[tuple[bytes, int, str, int]]) -> None:
        """(identity, verdict, code, at) in the order of their entries: the higher counts, and of
        two causes to hold (verdict 0) the later. A verdict is of all copies of an operation."""
        self._database.write_many(
            "UPDATE operation SET verdict = ?2, code = ?3, at = ?4"
            " WHERE identity = ?1 AND (coalesce(verdict, -1) < ?2 OR (verdict = 0 AND ?2 = 0))",
            verdicts,
        )
