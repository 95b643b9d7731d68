"""Bodies that the hub lacked and somebody still has: found by their digest, judged then.

What is erased is never taken back. PROTOCOL.md, section 13.
"""

from __future__ import annotations

from collections.abc import Iterable

from hub_server.hub import Hub
from hub_server.services.judge_again import judge_waiting
from hub_server.services.projection import project
from hub_server.store import Channel
from sync_protocol import limits, operations


def take_bodies(hub: Hub, channel: Channel, bodies: Iterable[bytes]) -> Channel:
    """Keeps what is missing in a locked channel; what was refused for want of it may be accepted
    now. Returns where the channel ends then."""
    found = {operations.digest_of_body(b): b for b in bodies if len(b) <= limits.BODY_BYTES}
    missing = hub.store.bodies.missing(channel.id, list(found)) if found else []
    if not missing:
        return channel
    hub.store.bodies.fill(channel.id, found)
    about = {each.operation.header.record for each in missing}
    project(hub, channel, about)
    return judge_waiting(hub, channel, about)
