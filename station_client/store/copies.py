"""A second file with the store's contents, and how it is held against the original.

A file copied beside a running program lacks what the write-ahead log still holds, and looks sound.
Knows the tables; not where copies are kept nor who wants them.
"""

from dataclasses import dataclass
from pathlib import Path

from station_client.store.connection import Database, coded


@dataclass(frozen=True)
class Extent:
    """How far a store reaches. `chains`: replica → (seq, link) of the own chains, with what each
    ends in; `cursors`: channel → (position, digest)."""

    operations: int
    entries: int
    chains: dict[bytes, tuple[int, bytes]]
    cursors: dict[bytes, tuple[int, bytes]]


def extent(database: Database) -> Extent:
    """As it is now. Errors: store.*"""
    [counts] = database.rows(
        "SELECT (SELECT count(*) FROM operation) AS operations,"
        " (SELECT count(*) FROM entry) AS entries"
    )
    # SQLite takes the other columns from the row that has the maximum.
    chains = database.rows(
        "SELECT replica, max(seq) AS seq, link FROM operation WHERE link IS NOT NULL"
        " GROUP BY replica"
    )
    cursors = database.rows("SELECT id, position, digest FROM channel")
    return Extent(
        **counts,
        chains={row["replica"]: (row["seq"], row["link"]) for row in chains},
        cursors={row["id"]: (row["position"], row["digest"]) for row in cursors},
    )


def reaches(database: Database, least: Extent) -> bool:
    """Whether a store holds all that another one held, and the same history. Errors: store.*"""
    found = extent(database)
    return (
        found.operations >= least.operations
        and found.entries >= least.entries
        and all(_has_link(database, *end) for end in least.chains.items())
        and all(
            found.cursors.get(channel) == cursor or _has_entry(database, channel, *cursor)
            for channel, cursor in least.cursors.items()
        )
    )


def _has_link(database: Database, replica: bytes, end: tuple[int, bytes]) -> bool:
    sql = "SELECT 1 FROM operation WHERE replica = ? AND seq = ? AND link = ?"
    return database.row(sql, replica, *end) is not None


def _has_entry(database: Database, channel: bytes, position: int, digest: bytes) -> bool:
    sql = "SELECT 1 FROM entry WHERE channel = ? AND position = ? AND digest = ?"
    return database.row(sql, channel, position, digest) is not None


def copy_into(database: Database, path: Path) -> None:
    """All contents as they are at one moment, under the same key, while others go on writing.

    `path` is not there yet, or empty: then it keeps its mode. Errors: store.*
    """
    with coded(path):
        database.execute_sql("VACUUM INTO ?", (str(path),))
