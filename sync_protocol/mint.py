"""A new replica under an enrolment, both ends: how it is introduced, and what it issues again.

A station mints when its chain cannot go on: it was forked, its store was restored, or it is told of
an own operation that it lacks. The new replica's keys are signed by the one that the hub certified.
PROTOCOL.md, section 12.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from sync_protocol import crypto, enrol, operations
from sync_protocol.enrol import Certificate, HubPublic, ReplicaKeys, ReplicaPublic
from sync_protocol.errors import PeerFault
from sync_protocol.operations import Head, Operation

ISSUED_AGAIN = frozenset({"gap", "form", "record", "fork", "frozen"})
"""What an old chain's operation may be held for and is issued again; else the county decides."""


class Mint(msgspec.Struct, frozen=True, array_like=True):
    """A new replica's keys, signed by the certified replica of the same enrolment."""

    keys: ReplicaPublic
    signature: bytes


class Introduction(msgspec.Struct, frozen=True, array_like=True):
    """What a hub that does not know the sender goes by: its certificate, as the hub signed it, and
    what ties the sender to it where the sender was minted since."""

    certificate: bytes
    signature: bytes
    mint: Mint | None = None


# --- station -----------------------------------------------------------------------------------


def mint(parent: ReplicaKeys, enrolment: bytes, child: ReplicaPublic) -> Mint:
    """The certified replica's word for a new one."""
    return Mint(child, crypto.sign(parent.signing, b"bianmin/mint", *_parts(enrolment, child)))


def issue_again(operation: Operation, head: Head) -> Operation:
    """The copy of an operation under another chain, after `head`: same record, clerk, stamp, kind
    and body, a new header around them."""
    header = operation.header
    origin = header.origin or operation.header_bytes
    fresh = msgspec.structs.replace(header, replica=head.replica, seq=head.seq + 1, origin=origin)
    data = operations.header_bytes(fresh)
    return msgspec.structs.replace(operation, header=fresh, header_bytes=data)


# --- hub -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Introduced:
    """A sender that proved to belong to an enrolment of this hub. `keys` are the sender's own;
    `parent` is the certified replica that minted it, None where it is that itself."""

    certificate: Certificate
    certificate_bytes: bytes
    keys: ReplicaPublic
    parent: bytes | None


def read_introduction(introduction: Introduction, hub: HubPublic) -> Introduced:
    """Who is introduced. PeerFault `enrol.certificate`."""
    data = introduction.certificate
    certificate = enrol.read_certificate(data, introduction.signature, hub)
    if introduction.mint is None:
        return Introduced(certificate, data, certificate.keys, None)
    child, parent = introduction.mint.keys, certificate.keys
    sound = (
        len(child.replica) == operations.ID_BYTES
        and child.replica != parent.replica
        and len(child.signing) == len(child.sealing) == crypto.KEY_BYTES
    )
    parts = _parts(certificate.enrolment, child)
    if not sound or not crypto.verifies(
        parent.signing, introduction.mint.signature, b"bianmin/mint", *parts
    ):
        raise PeerFault("enrol.certificate")
    return Introduced(certificate, data, child, parent.replica)


def _parts(enrolment: bytes, child: ReplicaPublic) -> tuple[bytes, ...]:
    return enrolment, child.replica, child.signing, child.sealing
