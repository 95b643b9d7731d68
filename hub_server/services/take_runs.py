"""The operations that a station pushes: each is decided about by itself and gets its place.

Runs inside the transaction of the exchange, which holds the channel. PROTOCOL.md, sections 4 to 6.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import cast

from msgspec.structs import replace

from hub_server.hub import Hub
from hub_server.services.draw_epoch import wrote_as
from hub_server.services.judge_again import append_verdicts, bench, doorways, judge_waiting
from hub_server.services.projection import project
from hub_server.services.take_bodies import take_bodies
from hub_server.services.write_records import append_word
from hub_server.store import Chain, Channel, NewEntry, Placed, Replica
from sync_protocol import channel as protocol
from sync_protocol import operations, push
from sync_protocol.channel import ClosingEntry, FreezeEntry, Standing, Verdict, VerdictEntry
from sync_protocol.errors import PeerFault
from sync_protocol.operations import Head, Header
from sync_protocol.push import Decision, Doorway, KnownChain, ReadRun, Taken


def take_runs(hub: Hub, channel: Channel, replica: Replica, runs: Sequence[ReadRun]) -> Channel:
    """Places what these runs bring; returns where the channel ends then. PeerFault `chain.*`."""
    for run in runs:
        channel = _take(hub, channel, replica, run)
    return channel


def freeze(hub: Hub, channel: Channel, replica: Replica, reason: str) -> Channel:
    """Freezes a chain that was found forked: both branches are kept, nothing more is believed."""
    grown = append_word(hub, channel, FreezeEntry(replica.id, reason, hub.now_ms()))
    hub.store.chains.freeze_chain(replica.id)
    if not replica.standing:  # who waits for the county or is revoked does not get away by a fork
        hub.store.stations.set_standing(replica.id, "frozen")
    return grown


def _take(hub: Hub, channel: Channel, replica: Replica, run: ReadRun) -> Channel:
    headers = [each.header for each in run.operations]
    chain = hub.store.chains.chain(replica.id)
    if chain is None or run.head.replica != replica.id:
        raise PeerFault("message.form", where="run")
    _check_copies(hub, channel, headers)
    run = _with_bodies(hub, channel, run)
    first = headers[0].seq
    names = hub.store.operations.names(replica.id, first, run.head.seq)
    channel = take_bodies(hub, channel, _come_again(run, names))
    known = KnownChain(chain.head, hub.store.chains.link_before(chain, first), names)
    about = {header.record for header in headers}
    standings = _standings(hub, channel, run)
    doorway = _doorway(hub, channel, chain, replica, about, standings)
    records, judge = bench(hub, channel, about)
    taken = push.take_run(run, replica.signing, known, doorway, records, judge, hub.now_ms())
    places = enumerate(taken.decisions, start=channel.position + 1)
    placed = [_entry(each, doorway.erased, at) for at, each in places]
    new = _shared(placed, standings, hub.now_ms())
    grown = hub.store.journal.append(channel, new)
    _raise_copies(hub, channel, new, standings)
    if standings:  # the first one may lack the body that its copy brings
        grown = take_bodies(hub, grown, (each.body for each in run.operations if each.body))
    accepted = _records_with(new, Verdict.ACCEPTED)
    alone = () if standings else tuple(each.placed for each in new if each.placed)
    project(hub, grown, accepted, alone)
    created = records.awaited & (accepted | _records_with(new, Verdict.REFUSED))
    grown, released, forked = _move(hub, grown, chain, taken, doorway)
    grown = judge_waiting(hub, grown, created | released)
    if forked and not chain.frozen:
        grown = freeze(hub, grown, replica, "fork")
    return grown


def _with_bodies(hub: Hub, channel: Channel, run: ReadRun) -> ReadRun:
    """With what its writer's disk has lost since another copy brought it here."""
    lost = [each.body_digest for each in run.operations if each.body is None]
    found = {operations.digest_of_body(b): b for b in hub.store.bodies.read([channel.id], lost)}
    if not found:
        return run
    whole = [
        replace(each, body=found[each.body_digest])
        if each.body is None and each.body_digest in found
        else each
        for each in run.operations
    ]
    return dataclasses.replace(run, operations=whole)


