"""What must hold while a history goes on: every saved operation noted, every claim weighed.

Reads both stores beside the services. The numbers are those of PROTOCOL.md, section 2.
"""

from dataclasses import dataclass, field

from hub_server.hub import Hub
from station_client.services.merged import merged, writes_of
from station_client.services.read_status import read_status
from station_client.store.rows import StoredOperation
from sync_protocol import envelope
from sync_protocol.envelope import Kind
from sync_protocol.exchange import Reply
from sync_protocol.limits import REPLY_BYTES
from sync_protocol.merge import Counts
from tests.simulation.cast import MARKS, Pc
from tests.simulation.promises import require
from tests.simulation.recompute import hashed


def mark(data: bytes) -> bytes:
    return hashed("scenario/message", data)


@dataclass(frozen=True)
class Saved:
    """One operation as its author's disk had it when it was saved.

    `known`: what that disk held about the record; `seen`: register → what counted there; `intent`:
    "" or how the program that wrote it was wrong.
    """

    pc: Pc
    header: bytes
    body: bytes
    name: bytes
    record: bytes
    known: frozenset[bytes]
    seen: dict[str, frozenset[bytes]]
    intent: str


@dataclass(frozen=True)
class Answer:
    """A reply that the hub gave: to which request, and where its channels ended then."""

    request: bytes
    heads: dict[bytes, int]


@dataclass
class Onlooker:
    """Remembers what everybody wrote and was told."""

    saved: list[Saved] = field(default_factory=list)
    told: list[tuple[Pc, bytes]] = field(default_factory=list)
    answers: dict[bytes, Answer] = field(default_factory=dict)
    newest: dict[bytes, bytes] = field(default_factory=dict)
    claims: set[bytes] = field(default_factory=set)
    noted: dict[bytes, int] = field(default_factory=dict)

    # --- desks -----------------------------------------------------------------------------------

    def note_saved(self, pc: Pc, intent: str = "", *, is_found: bool = False) -> int:
        """Notes what stands newly in a PC's own chain; how much that is. What is found after a
        kill was written from a page that nobody remembers."""
        replica = pc.station.keys.replica
        rows = pc.station.store.database.rows(
            "SELECT name, record, seq, header, body FROM operation"
            " WHERE replica = ? AND seq > ? ORDER BY seq",
            replica,
            self.noted.get(replica, 0),
        )
        for row in rows:
            found = pc.station.store.journal.operations_of(pc.station.channel, [row["record"]])
            others = [o for o in found[row["record"]] if _is_before(o, replica, row["seq"])]
            self.saved.append(
                Saved(
                    pc,
                    row["header"],
                    row["body"],
                    row["name"],
                    row["record"],
                    frozenset(each.name for each in others),
                    {} if is_found else _seen(pc, others),
                    intent,
                )
            )
            self.noted[replica] = row["seq"]
            self.claims.discard(replica)
        return len(rows)

    def check_desk(self, pc: Pc, delivered: bytes) -> None:
        """Promise 6 between exchanges: what the lamp says is what the newest reply said, also when
        the power went before the program could tell anybody."""
        status = read_status(pc.station)
        if status.synchronised:
            require(not status.pending, 6, "synchronised with operations in the outbox")
            if pc.station.keys.replica not in self.claims:
                self.check_claim(pc, delivered)

    def check_told(self, pc: Pc) -> None:
        """Promise 1: whatever was said to be saved is on its disk, and its record is shown."""
        for record in (record for desk, record in self.told if desk is pc):
            found = pc.station.store.journal.operations_of(pc.station.channel, [record])
            require(record in found, 1, "what was said to be saved is not on the disk")
            row = pc.station.store.journal.record(record)
            require(row is not None, 1, "what was said to be saved is not shown")

    # --- exchanges -------------------------------------------------------------------------------

    def note_sent(self, pc: Pc, request: bytes) -> None:
        self.newest[pc.station.keys.replica] = mark(request)
        self.claims.discard(pc.station.keys.replica)

    def note_answer(self, hub: Hub, pc: Pc, request: bytes, reply: bytes) -> bytes:
        """What the reply says, opened."""
        channels = {each.cursor.channel for each in pc.station.store.channels.all()}
        heads = {each.id: each.position for each in hub.store.journal.channels()}
        self.answers[mark(reply)] = Answer(mark(request), {each: heads[each] for each in channels})
        return self._check_private(pc, reply, channels)

    def _check_private(self, pc: Pc, reply: bytes, channels: set[bytes]) -> bytes:
        """Promise 8: not a byte of another region or station."""
        keys = pc.station.keys
        sent = envelope.parse(reply, Kind.REPLY, REPLY_BYTES)
        payload = envelope.open_sealed(sent, keys.replica, keys.sealing)
        pages = envelope.unpack(payload, Reply).pages
        read = {page.base.channel for page in pages}
        require(read <= channels, 8, "a page of a foreign channel")
        foreign = [text for region, text in MARKS.items() if region != pc.region]
        found = any(text.encode() in payload for text in foreign)
        require(not found, 8, "a reply holds what belongs to another station")
        return payload

    def check_claim(self, pc: Pc, reply: bytes) -> None:
        """Promise 6: "synchronised" was true when the hub answered the newest request."""
        store, replica = pc.station.store, pc.station.keys.replica
        answer = self.answers.get(mark(reply))
        is_newest = answer is not None and answer.request == self.newest.get(replica)
        require(is_newest, 6, "synchronised on another reply than that to the newest request")
        assert answer is not None
        reached = {each.cursor.channel: each.cursor.position for each in store.channels.all()}
        require(reached == answer.heads, 6, "synchronised below the end of a channel")
        require(not store.journal.totals(replica).pending, 6, "synchronised, and not all is sent")
        self.claims.add(replica)


def _is_before(stored: StoredOperation, replica: bytes, seq: int) -> bool:
    return stored.replica != replica or stored.seq < seq


def _seen(pc: Pc, others: list[StoredOperation]) -> dict[str, frozenset[bytes]]:
    """Register → the names of the writes that counted on this PC's page."""
    if not others:
        return {}
    counted = {
        act.name
        for act in merged(pc.station.forms, pc.station.keys.replica, others).acts
        if act.counts is not Counts.NO
    }
    seen: dict[str, set[bytes]] = {}
    for each in others:
        if each.identity in counted:
            for write in writes_of(each):
                seen.setdefault(write.field, set()).add(each.identity)
    return {register: frozenset(names) for register, names in seen.items()}
