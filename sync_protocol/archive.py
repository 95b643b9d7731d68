"""Archive: one channel as a third party can check it, and the receipts that it is held against.

Frames in a fixed order, each a length and a msgpack array, and at the end the hub's seal over every
byte before. Whoever reads one needs nothing of this project: `hub_server/verify.py` is written
without it. Knows no file: frames go out one by one. PROTOCOL.md, section 24.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator

import msgspec

from sync_protocol import crypto
from sync_protocol.agree import Countersigned
from sync_protocol.channel import Receipt
from sync_protocol.enrol import HubPublic
from sync_protocol.mint import Introduction
from sync_protocol.operations import Head

MAGIC = b"BIANMIN-ARCHIVE-1\n"
RECEIPTS_MAGIC = b"BIANMIN-RECEIPTS-1\n"
_LENGTH_BYTES = 4


class _Frame(msgspec.Struct, frozen=True, array_like=True):
    """Base of all frames; they stand in the order of their tags."""


class ChannelFrame(_Frame, frozen=True, array_like=True, tag=1):
    """Whose history this is. `epochs` are the hub's in this channel, oldest first, the present one
    last; `lost_epochs` those of which only operations came back, through a station."""

    hub: HubPublic
    channel: bytes
    kind: str
    region: str
    station_code: str
    epochs: list[bytes]
    lost_epochs: list[bytes]


class ReplicaFrame(_Frame, frozen=True, array_like=True, tag=2):
    """A replica that wrote or countersigned here: the hub's word for it and, if it was minted,
    the introduction that ties it to its enrolment."""

    certificate: bytes
    signature: bytes
    introduction: Introduction | None


class HeadFrame(_Frame, frozen=True, array_like=True, tag=3):
    """A replica's signature over its chain up to a head."""

    replica: bytes
    seq: int
    link: bytes
    signature: bytes


class CountersignatureFrame(_Frame, frozen=True, array_like=True, tag=4):
    """The newest position that a replica said it had applied; `at` is when the hub heard it."""

    replica: bytes
    signed: Countersigned
    at: int


Parts = tuple[bytes, bytes | None, bytes | None, bytes | None]
"""An operation: header, body, digest of an absent body, and where it does not follow what the
archive holds of its chain, the link before it."""


class EntryFrame(_Frame, frozen=True, array_like=True, tag=5):
    """The next position: the entry's bytes, the channel's digest there, the operation it places."""

    data: bytes
    digest: bytes
    operation: Parts | None


class ReceiptFrame(_Frame, frozen=True, array_like=True, tag=6):
    """The hub's signature over where the channel ends."""

    receipt: Receipt


class SealFrame(_Frame, frozen=True, array_like=True, tag=7):
    """The hub's signature over everything before this frame."""

    signature: bytes


Frame = ChannelFrame | ReplicaFrame | HeadFrame | CountersignatureFrame | EntryFrame | ReceiptFrame

_encoder = msgspec.msgpack.Encoder()


def head_frame(head: Head, signature: bytes) -> HeadFrame:
    return HeadFrame(head.replica, head.seq, head.link, signature)


def written(frames: Iterable[Frame], hub_signing: bytes) -> Iterator[bytes]:
    """The bytes of an archive, frame by frame, sealed at the end."""
    whole = hashlib.sha256(MAGIC)
    yield MAGIC
    for frame in frames:
        data = _framed(frame)
        whole.update(data)
        yield data
    yield _framed(SealFrame(crypto.sign(hub_signing, b"bianmin/archive", whole.digest())))


def receipts_file(receipts: Iterable[Receipt]) -> bytes:
    """What a station hands to an auditor: the newest signed heads that the hub gave it."""
    return RECEIPTS_MAGIC + b"".join(_framed(ReceiptFrame(each)) for each in receipts)


def _framed(frame: _Frame) -> bytes:
    data = _encoder.encode(frame)
    return len(data).to_bytes(_LENGTH_BYTES, "big") + data
