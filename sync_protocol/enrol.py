"""Enrolment, both ends: a one-time code turns a fresh PC into a replica of one station.

The code holds 80 random bits and 40 bits of the hub's fingerprint. The fingerprint catches a wrong
address at once; the random bits prove both ends to each other without ever travelling, so a proxy
that forged the fingerprint still cannot answer. PROTOCOL.md, section 9.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import msgspec

from sync_protocol import crypto, envelope
from sync_protocol.envelope import Kind
from sync_protocol.errors import PeerFault
from sync_protocol.limits import Moment, Natural

VERSION_LOWEST = 1  # 2026-11: operations, entries, exchange
VERSION_HIGHEST = 2  # 2026-11-20: minting and copies, epochs and lost stretches, snapshots
LOST_SINCE = 2  # an older hub does not read what is offered after a restore
AGREED_SINCE = 2  # an older hub wants every cursor signed
COPIES_SINCE = 2  # an older station keeps the entry of a copy raw, and does not read it

SECRET_BYTES = 10
FINGERPRINT_BYTES = 5
CODE_CHARACTERS = 24
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford: nothing that reads like another
_LOOK_ALIKE = str.maketrans("OIL", "011", "- \u3000\u2014\u2013")


# --- keys and what is known of them --------------------------------------------------------------


@dataclass(frozen=True)
class HubKeys:
    """The hub's private keys, 32 raw bytes each."""

    signing: bytes
    sealing: bytes

    @property
    def public(self) -> HubPublic:
        return HubPublic(crypto.signing_public(self.signing), crypto.sealing_public(self.sealing))


class HubPublic(msgspec.Struct, frozen=True, array_like=True):
    """The hub's public keys: Ed25519 and X25519, 32 raw bytes each."""

    signing: bytes
    sealing: bytes

    @property
    def fingerprint(self) -> bytes:
        return crypto.digest(b"bianmin/hub", self.signing, self.sealing)

    @property
    def id(self) -> bytes:
        """16 bytes that address the hub in envelopes."""
        return self.fingerprint[:16]


@dataclass(frozen=True)
class ReplicaKeys:
    """A replica's id (16 random bytes) and private keys (32 raw bytes each)."""

    replica: bytes
    signing: bytes
    sealing: bytes

    @property
    def public(self) -> ReplicaPublic:
        return ReplicaPublic(
            self.replica, crypto.signing_public(self.signing), crypto.sealing_public(self.sealing)
        )


class ReplicaPublic(msgspec.Struct, frozen=True, array_like=True):
    """A replica's id and public keys."""

    replica: bytes
    signing: bytes
    sealing: bytes


# --- messages --------------------------------------------------------------------------------


class HubCard(msgspec.Struct, frozen=True, array_like=True):
    """What anybody may read of a hub before enrolment."""

    lowest: Natural
    highest: Natural
    keys: HubPublic
    name: str


class EnrolRequest(msgspec.Struct, frozen=True, array_like=True):
    """A fresh replica's keys, and the proof that it knows the code named by `code_id`."""

    version: Natural
    code_id: bytes
    keys: ReplicaPublic
    device: str
    proof: bytes


class Grant(msgspec.Struct, frozen=True, array_like=True):
    """One channel a replica may read. The first grant of a certificate is the one it writes in."""

    channel: bytes
    kind: str  # "station" or "region"
    region: str  # division code


class Certificate(msgspec.Struct, frozen=True, array_like=True):
    """What the hub signs about a replica. `issued_at` is ms since 1970 UTC; `device_number` counts
    the station's enrolments from 1, so that its PCs number cases without asking each other."""

    version: Natural
    hub: bytes
    enrolment: bytes
    keys: ReplicaPublic
    station_code: str
    station_name: str
    grants: list[Grant]
    epoch: bytes
    issued_at: Moment
    device_number: int = 1


class EnrolReply(msgspec.Struct, frozen=True, array_like=True):
    certificate: bytes
    signature: bytes
    hub_keys: HubPublic
    hub_time: Moment
    proof: bytes


