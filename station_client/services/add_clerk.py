"""Let another clerk work at this desk: the name for everybody, the key for this PC."""

from station_client.services.record_entry import record_clerk
from station_client.services.writing import new_id
from station_client.station import Station


def add_clerk(station: Station, name: str, secret: str) -> bytes:
    """Gives the clerk's id (16 bytes). Errors: clerk.name, vault.*; nothing is kept then.

    The key inside the transaction of the name: no name without a key. Where the power goes between
    the two, a key without a name is left: `list_clerks` shows it and `remove_clerk` removes it.
    """
    clerk = new_id()
    with station.store.writing():
        record_clerk(station, clerk, name)
        station.vault.add_slot(station.unlocked, clerk, secret)
    return clerk
