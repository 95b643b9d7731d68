"""The encrypted database file: how it is opened, what it refuses, one writer at a time.

Knows peewee, SQLCipher and the error table; not what the tables mean. Promise 1 stands on the
settings here: WAL with synchronous=FULL is durable when the commit returns.
"""

import errno
import shutil
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar

import peewee
from playhouse.migrations import Runner
from playhouse.sqlcipher_ext import SqlCipherDatabase
from sqlcipher3 import dbapi2 as sqlcipher

from station_client.errors import StationError

MIGRATIONS = Path(__file__).parent / "migrations"
BROKEN_SQLITE = ((3, 7, 0), (3, 51, 2))
"""First and last SQLite whose WAL can lose committed pages when it is reset under a reader."""
FULL_BYTES = 256 * 1024
"""A disk with less is called full: a commit of one case needs some pages of 4 KiB."""
KEYS_A_QUERY = 500
BUSY_SECONDS = 60
"""Threads of this process queue at `writing`; this is for a second program, which only reads."""

PRAGMAS = {
    "journal_mode": "wal",
    "synchronous": "full",
    # Every entry touches the same dozen pages: they go to the file once for some hundred entries.
    "wal_autocheckpoint": 4096,  # pages
    "fullfsync": 1,  # macOS: fsync alone does not reach the disk there
    "foreign_keys": 1,
    "busy_timeout": BUSY_SECONDS * 1000,
}

Row = dict[str, Any]
Made = TypeVar("Made")

# Whatever is no number or text the driver takes to an adapter before it binds it. Where it finds
# none, looking for one takes longer than all that the engine does with the value.
for _type, _adapt in ((bytes, bytes), (bool, int), (NoneType, lambda none: none)):
    sqlcipher.register_adapter(_type, _adapt)


