"""Channels, their entries, the operations and the chains that wrote them.

Appending happens inside one write transaction that holds the channel's row; positions come from
that row. Bytes are kept as they arrived. Knows no form, no merge and no page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from peewee import fn

from hub_server.store.database import (
    HubDatabase,
    Row,
    first_row,
    insert_many,
    portions,
    run,
    run_in,
)
from hub_server.store.tables import table
from sync_protocol import channel as protocol
from sync_protocol import operations
from sync_protocol.channel import Cursor, Standing, Verdict
from sync_protocol.operations import Head, Header, Operation
from sync_protocol.pull import StoredEntry

ENTRIES_PER_READ = 1000

_ENTRIES_AFTER = """
    SELECT e.position, e.data, e.digest, o.header, o.body, o.body_digest
    FROM entry e LEFT JOIN operation o ON e.operation = o.name
    WHERE e.channel = ? AND e.position > ? ORDER BY e.position LIMIT ?
"""
PLACED = "header, body, body_digest, link, by_hub, position, verdict, code, effective"
_CHANNEL = "id, kind, region, station_code, epoch, position, digest, closing"
# Written out, since the engine knows of no parameter whether a partial index holds what it asks.
_HELD = f"verdict = {int(Verdict.HELD)}"


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


@dataclass(frozen=True)
class Chain:
    """What the hub holds of one replica's chain."""

    replica: bytes
    channel: bytes
    is_hub: bool
    frozen: bool
    head: Head


@dataclass(frozen=True)
class Placed:
    """An operation, its standing, and where it stands.

    `base` is the link before it where that is not its chain's last: after a gap or a fork.
    """

    operation: Operation
    link: bytes
    by_hub: bool
    position: int
    verdict: Verdict
    code: str
    effective: int
    base: bytes | None = None


