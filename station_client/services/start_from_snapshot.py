"""A PC that has applied nothing yet starts from a snapshot, part by part, in any number of days.

Each part is applied in one transaction with the place to go on from; clerks record meanwhile.
PROTOCOL.md, section 14.
"""

from collections.abc import Sequence

from msgspec.structs import replace

from station_client.services.apply_page import learn_epochs, show_again
from station_client.station import Station
from station_client.store.rows import Bootstrap, ChannelRow
from sync_protocol import channel, snapshot
from sync_protocol.channel import ClosingEntry
from sync_protocol.exchange import Rare, Reply
from sync_protocol.pull import Page
from sync_protocol.snapshot import ReadRecord, SnapshotAsk, SnapshotPart


def next_ask(channels: Sequence[ChannelRow]) -> SnapshotAsk | None:
    """The part to ask for: one that is under way, else the first of the own channel."""
    own = channels[0]
    for row in channels:
        if row.is_starting or (row is own and row.bootstrap is None and not row.cursor.position):
            state = row.bootstrap or Bootstrap()
            return SnapshotAsk(row.cursor.channel, state.position, state.after)
    return None


def wants_snapshot(row: ChannelRow, page: Page) -> bool:
    """Whether a page from the first entry on is not applied, because a snapshot may be had: where
    it does not bring all. Then that is asked for first."""
    return (
        row.bootstrap is None
        and not row.cursor.position
        and not page.parted
        and page.receipt is not None
        and page.head > page.receipt.cursor.position
    )


def take_part(station: Station, said: Rare, reply: Reply) -> bool:
    """Apply the part that came, or note that there is none; whether there is more to ask for.

    `said`: what the request said to which this is the answer.
    """
    store = station.store
    channels = store.channels.all()
    if reply.snapshot is not None:
        of = reply.snapshot.receipt.cursor.channel
        row = next((each for each in channels if each.cursor.channel == of), None)
        return row is not None and _apply(station, row, reply.snapshot)
    asked = next_ask(channels)
    if reply.standing or asked is None or asked != said.snapshot:
        return False
    with store.writing():
        if asked.position:  # what came of it may be of a history that the hub has lost
            store.lost.start_over(next(e for e in channels if e.cursor.channel == asked.channel))
        else:
            store.snapshots.keep(asked.channel, Bootstrap(is_over=True))
    return asked.position > 0 or asked.channel != station.channel


def _apply(station: Station, row: ChannelRow, part: SnapshotPart) -> bool:
    """PeerFault reply.receipt, operation.header, message.form: nothing is applied then."""
    state = row.bootstrap or Bootstrap()
    if state.is_over or row.cursor.position:
        return False
    of = row.cursor.channel
    ask = SnapshotAsk(of, state.position, state.after)
    records = snapshot.read_part(part, ask, station.hub.signing)
    if records is None:
        return False
    store, cursor = station.store, part.receipt.cursor
    if state.position and state.digest != cursor.digest:
        with store.writing():
            store.lost.start_over(row)
        return True
    with store.writing():
        touched = learn_epochs(station, of, _epochs(part))
        _keep(station, of, records, cursor.position)
        show_again(station, of, [*touched, *(each.record for each in records)])
        if part.closing:
            closing = channel.read_entry(part.closing)
            if isinstance(closing, ClosingEntry):
                store.channels.close(of, closing.at, closing.until)
                store.database.once_durable(station.refresh)
        reached = replace(
            state,
            position=cursor.position,
            digest=cursor.digest,
            after=part.last,
            done=state.done + len(records),
            total=part.total,
            is_over=not part.last,
            closing=part.closing or state.closing,
        )
        store.snapshots.keep(of, reached)
        if reached.is_over:
            store.snapshots.finish(part.receipt)
    return True


def _epochs(part: SnapshotPart) -> list[bytes]:
    return [*channel.former_epochs(part.epochs), part.receipt.cursor.epoch]


def _keep(station: Station, of: bytes, records: Sequence[ReadRecord], position: int) -> None:
    store, snapshots = station.store, station.store.snapshots
    placed = [both for each in records for both in each.operations]
    store.bodies.erase(of, [each.record for each in records if each.erased])
    received = [operation for operation, _ in placed]
    store.journal.add_received(of, received, store.channels.hub_replicas())
    store.standings.set_places((each.name, at.position, at.effective) for each, at in placed)
    store.standings.raise_verdicts(
        (each.identity, at.verdict, at.code, at.at) for each, at in placed
    )
    snapshots.keep_undecided(of, ((each.identity, at) for each, at in placed))
    snapshots.keep_left_out(of, records, position)
