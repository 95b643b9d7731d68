"""Opening the encrypted database, its schema, and its one write transaction at a time.

Knows the engine and nothing of what is stored. Another engine is another function like
`open_database`; the queries of this folder are the same for both.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

from peewee import Database, DatabaseError
from playhouse import migrations
from playhouse.sqlcipher_ext import SqlCipherDatabase
from sqlcipher3 import dbapi2 as sqlcipher

from hub_server.errors import HubError

Row = dict[str, Any]

MIGRATIONS = Path(__file__).with_name("migrations")
BUSY_TIMEOUT_MS = 30_000
ROWS_PER_STATEMENT = 400
NAMES_PER_QUERY = 500

# A write-ahead log reset at the wrong moment could lose pages in these versions of SQLite.
_UNSOUND = ((3, 7, 0), (3, 51, 2))

_PRAGMAS = {
    "cipher_log_level": "NONE",
    "journal_mode": "wal",
    "synchronous": "full",
    "foreign_keys": 1,
    "busy_timeout": BUSY_TIMEOUT_MS,
}

# What passes without anybody mending the database, as the engine says it.
_PASSING = {
    "locked": "hub.busy",
    "full": "hub.disk_full",
    "disk I/O error": "hub.disk_fault",
    "unable to open": "hub.disk_fault",
}

logging.getLogger("peewee.migrations").setLevel(logging.WARNING)


class HubDatabase(SqlCipherDatabase):
    """SQLCipher with a raw 32-byte key, so that opening costs no key derivation."""

    for_update = False


def open_database(path: Path, key: bytes) -> HubDatabase:
    """The database at `path`, made if it is not there. HubError `hub.sqlite`, `hub.database`."""
    check_sqlite(sqlcipher.sqlite_version_info)
    database = HubDatabase(
        str(path), passphrase=f"x'{key.hex()}'", pragmas=_PRAGMAS, check_same_thread=False
    )
    try:
        database.connect()
        database.execute_sql("select count(*) from sqlite_master").fetchone()
        migrations.run(database, directory=str(MIGRATIONS))
    except DatabaseError as refused:
        database.close()
        raise HubError("hub.database", reason=str(refused)) from refused
    return database


def check_sqlite(version: tuple[int, ...]) -> None:
    """HubError `hub.sqlite` for a version that can lose committed pages."""
    if _UNSOUND[0] <= version <= _UNSOUND[1]:
        raise HubError("hub.sqlite", version=".".join(map(str, version)))


class Writer:
    """One write transaction at a time, also between the threads of one process."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._lock = Lock()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is durable at the end, or nothing of it happened."""
        with self._lock, as_hub_errors(), self._database.atomic("IMMEDIATE"):
            yield


@contextmanager
def as_hub_errors() -> Iterator[None]:
    """The engine's errors as the hub's. HubError `hub.busy|disk_full|disk_fault|database`."""
    try:
        yield
    except (DatabaseError, sqlcipher.Error) as refused:  # the latter while rows are fetched
        reason = str(refused)
        for sign, code in _PASSING.items():
            if sign in reason:
                raise HubError(code) from refused
        raise HubError("hub.database", reason=reason) from refused


def insert_many(
    database: Database, name: str, rows: Sequence[Row], replacing: Sequence[str] = ()
) -> None:
    """Many rows with equal columns; one with the same key as in `replacing` takes its place.

    Written as SQL because a batch of ten thousand operations goes through here: composing it from
    columns costs more than the engine needs to run it.
    """
    if not rows:
        return
    columns = list(rows[0])
    names = ", ".join(f'"{column}"' for column in columns)
    row = f"({', '.join([database.param] * len(columns))})"
    for start in range(0, len(rows), ROWS_PER_STATEMENT):
        part = rows[start : start + ROWS_PER_STATEMENT]
        sql = f'INSERT INTO "{name}" ({names}) VALUES {", ".join([row] * len(part))}'
        if replacing:
            sql += _replacing(columns, replacing)
        database.execute_sql(sql, [each[column] for each in part for column in columns])


def _replacing(columns: Sequence[str], key: Sequence[str]) -> str:
    named = ", ".join(f'"{column}"' for column in key)
    rest = ", ".join(f'"{c}" = excluded."{c}"' for c in columns if c not in key)
    return f" ON CONFLICT ({named}) DO UPDATE SET {rest}"


def portions(names: Sequence[bytes]) -> Iterator[list[bytes]]:
    """The names in lists that fit into one query."""
    for start in range(0, len(names), NAMES_PER_QUERY):
        yield list(names[start : start + NAMES_PER_QUERY])
