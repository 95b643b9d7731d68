"""A sender that the hub does not know shows who it is: enrolled after the backup that was put back,
or minted since. PROTOCOL.md, sections 12 and 13.

What its certificate says is entered again; the same introduction twice changes nothing.
"""

from __future__ import annotations

import uuid_utils

from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.outside_journal import Successor
from hub_server.services.audit import note
from hub_server.services.draw_epoch import draw_epoch, is_ahead, opened_at, wrote_as
from hub_server.services.give_numbers import device_number, keep_number, next_device_number
from hub_server.services.write_records import append_word
from hub_server.store import Chain, Channel, Replica, Station
from sync_protocol import channel as protocol
from sync_protocol import enrol, envelope, limits
from sync_protocol.channel import EpochEntry, ErasureEntry
from sync_protocol.enrol import Certificate, Grant, ReplicaPublic
from sync_protocol.errors import PeerFault
from sync_protocol.exchange import Opened
from sync_protocol.mint import Introduced


def introduce(hub: Hub, opened: Opened) -> Replica:
    """The sender of an introduced request as it is known from now on. Must run inside a write
    transaction. HubError `replica.station_taken|too_many|unknown`, PeerFault `enrol.certificate`.
    """
    introduced, known = opened.introduced, hub.store.stations.replica(opened.sender)
    if introduced is None or (known is not None and known.signing != introduced.keys.signing):
        raise HubError("replica.unknown")  # of two that came at once under one id only one is it
    if known is not None:
        return known
    _check(hub, introduced)
    certified = hub.store.stations.replica(introduced.certificate.keys.replica)
    if certified is None:
        certified = _enter_again(hub, introduced.certificate, introduced.certificate_bytes)
    if introduced.parent is None:
        return certified
    return _add_minted(hub, introduced, certified, envelope.pack(opened.request.said.introduction))


def _check(hub: Hub, introduced: Introduced) -> None:
    """Before anything is noted in the journal: whether such a replica can be."""
    told, grants = introduced.certificate, introduced.certificate.grants
    station = hub.store.stations.get(told.station_code)
    if station is not None and station.channel != grants[0].channel:
        raise HubError("replica.station_taken", station=told.station_code)
    new = introduced.keys.replica
    chain = hub.store.chains.chain(new)
    is_elsewhere = chain is not None and (chain.is_hub or chain.channel != grants[0].channel)
    if is_elsewhere or any(new in wrote_as(hub, grant.channel) for grant in grants):
        raise PeerFault("enrol.certificate")  # it would write in another's name, or in the hub's
    enrolled = hub.store.stations.replicas_of_enrolment(told.enrolment)
    if introduced.parent is not None and len(enrolled) >= limits.REPLICAS_PER_ENROLMENT:
        raise HubError("replica.too_many", limit=limits.REPLICAS_PER_ENROLMENT)


def _enter_again(hub: Hub, certificate: Certificate, data: bytes) -> Replica:
    """A PC that was enrolled after the backup, its station too if need be."""
    if is_ahead(hub, certificate.epoch):
        draw_epoch(hub, certificate.epoch)
    for grant in certificate.grants[1:]:
        if hub.store.journal.channel(grant.channel) is None:
            _enter_channel(hub, certificate, grant, None)
    station = _station_of(hub, certificate)
    hub.store.stations.count_devices_to(station.code, certificate.device_number)
    known = successors(hub).get(certificate.keys.replica)
    standing = "waiting" if known is not None and known.waits else ""
    if hub.store.withdrawn.is_revoked(certificate.enrolment):
        standing = "revoked"
    return _add(hub, station, certificate, data, standing)


def _station_of(hub: Hub, certificate: Certificate) -> Station:
    """The station of a certificate, entered again where the hub has lost it."""
    grant = certificate.grants[0]
    known = hub.store.stations.get(certificate.station_code)
    if known is not None:
        return known
    _enter_channel(hub, certificate, grant, certificate.station_code)
    station = Station(
        code=certificate.station_code,
        name=certificate.station_name,
        region=grant.region,
        state="open",
        channel=grant.channel,
        card=bytes(uuid_utils.uuid7().bytes),  # until the real one comes back
        opened_at=certificate.issued_at,
    )
    hub.store.stations.add(station)
    keep_number(hub, station.code)
    note(hub, None, "station.again", station.code, station.region)
    return station


