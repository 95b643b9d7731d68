"""The operations as they are stored, each with its standing and the place that it got.

Bytes are kept as they arrived. Knows no form, no merge and no page.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
from peewee import fn

from hub_server.store.database import HubDatabase, Row, portions, run, run_in
from hub_server.store.tables import table
from sync_protocol import channel as protocol
from sync_protocol import operations
from sync_protocol.channel import Standing, Verdict
from sync_protocol.operations import Head, Header, Operation

PLACED = "header, body, body_digest, link, by_hub, position, verdict, code, effective"
# Written out, since the engine knows of no parameter whether a partial index holds what it asks.
_HELD = f"verdict = {int(Verdict.HELD)}"
# Of one channel: what is no copy by its name, which is its identity, and the copies.
OF_IDENTITIES = """
    rowid IN (SELECT rowid FROM operation WHERE channel = ?1 AND name IN (?*) UNION ALL
    SELECT rowid FROM operation WHERE channel = ?1 AND identity IN (?*) AND identity <> name)
"""


class Placed(msgspec.Struct, frozen=True):
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


class Operations:
    def __init__(self, database: HubDatabase) -> None:
        self._database = database
        self._operations = table(database, "operation")

    def names(self, replica: bytes, first: int, last: int) -> dict[int, list[bytes]]:
        """Seq → what is stored of a chain there, between two seqs: after a fork more than one."""
        sql = "SELECT seq, name FROM operation WHERE replica = ? AND seq BETWEEN ? AND ?"
        found: dict[int, list[bytes]] = {}
        for seq, name in run(self._database, sql, replica, first, last):
            found.setdefault(seq, []).append(name)
        return found

    def waiting(self, channel: bytes, head: Head) -> list[Placed]:
        """What is stored behind a gap after this head, by seq: of what waits there and of what was
        decided about through another copy. A branch is not behind it."""
        sql = (
            f"SELECT {PLACED}, (SELECT data FROM entry WHERE entry.channel = operation.channel"
            " AND entry.position = operation.position)"
            " FROM operation WHERE replica = ? AND seq > ? ORDER BY seq"
        )
        found = [
            (placed_from(*row), protocol.read_entry(entry))
            for *row, entry in run(self._database, sql, head.replica, head.seq)
        ]
        return [placed for placed, place in found if not self._is_branch(channel, placed, place)]

    def _is_branch(self, channel: bytes, placed: Placed, place: object) -> bool:
        """Whether it got its place as one, or was found to be one: of what has copies those may
        be."""
        if isinstance(place, protocol.PlaceEntry) and place.code == "fork":
            return True
        is_held_as_one = (placed.verdict, placed.code) == (Verdict.HELD, "fork")
        return is_held_as_one and self.count_copies(channel, placed.operation.identity) == 1

    def link_up(self, channel: bytes, name: bytes, link: bytes) -> None:
        """The link at an operation, now that all before it has come."""
        sql = "UPDATE operation SET link = ? WHERE channel = ? AND name = ?"
        run(self._database, sql, link, channel, name)

    def note_verdict(self, channel: bytes, identity: bytes, verdict: Verdict, code: str) -> None:
        """A later verdict: the higher counts, and of two causes to hold the later."""
        lower = "=" if verdict is Verdict.HELD else "<"
        raised = f"UPDATE operation SET verdict = ?2, code = ?3 WHERE verdict {lower} ?2"
        where = OF_IDENTITIES.replace("?*", "?4")
        sql = f"{raised} AND {where}"
        run(self._database, sql, channel, int(verdict), code, identity)

    def has_copies(self, channel: bytes) -> bool:
        """Whether anything was issued again in a channel."""
        sql = "SELECT 1 FROM operation WHERE channel = ? AND identity <> name LIMIT 1"
        return run(self._database, sql, channel).fetchone() is not None

    def count_copies(self, channel: bytes, identity: bytes) -> int:
        """How many operations share an identity."""
        sql = f"SELECT count(*) FROM operation WHERE {OF_IDENTITIES}"
        return sum(count for (count,) in run_in(self._database, sql, [identity], channel))

    def records_of(self, channel: bytes, identities: Sequence[bytes]) -> set[bytes]:
        """The records that these operations are about."""
        sql = f"SELECT DISTINCT record FROM operation WHERE {OF_IDENTITIES}"
        return {record for (record,) in run_in(self._database, sql, identities, channel)}

    def standings(self, channel: bytes, identities: Sequence[bytes]) -> dict[bytes, Standing]:
        """Identity → standing, of those that are here: all copies share it."""
        sql = f"SELECT identity, verdict, code FROM operation WHERE {OF_IDENTITIES}"
        found = run_in(self._database, sql, identities, channel)
        return {identity: Standing(Verdict(verdict), code) for identity, verdict, code in found}

    def of_records(self, channel: bytes, records: Sequence[bytes]) -> dict[bytes, list[Placed]]:
        """Every operation about these records, in the order of their places."""
        found: dict[bytes, list[Placed]] = {record: [] for record in records}
        where = "channel = ? AND record IN (?*) ORDER BY position"
        for each in self._placed_in(where, records, channel):
            found[each.operation.header.record].append(each)
        return found

    def named(self, channel: bytes, names: Sequence[bytes]) -> Iterator[Operation]:
        """Those of these operations of a channel that are stored."""
        where = "channel = ? AND name IN (?*)"
        sql = f"SELECT header, body, body_digest FROM operation WHERE {where}"
        for header, body, body_digest in run_in(self._database, sql, names, channel):
            yield stored_operation(header, body, body_digest)

    def held_creators(self, channel: bytes, records: Sequence[bytes]) -> dict[bytes, bytes]:
        """Record → identity of the first held operation about it that waits for none other, neither
        for the record nor behind a gap: of several chains that of the one that came first."""
        sql = (
            f"SELECT record, identity FROM operation WHERE channel = ? AND {_HELD}"
            " AND code NOT IN ('record', 'gap') AND record IN (?*)"
            " ORDER BY min(position) OVER (PARTITION BY record, replica), seq"
        )
        held: dict[bytes, bytes] = {}
        for record, identity in run_in(self._database, sql, records, channel):
            held.setdefault(record, identity)
        return held

    def judged_again(
        self, channel: bytes, code: str, records: Sequence[bytes] | None = None
    ) -> list[Placed]:
        """What is held for this cause, and what was refused for its body, which is here now: of
        these records or of all, in the order of the chains."""
        is_whole = f"verdict = {int(Verdict.REFUSED)} AND code = 'body' AND body IS NOT NULL"
        here = f"channel = ? AND verdict < 2 AND ({_HELD} AND code = ? OR {is_whole})"
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

    def count_of_chains(self, replicas: Sequence[bytes]) -> dict[bytes, int]:
        """Replica → how many of its operations are stored; of which there are none is not there."""
        o = self._operations
        found: dict[bytes, int] = {}
        for part in portions(replicas):
            query = o.select(o.replica, fn.count(o.name)).where(o.replica.in_(part))
            found.update(query.group_by(o.replica).tuples())
        return found

    def _placed(self, where: str, *parameters: object) -> list[Placed]:
        sql = f"SELECT {PLACED} FROM operation WHERE {where}"
        return [placed_from(*row) for row in run(self._database, sql, *parameters)]

    def _placed_in(self, where: str, keys: Sequence[bytes], *parameters: object) -> list[Placed]:
        sql = f"SELECT {PLACED} FROM operation WHERE {where}"
        return [placed_from(*row) for row in run_in(self._database, sql, keys, *parameters)]


def stored_operation(header: bytes, body: bytes | None, body_digest: bytes) -> Operation:
    return Operation(operations.read_header(header), header, body, body_digest)


def placed_of(row: Row) -> Placed:
    """A stored row. PeerFault `operation.header`, where its bytes are no header."""
    return placed_from(*(row[name] for name in PLACED.split(", ")))


def placed_from(
    header: bytes, body: bytes | None, body_digest: bytes, link: bytes, by_hub: int, *standing: Any
) -> Placed:
    position, verdict, code, effective = standing
    operation = stored_operation(header, body, body_digest)
    return Placed(operation, link, bool(by_hub), position, Verdict(verdict), code, effective)


def _in_chain(placed: Placed) -> tuple[bytes, int]:
    return placed.operation.header.replica, placed.operation.header.seq


def operation_row(channel: bytes, placed: Placed, position: int) -> tuple[object, ...]:
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
