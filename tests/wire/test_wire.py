"""Real stations and a real hub's process, and between them a line that does whatever lines do.

Whatever happens on the way, nothing that was saved is lost or stands twice, and the exchange comes
to its end when the line is good again (promises 4 and 5). Controls show that it would be noticed.

    BIANMIN_SEED=7 pytest tests/wire      BIANMIN_PROOF=1: ten times as many
"""

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from random import Random

import pytest

from station_client import key_slot, transport
from station_client.services import exchange_with_hub as exchanging
from station_client.services.exchange_with_hub import Outcome, Prepared, absorb_reply
from station_client.station import Station
from station_client.transport import HttpTransport
from sync_protocol import limits
from tests import figures
from tests.wire.county import (
    DESKS,
    HUB,
    Desk,
    at_work,
    copied,
    differences,
    make_county,
    running,
)
from tests.wire.faults import (
    FAULTS,
    PASSES,
    REFUSED,
    narrow,
    reset_before,
    silence,
    too_large,
)
from tests.wire.proxy import Fault, Line

FAULTY_REQUESTS = figures.volume(180, 1_800)
CALLS_WHEN_ALL_IS_WELL = 4
FAULTY = [name for name in FAULTS if name != PASSES]
SEED = int(os.environ.get("BIANMIN_SEED") or 1)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("county")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key_slot, "ARGON2_MEMORY_KIB", 64)
        make_county(folder)
    return folder


@pytest.fixture(autouse=True)
def _short_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A desk that waits a quarter of a second for a byte and a second for an answer."""
    monkeypatch.setattr(key_slot, "ARGON2_MEMORY_KIB", 64)
    monkeypatch.setattr(transport, "READ_SECONDS", 0.25)
    monkeypatch.setattr(transport, "REQUEST_SECONDS", 1.0)


def every_fault(dice: Random) -> Callable[[], str]:
    """All kinds in a random order, again and again; one request in five passes."""
    deck: list[str] = []

    def draw() -> str:
        if dice.random() < 0.2:
            return PASSES
        if not deck:
            deck.extend(dice.sample(FAULTY, len(FAULTY)))
        return deck.pop()

    return draw


@contextmanager
def on_bad_lines(
    folder: Path, program: str = HUB, draws: Callable[[Random], Callable[[], str]] = every_fault
) -> Iterator[tuple[list[Line], list[Desk]]]:
    with running(folder, program) as port, ExitStack() as closing:
        lines = [
            Line(("127.0.0.1", port), FAULTS, draws(dice), dice)
            for dice in (Random(f"{SEED} line {pc}") for pc in range(len(DESKS)))
        ]
        for line in lines:
            closing.callback(line.close)
        lines[0].others, lines[1].others = lines[1].answers, lines[0].answers
        lines[2].others = lines[0].answers
        desks = closing.enter_context(at_work(folder, [HttpTransport(line.url) for line in lines]))
        yield lines, desks


def faulty(line: Line) -> int:
    return line.happened.total() - line.happened[PASSES]


def work(desk: Desk, line: Line, dice: Random, most: int) -> Counter[str]:
    """Days at a desk, until so many requests had a fault; what the clerk was told of it."""
    told: Counter[str] = Counter()
    while faulty(line) < most:
        for act in dice.choices([desk.record, desk.amend], k=dice.randint(0, 3)):
            act(dice)
        is_refused = told.total() % len(FAULTS) == 0
        with line.closed() if is_refused else nullcontext():
            told[desk.exchange()] += 1
    return told


def come_to_rest(lines: list[Line], desks: list[Desk]) -> None:
    """The lines are good again: each desk comes to the end of its exchange within a few calls, and
    hears with one more what the others brought."""
    for line in lines:
        line.draw = lambda: PASSES
    for desk in desks:
        codes = [desk.exchange() for _ in range(CALLS_WHEN_ALL_IS_WELL)]
        assert "" in codes, f"no exchange comes to its end on a good line: {codes}"
    assert [desk.exchange() for desk in desks] == [""] * len(desks)
    assert all(desk.is_synchronised() for desk in desks)


def days_at_work(
    lines: list[Line], desks: list[Desk], requests: int, seed: object = SEED
) -> Counter[str]:
    """All desks at once, until so many requests had a fault."""
    with ThreadPoolExecutor(len(desks)) as pool:
        days = [
            pool.submit(work, desk, line, Random(f"{seed} desk {pc}"), requests // len(desks))
            for pc, (desk, line) in enumerate(zip(desks, lines, strict=True))
        ]
        return sum((day.result() for day in days), Counter[str]())


@pytest.mark.timeout(600)
def test_no_fault_of_the_line_loses_or_doubles_anything(made: Path, tmp_path: Path) -> None:
    folder = copied(made, tmp_path / "county")
    began = time.monotonic()
    with on_bad_lines(folder) as (lines, desks):
        told = days_at_work(lines, desks, FAULTY_REQUESTS)
        come_to_rest(lines, desks)
        found = differences(folder, desks)
        writes = sum(sum(desk.writes.values()) for desk in desks)
    happened = sum((line.happened for line in lines), Counter[str]())
    figures.note(
        "wire",
        faulty_requests=happened.total() - happened[PASSES],
        fault_kinds=len(happened.keys() - {PASSES}),
        operations=writes,
        codes_told=len(told.keys() - {""}),
        lost_or_doubled=len(found),
        seconds=round(time.monotonic() - began),
    )
    assert found == []
    assert {*FAULTS, REFUSED} - happened.keys() == set(), "these faults never happened"


# --- a line that is too narrow -------------------------------------------------------------------

NARROW_BYTES = 4_096
CASES = 40
"""Of up to two kilobytes each: of the largest, one fits through."""


def calls_through_a_narrow_line(folder: Path, refuse: Fault) -> tuple[int, list[str]]:
    """How many calls it took to bring everything to the hub, CASES * 2 at most; what is missing."""
    dice = Random(SEED)
    with running(folder) as port, ExitStack() as closing:
        faults = {"narrow": narrow(NARROW_BYTES, refuse)}
        line = Line(("127.0.0.1", port), faults, lambda: "narrow", dice)
        closing.callback(line.close)
        [desk] = closing.enter_context(at_work(folder, [HttpTransport(line.url)]))
        desk.record_many(dice, CASES)
        calls = 0
        while not desk.is_synchronised() and calls < CASES * 2:
            desk.exchange()
            calls += 1
        return calls, differences(folder, [desk])


@pytest.mark.parametrize("refuse", [too_large, reset_before, silence])
def test_what_is_too_much_for_the_line_goes_in_smaller_pieces(
    made: Path, tmp_path: Path, refuse: Fault
) -> None:
    calls, found = calls_through_a_narrow_line(copied(made, tmp_path / "county"), refuse)
    assert found == []
    assert calls < CASES * 2


# --- controls: what is noticed where a rule is missing -------------------------------------------

# It neither asks what it has nor lets its database refuse what it has.
FORGETFUL_HUB = """
from dataclasses import replace
from sync_protocol import push
from hub_server.cli import main
from hub_server.store import journal