# --- the code --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Code:
    """A one-time code, read. `key` is what both ends prove knowledge of; the hub stores that."""

    secret: bytes
    fingerprint: bytes

    @property
    def id(self) -> bytes:
        return crypto.digest(b"bianmin/code-id", self.secret)[:8]

    @property
    def key(self) -> bytes:
        return crypto.digest(b"bianmin/code-key", self.secret)

    def text(self) -> str:
        """24 letters and digits in groups of four, to be read aloud."""
        number = int.from_bytes(self.secret + self.fingerprint, "big")
        letters = ""
        for _ in range(CODE_CHARACTERS):
            number, at = divmod(number, 32)
            letters = _ALPHABET[at] + letters
        return "-".join(letters[at : at + 4] for at in range(0, CODE_CHARACTERS, 4))


def new_code(secret: bytes, hub: HubPublic) -> Code:
    """The code of 10 random bytes for this hub."""
    if len(secret) != SECRET_BYTES:
        raise ValueError("a code holds 80 random bits")
    return Code(secret, hub.fingerprint[:FINGERPRINT_BYTES])


def read_code(text: str) -> Code:
    """What a person typed, forgiving case, blanks, look-alikes and the full-width letters of a
    Chinese keyboard. PeerFault `enrol.code_form`."""
    narrow = unicodedata.normalize("NFKC", text)
    letters = narrow.strip().upper().translate(_LOOK_ALIKE)
    if len(letters) != CODE_CHARACTERS or any(each not in _ALPHABET for each in letters):
        raise PeerFault("enrol.code_form")
    number = 0
    for each in letters:
        number = number * 32 + _ALPHABET.index(each)
    data = number.to_bytes(SECRET_BYTES + FINGERPRINT_BYTES, "big")
    return Code(data[:SECRET_BYTES], data[SECRET_BYTES:])


# --- the steps, in the order they are taken --------------------------------------------------


def hub_card(keys: HubKeys, name: str) -> bytes:
    """Hub, 1: the card that it shows to anybody."""
    return envelope.pack(HubCard(VERSION_LOWEST, VERSION_HIGHEST, keys.public, name))


def read_hub_card(data: bytes, code: Code) -> HubCard:
    """Station, 2: the card, if it is of the hub that the code names."""
    try:
        card = envelope.unpack(data, HubCard)
    except PeerFault as broken:
        raise PeerFault("envelope.not_ours") from broken
    if not crypto.same(card.keys.fingerprint[:FINGERPRINT_BYTES], code.fingerprint):
        raise PeerFault("enrol.hub_fingerprint")
    if not card.lowest <= VERSION_HIGHEST or not card.highest >= VERSION_LOWEST:
        raise PeerFault("envelope.version", version=f"{card.lowest}-{card.highest}")
    return card


@dataclass(frozen=True)
class EnrolCall:
    """A request on its way: the bytes to send and what the reply is checked against."""

    data: bytes
    payload_digest: bytes


def ask(code: Code, hub: HubPublic, keys: ReplicaKeys, device: str) -> EnrolCall:
    """Station, 3: the enrolment request. A retry with the same keys is answered the same."""
    public = keys.public
    proof = crypto.keyed_proof(code.key, b"bianmin/enrol-request", *_public_parts(public), hub.id)
    payload = envelope.pack(EnrolRequest(VERSION_HIGHEST, code.id, public, device[:100], proof))
    data = envelope.wrap(
        payload,
        Kind.ENROL_REQUEST,
        sender=keys.replica,
        signing=keys.signing,
        receiver=hub.id,
        sealing_public=hub.sealing,
    )
    return EnrolCall(data, envelope.payload_digest(payload))


@dataclass(frozen=True)
class Asked:
    """Hub: an enrolment request, opened; its code is not proven yet."""

    request: EnrolRequest
    payload_digest: bytes


