"""There is no room any more, by a quota or on the disk: the desk is told so and reads on, and
records again as soon as there is room, without a restart; nothing that was said to be saved is
lost.
"""

from pathlib import Path
from time import perf_counter
from typing import Any

import pytest

from tests.disk.full_disk import may_mount
from tests.disk.shim import run_under
from tests.figures import note, volume

RUNS = volume(4, 60)
BUG = "a fault is taken for success"

pytestmark = pytest.mark.timeout(0)  # the first test waits for all that is run


@pytest.fixture(scope="module")
def filled(library: Path, cast: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """ "quota" and, where one may mount, "small disk" → what happened."""
    folder = tmp_path_factory.mktemp("full")
    kinds = ["quota", "small disk"] if may_mount(folder) else ["quota"]
    start = perf_counter()
    jobs = {kind: {"kind": kind, "runs": RUNS} for kind in kinds}
    jobs[BUG] = {"kind": "quota", "runs": 1, "plant": BUG}
    found = run_under(library, "full_disk", cast, folder, jobs)
    note(
        "full disk",
        runs=sum(found[kind]["runs"] for kind in kinds),
        entries=sum(found[kind]["entries"] for kind in kinds),
        violations=sum(len(found[kind]["faults"]) for kind in kinds),
        controls_found=f"{int(found[BUG]['faults'] != [])} of 1",
        seconds=round(perf_counter() - start),
    )
    return found


@pytest.mark.parametrize("kind", ["quota", "small disk"])
def test_a_desk_without_room_is_told_and_goes_on_when_there_is_some(
    filled: dict[str, Any], kind: str
) -> None:
    if kind not in filled:
        pytest.skip("nobody may mount a small disk here")
    assert filled[kind]["faults"] == []
    assert sum(filled[kind]["codes"].values()) == filled[kind]["runs"]
    assert filled[kind]["entries"] > filled[kind]["runs"]


def test_a_full_disk_is_called_full(filled: dict[str, Any]) -> None:
    if "small disk" not in filled:
        pytest.skip("nobody may mount a small disk here")
    assert set(filled["small disk"]["codes"]) == {"store.disk_full"}


def test_a_planted_bug_is_found(filled: dict[str, Any]) -> None:
    assert filled[BUG]["faults"] != []
