"""What this PC can show an auditor: the newest heads of its channels, as the county signed them.

Held against an archive of the county they show a tail that was cut off, or a history that was
rewritten. PROTOCOL.md, section 24.
"""

from station_client.station import Station
from sync_protocol import archive


def write_receipts(station: Station) -> tuple[bytes, int]:
    """The file, and of how many channels it is; nothing in it is about a person."""
    receipts = station.store.channels.receipts()
    return archive.receipts_file(receipts), len(receipts)