def read_ask(data: bytes, keys: HubKeys, limit_bytes: int) -> Asked:
    """Hub, 4: opens a request; it is signed by the key it brings along."""
    sent = envelope.parse(data, Kind.ENROL_REQUEST, limit_bytes)
    payload = envelope.open_sealed(sent, keys.public.id, keys.sealing)
    request = envelope.unpack(payload, EnrolRequest)
    if request.keys.replica != sent.sender or len(sent.sender) != 16:
        raise PeerFault("message.form", where="replica")
    envelope.verify(sent, request.keys.signing)
    return Asked(request, envelope.payload_digest(payload))


def prove(asked: Asked, code_key: bytes, hub: HubPublic) -> None:
    """Hub, 5: PeerFault `enrol.proof` unless the sender knows the code."""
    expected = crypto.keyed_proof(
        code_key, b"bianmin/enrol-request", *_public_parts(asked.request.keys), hub.id
    )
    if not crypto.same(expected, asked.request.proof):
        raise PeerFault("enrol.proof")


def grant(
    asked: Asked, keys: HubKeys, code_key: bytes, certificate: Certificate, hub_time: int
) -> bytes:
    """Hub, 6: the reply, sealed to the new replica."""
    body, signature = sign_certificate(keys, envelope.pack(certificate))
    proof = crypto.keyed_proof(code_key, b"bianmin/enrol-reply", asked.payload_digest, body)
    reply = EnrolReply(
        certificate=body,
        signature=signature,
        hub_keys=keys.public,
        hub_time=hub_time,
        proof=proof,
    )
    return envelope.wrap(
        envelope.pack(reply),
        Kind.ENROL_REPLY,
        sender=keys.public.id,
        signing=keys.signing,
        receiver=asked.request.keys.replica,
        sealing_public=asked.request.keys.sealing,
    )


def sign_certificate(keys: HubKeys, certificate: bytes) -> tuple[bytes, bytes]:
    """Hub: a certificate's bytes and the hub's signature over them, as `read_certificate` wants."""
    return certificate, crypto.sign(keys.signing, b"bianmin/certificate", certificate)


@dataclass(frozen=True)
class Enrolled:
    """Station: what enrolment gave. Keep the certificate's bytes: a restored hub may need them."""

    hub: HubPublic
    certificate: Certificate
    certificate_bytes: bytes
    signature: bytes
    hub_time: int


def accept(
    data: bytes, call: EnrolCall, code: Code, hub: HubPublic, keys: ReplicaKeys, limit_bytes: int
) -> Enrolled:
    """Station, 7: the reply, if it comes from somebody who knows the code."""
    sent = envelope.parse(data, Kind.ENROL_REPLY, limit_bytes)
    envelope.verify(sent, hub.signing)
    payload = envelope.open_sealed(sent, keys.replica, keys.sealing)
    reply = envelope.unpack(payload, EnrolReply)
    expected = crypto.keyed_proof(
        code.key, b"bianmin/enrol-reply", call.payload_digest, reply.certificate
    )
    if reply.hub_keys != hub or not crypto.same(expected, reply.proof):
        raise PeerFault("enrol.proof")
    certificate = read_certificate(reply.certificate, reply.signature, hub)
    if certificate.keys != keys.public or not certificate.grants:
        raise PeerFault("enrol.certificate")
    return Enrolled(hub, certificate, reply.certificate, reply.signature, reply.hub_time)


def read_certificate(data: bytes, signature: bytes, hub: HubPublic) -> Certificate:
    """A certificate of this hub. PeerFault `enrol.certificate`."""
    if not crypto.verifies(hub.signing, signature, b"bianmin/certificate", data):
        raise PeerFault("enrol.certificate")
    certificate = envelope.unpack(data, Certificate)
    if certificate.hub != hub.id:
        raise PeerFault("enrol.certificate")
    return certificate


def _public_parts(keys: ReplicaPublic) -> tuple[bytes, bytes, bytes]:
    return keys.replica, keys.signing, keys.sealing
