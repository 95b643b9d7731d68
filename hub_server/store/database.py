"""Opening the encrypted database, its schema, and its one write transaction at a time.

Knows the engine and nothing of what is stored. Another engine is another function like
`open_database`; the queries of this folder are the same for both.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from types import NoneType
from typing import Any

from peewee import Database, DatabaseError
from playhouse import migrations
from playhouse.sqlcipher_ext import SqlCipherDatabase
from sqlcipher3 import dbapi2 as sqlcipher

from hub_server.errors import HubError
from hub_server.store.tables import columns_of

Row = dict[str, Any]

MIGRATIONS = Path(__file__).with_name("migrations")
BUSY_TIMEOUT_MS = 30_000
NAMES_PER_QUERY = 500

# A write-ahead log reset at the wrong moment could lose pages in these versions of SQLite.
_UNSOUND = ((3, 7, 0), (3, 51, 2))

_PRAGMAS = {
    "cipher_log_level": "NONE",
    "journal_mode": "wal",
    "synchronous": "full",
    # A batch touches a few thousand pages; what does not fit here is encrypted more than once.
    "cache_size": -32 * 1024,  # KiB
    "wal_autocheckpoint": 4096,  # pages
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

# Whatever is no number or text the driver takes to an adapter before it binds it. Where it finds
# none, looking for one takes longer than all that the engine does with the value.
for _type, _adapt in ((bytes, bytes), (bool, int), (NoneType, lambda none: none)):
    sqlcipher.register_adapter(_type, _adapt)


class HubDatabase(SqlCipherDatabase):
    """SQLCipher with a raw 32-byte key, so that opening costs no key derivation."""

    for_update = False

    def write_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """One statement for many rows."""
        self.cursor().executemany(sql, rows)


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
    """One write transaction at a time, also between the threads of one process.

    All go over one connection, whichever thread writes: what one connection writes, every other has
    to read and decrypt again. `begun` is called before each, `committed` after each that was kept,
    before anybody else writes.
    """

    def __init__(
        self, database: HubDatabase, begun: Callable[[], None], committed: Callable[[], None]
    ) -> None:
        self._database = database
        self._begun, self._committed = begun, committed
        self._lock = Lock()
        self._connection: Any = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything inside is durable at the end, or nothing of it happened."""
        with self._turn(), self._atomic():
            yield

    @contextmanager
    def hurried(self) -> Iterator[None]:
        """As `transaction`, without waiting for the disk: it is there with the next one that does,
        and after a power cut the last of them may be gone."""
        database = self._database
        with self._turn():
            with as_hub_errors():
                level = database.pragma("synchronous")
                database.pragma("synchronous", "normal")
            try:
                with self._atomic():
                    yield
            finally:  # the next transaction waits for the disk
                connection = database.connection()
                if not connection.in_transaction:
                    connection.execute(f"PRAGMA synchronous={level:d}")

    def close(self) -> None:
        """Ends the connection; the next transaction makes one."""
        with self._turn():
            self._database.close()

    @contextmanager
    def _atomic(self) -> Iterator[None]:
        self._begun()
        with as_hub_errors(), self._database.atomic("IMMEDIATE"):
            yield
        self._committed()

    @contextmanager
    def _turn(self) -> Iterator[None]:
        """Nobody else writes; the calling thread has the writers' connection, not its own."""
        state = self._database._state
        with self._lock:
            own = state.conn
            _connect(state, self._connection)
            try:
                yield
            finally:
                if state.conn is not None and state.conn.in_transaction:
                    self._database.close()  # what was left half done goes with it
                self._connection = state.conn
                _connect(state, own)


def _connect(state: Any, connection: Any) -> None:
    """What a thread goes over from here on; None: what it opens itself once it needs one."""
    state.set_connection(connection) if connection is not None else state.reset()


@contextmanager
def as_hub_errors() -> Iterator[None]:
    """The engine's errors as the hub's. HubError `hub.busy|disk_full|disk_fault|database`."""
    try:
        yield
    except (DatabaseError, sqlcipher.Error) as refused:  # the latter while rows are fetched
        reason = "; ".join(_reasons(refused))
        for sign, code in _PASSING.items():
            if sign in reason:
                raise HubError(code) from refused
        raise HubError("hub.database", reason=reason) from refused


def _reasons(error: BaseException | None) -> Iterator[str]:
    """Of the error and what led to it: a failing rollback hides why it was tried."""
    while error is not None:
        yield str(error)
        error = error.__context__


def run(database: Database, sql: str, *parameters: object) -> Any:
    """The cursor of a statement written out with `?` for its parameters.

    For what every exchange asks: composing such a statement from columns takes ten times as long
    as running it.
    """
    return database.execute_sql(sql.replace("?", database.param), parameters)


def run_in(
    database: Database, sql: str, keys: Sequence[bytes], *parameters: object
) -> Iterator[Any]:
    """The rows of such a statement for any number of keys: they stand for `(?*)`, wherever it is
    written, and are numbered after the parameters."""
    for part in portions(keys):
        marks = ", ".join(f"?{len(parameters) + at}" for at in range(1, len(part) + 1))
        yield from run(database, sql.replace("?*", marks), *parameters, *part)


def first_row(database: Database, name: str, where: str, *parameters: object) -> Row | None:
    """The columns of the first row of a table that fulfils this condition."""
    columns = columns_of(name)
    sql = f"SELECT {quoted(columns)} FROM {quoted([name])} WHERE {where}"
    found = run(database, sql, *parameters).fetchone()
    return dict(zip(columns, found, strict=True)) if found else None


def quoted(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def insert_many(
    database: HubDatabase,
    name: str,
    rows: Sequence[Sequence[object]],
    replacing: Sequence[str] = (),
    only_where: str = "",
) -> None:
    """Many rows, each in the order of the table's columns; one with the same key as in `replacing`
    takes the place of the stored one, under the condition `only_where` if there is one.

    Written as SQL because a batch of ten thousand operations goes through here: composing it from
    columns costs more than the engine needs to run it.
    """
    if not rows:
        return
    columns = columns_of(name)
    marks = ", ".join([database.param] * len(columns))
    sql = f"INSERT INTO {quoted([name])} ({quoted(columns)}) VALUES ({marks})"
    if replacing:
        sql += _replacing(columns, replacing, only_where)
    database.write_many(sql, rows)


def _replacing(columns: Sequence[str], key: Sequence[str], only_where: str) -> str:
    rest = ", ".join(f'"{c}" = excluded."{c}"' for c in columns if c not in key)
    condition = f" WHERE {only_where}" if only_where else ""
    return f" ON CONFLICT ({quoted(key)}) DO UPDATE SET {rest}{condition}"


def portions(names: Sequence[bytes]) -> Iterator[list[bytes]]:
    """The names in lists that fit into one query."""
    for start in range(0, len(names), NAMES_PER_QUERY):
        yield list(names[start : start + NAMES_PER_QUERY])
