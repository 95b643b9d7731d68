"""The disk fails or is full at any storage call of any flow: the program says so by its code, reads
on, and writes on once the disk is well; nothing that was said to be saved is lost.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter

import pytest

from tests.disk.flows import FLOWS
from tests.disk.shim import run_under
from tests.disk.strikes import KINDS
from tests.figures import note, volume

FAILURES = [kind for kind in KINDS if kind != "killed"]
EVERY = volume(9, 1)
"""The failures take turns."""
EVERY_OF_A_CONTROL = 7

# The figures are one module's, so one process runs them.
pytestmark = pytest.mark.xdist_group("failing disk")


@pytest.fixture(scope="module")
def tally() -> Iterator[Counter[str]]:
    counted, start = Counter[str](), perf_counter()
    yield counted
    note("failing disk", **counted, seconds=round(perf_counter() - start))


@pytest.mark.timeout(0)
@pytest.mark.parametrize("flow", FLOWS)
def test_a_disk_that_fails_or_is_full_costs_a_message_and_no_entry(
    library: Path, cast: Path, tmp_path: Path, tally: Counter[str], flow: str
) -> None:
    found = run_under(library, "strikes", cast, tmp_path, flow, ",".join(FAILURES), 1, EVERY)
    tally["runs"] += found["runs"]
    tally["violations"] += len(found["faults"])
    assert found["faults"] == []
    assert sum(found["codes"].values()) > 0


@pytest.mark.parametrize("bug", ["a fault is taken for success", "a fault has no code"])
def test_a_planted_bug_is_found(
    library: Path, cast: Path, tmp_path: Path, tally: Counter[str], bug: str
) -> None:
    found = run_under(
        library, "strikes", cast, tmp_path, "record", "EIO once", 1, EVERY_OF_A_CONTROL, bug
    )
    tally["controls found"] += found["faults"] != []
    assert found["faults"] != []
