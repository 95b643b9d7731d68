"""A courier file answered: the very bytes of an exchange (or an enrolment), framed both ways."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub_server.accounts import Account
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.permissions import demand
from hub_server.services.answer_exchange import answer_exchange, grant_of
from hub_server.services.audit import note
from hub_server.services.enrol_station import enrol_station
from hub_server.services.watch_stations import standing_words
from hub_server.store import Replica, Station
from sync_protocol import courier, exchange, limits
from sync_protocol.channel import Verdict
from sync_protocol.envelope import Kind
from sync_protocol.errors import PeerFault

FILE_BYTES = limits.REQUEST_BYTES + 1024

_KIND_AT = 4
_NAMES: Mapping[int, str] = {
    Kind.REPLY: "县级的回执包",
    Kind.ENROL_REQUEST: "启用申请",
    Kind.ENROL_REPLY: "启用回复",
}
_ANSWERS = {Kind.REQUEST: answer_exchange, Kind.ENROL_REQUEST: enrol_station}


def answer_courier(hub: Hub, file_bytes: bytes) -> bytes:
    """File bytes → file bytes to carry back. PeerFault `courier.*`, `envelope.*`; HubError.

    The same file again is answered again and changes nothing.
    """
    data = _unframed(file_bytes)
    kind = _kind(data)
    for known, answer in _ANSWERS.items():
        if kind == known:
            return courier.frame(answer(hub, data))
    raise PeerFault("courier.kind", kind=_NAMES.get(kind, kind))


@dataclass(frozen=True)
class CourierAnswer:
    """The file to carry back, and whose it is; `placed` entries are new in the station's channel,
    `standing` is "" or why the PC is delivered nothing."""

    reply: bytes
    station_code: str
    station_name: str
    device_number: int
    placed: int
    held: int
    refused: int
    standing: str


def take_courier(hub: Hub, account: Account, file_bytes: bytes) -> CourierAnswer:
    """As `answer_courier`, of a station of the account's region, with a line in the audit.

    Whoever carries it reads nothing: both files are sealed. HubError `courier.no_file`,
    `replica.unknown`, `account.other_region`; PeerFault as above.
    """
    demand(account, "courier.answer")
    if not file_bytes:
        raise HubError("courier.no_file")
    data = _unframed(file_bytes)
    if _kind(data) != Kind.REQUEST:
        raise PeerFault("courier.kind", kind=_NAMES.get(_kind(data), _kind(data)))
    grant = grant_of(hub, data)
    if not account.sees(grant.region):
        raise HubError("account.other_region")
    before = _length(hub, grant.channel)
    reply = answer_courier(hub, file_bytes)
    sender, station = _sender(hub, data)
    with hub.store.writing():
        note(hub, account, "courier.answer", station.code, station.region)
    counts = hub.store.undecided.counts().get(grant.channel, {})
    return CourierAnswer(
        reply=reply,
        station_code=station.code,
        station_name=station.name,
        device_number=sender.device_number,
        placed=_length(hub, grant.channel) - before,
        held=counts.get(Verdict.HELD, 0),
        refused=counts.get(Verdict.REFUSED, 0),
        standing=standing_words(sender.standing),
    )


def _sender(hub: Hub, data: bytes) -> tuple[Replica, Station]:
    """Who sent what was answered: known since then at the latest."""
    replica = hub.store.stations.replica(exchange.sender_of(data))
    station = hub.store.stations.get(replica.station_code) if replica else None
    if replica is None or station is None:
        raise HubError("replica.unknown")
    return replica, station


def _length(hub: Hub, channel: bytes) -> int:
    found = hub.store.journal.channel(channel)
    return found.position if found else 0


def _unframed(file_bytes: bytes) -> bytes:
    if len(file_bytes) > FILE_BYTES:
        raise PeerFault("envelope.too_large", limit=limits.REQUEST_BYTES)
    return courier.unframe(file_bytes)


def _kind(data: bytes) -> int:
    return data[_KIND_AT] if len(data) > _KIND_AT else 0
