"""Many histories and all planted bugs, on several processes; what came of them, in figures.

    python -m tests.simulation --runs 1000 --seed 7

Knows nothing of what a story is about.
"""

import multiprocessing
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest

from tests.simulation.bugs import BUGS, story_about
from tests.simulation.cast import Cast, make_cast
from tests.simulation.disks import Disks, Memory
from tests.simulation.promises import Violation
from tests.simulation.steps import FAULTS
from tests.simulation.story import Story, draw, run, shrunk, violation_of
from tests.simulation.world import seeded

STEPS_AT_MOST = 105
SEEDS_A_SEED = 1_000_000
"""Histories of one seed: the next seed starts behind them."""
TWICE_EVERY = 100
"""One history in so many runs twice and must give the same trace."""
ON_FILES_EVERY = 50
"""One history in so many runs on encrypted files that every commit waits for."""
HISTORIES_A_BUG = 300
ENOUGH_FOR_EVERY_FAULT = 250
VIOLATIONS_ENOUGH = 3
AT_ONCE = 10
"""Histories that a process takes at a time."""


@dataclass
class Tally:
    """What was run and found. `stories`: every failure, cut down; `bugs`: rule → how many histories
    it took to notice that it was missing."""

    seed: int
    runs: int = 0
    happened: Counter[str] = field(default_factory=Counter)
    stories: list[str] = field(default_factory=list)
    bugs: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def steps(self) -> int:
        return self.happened.total()

    @property
    def never(self) -> set[str]:
        """Faults that no history had, where there were enough for all of them."""
        return set(FAULTS) - set(self.happened) if self.runs >= ENOUGH_FOR_EVERY_FAULT else set()

    @property
    def is_ok(self) -> bool:
        return not self.stories and not self.never and len(self.bugs) == len(BUGS)

    def add(self, other: "Tally") -> None:
        self.runs += other.runs
        self.happened += other.happened
        self.stories += other.stories

    def told(self) -> str:
        """The report; its last line is the result."""
        kinds = sorted(self.happened.items(), key=lambda each: (each[0] in FAULTS, -each[1]))
        lines = [f"  {times:9} {'fault: ' * (kind in FAULTS)}{kind}" for kind, times in kinds]
        lines += [f"  never happened: {kind}" for kind in sorted(self.never)]
        lines += [f"  not found: {bug.rule}" for bug in BUGS if bug.rule not in self.bugs]
        lines.append(
            f"{self.steps / max(self.seconds, 0.001):.0f} steps a second, seed {self.seed}"
        )
        return "\n".join([*lines, self.result()])

    def result(self) -> str:
        return (
            f"simulate: {'ok' if self.is_ok else 'FAILED'}, {self.runs} runs, {self.steps} steps,"
            f" {len(self.stories)} violations, {len(self.bugs)} of {len(BUGS)} planted bugs found"
        )


# --- in each process -----------------------------------------------------------------------------

_casts: dict[bool, Cast] = {}


def cast(*, on_files: bool) -> Cast:
    """The cast of this process, made once: the same wherever it is made."""
    if on_files not in _casts:
        folder = Path(tempfile.mkdtemp(dir="/tmp")) / "cast"
        with seeded(Random("cast")), pytest.MonkeyPatch.context() as patch:
            _casts[on_files] = make_cast(folder, patch, Disks() if on_files else Memory())
    return _casts[on_files]


def play(seeds: range) -> Tally:
    """The histories of these seeds, up to the first that breaks a promise."""
    tally = Tally(seeds.start)
    for seed in seeds:
        story, players = draw(seed, STEPS_AT_MOST), cast(on_files=seed % ON_FILES_EVERY == 0)
        try:
            history = run(story, players)
            if seed % TWICE_EVERY == 1 and run(story, players).trace != history.trace:
                raise Violation(0, "one seed, two histories")
        except Violation as found:
            tally.stories.append(told(story, players, found))
            break
        tally.happened += history.happened
        tally.runs += 1
    return tally


def told(story: Story, players: Cast, found: Violation) -> str:
    """A failure as a short story."""
    short, again = shrunk(story, lambda each: violation_of(each, players))
    return f"{again or found}\n{short.told()}\n  (from {len(story.steps)} steps)"


def hunt(rule: str, seed: int) -> int | None:
    """How many histories it took to notice that a rule is missing."""
    bug = next(each for each in BUGS if each.rule == rule)
    players = cast(on_files=False)
    with bug.planted():
        for n in range(HISTORIES_A_BUG):
            found = violation_of(story_about(bug, seed + n, STEPS_AT_MOST), players)
            if found is not None and found.promise:
                return n + 1
    return None


# --- over all of them ----------------------------------------------------------------------------


def simulate(
    seed: int, runs: int, processes: int, on_failure: Callable[[str], None] = lambda story: None
) -> Tally:
    """The planted bugs, then so many histories; stops early where promises break."""
    tally, started = Tally(seed), time.monotonic()
    first = seed * SEEDS_A_SEED
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        hunts = [(bug, pool.apply_async(hunt, (bug.rule, first))) for bug in BUGS]
        parts = [
            range(at, min(at + AT_ONCE, first + runs)) for at in range(first, first + runs, AT_ONCE)
        ]
        for part in pool.imap_unordered(play, parts):
            tally.add(part)
            for each in part.stories:
                on_failure(each)
            if len(tally.stories) >= VIOLATIONS_ENOUGH:
                break
        found = {bug.rule: each.get() for bug, each in hunts}
    tally.bugs = {rule: n for rule, n in found.items() if n is not None}
    tally.seconds = time.monotonic() - started
    return tally
