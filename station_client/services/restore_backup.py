"""Put a copy of the store back in its place, and go on from it as a new replica.

The hub may have seen more of the old chain than the copy holds: nobody goes on with that. Knows no
page; the program does not run meanwhile. PROTOCOL.md, section 12.
"""

import shutil
from itertools import count
from pathlib import Path

from station_client.errors import StationError
from station_client.home import Home, coded, replacing_durably
from station_client.station import Station
from station_client.store import is_sound

ASIDE = ".before"
"""Suffix of what stood there: what a damaged store still holds may be wanted. A number follows
where an earlier one is kept already."""


def put_back(home: Home, data_key: bytes, backup: Path) -> None:
    """Have this backup stand where the store stood, which is set aside.

    Errors: backup.not_sound, home.*; nothing is changed then.
    """
    with replacing_durably(home.database) as draft:
        with coded(backup):
            shutil.copyfile(backup, draft)
        try:
            sound = is_sound(draft, data_key)
        except StationError as error:
            raise StationError("backup.not_sound", file=backup) from error
        if not sound:
            raise StationError("backup.not_sound", file=backup)
        _set_aside(home)


def _set_aside(home: Home) -> None:
    """With its write-ahead log: beside another store that would be taken for its own."""
    aside = _free_name(home.database)
    for suffix in ("-shm", "-wal", ""):
        path = home.database.with_name(home.database.name + suffix)
        with coded(path):
            if path.exists():
                path.replace(aside.with_name(aside.name + suffix))


def _free_name(database: Path) -> Path:
    names = (f"{database.name}{ASIDE}{n or ''}" for n in count())
    taken = {path.name.removesuffix("-wal") for path in database.parent.glob(f"*{ASIDE}*")}
    return database.with_name(next(name for name in names if name not in taken))


def go_on(station: Station) -> None:
    """Mint, unless the start did so already because the witness had seen more."""
    if not station.has_minted:
        station.mint()