class Database(SqlCipherDatabase):
    """One encrypted file. A connection for each thread, and one lock for all that write."""

    def __init__(self, path: Path, data_key: bytes) -> None:
        super().__init__(str(path), pragmas=PRAGMAS)
        self.data_key = data_key
        self._writer = threading.RLock()
        self._opened: list[Any] = []
        self._once_durable: Callable[[], None] | None = None
        self._is_closed = False

    def _connect(self) -> Any:
        # A thread that comes late would make a new file where the old one was erased.
        if self._is_closed:
            raise StationError("store.missing", file=self.database)
        connection = sqlcipher.connect(
            self.database, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS
        )
        try:
            # Before the key: SQLCipher would print page errors, and a desk has no terminal.
            connection.execute("PRAGMA cipher_log_level=NONE")
            connection.execute(f"PRAGMA key=\"x'{self.data_key.hex()}'\"")
            self._add_conn_hooks(connection)
        except BaseException:
            connection.close()
            raise
        self._opened.append(connection)
        return connection

    def rows(self, sql: str, *parameters: object) -> list[Row]:
        """All rows of a query, by column name. Errors: store.*"""
        with coded(self.database):
            cursor = self.execute_sql(sql, parameters)
            names = [column[0] for column in cursor.description]
            return [dict(zip(names, row, strict=True)) for row in cursor]

    def row(self, sql: str, *parameters: object) -> Row | None:
        found = self.rows(sql, *parameters)
        return found[0] if found else None

    def rows_of(self, sql: str, keys: Sequence[object], *parameters: object) -> list[Row]:
        """As `rows`, for any number of keys that stand for `(?*)` at the end of the query."""
        return [
            row
            for query, chunk in _queries(sql, keys)
            for row in self.rows(query, *parameters, *chunk)
        ]

    def made(self, make: Callable[..., Made], sql: str, *parameters: object) -> list[Made]:
        """As `rows`, each row made into something that takes its columns in their order."""
        with coded(self.database):
            return [make(*row) for row in self.execute_sql(sql, parameters)]

    def made_of(
        self, make: Callable[..., Made], sql: str, keys: Sequence[object], *parameters: object
    ) -> list[Made]:
        """As `rows_of`, made as in `made`."""
        return [
            each
            for query, chunk in _queries(sql, keys)
            for each in self.made(make, query, *parameters, *chunk)
        ]

    def write(self, sql: str, *parameters: object) -> None:
        """One statement, within `writing`."""
        self.execute_sql(sql, parameters)

    def write_many(self, sql: str, rows: Iterable[Sequence[object]]) -> None:
        """One statement for many rows, within `writing`."""
        self.connection().executemany(sql, rows)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One durable transaction: all of it is on the disk when this ends, or none of it.

        Within another one it is part of that. Errors: store.disk_full, store.disk_failed,
        store.damaged.
        """
        with self._writer:
            if self.in_transaction():  # part of a larger one: it stands or falls with that
                yield
                return
            self._once_durable = None
            with coded(self.database), self.atomic("IMMEDIATE"):
                yield
            if self._once_durable is not None:
                self._once_durable()

    @contextmanager
    def noting(self) -> Iterator[None]:
        """As `writing`, of what a power cut may take: nobody waits for the disk. It is there with
        the next transaction that does; until then the last of them may be gone."""
        with self._writer:
            if self.in_transaction():
                yield
                return
            with coded(self.database):
                level = self.pragma("synchronous")
                self.pragma("synchronous", "normal")
            try:
                with self.writing():
                    yield
            finally:  # whatever state it is left in, the next transaction waits for the disk
                connection = self.connection()
                if connection.in_transaction:
                    self.close()
                else:
                    connection.execute(f"PRAGMA synchronous={level:d}")

    def once_durable(self, act: Callable[[], None]) -> None:
        """Within `writing`: have this done when the whole transaction is on the disk, before
        anybody else may write; not at all where it fails. Of several the last one only."""
        self._once_durable = act

    def damage(self) -> list[str]:
        """What the engine's own checks find; [] for a sound file. Errors: store.*, store.damaged
        where it cannot even be read to the end."""
        with coded(self.database):
            found = self._damaged_pages()
            quick = [str(row[0]) for row in self.execute_sql("PRAGMA quick_check")]
        return found + [line for line in quick if line != "ok"]

    def demand_whole_pages(self) -> None:
        """Error: store.damaged, for a page that is not as it was written."""
        with coded(self.database):
            if self._damaged_pages():
                raise StationError("store.damaged", file=self.database)

    def _damaged_pages(self) -> list[str]:
        """The check reads the main file alone. After a power cut a page may be half written there
        and whole in the write-ahead log: what looks damaged is looked at again without one."""
        check = "PRAGMA cipher_integrity_check"
        if not self.execute_sql(check).fetchall():
            return []
        self.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        return [str(row[0]) for row in self.execute_sql(check)]

    def close_all(self) -> None:
        """Close the connections of all threads; the last one empties the write-ahead log."""
        with self._writer:
            self._is_closed = True
            self.close()
            while self._opened:
                self._opened.pop().close()


def _queries(sql: str, keys: Sequence[object]) -> Iterator[tuple[str, Sequence[object]]]:
    for start in range(0, len(keys), KEYS_A_QUERY):
        chunk = keys[start : start + KEYS_A_QUERY]
        yield sql.replace("?*", ",".join("?" * len(chunk))), chunk


def open_database(path: Path, data_key: bytes, *, create: bool = False) -> Database:
    """The database with its tables up to date. `data_key`: the vault's 32 raw bytes.

    A file that cannot be read is left exactly as it is. Errors: store.missing, store.not_opened,
    store.newer, store.sqlite_unsafe, store.disk_full, store.disk_failed, store.damaged.
    """
    refuse_broken_sqlite(sqlcipher.sqlite_version_info)
    if not create and not (path.exists() and path.stat().st_size):
        raise StationError("store.missing", file=path)
    if create:
        with coded(str(path)):
            path.touch(mode=0o600)  # SQLite gives the files beside it the same mode
    database = Database(path, data_key)
    try:
        with coded(str(path)):
            _demand_readable(database)
            database.demand_whole_pages()  # else a clerk meets the damage in the middle of a case
            _migrate(database)
    except BaseException:
        database.close_all()
        raise
    return database


def refuse_broken_sqlite(version: tuple[int, ...]) -> None:
    """Error: store.sqlite_unsafe, for a library that may lose what it said was written."""
    first, last = BROKEN_SQLITE
    if first <= version <= last:
        raise StationError("store.sqlite_unsafe", version=".".join(map(str, version)))


def _demand_readable(database: Database) -> None:
    try:
        database.execute_sql("SELECT count(*) FROM sqlite_master")
    except peewee.DatabaseError as error:
        if "not a database" in str(error):
            raise StationError("store.not_opened", file=database.database) from error
        raise


def _migrate(database: Database) -> None:
    runner = Runner(database, str(MIGRATIONS))
    if any(migration.path is None for migration in runner.status()):
        raise StationError("store.newer", file=database.database)
    runner.up()


@contextmanager
def coded(file: object) -> Iterator[None]:
    """SQLite's refusals in the station's words."""
    try:
        yield
    except (peewee.DatabaseError, sqlcipher.DatabaseError) as error:
        code = _code(error)
        if code is None:
            raise
        if code == "store.disk_failed" and _is_full(file):
            code = "store.disk_full"
        raise StationError(code, file=file) from error
    except OSError as error:
        is_full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        code = "store.disk_full" if is_full else "store.disk_failed"
        raise StationError(code, file=file) from error


def _is_full(file: object) -> bool:
    """SQLite calls it an I/O error where its shared memory or journal finds no room."""
    try:
        return shutil.disk_usage(Path(str(file)).parent).free < FULL_BYTES
    except OSError:
        return False


_CODES = {
    "full": "store.disk_full",
    "disk i/o error": "store.disk_failed",
    "unable to open": "store.disk_failed",
    "readonly": "store.disk_failed",
    "malformed": "store.damaged",
    "not a database": "store.damaged",
}


def _code(error: BaseException | None) -> str | None:
    """The first known cause in a chain: a failing rollback hides the failure that led to it."""
    code = None
    while error is not None:
        text = str(error).lower()
        code = next((code for part, code in _CODES.items() if part in text), code)
        error = error.__context__
    return code
