"""Bugs to plant into a child before it acts: each of them must be found by the strikes.

A check that has never failed proves nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from hub_server.store.database import Writer
from station_client.errors import StationError
from station_client.store import connection
from station_client.store.connection import Database

_writing = Database.writing


@contextmanager
def _each_statement_alone(database: Database) -> Iterator[None]:
    yield


@contextmanager
def _committed_later(database: Database) -> Iterator[None]:
    """Leaves the transaction open: what is said to be saved is not."""
    if not database.connection().in_transaction:
        database.execute_sql("BEGIN IMMEDIATE")
    yield


@contextmanager
def _faults_ignored(database: Database) -> Iterator[None]:
    with suppress(StationError), _writing(database):
        yield


@contextmanager
def _uncoded(file: object) -> Iterator[None]:
    yield


@contextmanager
def _answered_early(writer: Writer) -> Iterator[None]:
    """The same at the hub."""
    database: Any = writer._database
    if not database.connection().in_transaction:
        database.execute_sql("BEGIN IMMEDIATE")
    yield


def _write(way: Callable[[Database], object]) -> Callable[[], None]:
    return lambda: setattr(Database, "writing", way)


PLANTED: dict[str, Callable[[], None]] = {
    "no transaction": _write(_each_statement_alone),
    "saved is said too early": _write(_committed_later),
    "the hub answers too early": lambda: setattr(Writer, "transaction", _answered_early),
    "a fault is taken for success": _write(_faults_ignored),
    "a fault has no code": lambda: setattr(connection, "coded", _uncoded),
}