@dataclass(frozen=True)
class NewEntry:
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
        self._entries = table(database, "entry")
        self._chains = table(database, "chain")
        self._operations = table(database, "operation")
        self._for_update = bool(database.for_update)

    # --- channels -------------------------------------------------------------------------------

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
                placed.append(_operation_row(channel.id, each.placed, position))
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
            StoredEntry(at, data, digest, _operation(header, body, body_digest) if header else None)
            for at, data, digest, header, body, body_digest in found
        ]

    # --- chains ---------------------------------------------------------------------------------

    def add_chain(self, replica: bytes, channel: bytes, *, is_hub: bool) -> Chain:
        head = operations.empty_head(replica)
        self._chains.insert(
            replica=replica,
            channel=channel,
            is_hub=is_hub,
            frozen=False,
            head_seq=head.seq,
            head_link=head.link,
            signed_seq=0,
        ).execute()
        return Chain(replica, channel, is_hub, False, head)

    def chain(self, replica: bytes) -> Chain | None:
        row = first_row(self._database, "chain", "replica = ?", replica)
        if row is None:
            return None
        head = Head(replica, row["head_seq"], row["head_link"])
        return Chain(replica, row["channel"], bool(row["is_hub"]), bool(row["frozen"]), head)

    def move_chain(self, head: Head) -> None:
        sql = "UPDATE chain SET head_seq = ?, head_link = ? WHERE replica = ?"
        run(self._database, sql, head.seq, head.link, head.replica)

    def freeze_chain(self, replica: bytes) -> None:
        c = self._chains
        c.update(frozen=True).where(c.replica == replica).execute()

    def keep_signature(self, head: Head, signature: bytes) -> None:
        """Keeps the newest head signature of a chain: it covers everything before it."""
        sql = (
            "UPDATE chain SET signed_seq = ?, signed_link = ?, signature = ?"
            " WHERE replica = ? AND signed_seq <= ?"
        )
        run(self._database, sql, head.seq, head.link, signature, head.replica, head.seq)

    def ends(self) -> dict[bytes, int]:
        """Replica → the seq up to which its chain has come without a gap."""
        c = self._chains
        return dict(c.select(c.replica, c.head_seq).tuples())

    def signatures(self, channel: bytes) -> list[Row]:
        """Replica, seq, link and head signature of every chain of a channel."""
        c = self._chains
        columns = (c.replica, c.is_hub, c.frozen, c.head_seq, c.signed_seq, c.signed_link)
        query = c.select(*columns, c.signature).where(c.channel == channel)
        return list(query.order_by(c.replica))

    def link_before(self, chain: Chain, seq: int) -> bytes | None:
        """The link just before a seq, None where the operation before it has not come, or came back
        without its chain."""
        if seq == 1:
            return operations.first_link(chain.replica)
        if seq - 1 == chain.head.seq:
            return chain.head.link
        sql = "SELECT link FROM operation WHERE replica = ? AND seq = ? ORDER BY position LIMIT 1"
        row = run(self._database, sql, chain.replica, seq - 1).fetchone()
        return row[0] or None if row else None

    def names(self, replica: bytes, first: int, last: int) -> dict[int, list[bytes]]:
        """Seq → what is stored of a chain there, between two seqs: after a fork more than one."""
        sql = "SELECT seq, name FROM operation WHERE replica = ? AND seq BETWEEN ? AND ?"
        found: dict[int, list[bytes]] = {}
        for seq, name in run(self._database, sql, replica, first, last):
            found.setdefault(seq, []).append(name)
        return found

    def waiting(self, head: Head) -> list[Placed]:
        """What is stored behind a gap after this head, by seq: of what waits there and of what was
        decided about through another copy. A branch is not behind it."""
        where = f"replica = ? AND seq > ? AND NOT (code = 'fork' AND {_HELD}) ORDER BY seq"
        return self._placed(where, head.replica, head.seq)

    def link_up(self, name: bytes, link: bytes) -> None:
        """The link at an operation, now that all before it has come."""
        run(self._database, "UPDATE operation SET link = ? WHERE name = ?", link, name)

    # --- operations -----------------------------------------------------------------------------

    def note_verdict(self, identity: bytes, verdict: Verdict, code: str) -> None:
        """A later verdict: the higher counts, and of two causes to hold the later."""
        o = self._operations
        counts = o.verdict == int(verdict) if verdict is Verdict.HELD else o.verdict < int(verdict)
        o.update(verdict=int(verdict), code=code).where((o.identity == identity) & counts).execute()

    def has_copies(self, channel: bytes) -> bool:
        """Whether anything was issued again in a channel."""
        sql = "SELECT 1 FROM operation WHERE channel = ? AND identity <> name LIMIT 1"
        return run(self._database, sql, channel).fetchone() is not None

    def count_copies(self, identity: bytes) -> int:
        sql = "SELECT count(*) FROM operation WHERE identity = ?"
        return int(run(self._database, sql, identity).fetchone()[0])

    def records_of(self, channel: bytes, identities: Sequence[bytes]) -> set[bytes]:
        """The records that these operations are about."""
        sql = "SELECT DISTINCT record FROM operation WHERE channel = ? AND identity IN (?*)"
        return {record for (record,) in run_in(self._database, sql, identities, channel)}

    def standings(self, channel: bytes, identities: Sequence[bytes]) -> dict[bytes, Standing]:
        """Identity → standing, of those that are here: all copies share it."""
        sql = "SELECT identity, verdict, code FROM operation WHERE channel = ? AND identity IN (?*)"
        found = run_in(self._database, sql, identities, channel)
        return {identity: Standing(Verdict(verdict), code) for identity, verdict, code in found}

    def of_records(self, channel: bytes, records: Sequence[bytes]) -> dict[bytes, list[Placed]]:
        """Every operation about these records, in the order of their places."""
        found: dict[bytes, list[Placed]] = {record: [] for record in records}
        where = "channel = ? AND record IN (?*) ORDER BY position"
        for each in self._placed_in(where, records, channel):
            found[each.operation.header.record].append(each)
        return found

    def _placed(self, where: str, *parameters: object) -> list[Placed]:
        sql = f"SELECT {PLACED} FROM operation WHERE {where}"
        return [placed_from(*row) for row in run(self._database, sql, *parameters)]

    def _placed_in(self, where: str, keys: Sequence[bytes], *parameters: object) -> list[Placed]:
        sql = f"SELECT {PLACED} FROM operation WHERE {where}"
        return [placed_from(*row) for row in run_in(self._database, sql, keys, *parameters)]

    def named(self, names: Sequence[bytes]) -> Iterator[Operation]:
        """Those of these operations that are stored."""
        sql = "SELECT header, body, body_digest FROM operation WHERE name IN (?*)"
        for header, body, body_digest in run_in(self._database, sql, names):
            yield _operation(header, body, body_digest)

    def held_creators(self, channel: bytes, records: Sequence[bytes]) -> dict[bytes, bytes]:
        """Record → identity of the first held operation about it that waits for none other."""
        sql = (
            f"SELECT record, identity FROM operation WHERE channel = ? AND {_HELD}"
            " AND code <> 'record' AND record IN (?*) ORDER BY seq"
        )
        held: dict[bytes, bytes] = {}
        for record, identity in run_in(self._database, sql, records, channel):
            held.setdefault(record, identity)
        return held

    def held(
        self, channel: bytes, code: str, records: Sequence[bytes] | None = None
    ) -> list[Placed]:
        """What is held for this cause, of these records or of all, in the order of the chains."""
        here = f"channel = ? AND code = ? AND {_HELD}"
        if records is None:
            found = self._placed(here, channel, code)
        else:
            found = self._placed_in(f"{here} AND record IN (?*)", records, channel, code)
        return sorted(found, key=_in_chain)

    def accepted_headers(self) -> Iterator[tuple[bytes, Header]]:
        """Channel and header of everything that is accepted, read as it is asked for."""
        sql = f"SELECT channel, header FROM operation WHERE verdict = {int(Verdict.ACCEPTED)}"
        for channel, header in run(self._database, sql):
            yield channel, operations.read_header(header)

    def bodies(self, channels: Sequence[bytes], digests: Sequence[bytes]) -> Iterator[bytes]:
        """The bodies with these digests, of these channels only."""
        o = self._operations
        for part in portions(digests):
            query = o.select(o.body_digest, o.body).where(
                o.body_digest.in_(part) & o.channel.in_(list(channels)) & o.body.is_null(False)
            )
            seen: set[bytes] = set()
            for digest, body in query.tuples():
                if digest not in seen:
                    seen.add(digest)
                    yield body

    def count_verdicts(self, channel: bytes) -> dict[Verdict, int]:
        """How many operations of a channel have which verdict."""
        o = self._operations
        query = o.select(o.verdict, fn.count(o.name)).where(o.channel == channel)
        return {Verdict(v): count for v, count in query.group_by(o.verdict).tuples()}

    def count_of(self, replica: bytes) -> int:
        """How many operations of one replica are stored."""
        o = self._operations
        return int(o.select(fn.count(o.name)).where(o.replica == replica).scalar() or 0)

    def count_of_chains(self, replicas: Sequence[bytes]) -> dict[bytes, int]:
        """The same of many at once; one of which nothing is stored is not among them."""
        o = self._operations
        found: dict[bytes, int] = {}
        for part in portions(replicas):
            query = o.select(o.replica, fn.count(o.name)).where(o.replica.in_(part))
            found.update(query.group_by(o.replica).tuples())
        return found


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


