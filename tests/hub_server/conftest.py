"""A county on real SQLCipher, a clock that moves only when told, and a desk made of the protocol.

The desk is what a station is to the hub: keys, a chain, cursors and what it has been told. It uses
sync_protocol's own station end, so that both ends of every step are the real ones.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import uuid_utils

import forms
from forms.numbering import make_case_number
from hub_server.accounts import Account
from hub_server.app import make_hub, open_hub
from hub_server.hub import Hub
from hub_server.services.accounts import add_account
from hub_server.services.answer_exchange import answer_exchange
from hub_server.services.applications import find_by_number
from hub_server.services.decide_application import Decided, decide_application
from hub_server.services.enrol_station import enrol_station, hub_card
from hub_server.services.projection import rules_of
from hub_server.services.record_agreement import record_agreement
from hub_server.services.submit_application import submit_application
from sync_protocol import (
    channel as protocol,
)
from sync_protocol import (
    crypto,
    enrol,
    envelope,
    exchange,
    limits,
    lost,
    merge,
    mint,
    operations,
    pull,
    push,
)
from sync_protocol.channel import Verdict
from sync_protocol.lost import Stretch
from sync_protocol.merge import Act, Counts
from sync_protocol.mint import Introduction
from sync_protocol.operations import Head, Header, Operation, Write

NOON = 1_795_150_800_000  # 2026-11-20 13:00 in China
COUNTY = "140581"
PASSWORD = "correct horse battery"


@dataclass
class Clock:
    ms: int = NOON

    def __call__(self) -> int:
        return self.ms

    def forward(self, *, days: float = 0, minutes: float = 0) -> None:
        self.ms += int((days * 24 * 60 + minutes) * 60_000)


@dataclass
class Desk:
    """One PC of a station, as the protocol sees it."""

    hub: Hub
    code: enrol.Code
    keys: enrol.ReplicaKeys
    hub_public: enrol.HubPublic
    certificate: enrol.Certificate
    number: int = 0
    clerk: bytes = field(default_factory=lambda: os.urandom(16))
    written: list[Operation] = field(default_factory=list)
    acknowledged: Head | None = None
    cursors: list[protocol.Cursor] = field(default_factory=list)
    entries: list[pull.AppliedEntry] = field(default_factory=list)
    verdicts: dict[bytes, tuple[Verdict, str]] = field(default_factory=dict)
    acts: dict[bytes, list[Act]] = field(default_factory=dict)
    receipts: list[protocol.Receipt] = field(default_factory=list)
    rare: exchange.Rare | None = None

    def __post_init__(self) -> None:
        epoch = self.certificate.epoch
        self.cursors = [protocol.start_of(g.channel, epoch) for g in self.certificate.grants]
        self.acknowledged = operations.empty_head(self.keys.replica)

    @property
    def channel(self) -> bytes:
        return self.certificate.grants[0].channel

    @property
    def hub_replicas(self) -> set[bytes]:
        """What the hub wrote as in this channel, in all epochs."""
        chains = self.hub.store.chains
        return {row["replica"] for row in chains.signatures(self.channel) if row["is_hub"]}

    @property
    def head(self) -> Head:
        return operations.advance(operations.empty_head(self.keys.replica), self.written)

    @property
    def stored(self) -> int:
        """How many of its operations the hub has."""
        replica = self.keys.replica
        return self.hub.store.operations.count_of_chains([replica]).get(replica, 0)

    def write(
        self, kind: str, values: dict[str, Any], record: bytes | None = None, **header: Any
    ) -> bytes:
        """Records an operation of this desk, not sent yet; returns the record's id."""
        record = record or bytes(uuid_utils.uuid7().bytes)
        form = forms.builtin().latest(kind)
        folded = merge.fold(self.acts.get(record, []), rules_of(form), overlay=True)
        writes = [
            Write(name, value, merge.replaces(self.acts.get(record, []), folded, name))
            for name, value in {"alive": "", **values}.items()
        ]
        about = {
            "version": operations.FORMAT,
            "replica": self.keys.replica,
            "seq": len(self.written) + 1,
            "stamp": self.hub.now_ms(),
            "clerk": self.clerk,
            "record": record,
            "kind": kind,
            "form_version": form.version,
        }
        operation = operations.compose(Header(**{**about, **header}), os.urandom(16), writes)
        self.written.append(operation)
        self._know(operation, Counts.OWN, operation.header.stamp, by_hub=False)
        return record

    def payload(
        self,
        batch_bytes: int = limits.BATCH_BYTES,
        backlog: int = 0,
        rare: exchange.Rare | None = None,
        wants: Sequence[bytes] = (),
        agreed: Sequence[protocol.Cursor] = (),
        heard: int = 0,
    ) -> bytes:
        """The next request's opened contents."""
        self.number += 1
        assert self.acknowledged is not None
        rare = rare or self.rare
        report = exchange.Report("0.1.0", backlog, None, 0, 120, 10**9, 0, "")
        outbox = exchange.Outbox(self.acknowledged, self.written[self.acknowledged.seq :])
        return exchange.plan(
            self.keys,
            self.number,
            self.head,
            outbox,
            self.cursors,
            report,
            self.hub.now_ms(),
            batch_bytes,
            wants,
            rare,
            agreed,
            heard,
        ).payload

    def seal(self, payload: bytes) -> bytes:
        return exchange.seal_request(payload, self.keys, self.hub_public)

    def open(self, data: bytes, payload: bytes) -> exchange.Reply:
        digest = exchange.envelope.payload_digest(payload)
        return exchange.open_reply(data, self.keys, self.hub_public, digest)

    def exchange(
        self, batch_bytes: int = limits.BATCH_BYTES, rare: exchange.Rare | None = None
    ) -> exchange.Reply:
        """One whole exchange, the reply applied."""
        reply = self.ask(batch_bytes, rare)
        self.apply(reply)
        return reply

    def ask(
        self, batch_bytes: int = limits.BATCH_BYTES, rare: exchange.Rare | None = None
    ) -> exchange.Reply:
        """One exchange of which the reply is only read."""
        payload = self.payload(batch_bytes, rare=rare)
        return self.open(answer_exchange(self.hub, self.seal(payload)), payload)

    def introduction(self, child: enrol.ReplicaKeys | None = None) -> Introduction:
        """What this PC shows a hub that does not know it, or what ties one that it minted to it."""
        data = envelope.pack(self.certificate)
        signature = crypto.sign(self.hub.keys.signing, b"bianmin/certificate", data)
        word = mint.mint(self.keys, self.certificate.enrolment, child.public) if child else None
        return Introduction(data, signature, word)

    def minted(self, keys: enrol.ReplicaKeys | None = None) -> Desk:
        """The same PC under a new replica, which has not met the hub yet."""
        keys = keys or fresh_keys()
        told = Desk(self.hub, self.code, keys, self.hub_public, self.certificate)
        told.rare = exchange.Rare(introduction=self.introduction(keys))
        return told

    def issue_again(self, old: Operation) -> None:
        """Writes a copy of an operation of an older chain."""
        self.written.append(mint.issue_again(old, self.head))

    def go_back(self, position: int, channel: bytes | None = None) -> list[Stretch]:
        """Moves the cursor of a channel back to a position; what lay above it, as stretches."""
        at = next(i for i, c in enumerate(self.cursors) if c.channel == (channel or self.channel))
        above = [e for e in self.log(at) if e.position > position]
        below = [e for e in self.log(at) if e.position <= position]
        here = self.cursors[at].channel
        digest = below[-1].digest if below else protocol.first_digest(here)
        base = protocol.Cursor(here, self.cursors[at].epoch, position, digest)
        receipts = [r for r in self.receipts if r.cursor.channel == here]
        told = [(e.position, e.data) for e in above]
        own = {each.name: each for each in self.written}
        brought = {}
        for each in above:
            if isinstance(each.entry, protocol.PlaceEntry):
                operation = each.operation or own[each.entry.name]
                absent = operation.body_digest if operation.body is None else None
                brought[each.data] = (operation.header_bytes, operation.body, absent)
        self.cursors[at] = base
        above_here = [r for r in receipts if r.cursor.position > position]
        self.receipts = [r for r in self.receipts if r not in above_here]
        self.entries = [e for e in self.entries if e not in above]
        return [
            Stretch(start, data, receipt, [brought[e] for e in data if e in brought])
            for start, data, receipt in lost.cut_stretches(base, told, receipts)
        ]

    def log(self, at: int = 0) -> list[pull.AppliedEntry]:
        """What this PC has applied of one of its channels."""
        digest, found = protocol.first_digest(self.cursors[at].channel), []
        for each in sorted(self.entries, key=lambda e: e.position):
            if protocol.next_digest(digest, each.data) == each.digest:
                digest = each.digest
                found.append(each)
        return found

    def synchronise(self) -> None:
        """Exchanges until there is nothing left to say."""
        for _ in range(50):
            reply = self.exchange()
            done = all(page.receipt.cursor.position == page.head for page in reply.pages)
            if done and self.acknowledged == self.head:
                return
        raise AssertionError("the exchanges make no progress")

    def apply(self, reply: exchange.Reply) -> None:
        names = {each.header.seq: (each.name, each.identity) for each in self.written}
        for page in reply.pages:
            at = next(i for i, c in enumerate(self.cursors) if c.channel == page.base.channel)
            applied = pull.absorb_page(page, self.cursors[at], names, self.hub_public.signing)
            if applied is not None:
                self.cursors[at] = applied.cursor
                if applied.entries:
                    self.receipts.append(applied.receipt)
                for entry in applied.entries:
                    self._apply(entry)

    def verdict(self, seq: int) -> tuple[Verdict, str]:
        return self.verdicts[self.written[seq - 1].identity]

    def values(self, record: bytes, kind: str) -> dict[str, Any]:
        form = forms.builtin().latest(kind)
        return merge.fold(self.acts[record], rules_of(form)).values

    def _apply(self, applied: pull.AppliedEntry) -> None:
        self.entries.append(applied)
        entry = applied.entry
        if isinstance(entry, protocol.VerdictEntry):
            self.verdicts[entry.name] = (Verdict(entry.verdict), entry.code)
        if isinstance(entry, protocol.PlaceEntry):
            self.verdicts[entry.identity] = (Verdict(entry.verdict), entry.code)
            own = {each.name: each for each in self.written}
            operation = applied.operation or own[entry.name]
            if entry.name in own and self.acknowledged is not None:
                ours = self.written[: operation.header.seq]
                head = operations.advance(operations.empty_head(self.keys.replica), ours)
                if head.seq > self.acknowledged.seq:
                    self.acknowledged = head
            counts = Counts.ACCEPTED if entry.verdict == Verdict.ACCEPTED else Counts.NO
            by_hub = operation.header.replica in self.hub_replicas
            self._know(operation, counts, entry.effective, by_hub=by_hub)

    def _know(self, operation: Operation, counts: Counts, effective: int, *, by_hub: bool) -> None:
        header = operation.header
        act = Act(
            operation.identity,
            effective,
            by_hub,
            counts,
            operation.writes(),
            header.replica,
            header.clerk,
        )
        self.acts.setdefault(header.record, []).append(act)


