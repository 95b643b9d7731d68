"""The world of one history: real stores and services, a line that does what lines do, clocks that
may be wrong, power that goes.

Every step is a method and draws from its own dice, so that a step can be left out of a story
without changing what the others mean.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
import uuid_utils

from forms import ALIVE
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.services.answer_courier import answer_courier
from hub_server.services.answer_exchange import answer_exchange
from hub_server.services.applications import Kinds, list_applications
from hub_server.services.decide_application import Terms, decide_application
from hub_server.services.review_case import review_case
from station_client.errors import StationError
from station_client.services.amend_entry import amend_entry, operations_of, void_entry
from station_client.services.apply_for_change import apply_for_change
from station_client.services.carry_courier import read_reply, write_request
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.list_conflicts import Conflict, list_conflicts
from station_client.services.merged import merged
from station_client.services.record_entry import record_entry
from station_client.services.settle_conflict import settle_conflict
from station_client.services.writing import save, save_change
from station_client.store.rows import ExchangeState, RecordRow
from sync_protocol import agree, channel, courier, exchange, limits, operations
from sync_protocol.errors import PeerFault
from sync_protocol.operations import Header, Operation
from tests.scenarios.cast import COUNTY, MARKS, NEIGHBOUR, START_MS, Cast, Pc, publish, start_hub
from tests.scenarios.crashes import Fault, PowerCut, full_disk, struck_by
from tests.scenarios.onlooker import Onlooker
from tests.scenarios.rest import check_rest
from tests.simulation.casework import changes, new_values
from tests.simulation.promises import Violation, require
from tests.station_client.desk import a_case

DAY_MS = 24 * 60 * 60 * 1000
PORTAL = b"<html><body>Please log in</body></html>"
CASES = ("intake_case", "helper_case", "proxy_case")
STATEMENTS = 40
"""A fault strikes at one of so many; a whole exchange has about fifty."""

TROUBLES = (
    "none", "none", "none", "request lost", "request late", "request twice", "request cut",
    "request garbled", "reply lost", "reply cut", "reply garbled", "portal", "old reply",
    "old reply", "hub crash", "hub crash", "hub full",
)  # fmt: skip

# What a clerk may be told and nothing is wrong: the record moved on, is void, or lacks something.
TOLD = ("form.problems", "record.", "conflict.")


@dataclass
class Line:
    """What a PC's program sends through. `troubles`: what happens to its next requests."""

    world: "World"
    pc: Pc
    troubles: list[str]
    dice: Random
    delivered: bytes = b""

    def fetch_card(self) -> bytes:
        raise AssertionError("everybody is enrolled")

    def enrol(self, data: bytes) -> bytes:
        raise AssertionError("everybody is enrolled")

    def exchange(self, data: bytes) -> bytes:
        trouble = self.troubles.pop(0) if self.troubles else "none"
        self.world.sent(self.pc, data)
        self.delivered = self.world.carried(self.pc, data, trouble, self.dice)
        return self.delivered


