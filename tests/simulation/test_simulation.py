"""Random histories of one station's PCs and its hub: the real protocol, the real forms, no luck.

The code of both ends is that of sync_protocol and forms; network, clocks and disks are simulated.
A history ends at rest, where promises 1 to 6 and 9 are checked; most are checked after every step.
A failure is cut down to a short story and printed with its seed.

    make simulate RUNS=5000 SEED=7        with an empty SEED another one each time, printed

Not simulated here, because the rules are not in the protocol yet:

- minting a new replica after a fork or a restore, and re-issuing (a clone is detected, both its
  branches are kept and held, and there its story ends);
- a PC put back from a backup while it had anything unsent;
- the hub put back from a backup: epochs, lost stretches, its journal, the tail witness;
- erasure, snapshots, purging; revocation, unfreezing, closing;
- bodies asked for by their digest; region and office channels.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from random import SystemRandom

import pytest

from tests.simulation.promises import Violation
from tests.simulation.story import Story, draw, shrunk, violation_of, with_scene
from tests.simulation.story import run as run_story
from tests.simulation.switches import SCENES, SWITCHES, switched_off
from tests.simulation.world import STEPS

RUNS = 250
RUNS_ASKED_FOR = 2_000
RUNS_OF_THE_PROOF = 10_000
STEPS_AT_MOST = 60
HISTORIES_PER_SWITCH = 100
ENOUGH_FOR_EVERY_STEP = 250


def asked(name: str, absent: int, empty: int) -> int:
    """A number from the environment; `make simulate` gives an empty one where none was asked."""
    text = os.environ.get(name)
    return absent if text is None else int(text or empty)


@dataclass
class Tally:
    """What was run and found, for the last line."""

    seed: int
    runs: int = 0
    happened: Counter[str] = field(default_factory=Counter)
    found: set[str] = field(default_factory=set)

    def told(self) -> str:
        steps = [f"  {times:9,} {kind}" for kind, times in self.happened.most_common()]
        last = (
            f"simulate: {self.runs:,} runs, {self.happened.total():,} steps, "
            f"{len(self.found)} of {len(SWITCHES)} switched off rules noticed, seed {self.seed}"
        )
        return "\n".join(["", *steps, last])


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    counted = Tally(asked("BIANMIN_SEED", 1, SystemRandom().randrange(10**6)))
    print(f"\nsimulate: seed {counted.seed}")
    yield counted
    print(counted.told())


@pytest.fixture(scope="module")
def seed(tally: Tally) -> int:
    """The seed of the first history."""
    return tally.seed * 1_000_000


def failure(story: Story) -> str:
    short, found = shrunk(story)
    return f"\n{found}\n{short.told()}\n(from {len(story.steps)} steps)"


@pytest.mark.timeout(0)
def test_no_random_history_breaks_a_promise(seed: int, tally: Tally) -> None:
    absent = RUNS_OF_THE_PROOF if os.environ.get("BIANMIN_PROOF") else RUNS
    for n in range(asked("BIANMIN_RUNS", absent, RUNS_ASKED_FOR)):
        story = draw(seed + n, STEPS_AT_MOST)
        try:
            tally.happened += run_story(story)
        except Violation:
            pytest.fail(failure(story), pytrace=False)
        tally.runs += 1
    never = set(STEPS) - set(tally.happened) if tally.runs >= ENOUGH_FOR_EVERY_STEP else set()
    assert never == set(), "these steps never found anything to do"


def test_one_seed_gives_one_history(seed: int) -> None:
    story = draw(seed, STEPS_AT_MOST)
    assert draw(seed, STEPS_AT_MOST) == story
    assert run_story(story) == run_story(story)


def story_about(rule: str, seed: int) -> Story:
    story = draw(seed, STEPS_AT_MOST)
    return with_scene(story, SCENES[rule]) if rule in SCENES else story


@pytest.mark.parametrize("rule", SWITCHES)
def test_a_rule_switched_off_is_noticed(rule: str, seed: int, tally: Tally) -> None:
    with switched_off(rule):
        stories = (story_about(rule, seed + n) for n in range(HISTORIES_PER_SWITCH))
        found = next((found for story in stories if (found := violation_of(story))), None)
    assert found is not None
    assert found.promise in range(1, 7), f"noticed only as an error: {found}"
    tally.found.add(rule)


@pytest.mark.parametrize("rule", SCENES)
def test_the_scene_of_a_rule_breaks_nothing_while_the_rule_is_on(rule: str, seed: int) -> None:
    assert [violation_of(story_about(rule, seed + n)) for n in range(3)] == [None] * 3


def test_a_failure_is_cut_down_to_a_short_story_that_still_fails(seed: int) -> None:
    rule = "what the hub has is not placed again"
    with switched_off(rule):
        long = next(s for n in range(99) if violation_of(s := draw(seed + n, STEPS_AT_MOST)))
        short, found = shrunk(long)
        assert found is not None
        assert violation_of(short) is not None
    assert len(short.steps) < min(len(long.steps), 8)
    assert violation_of(short) is None
