"""The hub finds itself behind its own past: it goes on in a new epoch, and says so everywhere.

Every channel gets an entry that names the old epoch and what was kept of it, codes issued before
are void, and the hub writes as new replicas from there. PROTOCOL.md, section 13.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping

from hub_server.accounts import Account
from hub_server.hub import EPOCH, Hub
from hub_server.outside_journal import EpochDrawn, Lost
from hub_server.permissions import demand
from hub_server.services.audit import note
from hub_server.services.withdraw import is_behind_journal
from hub_server.store import NAMED, Backup, Channel
from sync_protocol import agree
from sync_protocol.channel import (
    Cursor,
    EpochEntry,
    Receipt,
    entry_bytes,
    former_epochs,
    read_entry,
)

WITNESSED = "witnessed"
"""The name of the fact that a witness was written once: that it is gone then says something."""


def _next_moment(hub: Hub) -> int:
    """Later than every epoch before: two entries that open different epochs are never alike."""
    drawn = [each.at for each in hub.outside.read() if isinstance(each, EpochDrawn)]
    return max(hub.now_ms(), max(drawn, default=0) + 1)


def opened_at(hub: Hub) -> int:
    """The moment of the present epoch."""
    lines = hub.outside.read()
    drawn = {each.epoch: each.at for each in lines if isinstance(each, EpochDrawn)}
    return drawn.get(hub.epoch, hub.now_ms())


def epoch_at(hub: Hub, channel: Channel, position: int) -> bytes:
    """The epoch in which a position was the channel's end."""
    later = (read_entry(data) for data in hub.store.epochs.after(channel.id, position))
    ended = (each.old_epoch for each in later if isinstance(each, EpochEntry))
    return next(ended, channel.epoch)


def wrote_as(hub: Hub, channel: bytes) -> frozenset[bytes]:
    """The hub's own replicas in a channel, of every epoch that it knows of: nobody else is one."""
    epochs = {hub.epoch, *former_epochs(hub.store.epochs.of(channel)), *drawn_epochs(hub)}
    return frozenset(hub.replica_of(channel, epoch) for epoch in epochs)


def is_ahead(hub: Hub, epoch: bytes) -> bool:
    """Whether what the hub signed in an epoch, and has not, is news to it: it was in that epoch
    itself until now, never heard of it, or is not in the epoch that it drew last."""
    drawn = drawn_epochs(hub)
    return epoch == hub.epoch or epoch not in drawn or drawn[-1] != hub.epoch


def drawn_epochs(hub: Hub) -> list[bytes]:
    """The epochs that the journal names, in the order they were drawn."""
    return [each.epoch for each in hub.outside.read() if isinstance(each, EpochDrawn)]


def draw_epoch(hub: Hub, seen: bytes | None = None) -> bytes:
    """A new epoch in every channel; `seen` is the one that shows that it is needed. Must run inside
    a write transaction."""
    fresh, now = os.urandom(16), _next_moment(hub)
    hub.outside.add(*(EpochDrawn(each, now) for each in (seen, fresh) if each))
    journal = hub.store.journal
    for each in journal.channels():
        channel = journal.lock_channel(each.id)
        entry = EpochEntry(channel.epoch, channel.position, channel.digest, now)
        journal.open_epoch(channel, entry_bytes(entry), fresh)
    hub.store.set_meta(EPOCH, fresh)
    hub.store.stations.drop_codes()
    note(hub, None, "hub.epoch", fresh.hex(), hub.region)
    return fresh


def notice_receipts(hub: Hub, readable: Iterable[bytes], receipts: Iterable[Receipt]) -> None:
    """A station shows what this hub signed and has not: it was restored, and did not notice it, or
    learns here how far its past went. Must run inside a write transaction."""
    allowed = set(readable)
    for receipt in receipts:
        cursor = receipt.cursor
        genuine = agree.receipt_verifies(hub.keys.public.signing, receipt)
        if not genuine or cursor.channel not in allowed:
            continue
        if hub.store.journal.digest_at(cursor.channel, cursor.position) == cursor.digest:
            continue
        if is_ahead(hub, cursor.epoch):
            draw_epoch(hub, cursor.epoch)
        _note_lost(hub, cursor)


