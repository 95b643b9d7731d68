"""Agree, both ends: receipts, countersignatures, and whether both hold the same history.

The hub signs where a channel stands; a replica countersigns how far it has applied it. Who holds an
export with the newest countersignatures can prove it to a third party. PROTOCOL.md, section 10.
"""

from __future__ import annotations

from enum import Enum

import msgspec

from sync_protocol import crypto
from sync_protocol.channel import Cursor, Receipt


class Countersigned(msgspec.Struct, frozen=True, array_like=True):
    """A replica's cursor under its own signature: "this is the history I have applied"."""

    cursor: Cursor
    signature: bytes


class Agreement(Enum):
    """What the hub finds when it looks up a replica's cursor."""

    SAME_HISTORY = "same"
    OTHER_EPOCH = "epoch"
    PARTED = "parted"


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


def compare(cursor: Cursor, epoch: bytes, digest_here: bytes | None) -> Agreement:
    """Hub: `digest_here` is its own digest at the cursor's position, None beyond its end."""
    if cursor.epoch != epoch:
        return Agreement.OTHER_EPOCH
    if digest_here is None or not crypto.same(digest_here, cursor.digest):
        return Agreement.PARTED
    return Agreement.SAME_HISTORY
