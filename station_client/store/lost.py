"""What a station holds of its own past for a hub that was restored: the receipt of every page, the
stretches that it offers, and whose verdicts it keeps until the hub has spoken again.

Knows no exchange. Whoever writes does so within `Database.writing`. PROTOCOL.md, section 13.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress

import msgspec

from station_client.store.connection import Database, Row
from station_client.store.rows import ChannelRow
from sync_protocol import channel, limits, lost
from sync_protocol.channel import (
    Cursor,
    EpochEntry,
    PlaceEntry,
    Receipt,
    Standing,
    Verdict,
    VerdictEntry,
)
from sync_protocol.errors import PeerFault
from sync_protocol.lost import Stretch

_pack = msgspec.msgpack.encode

ENTRIES_A_RECEIPT = 1000
"""About as many as one receipt stays of, where hardly any is needed any more."""

BODY_BYTES_HIGHEST = limits.REQUEST_BYTES // 2
"""Of one stretch, which no request could hold otherwise. The hub asks for the others."""

Piece = tuple[Cursor, list[bytes], Receipt]
"""A stretch without its operations: base, entries, the receipt at their end."""


def _receipt(row: Row) -> Receipt:
    return msgspec.msgpack.decode(row["receipt"], type=Receipt)


class Lost:
    def __init__(self, database: Database) -> None:
        self._database = database

    # --- receipts, and the history they prove ---

    def keep_receipt(self, receipt: Receipt, covered: int) -> None:
        """A page's. Of those below what every backup holds few stay: should an older one be put
        back all the same, each stretch between them fits into a request."""
        cursor = receipt.cursor
        self._database.write(
            "INSERT OR REPLACE INTO receipt (channel, position, receipt) VALUES (?, ?, ?)",
            cursor.channel,
            cursor.position,
            _pack(receipt),
        )
        self._database.write(
            "DELETE FROM receipt WHERE channel = ?1 AND position < ?2 AND position < ?3"
            " AND position NOT IN (SELECT max(position) FROM receipt WHERE channel = ?1"
            "  GROUP BY position / ?4)",
            cursor.channel,
            covered,
            cursor.position,
            ENTRIES_A_RECEIPT,
        )

    def digest_at(self, row: ChannelRow, position: int) -> bytes | None:
        """The channel's digest at a position as it is here; None where nothing is held of it."""
        base = row.start
        if position == base.position:
            return base.digest
        found = self._database.row(
            "SELECT digest FROM entry WHERE channel = ? AND position = ?",
            row.cursor.channel,
            position,
        )
        return found["digest"] if found else None

    def sound_end(self, row: ChannelRow) -> Cursor:
        """Up to where the entries here add up to the digests that were kept with them."""
        position, digest = row.start.end
        for at, data, kept in self._entries(row.cursor.channel, position):
            following = channel.next_digest(digest, data)
            if (at, kept) != (position + 1, following):
                break
            position, digest = at, following
        return self._cursor_at(row, position, digest)

    def _cursor_at(self, row: ChannelRow, position: int, digest: bytes) -> Cursor:
        """Our cursor as it was there: in the epoch that the next epoch entry of our log ended."""
        for _, data, _ in self._entries(row.cursor.channel, position):
            with suppress(PeerFault):  # damaged: whatever it was, it says nothing now
                entry = channel.read_entry(data)
                if isinstance(entry, EpochEntry):
                    return Cursor(row.cursor.channel, entry.old_epoch, position, digest)
        return msgspec.structs.replace(row.cursor, position=position, digest=digest)

    def epochs(self, row: ChannelRow) -> list[bytes]:
        """The epoch entries of our own log."""
        entries = (data for _, data, _ in self._entries(row.cursor.channel, row.start.position))
        return [each for each in entries if isinstance(channel.read_entry(each), EpochEntry)]

    def _entries(self, of: bytes, after: int) -> Iterator[tuple[int, bytes, bytes]]:
        rows = self._database.rows(
            "SELECT position, data, digest FROM entry WHERE channel = ? AND position > ?"
            " ORDER BY position",
            of,
            after,
        )
        return ((row["position"], row["data"], row["digest"]) for row in rows)

    # --- going back ---

    def signed_end(self, row: ChannelRow) -> tuple[int, bytes] | None:
        """The last position and digest up to the cursor, and not before the snapshot, of which the
        hub's receipt is here."""
        found = self._database.row(
            "SELECT receipt FROM receipt WHERE channel = ? AND position BETWEEN ? AND ?"
            " ORDER BY position DESC LIMIT 1",
            row.cursor.channel,
            row.start.position,
            row.cursor.position,
        )
        return _receipt(found).cursor.end if found else None

    def go_back(self, row: ChannelRow, position: int, digest: bytes) -> None:
        """Move the cursor back, and keep what lies above as stretches to offer."""
        of = row.cursor.channel
        base = self._cursor_at(row, position, digest)
        above = [(at, data) for at, data, _ in self._entries(of, position)]
        pieces = lost.cut_stretches(base, above, self._receipts_above(of, position))
        signed = pieces[-1][2].cursor if pieces else base
        unsigned = [data for at, data in above if at > signed.position]
        self._offer(of, [*pieces, *self._lengthened(row.cursor, signed, unsigned)])
        self._keep_verdicts(of, (data for _, data in above))
        self.cut(base)

    def _lengthened(self, end: Cursor, base: Cursor, entries: list[bytes]) -> list[Piece]:
        """What is kept already, taken back to be offered after older pieces, also what an earlier
        hub took: this one was restored since. The one that begins at `end` proves the entries
        between `base` and there, too."""
        rows = self._database.rows(
            "SELECT base, entries, receipt FROM stretch WHERE channel = ? ORDER BY number",
            end.channel,
        )
        pieces = [
            (
                msgspec.msgpack.decode(row["base"], type=Cursor),
                msgspec.msgpack.decode(row["entries"], type=list[bytes]),
                _receipt(row),
            )
            for row in rows
        ]
        self._database.write("DELETE FROM stretch WHERE channel = ?", end.channel)
        if pieces and pieces[0][0].end == end.end:
            whole = entries + pieces[0][1]
            if len(whole) <= limits.ENTRIES_PER_PAGE:
                pieces[0] = (base, whole, pieces[0][2])
        return pieces

    def cut(self, to: Cursor) -> None:
        """Move the cursor back to here; what lay above has no place any more."""
        of, position = to.channel, to.position
        self._database.write(
            "UPDATE operation SET position = NULL WHERE channel = ? AND position > ?", of, position
        )
        for table in ("entry", "receipt"):
            self._database.write(
                f"DELETE FROM {table} WHERE channel = ? AND position > ?", of, position
            )
        left = self._database.row(
            "SELECT receipt FROM receipt WHERE channel = ? AND position = ?", of, position
        )
        self._database.write(
            "UPDATE channel SET epoch = ?, position = ?, digest = ?, receipt = ?, parted = ''"
            " WHERE id = ?",
            to.epoch,
            position,
            to.digest,
            left["receipt"] if left else None,
            of,
        )

    def mend(self, sound: Cursor) -> None:
        """Our own log is damaged behind this cursor. What the hub thought of all that is here is
        kept until that was read again: it may have been put back meanwhile."""
        self._keep_all_verdicts(sound.channel)
        self.cut(sound)

    def start_over(self, row: ChannelRow) -> None:
        """Forget all that was applied, its snapshot too; what was written and what the hub thought
        of it is kept and offered."""
        of = row.cursor.channel
        self.go_back(row, *row.start.end)
        self._keep_all_verdicts(of)
        self._database.write("UPDATE operation SET position = NULL WHERE channel = ?", of)
        for table in ("based", "spent", "replaced", "receipt"):
            self._database.write(f"DELETE FROM {table} WHERE channel = ?", of)
        self._database.write(
            "UPDATE channel SET position = 0, digest = ?, receipt = NULL, base = NULL,"
            " snapshot = NULL, parted = '' WHERE id = ?",
            channel.first_digest(of),
            of,
        )

    def _receipts_above(self, of: bytes, position: int) -> list[Receipt]:
        rows = self._database.rows(
            "SELECT receipt FROM receipt WHERE channel = ? AND position > ? ORDER BY position",
            of,
            position,
        )
        return [msgspec.msgpack.decode(row["receipt"], type=Receipt) for row in rows]

    def _offer(self, of: bytes, pieces: Iterable[Piece]) -> None:
        self._database.write_many(
            "INSERT INTO stretch (channel, base, entries, receipt) VALUES (?, ?, ?, ?)",
            (
                (of, _pack(base), _pack(entries), _pack(receipt))
                for base, entries, receipt in pieces
            ),
        )

    def _keep_verdicts(self, of: bytes, entries: Iterable[bytes]) -> None:
        read = (channel.read_entry(data) for data in entries)
        judged = [each.identity for each in read if isinstance(each, PlaceEntry | VerdictEntry)]
        # The channel's own id stands for what is no operation: a closing, say.
        self._database.write_many(
            "INSERT OR IGNORE INTO kept (identity, channel) VALUES (?, ?)",
            ((identity, of) for identity in (of, *judged)),
        )

    def _keep_all_verdicts(self, of: bytes) -> None:
        self._keep_verdicts(of, ())
        self._database.write(
            "INSERT OR IGNORE INTO kept (identity, channel) SELECT identity, channel FROM operation"
            " WHERE channel = ? AND verdict IS NOT NULL",
            of,
        )

    # --- offering ---

    def count_stretches(self) -> int:
        """How many are still to be offered."""
        row = self._database.row("SELECT count(*) AS n FROM stretch WHERE taken_in IS NULL")
        return int(row["n"]) if row else 0

    def stretches(self, budget_bytes: int, most: int) -> list[Stretch]:
        """The first of them, with the bytes of their operations; at least one if there is any."""
        found: list[Stretch] = []
        used = 0
        rows = self._database.rows(
            "SELECT base, entries, receipt FROM stretch WHERE taken_in IS NULL"
            " ORDER BY number LIMIT ?",
            most,
        )
        for row in rows:
            entries: list[bytes] = msgspec.msgpack.decode(row["entries"], type=list[bytes])
            operations = self._operations_placed(entries)
            used += sum(map(len, entries))
            used += sum(len(head) + len(body or b"") for head, body, _ in operations)
            if found and used > budget_bytes:
                break
            base = msgspec.msgpack.decode(row["base"], type=Cursor)
            receipt = msgspec.msgpack.decode(row["receipt"], type=Receipt)
            found.append(Stretch(base, entries, receipt, operations))
        return found

    def _operations_placed(self, entries: Iterable[bytes]) -> list[lost.Parts]:
        read = map(channel.read_entry, entries)
        names = [each.name for each in read if isinstance(each, PlaceEntry)]
        rows = self._database.rows_of(
            "SELECT header, body, body_digest FROM operation WHERE name IN (?*)", names
        )
        room, found = BODY_BYTES_HIGHEST, list[lost.Parts]()
        for row in rows:
            room -= len(row["body"] or b"")
            body = row["body"] if room >= 0 else None
            found.append((row["header"], body, None if body else row["body_digest"]))
        return found

    def taken(self, ends: Sequence[Cursor], epoch: bytes) -> bool:
        """Offer what ends here no more; whether anything did. It is kept with the epoch of the hub
        that took it: before that has brought it back, the hub may be restored again."""
        if not ends:
            return False
        packed = {_pack(end) for end in ends}
        rows = self._database.rows("SELECT number, receipt FROM stretch WHERE taken_in IS NULL")
        done = [
            row["number"]
            for row in rows
            if _pack(msgspec.msgpack.decode(row["receipt"], type=Receipt).cursor) in packed
        ]
        self._database.write_many(
            "UPDATE stretch SET taken_in = ? WHERE number = ?", ((epoch, number) for number in done)
        )
        return bool(done)

    def offer_again(self, row: ChannelRow) -> bool:
        """Of a channel whose page reaches the head: whether some of it was taken in another epoch
        than this, and what was is offered once more."""
        rows = self._database.rows(
            "SELECT number FROM stretch WHERE channel = ? AND taken_in != ?",
            row.cursor.channel,
            row.cursor.epoch,
        )
        self._database.write_many(
            "UPDATE stretch SET taken_in = NULL WHERE number = ?",
            ((each["number"],) for each in rows),
        )
        return bool(rows)

    # --- what was kept, until the hub's entries alone count ---

    def keeps(self, of: bytes | None = None) -> bool:
        """Whether something is kept, of one channel or of any."""
        sql = "SELECT 1 FROM kept WHERE coalesce(?, channel) = channel LIMIT 1"
        return self._database.row(sql, of) is not None

    def forget_kept(self, row: ChannelRow) -> list[bytes]:
        """From here on the hub's entries alone say what stands; gives the identities concerned."""
        of = row.cursor.channel
        kept = [
            each["identity"]
            for each in self._database.rows("SELECT identity FROM kept WHERE channel = ?", of)
        ]
        standing = self._standings(row, kept)
        self._database.write_many(
            "UPDATE operation SET verdict = ?, code = ?, at = ? WHERE identity = ?",
            (
                (
                    None if stands is None else int(stands.verdict),
                    stands.code if stands else "",
                    at,
                    identity,
                )
                for identity, (stands, at) in standing.items()
            ),
        )
        self._database.write_many(  # the stamp of a place that is gone counts no more
            "UPDATE operation SET effective = NULL WHERE identity = ? AND position IS NULL",
            ((identity,) for identity in kept),
        )
        for table in ("kept", "stretch"):
            self._database.write(f"DELETE FROM {table} WHERE channel = ?", of)
        return kept

    def drop_unknown(self, identities: Iterable[bytes]) -> None:
        """Of these, what others wrote and the hub gave no verdict: it came with a snapshot whose
        position the hub lost, so nobody here can prove it. Who can brings it back; else the hub
        declares it."""
        self._database.write_many(
            "DELETE FROM operation"
            " WHERE identity = ? AND link IS NULL AND position IS NULL AND verdict IS NULL",
            ((identity,) for identity in identities),
        )

    def _standings(
        self, row: ChannelRow, identities: Iterable[bytes]
    ) -> dict[bytes, tuple[Standing | None, int | None]]:
        """Identity → what the snapshot and the entries since then say, and when they said it."""
        standing: dict[bytes, tuple[Standing | None, int | None]] = dict.fromkeys(
            identities, (None, None)
        )
        standing.update(
            (identity, stands)
            for identity, stands in self._at_base(row).items()
            if identity in standing
        )
        for _, data, _ in self._entries(row.cursor.channel, row.start.position):
            entry = channel.read_entry(data)
            if isinstance(entry, PlaceEntry | VerdictEntry) and entry.identity in standing:
                before, _at = standing[entry.identity]
                given = Standing(Verdict(entry.verdict), entry.code)
                after = before.raised_by(given.verdict, given.code) if before else given
                if after != before:
                    standing[entry.identity] = after, entry.at
        return standing

    def _at_base(self, row: ChannelRow) -> dict[bytes, tuple[Standing, int | None]]:
        of = row.cursor.channel
        accepted = Standing(Verdict.ACCEPTED, "")
        found: dict[bytes, tuple[Standing, int | None]] = {
            each["identity"]: (accepted, each["at"])
            for each in self._database.rows(
                "SELECT identity, at FROM operation WHERE channel = ? AND position <= ?",
                of,
                row.start.position,
            )
        }
        for each in self._database.rows("SELECT * FROM based WHERE channel = ?", of):
            found[each["identity"]] = (
                Standing(Verdict(each["verdict"]), each["code"]),
                each["at"],
            )
        for each in self._database.rows("SELECT identity FROM spent WHERE channel = ?", of):
            found[each["identity"]] = accepted, None
        return found
