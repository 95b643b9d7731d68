"""Show every record anew after the program or its forms changed: what an older version could not
read was kept, and is read now.
"""

from station_client import __version__
from station_client.services.apply_page import show_again
from station_client.station import Station


def renew_records(station: Station) -> bool:
    """Merge all records again unless this very version made their rows; whether it did."""
    store = station.store
    if store.facts.shown_by() == _maker(station):
        return False
    with store.writing():
        for channel in (each.cursor.channel for each in store.channels.all()):
            show_again(station, channel, store.journal.record_ids(channel))
        store.facts.keep_shown_by(_maker(station))
    return True


def _maker(station: Station) -> str:
    versions = (f"{name}.{max(station.forms.versions(name))}" for name in station.forms.names())
    return " ".join((__version__, *versions))
