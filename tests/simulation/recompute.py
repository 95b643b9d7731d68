"""The chains and digests of PROTOCOL.md written a second time, from the text alone.

Bytes in, bytes out, with hashlib and a msgpack reader: shares nothing with `sync_protocol`, so that
a mistake there cannot hide itself.
"""

import hashlib
from collections.abc import Iterable

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

OPERATION, LATER_VERDICT, ERASURE, FREEZE, COPY = 1, 2, 4, 6, 8
HELD, REFUSED, ACCEPTED = 0, 1, 2


def hashed(purpose: str, *parts: bytes) -> bytes:
    """H(purpose; a ‖ b)."""
    return hashlib.sha256(purpose.encode() + b"\0" + b"".join(parts)).digest()


def digests(channel: bytes, entries: Iterable[bytes]) -> list[bytes]:
    """D(1), D(2) …"""
    digest, found = hashed("bianmin/channel", channel), list[bytes]()
    for entry in entries:
        digest = hashed("bianmin/entry", digest, entry)
        found.append(digest)
    return found


def body_digest(body: bytes) -> bytes:
    return hashed("bianmin/body", body)


def name_of(header: bytes, digest: bytes) -> bytes:
    return hashed("bianmin/operation", header, digest)


def links(replica: bytes, names: Iterable[bytes]) -> list[bytes]:
    """link(1), link(2) …"""
    link, found = hashed("bianmin/chain", replica), list[bytes]()
    for name in names:
        link = hashed("bianmin/link", link, name)
        found.append(link)
    return found


def is_signed(public: bytes, signature: bytes, purpose: str, *parts: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, hashed(purpose, *parts))
    except InvalidSignature:
        return False
    return True


def standings(entries: Iterable[bytes]) -> dict[bytes, tuple[int, str]]:
    """Identity → the highest verdict that any of these entries gave, and its code."""
    found: dict[bytes, tuple[int, str]] = {}
    for entry in entries:
        kind, *rest = msgspec.msgpack.decode(entry)
        if kind in (OPERATION, LATER_VERDICT, COPY):
            name, verdict, code = rest[1:4] if kind == COPY else rest[:3]
            before = found.get(name)
            if before is None or verdict > before[0] or verdict == before[0] == HELD:
                found[name] = (verdict, code)
    return found
