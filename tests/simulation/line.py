"""The line between a desk and the county: it loses, delays, repeats, cuts and garbles; a portal
answers in the hub's place, and the hub may die at any statement of its answer.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

from msgspec.structs import replace

from hub_server.errors import HubError
from hub_server.services.answer_exchange import answer_exchange
from station_client.errors import StationError
from sync_protocol import envelope
from sync_protocol.envelope import Kind
from sync_protocol.errors import PeerFault
from sync_protocol.exchange import Reply, seal_reply
from sync_protocol.limits import REPLY_BYTES
from tests.simulation.cast import Pc
from tests.simulation.crashes import STATEMENTS, Fault, PowerCut, full_disk, struck_by
from tests.simulation.promises import Violation, require

if TYPE_CHECKING:
    from tests.simulation.world import World

REQUESTS_AT_MOST = 60
"""In one exchange: a page holds at least one entry, and no history has so many."""
PORTAL = b"<html><body>Please log in</body></html>"

TROUBLES = (
    "none", "none", "none", "request lost", "request late", "request twice", "request cut",
    "request garbled", "reply lost", "reply cut", "reply garbled", "portal", "old reply",
    "old reply", "hub crash", "hub crash", "hub full",
)  # fmt: skip


@dataclass
class Line:
    """What a PC's program sends through. `troubles`: what happens to its next requests;
    `meanwhile`: what is done while they are under way; `delivered`: the last reply that came;
    `requests`: how many this exchange made."""

    world: "World"
    pc: Pc
    troubles: list[str]
    dice: Random
    delivered: bytes = b""
    meanwhile: list[Callable[[], None]] = field(default_factory=list)
    requests: int = 0

    def fetch_card(self) -> bytes:
        raise AssertionError("everybody is enrolled")

    def enrol(self, data: bytes) -> bytes:
        raise AssertionError("everybody is enrolled")

    def exchange(self, data: bytes) -> bytes:
        self.requests += 1
        require(self.requests <= REQUESTS_AT_MOST, 4, "an exchange never comes to an end")
        trouble = self.troubles.pop(0) if self.troubles else "none"
        self.world.sent(self.pc, data)
        if self.meanwhile:
            self.meanwhile.pop()()
        if trouble != "none":
            self.world.count(trouble)
        self.delivered = self._carried(data, trouble)
        self.world.count("reply received")
        return self.delivered

    def _carried(self, data: bytes, trouble: str) -> bytes:
        """The reply that reaches the PC. StationError for what its program would be told."""
        if trouble.startswith("request"):
            return self._request_in_trouble(data, trouble)
        if trouble in ("hub crash", "hub full"):
            return self._hub_in_trouble(data, trouble)
        if trouble == "portal":
            return PORTAL
        older = list(self.world.answered.get(self.pc, ()))
        reply = self._answered(data)
        if trouble == "reply lost":
            raise StationError("transport.cut_short")
        if trouble == "reply garbled" and self.dice.random() < 0.5:
            return self._forged(reply)
        if trouble in ("reply cut", "reply garbled"):
            return damaged(reply, trouble, self.dice)
        return older[-self.dice.randint(1, 2) :][0] if trouble == "old reply" and older else reply

    def _forged(self, data: bytes) -> bytes:
        """Sealed by the hub, and not what it says: a receipt that it did not sign, or a page that
        lacks its last entry."""
        sent = envelope.parse(data, Kind.REPLY, REPLY_BYTES)
        world, receiver = self.world, sent.receiver
        keys = self.pc.keys_of(receiver)
        reply = envelope.unpack(envelope.open_sealed(sent, receiver, keys.sealing), Reply)
        pages = []
        for page in reply.pages:
            if page.items and self.dice.random() < 0.5:
                page = replace(page, items=page.items[:-1])
            elif page.receipt is not None:
                receipt = replace(page.receipt, signature=self.dice.randbytes(64))
                world.forged.add(receipt.signature)
                page = replace(page, receipt=receipt)
            pages.append(page)
        if pages == reply.pages:
            return damaged(data, "reply garbled", self.dice)
        return seal_reply(
            replace(reply, pages=pages), world.hub.keys, receiver, keys.public.sealing
        )

    def _answered(self, data: bytes) -> bytes:
        try:
            return self.world.at_hub(self.pc, data)
        except HubError as told:
            raise StationError("transport.refused", hub_code=told.code, message="") from told

    def _request_in_trouble(self, data: bytes, trouble: str) -> bytes:
        if trouble == "request twice":
            self._answered(data)
            return self._answered(data)
        if trouble in ("request cut", "request garbled"):
            self._refused(damaged(data, trouble, self.dice))
            raise StationError("transport.refused", hub_code="envelope.signature", message="")
        if trouble == "request late":
            self.world.late.append((self.pc, data))
        raise StationError("transport.timeout")

    def _refused(self, data: bytes) -> None:
        try:
            answer_exchange(self.world.hub, data)
        except (PeerFault, HubError):
            return
        raise Violation(7, "damaged bytes were taken")

    def _hub_in_trouble(self, data: bytes, trouble: str) -> bytes:
        """The hub dies, or its disk is full, at some statement of its answer."""
        at, after = self.dice.randint(1, STATEMENTS), self.dice.random() < 0.5
        fault = Fault(at, PowerCut, after) if trouble == "hub crash" else full_disk(at // 3)
        try:
            with struck_by(fault, self.world.hub.store._database):
                reply = answer_exchange(self.world.hub, data)
        except PowerCut:
            self.world.restart_hub()
            raise StationError("transport.down") from None
        except HubError as told:
            is_known = told.code in ("hub.disk_full", "replica.unknown")
            require(is_known, 0, f"a full disk is told as {told.code}")
            raise StationError("transport.refused", hub_code=told.code, message="") from told
        self.world.note_answer(self.pc, data, reply)
        return reply


def damaged(data: bytes, how: str, dice: Random) -> bytes:
    """The bytes cut short, or one of them another."""
    at = dice.randrange(len(data))
    if how.endswith("cut"):
        return data[:at]
    return data[:at] + bytes([data[at] ^ dice.randint(1, 255)]) + data[at + 1 :]
