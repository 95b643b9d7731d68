"""A desk's PC: a disk that keeps only what was committed, and what a station does.

Every verb returns a draft of the disk; only who assigns it has committed it, so a crash is simply
not to assign. Calls sync_protocol; knows no network, and of the hub its public keys.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from sync_protocol import exchange, operations, pull
from sync_protocol.channel import (
    Cursor,
    Entry,
    FreezeEntry,
    OperationEntry,
    Standing,
    UnknownEntry,
    Verdict,
    VerdictEntry,
)
from sync_protocol.enrol import HubPublic, ReplicaKeys
from sync_protocol.errors import PeerFault
from sync_protocol.exchange import Outbox, Plan, Reply, Report
from sync_protocol.merge import Act
from sync_protocol.operations import Head, Header, Operation, Write
from sync_protocol.pull import Applied
from tests.simulation.casework import VERSIONS
from tests.simulation.views import Page, act_of, open_page

AWAITED_REPLIES = 8


@dataclass
class Disk:
    """What has been committed. `heads[n]` is the own chain after n operations; `stopped` says why
    this PC may not go on as this replica; `rereads`: it came out of a backup and reads first."""

    cursor: Cursor
    heads: list[Head]
    chain: list[Operation] = field(default_factory=list)
    facts: dict[bytes, Operation] = field(default_factory=dict)
    standings: dict[bytes, Standing] = field(default_factory=dict)
    effective: dict[bytes, int] = field(default_factory=dict)
    number: int = 0
    payload: bytes = b""
    awaited: list[bytes] = field(default_factory=list)
    offset_ms: int = 0
    synchronised: bool = False
    stopped: str = ""
    rereads: bool = False

    def copy(self) -> "Disk":
        return replace(
            self,
            heads=list(self.heads),
            chain=list(self.chain),
            facts=dict(self.facts),
            standings=dict(self.standings),
            effective=dict(self.effective),
            awaited=list(self.awaited),
        )

    def contents(self) -> tuple[object, ...]:
        """All that a repeated message must not change."""
        return self.cursor, self.chain, set(self.facts), self.standings, self.effective

    def acknowledged(self) -> int:
        """How many of the own operations, without gaps, the hub has given a place."""
        placed = 0
        while placed < len(self.chain) and self.chain[placed].identity in self.standings:
            placed += 1
        return placed


class Station:
    """One PC. `clock_error_ms` is what its clock is off by, `version` that of its forms; `sent` and
    `page` are forgotten in a crash."""

    def __init__(self, keys: ReplicaKeys, hub: HubPublic, hub_replica: bytes, disk: Disk) -> None:
        self.keys = keys
        self.hub = hub
        self.hub_replica = hub_replica
        self.disk = disk
        self.backups: list[Disk] = []
        self.clock_error_ms = 0
        self.version = VERSIONS[0]
        self.sent = 0
        self.page: Page | None = None

    @property
    def replica(self) -> bytes:
        return self.keys.replica

    # --- reading ---------------------------------------------------------------------------------

    def acts(self, record: bytes) -> Iterator[Act]:
        disk = self.disk
        for identity, operation in disk.facts.items():
            if operation.header.record == record:
                standing, effective = disk.standings.get(identity), disk.effective.get(identity)
                own = operation.header.replica == self.replica
                yield act_of(operation, standing, effective, own=own, hub=self.hub_replica)

    def open_page(self, record: bytes, *, overlay: bool = True) -> Page:
        kind = next(o.header.kind for o in self.disk.facts.values() if o.header.record == record)
        return open_page(record, kind, self.acts(record), overlay=overlay)

    def records(self) -> list[bytes]:
        return sorted({operation.header.record for operation in self.disk.facts.values()})

    def pending(self) -> list[Operation]:
        return [each for each in self.disk.chain if each.identity not in self.disk.standings]

    # --- writing ---------------------------------------------------------------------------------

    def compose(self, page: Page, values: dict[str, Any], now: int, dice: Random) -> Operation:
        """An operation by a clerk who sees this page."""
        return operations.compose(
            self._header(page.record, page.kind, now), dice.randbytes(16), page.writes(values)
        )

    def compose_unreadable(self, page: Page, now: int, dice: Random) -> Operation:
        """What a damaged program writes: a sound header over a body that nobody can read."""
        sound = operations.compose(
            self._header(page.record, page.kind, now), dice.randbytes(16), [Write("remark", "")]
        )
        body = dice.randbytes(40)
        return Operation(sound.header, sound.header_bytes, body, operations.digest_of_body(body))

    def _header(self, record: bytes, kind: str, now: int) -> Header:
        seq = len(self.disk.chain) + 1
        stamp = now + self.clock_error_ms + self.disk.offset_ms
        clerk = b"clerk-clerk-cler"
        return Header(1, self.replica, seq, stamp, clerk, record, kind, self.version)

    def saved(self, operation: Operation) -> Disk:
        """The draft with this operation at the end of the chain."""
        draft = self.disk.copy()
        _append(draft, operation)
        draft.synchronised = False
        return draft

    # --- exchange --------------------------------------------------------------------------------

    def planned(self, now: int, batch_bytes: int, *, ahead: bool = False) -> Disk:
        """The draft in which the next request has its number. `ahead`: what is under way already,
        on a stick perhaps, is not sent again."""
        draft = self.disk.copy()
        base = max(draft.acknowledged(), self.sent if ahead else 0)
        draft.number += 1
        plan = self._plan(draft, base, now, batch_bytes)
        draft.payload = plan.payload
        draft.awaited = [*draft.awaited, plan.digest][-AWAITED_REPLIES:]
        self.sent = max(self.sent, base + plan.sent_operations)
        return draft

    def _plan(self, draft: Disk, base: int, now: int, batch_bytes: int) -> Plan:
        device_time = now + self.clock_error_ms
        backlog = len(draft.chain) - draft.acknowledged()
        return exchange.plan(
            self.keys,
            draft.number,
            draft.heads[-1],
            Outbox(draft.heads[base], draft.chain[base:]),
            [draft.cursor],
            Report("sim", backlog, None, 0, draft.offset_ms, 0, 0, ""),
            device_time,
            batch_bytes,
        )

    def request(self) -> bytes:
        """The newest request's bytes; a retry seals the same payload."""
        return exchange.seal_request(self.disk.payload, self.keys, self.hub)

    def absorbed(self, data: bytes, now: int) -> Disk:
        """The draft after this reply. PeerFault where it is not a genuine reply to us."""
        reply = self._open(data)
        draft = self.disk.copy()
        is_newest = reply.request_digest == draft.awaited[-1]
        if is_newest:
            draft.offset_ms = reply.hub_time - now - self.clock_error_ms
        if reply.standing:
            draft.stopped = reply.standing
        reached: list[bool | None] = [None] if reply.standing else []
        for page in reply.pages:
            held = range(1, len(draft.chain) + 1)
            names = {n: draft.chain[n - 1].name for n in pull.own_seqs(page) if n in held}
            applied = pull.absorb_page(page, draft.cursor, names, self.hub.signing)
            reached.append(None if applied is None else applied.is_complete)
            if applied is not None:
                self._apply(draft, applied)
        if False in reached:
            draft.synchronised = False
        elif is_newest and None not in reached:
            draft.rereads = False
            draft.synchronised = draft.acknowledged() == len(draft.chain)
        return draft

    def _open(self, data: bytes) -> Reply:
        for digest in reversed(self.disk.awaited):
            try:
                return exchange.open_reply(data, self.keys, self.hub, digest)
            except PeerFault as fault:
                if fault.code != "reply.other_request":
                    raise
        raise PeerFault("reply.other_request")

    def _apply(self, draft: Disk, applied: Applied) -> None:
        for each in applied.entries:
            if each.operation is not None:
                self._keep(draft, each.operation)
            self._note(draft, each.entry)
        draft.cursor = applied.cursor

    def _keep(self, draft: Disk, operation: Operation) -> None:
        header = operation.header
        if header.replica == self.replica and operation not in draft.chain:
            if header.seq == len(draft.chain) + 1:
                _append(draft, operation)
            else:
                draft.stopped = "parted"
        draft.facts.setdefault(operation.identity, operation)

    def _note(self, draft: Disk, entry: Entry | UnknownEntry) -> None:
        if isinstance(entry, OperationEntry):
            draft.effective.setdefault(entry.name, entry.effective)
        if isinstance(entry, OperationEntry | VerdictEntry):
            verdict = Verdict(entry.verdict)
            before = draft.standings.get(entry.name)
            found = before.raised_by(verdict, entry.code) if before else None
            draft.standings[entry.name] = found or Standing(verdict, entry.code)
        if isinstance(entry, FreezeEntry) and entry.replica == self.replica:
            draft.stopped = "frozen"


def _append(draft: Disk, operation: Operation) -> None:
    draft.heads.append(operations.advance(draft.heads[-1], [operation]))
    draft.chain.append(operation)
    draft.facts[operation.identity] = operation
