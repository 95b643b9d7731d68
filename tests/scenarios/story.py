"""A story of this folder's world: drawn from a seed, run on copied stores, cut down on failure."""

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import peewee
from sqlcipher3 import dbapi2 as sqlcipher

from tests.scenarios.cast import PCS, Cast
from tests.scenarios.ending import come_to_rest
from tests.scenarios.steps import STEPS, take
from tests.scenarios.world import World, seeded
from tests.simulation.promises import Violation
from tests.simulation.story import Story, StoryStep

# How often each step is drawn; a desk mostly works, and its line is mostly bad.
WEIGHTS = {
    "record": 6,
    "record_many": 0.7,
    "amend": 12,
    "exchange": 8,
    "exchange_badly": 10,
    "power_cut": 6,
    "correct": 4,
    "look": 6,
    "settle": 6,
    "stick_at_hub": 4,
    "stick_comes_back": 6,
    "deliver_late": 4,
    "decide": 4,
    "change_program": 1,
    "upgrade_hub": 0.5,
    "apply_to_close": 0.3,
    "wait": 1,
    "turn_hub_clock": 0.7,
}
DEFAULT_WEIGHT = 2
SWARM = (0.3, 1, 1, 4)  # each history has habits of its own, so that rare steps meet
OPENING = ("record:0", "exchange:0", "exchange:1", "amend:0", "amend:1", "record:2")


def draw(seed: int, length: int) -> Story:
    """The story of a seed, of up to `length` steps."""
    dice = Random(f"scenario {seed}")
    kinds = list(STEPS)
    weights = [WEIGHTS.get(kind, DEFAULT_WEIGHT) * dice.choice(SWARM) for kind in kinds]
    drawn = dice.choices(kinds, weights, k=dice.randint(length // 3, length))
    # Two PCs of one station share most of the work, so that they meet.
    who = dice.choices(range(len(PCS)), (5, 5, 2, 1), k=len(drawn))
    parts = [part.split(":") for part in OPENING]
    acts = [(kind, int(each)) for kind, each in parts] + list(zip(drawn, who, strict=True))
    steps = tuple(StoryStep(kind, each, dice.randrange(10**9)) for kind, each in acts)
    return Story(seed, len(PCS), steps)


def with_scene(story: Story, scene: str) -> Story:
    """A part of the same story after a scene of "step:who step:who …"."""
    dice = Random(f"scene {story.seed}")
    parts = [part.split(":") for part in scene.split()]
    first = tuple(StoryStep(kind, int(who), dice.randrange(10**9)) for kind, who in parts)
    return replace(story, steps=first + story.steps[:20])


def run(story: Story, cast: Cast) -> Counter[str]:
    """Runs a story to its rest; which steps found something to do. Raises Violation."""
    folder = Path(tempfile.mkdtemp(dir="/tmp"))
    happened: Counter[str] = Counter()
    try:
        with seeded(Random(f"ids {story.seed}")):
            world = World(cast, folder / "world", story.seed)
            try:
                for step in story.steps:
                    happened[step.kind] += take(world, step.kind, step.who, Random(step.dice))
                come_to_rest(world)
            finally:
                world.close()
    except (Violation, KeyboardInterrupt):
        raise
    except (peewee.DatabaseError, sqlcipher.DatabaseError) as error:
        raise Violation(1, f"a store was left half written: {error}") from error
    except Exception as error:
        raise Violation(0, f"{type(error).__name__}: {error}") from error
    finally:
        shutil.rmtree(folder)
    return happened


def violation_of(story: Story, cast: Cast) -> Violation | None:
    try:
        run(story, cast)
    except Violation as found:
        return found
    return None


def fails_with(cast: Cast) -> Callable[[Story], Violation | None]:
    return lambda story: violation_of(story, cast)
