"""The courier file: the very bytes of an exchange, framed so that a damaged copy is noticed.

Layout: "BIANMIN-COURIER-1\\n" ‖ length (8, big-endian) ‖ checksum (32) ‖ the bytes. They are sealed
and signed already; the frame only tells a cut or damaged copy from a foreign file.
"""

from __future__ import annotations

from sync_protocol import crypto
from sync_protocol.errors import PeerFault

MAGIC = b"BIANMIN-COURIER-1\n"
_HEAD_BYTES = len(MAGIC) + 8 + crypto.HASH_BYTES


def frame(data: bytes) -> bytes:
    """The bytes of an exchange as a file."""
    return MAGIC + len(data).to_bytes(8, "big") + _checksum(data) + data


def unframe(file_bytes: bytes) -> bytes:
    """The bytes of an exchange out of a file. PeerFault `courier.foreign` or `courier.damaged`."""
    if not file_bytes.startswith(MAGIC):
        cut = MAGIC.startswith(file_bytes)
        raise PeerFault("courier.damaged" if cut else "courier.foreign")
    length = int.from_bytes(file_bytes[len(MAGIC) : len(MAGIC) + 8], "big")
    data = file_bytes[_HEAD_BYTES:]
    checksum = file_bytes[len(MAGIC) + 8 : _HEAD_BYTES]
    if len(data) != length or not crypto.same(_checksum(data), checksum):
        raise PeerFault("courier.damaged")
    return data


def _checksum(data: bytes) -> bytes:
    return crypto.digest(b"bianmin/courier", data)
