"""The journal: operations as they were written or received, the own chains, and what of them waits.

The bytes of an operation never change; its standing does (standings.py), and its body may be erased
(bodies.py). Whoever writes does so within `Database.writing`.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from msgspec.structs import replace

from station_client.store.connection import Database
from station_client.store.rows import StoredOperation, Totals
from sync_protocol.channel import OperationEntry
from sync_protocol.operations import (
    ON_BEHALF,
    Head,
    Operation,
    empty_head,
    next_link,
    received,
)

_OPERATION = (  # in the order of StoredOperation
    "name, identity, record, replica, seq, kind, form_version, stamp, clerk, body, by_hub,"
    " position, verdict, code, effective, at, link IS NOT NULL AS own"
)
_ADD_OPERATION = (
    "INSERT OR IGNORE INTO operation (name, identity, channel, record, replica, seq, kind,"
    " form_version, stamp, clerk, header, body, body_digest, link, by_hub, code)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '')"
)
_IS_ERASED = "EXISTS (SELECT 1 FROM erased WHERE channel = o.channel AND record = o.record)"
_WAITS = (
    # What was erased before it was sent is not issued again under another chain.
    "position IS NULL AND link IS NOT NULL"
    f" AND (replica = ? OR (verdict IS NULL AND NOT {_IS_ERASED}))"
)
_TOTALS = (
    "SELECT count(DISTINCT identity) AS pending, min(stamp) AS oldest_unsent_at,"
    # Of its own the engine would walk through all operations in the order of identity.
    " (SELECT count(DISTINCT identity) FROM operation INDEXED BY operation_undecided"
    "  WHERE verdict < 2 AND verdict = 0 AND body IS NOT NULL) AS held,"
    " (SELECT coalesce(sum(refused), 0) FROM record WHERE held > 0 OR refused > 0) AS refused,"
    " (SELECT count(*) FROM record WHERE conflicts > 0) AS in_conflict,"
    " (SELECT count(*) FROM record WHERE (refused > 0 OR returned > 0) AND returned > 0)"
    "  AS returned"
    f" FROM operation AS o WHERE {_WAITS}"
)
_ADD_PLACED = (
    # What a page places twice, as no honest hub does, has its first place.
    "INSERT OR IGNORE INTO operation (name, identity, channel, record, replica, seq, kind,"
    " form_version, stamp, clerk, header, body, body_digest, link, by_hub, position, verdict, code,"
    " effective, at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class Journal:
    def __init__(self, database: Database) -> None:
        self._database = database
        self.on_appended: Callable[[Head], None] = lambda head: None
        """Told the new head once own operations are on the disk, before `writing` ends."""

    def own_head(self, replica: bytes) -> Head:
        """The end of this replica's own chain."""
        row = self._database.row(
            "SELECT seq, link FROM operation WHERE replica = ? AND link IS NOT NULL"
            " ORDER BY seq DESC LIMIT 1",
            replica,
        )
        return Head(replica, row["seq"], row["link"]) if row else empty_head(replica)

    def append_own(self, channel: bytes, head: Head, operation: Operation) -> Head:
        """Put an operation of our own after `head`, unsent; gives the new head."""
        link = next_link(head.link, operation.name)
        self._database.write(_ADD_OPERATION, *_operation_row(channel, operation, False, link))
        new = Head(head.replica, operation.header.seq, link)
        self._database.once_durable(lambda: self.on_appended(new))
        return new

    def own_link(self, replica: bytes, seq: int) -> bytes | None:
        """The link of an own chain at a seq; None where the chain does not reach it."""
        head = self._head_at(replica, seq)
        return head.link if head.seq == seq else None

    def is_told_its_own(self, replica: bytes) -> bool:
        """Whether a page brought an operation of this replica that was not written here."""
        sql = (
            "SELECT 1 FROM operation INDEXED BY operation_told"
            " WHERE replica = ? AND link IS NULL LIMIT 1"
        )
        return self._database.row(sql, replica) is not None

    def issued_again(self, replica: bytes, codes: Collection[str], limit: int) -> list[Operation]:
        """Own operations of older chains, as they were written, that need a copy under `replica`:
        without a verdict or held for one of these codes, and no copy there yet; without its
        body where that cannot be read any more, so that the hub knows that there was one."""
        marks = ",".join("?" * len(codes))
        rows = self._database.rows(
            # By the partial indexes: asked at every exchange of a PC that minted once.
            "SELECT header, body, body_digest FROM operation AS o WHERE rowid IN"
            " (SELECT rowid FROM operation WHERE position IS NULL AND verdict IS NULL"
            "  UNION ALL SELECT rowid FROM operation INDEXED BY operation_undecided"
            f"  WHERE verdict < 2 AND verdict = 0 AND code IN ({marks}))"
            f" AND link IS NOT NULL AND replica != ? AND NOT {_IS_ERASED}"
            " AND NOT EXISTS (SELECT 1 FROM operation AS copy WHERE copy.identity = o.identity"
            "  AND copy.link IS NOT NULL AND (copy.replica = ? OR copy.rowid < o.rowid))"
            " ORDER BY rowid LIMIT ?",
            *codes,
            replica,
            replica,
            limit,
        )
        return [received(row["header"], row["body"], row["body_digest"]) for row in rows]

    def share_verdicts(self, copies: Iterable[Operation]) -> None:
        """A verdict is of all copies of an operation, of those too that come after it, and of the
        first one where that comes last. What is spent was accepted."""
        self._database.write_many(
            "UPDATE operation SET (verdict, code, at) = (SELECT verdict, code, at FROM operation"
            "  WHERE identity = ?1 UNION ALL SELECT 2, '', NULL FROM spent WHERE identity = ?1"
            "  ORDER BY verdict DESC LIMIT 1) WHERE identity = ?1",
            ((each.identity,) for each in copies),
        )

    def add_received(
        self, channel: bytes, operations: Sequence[Operation], hub_replicas: set[bytes]
    ) -> None:
        """Operations of others; one that is here already stays as it is. Bodies of records that are
        erased are dropped."""
        if not operations:
            return
        self._database.write_many(
            _ADD_OPERATION,
            (
                _operation_row(channel, each, _is_by_hub(each, hub_replicas), None)
                for each in operations
            ),
        )
        self.share_verdicts(operations)
        self._drop_erased(channel)

    def add_placed(
        self,
        channel: bytes,
        placed: Sequence[tuple[Operation, int, OperationEntry]],
        hub_replicas: set[bytes],
    ) -> dict[bytes, bytes]:
        """(operation of another, position, entry): those of which nothing is known here yet, with
        their standing at once; gives name → record of these."""
        if not placed:
            return {}
        rows = self._database.rows_of(
            "SELECT identity FROM (SELECT identity FROM operation UNION ALL"
            " SELECT identity FROM spent) WHERE identity IN (?*)",
            [operation.name for operation, _, _ in placed],
        )
        here = {row["identity"] for row in rows}
        new = [each for each in placed if each[0].name not in here]
        self._database.write_many(
            _ADD_PLACED,
            (
                (
                    *_operation_row(channel, operation, _is_by_hub(operation, hub_replicas), None),
                    *(position, entry.verdict, entry.code, entry.effective, entry.at),
                )
                for operation, position, entry in new
            ),
        )
        self._drop_erased(channel)
        return {operation.name: operation.header.record for operation, _, _ in new}

    def _drop_erased(self, channel: bytes) -> None:
        self._database.write(
            "UPDATE operation SET body = NULL WHERE channel = ?1 AND body IS NOT NULL"
            " AND record IN (SELECT record FROM erased WHERE channel = ?1)",
            channel,
        )

    def written_by_hub(self, replicas: Iterable[bytes]) -> list[bytes]:
        """These turn out to be the hub's; gives the records that they wrote in."""
        rows = self._database.rows_of(
            "SELECT name, record, header, body, body_digest FROM operation"
            " WHERE by_hub = 0 AND replica IN (?*)",
            list(replicas),
        )
        known = set(replicas)
        by_hub = [
            row
            for row in rows
            if _is_by_hub(received(row["header"], row["body"], row["body_digest"]), known)
        ]
        self._database.write_many(
            "UPDATE operation SET by_hub = 1 WHERE name = ?", ((row["name"],) for row in by_hub)
        )
        return [row["record"] for row in by_hub]

    def outbox(self, replica: bytes, limit: int) -> tuple[Head, Iterator[Operation]]:
        """The head before the first unsent own operation, and at most `limit` from there, lazily.

        From there everything: what the hub has already does no harm, and a run has no gaps.
        """
        row = self._database.row(
            "SELECT min(seq) AS seq FROM operation"
            " WHERE replica = ? AND position IS NULL AND link IS NOT NULL",
            replica,
        )
        if row is None or row["seq"] is None:
            return self.own_head(replica), iter(())
        return self._head_at(replica, row["seq"] - 1), self._chain(replica, row["seq"], limit)

    def _head_at(self, replica: bytes, seq: int) -> Head:
        row = self._database.row(
            "SELECT link FROM operation WHERE replica = ? AND seq = ? AND link IS NOT NULL",
            replica,
            seq,
        )
        return Head(replica, seq, row["link"]) if row else empty_head(replica)

    def _chain(self, replica: bytes, first: int, limit: int) -> Iterator[Operation]:
        step = 500
        for start in range(first, first + limit, step):
            portion = self._database.made(
                received,
                "SELECT header, body, body_digest FROM operation"
                " WHERE replica = ? AND seq BETWEEN ? AND ? AND link IS NOT NULL ORDER BY seq",
                replica,
                start,
                start + step - 1,
            )
            yield from portion
            if len(portion) < step:
                return

    def own_names(self, replica: bytes, seqs: Sequence[int]) -> dict[int, tuple[bytes, bytes]]:
        """seq → name and identity, for the own operations that a page speaks of."""
        found = self._database.made_of(
            lambda seq, *names: (seq, names),
            "SELECT seq, name, identity FROM operation"
            " WHERE replica = ? AND link IS NOT NULL AND seq IN (?*)",
            seqs,
            replica,
        )
        return dict(found)

    def operations_of(
        self, channel: bytes, records: Sequence[bytes]
    ) -> dict[bytes, list[StoredOperation]]:
        """record → its operations in no particular order, copies of one as one; records without any
        are left out, and so are operations that a snapshot left out."""
        stored = self._database.made_of(
            StoredOperation,
            f"SELECT {_OPERATION} FROM operation"
            " WHERE identity NOT IN (SELECT identity FROM spent)"
            " AND channel = ? AND record IN (?*)",
            records,
            channel,
        )
        found: dict[bytes, dict[bytes, StoredOperation]] = {}
        for each in stored:
            of_record = found.setdefault(each.record, {})
            other = of_record.get(each.identity)
            of_record[each.identity] = each if other is None else _as_one(other, each)
        whole = {record: list(of_record.values()) for record, of_record in found.items()}
        for record, remembered in self._replaced(channel, list(whole)).items():
            whole[record][0] = replace(whole[record][0], remembered=remembered)
        return whole

    def _replaced(
        self, channel: bytes, records: Sequence[bytes]
    ) -> dict[bytes, dict[str, frozenset[bytes]]]:
        """record → register → the names that operations which a snapshot left out replaced."""
        rows = self._database.rows_of(
            "SELECT record, register, name FROM replaced WHERE channel = ? AND record IN (?*)",
            records,
            channel,
        )
        found: dict[bytes, dict[str, frozenset[bytes]]] = {}
        for row in rows:
            registers = found.setdefault(row["record"], {})
            names = registers.get(row["register"], frozenset())
            registers[row["register"]] = names | {row["name"]}
        return found

    def record_ids(self, channel: bytes) -> list[bytes]:
        """Every record that an operation of this channel is about, shown or not."""
        rows = self._database.rows(
            "SELECT DISTINCT record FROM operation WHERE channel = ?", channel
        )
        return [row["record"] for row in rows]

    def undecided(self, channel: bytes) -> list[bytes]:
        """The records about which an operation is held or refused, corrected since or not. Of what
        was refused because this disk had lost its body, too."""
        rows = self._database.rows(
            "SELECT DISTINCT record FROM operation AS o WHERE channel = ? AND verdict < 2 AND"
            f" (body IS NOT NULL OR (verdict = 1 AND link IS NOT NULL AND NOT {_IS_ERASED}))",
            channel,
        )
        return [row["record"] for row in rows]

    def records_of(self, identities: Sequence[bytes]) -> dict[bytes, bytes]:
        """Operation's identity → its record, for verdicts that come later."""
        rows = self._database.rows_of(
            "SELECT identity, record FROM operation WHERE identity IN (?*)", identities
        )
        return {row["identity"]: row["record"] for row in rows}

    def all_sent(self, replica: bytes) -> bool:
        """Whether nothing is pending, as `totals` counts it."""
        sql = f"SELECT 1 FROM operation AS o WHERE {_WAITS} LIMIT 1"
        return self._database.row(sql, replica) is None

    def own_held(self) -> int:
        """How many operations that were written here wait for a later verdict."""
        [row] = self._database.rows(
            "SELECT count(DISTINCT identity) AS held FROM operation INDEXED BY operation_undecided"
            " WHERE verdict < 2 AND verdict = 0 AND link IS NOT NULL AND body IS NOT NULL"
        )
        return int(row["held"])

    def totals(self, replica: bytes) -> Totals:
        """What waits or needs a person; `replica` is the one this PC writes as now."""
        [row] = self._database.rows(_TOTALS, replica)
        return Totals(**row)