def _come_again(run: ReadRun, names: Mapping[int, Collection[bytes]]) -> list[bytes]:
    """The bodies of what is here: without them, perhaps, where the disk had lost them meanwhile."""
    here = (each for each in run.operations if each.name in names.get(each.header.seq, ()))
    return [each.body for each in here if each.body is not None]


def _standings(hub: Hub, channel: Channel, run: ReadRun) -> dict[bytes, Standing]:
    """Identity → standing, of those of a run's operations of which another copy is here."""
    has_copies = any(each.header.origin for each in run.operations)
    has_copies = has_copies or hub.store.operations.has_copies(channel.id)
    identities = [each.identity for each in run.operations] if has_copies else []
    return hub.store.operations.standings(channel.id, identities)


def _shared(
    new: Sequence[NewEntry], standings: Mapping[bytes, Standing], now: int
) -> list[NewEntry]:
    """Of what is here in several copies each has the standing that all entries together give. What
    was believed once goes on waiting for what it waited for: that is said again where another copy
    comes on a chain that is not believed, or too late."""
    shared, said_again = dict(standings), dict[bytes, Standing]()
    for each in (entry.placed for entry in new if entry.placed is not None):
        identity, given = each.operation.identity, Standing(each.verdict, each.code)
        known = shared.get(identity)
        if known is not None:
            shared[identity] = known.with_copy(given)
            if known.outlasts(given):
                said_again[identity] = known
        elif each.operation.header.origin:
            shared[identity] = given
    words = [
        VerdictEntry(identity, int(known.verdict), known.code, now)
        for identity, known in said_again.items()
        if shared[identity] == known
    ]
    placed = [_with_standing(each, shared) for each in new] if shared else list(new)
    return placed + [NewEntry(protocol.entry_bytes(each)) for each in words]


def _with_standing(new: NewEntry, shared: Mapping[bytes, Standing]) -> NewEntry:
    if new.placed is None or (known := shared.get(new.placed.operation.identity)) is None:
        return new
    return replace(new, placed=replace(new.placed, verdict=known.verdict, code=known.code))


def _raise_copies(
    hub: Hub, channel: Channel, new: Sequence[NewEntry], standings: Mapping[bytes, Standing]
) -> None:
    placed = (each.placed for each in new if each.placed is not None)
    raised = {each.operation.identity: each for each in placed}
    for identity in raised.keys() & standings.keys():
        verdict = (raised[identity].verdict, raised[identity].code)
        hub.store.operations.note_verdict(channel.id, identity, *verdict)


def _check_copies(hub: Hub, channel: Channel, headers: Sequence[Header]) -> None:
    """A copy is of an act of this desk. PeerFault `operation.header`.

    Under a name that is another's it would take that one's place: a county's word, for example.
    """
    firsts = (operations.read_header(header.origin) for header in headers if header.origin)
    authors = {first.replica for first in firsts}
    by_hub = wrote_as(hub, channel.id) if authors else frozenset()
    for author in authors:
        chain = hub.store.chains.chain(author)
        is_ours = chain is None or (not chain.is_hub and chain.channel == channel.id)
        if not is_ours or author in by_hub:
            raise PeerFault("operation.header")


def _records_with(new: Sequence[NewEntry], verdict: Verdict) -> set[bytes]:
    """The records about which an operation has this verdict."""
    placed = [each.placed for each in new if each.placed is not None]
    return {each.operation.header.record for each in placed if each.verdict is verdict}


def _move(
    hub: Hub, channel: Channel, chain: Chain, taken: Taken, doorway: Doorway
) -> tuple[Channel, set[bytes], bool]:
    """Moves the chain's head and judges what waited for that.

    Returns where the channel ends, the records about which something is final now that waited, and
    whether the chain forked.
    """
    _keep_signature(hub, chain, taken)
    if taken.head == chain.head:
        return channel, set(), taken.forked
    waiting = hub.store.operations.waiting(channel.id, taken.head)
    if not waiting:
        hub.store.chains.move_chain(taken.head)
        return channel, set(), taken.forked
    channel, final, forked = _release(hub, channel, taken.head, waiting, doorway)
    return channel, final, taken.forked or forked


