"""Suite 1: the only file of the protocol that knows the `cryptography` library.

Hash SHA-256, signatures Ed25519, sealing HPKE (RFC 9180: X25519, HKDF-SHA256, ChaCha20-Poly1305).
A suite id stands in front of every envelope, so that another suite (a post-quantum hybrid KEM, the
national SM algorithms) is one more file like this one. Keys travel as their 32 raw bytes.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from sync_protocol.errors import PeerFault

SUITE = 1
HASH_BYTES = 32
KEY_BYTES = 32
SIGNATURE_BYTES = 64
SEAL_OVERHEAD_BYTES = 48  # HPKE's encapsulated key (32) and the AEAD tag (16)

_HPKE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)


def digest(purpose: bytes, *parts: bytes) -> bytes:
    """SHA-256 over purpose, one zero byte and the parts: no two purposes share a hash input."""
    return hashlib.sha256(b"".join((purpose, b"\x00", *parts))).digest()


def new_signing_key() -> bytes:
    """A fresh Ed25519 private key, 32 raw bytes."""
    return Ed25519PrivateKey.generate().private_bytes_raw()


def new_sealing_key() -> bytes:
    """A fresh X25519 private key, 32 raw bytes."""
    return X25519PrivateKey.generate().private_bytes_raw()


# Making a key object of its bytes costs as much as signing with it, and a program uses few keys.
_private_key = lru_cache(maxsize=64)(Ed25519PrivateKey.from_private_bytes)
_public_key = lru_cache(maxsize=4096)(Ed25519PublicKey.from_public_bytes)
_opening_key = lru_cache(maxsize=64)(X25519PrivateKey.from_private_bytes)
_sealing_key = lru_cache(maxsize=4096)(X25519PublicKey.from_public_bytes)


@lru_cache(maxsize=64)
def signing_public(private: bytes) -> bytes:
    """The Ed25519 public key that belongs to a private one."""
    return _private_key(private).public_key().public_bytes_raw()


@lru_cache(maxsize=64)
def sealing_public(private: bytes) -> bytes:
    """The X25519 public key that belongs to a private one."""
    return _opening_key(private).public_key().public_bytes_raw()


def sign(private: bytes, purpose: bytes, *parts: bytes) -> bytes:
    """An Ed25519 signature (64 bytes) over the digest of the parts under a purpose."""
    return _private_key(private).sign(digest(purpose, *parts))


def verifies(public: bytes, signature: bytes, purpose: bytes, *parts: bytes) -> bool:
    """Whether `signature` is the key's over the same purpose and parts."""
    try:
        _public_key(public).verify(signature, digest(purpose, *parts))
    except (InvalidSignature, ValueError):
        return False
    return True


def seal(public: bytes, info: bytes, plain: bytes) -> bytes:
    """`plain` sealed to an X25519 public key; `info` is bound to it, not contained in it.

    PeerFault `message.form` for a key that nothing can be sealed to: of another length, or weak.
    """
    try:
        return _HPKE.encrypt(plain, _sealing_key(public), info=info)
    except ValueError as broken:
        raise PeerFault("message.form", where="key") from broken


def unseal(private: bytes, info: bytes, sealed: bytes) -> bytes | None:
    """What was sealed, or None when the bytes, the key or `info` are not those of the sealing."""
    try:
        return _HPKE.decrypt(sealed, _opening_key(private), info=info)
    except (InvalidTag, ValueError):
        return None


def keyed_proof(key: bytes, purpose: bytes, *parts: bytes) -> bytes:
    """HMAC-SHA-256: knowledge of `key`, shown for these parts."""
    return hmac.digest(key, digest(purpose, *parts), "sha256")


def same(a: bytes, b: bytes) -> bool:
    """Comparison in constant time."""
    return hmac.compare_digest(a, b)