def _note_lost(hub: Hub, cursor: Cursor) -> None:
    """How far an epoch is known to have gone that is lost beyond what was kept of it."""
    told = (read_entry(data) for data in hub.store.epochs.of(cursor.channel))
    epochs = [each for each in told if isinstance(each, EpochEntry)]
    own = [each.kept for each in epochs if each.old_epoch == cursor.epoch]
    kept = (own or [each.kept for each in epochs] or [0])[-1]
    known = [
        each.last
        for each in hub.outside.read()
        if isinstance(each, Lost) and (each.channel, each.epoch) == (cursor.channel, cursor.epoch)
    ]
    first = min(max([kept, *known]) + 1, cursor.position)
    if max(known, default=0) < cursor.position:
        hub.outside.add(Lost(cursor.channel, cursor.epoch, first, cursor.position))


def declare_restored(hub: Hub, account: Account) -> bytes:
    """Draws a new epoch for a restore that nothing showed: of the whole machine, for example."""
    demand(account, "hub.restored")
    with hub.store.writing():
        note(hub, account, "hub.restored", "", hub.region)
        return draw_epoch(hub)


def notice_restore(hub: Hub) -> None:
    """At the hub's start, before anybody is answered: is the store what its witness saw?

    Read in this order, a store that others are writing to is never behind.
    """
    stood = hub.store.witness.read() if hub.store.witness else {}
    with hub.store.reading():
        restored = _is_restored(hub, stood)
        channels = hub.store.journal.channels()
    if not restored:
        _complete_witness(hub, stood, channels)
        return
    with hub.store.writing():
        if not _is_restored(hub, stood):  # another process was between its journal and its commit
            return
        here = {each.id: each for each in hub.store.journal.channels()}
        hub.outside.add(*_lost(hub, stood.values(), here))
        _remember_backup(hub, here)
        draw_epoch(hub)
        if hub.store.witness is not None:
            hub.store.witness.forget()


def _remember_backup(hub: Hub, channels: Mapping[bytes, Channel]) -> None:
    """The file that was put back may be put back again: no copy knows of itself what the original
    noted of it."""
    named = hub.store.meta(NAMED)
    if named is not None:
        positions = {each.id: each.position for each in channels.values()}
        hub.store.backups.add(Backup(named, hub.now_ms(), hub.epoch), positions)
        hub.store.drop_meta(NAMED)


def _is_restored(hub: Hub, stood: Mapping[bytes, Cursor]) -> bool:
    """A copy that was put back says so itself; another one is in an epoch that another followed,
    behind its journal or its witness, or has none."""
    store, drawn = hub.store, drawn_epochs(hub)
    if (hub.epoch in drawn[:-1] and drawn[-1] != hub.epoch) or is_behind_journal(hub):
        return True
    if store.meta(NAMED) is not None or (store.meta(WITNESSED) is not None and not stood):
        return True
    ends = {each.id: (each.position, each.digest) for each in store.journal.channels()}
    return any(
        ends.get(each.channel) != each.end
        and store.journal.digest_at(each.channel, each.position) != each.digest
        for each in stood.values()
    )


def _lost(hub: Hub, stood: Iterable[Cursor], here: Mapping[bytes, Channel]) -> list[Lost]:
    """What the witness saw and the store has not, channel by channel."""
    lost = list[Lost]()
    for each in stood:
        own = here.get(each.channel)
        if hub.store.journal.digest_at(each.channel, each.position) == each.digest:
            continue
        kept = min(own.position if own else 0, each.position - 1)
        lost.append(Lost(each.channel, each.epoch, kept + 1, each.position))
    return lost


def _complete_witness(hub: Hub, stood: Mapping[bytes, Cursor], channels: Iterable[Channel]) -> None:
    """Of channels that it does not know; for a store that never had a witness, of all."""
    new = [each for each in channels if each.id not in stood]
    if new and hub.store.witness is not None:
        hub.store.witness.note(new)
    if hub.store.meta(WITNESSED) is None:
        with hub.store.writing():
            hub.store.set_meta(WITNESSED, b"1")
