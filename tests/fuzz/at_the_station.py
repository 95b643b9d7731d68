"""A real station, and a hub that lies to it: with a good key, under digests and receipts that fit.

What it is told may be kept; the exchange ends with a code or well, and the desk goes on: what it
shows can still be shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import msgspec

import forms
from station_client.errors import StationError
from station_client.services.carry_courier import read_reply, write_request
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.find_items import find_items
from station_client.services.list_applications import list_applications
from station_client.services.list_clerks import list_clerks
from station_client.services.list_conflicts import list_conflicts
from station_client.services.list_marked import list_marked
from station_client.services.read_ledger import read_ledger
from station_client.services.read_status import read_status
from station_client.services.record_entry import record_entry
from station_client.services.show_case import show_case
from station_client.station import Station
from sync_protocol import channel, courier, envelope, limits, operations, pull
from sync_protocol.channel import Verdict
from sync_protocol.envelope import Kind
from sync_protocol.errors import PeerFault
from sync_protocol.exchange import Reply
from sync_protocol.operations import Header, Operation, Write
from sync_protocol.pull import LOST, SHOW_RECEIPT
from sync_protocol.snapshot import SnapshotPart
from tests.fuzz.leaks import Reader
from tests.fuzz.mutations import lied, mutated
from tests.station_client.desk import Clock, a_helper_case, a_station
from tests.station_client.fake_hub import REGION, STATION, FakeHub

ENTRIES_AT_MOST = 60
"""In one channel; then there is a new station, or each exchange would be slower than the last."""


@dataclass
class LyingHub:
    """The fake hub, whose replies are changed on their way out as `lies` says, and signed anew."""

    hub: FakeHub
    station: Station | None = None
    lies: Random | None = None

    def fetch_card(self) -> bytes:
        return self.hub.fetch_card()

    def enrol(self, data: bytes) -> bytes:
        return self.hub.enrol(data)

    def exchange(self, data: bytes) -> bytes:
        reply = self.hub.exchange(data)
        if self.lies is None:
            return reply
        assert self.station is not None
        keys = self.station.keys
        sent = envelope.parse(reply, Kind.REPLY, limits.REPLY_BYTES)
        payload = self._with_more(envelope.open_sealed(sent, keys.replica, keys.sealing))
        how = self.lies.choice([lied, lied, mutated])
        return envelope.wrap(
            self._named(how(payload, [payload], self.lies), payload),
            Kind.REPLY,
            sender=self.hub.keys.public.id,
            signing=self.hub.keys.signing,
            receiver=keys.replica,
            sealing_public=keys.public.sealing,
        )

    def _with_more(self, payload: bytes) -> bytes:
        """With what a reply rarely says, each now and then."""
        assert self.lies is not None
        assert self.station is not None
        reply, dice = envelope.unpack(payload, Reply), self.lies
        identity = self.station.identity
        cursors = [each.base for each in reply.pages]
        part = SnapshotPart(reply.pages[0].receipt, b"", [], b"", 0, [], b"") if cursors else None
        said: dict[str, Any] = {
            "standing": dice.choice(["frozen", "revoked", "retired", "closed", "", "?"]),
            "certificate": (identity.certificate, identity.signature),
            "taken": cursors,
            "lacks": [dice.randbytes(32)],
            "bodies": BODIES[:1],
            "snapshot": part,
            "pages": [
                msgspec.structs.replace(
                    each, parted=dice.choice([SHOW_RECEIPT, LOST, "?"]), items=[]
                )
                for each in reply.pages
            ],
        }
        chosen = {name: value for name, value in said.items() if dice.random() < 0.2}
        return envelope.pack(msgspec.structs.replace(reply, **chosen))

    def _named(self, changed: bytes, payload: bytes) -> bytes:
        """As the answer to this very request, or it would not be looked at."""
        with suppress(PeerFault):
            digest = envelope.unpack(payload, Reply).request_digest
            reply = envelope.unpack(changed, Reply)
            return envelope.pack(msgspec.structs.replace(reply, request_digest=digest))
        return changed


class Place:
    """One station and its hub at a time."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._count = self._seq = 0
        self._start()

    def _start(self) -> None:
        self._count += 1
        self.clock = Clock()
        self.hub = FakeHub(self.clock)
        self.line = LyingHub(self.hub)
        folder = self._folder / f"station{self._count}"
        self.station = a_station(folder, hub=self.hub.keys, clock=self.clock, transport=self.line)
        self.line.station = self.station
        self.hub.know(self.station)

    def close(self) -> None:
        self.station.close()

    def read_lies(self, seed: bytes) -> None:
        """An exchange whose reply is a lie made from this seed, or the truth without one."""
        record_entry(self.station, "helper_case", a_helper_case())
        self.hub.publish(1)
        self.line.lies = Random(seed) if any(seed) else None
        self._exchange()

    def read_operation(self, body: bytes) -> None:
        """An exchange that brings an accepted operation with this body."""
        header = self._header()
        operation = operations.received(operations.header_bytes(header), body)
        self._tell(operation)

    def read_header(self, data: bytes) -> None:
        """The same for a header; its record is a new one each time, or it would only grow."""
        header = operations.read_header(data)
        fresh = msgspec.structs.replace(header, record=self._header().record)
        operation = operations.received(operations.header_bytes(fresh), BODIES[0])
        self._tell(operation)

    def read_entry(self, data: bytes) -> None:
        """An exchange that brings this entry."""
        channel.read_entry(data)  # a hub that refuses it itself is no liar
        log = self.hub.logs.setdefault(STATION, [])
        before = log[-1].digest if log else channel.first_digest(STATION)
        digest = channel.next_digest(before, data)
        log.append(pull.StoredEntry(len(log) + 1, data, digest, None))
        self._exchange()

    def read_courier(self, data: bytes) -> None:
        read_reply(self.station, data)

    def courier_reply(self) -> bytes:
        return courier.frame(self.hub.exchange(courier.unframe(write_request(self.station))))

    def _header(self) -> Header:
        self._seq += 1
        record = self._seq.to_bytes(16, "big")
        kind = KINDS[self._seq % len(KINDS)]
        return Header(1, b"h" * 16, self._seq, self.clock(), b"o" * 16, record, kind, 1)

    def _tell(self, operation: Operation) -> None:
        place = channel.place(
            operation.name,
            operation.identity,
            int(Verdict.ACCEPTED),
            "",
            operation.header.stamp,
            self.clock(),
        )
        to = REGION if operation.header.kind == "catalogue_item" else STATION
        self.hub.append(to, place, operation)
        self._exchange()
        with suppress(StationError):  # what is no case cannot be shown as one
            show_case(self.station, operation.header.record)

    def _exchange(self) -> None:
        try:
            exchange_with_hub(self.station)
        finally:
            self.line.lies = None
            self._show_everything()
            has_parted = any(each.parted for each in self.station.store.channels.all())
            if has_parted or len(self.hub.logs.get(STATION, ())) > ENTRIES_AT_MOST:
                self.close()
                self._start()

    def _show_everything(self) -> None:
        """What the pages show."""
        read_status(self.station)
        read_ledger(self.station, None, None, "", 50, 0)
        find_items(self.station, "社会")
        list_conflicts(self.station)
        list_marked(self.station, 20)
        list_applications(self.station)
        list_clerks(self.station)


