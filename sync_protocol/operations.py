"""Operations and chains: immutable facts, named by what was sent, linked by their writer.

A header and a body are kept as the bytes they arrived in; names and links are computed from those
bytes and never travel. Knows no merge, no verdict and no transport. PROTOCOL.md, sections 3 and 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Annotated, Any

import msgspec

from sync_protocol import crypto, limits
from sync_protocol.errors import UNREADABLE, OwnFault, PeerFault
from sync_protocol.limits import Moment, Natural

FORMAT = 1  # 2026-11: the first header and body layout

ID_BYTES = 16
SALT_BYTES = 16

# Header flags.
AFTER_CLOSING = 1  # the writer had applied the closing of its station
ON_BEHALF = 2  # the hub wrote it down for somebody outside: counts as a station's write

# The register that says whether a record is alive: "" or the reason why it was made void.
ALIVE = "alive"


class Header(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Who wrote when about which record. Ids are 16 raw bytes, `stamp` is ms since 1970 UTC.

    `origin` is the header of the first copy, as it was written, when this is a re-issue of the same
    act under another chain.
    """

    version: Natural
    replica: bytes
    seq: Natural
    stamp: Moment
    clerk: bytes
    record: bytes
    kind: str
    form_version: Natural
    flags: Natural = 0
    origin: bytes | None = None


class Write(msgspec.Struct, frozen=True, gc=False):
    """One register set to `value` (JSON-like, no floats), and the names of what it replaces."""

    field: str
    value: Any
    replaces: tuple[bytes, ...] = ()


_Hash = Annotated[bytes, msgspec.Meta(min_length=crypto.HASH_BYTES, max_length=crypto.HASH_BYTES)]


class _WireWrite(msgspec.Struct, frozen=True, array_like=True, gc=False):
    field: Annotated[str, msgspec.Meta(min_length=1, max_length=limits.FIELD_NAME_CHARACTERS)]
    value: Any
    replaces: list[Natural]


class _WireBody(msgspec.Struct, frozen=True, array_like=True):
    salt: Annotated[bytes, msgspec.Meta(min_length=SALT_BYTES, max_length=SALT_BYTES)]
    writes: Annotated[list[_WireWrite], msgspec.Meta(max_length=limits.WRITES_PER_OPERATION)]
    names: Annotated[list[_Hash], msgspec.Meta(max_length=limits.NAMES_PER_OPERATION)]


_headers = msgspec.msgpack.Decoder(Header)
_bodies = msgspec.msgpack.Decoder(_WireBody)
_encoder = msgspec.msgpack.Encoder()


class Operation(msgspec.Struct, frozen=True, dict=True):
    """One operation in the bytes it was written in. `body` is None when it is erased or missing."""

    header: Header
    header_bytes: bytes
    body: bytes | None
    body_digest: bytes

    @cached_property
    def name(self) -> bytes:
        """H(header ‖ H(body)), 32 bytes."""
        return crypto.digest(b"bianmin/operation", self.header_bytes, self.body_digest)

    @property
    def identity(self) -> bytes:
        """The name that references and verdicts use: that of the first copy, as it follows from
        its header and this body."""
        origin = self.header.origin
        if origin is None:
            return self.name
        return crypto.digest(b"bianmin/operation", origin, self.body_digest)

    @property
    def size_bytes(self) -> int:
        return len(self.header_bytes) + len(self.body or b"")

    def writes(self) -> tuple[Write, ...]:
        """The writes of the body. PeerFault `operation.*` when it cannot be read."""
        return self._writes

    @cached_property
    def _writes(self) -> tuple[Write, ...]:
        return () if self.body is None else read_body(self.body)


def compose(header: Header, salt: bytes, writes: Sequence[Write]) -> Operation:
    """A new operation of our own. OwnFault `operation.value` or `operation.too_large`."""
    if len(salt) != SALT_BYTES:
        raise ValueError("the salt is 16 random bytes")
    for write in writes:
        if type(write.value) is not str and not _is_plain(write.value, limits.VALUE_DEPTH):
            raise OwnFault("operation.value", field=write.field)
    try:
        body = _encoder.encode(_to_wire(salt, writes))
    except UnicodeEncodeError as broken:  # half a character: it would not survive the journey
        raise OwnFault("operation.value", field="") from broken
    try:
        read_body(body)  # as the hub will
    except PeerFault as fault:
        raise OwnFault(fault.code, **fault.facts) from fault
    return Operation(header, header_bytes(header), body, digest_of_body(body))


def header_bytes(header: Header) -> bytes:
    """A header of our own as the bytes it will have for ever."""
    return _encoder.encode(header)


def received(head: bytes, body: bytes | None, body_digest: bytes | None = None) -> Operation:
    """From a peer's bytes; of an absent body the digest. PeerFault `operation.header`."""
    header = read_header(head)
    if body is not None:
        return Operation(header, head, body, digest_of_body(body))
    if body_digest is None or len(body_digest) != crypto.HASH_BYTES:
        raise PeerFault("operation.header")
    return Operation(header, head, None, body_digest)


def digest_of_body(body: bytes) -> bytes:
    """H(body): what the name contains of a body, so that a body can be erased under its name."""
    return crypto.digest(b"bianmin/body", body)