@dataclass
class County:
    """A hub with its people, and short ways to the states that tests begin with."""

    hub: Hub
    clock: Clock
    admin: Account
    reviewer: Account
    operator: Account

    def application(self, **changes: Any) -> bytes:
        """A submitted opening; its record id."""
        number, _ = submit_application(self.hub, an_opening(**changes))
        return find_by_number(self.hub, self.reviewer, number).record

    def decide(self, record: bytes, decision: str = "approve", **more: Any) -> Decided:
        found = self.hub.store.records.find(record, "")
        assert found is not None
        given = {
            "opinion": "同意",
            "seal_image": None,
            "seen_version": self.hub.shown(found.version),
            **more,
        }
        return decide_application(self.hub, self.reviewer, record, decision, **given)

    def agree(self, record: bytes) -> None:
        record_agreement(
            self.hub, self.reviewer, record, "协2026-1", "agreement", "2026-11-01", "2029-10-31"
        )

    def open_station(self, **changes: Any) -> Decided:
        record = self.application(**changes)
        self.agree(record)
        return self.decide(record)

    def enrol(self, code_text: str, keys: enrol.ReplicaKeys | None = None) -> Desk:
        return enrol_desk(self.hub, code_text, keys)

    def desk(self, **changes: Any) -> Desk:
        """A PC of a freshly opened station."""
        decided = self.open_station(**changes)
        assert decided.code is not None
        return self.enrol(decided.code)

    def reopened(self) -> County:
        """The same hub after its process was started again."""
        self.hub.store.close()
        hub = open_hub(self.hub.home, self.clock, {})
        return County(hub, self.clock, self.admin, self.reviewer, self.operator)


