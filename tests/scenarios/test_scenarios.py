"""Random histories of the real programs: stations and hub on their encrypted stores.

All in one process. Services and stores are the real ones; the line between them, the clocks and the
power are not (loss, repeats, delay, sticks, crashes at any statement, full disks, restarts, newer
programs at one end). A history ends at rest, where promises 1 to 9 are checked over the bytes that
both ends store; a failure is cut down to a short story and printed with its seed.

    BIANMIN_RUNS=500 BIANMIN_SEED=7 pytest tests/scenarios      BIANMIN_PROOF=1: thousands

What rules are not in the product yet (forks, restores, erasure, revocation) happens in no story.
"""

import os
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.scenarios.cast import Cast, make_cast
from tests.scenarios.steps import STEPS
from tests.scenarios.story import draw, fails_with, violation_of, with_scene
from tests.scenarios.story import run as run_story
from tests.scenarios.switches import SCENES, SWITCHES, switched_off
from tests.simulation.promises import Violation
from tests.simulation.story import Story, shrunk

RUNS = 36
RUNS_OF_THE_PROOF = 2_000
STEPS_AT_MOST = 60
HISTORIES_PER_SWITCH = 60
ENOUGH_FOR_EVERY_STEP = 200


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    with pytest.MonkeyPatch.context() as patch:
        yield make_cast(tmp_path_factory.mktemp("cast"), patch)


@pytest.fixture(scope="module")
def seed() -> int:
    """The seed of the first history."""
    return int(os.environ.get("BIANMIN_SEED") or 1) * 1_000_000


def failure(story: Story, cast: Cast) -> str:
    short, found = shrunk(story, fails_with(cast))
    return f"\n{found}\n{short.told()}\n(from {len(story.steps)} steps)"


@pytest.mark.timeout(0)
def test_no_random_history_of_the_real_programs_breaks_a_promise(seed: int, cast: Cast) -> None:
    absent = RUNS_OF_THE_PROOF if os.environ.get("BIANMIN_PROOF") else RUNS
    runs = int(os.environ.get("BIANMIN_RUNS") or absent)
    happened: Counter[str] = Counter()
    for n in range(runs):
        story = draw(seed + n, STEPS_AT_MOST)
        try:
            happened += run_story(story, cast)
        except Violation:
            pytest.fail(failure(story, cast), pytrace=False)
    print(f"\nscenarios: {runs:,} runs, {happened.total():,} steps, seed {seed // 1_000_000}")
    never = set(STEPS) - set(happened) if runs >= ENOUGH_FOR_EVERY_STEP else set()
    assert never == set(), "these steps never found anything to do"


def story_about(rule: str, seed: int) -> Story:
    story = draw(seed, STEPS_AT_MOST)
    return with_scene(story, SCENES[rule]) if rule in SCENES else story


@pytest.mark.timeout(0)
@pytest.mark.parametrize("rule", SWITCHES)
def test_a_rule_switched_off_is_noticed(rule: str, seed: int, cast: Cast) -> None:
    with switched_off(rule):
        stories = (story_about(rule, seed + n) for n in range(HISTORIES_PER_SWITCH))
        found = next((found for each in stories if (found := violation_of(each, cast))), None)
    assert found is not None
    assert found.promise in range(1, 10), f"noticed only as an error: {found}"


@pytest.mark.parametrize("rule", SCENES)
def test_the_scene_of_a_rule_breaks_nothing_while_the_rule_is_on(
    rule: str, seed: int, cast: Cast
) -> None:
    assert violation_of(story_about(rule, seed), cast) is None


def test_one_seed_gives_one_history(seed: int, cast: Cast) -> None:
    story = draw(seed, STEPS_AT_MOST)
    assert run_story(story, cast) == run_story(story, cast)


def test_a_failure_is_cut_down_to_a_short_story_that_still_fails(seed: int, cast: Cast) -> None:
    with switched_off("an unreadable body is refused, the chain goes on"):
        long = next(s for n in range(99) if violation_of(s := draw(seed + n, 30), cast))
        short, found = shrunk(long, fails_with(cast))
        assert found is not None
    assert len(short.steps) < min(len(long.steps), 8)
    assert violation_of(short, cast) is None