take_run, insert_many = push.take_run, journal.insert_many

def take_anything(run, public, known, *rest):
    return take_run(run, public, replace(known, names={}), *rest)

def insert_new(database, table, rows, *rest):
    if table == "operation":
        known = {name for name, in database.execute_sql("SELECT name FROM operation")}
        rows = [row for row in rows if row[0] not in known]  # its name
    insert_many(database, table, rows, *rest)

push.take_run, journal.insert_many = take_anything, insert_new
main()
"""


def among(*kinds: str) -> Callable[[Random], Callable[[], str]]:
    return lambda dice: lambda: dice.choice(kinds)


@pytest.mark.timeout(600)
def test_a_hub_that_does_not_know_what_it_has_is_noticed(made: Path, tmp_path: Path) -> None:
    folder = copied(made, tmp_path / "county")
    draws = among("request twice", "reset after the request was delivered")
    with on_bad_lines(folder, FORGETFUL_HUB, draws) as (lines, desks):
        days_at_work(lines, desks, 30)
        come_to_rest(lines, desks)
        found = differences(folder, desks)
    assert [each for each in found if each.endswith("has two places")] != []


def _believe_any_200(
    station: Station, prepared: Prepared, data: bytes, took_ms: int | None
) -> Outcome:
    with station.store.writing():
        station.store.database.write(
            "UPDATE operation SET position = 0 WHERE replica = ? AND position IS NULL",
            station.keys.replica,
        )
    return absorb_reply(station, prepared, data, took_ms)


@pytest.mark.timeout(600)
def test_a_station_that_believes_any_200_is_noticed(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "_is_login_page", lambda response: False)
    monkeypatch.setattr(exchanging, "absorb_reply", _believe_any_200)
    folder = copied(made, tmp_path / "county")
    with on_bad_lines(folder, draws=among("a login page", PASSES)) as (lines, desks):
        days_at_work(lines, desks, 30)
        come_to_rest(lines, desks)
        found = differences(folder, desks)
    assert [each for each in found if each.endswith("lost")] != []


def test_a_station_that_halves_its_batch_too_little_is_noticed(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "BATCH_BYTES_LOWEST", 16 * 1024)
    _, found = calls_through_a_narrow_line(copied(made, tmp_path / "county"), too_large)
    assert len([each for each in found if each.endswith("is lost")]) > CASES // 2