def _release(
    hub: Hub, channel: Channel, head: Head, waiting: Sequence[Placed], doorway: Doorway
) -> tuple[Channel, set[bytes], bool]:
    """Judges what is behind a gap that has closed; the chain moves on over what needs no verdict
    any more. As `_move`."""
    # What waited may be about other records than the run that ends its waiting.
    about = {each.operation.header.record for each in waiting}
    standings = {each.operation.identity: Standing(each.verdict, each.code) for each in waiting}
    erased = hub.store.withdrawn.erased(channel.id, sorted(about))
    doorway = replace(doorway, erased=erased, standings=standings)
    records, judge = bench(hub, channel, about)
    waited = [(each.operation, each.link) for each in waiting]
    released = push.release(waited, head, doorway, records, judge, hub.now_ms())
    hub.store.chains.move_chain(released.head)
    for each in waiting[: released.head.seq - head.seq]:
        head = operations.advance(head, [each.operation])
        if not each.link:
            hub.store.operations.link_up(channel.id, each.operation.name, head.link)
    raising = [each for each in released.entries if _is_raised(standings[each.name], each)]
    grown, final = append_verdicts(hub, channel, waiting, raising)
    return grown, final, released.forked


def _is_raised(known: Standing, entry: VerdictEntry) -> bool:
    return known.with_copy(Standing(Verdict(entry.verdict), entry.code)) != known


def close_gap(hub: Hub, channel: Channel, head: Head) -> tuple[Channel, set[bytes], bool]:
    """Judges what is stored behind a head that moved on because of what came back. As `_move`."""
    waiting = hub.store.operations.waiting(channel.id, head)
    if not waiting:
        return channel, set(), False
    believed = doorways(hub, {head.replica}, ())[head.replica]
    doorway = replace(believed, closing=_closing(channel))
    return _release(hub, channel, head, waiting, doorway)


def _keep_signature(hub: Hub, chain: Chain, taken: Taken) -> None:
    """Of the chain itself the newest signature covers all; each branch and stretch behind a gap has
    its own."""
    head, signature = taken.signed
    is_new = bool(taken.decisions) and taken.decisions[-1].link == head.link
    is_known = hub.store.chains.link_before(chain, head.seq + 1) == head.link
    if head == taken.head or (is_known and head.seq <= taken.head.seq):
        hub.store.chains.keep_signature(head, signature)
    elif is_new or is_known:
        hub.store.evidence.keep_branch_head(head, signature)


def _doorway(
    hub: Hub,
    channel: Channel,
    chain: Chain,
    replica: Replica,
    about: Collection[bytes],
    standings: Mapping[bytes, Standing],
) -> Doorway:
    return Doorway(
        frozen=chain.frozen,
        revoked=replica.standing == "revoked",
        retired=replica.standing == "retired",
        closing=_closing(channel),
        erased=hub.store.withdrawn.erased(channel.id, sorted(about)),
        standings=standings,
    )


def _closing(channel: Channel) -> ClosingEntry | None:
    closing = protocol.read_entry(channel.closing) if channel.closing else None
    return cast("ClosingEntry | None", closing)


def _entry(decision: Decision, erased: Collection[bytes], position: int) -> NewEntry:
    entry, operation = decision.entry, decision.operation
    if operation.header.record in erased:
        operation = replace(operation, body=None)
    placed = Placed(
        operation=operation,
        link=decision.link,
        by_hub=False,
        position=position,
        verdict=Verdict(entry.verdict),
        code=entry.code,
        effective=entry.effective,
        base=decision.base if entry.code in ("gap", "fork") else None,
    )
    return NewEntry(protocol.entry_bytes(entry), placed)
