"""The worker of the full disks: a desk records until there is no room, by a quota or on a small
disk of its own; then room is made, and the same program goes on.

It works under storage_calls.so, for `shim.run_under`.
"""

import resource
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from station_client.errors import StationError
from station_client.services.record_entry import record_entry
from tests.disk import shim
from tests.disk.adding_up import Fact, facts_of_store
from tests.disk.flows import FLOWS, Say
from tests.disk.planted import PLANTED
from tests.disk.stage import DESK, Stage, placed
from tests.disk.strikes import TOLD, faults_left, in_child
from tests.simulation.cast import Cast
from tests.station_client.desk import a_helper_case

MOST_ENTRIES = 400
SMALL_LOG_PAGES = 25
ENOUGH = "64m"


@dataclass
class Report:
    """`entries`: those that were saved before there was no room, of all runs."""

    runs: int = 0
    entries: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


def fill(stage: Stage, say: Say) -> None:
    """Record until it is refused; read all the same."""
    saved = 0
    try:
        for _ in range(MOST_ENTRIES):
            record_entry(stage.station(), "helper_case", a_helper_case())
            saved += 1
            say(facts_of_store(stage.station().store))
    except StationError as told:
        known = told.code in TOLD
        say([["told", told.code] if known else ["problem", f"told {told.code}"]])
    else:
        say([["problem", "there was always room"]])
    shown = sum(stage.station().store.records.count_lines("", "9", "").values())
    if shown < saved:
        say([["problem", f"{saved} saved, {shown} shown"]])
    say([["saved", saved]])


def go_on(stage: Stage, say: Say) -> None:
    made = record_entry(stage.station(), "helper_case", a_helper_case())
    say([["record", made.hex()], *facts_of_store(stage.station().store)])


def by_quota(stage: Stage, room: int, say: Say) -> None:
    """No file may grow beyond what the largest one has, and that much more."""
    largest = max(path.stat().st_size for path in (stage.folder / DESK).iterdir())
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest + room, hard))
    fill(stage, say)
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    go_on(stage, say)


def on_a_small_disk(stage: Stage, room: int, say: Say) -> None:
    """As large as `small_disk` made it."""
    fill(stage, say)
    subprocess.run(["mount", "-o", f"remount,size={ENOUGH}", stage.folder / DESK], check=True)
    go_on(stage, say)


@contextmanager
def small_disk(folder: Path, room: int) -> Iterator[None]:
    """What the folder holds lies on a disk of its own, with so many bytes to spare."""
    away = shutil.move(folder, folder.with_name("away"))
    folder.mkdir()
    taken = sum(path.stat().st_size + 4096 for path in Path(away).rglob("*"))
    size = f"size={taken + room}"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", folder], check=True)
    try:
        shutil.copytree(away, folder, dirs_exist_ok=True)
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


def may_mount(folder: Path) -> bool:
    """Whether this user may give a folder a disk of its own."""
    tried = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", folder], capture_output=True
    )
    return tried.returncode == 0 and subprocess.run(["umount", folder]).returncode == 0


def work(cast: Cast, folder: Path, kind: str, runs: int, plant: str = "") -> Report:
    """One job: so many desks, each with some other room to spare."""
    report = Report()
    for run in range(runs):
        stage = placed(cast, folder / "full", autocheckpoint=SMALL_LOG_PAGES)
        room = Random(run).randrange(60_000, 500_000)
        if kind == "quota":
            _run(report, stage, by_quota, room, plant)
        else:
            with small_disk(stage.folder / DESK, room):
                _run(report, stage, on_a_small_disk, room, plant)
    return report


def _run(
    report: Report, stage: Stage, act: Callable[[Stage, int, Say], None], room: int, plant: str
) -> None:
    def planted(say: Say) -> None:
        if plant:
            PLANTED[plant]()
        act(stage, room, say)

    heard, status = in_child(planted)
    said: dict[str, list[Fact]] = {}
    for kind, *fact in heard:
        said.setdefault(kind, []).append(fact)
    report.runs += 1
    report.entries += sum(count for (count,) in said.get("saved", []))
    report.codes.update(code for (code,) in said.get("told", []))
    found = [text for (text,) in said.get("problem", [])]
    found += [f"the process ended with {status}"] if status else []
    found += faults_left(Stage(stage.cast, stage.folder), FLOWS["record"], heard)
    report.faults += [f"with {room} bytes: {each}" for each in found]


if __name__ == "__main__":
    shim.serve(work)