def fresh_keys() -> enrol.ReplicaKeys:
    return enrol.ReplicaKeys(os.urandom(16), crypto.new_signing_key(), crypto.new_sealing_key())


def enrol_desk(hub: Hub, code_text: str, keys: enrol.ReplicaKeys | None = None) -> Desk:
    keys = keys or fresh_keys()
    code = enrol.read_code(code_text)
    card = enrol.read_hub_card(hub_card(hub), code)
    call = enrol.ask(code, card.keys, keys, "柜台一")
    reply = enrol_station(hub, call.data)
    granted = enrol.accept(reply, call, code, card.keys, keys, limits.REPLY_BYTES)
    return Desk(hub, code, keys, card.keys, granted.certificate)


def an_opening(**changes: Any) -> dict[str, Any]:
    """What an applicant writes into Annex A."""
    usual = {
        "applicant_unit": "山西银行北留支行",
        "contact_phone": "0356-2025678",
        "county": "高平市",
        "site": "北留镇商业街1号",
        "conditions": "人流量大，两名工作人员",
        "region_code": COUNTY,
        "host_type": "bank",
    }
    return {**usual, **changes}


def an_entry(**changes: Any) -> dict[str, Any]:
    """A plain line of the work ledger."""
    day = date(2026, 11, 20)
    usual = {
        "case_no": make_case_number(station_code=f"{COUNTY}001", day=day, device=1, sequence=7),
        "ledger_date": "2026-11-20",
        "station_name": "山西银行北留支行便民服务站",
        "window_name": "综合窗口",
        "dept_name": "人社局",
        "applicant_name": "李兰",
        "contact_phone": "13812345678",
        "task_name": "失业登记",
        "is_accepted": "yes",
        "promised_limit": 5,
        "case_status": "handling",
        "received_at": "09:05",
        "handler_name": "王芳",
    }
    return {**usual, **changes}


