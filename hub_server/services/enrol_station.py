"""Enrolment: a one-time code turns a PC into a replica of one station. PROTOCOL.md, section 9.

The same PC asking again gets the same answer (a lost reply costs nothing); another one is refused.
"""

from __future__ import annotations

import os

from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.services.audit import note
from hub_server.services.draw_epoch import wrote_as
from hub_server.services.give_numbers import device_number, keep_number, next_device_number
from hub_server.store import Channel, EnrolmentCode, Replica, Station
from sync_protocol import channel as protocol
from sync_protocol import enrol, envelope, limits
from sync_protocol.enrol import Asked, Certificate, Grant
from sync_protocol.errors import PeerFault

FAILURES_ALLOWED = 20


def hub_card(hub: Hub) -> bytes:
    """What anybody may read of this hub."""
    return enrol.hub_card(hub.keys, hub.name)


def enrol_station(hub: Hub, data: bytes) -> bytes:
    """Request bytes → reply bytes. HubError `enrol.*`, `code.station_closed`; PeerFault."""
    asked = enrol.read_ask(data, hub.keys, limits.REQUEST_BYTES)
    code = hub.store.stations.code(asked.request.code_id)
    if code is None or code.failures >= FAILURES_ALLOWED:
        raise HubError("enrol.code_unknown")
    _prove(hub, asked, code)
    with hub.store.writing():  # keys that nothing can be sealed to do not use the code up
        certificate = _certificate(hub, asked, code.id)
        granted = enrol.grant(asked, hub.keys, code.key, certificate, hub.now_ms())
        number = device_number(certificate.station_code, certificate.device_number)
        keep_number(hub, number)
        return granted


def _prove(hub: Hub, asked: Asked, code: EnrolmentCode) -> None:
    try:
        enrol.prove(asked, code.key, hub.keys.public)
    except PeerFault as wrong:
        with hub.store.writing():
            hub.store.stations.count_failure(code.id)
        raise HubError("enrol.proof") from wrong


def _certificate(hub: Hub, asked: Asked, code_id: bytes) -> Certificate:
    stations, keys = hub.store.stations, asked.request.keys
    code = stations.code(code_id)  # again, now that nobody else can use it meanwhile
    if code is None:
        raise HubError("enrol.code_unknown")
    known = stations.replica(keys.replica)
    if code.used_by is not None:
        if known is None or code.used_by != keys.replica:
            raise HubError("enrol.code_used")
        granted = envelope.unpack(known.certificate, Certificate)
        if granted.keys != keys:
            raise HubError("enrol.code_used")
        return granted
    if hub.now_ms() > code.expires_at:
        raise HubError("enrol.code_expired")
    if known is not None:
        raise HubError("enrol.replica_known")
    station = stations.get(code.station_code)
    if station is None or station.state == "closed":
        raise HubError("code.station_closed")
    return _add_replica(hub, asked, code, station)


def _add_replica(hub: Hub, asked: Asked, code: EnrolmentCode, station: Station) -> Certificate:
    request, now, stations = asked.request, hub.now_ms(), hub.store.stations
    region = region_channel(hub, station.region)
    by_hub = wrote_as(hub, station.channel) | wrote_as(hub, region.id)
    if request.keys.replica in by_hub or hub.store.chains.chain(request.keys.replica):
        raise HubError("enrol.replica_known")
    certificate = Certificate(
        version=enrol.VERSION_HIGHEST,
        hub=hub.keys.public.id,
        enrolment=os.urandom(16),
        keys=request.keys,
        station_code=station.code,
        station_name=station.name,
        grants=[
            Grant(station.channel, "station", station.region),
            Grant(region.id, "region", region.region),
        ],
        epoch=hub.epoch,
        issued_at=now,
        device_number=next_device_number(hub, station.code),
    )
    stations.add_replica(
        Replica(
            id=request.keys.replica,
            enrolment=certificate.enrolment,
            station_code=station.code,
            channel=station.channel,
            signing=request.keys.signing,
            sealing=request.keys.sealing,
            device="".join(filter(str.isprintable, request.device))[:100],
            device_number=certificate.device_number,
            standing="",
            certificate=envelope.pack(certificate),
            enrolled_at=now,
        )
    )
    hub.store.chains.add_chain(request.keys.replica, station.channel, is_hub=False)
    stations.use_code(code.id, request.keys.replica)
    note(hub, None, "station.enrol", station.code, station.region)
    return certificate


def region_channel(hub: Hub, region: str) -> Channel:
    """The channel that a county's stations read, made when it is first needed."""
    county = region[:6]
    found = hub.store.journal.channel_of_region("region", county)
    return found or new_channel(hub, "region", county)


def new_channel(hub: Hub, kind: str, region: str, station_code: str | None = None) -> Channel:
    """A fresh channel. Must run inside a write transaction."""
    channel = os.urandom(16)
    fresh = Channel(
        channel, kind, region, station_code, hub.epoch, 0, protocol.first_digest(channel)
    )
    hub.store.journal.add_channel(fresh)
    return fresh
