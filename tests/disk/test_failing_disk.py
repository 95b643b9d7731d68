"""The disk fails or is full at any storage call of any flow: the program says so by its code, reads
on, and writes on once the disk is well; nothing that was said to be saved is lost.
"""

from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from tests.disk.flows import FLOWS
from tests.disk.shim import run_under
from tests.disk.strikes import KINDS
from tests.figures import note, volume

FAILURES = [kind for kind in KINDS if kind != "killed"]
EVERY = volume(15, 1)
"""The failures take turns."""
BUGS = ("a fault is taken for success", "a fault has no code")

pytestmark = pytest.mark.timeout(0)  # the first test waits for all that is run


@pytest.fixture(scope="module")
def struck(library: Path, cast: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Flow, or planted bug → what the failures found."""
    jobs: dict[str, Any] = {
        flow: {"flow": flow, "kinds": FAILURES, "step": EVERY} for flow in FLOWS
    }
    jobs |= {
        bug: {"flow": "record", "kinds": ["EIO once"], "step": 20, "plant": bug} for bug in BUGS
    }
    start = perf_counter()
    found = run_under(library, "strikes", cast, tmp_path_factory.mktemp("failing"), jobs)
    note(
        "failing disk",
        kinds=len(FAILURES),
        runs=sum(found[flow]["runs"] for flow in FLOWS),
        violations=sum(len(found[flow]["faults"]) for flow in FLOWS),
        controls_found=f"{sum(found[bug]['faults'] != [] for bug in BUGS)} of {len(BUGS)}",
        seconds=round(perf_counter() - start),
    )
    return found


@pytest.mark.parametrize("flow", FLOWS)
def test_a_disk_that_fails_or_is_full_costs_a_message_and_no_entry(
    struck: dict[str, Any], flow: str
) -> None:
    assert struck[flow]["faults"] == []
    assert sum(struck[flow]["codes"].values()) > 0


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(struck: dict[str, Any], bug: str) -> None:
    assert struck[bug]["faults"] != []
