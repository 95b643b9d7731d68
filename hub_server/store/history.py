"""The whole journal and its projection as they are stored, in order, for whoever checks them.

A few queries whatever the number of channels, read as they are asked for. Believes nothing: rows
come raw, for the bytes in them may have been altered.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from peewee import Database, Tuple

from hub_server.store.database import Row
from hub_server.store.records import StoredRecord, record_of
from hub_server.store.tables import columns_of, table

_EVERYTHING = 1 << 62
_MARK = "operation_"

Key = tuple[bytes, bytes]


@dataclass(frozen=True)
class KeptEntry:
    """An entry with the row of the operation that it gave a place to, None where that is missing.

    `links_before` are the links stored one seq earlier in its chain (after a fork more than one);
    `chain` is (whether the hub's own, seq of its head, link there), None without a chain.
    """

    channel: bytes
    position: int
    data: bytes
    digest: bytes
    name: bytes | None
    operation: Row | None
    links_before: frozenset[bytes]
    chain: tuple[bool, int, bytes] | None


class History:
    """Reads of everything, or of the last entries of every channel."""

    def __init__(self, database: Database) -> None:
        self._channels = table(database, "channel")
        self._entries = table(database, "entry")
        self._chains = table(database, "chain")
        self._operations = table(database, "operation")
        self._records = table(database, "record")

    def entries(self, last: int | None) -> Iterator[KeptEntry]:
        """The last entries of every channel and the one before them, or all; channel by channel."""
        e, o, k = self._entries, self._operations, self._chains
        p = o.alias("predecessor")
        own = [getattr(o, name).alias(_MARK + name) for name in columns_of("operation")]
        behind = [p.link.alias("link_before"), k.is_hub, k.head_seq, k.head_link, *own]
        query = (
            self._tail(last, 0)
            .select(e.channel, e.position, e.data, e.digest, e.operation, *behind)
            .left_outer_join(o, on=self._placed_by(e))
            .left_outer_join(p, on=((p.replica == o.replica) & (p.seq == o.seq - 1)))
            .left_outer_join(k, on=(k.replica == o.replica))
            .order_by(e.channel, e.position)
        )
        for _, rows in groupby(query.iterator(), key=itemgetter("channel", "position")):
            yield _kept(list(rows))

    def operations(self, last: int | None) -> Iterator[tuple[Key, list[Row]]]:
        """(channel, record) and its operations, of those that the last entries are about, or all,
        in the order of these keys."""
        o = self._operations
        query = o.select()
        if last is not None:
            query = query.where(Tuple(o.channel, o.record).in_(self._touched(last)))
        ordered = query.order_by(o.channel, o.record).iterator()
        for key, rows in groupby(ordered, key=itemgetter("channel", "record")):
            yield key, sorted(rows, key=itemgetter("position"))

    def records(self, last: int | None) -> Iterator[StoredRecord]:
        """The projection of the same records, in the same order."""
        r = self._records
        query = r.select()
        if last is not None:
            query = query.where(Tuple(r.channel, r.record).in_(self._touched(last)))
        return (record_of(row) for row in query.order_by(r.channel, r.record).iterator())

    def _tail(self, last: int | None, above: int) -> Any:
        """Entries of every channel whose place, counted from `last` before its end, is so high."""
        e, c = self._entries, self._channels
        first = c.position - (_EVERYTHING if last is None else last) + above
        return e.select().join(c, on=((c.id == e.channel) & (e.position >= first)))

    def _touched(self, last: int) -> Any:
        o = self._operations
        tail = self._tail(last, 1).join(o, on=self._placed_by(self._entries))
        return tail.select(o.channel, o.record)

    def _placed_by(self, e: Any) -> Any:
        o = self._operations
        return (o.channel == e.channel) & (o.name == e.operation)


def _kept(rows: list[Row]) -> KeptEntry:
    row = rows[0]
    operation = {n.removeprefix(_MARK): v for n, v in row.items() if n.startswith(_MARK)}
    has_chain = row["head_seq"] is not None
    return KeptEntry(
        channel=row["channel"],
        position=row["position"],
        data=row["data"],
        digest=row["digest"],
        name=row["operation"],
        operation=operation if operation["name"] is not None else None,
        links_before=frozenset(each["link_before"] for each in rows if each["link_before"]),
        chain=(bool(row["is_hub"]), row["head_seq"], row["head_link"]) if has_chain else None,
    )