def read_header(data: bytes) -> Header:
    """The header in these bytes. PeerFault `operation.header`."""
    if len(data) > limits.HEADER_BYTES:
        raise PeerFault("operation.header")
    try:
        header = _headers.decode(data)
    except UNREADABLE as broken:
        raise PeerFault("operation.header") from broken
    sound = (
        len(header.replica) == len(header.clerk) == len(header.record) == ID_BYTES
        and header.seq >= 1
        and 0 < len(header.kind) <= limits.KIND_CHARACTERS
    )
    if not sound:
        raise PeerFault("operation.header")
    if header.origin is not None:
        first = read_header(header.origin)
        if first.origin is not None or _act(first) != _act(header):
            raise PeerFault("operation.header")
    return header


def _act(header: Header) -> tuple[object, ...]:
    """What a copy has in common with what it is a copy of, besides the body."""
    about = (header.record, header.kind, header.form_version)
    return (*about, header.clerk, header.stamp, header.flags)


def read_body(data: bytes) -> tuple[Write, ...]:
    """The writes in these bytes. PeerFault `operation.too_large` or `operation.value`."""
    if len(data) > limits.BODY_BYTES:
        raise PeerFault("operation.too_large", limit=limits.BODY_BYTES)
    try:
        body = _bodies.decode(data)
        writes = tuple(
            [
                _from_wire(write, body.names) if write.replaces else Write(write.field, write.value)
                for write in body.writes
            ]
        )
    except (*UNREADABLE, IndexError) as broken:
        raise PeerFault("operation.value", field="") from broken
    if len({write.field for write in writes}) < len(writes):
        raise PeerFault("operation.value", field="")
    for write in writes:
        if type(write.value) is not str and not _is_plain(write.value, limits.VALUE_DEPTH):
            raise PeerFault("operation.value", field=write.field)
    return writes


def _to_wire(salt: bytes, writes: Sequence[Write]) -> _WireBody:
    index: dict[bytes, int] = {}
    wire = []
    for write in writes:
        refs = [index.setdefault(name, len(index)) for name in write.replaces]
        wire.append(_WireWrite(write.field, write.value, refs))
    return _WireBody(salt, wire, list(index))


def _from_wire(write: _WireWrite, names: Sequence[bytes]) -> Write:
    return Write(write.field, write.value, tuple(names[at] for at in write.replaces))


def _is_plain(value: object, depth: int) -> bool:
    """JSON-like: null, boolean, integer within 2^53, text, list, mapping with text keys."""
    if value is None or isinstance(value, bool | str):
        return True
    if isinstance(value, int):
        return abs(value) <= limits.INTEGER_HIGHEST
    if depth == 0:
        return False
    if isinstance(value, list | tuple):
        return all(_is_plain(item, depth - 1) for item in value)
    if isinstance(value, Mapping):
        return all(isinstance(k, str) and _is_plain(v, depth - 1) for k, v in value.items())
    return False


# --- chains ------------------------------------------------------------------------------------


class Head(msgspec.Struct, frozen=True):
    """The end of a chain: the last seq (0 for an empty chain) and its link."""

    replica: bytes
    seq: int
    link: bytes


class Run(msgspec.Struct, frozen=True, array_like=True):
    """Consecutive operations of one chain as they travel, and one signature over their last link.

    `base_link` is the link just before the first; `operations` hold (header, body, digest of an
    absent body). PROTOCOL.md, section 4.
    """

    base_link: bytes
    operations: Annotated[
        list[tuple[bytes, bytes | None, bytes | None]],
        msgspec.Meta(max_length=limits.BATCH_OPERATIONS),
    ]
    signature: bytes


def first_link(replica: bytes) -> bytes:
    """link(0): what a chain starts from."""
    return crypto.digest(b"bianmin/chain", replica)


def next_link(link: bytes, name: bytes) -> bytes:
    """link(n) = H(link(n-1) ‖ name(n))."""
    return crypto.digest(b"bianmin/link", link, name)


def empty_head(replica: bytes) -> Head:
    return Head(replica, 0, first_link(replica))


def advance(head: Head, operations: Iterable[Operation]) -> Head:
    """The head after these operations. PeerFault `chain.order` unless they follow one by one."""
    links = [head.link, *links_after(head, operations)]
    return Head(head.replica, head.seq + len(links) - 1, links[-1])


def links_after(head: Head, operations: Iterable[Operation]) -> list[bytes]:
    """The link at each of these operations. PeerFault `chain.order` as `advance`."""
    replica, seq, link = head.replica, head.seq, head.link
    links: list[bytes] = []
    for operation in operations:
        header, seq = operation.header, seq + 1
        if header.replica != replica or header.seq != seq:
            raise PeerFault("chain.order")
        link = next_link(link, operation.name)
        links.append(link)
    return links


def sign_head(private: bytes, head: Head) -> bytes:
    """The signature that covers everything up to this head."""
    return crypto.sign(private, b"bianmin/head", *_head_parts(head))


def head_verifies(public: bytes, head: Head, signature: bytes) -> bool:
    return crypto.verifies(public, signature, b"bianmin/head", *_head_parts(head))


def _head_parts(head: Head) -> tuple[bytes, bytes, bytes]:
    return head.replica, head.seq.to_bytes(8, "big"), head.link