KINDS = forms.builtin().names()


def _body(writes: Iterable[Write]) -> bytes:
    header = Header(1, b"h" * 16, 1, 1, b"o" * 16, b"r" * 16, "clerk", 1)
    body = operations.compose(header, bytes(16), list(writes)).body
    assert body is not None
    return body


def _values() -> Iterable[dict[str, Any]]:
    yield a_helper_case()
    yield {"name": "李娟", "active": True}
    yield {"department": "县人社局", "item_name": "社会保障卡申领", "item_code": "001"}
    yield {**a_helper_case(), "special_group": ["elderly"], "question": "异地", "answer": "可以"}


BODIES = [_body([Write(k, v) for k, v in {**each, "alive": ""}.items()]) for each in _values()]
HEADERS = [
    operations.header_bytes(Header(1, b"h" * 16, 1, 1, b"o" * 16, b"r" * 16, kind, 1))
    for kind in KINDS
]


def _a_seed(data: bytes, others: object, dice: Random) -> bytes:
    return dice.randbytes(8)


def readers(place: Place, entries: list[bytes]) -> Iterable[Reader]:
    # First: it answers the station that is there now.
    yield Reader("station, courier file", place.read_courier, [place.courier_reply()], share=0.5)
    yield Reader("station, reply", place.read_lies, [bytes(8)], _a_seed, share=0.2)
    yield Reader(
        "station, operation's body by meaning", place.read_operation, BODIES, lied, share=0.2
    )
    yield Reader("station, operation's body by bytes", place.read_operation, BODIES, share=0.1)
    yield Reader("station, operation's header", place.read_header, HEADERS, lied, share=0.1)
    yield Reader("station, entry by meaning", place.read_entry, entries, lied, share=0.1)
