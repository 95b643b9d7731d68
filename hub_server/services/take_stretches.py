"""What a restored hub lost and a station still has comes back, with the verdicts it had.

Each stretch chains to a receipt that this hub signed: all in it was in its own log. The operations
get new places, the hub's words are said again where they have no effect now. Offered twice it
changes nothing. PROTOCOL.md, section 13.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hub_server.hub import Hub
from hub_server.outside_journal import Erasure, Found, Revocation
from hub_server.services.draw_epoch import drawn_epochs, wrote_as
from hub_server.services.judge_again import judge_returned
from hub_server.services.list_undecided import WAIT_FOR_COUNTY
from hub_server.services.projection import project
from hub_server.services.take_bodies import take_bodies
from hub_server.services.take_runs import close_gap
from hub_server.services.withdraw import erase, revoke
from hub_server.services.write_records import append_word
from hub_server.store import Chain, Channel, NewEntry, Placed
from sync_protocol import channel as protocol
from sync_protocol import lost, operations
from sync_protocol.channel import (
    ClosingEntry,
    Cursor,
    ErasureEntry,
    FormerEpochEntry,
    FreezeEntry,
    PlaceEntry,
    RevocationEntry,
    Standing,
    Verdict,
    VerdictEntry,
)
from sync_protocol.errors import PeerFault
from sync_protocol.lost import Proven, Stretch
from sync_protocol.operations import Head, Operation

_BESIDE = (Standing(Verdict.HELD, "fork"), Standing(Verdict.HELD, "gap"))
"""What was placed so did not follow its chain's end; behind a gap that is closed it is judged."""


@dataclass(frozen=True)
class TakenBack:
    """The ends of the stretches that were read, and the lost positions that are here again."""

    ends: list[Cursor]
    found: list[Found]


def take_stretches(hub: Hub, readable: Iterable[bytes], stretches: Sequence[Stretch]) -> TakenBack:
    """Takes what these stretches prove, of the channels that their sender reads. What is not proven
    is passed over: it is pushed anyway. Must run inside a write transaction."""
    taken, allowed = TakenBack([], []), set(readable)
    for stretch in stretches:
        if stretch.base.channel not in allowed:
            continue
        try:
            proven = lost.read_stretch(stretch, hub.keys.public.signing)
        except PeerFault:
            continue
        channel = hub.store.journal.lock_channel(stretch.base.channel)
        lost_with_it = _lost_epochs(hub, channel, stretch, proven)
        by_hub = wrote_as(hub, channel.id) | lost_with_it.keys()
        _Taking(hub, channel, by_hub, lost_with_it).take(proven)
        taken.ends.append(stretch.receipt.cursor)
        taken.found.extend(_found(hub, stretch, proven))
    return taken


def _lost_epochs(
    hub: Hub, channel: Channel, stretch: Stretch, proven: Sequence[Proven]
) -> dict[bytes, bytes]:
    """As whom the hub wrote in the epochs that it drew or a stretch tells of, → the epoch, where
    the channel does not name it. What its base says of an epoch is the sender's word alone."""
    told = {channel.epoch, *protocol.former_epochs(hub.store.epochs.of(channel.id))}
    brought = {stretch.receipt.cursor.epoch, *protocol.former_epochs(e.data for e in proven)}
    known = brought.union(drawn_epochs(hub))
    return {hub.replica_of(channel.id, epoch): epoch for epoch in sorted(known - told)}


def _found(hub: Hub, stretch: Stretch, proven: Sequence[Proven]) -> list[Found]:
    """The positions of a stretch of which the hub has everything now."""
    names = [each.entry.name for each in proven if isinstance(each.entry, PlaceEntry)]
    here = {each.name for each in hub.store.operations.named(stretch.base.channel, names)}
    epoch, found = stretch.receipt.cursor.epoch, list[Found]()
    for position, each in enumerate(proven, start=stretch.base.position + 1):
        if isinstance(each.entry, PlaceEntry) and each.entry.name not in here:
            continue
        if found and found[-1].last == position - 1:
            found[-1] = Found(stretch.base.channel, epoch, found[-1].first, position)
        else:
            found.append(Found(stretch.base.channel, epoch, position, position))
    return found


