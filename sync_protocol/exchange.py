"""One exchange, on one screen: push, pull, acknowledge and compare in one round trip.

    station:  plan → seal_request            → bytes
    hub:      sender_of, open_request        → push.take_run … pull.make_page …
              seal_reply                     → bytes
    station:  open_reply, pull.absorb_page   → what to store

The same bytes travel by HTTP or as a courier file. PROTOCOL.md, section 8.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

import msgspec
from msgspec import Meta

from sync_protocol import agree, envelope, limits, push
from sync_protocol.agree import Countersigned
from sync_protocol.channel import Cursor, Receipt
from sync_protocol.enrol import VERSION_HIGHEST, VERSION_LOWEST, HubKeys, HubPublic, ReplicaKeys
from sync_protocol.envelope import Envelope, Kind
from sync_protocol.errors import PeerFault
from sync_protocol.limits import Id, Moment, Natural
from sync_protocol.lost import Stretch
from sync_protocol.mint import Introduced, Introduction, read_introduction
from sync_protocol.operations import Head, Operation, Run
from sync_protocol.pull import Page
from sync_protocol.snapshot import SnapshotAsk, SnapshotPart

Text = Annotated[str, Meta(max_length=limits.REPORT_TEXT_CHARACTERS)]


class Report(msgspec.Struct, frozen=True, array_like=True):
    """What an operator must see of a station: counts, ages and codes, nothing personal.

    `oldest_unsent_at` is the stamp of the oldest unsent operation, ms, or None; `clock_offset_ms`
    is hub time minus device time as last measured, or None; `last_error` is an error code.
    """

    program: Text
    backlog: Natural
    oldest_unsent_at: Moment | None
    open_conflicts: Natural
    clock_offset_ms: Moment | None
    free_disk_bytes: Natural
    failed_attempts: Natural
    last_error: Text


class Own(msgspec.Struct, frozen=True, array_like=True):
    """Up to where the sender thinks that the hub has its chain: seq and link."""

    seq: Natural
    link: bytes


class Loss(msgspec.Struct, frozen=True, array_like=True):
    """Operations of a chain, first to last seq, that their own station lost."""

    replica: Id
    first: Natural
    last: Natural


class Rare(msgspec.Struct, frozen=True, array_like=True):
    """What most requests do not say.

    `introduction` says who the sender is, where the hub may not know it; `receipts` those that the
    shown cursors were reached by, where the hub asked; `stretches` offer what a restored hub lost;
    `bodies` answer the last reply's `lacks`; `losses` declare what a restored station lost;
    `snapshot` asks for a part of one; `farewell` is true when the station is about to be sealed.
    """

    introduction: Introduction | None = None
    receipts: Annotated[list[Receipt], Meta(max_length=limits.CHANNELS_PER_REQUEST)] = []
    stretches: Annotated[list[Stretch], Meta(max_length=limits.STRETCHES_PER_REQUEST)] = []
    bodies: Annotated[list[bytes], Meta(max_length=limits.WANTS_PER_REQUEST)] = []
    losses: Annotated[list[Loss], Meta(max_length=limits.LOSSES_PER_REQUEST)] = []
    snapshot: SnapshotAsk | None = None
    farewell: bool = False


class Request(msgspec.Struct, frozen=True, array_like=True):
    """What a station sends. `own_seq` is how far it has its own chain; `wants` are the digests of
    bodies it lacks; `budget_bytes` is how much it can take back. Since version 2: `own`, `rare`,
    and `heard`, the highest number of a request of this replica that a reply has told of."""

    lowest: Natural
    highest: Natural
    number: Natural
    device_time: Moment
    own_seq: Natural
    cursors: Annotated[list[Countersigned], Meta(max_length=limits.CHANNELS_PER_REQUEST)]
    runs: Annotated[list[Run], Meta(max_length=limits.RUNS_PER_REQUEST)]
    wants: Annotated[list[bytes], Meta(max_length=limits.WANTS_PER_REQUEST)]
    report: Report
    budget_bytes: Natural
    own: Own | None = None
    rare: Rare | None = None
    heard: Natural = 0

    @property
    def version(self) -> int:
        """The highest version that both ends speak."""
        return min(self.highest, VERSION_HIGHEST)

    @property
    def said(self) -> Rare:
        """What is rarely said, empty where nothing is."""
        return self.rare or _NOTHING_RARE

    @property
    def is_not_alone(self) -> bool:
        """Whether its sender has heard of a request under its name that it has not made."""
        return 0 < self.number <= self.heard


_NOTHING_RARE = Rare()


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """What the hub answers. `standing` is "" or why nothing is delivered; `bodies` answer the
    request's wants; `lacks` are digests of bodies the hub asks for. Since version 2: `certificate`
    (bytes, signature) for a sender that was introduced, `taken` are the ends of the stretches that
    were read, `snapshot` the part that was asked for, `newest` the highest number of a request of
    this replica that the hub has seen, `epoch` the hub's where stretches were offered."""

    version: Natural
    request_digest: bytes
    hub_time: Moment
    standing: str
    pages: list[Page]
    bodies: list[bytes]
    lacks: list[bytes]
    certificate: tuple[bytes, bytes] | None = None
    taken: list[Cursor] = []
    snapshot: SnapshotPart | None = None
    newest: Natural = 0
    epoch: bytes = b""


