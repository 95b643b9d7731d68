"""A folder as the first program left it: the tables of the first migration, with today's contents.

What a later migration added is left out; the rows themselves are those of real work.
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hub_server.store import database as of_hub
from station_client.store import connection as of_station


@contextmanager
def _first_migration_alone(module: Any, folder: Path) -> Iterator[None]:
    first = min(module.MIGRATIONS.glob("0*.py"))
    folder.mkdir()
    (folder / first.name).write_text(first.read_text(encoding="utf-8"), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MIGRATIONS", folder)
        yield


def earlier_store(path: Path, key: bytes) -> None:
    """Put a station's database back to its first tables."""
    old = path.with_name("earlier.db")
    with _first_migration_alone(of_station, path.with_name("earlier")):
        of_station.open_database(old, key, create=True).close_all()
    database = of_station.Database(path, key)
    _pour(database.execute_sql, old, key)
    database.close_all()
    _replace(old, path)


def earlier_hub(home: Path) -> None:
    """Put a hub's database back to its first tables."""
    path, old = home / "hub.db", home / "earlier.db"
    key = bytes.fromhex((home / "keys" / "database.key").read_text())
    with _first_migration_alone(of_hub, home / "earlier"):
        of_hub.open_database(old, key).close()
    database = of_hub.HubDatabase(str(path), passphrase=f"x'{key.hex()}'")
    _pour(database.execute_sql, old, key)
    database.close()
    _replace(old, path)


def _pour(run: Callable[..., Any], old: Path, key: bytes) -> None:
    """Copy what the tables of both have in common."""
    run(f"ATTACH ? AS old KEY \"x'{key.hex()}'\"", (str(old),))
    tables = "SELECT name FROM old.sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    here = {name for (name,) in run("SELECT name FROM main.sqlite_master").fetchall()}
    for (name,) in run(tables).fetchall():
        if name in here and "migration" not in name:
            wanted, known = _columns(run, "old", name), _columns(run, "main", name)
            columns = ", ".join(f'"{each}"' for each in sorted(wanted))
            # What only the first tables had is a count that a later program makes anew.
            values = ", ".join(f'"{each}"' if each in known else "0" for each in sorted(wanted))
            run(f'INSERT INTO old."{name}" ({columns}) SELECT {values} FROM main."{name}"')


def _columns(run: Callable[..., Any], schema: str, name: str) -> set[str]:
    return {row[1] for row in run(f'PRAGMA {schema}.table_info("{name}")').fetchall()}


def _replace(old: Path, path: Path) -> None:
    for leftover in ("-wal", "-shm"):
        path.with_name(path.name + leftover).unlink(missing_ok=True)
    old.replace(path)
    shutil.rmtree(path.with_name("earlier"))
