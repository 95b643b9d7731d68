"""Give oneself another PIN or passphrase for this PC."""

from station_client.station import Station


def change_secret(station: Station, old: str, new: str) -> None:
    """For the clerk at the desk. Errors: vault.*; the old one then stays."""
    station.vault.change_secret(station.clerk, old, new)
