"""Bodies that the hub lacked and somebody still has: found by their digest, judged then.

What is erased is never taken back. PROTOCOL.md, section 13.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hub_server.hub import Hub
from hub_server.services.judge_again import append_verdicts, bench, doorways, judge_waiting
from hub_server.services.projection import project
from hub_server.store import Channel, Placed
from sync_protocol import limits, operations, push
from sync_protocol.channel import Verdict, VerdictEntry


def take_bodies(hub: Hub, channel: Channel, bodies: Iterable[bytes]) -> Channel:
    """Keeps what is missing in a locked channel; what was refused for want of it may be accepted
    now. Returns where the channel ends then."""
    found = {operations.digest_of_body(b): b for b in bodies if len(b) <= limits.BODY_BYTES}
    missing = hub.store.bodies.missing(channel.id, list(found)) if found else []
    if not missing:
        return channel
    hub.store.bodies.fill(channel.id, found)
    about = sorted({each.operation.header.record for each in missing})
    project(hub, channel, about)
    refused = _refused(hub, channel, about)
    channel, final = append_verdicts(hub, channel, refused, _raised(hub, channel, refused))
    return judge_waiting(hub, channel, final)


def _refused(hub: Hub, channel: Channel, records: Sequence[bytes]) -> list[Placed]:
    """What was refused of these records for want of a body that is here now, as it came: what
    creates a record before what builds on it, though the body of that may have come first."""
    stored = hub.store.operations.of_records(channel.id, records)
    return [
        each
        for of_record in stored.values()
        for each in of_record
        if (each.verdict, each.code) == (Verdict.REFUSED, "body")
        and each.operation.body is not None
    ]


def _raised(hub: Hub, channel: Channel, refused: Sequence[Placed]) -> list[VerdictEntry]:
    """Entries for those that would be accepted had their body come along."""
    records, judge = bench(hub, channel, {each.operation.header.record for each in refused})
    believed = doorways(hub, {each.operation.header.replica for each in refused}, ())
    entries: dict[bytes, VerdictEntry] = {}
    now = hub.now_ms()
    for each in refused:
        doorway = believed[each.operation.header.replica]
        verdict, code = push.decide(each.operation, doorway, records, judge, now)
        if verdict is Verdict.ACCEPTED:
            identity = each.operation.identity
            entries[identity] = VerdictEntry(identity, int(verdict), code, now)
    return list(entries.values())
