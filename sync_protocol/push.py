"""Push, both ends: the operations a replica has written since the hub last answered.

The station cuts its outbox into one run under one signature; the hub decides about each operation
by itself, so that one bad one never blocks another. PROTOCOL.md, sections 4 and 6.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import msgspec

from sync_protocol import channel, limits, operations
from sync_protocol.channel import ClosingEntry, PlaceEntry, Standing, Verdict, VerdictEntry
from sync_protocol.errors import PeerFault
from sync_protocol.operations import Head, Operation, Run, Write

# --- station -----------------------------------------------------------------------------------


def cut_batch(pending: Iterable[Operation], budget_bytes: int) -> list[Operation]:
    """The first of these operations that fit, at least one, in order."""
    batch: list[Operation] = []
    used = 0
    for operation in pending:
        used += operation.size_bytes
        if batch and (used > budget_bytes or len(batch) >= limits.BATCH_OPERATIONS):
            break
        batch.append(operation)
    return batch


def make_run(base: Head, batch: Sequence[Operation], signing: bytes) -> Run:
    """One run of consecutive operations after `base`, signed at its end."""
    head = operations.advance(base, batch)
    wire = [(each.header_bytes, each.body, _absent(each)) for each in batch]
    return Run(base.link, wire, operations.sign_head(signing, head))


def _absent(operation: Operation) -> bytes | None:
    return operation.body_digest if operation.body is None else None


# --- hub -----------------------------------------------------------------------------------------

Judgement = tuple[Verdict, str]
Judge = Callable[[Operation, tuple[Write, ...], bool], Judgement]
"""(operation, its writes, whether it creates its record) → verdict and code. Pure."""


@dataclass(frozen=True)
class KnownChain:
    """What the hub holds of a chain: its end without gaps, the link just before a run, and at each
    seq of the run the names it has there: those behind a gap too, and after a fork both."""

    head: Head
    base_link: bytes | None
    names: Mapping[int, Collection[bytes]] = field(default_factory=dict)


class Doorway(msgspec.Struct, frozen=True):
    """What decides about an operation before any form is looked at.

    `erased` are records whose bodies are erased; `standings` those of identities of which a copy is
    here; `believed` says that the county decided: only the form is asked then.
    """

    frozen: bool = False
    revoked: bool = False
    retired: bool = False
    closing: ClosingEntry | None = None
    erased: Collection[bytes] = ()
    standings: Mapping[bytes, Standing] = {}
    believed: bool = False


class Decision(msgspec.Struct, frozen=True):
    """An operation, the entry it gets, and the links of its chain at it and just before it."""

    operation: Operation
    entry: PlaceEntry
    link: bytes
    base: bytes


@dataclass(frozen=True)
class Taken:
    """What a run leads to. `forked` asks for a freeze entry; `signed` is kept with the chain."""

    decisions: tuple[Decision, ...]
    head: Head
    signed: tuple[Head, bytes]
    forked: bool


class Records:
    """Which records exist, as the operations of a batch are judged one after another.

    `accepted` are the records that have an accepted operation; `held` gives, of those that have
    none, the identity of the held operation that created each. `awaited` collects the records
    whose creation was held at some time: others may wait for its verdict.
    """

    def __init__(
        self, accepted: Iterable[bytes] = (), held: Mapping[bytes, bytes] | None = None
    ) -> None:
        self._accepted = set(accepted)
        self._held = dict(held or {})
        self.awaited = set(self._held)

    def creates(self, operation: Operation) -> bool:
        return operation.header.record not in self._accepted

    def waits(self, operation: Operation) -> bool:
        creator = self._held.get(operation.header.record, operation.identity)
        return self.creates(operation) and creator != operation.identity

    def note(self, operation: Operation, verdict: Verdict) -> None:
        record = operation.header.record
        if verdict is Verdict.ACCEPTED:
            self._accepted.add(record)
        elif verdict is Verdict.HELD and self.creates(operation):
            self._held.setdefault(record, operation.identity)
            self.awaited.add(record)
        elif self._held.get(record) == operation.identity:
            del self._held[record]


@dataclass(frozen=True)
class ReadRun:
    """A run as it was read: its operations, at least one, and the link that it gives each."""

    base_link: bytes
    operations: list[Operation]
    links: list[bytes]
    signature: bytes

    @property
    def head(self) -> Head:
        """What the signature is over."""
        last = self.operations[-1].header
        return Head(last.replica, last.seq, self.links[-1])


def read_run(run: Run) -> ReadRun:
    """What is in a run. PeerFault `operation.header|chain.order|envelope.too_large`."""
    if not 0 < len(run.operations) <= limits.BATCH_OPERATIONS:
        raise PeerFault("envelope.too_large", limit=limits.BATCH_OPERATIONS)
    batch = [operations.received(*parts) for parts in run.operations]
    first = batch[0].header
    links = operations.links_after(Head(first.replica, first.seq - 1, run.base_link), batch)
    return ReadRun(run.base_link, batch, links, run.signature)


def take_run(
    run: ReadRun,
    signing_public: bytes,
    known: KnownChain,
    doorway: Doorway,
    records: Records,
    judge: Judge,
    hub_time: int,
) -> Taken:
    """Decides about every operation of a run that the hub does not have yet.

    Sent twice, late or again in part, it changes nothing. PeerFault `chain.order|signature`.
    """
    if run.head.replica != known.head.replica:
        raise PeerFault("chain.order")
    if not operations.head_verifies(signing_public, run.head, run.signature):
        raise PeerFault("chain.signature")
    head, link = known.head, run.base_link
    forked = known.base_link is not None and known.base_link != run.base_link
    decisions: list[Decision] = []
    for operation, after in zip(run.operations, run.links, strict=True):
        before, link = link, after
        have = known.names.get(operation.header.seq, ())
        if operation.name in have:  # what passes the chain's end on another link is on a branch
            forked = forked or (operation.header.seq == known.head.seq and after != known.head.link)
            continue
        follows = operation.header.seq == head.seq + 1
        forked = forked or bool(have) or (follows and before != head.link)
        if forked:
            verdict: Judgement = (Verdict.HELD, "fork")
        elif not follows:
            verdict = (Verdict.HELD, "gap")
        else:
            head = Head(head.replica, operation.header.seq, link)
            verdict = decide(operation, doorway, records, judge, hub_time)
        decisions.append(Decision(operation, _entry(operation, verdict, hub_time), link, before))
    return Taken(tuple(decisions), head, (run.head, run.signature), forked)


@dataclass(frozen=True)
class Released:
    """What the end of a gap leads to; `forked` as in `Taken`."""

    entries: tuple[VerdictEntry, ...]
    head: Head
    forked: bool


def release(
    waiting: Iterable[tuple[Operation, bytes]],
    head: Head,
    doorway: Doorway,
    records: Records,
    judge: Judge,
    hub_time: int,
) -> Released:
    """Judges what was held for a gap once the operations before it have come.

    `waiting` gives each, in order of seq, with the link that its run was signed with: where that is
    not the link it gets here, it was written after other operations than those that have come. Of
    what came back without its chain the link is not known, and empty.
    """
    entries: list[VerdictEntry] = []
    forked = False
    for operation, signed_link in waiting:
        if not forked and operation.header.seq != head.seq + 1:
            break
        link = operations.next_link(head.link, operation.name)
        forked = forked or (bool(signed_link) and link != signed_link)
        verdict, code = Verdict.HELD, "fork"
        if not forked:
            head = Head(head.replica, operation.header.seq, link)
            verdict, code = decide(operation, doorway, records, judge, hub_time)
        entries.append(VerdictEntry(operation.identity, int(verdict), code, hub_time))
    return Released(tuple(entries), head, forked)


def decide(
    operation: Operation, doorway: Doorway, records: Records, judge: Judge, hub_time: int
) -> Judgement:
    """The verdict on one operation whose place in its chain is sound."""
    judgement = _doorway(operation, doorway, hub_time) or _judged(operation, records, judge)
    records.note(operation, judgement[0])
    return judgement


def raised(
    standing: Standing, verdict: Verdict, code: str, name: bytes, hub_time: int
) -> VerdictEntry | None:
    """The entry for a later verdict, or None where what stands is as high already."""
    if not standing.is_raised_by(verdict, code):
        return None
    return VerdictEntry(name, int(verdict), code, hub_time)


def _doorway(operation: Operation, doorway: Doorway, hub_time: int) -> Judgement | None:
    standing = doorway.standings.get(operation.identity)
    if standing is not None and standing.verdict is Verdict.ACCEPTED:
        return Verdict.ACCEPTED, ""
    if operation.header.record in doorway.erased:
        return Verdict.REFUSED, "erased"
    if doorway.believed:
        return None
    if doorway.revoked:
        return Verdict.HELD, "revoked"
    if doorway.frozen:
        return Verdict.HELD, "frozen"
    header = operation.header
    # Its writer knew the station to be closed: that the hub may have lost changes nothing.
    if doorway.retired or header.flags & operations.AFTER_CLOSING:
        return Verdict.HELD, "closed"
    closing = doorway.closing
    if closing is not None and header.stamp > closing.at + limits.CLOCK_LEAD_MS:
        return Verdict.HELD, "closed"
    if closing is not None and hub_time > closing.until:
        return Verdict.HELD, "late"
    if standing is not None and channel.is_by_county(standing):
        return standing.verdict, standing.code
    return None


def _judged(operation: Operation, records: Records, judge: Judge) -> Judgement:
    if operation.header.version > operations.FORMAT:  # its body may be another than we can read
        return Verdict.HELD, "form"
    if operation.body is None:
        return Verdict.REFUSED, "body"
    try:
        writes = operation.writes()
    except PeerFault:
        return Verdict.REFUSED, "body"
    judgement = judge(operation, writes, records.creates(operation))
    if records.waits(operation) and judgement[0] is not Verdict.ACCEPTED:
        return Verdict.HELD, "record"
    return judgement  # what stands by itself does not wait: else nothing held could be corrected


def _entry(operation: Operation, judgement: Judgement, hub_time: int) -> PlaceEntry:
    verdict, code = judgement
    effective = channel.effective_stamp(operation.header.stamp, hub_time)
    return channel.place(
        operation.name, operation.identity, int(verdict), code, effective, hub_time
    )
