"""One request of a station answered: take what it pushes, show what it has not seen, sign both.

Bytes in, bytes out; nothing of an exchange lives in memory between requests, and the same request
twice changes nothing. The steps are those of sync_protocol.exchange, in its order.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.services.draw_epoch import epoch_at, notice_receipts
from hub_server.services.introduce import introduce
from hub_server.services.list_losses import news
from hub_server.services.make_snapshot_part import make_snapshot_part
from hub_server.services.take_bodies import take_bodies
from hub_server.services.take_runs import freeze, take_runs
from hub_server.services.take_stretches import take_stretches
from hub_server.store import Channel, Replica
from sync_protocol import agree, enrol, envelope, exchange, limits, pull, push
from sync_protocol.agree import Countersigned
from sync_protocol.channel import Cursor, Receipt
from sync_protocol.enrol import Certificate, Grant
from sync_protocol.errors import PeerFault
from sync_protocol.exchange import Opened, Reply, Request
from sync_protocol.pull import Page, Reader
from sync_protocol.push import ReadRun

# A page may not fill a whole reply: what cannot be compressed must still fit into REPLY_BYTES.
PAGE_BYTES_HIGHEST = limits.REPLY_BYTES * 3 // 4
LACKS_PER_REPLY = 100

_STRANGERS = frozenset(
    {"enrol.certificate", "envelope.receiver", "envelope.sealed", "envelope.signature"}
)
"""What is wrong with the request of somebody who does not belong here."""


def answer_exchange(hub: Hub, data: bytes) -> bytes:
    """Request bytes → reply bytes. HubError `replica.*`; PeerFault for a foreign request."""
    opened, replica, newest = _open(hub, data)
    said, taken = opened.request.said, list[Cursor]()
    if replica is None or said.receipts or said.stretches:
        replica, taken = _heed(hub, opened, replica)
    only_notes = _brings_nothing(opened.request, newest)
    with hub.store.noting() if only_notes else hub.store.writing():
        reply = _answer(hub, _as_it_stands(hub, replica), opened, taken)
    return exchange.seal_reply(reply, hub.keys, replica.id, replica.sealing)


def grant_of(hub: Hub, data: bytes) -> Grant:
    """The channel that the sender of these request bytes writes in: of one that the hub does not
    know yet, too, where it proves to belong here. HubError `replica.unknown`; PeerFault."""
    opened, known, _ = _open(hub, data)
    if known is not None:
        return envelope.unpack(known.certificate, Certificate).grants[0]
    if opened.introduced is None:
        raise HubError("replica.unknown")
    return opened.introduced.certificate.grants[0]


def _open(hub: Hub, data: bytes) -> tuple[Opened, Replica | None, int]:
    """A request whose sender is known, or proves to belong here, and the highest number that one of
    its sender had before."""
    sender = exchange.sender_of(data)
    with hub.store.reading():
        replica = hub.store.stations.replica(sender)
        newest = hub.store.stations.newest_request(sender)
    if replica is not None:
        return exchange.open_request(data, hub.keys, replica.signing), replica, newest
    try:
        return exchange.open_introduced(data, hub.keys), None, newest
    except PeerFault as stranger:
        if stranger.code not in _STRANGERS:
            raise
        raise HubError("replica.unknown") from stranger


def _heed(hub: Hub, opened: Opened, known: Replica | None) -> tuple[Replica, list[Cursor]]:
    """The sender, what its receipts show and its stretches bring back, in a transaction of its own:
    all that is noted in the journal, and what else is in the request must not undo it. Also the
    ends of the stretches that were read."""
    said = opened.request.said
    with hub.store.writing():
        replica = known or introduce(hub, opened)
        readable = list(_readable(hub, hub.store.journal.lock_channel(replica.channel)))
        notice_receipts(hub, readable, [*said.receipts, *(e.receipt for e in said.stretches)])
        back = take_stretches(hub, readable, said.stretches)
    if back.found:
        hub.outside.add(*news(hub.outside.read(), back.found))
    return replica, back.ends


def _brings_nothing(request: Request, newest: int) -> bool:
    """Whether a request only shows where its sender stands, as both ends have signed before. That
    it came may be forgotten: a second one under its number is found with the next number."""
    is_signed = any(each.signature for each in request.cursors)
    is_first = request.number > newest and not request.is_not_alone
    return is_first and not (request.runs or request.rare or is_signed)


def _as_it_stands(hub: Hub, replica: Replica) -> Replica:
    """A replica with the standing that it has by now."""
    return dataclasses.replace(replica, standing=hub.store.stations.standing(replica.id))


def _answer(hub: Hub, replica: Replica, opened: Opened, taken: list[Cursor]) -> Reply:
    request, now = opened.request, hub.now_ms()
    runs = [push.read_run(run) for run in request.runs]
    own = hub.store.journal.lock_channel(replica.channel)
    known, newest = hub.store.stations.note_request(replica.id, request.number, opened.digest)
    if request.number == newest:  # a stick may bring an old report
        seen = (request.device_time, request.own_seq, request.report)
        hub.store.stations.note_contact(replica.id, now, *seen)
    if (not known or request.is_not_alone) and not replica.standing:
        own = freeze(hub, own, replica, "request")  # two machines count: a clone reads along
    own = _take(hub, own, replica, request, runs)
    standing = hub.store.stations.standing(replica.id)
    told = Reply(request.version, opened.digest, now, standing, [], [], [], taken=taken)
    told = replace(told, newest=newest)
    if request.said.stretches:
        told = replace(told, epoch=hub.epoch)
    if request.said.introduction is not None:
        certificate = enrol.sign_certificate(hub.keys, replica.certificate)
        told = replace(told, certificate=certificate)
    if standing == "retired":
        return replace(told, pages=_ends(hub, request.cursors, own, now))
    if standing:
        return told
    return _deliver(hub, request, own, _reader(hub, replica, request, runs), told)


def _take(
    hub: Hub, own: Channel, replica: Replica, request: Request, runs: Sequence[ReadRun]
) -> Channel:
    """What a request brings; where the sender's channel ends then."""
    said = request.said
    if runs and not _has_seen_more(hub, own, request):
        own = take_runs(hub, own, replica, runs)
    if said.bodies:
        own = take_bodies(hub, own, said.bodies)
    if said.losses:
        losses = ((each.replica, each.first, each.last) for each in said.losses)
        hub.store.losses.declare(own.id, losses, hub.now_ms())
    if said.farewell and not replica.standing:
        _retire(hub, replica, request, own)
    return own


