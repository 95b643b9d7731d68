"""All planted bugs, and the stories in which each must be found.

Of one rule there is but half: nothing is let go of that some backup lacks, and never by a clock.
What a PC that leaves erases is planted; no program purges bodies by itself, so there is nothing to
leave out. That a hub which rewrites its history raises the alarm is no story here: this one never
does; `tests/station_client` tries it.
"""

from tests.simulation import (
    bugs_of_pages,
    bugs_of_programs,
    bugs_of_protocol,
    bugs_of_restores,
    bugs_of_snapshots,
)
from tests.simulation.bug import Bug
from tests.simulation.story import Story, draw, with_scene

BUGS: tuple[Bug, ...] = (
    *bugs_of_protocol.BUGS,
    *bugs_of_programs.BUGS,
    *bugs_of_restores.BUGS,
    *bugs_of_snapshots.BUGS,
    *bugs_of_pages.BUGS,
)


def story_about(bug: Bug, seed: int, length: int) -> Story:
    """A random story; of a bug that needs one, part of it after its scene."""
    story = draw(seed, length)
    return with_scene(story, bug.scene, bug.tail) if bug.scene else story
