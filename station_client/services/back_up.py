"""A copy of the store on another disk. It counts once it was opened, checked and compared.

Opens with the key slots of this PC, like the original. Knows no page and no schedule.
"""

from pathlib import Path

from station_client.errors import StationError
from station_client.home import replacing_durably
from station_client.station import Station


def back_up(station: Station, path: Path) -> int:
    """Copy the store to `path`, on the disk when this returns; gives the bytes. Clerks go on.

    What stood at `path` stays until the new copy is proven. Errors: backup.inside,
    backup.unsound, store.*, home.*
    """
    if path.resolve().is_relative_to(station.home.folder.resolve()):
        raise StationError("backup.inside", folder=station.home.folder)
    with replacing_durably(path) as draft:
        least = station.store.extent()
        if not station.store.copied_into(draft, least):
            raise StationError("backup.unsound", file=path)
    return path.stat().st_size
