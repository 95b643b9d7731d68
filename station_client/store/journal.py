"""The journal: operations as they were written or received, and the records that they add up to.

The bytes of an operation never change; its standing and its record's row do. Knows no form: what a
record looks like is handed in. Whoever writes does so within `Database.writing`.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace

import msgspec

from station_client.store.connection import Database, Row
from station_client.store.rows import RecordRow, StoredOperation, Totals
from sync_protocol.channel import OperationEntry, Verdict
from sync_protocol.operations import (
    ON_BEHALF,
    Head,
    Operation,
    empty_head,
    next_link,
    received,
)

_OPERATION = (
    "name, identity, record, replica, seq, kind, form_version, stamp, clerk, body, by_hub,"
    " position, verdict, code, effective, at, link IS NOT NULL AS own"
)
_RECORD = (
    "channel, id, kind, form_version, alive, payload, cells, day, title, case_no, search,"
    " created_at, changed_at, conflicts, pending, held, refused, returned, status, marked"
)
_PUT_RECORD = (
    f"INSERT OR REPLACE INTO record ({_RECORD}) VALUES ({','.join('?' * len(_RECORD.split(',')))})"
)
_ADD_OPERATION = (
    "INSERT OR IGNORE INTO operation (name, identity, channel, record, replica, seq, kind,"
    " form_version, stamp, clerk, header, body, body_digest, link, by_hub, code)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '')"
)
_IS_LACKING = (
    "body IS NULL AND NOT EXISTS"
    " (SELECT 1 FROM erased WHERE channel = o.channel AND record = o.record)"
)
_WAITS = (
    # What was erased before it was sent is not issued again under another chain.
    "position IS NULL AND link IS NOT NULL"
    " AND (replica = ? OR (verdict IS NULL AND body IS NOT NULL))"
)
_ADD_PLACED = (
    "INSERT INTO operation (name, identity, channel, record, replica, seq, kind, form_version,"
    " stamp, clerk, header, body, body_digest, link, by_hub, position, verdict, code, effective,"
    " at)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


class Journal:
    def __init__(self, database: Database) -> None:
        self._database = database
        self.on_appended: Callable[[Head], None] = lambda head: None
        """Told the new head once own operations are on the disk, before `writing` ends."""

    # --- operations ---

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
        without a verdict or held for one of these codes, and no copy there yet."""
        marks = ",".join("?" * len(codes))
        rows = self._database.rows(
            # By the partial indexes: asked at every exchange of a PC that minted once.
            "SELECT header, body, body_digest FROM operation AS o WHERE rowid IN"
            " (SELECT rowid FROM operation WHERE position IS NULL AND verdict IS NULL"
            "  UNION ALL SELECT rowid FROM operation INDEXED BY operation_undecided"
            f"  WHERE verdict < 2 AND verdict = 0 AND code IN ({marks}))"
            " AND link IS NOT NULL AND replica != ? AND body IS NOT NULL"
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
        """A verdict is of all copies of an operation, of those too that come after it."""
        self._database.write_many(
            "UPDATE operation SET (verdict, code, at) = (SELECT verdict, code, at FROM operation"
            "  WHERE identity = ?1 ORDER BY coalesce(verdict, -1) DESC LIMIT 1)"
            " WHERE identity = ?1",
            ((each.identity,) for each in copies if each.header.origin is not None),
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
        """(operation of another, position, entry): those of which nothing is here yet, with their
        standing at once; gives name → record of these."""
        if not placed:
            return {}
        rows = self._database.rows_of(
            "SELECT identity FROM operation WHERE identity IN (?*)",
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

    # --- bodies that one end lacks ---

    def lacking(self, limit: int) -> list[bytes]:
        """Digests of bodies that are missing here and not erased, of accepted operations first."""
        rows = self._database.rows(
            f"SELECT body_digest FROM operation AS o WHERE {_IS_LACKING}"
            " GROUP BY body_digest ORDER BY max(verdict) DESC LIMIT ?",
            limit,
        )
        return [row["body_digest"] for row in rows]

    def count_lacking(self) -> int:
        """How many accepted or own operations lack their body. Of another one there may never have
        been any: whoever writes such ones must not keep this PC from being synchronised."""
        rows = self._database.rows(
            f"SELECT count(*) AS lacking FROM operation AS o WHERE {_IS_LACKING}"
            " AND (verdict = ? OR link IS NOT NULL)",
            int(Verdict.ACCEPTED),
        )
        return int(rows[0]["lacking"])

    def give_bodies(self, bodies: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """(digest, body) of what was missing; gives the (channel, record) that they belong to."""
        given = dict(bodies)
        rows = self._database.rows_of(
            f"SELECT name, channel, record, body_digest FROM operation AS o WHERE {_IS_LACKING}"
            " AND body_digest IN (?*)",
            list(given),
        )
        self._database.write_many(
            "UPDATE operation SET body = ? WHERE name = ?",
            ((given[row["body_digest"]], row["name"]) for row in rows),
        )
        return [(row["channel"], row["record"]) for row in rows]

    def found(self, digests: Sequence[bytes]) -> list[bytes]:
        """Those of these digests whose body is here."""
        rows = self._database.rows_of(
            "SELECT DISTINCT body_digest FROM operation"
            " WHERE body IS NOT NULL AND body_digest IN (?*)",
            digests,
        )
        return [row["body_digest"] for row in rows]

    def bodies(self, digests: Sequence[bytes], budget_bytes: int) -> list[bytes]:
        """Those of them that are here, as many as fit, at least one."""
        rows = self._database.rows_of(
            "SELECT DISTINCT body FROM operation WHERE body IS NOT NULL AND body_digest IN (?*)",
            digests,
        )
        found: list[bytes] = []
        for row in rows:
            budget_bytes -= len(row["body"])
            if found and budget_bytes < 0:
                break
            found.append(row["body"])
        return found

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
            rows = self._database.rows(
                "SELECT header, body, body_digest FROM operation"
                " WHERE replica = ? AND seq BETWEEN ? AND ? AND link IS NOT NULL ORDER BY seq",
                replica,
                start,
                start + step - 1,
            )
            yield from (received(r["header"], r["body"], r["body_digest"]) for r in rows)
            if len(rows) < step:
                return

    def own_names(self, replica: bytes, seqs: Sequence[int]) -> dict[int, tuple[bytes, bytes]]:
        """seq → name and identity, for the own operations that a page speaks of."""
        rows = self._database.rows_of(
            "SELECT seq, name, identity FROM operation"
            " WHERE replica = ? AND link IS NOT NULL AND seq IN (?*)",
            seqs,
            replica,
        )
        return {row["seq"]: (row["name"], row["identity"]) for row in rows}

    def operations_of(
        self, channel: bytes, records: Sequence[bytes]
    ) -> dict[bytes, list[StoredOperation]]:
        """record → its operations in no particular order, copies of one as one; records without any
        are left out, and so are operations that a snapshot left out."""
        rows = self._database.rows_of(
            f"SELECT {_OPERATION} FROM operation"
            " WHERE identity NOT IN (SELECT identity FROM spent)"
            " AND channel = ? AND record IN (?*)",
            records,
            channel,
        )
        found: dict[bytes, dict[bytes, StoredOperation]] = {}
        for row in rows:
            each = StoredOperation(**row)
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
        """The records about which an operation is held or refused, corrected since or not."""
        rows = self._database.rows(
            "SELECT DISTINCT record FROM operation"
            " WHERE channel = ? AND verdict < 2 AND body IS NOT NULL",
            channel,
        )
        return [row["record"] for row in rows]

    def records_of(self, identities: Sequence[bytes]) -> dict[bytes, bytes]:
        """Operation's identity → its record, for verdicts that come later."""
        rows = self._database.rows_of(
            "SELECT identity, record FROM operation WHERE identity IN (?*)", identities
        )
        return {row["identity"]: row["record"] for row in rows}

    # --- records ---

    def put_records(self, records: Iterable[RecordRow]) -> None:
        self._database.write_many(_PUT_RECORD, (_record_values(each) for each in records))

    def remove_records(self, channel: bytes, records: Iterable[bytes]) -> None:
        """Take rows away; their operations stay."""
        self._database.write_many(
            "DELETE FROM record WHERE channel = ? AND id = ?",
            ((channel, record) for record in records),
        )

    def record(self, record: bytes) -> RecordRow | None:
        row = self._database.row(f"SELECT {_RECORD} FROM record WHERE id = ?", record)
        return _record(row) if row else None

    def records_of_kind(self, kinds: Sequence[str]) -> list[RecordRow]:
        """All records of these kinds, newest first."""
        rows = self._database.rows_of(
            f"SELECT {_RECORD} FROM record WHERE kind IN (?*) ORDER BY created_at DESC, id", kinds
        )
        return [_record(row) for row in rows]

    def all_records(self, channel: bytes) -> list[RecordRow]:
        """Every record of a channel, oldest first."""
        rows = self._database.rows(
            f"SELECT {_RECORD} FROM record WHERE channel = ? ORDER BY created_at, id", channel
        )
        return [_record(row) for row in rows]

    def in_conflict(self) -> list[RecordRow]:
        return self._records("conflicts > 0")

    def returned(self) -> list[RecordRow]:
        """Records that the county sent back and that nobody has written since."""
        # As the partial index has it; of `returned` alone there is none.
        return self._records("(refused > 0 OR returned > 0) AND returned > 0")

    def _records(self, where: str) -> list[RecordRow]:
        rows = self._database.rows(
            f"SELECT {_RECORD} FROM record WHERE {where} ORDER BY changed_at DESC, id"
        )
        return [_record(row) for row in rows]

    def lines(self, since: str, until: str, text: str, limit: int, offset: int) -> list[RecordRow]:
        """Cases with a ledger line between two days (ISO, inclusive) that hold every word of the
        text, newest first."""
        where, bounds = _lines_that(since, until, text)
        rows = self._database.rows(
            f"SELECT {_RECORD} FROM record WHERE {where}"
            " ORDER BY day DESC, created_at DESC, id DESC LIMIT ? OFFSET ?",
            *bounds,
            limit,
            offset,
        )
        return [_record(row) for row in rows]

    def count_lines(self, since: str, until: str, text: str) -> dict[str, int]:
        """Status, as the line says it → how many of those lines."""
        where, bounds = _lines_that(since, until, text)
        rows = self._database.rows(
            f"SELECT status, count(*) AS n FROM record WHERE {where} GROUP BY status", *bounds
        )
        return {row["status"]: row["n"] for row in rows}

    def marked(self, limit: int) -> tuple[list[RecordRow], int]:
        """Imported lines that still have a mark, oldest first, and how many there are in all."""
        rows = self._database.rows(
            f"SELECT {_RECORD} FROM record WHERE marked > 0 ORDER BY day LIMIT ?", limit
        )
        count = self._database.row("SELECT count(*) AS n FROM record WHERE marked > 0")
        return [_record(row) for row in rows], count["n"] if count else 0

    def newest_line(self) -> RecordRow | None:
        """The case that stands first in the ledger."""
        row = self._database.row(
            f"SELECT {_RECORD} FROM record WHERE day > ''"
            " ORDER BY day DESC, created_at DESC, id DESC LIMIT 1"
        )
        return _record(row) if row else None

    def all_sent(self, replica: bytes) -> bool:
        """Whether nothing is pending, as `totals` counts it."""
        sql = f"SELECT 1 FROM operation WHERE {_WAITS} LIMIT 1"
        return self._database.row(sql, replica) is None

    def totals(self, replica: bytes) -> Totals:
        """What waits or needs a person; `replica` is the one this PC writes as now."""
        sent = self._database.row(
            "SELECT count(DISTINCT identity) AS pending, min(stamp) AS oldest_unsent_at"
            f" FROM operation WHERE {_WAITS}",
            replica,
        )
        held = self._database.row(
            # Of its own the engine would walk through all operations in the order of identity.
            "SELECT count(DISTINCT identity) AS held FROM operation INDEXED BY operation_undecided"
            " WHERE verdict < 2 AND verdict = 0 AND body IS NOT NULL"
        )
        refused = self._database.row(
            "SELECT coalesce(sum(refused), 0) AS refused FROM record WHERE held > 0 OR refused > 0"
        )
        open_conflicts = self._database.row(
            "SELECT count(*) AS in_conflict FROM record WHERE conflicts > 0"
        )
        returned = self._database.row(
            "SELECT count(*) AS returned FROM record"
            " WHERE (refused > 0 OR returned > 0) AND returned > 0"
        )
        found = (sent, held, refused, open_conflicts, returned)
        return Totals(**{name: value for row in found for name, value in (row or {}).items()})

    def erase_bodies(self, channel: bytes, records: Sequence[bytes]) -> None:
        """For good: of all operations about these records, own unsent ones and later ones too."""
        both = [(channel, record) for record in records]
        self._database.write_many(
            "INSERT OR IGNORE INTO erased (channel, record) VALUES (?, ?)", both
        )
        self._database.write_many(
            "UPDATE operation SET body = NULL WHERE channel = ? AND record = ?", both
        )

    def is_erased(self, channel: bytes, record: bytes) -> bool:
        sql = "SELECT 1 FROM erased WHERE channel = ? AND record = ?"
        return self._database.row(sql, channel, record) is not None

    def accept_as_written(
        self, channel: bytes, accepted: Sequence[tuple[bytes, int, int, int]]
    ) -> set[bytes]:
        """(name, position, effective stamp, hub's time) of what is accepted; gives the names of
        those with which nothing changes but that they wait no longer.

        They were pending, have no copy, and their stamps stand: so their records look as before,
        and what is most of every push is not merged again.
        """
        rows = self._database.rows_of(
            "SELECT name, record, stamp FROM operation AS mine"
            " WHERE verdict IS NULL AND position IS NULL AND body IS NOT NULL AND NOT EXISTS"
            "  (SELECT 1 FROM operation WHERE identity = mine.identity AND name <> mine.name)"
            " AND identity NOT IN (SELECT identity FROM spent) AND name IN (?*)",
            [name for name, *_ in accepted],
        )
        pending = {row["name"]: row for row in rows}
        plain = [
            each for each in accepted if each[0] in pending and pending[each[0]]["stamp"] == each[2]
        ]
        self._database.write_many(
            "UPDATE operation SET position = ?2, effective = ?3, verdict = 2, at = ?4"
            " WHERE name = ?1",
            plain,
        )
        self._database.write_many(
            "UPDATE record SET pending = pending - 1 WHERE channel = ? AND id = ?",
            ((channel, pending[name]["record"]) for name, *_ in plain),
        )
        return {name for name, *_ in plain}

    def set_places(self, places: Iterable[tuple[bytes, int, int]]) -> None:
        """(name, position, effective stamp) as entries gave them: a place is of one name alone."""
        self._database.write_many(
            "UPDATE operation SET position = ?2, effective = ?3 WHERE name = ?1", places
        )

    def raise_verdicts(self, verdicts: Iterable[tuple[bytes, int, str, int]]) -> None:
        """(identity, verdict, code, at) in the order of their entries: the higher counts, and of
        two causes to hold (verdict 0) the later. A verdict is of all copies of an operation."""
        self._database.write_many(
            "UPDATE operation SET verdict = ?2, code = ?3, at = ?4"
            " WHERE identity = ?1 AND (coalesce(verdict, -1) < ?2 OR (verdict = 0 AND ?2 = 0))",
            verdicts,
        )


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


def _lines_that(since: str, until: str, text: str) -> tuple[str, list[object]]:
    where = "day > '' AND day BETWEEN ? AND ?"
    bounds: list[object] = [since, until]
    for word in text.split():
        where += r" AND search LIKE ? ESCAPE '\'"
        bounds.append(f"%{_escaped(word.lower())}%")
    return where, bounds


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


def _record_values(row: RecordRow) -> tuple[object, ...]:
    return (
        row.channel,
        row.id,
        row.kind,
        row.form_version,
        row.alive,
        msgspec.json.encode(row.values),
        None if row.cells is None else msgspec.json.encode(row.cells),
        row.day,
        row.title,
        row.case_no,
        row.search,
        row.created_at,
        row.changed_at,
        row.conflicts,
        row.pending,
        row.held,
        row.refused,
        row.returned,
        row.status,
        row.marked,
    )


def _record(row: Row) -> RecordRow:
    cells = row.pop("cells")
    values = msgspec.json.decode(row.pop("payload"))
    return RecordRow(
        **row, values=values, cells=None if cells is None else tuple(msgspec.json.decode(cells))
    )


def _escaped(word: str) -> str:
    return word.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