class World:
    """One history as it goes."""

    def __init__(self, cast: Cast, folder: Path, seed: int) -> None:
        self.cast, self.folder, self.dice = cast, folder, Random(seed)
        self.now, self.hub_error_ms, self.is_upgraded = START_MS, 0, False
        self.pcs = cast.placed_in(folder)
        self.onlooker = Onlooker()
        self.lines = [Line(self, pc, [], self.dice) for pc in self.pcs]
        self.hub: Hub = self._started_hub()
        for pc, line in zip(self.pcs, self.lines, strict=True):
            pc.start(lambda: self.now, line)
        self.late: list[tuple[Pc, bytes]] = []
        self.sticks: list[tuple[Pc, bytes]] = []
        self.replies: list[tuple[Pc, bytes]] = []
        self.requests: list[tuple[Pc, bytes]] = []
        self.answered: dict[int, list[bytes]] = {}
        self.pages: dict[int, Conflict] = {}

    def _started_hub(self) -> Hub:
        clock = lambda: self.now + self.hub_error_ms  # noqa: E731
        return start_hub(self.folder, clock, is_newer=self.is_upgraded)

    def take(self, kind: str, who: int, dice: Random) -> bool:
        """One step, and whether there was anything to do."""
        self.now += dice.randint(1, 60_000)
        pc = self.pcs[who % len(self.pcs)]
        happened = STEPS[kind](self, pc, dice)
        self._look_around()
        return happened

    def _look_around(self) -> None:
        for pc, line in zip(self.pcs, self.lines, strict=True):
            self.onlooker.note_saved(pc)
            self.onlooker.check_desk(pc, line.delivered)

    def close(self) -> None:
        for pc in self.pcs:
            pc.stop()
        self.hub.store.close()

    # --- what clerks do --------------------------------------------------------------------------

    def record(self, pc: Pc, dice: Random) -> bool:
        return self._told(pc, lambda: self._record(pc, dice))

    def _record(self, pc: Pc, dice: Random) -> None:
        kind = dice.choice(CASES)
        values = a_case() if kind == "intake_case" else new_values(kind, dice)
        for name in (ALIVE, "case_no"):
            values.pop(name, None)
        record = record_entry(pc.station, kind, self._marked(pc, values, dice))
        self.onlooker.told.append((pc, record))

    def amend(self, pc: Pc, dice: Random) -> bool:
        row = self._some_case(pc, dice)
        return row is not None and self._told(pc, lambda: self._amend(pc, row, dice))

    def _amend(self, pc: Pc, row: RecordRow, dice: Random) -> None:
        wanted: dict[str, Any] = {"applicant_name": "", "remark": ""}
        if row.kind != "intake_case":
            wanted = changes(row.kind, row.values, dice)
            wanted.pop(ALIVE)
        amend_entry(pc.station, row.id, self._marked(pc, wanted, dice))

    def void(self, pc: Pc, dice: Random) -> bool:
        row = self._some_case(pc, dice)
        reason = f"录入错误{MARKS[pc.region]}"
        return row is not None and self._told(pc, lambda: void_entry(pc.station, row.id, reason))

    def overstep(self, pc: Pc, dice: Random) -> bool:
        """A program that writes what only the county may: refused, and nothing else is blocked."""
        row = self._some_case(pc, dice)
        if row is None:
            return False
        self.onlooker.note_saved(pc)
        with pc.station.store.writing():
            stored = operations_of(pc.station, row.id)
            now = merged(pc.station.forms, pc.station.keys.replica, stored)
            save_change(pc.station, stored, now, {"county_opinion": "同意"})
        return bool(self.onlooker.note_saved(pc, "author"))

    def damage(self, pc: Pc, dice: Random) -> bool:
        """A program that writes a body nobody can read."""
        row = self._some_case(pc, dice)
        if row is None:
            return False
        self.onlooker.note_saved(pc)
        with pc.station.store.writing():
            stored = operations_of(pc.station, row.id)
            head = pc.station.store.journal.own_head(pc.station.keys.replica)
            header = Header(
                1, head.replica, head.seq + 1, self.now, pc.station.clerk, row.id, row.kind, 1
            )
            sound = operations.compose(header, dice.randbytes(16), [])
            body = dice.randbytes(20)
            broken = Operation(header, sound.header_bytes, body, operations.digest_of_body(body))
            save(pc.station, head, [broken], {row.id: stored})
        return bool(self.onlooker.note_saved(pc, "body"))

    def look(self, pc: Pc, dice: Random) -> bool:
        """Opens a conflict and leaves the page open."""
        page = _some_conflict(pc, dice)
        if page is not None:
            self.pages[id(pc)] = page
        return page is not None

    def settle(self, pc: Pc, dice: Random) -> bool:
        """Chooses a side, on the page that was left open if there is one, whatever came since."""
        page = self.pages.pop(id(pc), None) or _some_conflict(pc, dice)
        if page is None:
            return False
        name = dice.choice(page.sides).name
        return self._told(
            pc, lambda: settle_conflict(pc.station, page.record, page.register, name, page.seen)
        )

    def apply(self, pc: Pc, dice: Random) -> bool:
        return self._told(pc, lambda: self._apply(pc, "station_change", dice))

    def apply_to_close(self, pc: Pc, dice: Random) -> bool:
        return self._told(pc, lambda: self._apply(pc, "station_close", dice))

    def _apply(self, pc: Pc, kind: str, dice: Random) -> None:
        values = new_values(kind, dice)
        for name in (ALIVE, "state"):
            values.pop(name, None)
        record = apply_for_change(pc.station, kind, self._marked(pc, values, dice))
        self.onlooker.told.append((pc, record))

    def _told(self, pc: Pc, act: Callable[[], object]) -> bool:
        """Whether a clerk's act was said to be done."""
        try:
            act()
        except StationError as told:
            require(told.code.startswith(TOLD), 0, f"a clerk is told {told.code}")
            return False
        return True

    def _some_case(self, pc: Pc, dice: Random) -> RecordRow | None:
        """One of three: a desk works on few at a time, and two PCs meet."""
        rows = sorted(pc.station.store.journal.records_of_kind(CASES), key=lambda each: each.id)
        return dice.choice(rows[:3]) if rows else None

    def _marked(self, pc: Pc, values: dict[str, Any], dice: Random) -> dict[str, Any]:
        """With the region's mark in what is written, and few different values."""
        text = f"王{MARKS[pc.region]}{dice.randint(1, 3)}"
        marked = {name: text for name in ("applicant_name", "remark") if name in values}
        return {**values, **marked}

    # --- the line --------------------------------------------------------------------------------

    def exchange(self, pc: Pc, dice: Random) -> bool:
        return self._exchange(pc, [], dice)

    def exchange_badly(self, pc: Pc, dice: Random) -> bool:
        return self._exchange(pc, dice.choices(TROUBLES, k=3), dice)

    def _exchange(self, pc: Pc, troubles: list[str], dice: Random) -> bool:
        line = self.lines[self.pcs.index(pc)]
        line.troubles, line.dice = troubles, dice
        asked = list(troubles)
        try:
            outcome = exchange_with_hub(pc.station)
        except StationError as told:
            is_line = told.code.startswith(("transport.", "envelope.", "reply.", "message."))
            require(is_line and any(each != "none" for each in asked), 0, f"told {told.code}")
            return True
        finally:
            line.troubles = []
        if outcome.synchronised:
            self.onlooker.check_claim(pc, line.delivered)
        return True

    def sent(self, pc: Pc, data: bytes) -> None:
        self.requests.append((pc, data))
        self.onlooker.note_sent(pc, data)

    def carried(self, pc: Pc, data: bytes, trouble: str, dice: Random) -> bytes:
        """The reply that reaches the PC. StationError for what its program would be told."""
        if trouble in ("request lost", "request late"):
            if trouble == "request late":
                self.late.append((pc, data))
            raise StationError("transport.timeout")
        if trouble in ("request cut", "request garbled"):
            self._refused_at_hub(_damaged(data, trouble, dice))
            raise StationError("transport.refused", hub_code="envelope.signature", message="")
        if trouble in ("hub crash", "hub full"):
            return self._hub_in_trouble(pc, data, trouble, dice)
        if trouble == "portal":
            return PORTAL
        older = list(self.answered.get(id(pc), ()))
        reply = self.at_hub(pc, data)
        if trouble == "request twice":
            reply = self.at_hub(pc, data)
        if trouble == "reply lost":
            raise StationError("transport.cut_short")
        if trouble in ("reply cut", "reply garbled"):
            return _damaged(reply, trouble, dice)
        return older[-dice.randint(1, 2) :][0] if trouble == "old reply" and older else reply

    def at_hub(self, pc: Pc, data: bytes) -> bytes:
        """A genuine request answered: the hub must take it, whatever is in it."""
        try:
            reply = answer_exchange(self.hub, data)
        except (PeerFault, HubError) as fault:
            raise Violation(4, f"the hub refuses a whole genuine request: {fault}") from fault
        self.answered.setdefault(id(pc), []).append(reply)
        self.onlooker.note_answer(self.hub, pc, data, reply)
        return reply

    def _refused_at_hub(self, data: bytes) -> None:
        try:
            answer_exchange(self.hub, data)
        except (PeerFault, HubError):
            return
        raise Violation(7, "damaged bytes were taken")

    def _hub_in_trouble(self, pc: Pc, data: bytes, trouble: str, dice: Random) -> bytes:
        """The hub dies, or its disk is full, at some statement of its answer."""
        at, after = dice.randint(1, STATEMENTS), dice.random() < 0.5
        fault = Fault(at, PowerCut, after) if trouble == "hub crash" else full_disk(at // 3)
        try:
            with struck_by(fault, self.hub.store._database):
                reply = answer_exchange(self.hub, data)
        except PowerCut:
            self._restart_hub()
            raise StationError("transport.down") from None
        except HubError as told:
            require(told.code == "hub.disk_full", 0, f"a full disk is told as {told.code}")
            raise StationError("transport.refused", hub_code=told.code, message="") from told
        self.answered.setdefault(id(pc), []).append(reply)
        self.onlooker.note_answer(self.hub, pc, data, reply)
        return reply

    def deliver_late(self, pc: Pc, dice: Random) -> bool:
        """A request that was given up arrives after all; nobody waits for its reply."""
        if not self.late:
            return False
        self.at_hub(*self.late.pop(dice.randrange(len(self.late))))
        return True

    def repeat(self, pc: Pc, dice: Random) -> bool:
        """A request that came before comes again."""
        if not self.requests:
            return False
        self.at_hub(*dice.choice(self.requests))
        return True

    def pry(self, pc: Pc, dice: Random) -> bool:
        """A genuine PC asks for the channels and bodies of another station."""
        others = [each for each in self.pcs if each.region != pc.region]
        foreign = dice.choice(others).station.store
        wanted = foreign.database.rows("SELECT body_digest FROM operation LIMIT 5")
        station, store = pc.station, pc.station.store
        with store.writing():
            state = store.facts.exchange()
            number = state.number + 1
            store.facts.keep_exchange(_numbered(state, number))
        self.onlooker.claims.discard(station.keys.replica)
        request = exchange.Request(
            1,
            1,
            number,
            self.now,
            store.journal.own_head(station.keys.replica).seq,
            [_asked(pc, each.cursor) for each in foreign.channels.all()],
            [],
            [row["body_digest"] for row in wanted],
            exchange.Report("0", 0, None, 0, None, 0, 0, ""),
            100_000,
        )
        data = exchange.seal_request(exchange.envelope.pack(request), station.keys, station.hub)
        self.sent(pc, data)
        self.at_hub(pc, data)
        return True

    # --- sticks ----------------------------------------------------------------------------------

    def write_stick(self, pc: Pc, dice: Random) -> bool:
        file = write_request(pc.station)
        self.sent(pc, courier.unframe(file))
        self.sticks.append((pc, file))
        return True

    def stick_at_hub(self, pc: Pc, dice: Random) -> bool:
        """Some stick arrives at the county, perhaps not for the first time."""
        if not self.sticks:
            return False
        owner, file = dice.choice(self.sticks)
        self._answered_stick(owner, file)
        return True

    def _answered_stick(self, owner: Pc, file: bytes) -> None:
        try:
            reply = answer_courier(self.hub, file)
        except (PeerFault, HubError) as fault:
            raise Violation(9, f"the hub refuses a genuine stick: {fault}") from fault
        data = courier.unframe(reply)
        self.onlooker.note_answer(self.hub, owner, courier.unframe(file), data)
        self.replies.append((owner, reply))

    def stick_comes_back(self, pc: Pc, dice: Random) -> bool:
        """Some reply arrives at its desk, perhaps not for the first time, perhaps damaged."""
        if not self.replies:
            return False
        owner, file = dice.choice(self.replies)
        damage = dice.choice(("none", "none", "cut", "garbled"))
        self._read_stick(owner, file if damage == "none" else _damaged(file, damage, dice), damage)
        return True

    def _read_stick(self, pc: Pc, file: bytes, damage: str) -> None:
        if damage == "none":
            self.lines[self.pcs.index(pc)].delivered = courier.unframe(file)
        try:
            outcome = read_reply(pc.station, file)
        except StationError as told:
            is_known = told.code == "reply.other_request"  # answered already, or very old
            require(is_known or damage != "none", 9, f"a genuine reply is told as {told.code}")
            return
        require(damage == "none", 7, "a damaged stick was taken")
        if outcome.synchronised:
            self.onlooker.check_claim(pc, courier.unframe(file))

    # --- power, disks, programs, clocks ----------------------------------------------------------

    def power_cut(self, pc: Pc, dice: Random) -> bool:
        """The PC dies at some statement of whatever it does."""
        act = dice.choice((self._record, self._amend_any, self._exchange_any, self._exchange_any))
        fault = Fault(dice.randint(1, STATEMENTS), PowerCut, dice.random() < 0.5)
        try:
            with struck_by(fault, pc.station.store.database):
                act(pc, dice)
        except PowerCut:
            self._restart(pc)
        except StationError as told:
            require(told.code.startswith(TOLD), 0, f"a clerk is told {told.code}")
        return fault.fired

    def full_disk(self, pc: Pc, dice: Random) -> bool:
        """A full disk for one statement: told, and nothing is half done."""
        act = dice.choice((self._record, self._amend_any, self._exchange_any))
        fault = full_disk(dice.randint(1, STATEMENTS // 3))
        try:
            with struck_by(fault, pc.station.store.database):
                act(pc, dice)
        except StationError as told:
            is_told = told.code == "store.disk_full" or told.code.startswith(TOLD)
            require(is_told, 0, f"a full disk is told as {told.code}")
        return fault.fired

    def _amend_any(self, pc: Pc, dice: Random) -> None:
        row = self._some_case(pc, dice)
        if row is not None:
            self._amend(pc, row, dice)

    def _exchange_any(self, pc: Pc, dice: Random) -> None:
        exchange_with_hub(pc.station)

    def restart(self, pc: Pc, dice: Random) -> bool:
        self._restart(pc)
        return True

    def _restart(self, pc: Pc) -> None:
        pc.stop()
        pc.start(lambda: self.now, self.lines[self.pcs.index(pc)])
        self.pages.pop(id(pc), None)
        self.onlooker.check_told()

    def restart_hub(self, pc: Pc, dice: Random) -> bool:
        self._restart_hub()
        return True

    def _restart_hub(self) -> None:
        self.hub.store.close()
        self.hub = self._started_hub()

    def change_program(self, pc: Pc, dice: Random) -> bool:
        """A PC gets a program with newer forms than the county has, or the older one again."""
        pc.is_newer = not pc.is_newer
        self._restart(pc)
        return True

    def upgrade_hub(self, pc: Pc, dice: Random) -> bool:
        was, self.is_upgraded = self.is_upgraded, True
        if not was:
            self._restart_hub()
        return not was

    def turn_clock(self, pc: Pc, dice: Random) -> bool:
        pc.clock_error_ms = dice.choice((0, 400 * DAY_MS, -400 * DAY_MS, 60_000))
        return True

    def turn_hub_clock(self, pc: Pc, dice: Random) -> bool:
        self.hub_error_ms = dice.choice((0, 60_000, -3_600_000, 2 * DAY_MS))
        return True

    def wait(self, pc: Pc, dice: Random) -> bool:
        self.now += dice.choice((20 * 60_000, DAY_MS, 31 * DAY_MS))
        return True

    # --- the county ------------------------------------------------------------------------------

    def correct(self, pc: Pc, dice: Random) -> bool:
        return self._review(pc, "corrected", dice)

    def send_back(self, pc: Pc, dice: Random) -> bool:
        return self._review(pc, "returned", dice)

    def _review(self, pc: Pc, action: str, dice: Random) -> bool:
        cases = self.hub.store.records.of_kinds(Kinds(CASES), "1405")
        cases = sorted(
            (each for each in cases if each.channel == pc.station.channel), key=lambda r: r.record
        )
        if not cases:
            return False
        case = dice.choice(cases)
        name = f"王{MARKS[pc.region]}{dice.randint(4, 6)}"
        corrected = {"applicant_name": name} if action == "corrected" else {}
        who, opinion = self.cast.reviewer, f"请核对{MARKS[pc.region]}"
        with self._county():
            review_case(
                self.hub, who, case.channel, case.record, action, opinion, corrected,
                case.version.hex() if dice.random() < 0.5 else "",
            )  # fmt: skip
        return True

    def publish(self, pc: Pc, dice: Random) -> bool:
        publish(self.hub, self.cast.reviewer, pc.region, dice.randint(0, 5))
        return True

    def decide(self, pc: Pc, dice: Random) -> bool:
        """Some application of a change or a closing is approved or returned."""
        wanted = Kinds(("station_change", "station_close"), ["submitted"])
        found = list_applications(self.hub, self.cast.reviewer, wanted)
        if not found:
            return False
        chosen = dice.choice(sorted(found, key=lambda each: each.record))
        heir = NEIGHBOUR if chosen.region.startswith(COUNTY) else COUNTY
        terms = Terms(handover_to=self.cast.codes[heir])
        if chosen.kind == "station_change":
            terms = Terms(
                station_name=f"{MARKS[chosen.region[:6]]}镇便民服务站{dice.randint(1, 9)}"
            )
        decision = dice.choice(("approve", "approve", "return"))
        with self._county():
            decide_application(
                self.hub, self.cast.reviewer, chosen.record, decision, "已审", None,
                chosen.version, terms,
            )  # fmt: skip
        return True

    @contextmanager
    def _county(self) -> Iterator[None]:
        """What an officer may be told and nothing is wrong."""
        try:
            yield
        except HubError as told:
            known = told.code.startswith(("case.", "application.", "record.values"))
            require(known, 0, f"an officer is told {told.code}")

    # --- the end ---------------------------------------------------------------------------------

    def come_to_rest(self) -> None:
        """Everything under way arrives, the hub knows every form, everybody exchanges until there
        is nothing to say; then all promises are checked, and old messages change nothing."""
        for pc, data in self.late:
            self.at_hub(pc, data)
        for owner, file in self.sticks:
            self._answered_stick(owner, file)
        for owner, file in self.replies:
            self._read_stick(owner, file, "none")
        self.upgrade_hub(self.pcs[0], self.dice)
        for _ in range(3):
            for pc in self.pcs:
                self.exchange(pc, self.dice)
        self._look_around()
        check_rest(self.hub, self.pcs, self.onlooker)
        self._repeat_everything()

    def _repeat_everything(self) -> None:
        before = [(each.id, each.position) for each in self.hub.store.journal.channels()]
        contents = [_contents(pc) for pc in self.pcs]
        for pc, data in self.dice.sample(self.requests, min(len(self.requests), 6)):
            self.at_hub(pc, data)
        for owner, file in self.replies[-6:]:
            self._read_stick(owner, file, "none")
        after = [(each.id, each.position) for each in self.hub.store.journal.channels()]
        require(after == before, 5, "an old request changed a channel")
        require([_contents(pc) for pc in self.pcs] == contents, 5, "an old reply changed a PC")


def _some_conflict(pc: Pc, dice: Random) -> Conflict | None:
    found = [each for each in list_conflicts(pc.station) if each.may_settle]
    return dice.choice(found) if found else None


def _damaged(data: bytes, how: str, dice: Random) -> bytes:
    at = dice.randrange(len(data))
    if how.endswith("cut"):
        return data[:at]
    return data[:at] + bytes([data[at] ^ dice.randint(1, 255)]) + data[at + 1 :]


def _numbered(state: ExchangeState, number: int) -> ExchangeState:
    return msgspec.structs.replace(state, number=number, synchronised=False)


def _asked(pc: Pc, cursor: channel.Cursor) -> agree.Countersigned:
    start = channel.start_of(cursor.channel, cursor.epoch)
    return agree.countersign(pc.station.keys.signing, pc.station.keys.replica, start)


def _contents(pc: Pc) -> list[object]:
    tables = ("operation", "entry", "record", "item")
    rows = [pc.station.store.database.rows(f"SELECT * FROM {table}") for table in tables]
    return [*rows, [each.cursor for each in pc.station.store.channels.all()]]


@contextmanager
def seeded(dice: Random) -> Iterator[None]:
    """Ids and salts from the dice, so that one seed gives one history; and small batches, so that
    few cases fill several pages."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "urandom", dice.randbytes)
        patch.setattr(uuid_utils, "uuid7", lambda: uuid_utils.UUID(bytes=dice.randbytes(16)))
        patch.setattr(limits, "BATCH_BYTES_LOWEST", 1_500)
        patch.setattr(limits, "BATCH_BYTES", 3_000)
        patch.setattr(limits, "BATCH_BYTES_HIGHEST", 12_000)
        yield


Step = Callable[[World, Pc, Random], bool]


def _steps(*steps: Step) -> dict[str, Step]:
    return {step.__name__: step for step in steps}


STEPS: dict[str, Step] = _steps(
    World.record, World.amend, World.void, World.overstep, World.damage, World.look, World.settle,
    World.apply, World.apply_to_close, World.exchange, World.exchange_badly, World.deliver_late,
    World.repeat, World.pry, World.write_stick, World.stick_at_hub, World.stick_comes_back,
    World.power_cut, World.full_disk, World.restart, World.restart_hub, World.change_program,
    World.upgrade_hub, World.turn_clock, World.turn_hub_clock, World.wait, World.correct,
    World.send_back, World.publish, World.decide,
)  # fmt: skip
