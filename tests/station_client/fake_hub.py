"""A small hub in memory, made of the protocol's own functions: enough of one to exchange with.

It accepts what it is given unless told otherwise, keeps one log a channel, and can be made to fail
on the way there or back. The real hub is used by the tests of whole paths.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from station_client.errors import StationError
from sync_protocol import agree, channel, crypto, enrol, exchange, limits, operations, pull, push
from sync_protocol.channel import Verdict
from sync_protocol.enrol import HubKeys
from sync_protocol.operations import ALIVE, Header, Operation, Write
from tests.station_client import desk

STATION, REGION, EPOCH = b"c" * 16, b"r" * 16, b"p" * 16


def accept_all(operation: Operation, writes: tuple[Write, ...], creates: bool) -> push.Judgement:
    return Verdict.ACCEPTED, ""


@dataclass
class FakeHub:
    """One county with one station. `clock` is its time; `judge` decides about operations."""

    clock: Callable[[], int]
    keys: HubKeys = field(default_factory=desk.new_hub_keys)
    judge: push.Judge = accept_all
    standing: str = ""
    page_budget: int = 1024 * 1024
    fail: list[str] = field(default_factory=list)
    lose_reply: bool = False
    replicas: dict[bytes, enrol.ReplicaPublic] = field(default_factory=dict)
    logs: dict[bytes, list[pull.StoredEntry]] = field(default_factory=dict)
    chains: dict[bytes, operations.Head] = field(default_factory=dict)
    names: dict[bytes, dict[int, bytes]] = field(default_factory=dict)
    hub_seq: int = 0
    reports: list[exchange.Report] = field(default_factory=list)
    requests: list[exchange.Request] = field(default_factory=list)
    codes: dict[bytes, enrol.Code] = field(default_factory=dict)

    # --- what a station's transport calls ---

    def fetch_card(self) -> bytes:
        self._way("card")
        return enrol.hub_card(self.keys, "示例县")

    def enrol(self, data: bytes) -> bytes:
        self._way("enrol")
        asked = enrol.read_ask(data, self.keys, limits.REQUEST_BYTES)
        code = self.codes[asked.request.code_id]
        enrol.prove(asked, code.key, self.keys.public)
        self.replicas[asked.request.keys.replica] = asked.request.keys
        number = list(self.replicas).index(asked.request.keys.replica) + 1
        certificate = desk.a_certificate(self.keys, _as_keys(asked), device_number=number)
        reply = enrol.grant(asked, self.keys, code.key, certificate, self.clock())
        self._lost()
        return reply

    def exchange(self, data: bytes) -> bytes:
        self._way("exchange")
        sender = self.replicas[exchange.sender_of(data)]
        opened = exchange.open_request(data, self.keys, sender.signing)
        self.requests.append(opened.request)
        self.reports.append(opened.request.report)
        if not self.standing:
            for run in opened.request.runs:
                self._take(run, sender)
        pages = (
            [] if self.standing else [self._page(opened, c.cursor) for c in opened.request.cursors]
        )
        reply = exchange.Reply(1, opened.digest, self.clock(), self.standing, pages, [], [])
        self._lost()
        return exchange.seal_reply(reply, self.keys, sender.replica, sender.sealing)

    # --- what a test tells it ---

    def know(self, station: Any) -> None:
        """Enrol a station that was built enrolled."""
        self.replicas[station.keys.replica] = station.keys.public

    def new_code(self) -> str:
        code = enrol.new_code(crypto.digest(b"t", bytes([len(self.codes)]))[:10], self.keys.public)
        self.codes[code.id] = code
        return code.text()

    def write(
        self, kind: str, record: bytes, writes: list[Write], *, to: bytes = STATION
    ) -> Operation:
        """The county writes in a channel."""
        replica = crypto.digest(b"bianmin/hub-replica", self.keys.public.id, to, EPOCH)[:16]
        self.hub_seq += 1
        header = Header(1, replica, self.hub_seq, self.clock(), b"o" * 16, record, kind, 1)
        operation = operations.compose(header, bytes(16), writes)
        verdict = int(Verdict.ACCEPTED)
        entry = channel.OperationEntry(operation.identity, verdict, "", header.stamp, self.clock())
        self.append(to, entry, operation)
        return operation

    def publish(self, count: int) -> None:
        """That many catalogue items in the region's channel."""
        for number in range(count):
            values = {
                "department": "县人社局",
                "item_name": f"社会保障卡申领{number}",
                "item_code": f"00{number:04d}",
                ALIVE: "",
            }
            record = number.to_bytes(16, "big")
            self.write(
                "catalogue_item", record, [Write(k, v) for k, v in values.items()], to=REGION
            )

    def append(self, to: bytes, entry: channel.Entry, operation: Operation | None = None) -> None:
        log = self.logs.setdefault(to, [])
        data = channel.entry_bytes(entry)
        before = log[-1].digest if log else channel.first_digest(to)
        digest = channel.next_digest(before, data)
        log.append(pull.StoredEntry(len(log) + 1, data, digest, operation))

    # --- its own steps ---

    def _way(self, what: str) -> None:
        if self.fail:
            raise StationError(self.fail.pop(0))

    def _lost(self) -> None:
        if self.lose_reply:
            self.lose_reply = False
            raise StationError("transport.cut_short")

    def _take(self, run: operations.Run, sender: enrol.ReplicaPublic) -> None:
        replica = sender.replica
        head = self.chains.get(replica, operations.empty_head(replica))
        known = push.KnownChain(head, None, self.names.setdefault(replica, {}))
        records = push.Records(accepted=self._created())
        taken = push.take_run(
            run, sender.signing, known, push.Doorway(), records, self.judge, self.clock()
        )
        for each in taken.decisions:
            self.append(STATION, each.entry, each.operation)
            self.names[replica][each.operation.header.seq] = each.operation.name
        self.chains[replica] = taken.head

    def _created(self) -> set[bytes]:
        log = self.logs.get(STATION, [])
        return {each.operation.header.record for each in log if each.operation is not None}

    def _page(self, opened: exchange.Opened, cursor: channel.Cursor) -> pull.Page:
        log = self.logs.get(cursor.channel, [])
        here = log[cursor.position - 1].digest if 0 < cursor.position <= len(log) else None
        if cursor.position == 0:
            here = channel.first_digest(cursor.channel)
        if not agree.same_history(cursor, here):
            receipt = agree.sign_receipt(self.keys.signing, cursor, self.clock())
            return pull.Page(cursor, [], receipt, len(log), parted=pull.SHOW_RECEIPT)
        reader = pull.Reader(opened.sender, opened.request.own_seq)
        budget = min(self.page_budget, opened.request.budget_bytes)
        items, end = pull.make_page(cursor, log[cursor.position :], reader, budget)
        receipt = agree.sign_receipt(self.keys.signing, end, self.clock())
        return pull.Page(cursor, items, receipt, len(log))


@dataclass(frozen=True)
class _Known:
    public: enrol.ReplicaPublic


def _as_keys(asked: enrol.Asked) -> Any:
    return _Known(asked.request.keys)
