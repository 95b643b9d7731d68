"""Somebody who left opens this PC no more; what they wrote keeps their name."""

from station_client.services.amend_entry import amend_entry
from station_client.services.list_clerks import clerk_names
from station_client.station import Station


def remove_clerk(station: Station, clerk: bytes) -> None:
    """Errors: vault.unknown_clerk, vault.last_clerk, store.*

    The name first: where the power goes in between, the key is shown still, and can be removed.
    """
    station.vault.check_may_remove(clerk)
    if clerk in clerk_names(station):
        amend_entry(station, clerk, {"active": False})
    station.vault.remove_slot(clerk)
