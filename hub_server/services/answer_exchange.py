"""One request of a station answered: take what it pushes, show what it has not seen, sign both.

Bytes in, bytes out; nothing of an exchange lives in memory between requests, and the same request
twice changes nothing. The steps are those of sync_protocol.exchange, in its order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.services.take_runs import freeze, take_runs
from hub_server.store import Channel, Replica
from sync_protocol import agree, exchange, limits, operations, pull
from sync_protocol.agree import Countersigned
from sync_protocol.channel import Cursor
from sync_protocol.exchange import Opened, Reply, Request
from sync_protocol.pull import Page, Reader

# A page may not fill a whole reply: what cannot be compressed must still fit into REPLY_BYTES.
PAGE_BYTES_HIGHEST = limits.REPLY_BYTES * 3 // 4


def answer_exchange(hub: Hub, data: bytes) -> bytes:
    """Request bytes → reply bytes. HubError `replica.unknown`; PeerFault for a foreign request."""
    with hub.store.reading():
        replica = hub.store.stations.replica(exchange.sender_of(data))
    if replica is None:
        raise HubError("replica.unknown")
    opened = exchange.open_request(data, hub.keys, replica.signing)
    with hub.store.writing():
        reply = _answer(hub, hub.store.stations.replica(replica.id) or replica, opened)
    return exchange.seal_reply(reply, hub.keys, replica.id, replica.sealing)


def _answer(hub: Hub, replica: Replica, opened: Opened) -> Reply:
    request, now = opened.request, hub.now_ms()
    stations = hub.store.stations
    own = hub.store.journal.lock_channel(replica.channel)
    known = stations.note_request(replica.id, request.number, opened.digest)
    if not known and not replica.standing:
        own = freeze(hub, own, replica, "request")  # one number, two requests: a clone reads along
    own = take_runs(hub, own, replica, request.runs)
    if request.number == stations.newest_request(replica.id):  # a stick may bring an old report
        stations.note_contact(replica.id, now, request.device_time, request.own_seq, request.report)
    current = stations.replica(replica.id) or replica
    pages, bodies = list[Page](), list[bytes]()
    if not current.standing:
        readable = _readable(hub, own)
        reader = _reader(hub, replica, request)
        budget = _budget(request.budget_bytes)
        pages = _pages(hub, request.cursors, readable, reader, budget, now)
        bodies = _wanted(hub, request.wants, readable, budget)
    return Reply(request.version, opened.digest, now, current.standing, pages, bodies, lacks=[])


def _budget(asked_bytes: int) -> int:
    return max(limits.BATCH_BYTES_LOWEST, min(asked_bytes, PAGE_BYTES_HIGHEST))


def _readable(hub: Hub, own: Channel) -> dict[bytes, Channel]:
    """The channels a station reads: its own and its region's, never another's (promise 8)."""
    region = hub.store.journal.channel_of_region("region", own.region)
    return {each.id: each for each in (own, region) if each is not None}


def _pages(
    hub: Hub,
    cursors: Sequence[Countersigned],
    readable: dict[bytes, Channel],
    reader: Reader,
    budget_bytes: int,
    now: int,
) -> list[Page]:
    pages: list[Page] = []
    for signed in cursors:
        channel = readable.get(signed.cursor.channel)
        if channel is not None:
            pages.append(_page(hub, channel, signed, reader, budget_bytes, now))
            budget_bytes = max(limits.BATCH_BYTES_LOWEST, budget_bytes - _size(pages[-1]))
    return pages


def _page(
    hub: Hub, channel: Channel, signed: Countersigned, reader: Reader, budget_bytes: int, now: int
) -> Page:
    cursor, journal = signed.cursor, hub.store.journal
    here = journal.digest_at(channel.id, cursor.position)
    if not agree.same_history(cursor, here):
        return _parted(hub, channel, cursor, now)
    if cursor.position:
        hub.store.stations.keep_countersigned(reader.replica, signed, now)
    stored = journal.entries_after(channel.id, cursor.position)
    items, end = pull.make_page(cursor, stored, reader, budget_bytes)
    receipt = agree.sign_receipt(hub.keys.signing, end, now)
    return Page(cursor, items, receipt, channel.position)


def _parted(hub: Hub, channel: Channel, cursor: Cursor, now: int) -> Page:
    receipt = agree.sign_receipt(hub.keys.signing, channel.cursor, now)
    return Page(cursor, [], receipt, channel.position, parted=pull.SHOW_RECEIPT)


def _reader(hub: Hub, replica: Replica, request: Request) -> Reader:
    """What the sender surely has of its own chain: up to a head on which both ends agree."""
    chain, own = hub.store.journal.chain(replica.id), request.own
    if own is None:  # version 1 does not name its link
        return Reader(replica.id, request.own_seq, version=request.version)
    agreed = chain is not None and hub.store.journal.link_before(chain, own.seq + 1) == own.link
    headers = (part for run in request.runs for part in run.operations)
    sent = frozenset(operations.received(*part).name for part in headers)
    return Reader(replica.id, own.seq if agreed else 0, sent, request.version)


def _size(page: Page) -> int:
    """About how many bytes of operations a page carries."""
    return sum(
        len(item.header) + len(item.body or b"")
        for item in page.items
        if isinstance(item, pull.OperationItem)
    )


def _wanted(
    hub: Hub, wants: Sequence[bytes], readable: Iterable[bytes], budget_bytes: int
) -> list[bytes]:
    """Bodies that the station lacks, as many as fit."""
    found, used = list[bytes](), 0
    for body in hub.store.journal.bodies(list(readable), wants):
        used += len(body)
        if found and used > budget_bytes:
            break
        found.append(body)
    return found
