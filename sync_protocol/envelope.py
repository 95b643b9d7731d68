"""The envelope of every message: msgpack, zstd, sealed to the receiver, signed by the sender.

Layout: "BM" ‖ suite (2) ‖ kind (1) ‖ sender (16) ‖ receiver (16) ‖ sealed … ‖ signature (64);
numbers are big-endian. A proxy that breaks TLS open sees nothing and forges nothing.
PROTOCOL.md, section 8.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

import msgspec
import zstandard

from sync_protocol import crypto, limits
from sync_protocol.errors import UNREADABLE, OwnFault, PeerFault

MAGIC = b"BM"
_PREFIX_BYTES = 5
_IDS_BYTES = 32
HEAD_BYTES = _PREFIX_BYTES + _IDS_BYTES
_LEAST_BYTES = HEAD_BYTES + crypto.SEAL_OVERHEAD_BYTES + crypto.SIGNATURE_BYTES

T = TypeVar("T")


class Kind(IntEnum):
    """What is in an envelope."""

    REQUEST = 1
    REPLY = 2
    ENROL_REQUEST = 3
    ENROL_REPLY = 4


@dataclass(frozen=True)
class Envelope:
    """An envelope taken apart, nothing verified yet."""

    kind: int
    sender: bytes
    receiver: bytes
    head: bytes
    sealed: bytes
    signature: bytes


def pack(message: object) -> bytes:
    """A message as the payload bytes whose digest names it. OwnFault `envelope.too_large`."""
    payload = msgspec.msgpack.encode(message)
    if len(payload) > limits.UNPACKED_BYTES:
        raise OwnFault("envelope.too_large", limit=limits.UNPACKED_BYTES)
    return payload


def unpack(payload: bytes, message_type: type[T]) -> T:
    """The message in a payload. PeerFault `message.form`."""
    try:
        return msgspec.msgpack.decode(payload, type=message_type)
    except UNREADABLE as broken:
        raise PeerFault("message.form", where=str(broken)) from broken


def payload_digest(payload: bytes) -> bytes:
    """What a reply names its request by: the same for every retry of it."""
    return crypto.digest(b"bianmin/payload", payload)


def wrap(
    payload: bytes,
    kind: Kind,
    *,
    sender: bytes,
    signing: bytes,
    receiver: bytes,
    sealing_public: bytes,
) -> bytes:
    """Payload bytes → envelope bytes."""
    head = MAGIC + crypto.SUITE.to_bytes(2, "big") + bytes([kind]) + sender + receiver
    packed = zstandard.ZstdCompressor(level=3, write_content_size=True).compress(payload)
    sealed = crypto.seal(sealing_public, head, packed)
    return head + sealed + crypto.sign(signing, b"bianmin/envelope", head, sealed)


def parse(data: bytes, kind: Kind, limit_bytes: int) -> Envelope:
    """Envelope bytes taken apart. PeerFault `envelope.*` says what they are instead."""
    if len(data) > limit_bytes:
        raise PeerFault("envelope.too_large", limit=limit_bytes)
    if not data.startswith(MAGIC):
        raise PeerFault("envelope.cut_short" if MAGIC.startswith(data) else "envelope.not_ours")
    if len(data) < _LEAST_BYTES:
        raise PeerFault("envelope.cut_short")
    suite = int.from_bytes(data[2:4], "big")
    if suite != crypto.SUITE:
        raise PeerFault("envelope.suite", suite=suite)
    if data[4] != kind:
        raise PeerFault("message.form", where=f"kind {data[4]}")
    return Envelope(
        kind=data[4],
        sender=data[5:21],
        receiver=data[21:37],
        head=data[:HEAD_BYTES],
        sealed=data[HEAD_BYTES : -crypto.SIGNATURE_BYTES],
        signature=data[-crypto.SIGNATURE_BYTES :],
    )


def verify(envelope: Envelope, signing_public: bytes) -> None:
    """PeerFault `envelope.signature` unless the sender with this key wrote every byte of it."""
    if not crypto.verifies(
        signing_public, envelope.signature, b"bianmin/envelope", envelope.head, envelope.sealed
    ):
        raise PeerFault("envelope.signature")


def open_sealed(envelope: Envelope, receiver: bytes, sealing_private: bytes) -> bytes:
    """The payload of an envelope that is for us. PeerFault `envelope.receiver|sealed|too_large`."""
    if envelope.receiver != receiver:
        raise PeerFault("envelope.receiver")
    packed = crypto.unseal(sealing_private, envelope.head, envelope.sealed)
    if packed is None:
        raise PeerFault("envelope.sealed")
    return _decompress(packed)


def _decompress(packed: bytes) -> bytes:
    """Refuses a bomb by the size it declares, before a byte of it is unpacked."""
    try:
        declared = zstandard.get_frame_parameters(packed).content_size
        if declared > limits.UNPACKED_BYTES:  # an undeclared size reads as 2^64 - 1
            raise PeerFault("envelope.too_large", limit=limits.UNPACKED_BYTES)
        return zstandard.ZstdDecompressor().decompress(packed, max_output_size=declared or 1)
    except zstandard.ZstdError as broken:
        raise PeerFault("envelope.sealed") from broken
