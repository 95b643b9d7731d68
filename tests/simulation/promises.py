"""What must hold, checked by an onlooker who sees both disks and remembers what everybody saw.

The numbers are those of PROTOCOL.md, section 2. Knows nothing of how the ends work inside.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from sync_protocol import limits
from sync_protocol.channel import OperationEntry, Standing, Verdict, next_digest, read_entry
from sync_protocol.errors import PeerFault
from sync_protocol.merge import Record
from sync_protocol.operations import Operation
from tests.simulation.casework import judge_by
from tests.simulation.hub import Hub
from tests.simulation.station import Station
from tests.simulation.views import Page, canonical, readable_writes


class Violation(Exception):
    """A promise that was broken: its number (0: an error that should not have been), and how."""

    def __init__(self, promise: int, text: str) -> None:
        super().__init__(promise, text)
        self.promise = promise
        self.text = text

    def __str__(self) -> str:
        return f"promise {self.promise}: {self.text}"


def require(holds: bool, promise: int, text: str) -> None:
    if not holds:
        raise Violation(promise, text)


@dataclass(frozen=True)
class Saved:
    """An operation that somebody was told is saved, and what its author had before their eyes."""

    operation: Operation
    seen: dict[str, frozenset[bytes]]
    known: frozenset[bytes]


@dataclass
class Onlooker:
    """Remembers every act. `saved` is by object, not by name: a name may be what is broken."""

    saved: list[tuple[Station | None, Saved]] = field(default_factory=list)
    answers: dict[bytes, int] = field(default_factory=dict)
    refused_by_county: set[bytes] = field(default_factory=set)
    checked: int = 0
    placed: set[tuple[bytes, bytes]] = field(default_factory=set)
    accepted: dict[int, set[bytes]] = field(default_factory=dict)

    # --- when something is written ---------------------------------------------------------------

    def note(self, author: Station | None, operation: Operation, page: Page) -> None:
        known = frozenset(act.name for act in page.acts)
        self.saved.append((author, Saved(operation, page.counted, known)))

    def check_saved(self, station: Station, operation: Operation) -> None:
        """Promise 1: it is on the disk and in the outbox at once, whatever the network does."""
        require(operation in station.disk.chain, 1, "a saved operation is not on the disk")
        require(operation in station.pending(), 1, "a saved operation is not in the outbox")

    def check_shown(self, station: Station, operation: Operation) -> None:
        """Promise 3: who wrote with everything in view sees what they wrote and nothing else."""
        shown = station.open_page(operation.header.record).shown
        for write in operation.writes():
            register = shown.registers[write.field]
            require(
                [live.name for live in register.live] == [operation.identity],
                3,
                f"what was just saved in {write.field} does not stand alone",
            )

    # --- after each step -------------------------------------------------------------------------

    def check_step(self, hub: Hub, stations: Iterable[Station]) -> None:
        self._check_log(hub)
        self._check_final(-1, hub.disk.standings)
        for at, station in enumerate(stations):
            cursor = station.disk.cursor
            if cursor.position:
                same = hub.disk.log[cursor.position - 1].digest == cursor.digest
                require(same, 2, "a cursor's digest is not that of the hub's log")
            self._check_final(at, station.disk.standings)

    def _check_log(self, hub: Hub) -> None:
        log = hub.disk.log
        digest = log[self.checked - 1].digest if self.checked else hub.start.digest
        for at in range(self.checked, len(log)):
            stored = log[at]
            digest = next_digest(digest, stored.data)
            require(stored.position == at + 1 and stored.digest == digest, 5, "the log has a gap")
            entry = read_entry(stored.data)
            if isinstance(entry, OperationEntry) and stored.operation is not None:
                operation = stored.operation
                place = (operation.header_bytes, operation.body or b"")
                require(place not in self.placed, 5, "an operation was placed twice")
                self.placed.add(place)
                require(not self._waits_in_vain(hub, entry, operation), 4, "a correction waits")
                lead = entry.effective - entry.at
                require(lead <= limits.CLOCK_LEAD_MS, 3, "a fast clock wins more than the lead")
        self.checked = len(log)

    def _waits_in_vain(self, hub: Hub, entry: OperationEntry, operation: Operation) -> bool:
        """Whether a whole record waits for the held creation that it was written to correct."""
        if entry.code != "record":
            return False
        judge = judge_by(hub.disk.version)
        return judge(operation, readable_writes(operation), True)[0] is Verdict.ACCEPTED

    def _check_final(self, end: int, standings: dict[bytes, Standing]) -> None:
        before = self.accepted.get(end, set())
        now = {name for name, each in standings.items() if each.verdict is Verdict.ACCEPTED}
        lost = {name for name in before - now if name in standings}
        require(not lost, 4, "an accepted operation is accepted no more")
        self.accepted[end] = now

    def check_claim(self, station: Station, answered_at: int | None) -> None:
        """Promise 6: "synchronised" was true of the moment at which the hub answered."""
        disk = station.disk
        require(answered_at is not None, 6, "synchronised on a reply that is not the newest")
        require(disk.cursor.position == answered_at, 6, "synchronised below the channel's end")
        require(not station.pending(), 6, "synchronised with operations in the outbox")

    # --- at rest ---------------------------------------------------------------------------------

    def check_rest(self, hub: Hub, stations: Iterable[Station]) -> None:
        for station in stations:
            if not station.disk.stopped:
                self._check_converged(hub, station)
        for author, saved in self.saved:
            self._check_kept(hub, author, saved)
        for record in hub.records():
            self._check_nothing_lost(hub, record)

    def _check_converged(self, hub: Hub, station: Station) -> None:
        disk = station.disk
        require(disk.cursor.position == len(hub.disk.log), 2, "a station does not reach the end")
        require(disk.synchronised, 6, "all is exchanged and the station does not say so")
        require(not station.pending(), 4, "the outbox does not empty")
        require(disk.standings == hub.disk.standings, 4, "the ends differ about verdicts")
        require(disk.facts.keys() == hub.disk.facts.keys(), 4, "the ends hold other operations")
        for identity, operation in disk.facts.items():
            there = hub.disk.facts[identity]
            same = (operation.header_bytes, operation.body) == (there.header_bytes, there.body)
            require(same, 4, "the ends hold other bytes under one name")
        for record in hub.records():
            here = station.open_page(record, overlay=False).shown
            require(canonical(here) == canonical(hub.open_page(record).shown), 2, "records differ")

    def _check_kept(self, hub: Hub, author: Station | None, saved: Saved) -> None:
        operation = saved.operation
        place = (operation.header_bytes, operation.body or b"")
        require(place in self.placed, 4, "a saved operation never got a place at the hub")
        kept = hub.disk.facts[operation.identity]
        require(kept.body == operation.body, 4, "the hub keeps other bytes than were saved")
        standing = hub.disk.standings[operation.identity]
        accepted = standing.verdict is Verdict.ACCEPTED
        require(bool(standing.code) is not accepted, 4, "a verdict without its reason")
        frozen = operation.header.replica in hub.disk.frozen
        if not accepted and not frozen and author is not None:
            self._check_reason(hub, saved, standing)

    def _check_reason(self, hub: Hub, saved: Saved, standing: Standing) -> None:
        """Promise 4: whatever is not accepted deserves it; no bad neighbour is to blame."""
        operation = saved.operation
        if self.refused_by_county & {operation.identity, *saved.known}:
            return  # or what it builds on was, when it was judged
        standings = [hub.disk.standings.get(name) for name in saved.known]
        created = any(each and each.verdict is Verdict.ACCEPTED for each in standings)
        try:
            writes = operation.writes()
        except PeerFault:
            require(standing.code == "body", 4, "an unreadable body has another verdict")
            return
        judge = judge_by(hub.disk.version)
        verdicts = {creates: judge(operation, writes, creates)[0] for creates in (True, False)}
        if not created and operation.header.record in hub.records():
            return  # a creation that was corrected before it was judged: nothing of it is used
        is_sound = verdicts[not created] is Verdict.ACCEPTED
        require(not is_sound, 4, f"a sound operation is {standing.verdict.name} {standing.code}")

    def _check_nothing_lost(self, hub: Hub, record: bytes) -> None:
        shown = hub.open_page(record).shown
        accepted = {
            saved.operation.identity: saved
            for _, saved in self.saved
            if saved.operation.header.record == record
            and hub.disk.standings[saved.operation.identity].verdict is Verdict.ACCEPTED
        }
        for saved in accepted.values():
            self._check_writes_live_or_replaced(shown, saved, accepted)
            self._check_seen_is_gone(shown, saved)

    def _check_writes_live_or_replaced(
        self, shown: Record, saved: Saved, accepted: dict[bytes, Saved]
    ) -> None:
        name = saved.operation.identity
        for write in readable_writes(saved.operation):
            register = shown.registers.get(write.field)
            live = register is not None and any(live.name == name for live in register.live)
            replaced = any(
                name in other_write.replaces and name in other.known
                for other in accepted.values()
                for other_write in readable_writes(other.operation)
                if other_write.field == write.field
            )
            require(live or replaced, 3, f"a value of {write.field} vanished")

    def _check_seen_is_gone(self, shown: Record, saved: Saved) -> None:
        """What its author had seen replaced or replaced themselves never comes back."""
        for write in readable_writes(saved.operation):
            register = shown.registers.get(write.field)
            live = {each.name for each in register.live} if register else set()
            back = live & saved.seen.get(write.field, frozenset())
            require(not back, 3, f"an old value of {write.field} came back")
