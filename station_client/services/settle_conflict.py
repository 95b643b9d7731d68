"""Choose between the sides of a conflict: itself a write, which replaces all that the clerk saw."""

from forms import ALIVE, check_writes
from station_client.errors import StationError
from station_client.services.amend_entry import operations_of
from station_client.services.merged import merged
from station_client.services.writing import known_form, problems, save_change
from station_client.station import Station


def settle_conflict(
    station: Station, record: bytes, register: str, chosen_name: bytes, seen: tuple[bytes, ...]
) -> None:
    """`chosen_name`: the side's name; `seen`: the conflict's, as it was shown.

    What has moved on meanwhile is not settled, so that no newer value is hidden. Errors:
    conflict.moved_on, conflict.unknown, record.void_conflict, record.unknown, form.problems
    """
    with station.store.writing():
        stored = operations_of(station, record)
        now = merged(station.forms, stored)
        disputed = now.conflicts.get(register)
        if disputed is None:
            raise StationError("conflict.unknown")
        chosen = {side.name: side for side in disputed.sides}.get(chosen_name)
        if chosen is None or {live.name for live in disputed.live} != set(seen):
            raise StationError("conflict.moved_on")
        if ALIVE in now.conflicts and register != ALIVE:
            raise StationError("record.void_conflict")
        changes = {register: chosen.value}
        if register != ALIVE:
            found = check_writes(known_form(now), changes, author="station", creates=False)
            if found:
                raise problems(found)
        save_change(station, stored, now, changes)