@pytest.fixture
def opening() -> Callable[..., dict[str, Any]]:
    return an_opening


@pytest.fixture
def entry() -> Callable[..., dict[str, Any]]:
    return an_entry


@pytest.fixture(scope="session")
def people() -> list[Account]:
    """Three accounts, so that each test need not hash three passwords."""
    names = ("admin", "reviewer", "operator")
    return [Account(os.urandom(16), name, name, COUNTY) for name in names]


@pytest.fixture
def county(tmp_path: Path, people: list[Account]) -> Iterator[County]:
    clock = Clock()
    hub = make_hub(tmp_path / "hub", "高平市政务服务平台", COUNTY, clock, {})
    with hub.store.writing():
        for account in people:
            hub.store.people.add(account, "no password", clock())
    yield County(hub, clock, *people)
    hub.store.close()


@pytest.fixture
def keys() -> Callable[[], enrol.ReplicaKeys]:
    return fresh_keys


@pytest.fixture
def run_of() -> Callable[..., operations.Run]:
    """A run of a desk's operations from one seq to another, signed as the desk signs."""

    def cut(desk: Desk, first: int, last: int) -> operations.Run:
        base = operations.advance(
            operations.empty_head(desk.keys.replica), desk.written[: first - 1]
        )
        return push.make_run(base, desk.written[first - 1 : last], desk.keys.signing)

    return cut


@pytest.fixture
def password(county: County) -> Account:
    """An account with a real password."""
    return add_account(county.hub, county.admin, "chen", PASSWORD, "reviewer", COUNTY)
