"""Apply one page of a channel: its entries, their verdicts, and the records they touch, in the one
transaction that moves the cursor.

What a page carries is proven by the protocol before it comes here.
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from station_client.services.merged import merged
from station_client.services.projection import project, project_item
from station_client.station import Station
from station_client.store.rows import ItemRow, RecordRow
from sync_protocol import pull
from sync_protocol.channel import (
    ClosingEntry,
    ErasureEntry,
    OperationEntry,
    PlaceEntry,
    Verdict,
    VerdictEntry,
    hub_replica,
)
from sync_protocol.operations import Operation
from sync_protocol.pull import Applied, Page

RECORDS_AT_ONCE = 1000
"""Records whose operations are in memory together while they are merged again."""


def apply_page(station: Station, page: Page) -> Applied | None:
    """What was applied; None for a page that does not continue from our cursor, which is no fault.

    PeerFault reply.digest, reply.receipt: nothing is applied then.
    """
    store = station.store
    with store.writing():
        known = store.channels.find(page.base.channel)
        if known is None:
            return None
        own = store.journal.own_names(station.keys.replica, pull.own_seqs(page))
        applied = pull.absorb_page(page, known.cursor, own, station.hub.signing)
        if applied is None or applied.receipt is None:  # nothing to move
            return applied if known.receipt_at is not None else None
        touched = _keep(station, applied)
        show_again(station, applied.cursor.channel, touched)
        store.channels.move(applied)
        store.lost.keep_receipt(applied.receipt, applied.covered)
    return applied


def learn_epochs(station: Station, channel: bytes, epochs: Iterable[bytes]) -> list[bytes]:
    """In each of these epochs the hub wrote as another replica; gives the records in which that
    changes who wrote. Within `store.writing`."""
    channels = station.store.channels
    replicas = {hub_replica(station.hub.id, channel, epoch) for epoch in epochs}
    new = replicas - channels.hub_replicas()
    if not new:
        return []
    channels.add_hub_replicas(list(new))
    return station.store.journal.written_by_hub(new)


def _keep(station: Station, applied: Applied) -> list[bytes]:
    """Store what the entries say; gives the records they touch."""
    store, channel = station.store, applied.cursor.channel
    journal, standings = store.journal, store.standings
    concerned = learn_epochs(station, channel, [*applied.past_epochs, applied.cursor.epoch])
    if not applied.entries:
        return concerned
    by_hub = store.channels.hub_replicas()
    new = journal.add_placed(channel, _placed(applied), by_hub)
    received = [each.operation for each in applied.entries if each.operation is not None]
    journal.add_received(channel, [each for each in received if each.name not in new], by_hub)
    done = standings.accept_as_written(_accepted_here(applied)) | new.keys()
    standings.set_places(
        (each.entry.name, each.position, each.entry.effective)
        for each in applied.entries
        if isinstance(each.entry, PlaceEntry) and each.entry.name not in done
    )
    judged = [
        (each.entry.identity, each.entry.verdict, each.entry.code, each.entry.at)
        for each in applied.entries
        if isinstance(each.entry, VerdictEntry)
        or (isinstance(each.entry, PlaceEntry) and each.entry.name not in done)
    ]
    standings.raise_verdicts(judged)
    erased = [each.entry.record for each in applied.entries if isinstance(each.entry, ErasureEntry)]
    store.bodies.erase(channel, erased)
    for each in applied.entries:
        if isinstance(each.entry, ClosingEntry):
            store.channels.close(channel, each.entry.at, each.entry.until)
            store.database.once_durable(station.refresh)  # what is saved from then on is marked
    named = journal.records_of([identity for identity, *_ in judged])
    return list(dict.fromkeys([*new.values(), *named.values(), *erased, *concerned]))


def _placed(applied: Applied) -> list[tuple[Operation, int, OperationEntry]]:
    """What others wrote, with its position and entry, where the page brings one copy alone: what
    several entries say of one operation counts in their order."""
    received = [each.operation for each in applied.entries if each.operation is not None]
    again = {each.identity for each in received if each.identity != each.name}
    return [
        (each.operation, each.position, each.entry)
        for each in applied.entries
        if each.operation is not None
        and isinstance(each.entry, OperationEntry)
        and each.operation.name not in again
    ]


def _accepted_here(applied: Applied) -> list[tuple[bytes, int, int, int]]:
    """(name, position, effective stamp, hub's time) of what was written here and is accepted."""
    return [
        (each.entry.name, each.position, each.entry.effective, each.entry.at)
        for each in applied.entries
        if isinstance(each.entry, OperationEntry)
        and each.operation is None
        and each.entry.verdict == Verdict.ACCEPTED
    ]


def show_again(station: Station, channel: bytes, records: Sequence[bytes]) -> None:
    """Merge these records anew and keep what pages list and search. Within `store.writing`."""
    for start in range(0, len(records), RECORDS_AT_ONCE):
        chunk = records[start : start + RECORDS_AT_ONCE]
        _put(station, channel, chunk, list(_rows(station, channel, chunk)))


def _rows(station: Station, channel: bytes, records: Sequence[bytes]) -> Iterable[RecordRow]:
    for stored in station.store.journal.operations_of(channel, records).values():
        record = merged(station.forms, stored)
        # Nothing to show: erased, or another desk's that the county has not accepted.
        if record.shown.registers:
            row = project(record, stored, channel, station.name)
            # What the county published is the county's to settle.
            yield row if channel == station.channel else replace(row, conflicts=0)


def _put(
    station: Station, channel: bytes, records: Sequence[bytes], rows: Sequence[RecordRow]
) -> None:
    shown = {row.id for row in rows}
    gone = [each for each in records if each not in shown]
    station.store.records.put(rows)
    station.store.records.remove(channel, gone)
    items = [row for row in rows if row.kind == "catalogue_item"]
    published: list[ItemRow] = [project_item(row) for row in items if not row.alive]
    station.store.items.put(published)
    station.store.items.remove([*gone, *(row.id for row in items if row.alive)])
