"""At rest, a channel's log read a second time: whom the hub believed, and from when.

What stands before an operation's verdict (its place alone decides: who was revoked or frozen by
then, whether the station was closed) is here as PROTOCOL.md, section 6, has it. Up to the first
restore: what came back has the verdict that it had.
"""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import msgspec

from hub_server.hub import Hub
from hub_server.store import Channel
from sync_protocol import operations
from sync_protocol.limits import CLOCK_LEAD_MS
from sync_protocol.operations import AFTER_CLOSING, Header
from tests.simulation.promises import require
from tests.simulation.recompute import ACCEPTED, COPY, FREEZE, LATER_VERDICT, OPERATION
from tests.simulation.rest_of_hub import rows

EPOCH, REVOCATION, CLOSING, FORMER_EPOCH = 3, 5, 7, 9
DOORWAY = {"revoked", "frozen", "closed", "late"}
BEFORE_IT = {"gap", "fork", "erased"}
"""Codes of what is decided before anybody asks who is believed."""


def check_entries(hub: Hub, channel: Channel, believed: Collection[bytes]) -> None:
    """Promises 4 and 8. `believed`: the facts that the county accepted itself."""
    stored = rows(
        hub,
        "SELECT o.name, o.identity, o.header, o.body_digest, r.enrolment,"
        " r.standing IN ('retired', 'revoked') FROM operation o"
        " JOIN replica r ON r.id = o.replica WHERE o.channel = ?",
        channel.id,
    )
    wrote = {row[0]: _Written(row[1], operations.read_header(row[2]), *row[3:]) for row in stored}
    walk = _Walk(wrote, believed)
    for (data,) in rows(
        hub, "SELECT data FROM entry WHERE channel = ? ORDER BY position", channel.id
    ):
        kind, *rest = msgspec.msgpack.decode(data)
        if kind in (EPOCH, FORMER_EPOCH):
            return
        walk.read(kind, rest)


@dataclass(frozen=True)
class _Written:
    """One operation of a station, as it is stored; `may_have_left`: its replica had perhaps said
    farewell when it came."""

    identity: bytes
    header: Header
    root: bytes
    enrolment: bytes
    may_have_left: bool


@dataclass
class _Walk:
    wrote: dict[bytes, _Written]
    believed: Collection[bytes]
    withdrawn: dict[bytes, str] = field(default_factory=dict)
    closing: tuple[int, int] | None = None
    accepted: set[bytes] = field(default_factory=set)
    placed: dict[bytes, list[_Written]] = field(default_factory=dict)

    def read(self, kind: int, rest: list[Any]) -> None:
        if kind in (OPERATION, COPY) and rest[0] in self.wrote:
            self._place(self.wrote[rest[0]], *rest[-4:])
        elif kind == LATER_VERDICT and rest[1] == ACCEPTED:
            self._accept(self.placed.get(rest[0], []))
        elif kind == REVOCATION:
            self.withdrawn[rest[0]] = "revoked"
        elif kind == FREEZE:
            self.withdrawn[rest[0]] = "frozen"
        elif kind == CLOSING:
            self.closing = rest[0], rest[1]

    def _place(self, each: _Written, verdict: int, code: str, effective: int, at: int) -> None:
        due, stamp = self._doorway(each, at), each.header.stamp
        require(effective == min(stamp, at + CLOCK_LEAD_MS), 3, "another stamp counts")
        if each.identity not in self.accepted and code not in BEFORE_IT:
            left = code == "closed" and each.may_have_left and self.closing is not None
            fits = left or (code == due if due else code not in DOORWAY)
            require(fits, 8, f"what should be {due or 'believed'} is {code or 'accepted'}")
        if verdict == ACCEPTED:
            self.accepted.add(each.identity)
        self.placed.setdefault(each.identity, []).append(each)

    def _doorway(self, each: _Written, at: int) -> str:
        """Why what arrives now waits for the county, "" where it does not."""
        for who in (each.enrolment, each.header.replica):
            if who in self.withdrawn:
                return self.withdrawn[who]
        if each.header.flags & AFTER_CLOSING:
            return "closed"
        if self.closing is None:
            return ""
        until, closed_at = self.closing
        if each.header.stamp > closed_at + CLOCK_LEAD_MS:
            return "closed"
        return "late" if at > until else ""

    def _accept(self, copies: list[_Written]) -> None:
        """A later verdict: by itself the hub gives it to nobody whom it believes no more."""
        whose = [(each.enrolment, each.header.replica) for each in copies]
        is_believed = any(not (self.withdrawn.keys() & set(who)) for who in whose)
        by_county = any(each.root in self.believed for each in copies)
        require(is_believed or by_county or not copies, 8, "one who is not believed is accepted")
        self.accepted |= {each.identity for each in copies}
