"""Channels: the hub's ordered entries, their digest, cursors, receipts and verdicts.

An entry gives an operation its place and verdict, or is the hub's own word (a later verdict, an
erasure, an epoch …). Knows no storage: positions are handed in. PROTOCOL.md, sections 5 and 6.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Annotated

import msgspec

from sync_protocol import crypto, limits
from sync_protocol.errors import UNREADABLE, PeerFault
from sync_protocol.limits import Id, Moment, Natural


class Verdict(IntEnum):
    """What the hub thinks of an operation. The highest that any entry gave counts: max()."""

    HELD = 0
    REFUSED = 1
    ACCEPTED = 2


VerdictNumber = Annotated[int, msgspec.Meta(ge=int(min(Verdict)), le=int(max(Verdict)))]

# Codes of verdicts; what is accepted has none.
HELD_CODES = {
    "gap": "等待前面的记录到达",
    "form": "县级平台尚无此版本的表单",
    "record": "所属记录尚待处理",
    "revoked": "登记这一项的电脑已被撤销启用资格，等待县级处理",
    "frozen": "登记这一项的电脑已被冻结，等待县级处理",
    "fork": "同一序号出现两条不同的操作，等待县级处理",
    "closed": "站点注销后录入，等待县级处理",
    "late": "站点注销后过期才送达，等待县级处理",
}
REFUSED_CODES = {
    "author": "无权填写该栏",
    "check": "不符合表单要求",
    "body": "内容无法读取或过大",
    "county": "县级退回",
    "channel": "该表单不属于本通道",
    "kind": "与这条记录原来的表单不同",
    "erased": "这条记录的内容已按保存期限清除",
}
_BELIEVED = {"form": 2, "record": 2, "closed": 1, "late": 1}
"""What is held for one of these came on a sound chain: it is judged when the cause ends, or waits
for the county alone. Of the others a copy may be believed yet."""
# What the county tells the desk: it stays in the log, also when the record is erased.
REASON_CHARACTERS = 200


def county_code(reason: str) -> str:
    """The code of the county's own refusal, with its reason in one line, cut to what may travel."""
    return f"county:{' '.join(reason.split())[:REASON_CHARACTERS]}"


def county_reason(code: str) -> str:
    """The reason that a code carries; "" of any other, and where the county gave none."""
    kind, _, reason = code.partition(":")
    return reason if kind == "county" else ""


class _Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Base of all entries; `at` is the hub's time of writing it, ms since 1970 UTC."""


class OperationEntry(_Entry, frozen=True, array_like=True, tag=1):
    """An operation's place in the channel. `effective` is min(its stamp, hub time + lead)."""

    name: bytes
    verdict: VerdictNumber
    code: str
    effective: Moment
    at: Moment

    @property
    def identity(self) -> bytes:
        """What its verdict is about."""
        return self.name


class VerdictEntry(_Entry, frozen=True, array_like=True, tag=2):
    """A later verdict on an operation that has a place already; `name` is its identity."""

    name: bytes
    verdict: VerdictNumber
    code: str
    at: Moment

    @property
    def identity(self) -> bytes:
        """What it is about."""
        return self.name


class EpochEntry(_Entry, frozen=True, array_like=True, tag=3):
    """First entry of an epoch: the hub was restored and kept `kept` positions of `old_epoch`."""

    old_epoch: bytes
    kept: Natural
    digest: bytes
    at: Moment


class ErasureEntry(_Entry, frozen=True, array_like=True, tag=4):
    """All bodies of a record are erased, at every replica."""

    record: bytes
    at: Moment


class RevocationEntry(_Entry, frozen=True, array_like=True, tag=5):
    """An enrolment and all its replicas are believed no further."""

    enrolment: bytes
    reason: str
    at: Moment


class FreezeEntry(_Entry, frozen=True, array_like=True, tag=6):
    """A chain was found forked; what still arrives on it is held."""

    replica: bytes
    reason: str
    at: Moment


class ClosingEntry(_Entry, frozen=True, array_like=True, tag=7):
    """The station is closed from this position; `until` ends the time for late arrivals."""

    until: Moment
    at: Moment


class CopyEntry(_Entry, frozen=True, array_like=True, tag=8):
    """The place of a copy: of an operation that was issued again under another chain.

    `origin` is the first copy's name: its verdict is the highest that any copy got.
    """

    name: bytes
    origin: bytes
    verdict: VerdictNumber
    code: str
    effective: Moment
    at: Moment

    @property
    def identity(self) -> bytes:
        """What its verdict is about."""
        return self.origin


class FormerEpochEntry(_Entry, frozen=True, array_like=True, tag=9):
    """An epoch that was lost in a restore: something that the hub wrote in it has come back."""

    epoch: bytes
    at: Moment


class UnknownEntry(msgspec.Struct, frozen=True):
    """An entry of a kind that a later version introduced: kept, counted, not interpreted."""

    data: bytes


