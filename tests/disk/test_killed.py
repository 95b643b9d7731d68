"""The program ends at any storage call of any flow, by SIGKILL: what was said to be saved is there,
everything adds up, and the next start goes on.
"""

from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from tests.disk.flows import FLOWS
from tests.disk.shim import run_under
from tests.figures import note, volume

EVERY = volume(10, 1)
BUGS = {
    "no transaction": "record",
    "saved is said too early": "record",
    "the hub answers too early": "answer",
}
"""Planted bug → the flow that must show it."""

pytestmark = pytest.mark.timeout(0)  # the first test waits for all that is run


@pytest.fixture(scope="module")
def struck(library: Path, cast: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Flow, or planted bug → what the kills found."""
    jobs = {flow: {"flow": flow, "kinds": ["killed"], "step": EVERY} for flow in FLOWS}
    jobs |= {
        bug: {"flow": flow, "kinds": ["killed"], "step": 20, "plant": bug}
        for bug, flow in BUGS.items()
    }
    start = perf_counter()
    found = run_under(library, "strikes", cast, tmp_path_factory.mktemp("killed"), jobs)
    note(
        "kill -9",
        flows=len(FLOWS),
        storage_calls=sum(found[flow]["calls"] for flow in FLOWS),
        kills=sum(found[flow]["runs"] for flow in FLOWS),
        violations=sum(len(found[flow]["faults"]) for flow in FLOWS),
        controls_found=f"{sum(found[bug]['faults'] != [] for bug in BUGS)} of {len(BUGS)}",
        seconds=round(perf_counter() - start),
    )
    return found


@pytest.mark.parametrize("flow", FLOWS)
def test_a_flow_that_is_killed_at_a_storage_call_loses_nothing(
    struck: dict[str, Any], flow: str
) -> None:
    found = struck[flow]
    assert found["runs"] == -(-found["calls"] // EVERY) > 0
    assert found["faults"] == []


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(struck: dict[str, Any], bug: str) -> None:
    assert struck[bug]["faults"] != []
