"""At rest, the hub's store alone: digests, chains and verdicts from the stored bytes alone.

The numbers are those of PROTOCOL.md, section 2.
"""

from typing import Any

import msgspec

from hub_server.hub import Hub
from hub_server.store import Channel
from sync_protocol.limits import CLOCK_LEAD_MS
from tests.simulation import recompute
from tests.simulation.promises import require

PLACES = (recompute.OPERATION, recompute.COPY)
EFFECTIVE = -2
"""Where the entry that gives an operation its place has the effective stamp."""


def rows(hub: Hub, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
    return list(hub.store._database.execute_sql(sql, parameters).fetchall())


def check_channel(hub: Hub, channel: Channel, latest: int) -> None:
    """Promise 7: positions without gaps, digests, chains and names as the text says. `latest`: the
    latest time that the hub's clock ever showed, ms."""
    stored = rows(
        hub,
        "SELECT position, data, digest FROM entry WHERE channel = ? ORDER BY position",
        channel.id,
    )
    require([row[0] for row in stored] == list(range(1, len(stored) + 1)), 5, "a gap in a channel")
    digests = recompute.digests(channel.id, [row[1] for row in stored])
    require([row[2] for row in stored] == digests, 7, "the hub stores another digest")
    last = (len(digests), digests[-1]) if digests else (0, channel.digest)
    require((channel.position, channel.digest) == last, 7, "the channel ends elsewhere")
    _check_verdicts(hub, channel, [row[1] for row in stored], latest)
    for chain in rows(
        hub,
        "SELECT replica, is_hub, frozen, head_seq, head_link, signed_seq, signature FROM chain"
        " WHERE channel = ?",
        channel.id,
    ):
        _check_chain(hub, *chain)


def _check_verdicts(hub: Hub, channel: Channel, data: list[bytes], latest: int) -> None:
    standings = recompute.standings(data)
    stored = rows(
        hub,
        "SELECT name, identity, header, body, body_digest, verdict, code, effective FROM operation"
        " WHERE channel = ?",
        channel.id,
    )
    entries = [msgspec.msgpack.decode(each) for each in data]
    placed = [entry for entry in entries if entry[0] in PLACES]
    given = {entry[1]: entry[EFFECTIVE] for entry in placed}
    for name, identity, header, body, digest, verdict, code, effective in stored:
        is_named = name == recompute.name_of(header, digest)
        is_whole = body is None or digest == recompute.body_digest(body)
        require(is_named and is_whole, 7, "a stored name is not that of its bytes")
        require(standings[identity] == (verdict, code), 4, "a stored verdict is not what was given")
        require(effective == given.get(name), 3, "another stamp counts than was given")
    names = [entry[1] for entry in placed]
    require(len(set(names)) == len(names), 5, "an operation has two places")
    require(sorted(names) == sorted(row[0] for row in stored), 5, "a place without an operation")
    newest = max((entry[EFFECTIVE] for entry in placed), default=0)
    require(newest <= latest + CLOCK_LEAD_MS, 3, "a fast clock wins more than the lead")


def _check_chain(
    hub: Hub,
    replica: bytes,
    is_hub: bool,
    frozen: bool,
    head_seq: int,
    head_link: bytes,
    signed_seq: int,
    signature: bytes,
) -> None:
    found = rows(
        hub, "SELECT seq, name, link FROM operation WHERE replica = ? ORDER BY seq", replica
    )
    if frozen or not found:
        return  # both branches of a fork are kept
    whole = [row for row in found if row[0] <= head_seq]
    require([row[0] for row in whole] == list(range(1, head_seq + 1)), 5, "a chain has gaps")
    links = recompute.links(replica, [row[1] for row in whole])
    require([row[2] for row in whole] == links, 7, "the hub stores another link")
    require(head_link == links[-1] if links else True, 7, "a chain's head has another link")
    if not is_hub and signed_seq and signed_seq <= head_seq:
        parts = (replica, signed_seq.to_bytes(8, "big"), links[signed_seq - 1])
        public = hub.store.stations.replica(replica)
        assert public is not None
        signed = recompute.is_signed(public.signing, signature, "bianmin/head", *parts)
        require(signed, 7, "a chain's end is not signed")