PlaceEntry = OperationEntry | CopyEntry
"""What gives an operation its place."""

Entry = (
    OperationEntry
    | VerdictEntry
    | EpochEntry
    | ErasureEntry
    | RevocationEntry
    | FreezeEntry
    | ClosingEntry
    | CopyEntry
    | FormerEpochEntry
)

_HIGHEST_TAG = 9

_encoder = msgspec.msgpack.Encoder()
_entries = msgspec.msgpack.Decoder(Entry)
_any_entry = msgspec.msgpack.Decoder(list[object])


def entry_bytes(entry: Entry) -> bytes:
    """The bytes that the digest covers."""
    return _encoder.encode(entry)


def read_entry(data: bytes) -> Entry | UnknownEntry:
    """The entry in these bytes. PeerFault `message.form` when it is no entry at all."""
    try:
        known: Entry = _entries.decode(data)
        return known
    except UNREADABLE:
        pass
    try:
        parts = _any_entry.decode(data)
    except UNREADABLE as broken:
        raise PeerFault("message.form", where="entry") from broken
    if not parts or not isinstance(parts[0], int) or parts[0] <= _HIGHEST_TAG:
        raise PeerFault("message.form", where="entry")
    return UnknownEntry(data)


def place(
    name: bytes, identity: bytes, verdict: int, code: str, effective: int, at: int
) -> PlaceEntry:
    """The entry that gives an operation its place; that of a copy names the first one too."""
    if identity == name:
        return OperationEntry(name, verdict, code, effective, at)
    return CopyEntry(name, identity, verdict, code, effective, at)


def former_epochs(entries: Iterable[bytes]) -> list[bytes]:
    """The epochs, besides its present one, in which these say that the hub wrote in the channel."""
    read = [read_entry(data) for data in entries]
    ended = [each.old_epoch for each in read if isinstance(each, EpochEntry)]
    return ended + [each.epoch for each in read if isinstance(each, FormerEpochEntry)]


def effective_stamp(stamp: int, hub_time: int) -> int:
    """The stamp that counts everywhere: a fast clock gains no more than the lead."""
    return min(stamp, hub_time + limits.CLOCK_LEAD_MS)


def hub_replica(hub: bytes, channel: bytes, epoch: bytes) -> bytes:
    """As whom the hub writes in a channel, in one epoch: a replica's id."""
    return crypto.digest(b"bianmin/hub-replica", hub, channel, epoch)[:16]


def first_digest(channel: bytes) -> bytes:
    """D(0) of a channel."""
    return crypto.digest(b"bianmin/channel", channel)


def next_digest(digest: bytes, entry: bytes) -> bytes:
    """D(n) = H(D(n-1) ‖ entry n)."""
    return crypto.digest(b"bianmin/entry", digest, entry)


class Cursor(msgspec.Struct, frozen=True, array_like=True):
    """How far a replica has applied a channel."""

    channel: Id
    epoch: Id
    position: Natural
    digest: bytes

    @property
    def end(self) -> tuple[int, bytes]:
        """Position and digest: what a history is, whatever epoch it is told in."""
        return self.position, self.digest

    def parts(self) -> tuple[bytes, ...]:
        """What a signature over this cursor covers."""
        return self.channel, self.epoch, self.position.to_bytes(8, "big"), self.digest


class Receipt(msgspec.Struct, frozen=True, array_like=True):
    """The hub's signature over a cursor and its time (ms since 1970 UTC)."""

    cursor: Cursor
    hub_time: Moment
    signature: bytes


def start_of(channel: bytes, epoch: bytes) -> Cursor:
    """The cursor of a replica that has applied nothing yet."""
    return Cursor(channel, epoch, 0, first_digest(channel))


@dataclass(frozen=True)
class Standing:
    """An operation's verdict as all entries together give it."""

    verdict: Verdict
    code: str

    def is_raised_by(self, verdict: Verdict, code: str) -> bool:
        """Whether such an entry changes it."""
        return self.raised_by(verdict, code) != self

    def raised_by(self, verdict: Verdict, code: str) -> Standing:
        """The higher of both: accepted > refused > held. Of two causes to hold, the later."""
        is_held_again = verdict == self.verdict == Verdict.HELD
        return Standing(verdict, code) if verdict > self.verdict or is_held_again else self

    def outlasts(self, other: Standing) -> bool:
        """Whether the hub says this again where a copy that comes later is held as that."""
        is_held = self.verdict == other.verdict == Verdict.HELD
        return is_held and _BELIEVED.get(self.code, 0) > _BELIEVED.get(other.code, 0)

    def with_copy(self, other: Standing) -> Standing:
        """Of both together, where a copy that comes later is given the other."""
        return self if self.outlasts(other) else self.raised_by(other.verdict, other.code)


def is_by_county(standing: Standing) -> bool:
    """Whether a person of the county refused it."""
    return standing.verdict is Verdict.REFUSED and standing.code.partition(":")[0] == "county"
