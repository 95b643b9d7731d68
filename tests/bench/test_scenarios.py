"""The scenarios S1 to S6 of the peer benchmark, beside what plain Python can reach.

Ours and the ceiling programme alternate in each round, so that a slow moment of the machine falls
on both; what counts are the ratios of one run. None of this asserts a time.
"""

import os
import statistics
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import pytest

from station_client.services.amend_entry import amend_entry
from station_client.services.list_conflicts import list_conflicts
from station_client.services.record_entry import record_entry
from station_client.station import Station
from tests.bench.ceiling import Ceiling
from tests.bench.conftest import Founder
from tests.bench.ours import record_all, synchronise
from tests.bench.peers import measured_peers
from tests.bench.report import Report

ROUNDS = int(os.environ.get("BIANMIN_ROUNDS", "3"))
CLIENTS = 50
EMPTY = 300
LOCAL = 1_000
CONTESTED = 1_000
SMALL_BODIES = 800

P = ParamSpec("P")
T = TypeVar("T")

pytestmark = pytest.mark.bench

Cases = list[dict[str, Any]]


def timed(act: Callable[P, T], *given: P.args, **named: P.kwargs) -> tuple[T, float]:
    """What it gives, and the milliseconds it took."""
    start = time.perf_counter()
    result = act(*given, **named)
    return result, (time.perf_counter() - start) * 1000


def both_ends(figures: dict[str, Any]) -> float:
    return float(figures["server_cpu_s"]) + float(figures["client_cpu_s"])


def test_push_and_first_sync(
    ceiling: Ceiling, cases: Cases, found: Founder, report: Report
) -> None:
    for _ in range(ROUNDS):
        with found(pcs=2) as county:
            [[first, second]] = county.desks
            record_all(first, cases)
            with county.measured() as push:
                bytes_pushed, push_ms = timed(synchronise, first)
            with county.measured() as pull:
                bytes_pulled, pull_ms = timed(synchronise, second)
            assert second.store.journal.totals(second.keys.replica).pending == 0
            assert sum(second.store.records.count_lines("", "9", "").values()) == len(cases)
        pushed, pulled = ceiling.run("S1"), ceiling.run("S2")
        report.note("S1", "push of 10,000 entries", "ms", push_ms, pushed["ms"], 3)
        report.note("S1", "CPU of it, server", "s", push.server, pushed["server_cpu_s"])
        report.note("S1", "CPU of it, both ends", "s", push.both, both_ends(pushed))
        report.note("S2", "CPU of it, both ends", "s", pull.both, both_ends(pulled))
        each = [count / len(cases) for count in (bytes_pushed, bytes_pulled)]
        limits = [one["bytes"] / len(cases) for one in (pushed, pulled)]
        report.note("S1", "an entry pushed (ceiling: with headers)", "bytes", each[0], limits[0])
        report.note("S2", "first sync of 10,000 entries", "ms", pull_ms, pulled["ms"], 2)
        report.note("S2", "an entry pulled (ceiling: with headers)", "bytes", each[1], limits[1])


def test_fleet(ceiling: Ceiling, cases: Cases, found: Founder, report: Report) -> None:
    for _ in range(ROUNDS):
        with found(stations=CLIENTS) as county:
            share = len(cases) // CLIENTS
            clients = [desk[0] for desk in county.desks]
            for number, client in enumerate(clients):
                record_all(client, cases[number * share : (number + 1) * share])
            with county.measured() as cpu:
                whole, alone = at_once(clients)
        limit = ceiling.run("S3")
        p95 = statistics.quantiles(alone, n=20)[-1]
        report.note("S3", "50 stations push 200 entries each", "ms", whole, limit["ms"], 3)
        report.note("S3", "one of them, p95", "ms", p95, limit["p95_ms"])
        report.note("S3", "CPU of it, server", "s", cpu.server, limit["server_cpu_s"])
        report.note("S3", "CPU of it, both ends", "s", cpu.both, both_ends(limit))


