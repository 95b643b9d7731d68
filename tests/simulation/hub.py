"""The county's hub: one station's channel on a disk that keeps only what was committed.

As in station.py every verb returns a draft, and a crash is not to assign it. Knows no network.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from sync_protocol import agree, channel, exchange, operations, pull, push
from sync_protocol.agree import Agreement
from sync_protocol.channel import (
    Cursor,
    Entry,
    FreezeEntry,
    OperationEntry,
    Standing,
    Verdict,
    VerdictEntry,
)
from sync_protocol.enrol import HubKeys, HubPublic, ReplicaPublic
from sync_protocol.errors import PeerFault
from sync_protocol.exchange import Opened, Reply
from sync_protocol.merge import Act
from sync_protocol.operations import Head, Header, Operation, Run
from sync_protocol.pull import Page as WirePage
from sync_protocol.pull import StoredEntry
from sync_protocol.push import Decision, Doorway, KnownChain, Records
from tests.simulation.casework import VERSIONS, judge_by
from tests.simulation.views import Page, act_of, open_page


@dataclass
class HubDisk:
    """What has been committed. `heads` is each chain's accepted branch, `names` all branches."""

    log: list[StoredEntry] = field(default_factory=list)
    heads: dict[bytes, list[Head]] = field(default_factory=dict)
    names: dict[tuple[bytes, int], frozenset[bytes]] = field(default_factory=dict)
    facts: dict[bytes, Operation] = field(default_factory=dict)
    links: dict[bytes, bytes] = field(default_factory=dict)
    standings: dict[bytes, Standing] = field(default_factory=dict)
    effective: dict[bytes, int] = field(default_factory=dict)
    version: int = 1
    frozen: frozenset[bytes] = frozenset()

    def copy(self) -> "HubDisk":
        return replace(
            self,
            log=list(self.log),
            heads={replica: list(heads) for replica, heads in self.heads.items()},
            names=dict(self.names),
            facts=dict(self.facts),
            links=dict(self.links),
            standings=dict(self.standings),
            effective=dict(self.effective),
        )


