"""Turn a fresh folder into a PC of one station, with a one-time code of the county.

What is made on the way is kept before it is used: a code whose reply was lost is answered the same
when it is asked again, and nothing of a failed attempt is in the way of the next.
"""

import os
from collections.abc import Callable

from forms import Forms
from station_client.device_secret import DeviceSecret
from station_client.errors import StationError, told
from station_client.home import Home
from station_client.services.record_entry import clerk_values, record_clerk
from station_client.services.writing import new_id
from station_client.station import Station, Transport
from station_client.store import Store, open_store
from station_client.store.rows import Identity
from station_client.vault import Unlocked, Vault, is_lost
from sync_protocol import channel, crypto, enrol, limits
from sync_protocol.channel import Cursor
from sync_protocol.enrol import Certificate, Code, Enrolled, HubCard
from sync_protocol.errors import ProtocolError


def enrol_station(
    home: Home,
    secret: str,
    hub_url: str,
    code_text: str,
    clerk_name: str,
    *,
    device: DeviceSecret,
    device_name: str,
    forms: Forms,
    now_ms: Callable[[], int],
    connect: Callable[[str], Transport],
) -> Station:
    """The open station of this folder, enrolled, with its first clerk.

    `secret` is the first clerk's PIN or passphrase, `device` what the key store gave for this
    folder. Errors: clerk.name, home.erasing, station.already_enrolled, enrol.*, transport.*,
    vault.*, store.*
    """
    home.demand_erased()
    clerk_values(forms, clerk_name)  # before anything is made, and the code is used
    try:
        code = enrol.read_code(code_text)
        transport = connect(hub_url)
        card = enrol.read_hub_card(transport.fetch_card(), code)
        vault, unlocked, store = _open_or_create(home, secret, device)
    except ProtocolError as fault:
        raise told(fault) from fault
    try:
        identity = _identity(store, hub_url, code, card)
        enrolled = _ask(identity, code, card, device_name, transport)
        # The name with the certificate: an enrolled PC has a clerk who can be named.
        with store.writing():
            _keep(store, identity, enrolled, enrolled.hub_time - now_ms())
            station = Station.open(home, vault, unlocked, store, forms, now_ms, lambda _: transport)
            record_clerk(station, unlocked.clerk_id, clerk_name)
    except ProtocolError as fault:
        store.close()
        raise told(fault) from fault
    except BaseException:
        store.close()
        raise
    return station


def _open_or_create(home: Home, secret: str, device: DeviceSecret) -> tuple[Vault, Unlocked, Store]:
    """The vault and store of an attempt that did not end, or new ones.

    Error: station.already_enrolled.
    """
    if home.vault.exists() or is_lost(home):
        vault = Vault.open(home)
        unlocked = vault.unlock(secret)
    else:
        vault, data_key = Vault.create(home, new_id(), secret, device)
        unlocked = Unlocked(vault.clerk_ids()[0], data_key)
    store = open_store(home.database, unlocked.data_key, create=True)
    identity = store.facts.identity()
    if identity is not None and identity.certificate:
        store.close()
        raise StationError("station.already_enrolled")
    return vault, unlocked, store


def _identity(store: Store, hub_url: str, code: Code, card: HubCard) -> Identity:
    """The replica that asks: the one that asked with this code before, or a new one."""
    asked = store.facts.identity()
    if asked is not None and (asked.code_id, asked.hub) == (code.id, card.keys):
        return asked
    identity = Identity(
        replica=os.urandom(16),
        signing=crypto.new_signing_key(),
        sealing=crypto.new_sealing_key(),
        hub_url=hub_url,
        hub_signing=card.keys.signing,
        hub_sealing=card.keys.sealing,
        code_id=code.id,
    )
    store.facts.keep_identity(identity)
    return identity


def _ask(
    identity: Identity, code: Code, card: HubCard, device_name: str, transport: Transport
) -> Enrolled:
    call = enrol.ask(code, card.keys, identity.keys, device_name)
    reply = transport.enrol(call.data)
    return enrol.accept(reply, call, code, card.keys, identity.keys, limits.REPLY_BYTES)


def _keep(store: Store, identity: Identity, enrolled: Enrolled, offset_ms: int) -> None:
    certificate = enrolled.certificate
    store.facts.keep_identity(identity.certified(enrolled.certificate_bytes, enrolled.signature))
    store.facts.keep_exchange(store.facts.exchange().measured(offset_ms))
    store.channels.add(certificate.grants, _starts(certificate))
    store.channels.add_hub_replicas(hub_replicas(certificate, certificate.epoch))


def _starts(certificate: Certificate) -> list[Cursor]:
    return [channel.start_of(grant.channel, certificate.epoch) for grant in certificate.grants]


def hub_replicas(certificate: Certificate, epoch: bytes) -> list[bytes]:
    """The replicas as which the hub writes in the station's channels, in one epoch."""
    return [
        channel.hub_replica(certificate.hub, grant.channel, epoch) for grant in certificate.grants
    ]
