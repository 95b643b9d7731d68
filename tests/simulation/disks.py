"""Where the databases of a history lie: as the encrypted files they are, or in memory.

In memory it is the same store code on the same engine, without pages to encrypt and disks to wait
for: what a story is about lies above that. Knows paths and connections, and nothing of what is
stored.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playhouse import migrations
from sqlcipher3 import dbapi2 as sqlcipher

import hub_server.store as hub_store
import station_client.store as station_store
from hub_server.store import backups
from hub_server.store import database as of_hub
from station_client import witness
from station_client.store import connection as of_station


@dataclass
class Disk:
    """What outlives a program, and whether the engine was told what a program tells it."""

    connection: Any
    is_prepared: bool = False


class _Volatile:
    """A database whose disk is a connection that outlives the program."""

    disk: "Disk"

    def _connect(self) -> Any:
        if not self.disk.is_prepared:
            self._add_conn_hooks(self.disk.connection)  # type: ignore[attr-defined]
            self.disk.is_prepared = True
        return self.disk.connection

    def _close(self, connection: Any) -> None:
        if connection.in_transaction:  # what was not committed goes with the program
            connection.rollback()


class StationInMemory(_Volatile, of_station.Database):
    def __init__(self, path: Path, data_key: bytes, disk: "Disk") -> None:
        super().__init__(path, data_key)
        self.disk = disk

    def close_all(self) -> None:
        self.close()


class HubInMemory(_Volatile, of_hub.HubDatabase):
    def __init__(self, path: Path, disk: "Disk") -> None:
        super().__init__(str(path), passphrase="", pragmas=of_hub._PRAGMAS)
        self.disk = disk


def _open_plain(path: Path) -> of_hub.HubDatabase:
    database = of_hub.HubDatabase(str(path), passphrase="", pragmas={"synchronous": "off"})
    database.connect()
    return database


class Disks:
    """Databases that are files."""

    def copy(self, source: Path, target: Path) -> None:
        """A folder, databases and all, as a backup, a clone or the next history has it."""
        shutil.copytree(source, target)

    def forget(self, folder: Path) -> None:
        shutil.rmtree(folder)

    def put_back(self, copy: Path, database: Path) -> None:
        """A database in the place of another one that nobody has open."""
        for suffix in ("-wal", "-shm"):
            database.with_name(database.name + suffix).unlink(missing_ok=True)
        shutil.copy(copy, database)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        yield


class Memory(Disks):
    """Databases that are not: each is a connection, found by the path that its file would have."""

    def __init__(self) -> None:
        self._disks: dict[Path, Disk] = {}

    def copy(self, source: Path, target: Path) -> None:
        super().copy(source, target)
        for path, disk in self._in(source):
            copy = self._made(target / path.relative_to(source))
            disk.connection.backup(copy.connection)

    def put_back(self, copy: Path, database: Path) -> None:
        """From memory, or from a file that the engine made of what is in memory."""
        known = self._disks.get(copy)
        source = known.connection if known else sqlcipher.connect(str(copy))
        self._disks[database].connection.close()
        source.backup(self._made(database).connection)
        if known is None:
            source.close()

    def forget(self, folder: Path) -> None:
        super().forget(folder)
        for path, disk in self._in(folder):
            disk.connection.close()
            del self._disks[path]

    @contextmanager
    def in_use(self) -> Iterator[None]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(station_store, "open_database", self._open_station)
            patch.setattr(hub_store, "open_database", self._open_hub)
            patch.setattr(backups, "open_backup", lambda path, key: _open_plain(path))
            patch.setattr(witness, "_flush", lambda file: None)
            patch.setattr(os, "fsync", lambda file: None)
            yield

    def _open_station(
        self, path: Path, data_key: bytes, *, create: bool = False
    ) -> of_station.Database:
        is_new = path not in self._disks
        database = StationInMemory(path, data_key, self._disk(path))
        if is_new:
            path.touch(mode=0o600)
            of_station._migrate(database)
        return database

    def _open_hub(self, path: Path, key: bytes) -> of_hub.HubDatabase:
        is_new = path not in self._disks
        if is_new and path.exists() and path.stat().st_size:
            return _open_plain(path)  # the engine makes a file of what is in memory: a backup
        database = HubInMemory(path, self._disk(path))
        database.connect()
        if is_new:
            path.write_bytes(b"in memory")
            migrations.run(database, directory=str(of_hub.MIGRATIONS))
        return database

    def _in(self, folder: Path) -> list[tuple[Path, Disk]]:
        return [each for each in self._disks.items() if each[0].is_relative_to(folder)]

    def _disk(self, path: Path) -> Disk:
        return self._disks.get(path) or self._made(path)

    def _made(self, path: Path) -> Disk:
        disk = sqlcipher.connect(":memory:", isolation_level=None, check_same_thread=False)
        self._disks[path] = Disk(disk)
        return self._disks[path]
