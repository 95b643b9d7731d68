"""A local case, form check to durable commit, beside a bare durable insert of the same bytes.

The two alternate, so that a slow moment of the disk falls on both; what counts is their ratio.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import sqlcipher3

from station_client.services.record_entry import record_entries, record_entry
from tests.bench.report import Report
from tests.station_client import desk

WARM_UP = 50
CASES = 1000

pytestmark = pytest.mark.bench


def a_bare_store(path: Path) -> sqlcipher3.Connection:
    """SQLCipher with the station's own settings and one table of blobs."""
    store = sqlcipher3.connect(str(path), isolation_level=None)
    store.execute(f"PRAGMA key = \"x'{'5a' * 32}'\"")
    store.execute("PRAGMA journal_mode = WAL")
    store.execute("PRAGMA synchronous = FULL")
    store.execute("CREATE TABLE bytes (name BLOB PRIMARY KEY, data BLOB NOT NULL)")
    return store


class Times:
    """Wall and processor seconds of each of many acts."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.cpu: list[float] = []

    def take(self, act: Callable[[], object]) -> None:
        wall, cpu = time.perf_counter(), time.process_time()
        act()
        self.cpu.append(time.process_time() - cpu)
        self.wall.append(time.perf_counter() - wall)


def the_bytes(folder: Path, cases: list[dict[str, object]]) -> list[tuple[bytes, bytes]]:
    """Name and bytes of the operation of each case, as a station writes them."""
    station = desk.a_station(folder)
    record_entries(station, "helper_case", cases)
    _, pending = station.store.journal.outbox(station.keys.replica, len(cases))
    rows = [(each.name, each.header_bytes + (each.body or b"")) for each in pending]
    station.close()
    return rows


def test_a_local_case_beside_a_bare_durable_insert(tmp_path: Path, report: Report) -> None:
    cases = [desk.a_helper_case(applicant_name=f"赵秀兰{n}") for n in range(WARM_UP + CASES)]
    rows = the_bytes(tmp_path / "same", cases)
    station = desk.a_station(tmp_path / "home")
    bare = a_bare_store(tmp_path / "bare.db")
    case_times, insert_times = Times(), Times()
    for case, row in zip(cases, rows, strict=True):
        case_times.take(partial(record_entry, station, "helper_case", case))
        insert_times.take(partial(bare.execute, "INSERT INTO bytes VALUES (?, ?)", row))
    assert station.store.journal.totals(station.keys.replica).pending == len(cases)
    station.close()
    bare.close()
    for clock in ("wall", "cpu"):
        case, insert = (getattr(each, clock)[WARM_UP:] for each in (case_times, insert_times))
        for took, least in zip(case, insert, strict=True):
            figure = f"a helper case, {clock} (limit: bare insert)"
            report.note("S6", figure, "ms", took * 1000, least * 1000)
