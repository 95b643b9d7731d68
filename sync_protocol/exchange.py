"""One exchange, on one screen: push, pull, acknowledge and compare in one round trip.

    station:  plan → seal_request            → bytes
    hub:      sender_of, open_request        → push.take_run … pull.make_page …
              seal_reply                     → bytes
    station:  open_reply, pull.absorb_page   → what to store

The same bytes travel by HTTP or as a courier file. PROTOCOL.md, section 8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from sync_protocol import agree, envelope, limits, push
from sync_protocol.agree import Countersigned
from sync_protocol.channel import Cursor
from sync_protocol.enrol import VERSION_HIGHEST, VERSION_LOWEST, HubKeys, HubPublic, ReplicaKeys
from sync_protocol.envelope import Kind
from sync_protocol.errors import PeerFault
from sync_protocol.limits import Moment, Natural
from sync_protocol.operations import Head, Operation, Run
from sync_protocol.pull import Page


class Report(msgspec.Struct, frozen=True, array_like=True):
    """What an operator must see of a station: counts, ages and codes, nothing personal.

    `oldest_unsent_at` is the stamp of the oldest unsent operation, ms, or None; `clock_offset_ms`
    is hub time minus device time as last measured, or None; `last_error` is an error code.
    """

    program: str
    backlog: Natural
    oldest_unsent_at: Moment | None
    open_conflicts: Natural
    clock_offset_ms: Moment | None
    free_disk_bytes: Natural
    failed_attempts: Natural
    last_error: str


class Request(msgspec.Struct, frozen=True, array_like=True):
    """What a station sends. `own_seq` is how far it has its own chain; `wants` are the digests of
    bodies it lacks; `budget_bytes` is how much it can take back."""

    lowest: Natural
    highest: Natural
    number: Natural
    device_time: Moment
    own_seq: Natural
    cursors: list[Countersigned]
    runs: list[Run]
    wants: list[bytes]
    report: Report
    budget_bytes: Natural


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """What the hub answers. `standing` is "" or why nothing is delivered (a held code); `bodies`
    answer the request's wants; `lacks` are digests of bodies the hub asks for."""

    version: Natural
    request_digest: bytes
    hub_time: Moment
    standing: str
    pages: list[Page]
    bodies: list[bytes]
    lacks: list[bytes]


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
    sent_operations: int

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
) -> Plan:
    """The request that says all this. `number` is taken durably before the request is sent."""
    batch = push.cut_batch(outbox.pending, batch_bytes)
    request = Request(
        lowest=VERSION_LOWEST,
        highest=VERSION_HIGHEST,
        number=number,
        device_time=device_time,
        own_seq=own_head.seq,
        cursors=[agree.countersign(keys.signing, keys.replica, each) for each in cursors],
        runs=[push.make_run(outbox.acknowledged, batch, keys.signing)] if batch else [],
        wants=[],
        report=report,
        budget_bytes=batch_bytes,
    )
    return Plan(envelope.pack(request), len(batch))


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
    """A request whose sender is proven."""

    sender: bytes
    request: Request
    digest: bytes


def sender_of(data: bytes) -> bytes:
    """The replica that claims to have sent this: look up its keys, then `open_request`."""
    return envelope.parse(data, Kind.REQUEST, limits.REQUEST_BYTES).sender


def open_request(data: bytes, keys: HubKeys, sender_signing: bytes) -> Opened:
    """The request, proven to be the sender's. PeerFault `envelope.*`, `message.form`."""
    sent = envelope.parse(data, Kind.REQUEST, limits.REQUEST_BYTES)
    envelope.verify(sent, sender_signing)
    payload = envelope.open_sealed(sent, keys.public.id, keys.sealing)
    request = envelope.unpack(payload, Request)
    if request.lowest > VERSION_HIGHEST or request.highest < VERSION_LOWEST:
        raise PeerFault("envelope.version", version=f"{request.lowest}-{request.highest}")
    _check_limits(request)
    for signed in request.cursors:
        if not agree.countersigned_by(sender_signing, sent.sender, signed):
            raise PeerFault("envelope.signature")
    return Opened(sent.sender, request, envelope.payload_digest(payload))


def _check_limits(request: Request) -> None:
    bounds = (
        ("cursors", request.cursors, limits.CHANNELS_PER_REQUEST),
        ("runs", request.runs, limits.RUNS_PER_REQUEST),
        ("wants", request.wants, limits.WANTS_PER_REQUEST),
        ("report", request.report.last_error, limits.REPORT_TEXT_CHARACTERS),
        ("report", request.report.program, limits.REPORT_TEXT_CHARACTERS),
    )
    for where, value, most in bounds:
        if len(value) > most:
            raise PeerFault("message.form", where=where)


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
