"""The station's encrypted store: the only folder that knows peewee, SQLCipher and SQL.

It gives and takes plain values (rows.py), and knows neither the services nor the pages.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from station_client.store.bodies import Bodies
from station_client.store.channels import Channels
from station_client.store.connection import Database, open_database
from station_client.store.copies import Extent, copy_into, extent, reaches
from station_client.store.facts import Facts
from station_client.store.items import Items
from station_client.store.journal import Journal
from station_client.store.lost import Lost
from station_client.store.records import Records
from station_client.store.snapshots import Snapshots
from station_client.store.standings import Standings


@dataclass(frozen=True)
class Store:
    """One open database. Threads may share it."""

    database: Database
    journal: Journal
    standings: Standings
    bodies: Bodies
    records: Records
    channels: Channels
    items: Items
    facts: Facts
    lost: Lost
    snapshots: Snapshots

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One durable transaction over everything written within. Errors: store.*"""
        with self.database.writing():
            yield

    @contextmanager
    def noting(self) -> Iterator[None]:
        """The same of what a power cut may take. Errors: store.*"""
        with self.database.noting():
            yield

    def extent(self) -> Extent:
        """How far the store reaches now. Errors: store.*"""
        return extent(self.database)

    def copied_into(self, path: Path, least: Extent) -> bool:
        """Write a copy under the same key; whether it opens, is sound and reaches that far.

        Errors: store.*
        """
        copy_into(self.database, path)
        copy = open_database(path, self.database.data_key)
        try:
            return not copy.damage() and reaches(copy, least)
        finally:
            copy.close_all()

    def close(self) -> None:
        self.database.close_all()


def is_sound(path: Path, data_key: bytes) -> bool:
    """Whether a file is a store under this key that has no damage. Errors: store.*"""
    database = open_database(path, data_key)
    try:
        return not database.damage()
    finally:
        database.close_all()


def open_store(path: Path, data_key: bytes, *, create: bool = False) -> Store:
    """The store in this file; with `create`, a new one where there is none. Errors: store.*"""
    database = open_database(path, data_key, create=create)
    return Store(
        database,
        Journal(database),
        Standings(database),
        Bodies(database),
        Records(database),
        Channels(database),
        Items(database),
        Facts(database),
        Lost(database),
        Snapshots(database),
    )