class Hub:
    """The hub and the county office behind it. `held_list` is a page that a reviewer left open."""

    def __init__(self, keys: HubKeys, channel_id: bytes, epoch: bytes, replica: bytes) -> None:
        self.keys = keys
        self.public: HubPublic = keys.public
        self.start = channel.start_of(channel_id, epoch)
        self.replica = replica
        self.members: dict[bytes, ReplicaPublic] = {}
        self.disk = HubDisk(heads={replica: [operations.empty_head(replica)]})
        self.held_list: list[bytes] = []

    def enrol(self, keys: ReplicaPublic) -> None:
        self.members[keys.replica] = keys
        self.disk.heads[keys.replica] = [operations.empty_head(keys.replica)]

    # --- reading ---------------------------------------------------------------------------------

    def acts(self, record: bytes) -> Iterator[Act]:
        disk = self.disk
        for identity, operation in disk.facts.items():
            if operation.header.record == record:
                standing, effective = disk.standings[identity], disk.effective[identity]
                yield act_of(operation, standing, effective, own=False, hub=self.replica)

    def open_page(self, record: bytes) -> Page:
        kind = next(o.header.kind for o in self.disk.facts.values() if o.header.record == record)
        return open_page(record, kind, self.acts(record), overlay=False)

    def records(self) -> list[bytes]:
        """The records that have an accepted operation."""
        return sorted(_accepted_records(self.disk))

    def held(self) -> list[bytes]:
        waits = {"gap", "record"}
        return sorted(
            identity
            for identity, standing in self.disk.standings.items()
            if standing.verdict is Verdict.HELD and standing.code not in waits
        )

    # --- exchange --------------------------------------------------------------------------------

    def answer(self, data: bytes, now: int) -> tuple[HubDisk, bytes]:
        """The draft and the reply. PeerFault where this is no request of a member."""
        member = self.members.get(exchange.sender_of(data))
        if member is None:
            raise PeerFault("envelope.receiver")
        opened = exchange.open_request(data, self.keys, member.signing)
        draft = self.disk.copy()
        for run in opened.request.runs:
            self._take(draft, member, run, now)
        standing = "frozen" if member.replica in draft.frozen else ""
        pages = [] if standing else [self._page(draft, opened, now)]
        reply = Reply(1, opened.digest, now, standing, pages, [], [])
        return draft, exchange.seal_reply(reply, self.keys, member.replica, member.sealing)

    def _take(self, draft: HubDisk, member: ReplicaPublic, run: Run, now: int) -> None:
        replica, heads = member.replica, draft.heads[member.replica]
        first = operations.read_header(run.operations[0][0]).seq
        base_link = heads[first - 1].link if first <= len(heads) else None
        names = {seq: found for (of, seq), found in draft.names.items() if of == replica}
        doorway = Doorway(frozen=replica in draft.frozen)
        judge, records = judge_by(draft.version), _records(draft)
        known = KnownChain(heads[-1], base_link, names)
        taken = push.take_run(run, member.signing, known, doorway, records, judge, now)
        for decision in taken.decisions:
            self._place(draft, decision)
            if decision.entry.code not in ("gap", "fork"):
                seq = decision.operation.header.seq
                heads.append(Head(replica, seq, decision.link))
        freed = push.release(_waiting(draft, replica), heads[-1], doorway, records, judge, now)
        for entry in freed.entries:
            self._append(draft, entry)
            if entry.code != "fork":
                operation = draft.facts[entry.name]
                heads.append(operations.advance(heads[-1], [operation]))
        if (taken.forked or freed.forked) and replica not in draft.frozen:
            self._append(draft, FreezeEntry(replica, "fork", now))
            draft.frozen |= {replica}
        self._judge_again(draft, now)

    def _page(self, draft: HubDisk, opened: Opened, now: int) -> WirePage:
        base, request = opened.request.cursors[0].cursor, opened.request
        if agree.compare(base, self.start.epoch, _digest_at(draft, base, self.start)) is not (
            Agreement.SAME_HISTORY
        ):
            return WirePage(base, [], self._receipt(base, now), len(draft.log), 0, "parted")
        reader = pull.Reader(opened.sender, request.own_seq)
        items, end = pull.make_page(base, draft.log[base.position :], reader, request.budget_bytes)
        return WirePage(base, items, self._receipt(end, now), len(draft.log))

    def _receipt(self, cursor: Cursor, now: int) -> channel.Receipt:
        return agree.sign_receipt(self.keys.signing, cursor, now)

    # --- writing ---------------------------------------------------------------------------------

    def _append(self, draft: HubDisk, entry: Entry, operation: Operation | None = None) -> None:
        data = channel.entry_bytes(entry)
        before = draft.log[-1].digest if draft.log else self.start.digest
        digest = channel.next_digest(before, data)
        draft.log.append(StoredEntry(len(draft.log) + 1, data, digest, operation))
        if isinstance(entry, OperationEntry):
            draft.effective.setdefault(entry.name, entry.effective)
        if isinstance(entry, OperationEntry | VerdictEntry):
            verdict = Verdict(entry.verdict)
            before_it = draft.standings.get(entry.name)
            found = before_it.raised_by(verdict, entry.code) if before_it else None
            draft.standings[entry.name] = found or Standing(verdict, entry.code)

    def _place(self, draft: HubDisk, decision: Decision) -> None:
        operation = decision.operation
        header = operation.header
        place = (header.replica, header.seq)
        draft.facts.setdefault(operation.identity, operation)
        draft.links.setdefault(operation.identity, decision.link)
        draft.names[place] = draft.names.get(place, frozenset()) | {operation.name}
        self._append(draft, decision.entry, operation)

    def _judge_again(self, draft: HubDisk, now: int) -> None:
        """Judges what is held once more, in the order of the chains."""
        records, judge = _records(draft), judge_by(draft.version)
        for identity, operation in sorted(draft.facts.items(), key=_in_chain):
            standing = draft.standings[identity]
            if standing.verdict is not Verdict.HELD or standing.code not in ("form", "record"):
                continue
            doorway = Doorway(frozen=operation.header.replica in draft.frozen)
            verdict, code = push.decide(operation, doorway, records, judge, now)
            entry = push.raised(standing, verdict, code, identity, now)
            if entry is not None:
                self._append(draft, entry)

    def upgraded(self, now: int) -> HubDisk:
        """The draft in which every definition is known."""
        draft = self.disk.copy()
        draft.version = max(VERSIONS)
        self._judge_again(draft, now)
        return draft

    def decided(self, identity: bytes, verdict: Verdict, now: int) -> HubDisk:
        """The draft in which the county has decided about something held, or what was held."""
        draft = self.disk.copy()
        code = "" if verdict is Verdict.ACCEPTED else "county"
        entry = push.raised(draft.standings[identity], verdict, code, identity, now)
        if entry is not None:
            self._append(draft, entry)
            self._judge_again(draft, now)
        return draft

    def compose(self, page: Page, values: dict[str, Any], now: int, dice: Random) -> Operation:
        """An operation of the county's."""
        seq = len(self.disk.heads[self.replica])
        clerk = b"account-account-"
        header = Header(1, self.replica, seq, now, clerk, page.record, page.kind, VERSIONS[0])
        return operations.compose(header, dice.randbytes(16), page.writes(values))

    def written(self, operation: Operation, now: int) -> HubDisk:
        """The draft with an operation of the county's at the end."""
        draft = self.disk.copy()
        heads = draft.heads[self.replica]
        heads.append(operations.advance(heads[-1], [operation]))
        effective = channel.effective_stamp(operation.header.stamp, now)
        entry = OperationEntry(operation.identity, int(Verdict.ACCEPTED), "", effective, now)
        self._place(draft, Decision(operation, entry, heads[-1].link))
        return draft


def _digest_at(draft: HubDisk, base: Cursor, start: Cursor) -> bytes | None:
    if base.position == 0:
        return start.digest
    return draft.log[base.position - 1].digest if base.position <= len(draft.log) else None


def _accepted_records(disk: HubDisk) -> set[bytes]:
    return {
        disk.facts[identity].header.record
        for identity, standing in disk.standings.items()
        if standing.verdict is Verdict.ACCEPTED
    }


def _records(draft: HubDisk) -> Records:
    creators: dict[bytes, bytes] = {}
    for identity, operation in sorted(draft.facts.items(), key=_in_chain):
        standing = draft.standings[identity]
        if standing.verdict is Verdict.HELD and standing.code != "record":
            creators.setdefault(operation.header.record, identity)
    return Records(_accepted_records(draft), creators)


def _waiting(draft: HubDisk, replica: bytes) -> list[tuple[Operation, bytes]]:
    """What waits behind a gap of this chain, in order, with the links it was signed with."""
    return [
        (operation, draft.links[identity])
        for identity, operation in sorted(draft.facts.items(), key=_in_chain)
        if operation.header.replica == replica
        and draft.standings[identity] == Standing(Verdict.HELD, "gap")
    ]


def _in_chain(fact: tuple[bytes, Operation]) -> tuple[bytes, int, bytes]:
    return fact[1].header.replica, fact[1].header.seq, fact[0]