def _as_one(one: StoredOperation, other: StoredOperation) -> StoredOperation:
    """Two copies of one operation: one verdict, the highest; the effective stamp that is least."""
    first, copy = (one, other) if one.name == one.identity else (other, one)
    highest = max(one, other, key=lambda each: -1 if each.verdict is None else each.verdict)
    return replace(
        first,
        body=first.body or copy.body,
        position=_least(one.position, other.position),
        verdict=highest.verdict,
        code=highest.code,
        effective=_least(one.effective, other.effective),
        at=highest.at,
        own=one.own or other.own,
    )


def _least(one: int | None, other: int | None) -> int | None:
    return min((each for each in (one, other) if each is not None), default=None)


def _is_by_hub(operation: Operation, hub_replicas: set[bytes]) -> bool:
    """What the hub writes down for somebody outside counts as a station's write."""
    header = operation.header
    return header.replica in hub_replicas and not header.flags & ON_BEHALF


def _operation_row(
    channel: bytes, operation: Operation, by_hub: bool, link: bytes | None
) -> tuple[object, ...]:
    header = operation.header
    return (
        operation.name,
        operation.identity,
        channel,
        header.record,
        header.replica,
        header.seq,
        header.kind,
        header.form_version,
        header.stamp,
        header.clerk,
        operation.header_bytes,
        operation.body,
        operation.body_digest,
        link,
        by_hub,
    )
