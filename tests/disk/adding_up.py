"""What must be on a disk, whatever happened to it: all that was said to be saved, and it adds up.

What was said is a list of facts that JSON can carry. Knows both stores' tables; no fault.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from hub_server.hub import Hub
from hub_server.services.check_history import journal_faults, record_faults
from station_client.station import Station
from station_client.store import Store
from sync_protocol import channel as protocol
from sync_protocol import operations

Fact = Sequence[Any]


def facts_of_store(store: Store) -> list[Fact]:
    """How far a station's chains and cursors reach, to be said once a call came back."""
    reached = store.extent()
    chains = [["chain", of.hex(), seq, link.hex()] for of, (seq, link) in reached.chains.items()]
    cursors = [
        ["cursor", of.hex(), at, digest.hex()] for of, (at, digest) in reached.cursors.items()
    ]
    return [*chains, *cursors]


def facts_of_hub(hub: Hub) -> list[Fact]:
    """How far the hub's channels reach and in which epoch, to be said once it has answered."""
    channels = hub.store.journal.channels()
    reached = [["channel", each.id.hex(), each.position, each.digest.hex()] for each in channels]
    return [["epoch", hub.epoch.hex()], *reached]


def faults_of_store(store: Store, said: Iterable[Fact]) -> list[str]:
    """What is wrong with a station's store; [] if all adds up and nothing is lost."""
    found = store.database.damage()
    found += _chain_faults(store) + _entry_faults(store) + _record_faults(store)
    return found + [
        f"lost: {' '.join(map(str, fact))}" for fact in said if not _holds(store, *fact)
    ]


def _holds(store: Store, kind: str, whose: str, at: int = 0, digest: str = "") -> bool:
    if kind == "record":
        return store.records.find(bytes.fromhex(whose)) is not None
    sql = {
        "chain": "SELECT link AS digest FROM operation WHERE replica = ? AND seq = ?",
        "cursor": "SELECT digest FROM entry WHERE channel = ? AND position = ?",
    }[kind]
    row = store.database.row(sql, bytes.fromhex(whose), at)
    if row is None and kind == "cursor":  # no entries: a snapshot stands for them
        sql = "SELECT digest FROM channel WHERE id = ? AND position = ?"
        row = store.database.row(sql, bytes.fromhex(whose), at)
    return not at or (row is not None and row["digest"].hex() == digest)


def _chain_faults(store: Store) -> list[str]:
    found, ends = list[str](), dict[bytes, tuple[int, bytes]]()
    sql = "SELECT replica, seq, name, link FROM operation WHERE link IS NOT NULL ORDER BY seq"
    for row in store.database.rows(sql):
        seq, link = ends.get(row["replica"], (0, operations.first_link(row["replica"])))
        link = operations.next_link(link, row["name"])
        if (row["seq"], row["link"]) != (seq + 1, link):
            found.append(f"chain: broken at {row['seq']}")
        ends[row["replica"]] = (row["seq"], row["link"])
    return found


def _entry_faults(store: Store) -> list[str]:
    found = list[str]()
    for channel in store.channels.all():
        cursor = channel.cursor
        at, digest = 0, protocol.first_digest(cursor.channel)
        sql = "SELECT position, data, digest FROM entry WHERE channel = ? ORDER BY position"
        rows = store.database.rows(sql, cursor.channel)
        if channel.bootstrap is not None:  # what a snapshot stands for is not here
            at, digest = (rows[0]["position"], rows[0]["digest"]) if rows else cursor.end
            rows = rows[1:]
        for row in rows:
            at, digest = at + 1, protocol.next_digest(digest, row["data"])
            if (row["position"], row["digest"]) != (at, digest):
                found.append(f"entries: broken at {row['position']}")
                break
        if (at, digest) != (cursor.position, cursor.digest):
            found.append(f"entries: end at {at}, the cursor at {cursor.position}")
    return found


def _record_faults(store: Store) -> list[str]:
    """Whatever was written here stands in its record's row."""
    rows = store.database.rows(
        "SELECT DISTINCT record FROM operation"
        " WHERE link IS NOT NULL AND record NOT IN (SELECT id FROM record)"
    )
    return [f"record: {row['record'].hex()} has operations and no row" for row in rows]


def faults_of_hub(hub: Hub, said: Iterable[Fact], last: int | None = None) -> list[str]:
    """What is wrong with the hub; [] if all adds up and nothing is lost."""
    found = list(hub.store.damaged_pages())
    found += [f"journal: {each}" for each in journal_faults(hub, last)]
    found += [f"record: {each}" for each in record_faults(hub, last)]
    for kind, *fact in said:
        if kind == "epoch":
            found += [] if hub.epoch.hex() in fact else ["a new epoch, though nothing was lost"]
            continue
        channel, at, digest = fact
        here = hub.store.journal.digest_at(bytes.fromhex(channel), at)
        if here is None or here.hex() != digest:
            found.append(f"lost: channel {channel} at {at}")
    return found


def faults_between(hub: Hub, station: Station) -> list[str]:
    """What two ends that came to rest do not hold alike."""
    found = []
    if station.store.journal.totals(station.keys.replica).pending:
        found.append("rest: something still waits")
    for each in station.store.channels.all():
        if (
            hub.store.journal.digest_at(each.cursor.channel, each.cursor.position)
            != each.cursor.digest
        ):
            found.append("rest: the histories differ")
        if hub.store.journal.channel(each.cursor.channel).position != each.cursor.position:  # type: ignore[union-attr]
            found.append("rest: the hub holds more")
    return found