def _has_seen_more(hub: Hub, own: Channel, request: Request) -> bool:
    """Whether the hub lost what the sender has read, and was not shown yet what that was. What is
    pushed comes again once it is back: judged now, it would amend records that are not there, or be
    given places in an epoch that is over."""
    if request.own is None:  # version 1 shows no receipts
        return False
    cursors, digest_at = [each.cursor for each in request.cursors], hub.store.journal.digest_at
    lacked = {e.channel for e in cursors if digest_at(e.channel, e.position) != e.digest}
    unproven = lacked - {each.cursor.channel for each in request.said.receipts}
    return bool(unproven) and not unproven.isdisjoint(_readable(hub, own))


def _retire(hub: Hub, replica: Replica, request: Request, own: Channel) -> None:
    """A closed station that has sent all and seen all says farewell."""
    chain = hub.store.chains.chain(replica.id)
    is_whole = chain is not None and not chain.frozen and chain.head.seq >= request.own_seq
    is_level = any(signed.cursor.end == own.cursor.end for signed in request.cursors)
    if own.closing is not None and is_whole and is_level:
        hub.store.stations.set_standing(replica.id, "retired")


def _deliver(hub: Hub, request: Request, own: Channel, reader: Reader, told: Reply) -> Reply:
    """Pages, bodies, and what the hub itself lacks."""
    readable = _readable(hub, own)
    budget = _budget(request.budget_bytes)
    part, ask = None, request.said.snapshot
    if ask is not None and ask.channel in readable:
        part = make_snapshot_part(hub, readable[ask.channel], ask, budget)
    shown = request.cursors
    if part is not None:  # from where it ends the tail follows
        started = part.receipt.cursor.channel
        shown = [e for e in shown if e.cursor.position or e.cursor.channel != started]
    reply = replace(told, lacks=hub.store.bodies.lacking(own.id, LACKS_PER_REPLY), snapshot=part)
    pages = _Pages(hub, readable, reader, request.said.receipts, told.hub_time)
    bodies = _wanted(hub, request.wants, readable, budget)
    return replace(reply, pages=pages.make(shown, budget), bodies=bodies)


def _budget(asked_bytes: int) -> int:
    return max(limits.BATCH_BYTES_LOWEST, min(asked_bytes, PAGE_BYTES_HIGHEST))


def _readable(hub: Hub, own: Channel) -> dict[bytes, Channel]:
    """The channels a station reads: its own and its region's, never another's (promise 8)."""
    region = hub.store.journal.channels_of_region("region", own.region)
    return {each.id: each for each in (own, *region)}


