"""Agree, both ends: receipts, countersignatures, and whether both hold the same history.

The hub signs where a channel stands; a replica countersigns how far it has applied it. Who holds an
export with the newest countersignatures can prove it to a third party. PROTOCOL.md, section 10.
"""

from __future__ import annotations

import msgspec

from sync_protocol import crypto
from sync_protocol.channel import Cursor, Receipt


class Countersigned(msgspec.Struct, frozen=True, array_like=True):
    """A replica's cursor under its own signature: "this is the history I have applied". The
    signature is empty where the hub has said that it holds it."""

    cursor: Cursor
    signature: bytes


def sign_receipt(signing: bytes, cursor: Cursor, hub_time: int) -> Receipt:
    """Hub: the receipt for a channel at this cursor."""
    time = hub_time.to_bytes(8, "big", signed=True)
    signature = crypto.sign(signing, b"bianmin/receipt", *cursor.parts(), time)
    return Receipt(cursor, hub_time, signature)


def receipt_verifies(hub_signing: bytes, receipt: Receipt) -> bool:
    """Anybody: whether the hub signed this receipt."""
    time = receipt.hub_time.to_bytes(8, "big", signed=True)
    return crypto.verifies(
        hub_signing, receipt.signature, b"bianmin/receipt", *receipt.cursor.parts(), time
    )


def countersign(signing: bytes, replica: bytes, cursor: Cursor) -> Countersigned:
    """Station: its signature under what it has applied."""
    signature = crypto.sign(signing, b"bianmin/countersign", replica, *cursor.parts())
    return Countersigned(cursor, signature)


def countersigned_by(signing_public: bytes, replica: bytes, signed: Countersigned) -> bool:
    """Anybody: whether this replica countersigned this cursor."""
    return crypto.verifies(
        signing_public, signed.signature, b"bianmin/countersign", replica, *signed.cursor.parts()
    )


def same_history(cursor: Cursor, digest_here: bytes | None) -> bool:
    """Hub: whether its own digest at the cursor's position (None beyond its end) is the cursor's.

    The epoch does not matter: the digest covers every entry, that which opened the epoch too.
    """
    return digest_here is not None and crypto.same(digest_here, cursor.digest)
