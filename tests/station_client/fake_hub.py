"""A small hub in memory, made of the protocol's own functions: enough of one to exchange with.

It accepts what it is given unless told otherwise, keeps one log a channel, and can be made to fail
on the way there or back. The real hub is used by the tests of whole paths.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from msgspec.structs import replace

from station_client.errors import StationError
from sync_protocol import (
    agree,
    channel,
    crypto,
    enrol,
    exchange,
    limits,
    lost,
    operations,
    pull,
    push,
    snapshot,
)
from sync_protocol.channel import EpochEntry, PlaceEntry, Verdict
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
    epoch: bytes = EPOCH
    covered: int = 0
    parts_of: int = 2
    frozen: set[bytes] = field(default_factory=set)
    unknown: list[StationError] = field(default_factory=list)
    retired: set[bytes] = field(default_factory=set)
    reports: list[exchange.Report] = field(default_factory=list)
    requests: list[exchange.Request] = field(default_factory=list)
    codes: dict[bytes, enrol.Code] = field(default_factory=dict)
    version: int = 2
    newest: int = 0
    countersigned: set[tuple[bytes, channel.Cursor]] = field(default_factory=set)
    is_down: Callable[[], object] = lambda: False

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
        opened, sender = self._open(data)
        request = opened.request
        self.requests.append(request)
        self.reports.append(request.report)
        standing = "frozen" if sender.replica in self.frozen else self.standing
        taken = [] if standing else [self._read(each) for each in request.said.stretches]
        if not standing:
            self._give(request.said.bodies)
            for run in request.runs:
                self._take(run, sender)
        if request.said.farewell and self._is_level(request):
            self.retired.add(sender.replica)
        pages = [] if standing else [self._page(opened, each) for each in request.cursors]
        if sender.replica in self.retired:
            standing, pages = "retired", [self._end(each.cursor) for each in request.cursors]
        reply = exchange.Reply(
            version=self.version,
            request_digest=opened.digest,
            hub_time=self.clock(),
            standing=standing,
            pages=pages,
            bodies=[b for b in map(self._body, request.wants) if b is not None],
            lacks=[d for d in self._digests() if self._body(d) is None],
            certificate=self._certificate(sender) if opened.introduced else None,
            taken=taken,
            snapshot=self._part(request.said.snapshot),
            newest=max(self.newest, request.number),
            epoch=self.epoch if request.said.stretches else b"",
        )
        self._lost()
        return exchange.seal_reply(reply, self.keys, sender.replica, sender.sealing)

    # --- what a test tells it ---

    @contextmanager
    def cut_off(self, when: Callable[[], object]) -> Iterator[None]:
        """The line goes down once this is so, and is up again in the end."""
        self.is_down = when
        yield
        self.is_down = lambda: False

    def after(self, exchanges: int) -> Callable[[], bool]:
        """Whether so many more have come."""
        end = len(self.requests) + exchanges
        return lambda: len(self.requests) >= end

    def know(self, station: Any) -> None:
        """Enrol a station that was built enrolled."""
        self.replicas[station.keys.replica] = station.keys.public

    def new_code(self) -> str:
        code = enrol.new_code(crypto.digest(b"t", bytes([len(self.codes)]))[:10], self.keys.public)
        self.codes[code.id] = code
        return code.text()

    def restore(self, to: bytes, kept: int) -> None:
        """Forget what came after that position; a new epoch says so."""
        log = self.logs[to]
        del log[kept:]
        digest = log[-1].digest if log else channel.first_digest(to)
        old, self.epoch = self.epoch, crypto.digest(b"epoch", self.epoch)[:16]
        self.append(to, EpochEntry(old, kept, digest, self.clock()))
        self.chains, self.names, self.hub_seq = {}, {}, 0
        for each in log:
            if each.operation is not None:
                header, name = each.operation.header, each.operation.name
                head = self.chains.get(header.replica, operations.empty_head(header.replica))
                link = operations.next_link(head.link, name)
                self.chains[header.replica] = operations.Head(header.replica, header.seq, link)
                self.names.setdefault(header.replica, {})[header.seq] = name

    def lose_body(self, to: bytes, position: int) -> bytes:
        """An operation's body; from now on the hub lacks it."""
        stored = self.logs[to][position - 1]
        assert stored.operation is not None
        assert stored.operation.body is not None
        self.logs[to][position - 1] = replace(
            stored, operation=replace(stored.operation, body=None)
        )
        return stored.operation.body

    def write(
        self, kind: str, record: bytes, writes: list[Write], *, to: bytes = STATION
    ) -> Operation:
        """The county writes in a channel."""
        replica = crypto.digest(b"bianmin/hub-replica", self.keys.public.id, to, self.epoch)[:16]
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
        if self.is_down():
            raise StationError("transport.down")
        if self.fail:
            raise StationError(self.fail.pop(0))

    def _lost(self) -> None:
        if self.lose_reply:
            self.lose_reply = False
            raise StationError("transport.cut_short")

    def _take(self, run: operations.Run, sender: enrol.ReplicaPublic) -> None:
        replica = sender.replica
        head = self.chains.get(replica, operations.empty_head(replica))
        names = self.names.setdefault(replica, {})
        known = push.KnownChain(head, None, {seq: (name,) for seq, name in names.items()})
        records = push.Records(accepted=self._created())
        accepted = {
            each.operation.identity: channel.Standing(Verdict.ACCEPTED, "")
            for each in self.logs.get(STATION, [])
            if each.operation is not None
            and isinstance(entry := channel.read_entry(each.data), PlaceEntry)
            and entry.verdict == Verdict.ACCEPTED
        }
        door = push.Doorway(standings=accepted)
        read, now = push.read_run(run), self.clock()
        taken = push.take_run(read, sender.signing, known, door, records, self.judge, now)
        for each in taken.decisions:
            self.append(STATION, each.entry, each.operation)
            self.names[replica][each.operation.header.seq] = each.operation.name
        self.chains[replica] = taken.head

    def _created(self) -> set[bytes]:
        log = self.logs.get(STATION, [])
        return {each.operation.header.record for each in log if each.operation is not None}

    def _page(self, opened: exchange.Opened, signed: agree.Countersigned) -> pull.Page:
        cursor = signed.cursor
        log = self.logs.get(cursor.channel, [])
        here = log[cursor.position - 1].digest if 0 < cursor.position <= len(log) else None
        if cursor.position == 0:
            here = channel.first_digest(cursor.channel)
        if not agree.same_history(cursor, here):
            digest = log[-1].digest if log else channel.first_digest(cursor.channel)
            end = channel.Cursor(cursor.channel, self.epoch, len(log), digest)
            receipt = agree.sign_receipt(self.keys.signing, end, self.clock())
            shown = [each.cursor for each in opened.request.said.receipts]
            why = pull.LOST if cursor in shown else pull.SHOW_RECEIPT
            return pull.Page(
                cursor, [], receipt, len(log), parted=why, epochs=self._epochs(cursor.channel)
            )
        is_end = (cursor.epoch, cursor.position) == (self.epoch, len(log))
        if signed.signature:
            self.countersigned.add((opened.sender, cursor))
        elif is_end and (opened.sender, cursor) in self.countersigned:
            return pull.Page(cursor, [], None, len(log), self.covered)
        budget = min(self.page_budget, opened.request.budget_bytes)
        items, end = pull.make_page(cursor, log[cursor.position :], self._reader(opened), budget)
        end = channel.Cursor(end.channel, self.epoch, end.position, end.digest)
        receipt = agree.sign_receipt(self.keys.signing, end, self.clock())
        epochs = [] if cursor.position else self._epochs(cursor.channel)
        return pull.Page(cursor, items, receipt, len(log), self.covered, epochs=epochs)

    def _is_level(self, request: exchange.Request) -> bool:
        log = self.logs.get(STATION, [])
        end = (log[-1].position, log[-1].digest) if log else None
        return any(each.cursor.end == end for each in request.cursors)

    def _end(self, cursor: channel.Cursor) -> pull.Page:
        """Nothing but how far the backups reach, for a PC that has left."""
        receipt = agree.sign_receipt(self.keys.signing, cursor, self.clock())
        return pull.Page(cursor, [], receipt, len(self.logs.get(cursor.channel, [])), self.covered)

    def _open(self, data: bytes) -> tuple[exchange.Opened, enrol.ReplicaPublic]:
        replica = exchange.sender_of(data)
        if replica in self.replicas:
            opened = exchange.open_request(data, self.keys, self.replicas[replica].signing)
            return opened, self.replicas[replica]
        if self.unknown:
            raise self.unknown.pop()
        opened = exchange.open_introduced(data, self.keys)
        assert opened.introduced is not None
        self.replicas[replica] = opened.introduced.keys
        return opened, opened.introduced.keys

    def _certificate(self, sender: enrol.ReplicaPublic) -> tuple[bytes, bytes]:
        number = list(self.replicas).index(sender.replica) + 1
        certificate = desk.a_certificate(self.keys, _Known(sender), device_number=number)
        body = enrol.envelope.pack(certificate)
        return body, crypto.sign(self.keys.signing, b"bianmin/certificate", body)

    def _reader(self, opened: exchange.Opened) -> pull.Reader:
        own, names = opened.request.own, self.names.get(opened.sender, {})
        head = operations.empty_head(opened.sender)
        for seq in range(1, own.seq + 1 if own else 1):
            head = operations.Head(
                head.replica, seq, operations.next_link(head.link, names.get(seq, b""))
            )
        agreed = own.seq if own and own.link == head.link else 0
        runs = [push.read_run(run) for run in opened.request.runs]
        sent = {each.name for run in runs for each in run.operations}
        return pull.Reader(opened.sender, agreed, frozenset(sent))

    def _epochs(self, to: bytes) -> list[bytes]:
        return [
            each.data
            for each in self.logs.get(to, [])
            if isinstance(channel.read_entry(each.data), EpochEntry)
        ]

    def _read(self, stretch: lost.Stretch) -> channel.Cursor:
        to = stretch.base.channel
        for each in lost.read_stretch(stretch, self.keys.public.signing):
            here = {e.operation.name for e in self.logs[to] if e.operation is not None}
            if each.operation is not None and each.operation.name not in here:
                header = each.operation.header
                assert isinstance(each.entry, PlaceEntry)
                self.append(to, each.entry, each.operation)
                self.names.setdefault(header.replica, {})[header.seq] = each.operation.name
                head = self.chains.get(header.replica, operations.empty_head(header.replica))
                link = operations.next_link(head.link, each.operation.name)
                self.chains[header.replica] = operations.Head(header.replica, header.seq, link)
        return stretch.receipt.cursor

    def _operations(self) -> list[Operation]:
        return [e.operation for log in self.logs.values() for e in log if e.operation is not None]

    def _digests(self) -> list[bytes]:
        return [each.body_digest for each in self._operations() if each.body is None]

    def _body(self, digest: bytes) -> bytes | None:
        found = [each.body for each in self._operations() if each.body_digest == digest]
        return next((each for each in found if each is not None), None)

    def _give(self, bodies: list[bytes]) -> None:
        given = {operations.digest_of_body(body): body for body in bodies}
        for log in self.logs.values():
            for at, each in enumerate(log):
                if each.operation is not None and each.operation.body_digest in given:
                    body = given[each.operation.body_digest]
                    log[at] = replace(each, operation=replace(each.operation, body=body))

    def _part(self, ask: snapshot.SnapshotAsk | None) -> snapshot.SnapshotPart | None:
        """Every operation counts as live: what a snapshot leaves out is given by a test."""
        if ask is None or not self.covered or not self.logs.get(ask.channel):
            return None
        log = self.logs[ask.channel]
        covered = min(self.covered, len(log))
        position = ask.position or covered
        if position > covered:
            return None
        by_record: dict[bytes, list[snapshot.PlacedOperation]] = {}
        for each in log[:position]:
            entry = channel.read_entry(each.data)
            if each.operation is not None and isinstance(entry, PlaceEntry):
                o = each.operation
                placed = snapshot.PlacedOperation(
                    o.header_bytes,
                    o.body,
                    None if o.body else o.body_digest,
                    each.position,
                    entry.verdict,
                    entry.code,
                    entry.effective,
                    entry.at,
                )
                by_record.setdefault(o.header.record, []).append(placed)
        todo = [record for record in sorted(by_record) if record > ask.after]
        chosen = todo[: self.parts_of]
        cursor = channel.Cursor(ask.channel, self.epoch, position, log[position - 1].digest)
        return snapshot.SnapshotPart(
            agree.sign_receipt(self.keys.signing, cursor, self.clock()),
            ask.after,
            [snapshot.SnapshotRecord(each, by_record[each], [], []) for each in chosen],
            chosen[-1] if len(todo) > len(chosen) else b"",
            len(by_record),
            [] if ask.after else self._epochs(ask.channel),
            b"",
        )


@dataclass(frozen=True)
class _Known:
    public: enrol.ReplicaPublic


def _as_keys(asked: enrol.Asked) -> Any:
    return _Known(asked.request.keys)
