"""What the station holds of its channels: cursor, receipt, entries; and the requests it sent.

Knows no operation's content. A cursor moves only in the transaction that applies what it passes.
"""

from collections.abc import Iterable, Sequence

import msgspec

from station_client.store.connection import Database, Row
from station_client.store.rows import Bootstrap, ChannelRow
from sync_protocol.channel import ClosingEntry, Cursor, Receipt, read_entry
from sync_protocol.enrol import Grant
from sync_protocol.pull import Applied

REQUESTS_KEPT = 32
"""Of each carrier. A courier's answer may come back after other exchanges; what older ones said is
asked for again."""


class Channels:
    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, grants: Iterable[Grant], starts: Iterable[Cursor]) -> None:
        """The channels of a fresh enrolment; what is there already stays."""
        with self._database.writing():
            self._database.write_many(
                "INSERT OR IGNORE INTO channel"
                " (id, kind, region, epoch, position, digest, head, covered, parted)"
                " VALUES (?, ?, ?, ?, 0, ?, 0, 0, '')",
                (
                    (grant.channel, grant.kind, grant.region, start.epoch, start.digest)
                    for grant, start in zip(grants, starts, strict=True)
                ),
            )

    def all(self) -> list[ChannelRow]:
        """The station's own channel first, then its region's."""
        rows = self._database.rows("SELECT * FROM channel ORDER BY kind = 'region', id")
        return [_channel(row) for row in rows]

    def own(self) -> ChannelRow:
        """The channel that the station writes in."""
        return self.all()[0]

    def find(self, channel: bytes) -> ChannelRow | None:
        row = self._database.row("SELECT * FROM channel WHERE id = ?", channel)
        return _channel(row) if row else None

    def move(self, applied: Applied) -> None:
        """Keep a page's entries and its receipt, and move the cursor behind them."""
        cursor, receipt = applied.cursor, applied.receipt
        assert receipt is not None
        self._database.write_many(
            "INSERT INTO entry (channel, position, data, digest) VALUES (?, ?, ?, ?)",
            ((cursor.channel, each.position, each.data, each.digest) for each in applied.entries),
        )
        self._database.write(
            "UPDATE channel SET epoch = ?, position = ?, digest = ?, head = ?, covered = ?,"
            " receipt = ?, receipt_at = ?, parted = '' WHERE id = ?",
            cursor.epoch,
            cursor.position,
            cursor.digest,
            applied.head,
            applied.covered,
            msgspec.msgpack.encode(receipt),
            receipt.hub_time,
            cursor.channel,
        )

    def confirm(self, unchanged: Iterable[Applied], hub_time: int) -> None:
        """Our receipts of these channels are still those of their ends, the hub says."""
        self._database.write_many(
            "UPDATE channel SET head = position, covered = ?, parted = '',"
            " receipt_at = max(receipt_at, ?) WHERE id = ?",
            ((each.covered, hub_time, each.cursor.channel) for each in unchanged),
        )

    def part(self, channel: bytes, why: str) -> None:
        """Note that the hub's history does not continue ours: nothing more is applied."""
        self._database.write("UPDATE channel SET parted = ? WHERE id = ?", why, channel)

    def close(self, channel: bytes, at: int | None, until: int | None) -> None:
        """Note the closing; None where the hub's entries know of none any more."""
        self._database.write(
            "UPDATE channel SET closed_at = ?, closed_until = ? WHERE id = ?", at, until, channel
        )

    def receipts(self) -> list[Receipt]:
        """The newest receipt of every channel that has one."""
        rows = self._database.rows("SELECT receipt FROM channel WHERE receipt IS NOT NULL")
        return [msgspec.msgpack.decode(row["receipt"], type=Receipt) for row in rows]

    def closing(self, row: ChannelRow) -> ClosingEntry | None:
        """The closing as the snapshot and the entries here say it, the last one where there are
        several."""
        rows = self._database.rows(
            "SELECT data FROM entry WHERE channel = ? ORDER BY position", row.cursor.channel
        )
        told = [row.bootstrap.closing] if row.bootstrap and row.bootstrap.closing else []
        told += [each["data"] for each in rows]
        closings = [each for each in map(read_entry, told) if isinstance(each, ClosingEntry)]
        return closings[-1] if closings else None

    def hub_replicas(self) -> set[bytes]:
        return {row["replica"] for row in self._database.rows("SELECT replica FROM hub_replica")}

    def add_hub_replicas(self, replicas: Sequence[bytes]) -> None:
        self._database.write_many(
            "INSERT OR IGNORE INTO hub_replica (replica) VALUES (?)",
            ((replica,) for replica in replicas),
        )

    def keep_request(
        self, number: int, digest: bytes, payload: bytes, carrier: str, made_at: int
    ) -> None:
        """Keep what is about to be sent, so that its reply is known when it comes."""
        self._database.write(
            "INSERT INTO request (number, digest, payload, carrier, made_at)"
            " VALUES (?, ?, ?, ?, ?)",
            number,
            digest,
            payload,
            carrier,
            made_at,
        )
        # Of this carrier alone, and counted: a desk without a line tries it many times a day, and
        # numbers are skipped at every start.
        self._database.write(
            "DELETE FROM request WHERE carrier = ?1 AND number <= (SELECT number FROM request"
            " WHERE carrier = ?1 ORDER BY number DESC LIMIT 1 OFFSET ?2)",
            carrier,
            REQUESTS_KEPT,
        )

    def open_requests(self, carrier: str) -> list[tuple[int, bytes]]:
        """(number, payload digest) of what was sent and not answered yet, newest first."""
        rows = self._database.rows(
            "SELECT number, digest FROM request WHERE carrier = ? ORDER BY number DESC", carrier
        )
        return [(row["number"], row["digest"]) for row in rows]

    def carried(self, carrier: str) -> list[int]:
        """When each request was made that was not answered yet (ms), newest first."""
        rows = self._database.rows(
            "SELECT made_at FROM request WHERE carrier = ? ORDER BY number DESC", carrier
        )
        return [row["made_at"] for row in rows]

    def payload(self, number: int) -> bytes:
        """What stood in a request that is still open; empty where nothing is kept of it."""
        row = self._database.row("SELECT payload FROM request WHERE number = ?", number)
        return row["payload"] if row else b""

    def forget_request(self, number: int) -> None:
        self._database.write("DELETE FROM request WHERE number = ?", number)

    def forget_requests(self) -> None:
        """All of them: their replies would be sealed to a replica that this PC was before."""
        self._database.write("DELETE FROM request")


def _channel(row: Row) -> ChannelRow:
    return ChannelRow(
        kind=row["kind"],
        region=row["region"],
        cursor=Cursor(row["id"], row["epoch"], row["position"], row["digest"]),
        head=row["head"],
        covered=row["covered"],
        receipt_at=row["receipt_at"],
        parted=row["parted"],
        closed_at=row["closed_at"],
        closed_until=row["closed_until"],
        base=msgspec.msgpack.decode(row["base"], type=Cursor) if row["base"] else None,
        bootstrap=(
            msgspec.msgpack.decode(row["snapshot"], type=Bootstrap) if row["snapshot"] else None
        ),
    )
