"""The channels and their entries.

Appending happens inside one write transaction that holds the channel's row; positions come from
that row. Bytes are kept as they arrived. Knows no form, no merge and no page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from hub_server.store.database import HubDatabase, Row, first_row, insert_many, run
from hub_server.store.operations import Placed, operation_row, stored_operation
from hub_server.store.tables import table
from sync_protocol import channel as protocol
from sync_protocol.channel import Cursor
from sync_protocol.pull import StoredEntry

ENTRIES_PER_READ = 1000

_ENTRIES_AFTER = """
    SELECT e.position, e.data, e.digest, o.header, o.body, o.body_digest
    FROM entry e LEFT JOIN operation o ON o.channel = e.channel AND o.name = e.operation
    WHERE e.channel = ? AND e.position > ? ORDER BY e.position LIMIT ?
"""
_CHANNEL = "id, kind, region, station_code, epoch, position, digest, closing"


@dataclass(frozen=True)
class Channel:
    """One channel and where it ends. `closing` is the bytes of its closing entry, if any."""

    id: bytes
    kind: str
    region: str
    station_code: str | None
    epoch: bytes
    position: int
    digest: bytes
    closing: bytes | None = None

    @property
    def cursor(self) -> Cursor:
        return Cursor(self.id, self.epoch, self.position, self.digest)


class NewEntry(msgspec.Struct, frozen=True):
    """An entry to append, with the operation that it gives a place to, if any."""

    data: bytes
    placed: Placed | None = None


class Journal:
    """The append-only part of the store. `grown`: the channels that this transaction made or
    appended to, as they are then."""

    def __init__(self, database: HubDatabase) -> None:
        self.grown: dict[bytes, Channel] = {}
        self._database = database
        self._channels = table(database, "channel")
        self._for_update = bool(database.for_update)

    def add_channel(self, channel: Channel) -> None:
        self._channels.insert(**_channel_row(channel)).execute()
        self.grown[channel.id] = channel

    def channel(self, channel: bytes) -> Channel | None:
        return _channel(first_row(self._database, "channel", "id = ?", channel))

    def lock_channel(self, channel: bytes) -> Channel:
        """The channel's row, held until the transaction ends. Raises KeyError."""
        held = "id = ? FOR UPDATE" if self._for_update else "id = ?"
        found = _channel(first_row(self._database, "channel", held, channel))
        if found is None:
            raise KeyError(channel.hex())
        return found

    def channel_of_region(self, kind: str, region: str) -> Channel | None:
        """The region or office channel of a division code; of several the first that was made."""
        return next(iter(self.channels_of_region(kind, region)), None)

    def channels_of_region(self, kind: str, region: str) -> list[Channel]:
        """All of them: one that a restore lost comes back beside one that was made meanwhile."""
        sql = f"SELECT {_CHANNEL} FROM channel WHERE kind = ? AND region = ? ORDER BY rowid"
        return [Channel(*row) for row in run(self._database, sql, kind, region)]

    def channels(self) -> list[Channel]:
        rows = run(self._database, f"SELECT {_CHANNEL} FROM channel ORDER BY region, kind")
        return [Channel(*row) for row in rows]

    def append(self, channel: Channel, new: Sequence[NewEntry]) -> Channel:
        """Appends entries and their operations to a locked channel; returns where it ends then."""
        if not new:
            return channel
        entries: list[tuple[object, ...]] = []
        placed: list[tuple[object, ...]] = []
        digest, position = channel.digest, channel.position
        for position, each in enumerate(new, start=channel.position + 1):
            digest = protocol.next_digest(digest, each.data)
            name = each.placed.operation.name if each.placed else None
            entries.append((channel.id, position, each.data, digest, name))
            if each.placed is not None:
                placed.append(operation_row(channel.id, each.placed, position))
        insert_many(self._database, "entry", entries)
        insert_many(self._database, "operation", placed)
        grown = replace(channel, position=position, digest=digest)
        moved = "UPDATE channel SET position = ?, digest = ? WHERE id = ?"
        run(self._database, moved, position, digest, channel.id)
        self.grown[channel.id] = grown
        return grown

    def open_epoch(self, channel: Channel, entry: bytes, epoch: bytes) -> Channel:
        """Appends this epoch entry to a locked channel, which goes on in that epoch."""
        grown = replace(self.name_epoch(channel, entry), epoch=epoch)
        run(self._database, "UPDATE channel SET epoch = ? WHERE id = ?", epoch, channel.id)
        self.grown[channel.id] = grown
        return grown

    def name_epoch(self, channel: Channel, entry: bytes) -> Channel:
        """Appends an entry that names an epoch to a locked channel."""
        grown = self.append(channel, [NewEntry(entry)])
        noted = "INSERT INTO epoch (channel, position, data) VALUES (?, ?, ?)"
        run(self._database, noted, channel.id, grown.position, entry)
        return grown

    def set_closing(self, channel: bytes, closing: bytes) -> None:
        c = self._channels
        c.update(closing=closing).where(c.id == channel).execute()

    def digest_at(self, channel: bytes, position: int) -> bytes | None:
        """The channel's digest at a position, None beyond its end."""
        if position == 0:
            return protocol.first_digest(channel)
        sql = "SELECT digest FROM entry WHERE channel = ? AND position = ?"
        row = run(self._database, sql, channel, position).fetchone()
        return row[0] if row else None

    def entries_after(self, channel: bytes, position: int) -> Iterator[StoredEntry]:
        """All entries after a position, read in portions as they are asked for."""
        while True:
            portion = self._read_entries(channel, position)
            yield from portion
            if len(portion) < ENTRIES_PER_READ:
                return
            position = portion[-1].position

    def _read_entries(self, channel: bytes, position: int) -> list[StoredEntry]:
        found = run(self._database, _ENTRIES_AFTER, channel, position, ENTRIES_PER_READ)
        return [
            StoredEntry(
                at, data, digest, stored_operation(header, body, body_digest) if header else None
            )
            for at, data, digest, header, body, body_digest in found
        ]


def _channel_row(channel: Channel) -> Row:
    return {
        "id": channel.id,
        "kind": channel.kind,
        "region": channel.region,
        "station_code": channel.station_code,
        "epoch": channel.epoch,
        "position": channel.position,
        "digest": channel.digest,
        "closing": channel.closing,
    }


def _channel(row: Any) -> Channel | None:
    return Channel(**row) if row is not None else None
