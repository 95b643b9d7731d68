"""Somebody who left opens this PC no more; what they wrote keeps their name."""

from station_client.services.amend_entry import amend_entry
from station_client.station import Station


def remove_clerk(station: Station, clerk: bytes) -> None:
    """Errors: vault.unknown_clerk, vault.last_clerk, record.unknown, store.*"""
    with station.store.writing():
        amend_entry(station, clerk, {"active": False})
        station.vault.remove_slot(clerk)
