"""A channel as it was at one of its positions, read a portion of its records at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hub_server.store.database import HubDatabase, run, run_in
from hub_server.store.operations import PLACED, Placed, placed_from
from sync_protocol import channel as protocol
from sync_protocol.channel import PlaceEntry

# Erased records too that had nothing by then: what a station brought back of them comes after the
# word that they are erased.
_COUNT = """
    SELECT count(*) FROM (SELECT record FROM operation WHERE channel = ?1 AND position <= ?2
    UNION SELECT record FROM erased WHERE channel = ?1)
"""
_IDS = """
    SELECT record FROM operation WHERE channel = ?1 AND position <= ?2 AND record > ?3
    UNION SELECT record FROM erased WHERE channel = ?1 AND record > ?3
    ORDER BY record LIMIT ?4
"""
_PLACES = f"""
    SELECT {", ".join(f"o.{name}" for name in PLACED.split(", "))}, e.data
    FROM operation o JOIN entry e ON e.channel = o.channel AND e.position = o.position
    WHERE o.channel = ? AND o.position <= ? AND o.record IN (?*) ORDER BY o.position
"""
# The words of a channel that are about verdicts: those of the hub, and the places of operations.
_WORDS = """
    SELECT data FROM entry WHERE channel = ? AND position > ? AND position <= ? ORDER BY position
"""
_POSITION = """
    SELECT position FROM entry WHERE channel = ? AND operation IS NULL AND data = ? LIMIT 1
"""


class Snapshots:
    def __init__(self, database: HubDatabase) -> None:
        self._database = database

    def records(
        self, channel: bytes, position: int, after: bytes, most: int
    ) -> tuple[int, list[bytes]]:
        """How many records a channel had at a position, and the ids of the next ones."""
        total = run(self._database, _COUNT, channel, position).fetchone()[0]
        found = run(self._database, _IDS, channel, position, after, most)
        return int(total), [record for (record,) in found]

    def places(
        self, channel: bytes, position: int, records: Sequence[bytes]
    ) -> dict[bytes, list[tuple[Placed, PlaceEntry]]]:
        """Record → its operations up to a position with the entries that placed them, in order."""
        found: dict[bytes, list[tuple[Placed, PlaceEntry]]] = {each: [] for each in records}
        for *row, data in run_in(self._database, _PLACES, records, channel, position):
            placed, entry = placed_from(*row), protocol.read_entry(data)
            if isinstance(entry, PlaceEntry):
                found[placed.operation.header.record].append((placed, entry))
        return found

    def words(self, channel: bytes, after: int, until: int) -> Iterator[bytes]:
        """The entries after a position, up to another one."""
        for (data,) in run(self._database, _WORDS, channel, after, until):
            yield data

    def position_of(self, channel: bytes, data: bytes) -> int | None:
        """Where the hub said this."""
        row = run(self._database, _POSITION, channel, data).fetchone()
        return row[0] if row else None
