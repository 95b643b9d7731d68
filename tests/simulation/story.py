"""A story: a seed and its steps. Drawn at random, run, cut down to what matters when it fails."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from tests.simulation.promises import Violation
from tests.simulation.world import STEPS, World

# How often each step is drawn; a desk mostly works and mostly has a network.
WEIGHTS = {
    "amend": 16,
    "exchange": 10,
    "carry": 10,
    "look": 7,
    "settle": 7,
    "county_write": 6,
    "record": 5,
    "send": 5,
    "send_ahead": 5,
    "county_look": 5,
    "county_decide": 5,
    "change_program": 4,
    "turn_clock": 3,
    "write_stick": 3,
    "repeat": 3,
    "put_back": 5,
    "back_up": 4,
    "clone": 0.3,
}
DEFAULT_WEIGHT = 2
SWARM = (0.3, 1, 1, 4)  # each history has habits of its own, so that rare steps meet
SHRINKS = 400


@dataclass(frozen=True)
class StoryStep:
    kind: str
    who: int
    dice: int


@dataclass(frozen=True)
class Story:
    """Everything that happens in one history follows from this."""

    seed: int
    stations: int
    steps: tuple[StoryStep, ...]

    def told(self) -> str:
        lines = [f"seed {self.seed}, {self.stations} PCs"]
        lines += [
            f"  {n}. PC {s.who}: {s.kind} (dice {s.dice})" for n, s in enumerate(self.steps, 1)
        ]
        return "\n".join(lines)


def draw(seed: int, length: int) -> Story:
    """The story of a seed, of up to `length` steps."""
    dice = Random(f"story {seed}")
    stations = dice.choice((1, 2, 2, 3))
    kinds = list(STEPS)
    weights = [WEIGHTS.get(kind, DEFAULT_WEIGHT) * dice.choice(SWARM) for kind in kinds]
    drawn = dice.choices(kinds, weights, k=dice.randint(length // 3, length))
    opening = ["record", "exchange", "exchange"]  # else there is nothing to work on for long
    steps = tuple(
        StoryStep(kind, dice.randrange(stations + 1), dice.randrange(10**9))
        for kind in opening + drawn
    )
    return Story(seed, stations, steps)


def with_scene(story: Story, scene: str) -> Story:
    """The same story after a scene of "step:who step:who …"; one PC, so that `who` is certain."""
    dice = Random(f"scene {story.seed}")
    parts = [part.split(":") for part in scene.split()]
    first = tuple(StoryStep(kind, int(who), dice.randrange(10**9)) for kind, who in parts)
    return replace(story, stations=1, steps=first + story.steps[:20])


def run(story: Story) -> Counter[str]:
    """Runs a story to its rest; which steps found something to do. Raises Violation."""
    world = World(story.seed, story.stations)
    happened: Counter[str] = Counter()
    try:
        for step in story.steps:
            happened[step.kind] += world.take(step.kind, step.who, Random(step.dice))
        world.come_to_rest()
    except (Violation, KeyboardInterrupt):
        raise
    except Exception as error:
        raise Violation(0, f"{type(error).__name__}: {error}") from error
    return happened


def violation_of(story: Story) -> Violation | None:
    try:
        run(story)
    except Violation as found:
        return found
    return None


def shrunk(
    story: Story, fault_of: Callable[[Story], Violation | None] = violation_of
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
