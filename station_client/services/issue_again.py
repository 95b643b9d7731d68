"""Write again, under the chain of now, what older chains of this PC hold and nobody has decided.

A copy is the same act: one identity, one verdict. PROTOCOL.md, section 12.
"""

from station_client.services.apply_page import show_again
from station_client.station import Station
from sync_protocol import mint

MOST_COPIES = 2_500
"""In one exchange: as many as it sends."""


def is_due(station: Station) -> bool:
    """Whether the next exchange issues something again."""
    replica = station.keys.replica
    return bool(station.identity.past) and bool(
        station.store.journal.issued_again(replica, mint.ISSUED_AGAIN, 1)
    )


def issue_again(station: Station) -> int:
    """Append the copies that are due to the outbox; how many. Within `store.writing`."""
    if not station.identity.past:
        return 0
    journal = station.store.journal
    head = journal.own_head(station.keys.replica)
    due = journal.issued_again(head.replica, mint.ISSUED_AGAIN, MOST_COPIES)
    copies = []
    for operation in due:
        copies.append(mint.issue_again(operation, head))
        head = journal.append_own(station.channel, head, copies[-1])
    journal.share_verdicts(copies)
    show_again(station, station.channel, list({each.header.record: None for each in copies}))
    return len(copies)
