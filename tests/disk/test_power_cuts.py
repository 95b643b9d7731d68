"""A power cut never takes what was said to be saved, at the desk or at the county.

The storage calls of a whole day are recorded, with synchronous=FULL as in service; then the disks
that a cut at any instant may leave are rebuilt and opened. Where less is synced, the same finds
losses: then the check can see.
"""

from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from tests.disk.shim import run_under
from tests.figures import note, volume

DISKS = {"desk": volume(1_600, 3_400), "county": volume(400, 850)}
DAYS = {
    f"{end} {day}": {"end": end, "disks": disks, "seed": day}
    for end, disks in DISKS.items()
    for day in range(1, volume(1, 5) + 1)
}
DISKS_OF_A_CONTROL = 60
SPARING: dict[str, dict[str, Any]] = {
    "desk, NORMAL": {"end": "desk", "synchronous": "NORMAL"},
    "desk, OFF": {"end": "desk", "synchronous": "OFF"},
    "desk, a disk that lies": {"end": "desk", "lies_about": ["-wal"]},
    "county, OFF": {"end": "county", "synchronous": "OFF"},
    "county, a disk that lies": {"end": "county", "lies_about": ["-wal", ".db"]},
}

pytestmark = pytest.mark.timeout(0)  # the first test waits for all that is run


@pytest.fixture(scope="module")
def cut(library: Path, cast: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Day, or what is sparing with syncs → what was found on its disks."""
    jobs = {**DAYS, **{name: {"disks": DISKS_OF_A_CONTROL, **job} for name, job in SPARING.items()}}
    start = perf_counter()
    found = run_under(library, "power_cuts", cast, tmp_path_factory.mktemp("cuts"), jobs)
    note(
        "power cuts",
        disks=sum(found[day]["disks"] for day in DAYS),
        violations=sum(len(found[day]["faults"]) for day in DAYS),
        controls_found=f"{sum(found[name]['lost'] > 0 for name in SPARING)} of {len(SPARING)}",
        seconds=round(perf_counter() - start),
    )
    return found


@pytest.mark.parametrize("day", DAYS)
def test_whatever_a_power_cut_leaves_holds_what_was_said_to_be_saved(
    cut: dict[str, Any], day: str
) -> None:
    found = cut[day]
    assert found["calls"]["S"] > 50  # the day did reach the disk
    assert found["calls"]["T"] > 5  # and its log was emptied again and again
    assert found["disks"] == DAYS[day]["disks"]
    assert found["faults"] == []


@pytest.mark.parametrize("name", SPARING)
def test_a_disk_that_is_told_less_or_lies_is_found_out(cut: dict[str, Any], name: str) -> None:
    assert cut[name]["lost"] > 0
