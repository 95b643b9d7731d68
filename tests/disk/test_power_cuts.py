"""A power cut never takes what was said to be saved, at the desk or at the county.

The storage calls of a whole day are recorded, with synchronous=FULL as in service; then the disks
that a cut at any instant may leave are rebuilt and opened. Where less is synced, the same finds
losses: then the check can see.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from tests.disk.shim import run_under
from tests.figures import note, volume

DISKS = {"desk": volume(1_600, 3_400), "county": volume(400, 850)}
DAYS = range(volume(1, 5))
DISKS_OF_A_CONTROL = 60

Cut = Callable[..., dict[str, Any]]

# The figures are one module's, so one process runs them.
pytestmark = pytest.mark.xdist_group("power cuts")


@pytest.fixture
def cut(library: Path, cast: Path, tmp_path: Path) -> Cut:
    def cut(
        end: str, disks: int, *, seed: int = 1, synchronous: str = "FULL", lies_about: str = ""
    ) -> dict[str, Any]:
        found: dict[str, Any] = run_under(
            library, "power_cuts", cast, tmp_path, end, disks, seed, synchronous, lies_about
        )
        return found

    return cut


@pytest.fixture(scope="module")
def tally() -> Iterator[Counter[str]]:
    counted, start = Counter[str](), perf_counter()
    yield counted
    note("power cuts", **counted, seconds=round(perf_counter() - start))


@pytest.mark.timeout(0)
@pytest.mark.parametrize("day", DAYS)
@pytest.mark.parametrize("end", DISKS)
def test_whatever_a_power_cut_leaves_holds_what_was_said_to_be_saved(
    cut: Cut, tally: Counter[str], end: str, day: int
) -> None:
    found = cut(end, DISKS[end], seed=day)
    tally["runs"] += found["disks"]
    tally["violations"] += len(found["faults"])
    assert found["calls"]["S"] > 50  # the day did reach the disk
    assert found["calls"]["T"] > 5  # and its log was emptied again and again
    assert found["faults"] == []


@pytest.mark.parametrize(
    ("end", "sparing"),
    [
        ("desk", {"synchronous": "NORMAL"}),
        ("desk", {"synchronous": "OFF"}),
        ("desk", {"lies_about": "-wal"}),
        ("county", {"synchronous": "NORMAL"}),
        ("county", {"lies_about": "-wal,.db"}),
    ],
)
def test_a_disk_that_is_told_less_or_lies_is_found_out(
    cut: Cut, tally: Counter[str], end: str, sparing: dict[str, str]
) -> None:
    found = cut(end, DISKS_OF_A_CONTROL, **sparing)
    tally["controls found"] += found["lost"] > 0
    assert found["lost"] > DISKS_OF_A_CONTROL // 10