def at_once(clients: list[Station]) -> tuple[float, list[float]]:
    """Milliseconds until all have pushed, and of each."""
    barrier, alone = threading.Barrier(len(clients) + 1), list[float]()

    def one(client: Station) -> None:
        barrier.wait()
        alone.append(timed(synchronise, client)[1])

    threads = [threading.Thread(target=one, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    barrier.wait()
    _, whole = timed(lambda: [thread.join() for thread in threads])
    assert len(alone) == len(clients)
    return whole, alone


def test_an_empty_exchange(ceiling: Ceiling, cases: Cases, found: Founder, report: Report) -> None:
    for _ in range(ROUNDS):
        with found() as county:
            [[station]] = county.desks
            record_all(station, cases[:LOCAL])
            synchronise(station)
            with county.measured() as cpu:
                exchanges = [timed(synchronise, station) for _ in range(EMPTY)]
            server = cpu.server * 1000 / EMPTY
        limit = ceiling.run("S4")
        ms = statistics.median(took for _, took in exchanges)
        report.note("S4", "an empty exchange", "ms", ms, limit["ms_rt"], 3)
        report.note("S4", "CPU of it, server", "ms", server, limit["server_cpu_ms"])
        sizes = [size for size, _ in exchanges]
        report.note("S4", "the first of them, which signs what came last", "bytes", sizes[0])
        report.note("S4", "bodies of it, both ways", "bytes", max(sizes[1:]), SMALL_BODIES, 1)


def test_conflicts(cases: Cases, found: Founder, report: Report) -> None:
    for _ in range(ROUNDS):
        with found(pcs=2) as county:
            [[a, b]] = county.desks
            # All in hand, so that either side may close or send back.
            mine = [open_case(each) for each in cases[:CONTESTED]]
            records = record_all(a, mine)
            synchronise(a)
            synchronise(b)
            for number, record in enumerate(records):
                amend_entry(a, record, edit_of_a())
                amend_entry(b, record, edit_of_b(number))
            ms = sum(timed(synchronise, each)[1] for each in (a, b, a))
            kept, shown, lost = judged(a, records)
            assert judged(b, records) == (kept, shown, lost)
        report.note("S5", "2,000 edits meet, end to end", "ms", ms)
        report.note("S5", "edits kept without asking", "edits", kept, 1_500, 1)
        report.note("S5", "conflicts shown", "records", shown, 500, 1)
        report.note("S5", "edits lost in silence", "edits", lost, 0, 0)
        assert (kept, shown, lost) == (1_500, 500, 0)


def open_case(case: dict[str, Any]) -> dict[str, Any]:
    ended = ("finished_at", "return_reason")
    values = {name: value for name, value in case.items() if name not in ended}
    return {**values, "case_status": "handling", "is_accepted": "yes"}


def edit_of_a() -> dict[str, Any]:
    return {"case_status": "suspended"}


def edit_of_b(number: int) -> dict[str, Any]:
    if number < CONTESTED // 2:
        return {"contact_phone": f"1380000{number:04d}"}
    return {"case_status": "supplementing"}


def judged(station: Station, records: list[bytes]) -> tuple[int, int, int]:
    """Of all edits: how many stand in the record, how many records ask a person, how many edits
    are neither in the record nor among what a person is shown."""
    sides = {
        (each.record, each.register): [side.value for side in each.sides]
        for each in list_conflicts(station)
    }
    kept = lost = 0
    for number, record in enumerate(records):
        row = station.store.records.find(record)
        assert row is not None
        for edit in (edit_of_a(), edit_of_b(number)):
            for name, value in edit.items():
                stands = row.values[name] == value
                kept += stands
                lost += not stands and value not in sides.get((record, name), [])
    return kept, len({record for record, _ in sides}), lost


def test_local_entries(ceiling: Ceiling, cases: Cases, found: Founder, report: Report) -> None:
    for _ in range(ROUNDS):
        with found() as county:
            [[station]] = county.desks
            record_all(station, cases[-10:])
            times = [timed(record_entry, station, "intake_case", case)[1] for case in cases[:LOCAL]]
            assert station.store.journal.totals(station.keys.replica).pending == LOCAL + 10
        limit = ceiling.run("S6")
        report.note("S6", "1,000 entries recorded one by one", "ms", sum(times), limit["ms"], 2)
        p95 = statistics.quantiles(times, n=20)[-1]
        report.note("S6", "one of them, p95", "ms", p95, limit["p95_ms"])


def test_the_peers_where_they_are_set_up(peers: Path, report: Report) -> None:
    measured = measured_peers(peers)
    for peer, scenario, ms in measured:
        report.note(scenario, f"(peer: {peer})", "ms", ms)
    if not measured:
        report.missing("all", "peers: not set up on this machine (their README says how)")
