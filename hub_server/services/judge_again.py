"""Judge again what was held, when the cause has ended: a form that is known now, a creating
operation that has been judged.

Under the channel's lock, in the order of the chains, only while held. PROTOCOL.md, section 6.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from forms import Forms
from hub_server.hub import Hub
from hub_server.services.judge import judge_by
from hub_server.services.projection import project
from hub_server.store import Channel, NewEntry, Placed
from sync_protocol import channel as protocol
from sync_protocol import operations, push
from sync_protocol.channel import Standing, Verdict, VerdictEntry
from sync_protocol.push import Doorway, Judge, Records

_FORMS_KNOWN = "forms_known"


def judge_new_forms(hub: Hub) -> None:
    """At the hub's start: what waited for a form that came with this program is judged, and what
    was accepted of such a form, by a later program than the last one, is read by it."""
    known, before = _names_of(hub.forms), hub.store.meta(_FORMS_KNOWN)
    if before == known:
        return
    with hub.store.writing():
        unread = _unread(hub, (before or known).split())
        for each in hub.store.journal.channels():
            channel = hub.store.journal.lock_channel(each.id)
            project(hub, channel, unread.get(channel.id, ()))
            waiting = hub.store.operations.judged_again(channel.id, "form")
            channel, settled = _judge(hub, channel, waiting)
            judge_waiting(hub, channel, settled)
        hub.store.set_meta(_FORMS_KNOWN, known)


def _unread(hub: Hub, before: Collection[bytes]) -> dict[bytes, set[bytes]]:
    """Channel → records about which something was accepted of a form that was not known before."""
    found: dict[bytes, set[bytes]] = {}
    for channel, header in hub.store.operations.accepted_headers():
        if f"{header.kind}.{header.form_version}".encode() not in before:
            found.setdefault(channel, set()).add(header.record)
    return found


def judge_waiting(hub: Hub, channel: Channel, records: Iterable[bytes]) -> Channel:
    """Judges what waited for the operations that created these records, or was refused of them for
    want of a body that is here by now, until no more is settled."""
    about = set(records)
    while about:
        waiting = hub.store.operations.judged_again(channel.id, "record", sorted(about))
        channel, about = _judge(hub, channel, waiting)
    return channel


def judge_returned(hub: Hub, channel: Channel, records: Iterable[bytes]) -> Channel:
    """Judges what came back held for a form that is known by now, and what waited for these records
    to be made."""
    about = set(records)
    known = hub.store.operations.judged_again(channel.id, "form", sorted(about))
    channel, settled = _judge(hub, channel, known)
    return judge_waiting(hub, channel, about | settled)


def bench(hub: Hub, channel: Channel, records: Iterable[bytes]) -> tuple[Records, Judge]:
    """Who judges operations about these records, and what is known of the records till then."""
    wanted = sorted(records)
    kinds = hub.store.records.kinds(channel.id, wanted)
    none_accepted = [record for record in wanted if record not in kinds]
    held = hub.store.operations.held_creators(channel.id, none_accepted)
    return Records(kinds, held), judge_by(hub.forms, kinds)


def append_verdicts(
    hub: Hub, channel: Channel, held: Sequence[Placed], entries: Sequence[VerdictEntry]
) -> tuple[Channel, set[bytes]]:
    """Appends later verdicts on these operations; also the records about which one is final."""
    for entry in entries:
        verdict = (Verdict(entry.verdict), entry.code)
        hub.store.operations.note_verdict(channel.id, entry.name, *verdict)
    new = [NewEntry(protocol.entry_bytes(each)) for each in entries]
    grown = hub.store.journal.append(channel, new)
    records = {each.operation.identity: each.operation.header.record for each in held}
    accepted = {records[each.name] for each in entries if each.verdict == Verdict.ACCEPTED}
    project(hub, grown, accepted)
    final = {records[each.name] for each in entries if each.verdict != Verdict.HELD}
    return grown, final


def _judge(hub: Hub, channel: Channel, held: Sequence[Placed]) -> tuple[Channel, set[bytes]]:
    if not held:
        return channel, set()
    now = hub.now_ms()
    about = {each.operation.header.record for each in held}
    records, judge = bench(hub, channel, about)
    erased = hub.store.withdrawn.erased(channel.id, sorted(about))
    believed = doorways(hub, {each.operation.header.replica for each in held}, erased)
    entries: list[VerdictEntry] = []
    for each in _one_of_each(held, believed):
        operation = each.operation
        doorway = believed[operation.header.replica]
        verdict, code = push.decide(operation, doorway, records, judge, now)
        if each.verdict is Verdict.REFUSED and verdict is Verdict.HELD:
            records.note(operation, each.verdict)  # it stays refused: nothing waits for it
        standing = Standing(each.verdict, each.code)
        entry = push.raised(standing, verdict, code, operation.identity, now)
        if entry is not None:
            entries.append(entry)
    return append_verdicts(hub, channel, held, entries)


def _one_of_each(held: Sequence[Placed], believed: Mapping[bytes, Doorway]) -> list[Placed]:
    """Of several copies the one on a chain that is believed."""
    chosen: dict[bytes, Placed] = {}
    for each in held:
        doorway = believed[each.operation.header.replica]
        is_believed = not (doorway.frozen or doorway.revoked)
        if is_believed or each.operation.identity not in chosen:
            chosen[each.operation.identity] = each
    return list(chosen.values())


def doorways(
    hub: Hub, replicas: Iterable[bytes], erased: Collection[bytes]
) -> Mapping[bytes, Doorway]:
    """What is frozen or revoked by now waits for the county. A closing asks when an operation came,
    and that was answered when it came."""
    found: dict[bytes, Doorway] = {}
    for each in replicas:
        chain, replica = hub.store.chains.chain(each), hub.store.stations.replica(each)
        found[each] = Doorway(
            frozen=chain is not None and chain.frozen,
            revoked=replica is not None and replica.standing == "revoked",
            erased=erased,
        )
    return found


def _names_of(forms: Forms) -> bytes:
    versions = (f"{name}.{version}" for name in forms.names() for version in forms.versions(name))
    return " ".join((f"operation.{operations.FORMAT}", *versions)).encode()
