"""What a snapshot brought instead of every entry since the first: which operations are spent, what
they replaced, and how the undecided ones stood.

Whoever writes does so within `Database.writing`. PROTOCOL.md, section 14.
"""

from collections.abc import Iterable, Sequence

import msgspec

from station_client.store.connection import Database
from station_client.store.rows import Bootstrap
from sync_protocol.channel import Receipt, Verdict
from sync_protocol.snapshot import PlacedOperation, ReadRecord


class Snapshots:
    def __init__(self, database: Database) -> None:
        self._database = database

    def keep(self, channel: bytes, bootstrap: Bootstrap) -> None:
        """How far the snapshot of a channel has come."""
        self._database.write(
            "UPDATE channel SET snapshot = ? WHERE id = ?",
            msgspec.msgpack.encode(bootstrap),
            channel,
        )

    def keep_left_out(self, channel: bytes, records: Sequence[ReadRecord], position: int) -> None:
        """What a part, taken at this position, says about operations that it does not bring. What
        was written here and is named has its place up to there: it is not sent again for ever."""
        spent = [(*both, each.record) for each in records for both in each.spent]
        self._database.write_many(
            "INSERT OR IGNORE INTO spent (identity, channel, record) VALUES (?, ?, ?)",
            ((identity, channel, record) for _, identity, record in spent),
        )
        self._database.write_many(
            "UPDATE operation SET verdict = 2, code = '' WHERE identity = ?",
            ((identity,) for _, identity, _ in spent),
        )
        self._database.write_many(
            "UPDATE operation SET position = coalesce(position, ?2) WHERE name = ?1",
            ((name, position) for name, _, _ in spent),
        )
        self._database.write_many(
            "INSERT OR IGNORE INTO replaced (channel, record, register, name) VALUES (?, ?, ?, ?)",
            (
                (channel, each.record, register, name)
                for each in records
                for register, names in each.replaced.items()
                for name in names
            ),
        )

    def keep_undecided(
        self, channel: bytes, placed: Iterable[tuple[bytes, PlacedOperation]]
    ) -> None:
        """(identity, place): how what is not accepted stood when the snapshot was taken."""
        self._database.write_many(
            "INSERT OR REPLACE INTO based (identity, channel, verdict, code, at)"
            " VALUES (?, ?, ?, ?, ?)",
            (
                (identity, channel, each.verdict, each.code, each.at)
                for identity, each in placed
                if each.verdict != Verdict.ACCEPTED
            ),
        )

    def finish(self, receipt: Receipt) -> None:
        """The cursor of the channel is the snapshot's from here on."""
        cursor, packed = receipt.cursor, msgspec.msgpack.encode(receipt)
        self._database.write(
            "UPDATE channel SET epoch = ?, position = ?, digest = ?, head = max(head, ?),"
            " base = ?, receipt = ?, receipt_at = ?, parted = '' WHERE id = ?",
            cursor.epoch,
            cursor.position,
            cursor.digest,
            cursor.position,
            msgspec.msgpack.encode(cursor),
            packed,
            receipt.hub_time,
            cursor.channel,
        )
        self._database.write(
            "INSERT OR REPLACE INTO receipt (channel, position, receipt) VALUES (?, ?, ?)",
            cursor.channel,
            cursor.position,
            packed,
        )
