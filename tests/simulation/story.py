"""A story: a seed and its steps. Drawn at random, run, cut down to what matters when it fails."""

import signal
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

import peewee
from sqlcipher3 import dbapi2 as sqlcipher

from tests.simulation.cast import PCS, Cast
from tests.simulation.ending import come_to_rest
from tests.simulation.promises import Violation
from tests.simulation.steps import STEPS, take
from tests.simulation.world import World, seeded

# How often each step is drawn; a desk mostly works, and its line is mostly bad.
WEIGHTS = {
    "record": 6,
    "record_many": 0.7,
    "amend": 10,
    "rename": 4,
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
    "clone": 0.7,
    "back_up_pc": 3,
    "restore_pc": 1,
    "restore_pc_whole": 1,
    "back_up_hub": 2,
    "image_of_hub": 2,
    "restore_hub": 1,
    "restore_hub_untold": 0.7,
    "restore_hub_whole": 0.7,
    "declare_hub_restored": 0.5,
    "admit": 1,
    "erase": 1,
    "revoke": 0.4,
    "decide_on_held": 2,
    "enrol": 0.8,
    "body_gone_bad": 0.6,
    "lose_pc": 0.3,
    "unsent_body_gone_bad": 0.4,
    "log_gone_bad": 0.5,
    "seal_pc": 0.7,
    "erase_pc": 0.7,
    "open_page": 1.5,
    "submit_page": 1.5,
    "rewrite": 1,
}
DEFAULT_WEIGHT = 2
SWARM = (0, 0.3, 1, 1, 4)  # each history has habits of its own, so that rare steps meet
OPENING = ("record:0", "exchange:0", "exchange:1", "amend:0", "amend:1")
CHAPTERS = (
    "exchange:0 apply_to_close:0 exchange:0 decide:0 decide:0 exchange:0 exchange:1 back_up_hub:0"
    " exchange:0 erase_pc:0 exchange:1 seal_pc:1 erase_pc:0",
    "exchange:0 back_up_hub:0 open_page:0 open_page:0 amend:0 exchange:0 restore_hub:0"
    " submit_page:0 submit_page:0",
)
"""What hardly ever comes together of itself: part of many stories, in their first half."""
NO_CHAPTER = 3
SHRINKS = 400
SECONDS_AT_MOST = 10
"""Of the processor, for a history that takes less than one."""


@dataclass(frozen=True)
class StoryStep:
    kind: str
    who: int
    dice: int


@dataclass(frozen=True)
class Story:
    """Everything that happens in one history follows from this."""

    seed: int
    pcs: int
    steps: tuple[StoryStep, ...]

    def told(self) -> str:
        lines = [f"seed {self.seed}, {self.pcs} PCs"]
        lines += [
            f"  {n}. PC {s.who}: {s.kind} (dice {s.dice})" for n, s in enumerate(self.steps, 1)
        ]
        return "\n".join(lines)


@dataclass(frozen=True)
class History:
    """What a story came to: how often each act happened, and a hash over all that was answered."""

    happened: Counter[str]
    trace: str


def draw(seed: int, length: int) -> Story:
    """The story of a seed, of up to `length` steps."""
    dice = Random(f"story {seed}")
    pcs = dice.choice((2, 2, 2, 3, 3, len(PCS)))
    kinds = list(STEPS)
    weights = [WEIGHTS.get(kind, DEFAULT_WEIGHT) * dice.choice(SWARM) for kind in kinds]
    drawn = dice.choices(kinds, weights, k=dice.randint(length // 2, length))
    # Two PCs of one station share most of the work, so that they meet; the last are clones.
    who = dice.choices(range(pcs + 2), (5, 5, 2, 2, 2, 2)[: pcs + 2], k=len(drawn))
    steps = [
        StoryStep(kind, each, dice.randrange(10**9)) for kind, each in zip(drawn, who, strict=True)
    ]
    chapter = dice.choice((*CHAPTERS, *[""] * NO_CHAPTER)).split()
    at = dice.randrange(len(steps) // 2)
    steps[at : at + len(chapter)] = _steps(chapter, dice)
    return Story(seed, pcs, (*_steps(OPENING, dice), *steps))


def with_scene(story: Story, scene: str, tail: int) -> Story:
    """So many steps of the same story after a scene of "step:who step:who …"."""
    first = _steps(scene.split(), Random(f"scene {story.seed}"))
    return replace(story, pcs=len(PCS), steps=(*first, *story.steps[:tail]))


def _steps(parts: Iterable[str], dice: Random) -> list[StoryStep]:
    pairs = [part.split(":") for part in parts]
    return [StoryStep(kind, int(who), dice.randrange(10**9)) for kind, who in pairs]


def run(story: Story, cast: Cast) -> History:
    """Runs a story to its rest. Raises Violation."""
    place = Path(tempfile.mkdtemp(dir="/tmp"))
    folder = place / "world"
    try:
        with bounded(), cast.disks.in_use(), seeded(Random(f"ids {story.seed}")):
            world = World(cast, folder, story.seed, story.pcs)
            try:
                for step in story.steps:
                    take(world, step.kind, step.who, Random(step.dice))
                happened = Counter(world.happened)
                come_to_rest(world)
            finally:
                world.close()
        return History(happened, world.trace.hexdigest())
    except (Violation, KeyboardInterrupt):
        raise
    except (peewee.DatabaseError, sqlcipher.DatabaseError) as error:
        raise Violation(1, f"a store was left half written: {error}") from error
    except Exception as error:
        raise Violation(0, f"{type(error).__name__}: {error}") from error
    finally:
        cast.disks.forget(place)


@contextmanager
def bounded() -> Iterator[None]:
    """A program that never comes to an end breaks a promise, too."""

    def stop(*signalled: object) -> None:
        raise Violation(4, "a program never comes to an end")

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS_AT_MOST)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def violation_of(story: Story, cast: Cast) -> Violation | None:
    try:
        run(story, cast)
    except Violation as found:
        return found
    return None


def shrunk(
    story: Story, fault_of: Callable[[Story], Violation | None]
) -> tuple[Story, Violation | None]:
    """A story as short as leaving out steps, many and then one by one, makes it; still failing."""
    found = fault_of(story)
    size, tries = max(len(story.steps) // 2, 1), 0
    while found is not None and tries < SHRINKS:
        before = story
        for start in reversed(range(0, len(story.steps), size)):
            shorter = replace(story, steps=story.steps[:start] + story.steps[start + size :])
            again = fault_of(shorter)
            tries += 1
            if again is not None:
                story, found = shorter, again
        if size == 1 and story == before:
            break
        size = max(size // 2, 1)
    return story, found
