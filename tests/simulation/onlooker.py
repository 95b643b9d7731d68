"""What must hold while a history goes on: every saved operation noted, every claim weighed.

Reads both stores beside the services. The numbers are those of PROTOCOL.md, section 2.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from hub_server.hub import Hub
from hub_server.services.projection import form_of
from station_client.services.merged import merged
from station_client.services.read_status import read_status
from station_client.store.rows import StoredOperation
from sync_protocol import envelope
from sync_protocol.envelope import Kind
from sync_protocol.exchange import Reply
from sync_protocol.limits import REPLY_BYTES
from tests.simulation.cast import MARKS, Pc
from tests.simulation.facts import Fact, Facts, Policy, hub_rows, live, standing, writes_of
from tests.simulation.promises import require
from tests.simulation.recompute import ACCEPTED, hashed

Shown = set[tuple[bytes, str, bytes]]
Page = Mapping[str, Collection[bytes]]


def mark(data: bytes) -> bytes:
    return hashed("simulation/message", data)


@dataclass(frozen=True)
class Answer:
    """A reply that the hub gave: to which request, and the ends of its channels then."""

    request: bytes
    heads: dict[bytes, tuple[int, bytes]]


@dataclass
class Onlooker:
    """Remembers what everybody wrote and was told.

    `erased` are records; `revoked` gives enrolments and the true time; `believed` are facts that
    the county accepted by its own decision, `gone_bad` those whose body some PC cannot read,
    `entrusted` those that an erased PC left to the hub, with whether they were accepted; `admitted`
    are replicas that the county let go on.
    """

    facts: Facts = field(default_factory=Facts)
    answers: dict[bytes, Answer] = field(default_factory=dict)
    hub_noted: int = 0
    erased: set[bytes] = field(default_factory=set)
    revoked: dict[bytes, int] = field(default_factory=dict)
    believed: set[bytes] = field(default_factory=set)
    gone_bad: set[bytes] = field(default_factory=set)
    entrusted: set[tuple[bytes, bool]] = field(default_factory=set)
    admitted: set[bytes] = field(default_factory=set)

    # --- desks -----------------------------------------------------------------------------------

    def note_saved(self, pc: Pc, now: int, intent: str = "", page: Page | None = None) -> int:
        """Notes what stands newly in a PC's own chain; how much that is. `intent`: how the program
        was wrong, or that nobody saw when it wrote; `page`: register → the names that were shown,
        where that is not what the disk has."""
        journal = pc.station.store.journal
        rows = pc.station.store.database.rows(
            "SELECT rowid, body_digest, record, seq, replica, body, kind, stamp FROM operation"
            " WHERE link IS NOT NULL AND rowid > ? ORDER BY rowid",
            pc.noted,
        )
        for row in rows:
            pc.noted = row["rowid"]
            if row["body_digest"] in self.facts.by_root or row["body"] is None:
                continue
            estimate = now + pc.clock_error_ms + pc.station.clock_offset_ms
            is_so = intent or row["kind"] == "clerk" or row["stamp"] == estimate
            require(bool(is_so), 3, "a stamp is not the best estimate of the county's time")
            stored = journal.operations_of(pc.station.channel, [row["record"]])[row["record"]]
            others = [o for o in stored if (o.replica, o.seq) != (row["replica"], row["seq"])]
            others = [o for o in others if o.replica != row["replica"] or o.seq < row["seq"]]
            roots = self._roots(pc, others)
            seen = _seen(pc, others, roots, row["body"])
            for register, names in (page or {}).items():
                seen[register] = frozenset(roots[name] for name in names)
            beneath = frozenset(roots.values())
            what = (row["record"], row["body"], now, seen, beneath, intent, pc.was_closed)
            self.facts.add(Fact(row["body_digest"], pc.enrolment, *what))
            pc.claimed = False
        return len(rows)

    def _roots(self, pc: Pc, stored: list[StoredOperation]) -> dict[bytes, bytes]:
        """Identity → root."""
        rows = pc.station.store.database.rows_of(
            "SELECT identity, body_digest FROM operation WHERE name IN (?*)",
            [each.name for each in stored],
        )
        return {row["identity"]: row["body_digest"] for row in rows}

    def check_desk(self, pc: Pc, delivered: bytes) -> None:
        """Promise 6 between exchanges: what the lamp says is what the newest reply said, also when
        the power went before the program could tell anybody."""
        status = read_status(pc.station)
        if status.synchronised:
            require(not status.pending, 6, "synchronised with operations in the outbox")
            if not pc.claimed:
                self.check_claim(pc, delivered)

    def check_told(self, pc: Pc) -> None:
        """Promise 1: whatever was said to be saved is on its disk, and its record is shown, unless
        the disk lost some of it."""
        for record in pc.told:
            found = pc.station.store.journal.operations_of(pc.station.channel, [record])
            require(record in found, 1, "what was said to be saved is not on the disk")
            if all(writes_of(each.body) for each in found[record]):
                row = pc.station.store.records.find(record)
                require(row is not None, 1, "what was said to be saved is not shown")

    def page_of(self, pc: Pc) -> Shown:
        """(record, register, fact) of everything that this PC shows of its own channel."""
        station, shown = pc.station, set()
        journal = station.store.journal
        stored = journal.operations_of(station.channel, journal.record_ids(station.channel))
        for record, operations in stored.items():
            roots = self._roots(pc, operations)
            for name, register in merged(station.forms, operations).record.registers.items():
                shown |= {(record, name, roots[each.name]) for each in register.live}
        return shown

    def check_page(self, pc: Pc, before: Shown) -> None:
        """Promise 3: a page that is told of a restored hub shows what it showed, or what somebody
        wrote who had seen that."""
        now = self.page_of(pc)
        for record, register, root in before - now:
            covered = self.facts.covered(self.facts.by_root, register, lambda root: True)
            is_told_why = root in covered or record in self.erased
            require(is_told_why, 3, "a page went back")

    def is_heard(self, pc: Pc) -> bool:
        """Whether what a PC writes may still count by itself: neither revoked nor gone."""
        standing = pc.station.store.facts.exchange().standing
        return pc.enrolment not in self.revoked and standing != "retired"

    def note_accepted(self, pc: Pc) -> None:
        """What this PC was told is accepted, for good."""
        rows = pc.station.store.database.rows(
            "SELECT body_digest FROM operation WHERE verdict = ?", ACCEPTED
        )
        pc.accepted.update(row["body_digest"] for row in rows)

    def held_by(self, pc: Pc) -> set[tuple[bytes, bool]]:
        """What a PC holds of its desk's channel that was written here or is accepted, with whether
        it is. Nobody asks a revoked one."""
        rows = pc.station.store.database.rows(
            "SELECT body_digest, max(verdict = ?) AS is_accepted FROM operation"
            " WHERE channel = ? AND (link IS NOT NULL OR verdict = ?) GROUP BY body_digest",
            ACCEPTED,
            pc.station.channel,
            ACCEPTED,
        )
        held = {(row["body_digest"], bool(row["is_accepted"])) for row in rows}
        return held if pc.enrolment not in self.revoked else set()

    # --- the hub ---------------------------------------------------------------------------------

    def note_hub(self, hub: Hub, now: int) -> None:
        """Notes what the hub wrote newly, and what stood in its records then."""
        rows = hub.store._database.execute_sql(
            "SELECT o.rowid, o.channel, o.record, o.body_digest, o.position, o.body"
            " FROM operation o JOIN chain c ON c.replica = o.replica AND c.is_hub"
            " WHERE o.rowid > ? ORDER BY o.rowid",
            (self.hub_noted,),
        ).fetchall()
        for rowid, channel, record, root, position, body in rows:
            self.hub_noted = rowid
            if root in self.facts.by_root or body is None:
                continue
            where = "channel = ? AND record = ? AND position < ?"
            before = standing(hub_rows(hub, where, channel, record, position))
            shown = live(before, _policy(hub, channel, record)) if before else {}
            seen = {
                write.field: frozenset(
                    root for roots in shown.get(write.field, {}).values() for root in roots
                )
                for write in writes_of(body)
            }
            beneath = frozenset(each.root for each in before)
            self.facts.add(Fact(root, b"", record, body, now, seen, beneath))

    # --- exchanges -------------------------------------------------------------------------------

    def note_sent(self, pc: Pc, request: bytes) -> None:
        pc.newest, pc.claimed = mark(request), False
        pc.keys_of(pc.station.keys.replica)  # it may have others when the reply comes

    def note_answer(self, hub: Hub, pc: Pc, request: bytes, reply: bytes) -> bytes:
        """What the reply says, opened."""
        heads = {e.id: (e.position, e.digest) for e in hub.store.journal.channels()}
        ends = {each: heads[each] for each in pc.channels}
        self.answers[mark(reply)] = Answer(mark(request), ends)
        return self._check_private(hub, pc, reply, pc.channels)

    def _check_private(self, hub: Hub, pc: Pc, reply: bytes, channels: set[bytes]) -> bytes:
        """Promise 8: not a byte of another region or station; and to who is revoked, frozen, waits
        or has left, nothing but that."""
        keys = pc.keys_of(envelope.parse(reply, Kind.REPLY, REPLY_BYTES).receiver)
        sent = envelope.parse(reply, Kind.REPLY, REPLY_BYTES)
        payload = envelope.open_sealed(sent, keys.replica, keys.sealing)
        told = envelope.unpack(payload, Reply)
        sql = "SELECT standing FROM replica WHERE id = ?"
        stands = hub.store._database.execute_sql(sql, (keys.replica,)).fetchall()
        require(stands == [(told.standing,)], 8, "a PC is told another standing than it has")
        delivered = told.bodies or told.snapshot or any(page.items for page in told.pages)
        require(not (told.standing and delivered), 8, "contents for one who is to have none")
        read = {page.base.channel for page in told.pages}
        require(read <= channels, 8, "a page of a foreign channel")
        foreign = [text for region, text in MARKS.items() if region != pc.region]
        found = any(text.encode() in payload for text in foreign)
        require(not found, 8, "a reply holds what belongs to another station")
        return payload

    def check_claim(self, pc: Pc, reply: bytes) -> None:
        """Promise 6: "synchronised" was true when the hub answered the newest request."""
        store = pc.station.store
        answer = self.answers.get(mark(reply))
        is_newest = answer is not None and answer.request == pc.newest
        require(is_newest, 6, "synchronised on another reply than that to the newest request")
        assert answer is not None
        reached = {each.cursor.channel: each.cursor.end for each in store.channels.all()}
        require(reached == answer.heads, 6, "synchronised elsewhere than at the end of a channel")
        pending = store.journal.totals(pc.station.keys.replica).pending
        require(not pending, 6, "synchronised, and not all is sent")
        pc.claimed = True


def _seen(
    pc: Pc, others: list[StoredOperation], roots: dict[bytes, bytes], body: bytes
) -> dict[str, frozenset[bytes]]:
    """Register that is written → the facts that stood there on this PC's page."""
    if not others:
        return {}
    registers = merged(pc.station.forms, others).record.registers
    return {
        write.field: frozenset(roots[each.name] for each in registers[write.field].live)
        for write in writes_of(body)
        if write.field in registers
    }


def _policy(hub: Hub, channel: bytes, record: bytes) -> Policy:
    form = form_of(hub.forms, hub.store.operations.of_records(channel, [record])[record])
    assert form is not None
    return form.policy
