"""The operations that a station pushes: each is decided about by itself and gets its place.

Runs inside the transaction of the exchange, which holds the channel. PROTOCOL.md, sections 4 to 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from hub_server.hub import Hub
from hub_server.services.judge_again import append_verdicts, bench, judge_waiting
from hub_server.services.projection import project
from hub_server.services.write_records import append_word
from hub_server.store import Chain, Channel, NewEntry, Placed, Replica
from sync_protocol import channel as protocol
from sync_protocol import operations, push
from sync_protocol.channel import ClosingEntry, FreezeEntry, Verdict
from sync_protocol.errors import PeerFault
from sync_protocol.operations import Header, Operation, Run
from sync_protocol.push import Decision, Doorway, KnownChain, Taken


def take_runs(hub: Hub, channel: Channel, replica: Replica, runs: Sequence[Run]) -> Channel:
    """Places what these runs bring; returns where the channel ends then. PeerFault `chain.*`."""
    for run in runs:
        channel = _take(hub, channel, replica, run)
    return channel


def freeze(hub: Hub, channel: Channel, replica: Replica, reason: str) -> Channel:
    """Freezes a chain that was found forked: both branches are kept, nothing more is believed."""
    grown = append_word(hub, channel, FreezeEntry(replica.id, reason, hub.now_ms()))
    hub.store.journal.freeze_chain(replica.id)
    hub.store.stations.set_standing(replica.id, "frozen")
    return grown


def _take(hub: Hub, channel: Channel, replica: Replica, run: Run) -> Channel:
    headers = [operations.read_header(header) for header, _, _ in run.operations]
    journal = hub.store.journal
    chain = journal.chain(replica.id)
    if chain is None or not headers or any(each.replica != replica.id for each in headers):
        raise PeerFault("message.form", where="run")
    _check_copies(hub, replica, run, headers)
    seqs = [header.seq for header in headers]
    names = journal.names(replica.id, min(seqs), max(seqs))
    known = KnownChain(chain.head, journal.link_before(chain, seqs[0]), names)
    doorway = _doorway(channel, chain, replica)
    records, judge = bench(hub, channel, {header.record for header in headers})
    taken = push.take_run(run, replica.signing, known, doorway, records, judge, hub.now_ms())
    grown = journal.append(channel, [_entry(each) for each in taken.decisions])
    final = {v: _records_given(taken, v) for v in (Verdict.ACCEPTED, Verdict.REFUSED)}
    project(hub, grown, final[Verdict.ACCEPTED])
    created = records.awaited & (final[Verdict.ACCEPTED] | final[Verdict.REFUSED])
    grown, released, forked = _move(hub, grown, chain, taken, doorway)
    grown = judge_waiting(hub, grown, created | released)
    if forked and not chain.frozen:
        grown = freeze(hub, grown, replica, "fork")
    return grown


def _check_copies(hub: Hub, replica: Replica, run: Run, headers: Sequence[Header]) -> None:
    """A copy is the same act of the same desk under another header. PeerFault `operation.header`.

    Under a name that is another's it would take that one's place: a county's word, for example.
    """
    copies = [
        (header.origin, operations.received(*parts))
        for header, parts in zip(headers, run.operations, strict=True)
        if header.origin
    ]
    if not copies:
        return
    names = sorted({origin for origin, _ in copies})
    originals = {each.name: each for each in hub.store.journal.named(names)}
    for origin, copy in copies:
        original = originals.get(origin)
        if original is None:
            continue
        author = hub.store.stations.replica(original.header.replica)
        is_ours = author is not None and author.station_code == replica.station_code
        if not is_ours or _act(copy) != _act(original):
            raise PeerFault("operation.header")


def _act(operation: Operation) -> tuple[bytes, bytes, bytes, int, str, int]:
    """What a copy has in common with what it is a copy of."""
    header = operation.header
    what = (header.record, header.clerk, header.stamp, header.kind, header.form_version)
    return (operation.body_digest, *what)


def _records_given(taken: Taken, verdict: Verdict) -> set[bytes]:
    """The records about which an operation got this verdict."""
    given = (each.operation for each in taken.decisions if each.entry.verdict == verdict)
    return {operation.header.record for operation in given}


def _move(
    hub: Hub, channel: Channel, chain: Chain, taken: Taken, doorway: Doorway
) -> tuple[Channel, set[bytes], bool]:
    """Moves the chain's head and judges what waited for that.

    Returns where the channel ends, the records about which something is final now that waited, and
    whether the chain forked.
    """
    journal = hub.store.journal
    _keep_signature(hub, chain, taken)
    if taken.head == chain.head:
        return channel, set(), taken.forked
    waiting = journal.waiting(taken.head)
    operations_waiting = [(each.operation, each.link) for each in waiting]
    # What waited may be about other records than the run that ends its waiting.
    records, judge = bench(hub, channel, {each.operation.header.record for each in waiting})
    released = push.release(operations_waiting, taken.head, doorway, records, judge, hub.now_ms())
    journal.move_chain(released.head)
    grown, final = append_verdicts(hub, channel, waiting, released.entries)
    return grown, final, taken.forked or released.forked


def _keep_signature(hub: Hub, chain: Chain, taken: Taken) -> None:
    """Of the chain itself the newest signature covers all; each branch and stretch behind a gap has
    its own."""
    head, signature = taken.signed
    joined = head == taken.head
    if joined or hub.store.journal.link_before(chain, head.seq + 1) == head.link:
        hub.store.journal.keep_signature(head, signature)
    elif taken.decisions and taken.decisions[-1].link == head.link:
        hub.store.evidence.keep_branch_head(head, signature)


def _doorway(channel: Channel, chain: Chain, replica: Replica) -> Doorway:
    closing = protocol.read_entry(channel.closing) if channel.closing else None
    return Doorway(
        frozen=chain.frozen,
        revoked=replica.standing == "revoked",
        closing=cast("ClosingEntry | None", closing),
    )


def _entry(decision: Decision) -> NewEntry:
    entry = decision.entry
    placed = Placed(
        operation=decision.operation,
        link=decision.link,
        by_hub=False,
        position=0,
        verdict=Verdict(entry.verdict),
        code=entry.code,
        effective=entry.effective,
        base=decision.base if entry.code in ("gap", "fork") else None,
    )
    return NewEntry(protocol.entry_bytes(entry), placed)