@dataclass
class _Taking:
    """One stretch on its way into a locked channel."""

    hub: Hub
    channel: Channel
    by_hub: frozenset[bytes]
    lost_epochs: dict[bytes, bytes]
    new: list[NewEntry] = field(default_factory=list)
    here: set[bytes] = field(default_factory=set)
    standings: dict[bytes, Standing] = field(default_factory=dict)
    raised: set[bytes] = field(default_factory=set)
    records: set[bytes] = field(default_factory=set)
    heads: dict[bytes, Head] = field(default_factory=dict)
    chains: dict[bytes, Chain] = field(default_factory=dict)
    tails: dict[bytes, Head] = field(default_factory=dict)
    forked: set[bytes] = field(default_factory=set)
    erased: set[bytes] = field(default_factory=set)

    def take(self, proven: Sequence[Proven]) -> None:
        brought = [each.operation for each in proven if each.operation is not None]
        self._look_up(proven, brought)
        self._name_epochs(brought)
        for each in proven:
            self._take(each)
        self.channel = self.hub.store.journal.append(self.channel, self.new)
        for identity in self.raised:
            standing = self.standings[identity]
            verdict = (standing.verdict, standing.code)
            self.hub.store.operations.note_verdict(self.channel.id, identity, *verdict)
        self._settle([each.body for each in brought if each.body is not None])
        for each in proven:
            self._say_again(each.entry)

    def _look_up(self, proven: Sequence[Proven], brought: Sequence[Operation]) -> None:
        stored, channel = self.hub.store.operations, self.channel.id
        places = [each.entry for each in proven if isinstance(each.entry, PlaceEntry)]
        later = [each.entry.name for each in proven if isinstance(each.entry, VerdictEntry)]
        self.here = {each.name for each in stored.named(channel, [each.name for each in places])}
        identities = [*(each.identity for each in places), *later]
        self.standings = stored.standings(channel, sorted(set(identities)))
        records = {each.header.record for each in brought}
        self.erased = self.hub.store.withdrawn.erased(channel, sorted(records))

    def _name_epochs(self, brought: Sequence[Operation]) -> None:
        """The other stations must know as whom the hub wrote what comes back."""
        writers = {each.header.replica for each in brought if each.name not in self.here}
        for replica in sorted(self.lost_epochs.keys() & writers):
            self._name_epoch(replica)

    def _name_epoch(self, replica: bytes) -> None:
        entry = FormerEpochEntry(self.lost_epochs.pop(replica), self.hub.now_ms())
        data = protocol.entry_bytes(entry)
        self.channel = self.hub.store.journal.name_epoch(self.channel, data)

    def _take(self, proven: Proven) -> None:
        entry, operation = proven.entry, proven.operation
        if isinstance(entry, VerdictEntry):
            self._raise(entry.name, entry.verdict, entry.code)
        elif isinstance(entry, PlaceEntry):
            if operation is not None and operation.name not in self.here:
                self._place(entry, operation)
            elif entry.verdict != Verdict.HELD:  # what is here may be held for a later cause
                self._raise(entry.identity, entry.verdict, entry.code)

    def _raise(self, identity: bytes, verdict: int, code: str) -> None:
        """A verdict that was once higher; what is not here is judged when it comes."""
        known = self.standings.get(identity)
        if known is None or not (verdict > known.verdict or _waits_again(known, verdict, code)):
            return
        self.standings[identity] = Standing(Verdict(verdict), code)
        self.raised.add(identity)
        self._say_verdict(identity, self.standings[identity])

    def _say_verdict(self, identity: bytes, standing: Standing) -> None:
        entry = VerdictEntry(identity, int(standing.verdict), standing.code, self.hub.now_ms())
        self.new.append(NewEntry(protocol.entry_bytes(entry)))

    def _place(self, entry: PlaceEntry, operation: Operation) -> None:
        header, identity = operation.header, operation.identity
        given = Standing(Verdict(entry.verdict), entry.code)
        known = self.standings.get(identity)
        standing = known.with_copy(given) if known else given
        if known is not None:
            self.raised.add(identity)
        self.standings[identity] = standing
        self.here.add(operation.name)
        self.records.add(header.record)
        link = self._link(operation, moves=given not in _BESIDE)
        data = protocol.place(
            operation.name, identity, entry.verdict, entry.code, entry.effective, self.hub.now_ms()
        )
        by_hub = header.replica in self.by_hub and not header.flags & operations.ON_BEHALF
        kept = operation if header.record not in self.erased else _without_body(operation)
        placed = Placed(kept, link, by_hub, 0, standing.verdict, standing.code, entry.effective)
        self.new.append(NewEntry(protocol.entry_bytes(data), placed))
        if known is not None and known.outlasts(given):
            self._say_verdict(identity, standing)

    def _link(self, operation: Operation, *, moves: bool) -> bytes:
        """The link at an operation, empty where the one before it is not here; moves the chain."""
        header = operation.header
        head = self._head(header.replica)
        tail = self.tails.get(header.replica)
        others = self.hub.store.operations.names(header.replica, header.seq, header.seq)
        if others:
            self.forked.add(header.replica)
        if moves and header.seq == head.seq + 1 and not others:
            self.heads[header.replica] = operations.advance(head, [operation])
            self.tails[header.replica] = self.heads[header.replica]
        elif tail is not None and header.seq == tail.seq + 1:
            self.tails[header.replica] = operations.advance(tail, [operation])
        else:
            return b""
        return self.tails[header.replica].link

    def _head(self, replica: bytes) -> Head:
        """Where a chain ends now; one that is not known yet begins."""
        if replica not in self.heads:
            chains, is_hub = self.hub.store.chains, replica in self.by_hub
            chain = chains.chain(replica)
            if chain is None:
                chain = chains.add_chain(replica, self.channel.id, is_hub=is_hub)
            self.chains[replica], self.heads[replica] = chain, chain.head
        return self.heads[replica]

    def _settle(self, bodies: Sequence[bytes]) -> None:
        """What follows from what is here again: chains move on, records are made, others judged."""
        project(self.hub, self.channel, self.records)  # what waits behind a gap may build on them
        for replica, head in self.heads.items():
            if head != self.chains[replica].head:
                self.hub.store.chains.move_chain(head)
            self.channel, final, forked = close_gap(self.hub, self.channel, head)
            self.records |= final
            if forked:
                self.forked.add(replica)
        self.channel = take_bodies(self.hub, self.channel, bodies)
        names = sorted(self.raised)
        self.records |= self.hub.store.operations.records_of(self.channel.id, names)
        project(self.hub, self.channel, self.records)
        self._find_card()
        self.channel = judge_returned(self.hub, self.channel, self.records)
        for replica in sorted(self.forked):
            self._freeze(replica, "fork")

    def _find_card(self) -> None:
        """The card that came back is the station's, also of one that was entered again, and says
        what it is called."""
        store, code = self.hub.store, self.channel.station_code
        station = store.stations.get(code) if code else None
        kinds = store.records.kinds(self.channel.id, sorted(self.records))
        for record, kind in kinds.items():
            card = store.records.get(self.channel.id, record) if kind == "station_card" else None
            if card is not None and station is not None:
                store.stations.set_card(station.code, record)
                name = str(card.values.get("name") or station.name)
                store.stations.change(station.code, name=name, state=station.state)

    def _say_again(self, entry: object) -> None:
        """The hub's own words, where they have no effect now."""
        hub, withdrawn = self.hub, self.hub.store.withdrawn
        if isinstance(entry, ClosingEntry) and self.channel.closing is None:
            self._close(entry)
        elif isinstance(entry, FreezeEntry):
            self._head(entry.replica)  # one that comes later finds itself frozen
            self._freeze(entry.replica, entry.reason)
        elif isinstance(entry, FormerEpochEntry):
            replica = hub.replica_of(self.channel.id, entry.epoch)
            if replica in self.lost_epochs:
                self._name_epoch(replica)
        elif isinstance(entry, ErasureEntry):
            if not withdrawn.erased(self.channel.id, [entry.record]):
                now = hub.now_ms()
                hub.outside.add(Erasure(self.channel.id, entry.record, now))
                self.channel = erase(hub, self.channel, entry.record, now)
        elif isinstance(entry, RevocationEntry) and not withdrawn.is_revoked(entry.enrolment):
            told = (entry.enrolment, entry.reason, hub.now_ms())
            hub.outside.add(Revocation(*told))
            self.channel = revoke(hub, self.channel, *told)

    def _close(self, entry: ClosingEntry) -> None:
        hub, data = self.hub, protocol.entry_bytes(entry)
        self.channel = append_word(hub, self.channel, entry)
        hub.store.journal.set_closing(self.channel.id, data)
        code = self.channel.station_code
        station = hub.store.stations.get(code) if code else None
        if station is not None:
            hub.store.stations.change(station.code, name=station.name, state="closed")

    def _freeze(self, replica: bytes, reason: str) -> None:
        hub = self.hub
        chain = hub.store.chains.chain(replica)
        if chain is None or chain.frozen or chain.is_hub:
            return
        entry = FreezeEntry(replica, reason, hub.now_ms())
        self.channel = append_word(hub, self.channel, entry)
        hub.store.chains.freeze_chain(replica)
        known = hub.store.stations.replica(replica)
        if known is not None and not known.standing:
            hub.store.stations.set_standing(replica, "frozen")


def _waits_again(known: Standing, verdict: int, code: str) -> bool:
    """Whether it waited for the county then: else what comes back with it would have it judged
    here."""
    is_left = known.verdict is Verdict.HELD and known.code not in WAIT_FOR_COUNTY
    return is_left and verdict == Verdict.HELD and code in WAIT_FOR_COUNTY


def _without_body(operation: Operation) -> Operation:
    return operations.received(operation.header_bytes, None, operation.body_digest)
