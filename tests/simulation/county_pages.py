"""Pages that an officer left open: opened on what the hub held then, submitted on what it holds
later, perhaps after a backup was put back.

A step is (world, PC, dice) → whether there was anything to do.
"""

from random import Random

from tests.simulation.cast import Pc
from tests.simulation.county import approve_or_return, review, some_application, some_case
from tests.simulation.promises import require
from tests.simulation.world import CountyPage, World

OVER_A_RESTORE = "page from before a restore"
PAGES_OPEN = 3


def open_page(world: World, pc: Pc, dice: Random) -> bool:
    """Somebody in the county reads a case or an application, and is called away."""
    case, application = some_case(world, pc, dice), some_application(world, dice)
    if case is not None and (application is None or dice.random() < 0.5):
        page = CountyPage(case, world.hub.shown(case.version), world.hub.epoch)
    elif application is not None:
        page = CountyPage(application, application.version, world.hub.epoch)
    else:
        return False
    world.county_pages = [*world.county_pages, page][-PAGES_OPEN:]
    return True


def submit_page(world: World, pc: Pc, dice: Random) -> bool:
    """And decides on what it showed: never about what another history has in that place."""
    if not world.county_pages:
        return False
    page = world.county_pages.pop(dice.randrange(len(world.county_pages)))
    is_older = page.epoch != world.hub.epoch
    if is_older:
        world.count(OVER_A_RESTORE)
    now = world.hub.store.records.get(page.shown.channel, page.shown.record)
    is_stale = now is None or world.hub.shown(now.version) != page.version
    decide = approve_or_return if page.is_application else review
    is_decided = decide(world, page.shown, page.version, dice)
    require(not (is_decided and is_older), 10, "a page from before a restore decides")
    require(not (is_decided and is_stale), 3, "a page decides on what it did not show")
    return True
