"""Random histories of the real programs: stations and hub with their stores, forms and protocol.

Services and stores are the real ones; the line between them, the clocks, the disks and the power
are not. Promises are checked after every step and, over the bytes that all ends store, at rest; a
failure is cut down to a short story and printed with its seed.

    make simulate RUNS=5000 SEED=7        with an empty SEED another one each time, printed
"""

import os

import pytest

from station_client import key_slot
from sync_protocol import crypto, limits
from tests import figures
from tests.simulation.bug import Bug
from tests.simulation.bugs import BUGS, story_about
from tests.simulation.campaign import (
    SEEDS_A_SEED,
    STEPS_AT_MOST,
    cast,
    play,
    simulate,
)
from tests.simulation.steps import FAULTS
from tests.simulation.story import draw, run, violation_of

SEED = int(os.environ.get("BIANMIN_SEED") or 1)
RUNS = 1_000
RUNS_OF_THE_PROOF = 10_000
AS_IMPORTED = key_slot.ARGON2_MEMORY_KIB, limits.BATCH_BYTES, crypto.new_signing_key


@pytest.mark.timeout(0)
def test_random_histories_break_no_promise_and_every_planted_bug_is_found() -> None:
    runs = RUNS_OF_THE_PROOF if os.environ.get("BIANMIN_PROOF") else RUNS
    is_shared = "PYTEST_XDIST_WORKER" in os.environ  # the other core has tests of its own
    tally = simulate(SEED, runs, processes=1 if is_shared else 2)
    assert tally.is_ok, "\n".join([*tally.stories, tally.told()])
    figures.note(
        "Simulation",
        histories=tally.runs,
        steps=tally.steps,
        violations=len(tally.stories),
        planted_bugs_found=f"{len(tally.bugs)} of {len(BUGS)}",
        faults=sum(tally.happened[each] for each in FAULTS),
    )


@pytest.mark.parametrize("bug", [each for each in BUGS if each.scene], ids=lambda each: each.rule)
def test_the_scene_of_a_rule_breaks_nothing_while_the_rule_is_there(bug: Bug) -> None:
    story = story_about(bug, SEED * SEEDS_A_SEED, STEPS_AT_MOST)
    assert violation_of(story, cast(on_files=False)) is None


def test_in_memory_and_on_encrypted_files_a_seed_gives_the_same_history() -> None:
    story = draw(SEED * SEEDS_A_SEED, STEPS_AT_MOST)
    assert run(story, cast(on_files=False)) == run(story, cast(on_files=True))


def test_the_cast_and_a_history_leave_the_programs_as_they_were() -> None:
    run(draw(SEED, STEPS_AT_MOST), cast(on_files=False))
    assert (key_slot.ARGON2_MEMORY_KIB, limits.BATCH_BYTES, crypto.new_signing_key) == AS_IMPORTED


def test_a_failure_is_cut_down_to_a_short_story_with_its_seed() -> None:
    bug = next(each for each in BUGS if each.rule.startswith("an unreadable body is refused"))
    with bug.planted():
        tally = play(range(SEED * SEEDS_A_SEED, SEED * SEEDS_A_SEED + 99))
    [failure] = tally.stories
    lines = failure.splitlines()
    assert lines[0].startswith("promise 4")
    assert lines[1].startswith(f"seed {SEED * SEEDS_A_SEED + tally.runs}, ")
    assert len(lines) < 12
