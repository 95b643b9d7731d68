"""Which backups can still be put back, and how far all of them reach.

A backup carries its id in itself, wherever its file is moved; what is known of it stands here, in
the database that it is a copy of.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from peewee import DatabaseError

from hub_server.store.database import HubDatabase, insert_many, run
from hub_server.store.tables import table

NAMED = "backup"
"""The fact of the hub that a copy has and the original has not."""


_COVERED = """
    SELECT CASE WHEN count(*) = (SELECT count(*) FROM backup) THEN min(position) END
    FROM backup_position WHERE channel = ?
"""


@dataclass(frozen=True)
class Backup:
    """One copy that was proven. `taken_at`: ms since 1970 UTC."""

    id: bytes
    taken_at: int
    epoch: bytes


class Backups:
    def __init__(self, database: HubDatabase) -> None:
        self._database = database
        self._backups = table(database, "backup")
        self._positions = table(database, "backup_position")

    def add(self, backup: Backup, positions: Mapping[bytes, int]) -> None:
        """`positions`: channel → the last entry that the copy holds."""
        self._backups.insert(**vars(backup)).execute()
        rows = [(backup.id, channel, position) for channel, position in positions.items()]
        insert_many(self._database, "backup_position", rows)

    def all(self) -> list[Backup]:
        """Newest first."""
        b = self._backups
        return [Backup(**row) for row in b.select().order_by(b.taken_at.desc(), b.id)]

    def forget(self, backup: bytes) -> None:
        """Its file is gone."""
        self._positions.delete().where(self._positions.backup == backup).execute()
        self._backups.delete().where(self._backups.id == backup).execute()

    def covered(self, channel: bytes) -> int:
        """The position up to which every kept backup holds a channel; 0 where there is none."""
        reached = run(self._database, _COVERED, channel).fetchone()[0]
        return int(reached or 0)


def backup_in(path: Path, key: bytes) -> bytes | None:
    """The id of the backup in a file; None for whatever else it is."""
    found = _ask(path, key, "SELECT value FROM meta WHERE name = ?", NAMED)
    return found[0][0] if found else None


def ends_in(path: Path, key: bytes) -> dict[bytes, tuple[int, bytes]]:
    """Channel → position and digest at which a backup's file ends."""
    found = _ask(path, key, "SELECT id, position, digest FROM channel")
    return {channel: (position, digest) for channel, position, digest in found}


def open_backup(path: Path, key: bytes) -> HubDatabase:
    pragmas = {"cipher_log_level": "NONE", "query_only": 1}
    return HubDatabase(str(path), passphrase=f"x'{key.hex()}'", pragmas=pragmas)


def _ask(path: Path, key: bytes, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    """Nothing of a file that is no database of this hub."""
    if not path.is_file() or not path.stat().st_size:
        return []
    database = open_backup(path, key)
    try:
        rows: list[tuple[Any, ...]] = database.execute_sql(sql, parameters).fetchall()
        return rows
    except DatabaseError:
        return []
    finally:
        database.close()