def _operation(header: bytes, body: bytes | None, body_digest: bytes) -> Operation:
    return Operation(operations.read_header(header), header, body, body_digest)


def placed_of(row: Row) -> Placed:
    """A stored row. PeerFault `operation.header`, where its bytes are no header."""
    return placed_from(*(row[name] for name in PLACED.split(", ")))


def placed_from(
    header: bytes, body: bytes | None, body_digest: bytes, link: bytes, by_hub: int, *standing: Any
) -> Placed:
    position, verdict, code, effective = standing
    operation = _operation(header, body, body_digest)
    return Placed(operation, link, bool(by_hub), position, Verdict(verdict), code, effective)


def _in_chain(placed: Placed) -> tuple[bytes, int]:
    return placed.operation.header.replica, placed.operation.header.seq


def _operation_row(channel: bytes, placed: Placed, position: int) -> tuple[object, ...]:
    """In the order of the table's columns."""
    operation = placed.operation
    header = operation.header
    return (
        operation.name,
        operation.identity,
        channel,
        header.replica,
        header.seq,
        placed.link,
        header.record,
        operation.header_bytes,
        operation.body,
        operation.body_digest,
        placed.by_hub,
        position,
        int(placed.verdict),
        placed.code,
        placed.effective,
        placed.base,
    )