# --- station -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Outbox:
    """The own operations after `acknowledged`, in order, that the hub has not given a place."""

    acknowledged: Head
    pending: Sequence[Operation]


@dataclass(frozen=True)
class Plan:
    """A request ready to be numbered, kept and sent."""

    payload: bytes

    @property
    def digest(self) -> bytes:
        return envelope.payload_digest(self.payload)


def plan(
    keys: ReplicaKeys,
    number: int,
    own_head: Head,
    outbox: Outbox,
    cursors: Sequence[Cursor],
    report: Report,
    device_time: int,
    batch_bytes: int = limits.BATCH_BYTES,
    wants: Sequence[bytes] = (),
    rare: Rare | None = None,
    agreed: Collection[Cursor] = (),
    heard: int = 0,
) -> Plan:
    """The request that says all this. `number` is never taken again, whatever becomes of the store;
    `agreed` are cursors of which each end holds the other's signature, not made again."""
    batch = push.cut_batch(outbox.pending, batch_bytes)
    request = Request(
        lowest=VERSION_LOWEST,
        highest=VERSION_HIGHEST,
        number=number,
        device_time=device_time,
        own_seq=own_head.seq,
        cursors=[
            Countersigned(each, b"")
            if each in agreed
            else agree.countersign(keys.signing, keys.replica, each)
            for each in cursors
        ],
        runs=[push.make_run(outbox.acknowledged, batch, keys.signing)] if batch else [],
        wants=list(wants),
        report=report,
        budget_bytes=batch_bytes,
        own=Own(outbox.acknowledged.seq, outbox.acknowledged.link),
        rare=rare,
        heard=heard,
    )
    return Plan(envelope.pack(request))


def seal_request(payload: bytes, keys: ReplicaKeys, hub: HubPublic) -> bytes:
    """The bytes that travel. A retry seals the same payload anew."""
    return envelope.wrap(
        payload,
        Kind.REQUEST,
        sender=keys.replica,
        signing=keys.signing,
        receiver=hub.id,
        sealing_public=hub.sealing,
    )


def open_reply(data: bytes, keys: ReplicaKeys, hub: HubPublic, request_digest: bytes) -> Reply:
    """The reply to exactly this request. PeerFault `envelope.*`, `reply.other_request`."""
    sent = envelope.parse(data, Kind.REPLY, limits.REPLY_BYTES)
    envelope.verify(sent, hub.signing)
    reply = envelope.unpack(envelope.open_sealed(sent, keys.replica, keys.sealing), Reply)
    if reply.request_digest != request_digest:
        raise PeerFault("reply.other_request")
    return reply


# --- hub -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Opened:
    """A request whose sender is proven; `introduced` where the hub did not know it."""

    sender: bytes
    request: Request
    digest: bytes
    introduced: Introduced | None = None


def sender_of(data: bytes) -> bytes:
    """The replica that claims to have sent this: look up its keys, then `open_request`."""
    return envelope.parse(data, Kind.REQUEST, limits.REQUEST_BYTES).sender


def open_request(data: bytes, keys: HubKeys, sender_signing: bytes) -> Opened:
    """The request, proven to be the sender's. PeerFault `envelope.*`, `message.form`."""
    sent = envelope.parse(data, Kind.REQUEST, limits.REQUEST_BYTES)
    envelope.verify(sent, sender_signing)
    return _open(sent, envelope.open_sealed(sent, keys.public.id, keys.sealing), sender_signing)


def open_introduced(data: bytes, keys: HubKeys) -> Opened:
    """The request of a sender that the hub does not know, proven by the introduction it brings.

    PeerFault as `open_request`, and `enrol.certificate` where it brings none that is good.
    """
    sent = envelope.parse(data, Kind.REQUEST, limits.REQUEST_BYTES)
    payload = envelope.open_sealed(sent, keys.public.id, keys.sealing)
    introduction = envelope.unpack(payload, Request).said.introduction
    if introduction is None:
        raise PeerFault("enrol.certificate")
    introduced = read_introduction(introduction, keys.public)
    if introduced.keys.replica != sent.sender:
        raise PeerFault("enrol.certificate")
    envelope.verify(sent, introduced.keys.signing)
    return replace(_open(sent, payload, introduced.keys.signing), introduced=introduced)


def _open(sent: Envelope, payload: bytes, sender_signing: bytes) -> Opened:
    request = envelope.unpack(payload, Request)
    if request.lowest > VERSION_HIGHEST or request.highest < VERSION_LOWEST:
        raise PeerFault("envelope.version", version=f"{request.lowest}-{request.highest}")
    for each in request.cursors:
        if each.signature and not agree.countersigned_by(sender_signing, sent.sender, each):
            raise PeerFault("envelope.signature")
    return Opened(sent.sender, request, envelope.payload_digest(payload))


def seal_reply(reply: Reply, keys: HubKeys, receiver: bytes, receiver_sealing: bytes) -> bytes:
    """The bytes that travel back."""
    return envelope.wrap(
        envelope.pack(reply),
        Kind.REPLY,
        sender=keys.public.id,
        signing=keys.signing,
        receiver=receiver,
        sealing_public=receiver_sealing,
    )
