"""The program ends at any storage call of any flow, by SIGKILL: what was said to be saved is there,
everything adds up, and the next start goes on.
"""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from tests.disk.flows import FLOWS
from tests.disk.shim import run_under
from tests.figures import note, volume

EVERY = volume(10, 1)
EVERY_OF_A_CONTROL = 7

# The figures are one module's, so one process runs them.
pytestmark = pytest.mark.xdist_group("kill -9")


@pytest.fixture(scope="module")
def tally() -> Iterator[Counter[str]]:
    counted, start = Counter[str](), perf_counter()
    yield counted
    note("kill -9", **counted, seconds=round(perf_counter() - start))


@pytest.mark.timeout(0)
@pytest.mark.parametrize("flow", FLOWS)
def test_a_flow_that_is_killed_at_a_storage_call_loses_nothing(
    library: Path, cast: Path, tmp_path: Path, tally: Counter[str], flow: str
) -> None:
    found: dict[str, Any] = run_under(library, "strikes", cast, tmp_path, flow, "killed", 1, EVERY)
    tally["flows"] += 1
    tally["calls"] += found["calls"]
    tally["runs"] += found["runs"]
    tally["violations"] += len(found["faults"])
    assert found["runs"] == -(-found["calls"] // EVERY) > 0
    assert found["faults"] == []


@pytest.mark.parametrize("bug", ["no transaction", "saved is said too early"])
def test_a_planted_bug_is_found(
    library: Path, cast: Path, tmp_path: Path, tally: Counter[str], bug: str
) -> None:
    found = run_under(
        library, "strikes", cast, tmp_path, "record", "killed", 1, EVERY_OF_A_CONTROL, bug
    )
    tally["controls found"] += found["faults"] != []
    assert found["faults"] != []