def _ends(hub: Hub, cursors: Sequence[Countersigned], own: Channel, now: int) -> list[Page]:
    """To who has left only how far every backup holds what it wrote: then it may erase its own."""
    ends = [signed.cursor for signed in cursors if signed.cursor.channel == own.id]
    covered = hub.store.backups.covered(own.id)
    pages = list[Page]()
    for end in ends:
        if hub.store.journal.digest_at(own.id, end.position) == end.digest:
            here = replace(end, epoch=epoch_at(hub, own, end.position))
            receipt = agree.sign_receipt(hub.keys.signing, here, now)
            pages.append(Page(end, [], receipt, own.position, covered))
    return pages


@dataclass(frozen=True)
class _Pages:
    """The pages of one reply."""

    hub: Hub
    readable: dict[bytes, Channel]
    reader: Reader
    receipts: Sequence[Receipt]
    now: int

    def make(self, cursors: Sequence[Countersigned], budget_bytes: int) -> list[Page]:
        pages: list[Page] = []
        for signed in cursors:
            channel = self.readable.get(signed.cursor.channel)
            if channel is not None:
                pages.append(self._page(channel, signed, budget_bytes))
                budget_bytes = max(limits.BATCH_BYTES_LOWEST, budget_bytes - _size(pages[-1]))
        return pages

    def _page(self, channel: Channel, signed: Countersigned, budget_bytes: int) -> Page:
        cursor, store = signed.cursor, self.hub.store
        if cursor == channel.cursor and self._is_agreed(signed):
            covered = store.backups.covered(channel.id)
            return Page(cursor, [], None, channel.position, covered)
        is_level = cursor.end == (channel.position, channel.digest)
        here = channel.digest if is_level else store.journal.digest_at(channel.id, cursor.position)
        if not agree.same_history(cursor, here):
            return self._parted(channel, cursor)
        if cursor.position and signed.signature:
            store.stations.keep_countersigned(self.reader.replica, signed, self.now)
        stored = () if is_level else store.journal.entries_after(channel.id, cursor.position)
        items, end = pull.make_page(cursor, stored, self.reader, budget_bytes)
        receipt = self._receipt(replace(end, epoch=self._epoch(channel, end)))
        covered = store.backups.covered(channel.id)
        epochs = [] if cursor.position else store.epochs.of(channel.id)
        return Page(cursor, items, receipt, channel.position, covered, epochs=epochs)

    def _is_agreed(self, signed: Countersigned) -> bool:
        """Whether the sender has our receipt of this cursor, and we its countersignature: then
        nothing is signed again. What the hub has lost it asks for by signing."""
        cursor, stations = signed.cursor, self.hub.store.stations
        if signed.signature:
            return False
        return not cursor.position or stations.has_countersigned(self.reader.replica, cursor)

    def _epoch(self, channel: Channel, end: Cursor) -> bytes:
        """The epoch of a position: the channel's, unless a later entry opens that."""
        if end.epoch == channel.epoch:
            return end.epoch
        return epoch_at(self.hub, channel, end.position)

    def _parted(self, channel: Channel, cursor: Cursor) -> Page:
        """Asks for the receipt that a cursor was reached by; whoever showed it is told what the hub
        kept of its epochs."""
        is_proven = any(
            (each.cursor.channel, each.cursor.end) == (cursor.channel, cursor.end)
            and agree.receipt_verifies(self.hub.keys.public.signing, each)
            for each in self.receipts
        )
        return Page(
            cursor,
            [],
            self._receipt(channel.cursor),
            channel.position,
            parted=pull.LOST if is_proven else pull.SHOW_RECEIPT,
            epochs=self.hub.store.epochs.of(channel.id) if is_proven else [],
        )

    def _receipt(self, cursor: Cursor) -> Receipt:
        return agree.sign_receipt(self.hub.keys.signing, cursor, self.now)


def _reader(hub: Hub, replica: Replica, request: Request, runs: Sequence[ReadRun]) -> Reader:
    """What the sender surely has of its own chain: up to a head on which both ends agree."""
    chain, own = hub.store.chains.chain(replica.id), request.own
    if own is None:  # version 1 does not name its link
        return Reader(replica.id, request.own_seq, version=request.version)
    agreed = chain is not None and hub.store.chains.link_before(chain, own.seq + 1) == own.link
    sent = frozenset(each.name for run in runs for each in run.operations)
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
    for body in hub.store.bodies.read(list(readable), wants):
        used += len(body)
        if found and used > budget_bytes:
            break
        found.append(body)
    return found