def _enter_channel(
    hub: Hub, certificate: Certificate, grant: Grant, station_code: str | None
) -> None:
    """A channel of which nothing was kept: its first entry says so."""
    first = protocol.first_digest(grant.channel)
    region = grant.region[:6]
    empty = Channel(grant.channel, grant.kind, region, station_code, certificate.epoch, 0, first)
    hub.store.journal.add_channel(empty)
    entry = EpochEntry(certificate.epoch, 0, first, opened_at(hub))
    channel = hub.store.journal.open_epoch(empty, protocol.entry_bytes(entry), hub.epoch)
    for erased, record in sorted(hub.store.withdrawn.all_erased()):
        if erased == channel.id:
            channel = append_word(hub, channel, ErasureEntry(record, hub.now_ms()))


def _add_minted(hub: Hub, introduced: Introduced, parent: Replica, introduction: bytes) -> Replica:
    told = introduced.certificate
    station = _station_of(hub, told)
    certificate = Certificate(
        version=enrol.VERSION_HIGHEST,
        hub=hub.keys.public.id,
        enrolment=told.enrolment,
        keys=introduced.keys,
        station_code=station.code,
        station_name=station.name,
        grants=told.grants,
        epoch=hub.epoch,
        issued_at=hub.now_ms(),
        device_number=next_device_number(hub, station.code),
    )
    standing = _standing_of_minted(hub, parent, introduced.keys.replica)
    data = envelope.pack(certificate)
    minted = _add(hub, station, certificate, data, standing, parent, introduction)
    keep_number(hub, device_number(station.code, certificate.device_number))
    if minted.id not in successors(hub):
        hub.outside.add(Successor(parent.id, minted.id, waits=standing == "waiting"))
    return minted


def successors(hub: Hub) -> dict[bytes, Successor]:
    """Minted replica → what the journal says of it, also of one that a restore lost."""
    return {each.replica: each for each in hub.outside.read() if isinstance(each, Successor)}


def _standing_of_minted(hub: Hub, parent: Replica, minted: bytes) -> str:
    """Of a frozen replica the first successor goes on: one of two machines is not what it says it
    is, and the county looks which. No restore changes what became of one."""
    if hub.store.withdrawn.is_revoked(parent.enrolment):
        return "revoked"
    if parent.standing == "retired":
        return "retired"
    chain = hub.store.chains.chain(parent.id)
    is_frozen = parent.standing == "frozen" or (chain is not None and chain.frozen)
    before = successors(hub)
    told = before.get(minted)
    if told is not None and told.parent == parent.id:
        return "waiting" if told.waits else ""
    is_followed = any(each.parent == parent.id and not each.waits for each in before.values())
    is_second = is_frozen and (is_followed or hub.store.stations.has_successor(parent.id))
    return "waiting" if is_second or parent.standing == "waiting" else ""


def _add(
    hub: Hub,
    station: Station,
    certificate: Certificate,
    data: bytes,
    standing: str,
    parent: Replica | None = None,
    introduction: bytes | None = None,
) -> Replica:
    keys = certificate.keys
    if _chain(hub, keys, station.channel).frozen and not standing:
        standing = "frozen"
    replica = Replica(
        id=keys.replica,
        enrolment=certificate.enrolment,
        station_code=station.code,
        channel=station.channel,
        signing=keys.signing,
        sealing=keys.sealing,
        device=parent.device if parent else "",
        device_number=certificate.device_number,
        standing=standing,
        certificate=data,
        enrolled_at=certificate.issued_at,
        introduction=introduction,
        parent=parent.id if parent else None,
    )
    hub.store.stations.add_replica(replica)
    action = "replica.mint" if parent else "replica.again"
    note(hub, None, action, station.code, station.region, replica=keys.replica.hex())
    return replica


def _chain(hub: Hub, keys: ReplicaPublic, channel: bytes) -> Chain:
    """A replica's chain: operations of it may have come back before it did."""
    chain = hub.store.chains.chain(keys.replica)
    return chain or hub.store.chains.add_chain(keys.replica, channel, is_hub=False)
