"""All steps of a story by name, and how one is taken."""

from collections.abc import Callable
from random import Random

from tests.simulation import (
    accidents,
    corrections,
    county,
    county_pages,
    desks,
    leaving,
    restores,
    traffic,
)
from tests.simulation.cast import Pc
from tests.simulation.line import TROUBLES
from tests.simulation.world import World

Step = Callable[[World, Pc, Random], bool]


def _steps(*steps: Step) -> dict[str, Step]:
    return {step.__name__: step for step in steps}


STEPS: dict[str, Step] = _steps(
    desks.record, desks.record_many, desks.amend, desks.rename, desks.void, desks.overstep,
    desks.damage, desks.look, desks.settle, desks.apply, desks.apply_to_close,
    corrections.rewrite,
    traffic.exchange, traffic.exchange_badly, traffic.exchange_busily, traffic.deliver_late,
    traffic.repeat, traffic.pry, traffic.write_stick, traffic.stick_at_hub,
    traffic.stick_comes_back,
    accidents.power_cut, accidents.power_cut_after_commit, accidents.disk_full,
    accidents.restart, accidents.restart_hub,
    accidents.change_program, accidents.upgrade_hub, accidents.turn_clock,
    accidents.turn_hub_clock, accidents.wait, accidents.body_gone_bad,
    accidents.unsent_body_gone_bad, accidents.log_gone_bad,
    leaving.lose_pc, leaving.seal_pc, leaving.erase_pc,
    restores.clone, restores.back_up_pc, restores.restore_pc, restores.restore_pc_whole,
    restores.back_up_hub, restores.restore_hub, restores.restore_hub_untold,
    restores.restore_hub_whole, restores.declare_hub_restored, restores.image_of_hub,
    county.correct, county.send_back, county.publish, county.decide, county.admit,
    county.erase, county.revoke, county.decide_on_held, county.enrol,
    county_pages.open_page, county_pages.submit_page,
)  # fmt: skip


# Their acts are counted one by one, where they happen.
CARRIED = ("exchange", "exchange_badly", "exchange_busily")


# What is nobody's work: every one of these must happen in a run.
FAULTS = (
    *(trouble for trouble in dict.fromkeys(TROUBLES) if trouble != "none"),
    "deliver_late", "repeat", "pry", "overstep", "damage",
    "power_cut", "power_cut_after_commit", "disk_full", "restart", "restart_hub",
    "change_program", "upgrade_hub",
    "turn_clock", "turn_hub_clock", "wait",
    "body_gone_bad", "unsent_body_gone_bad", "log_gone_bad", county_pages.OVER_A_RESTORE,
    "lose_pc", "seal_pc", "erase_pc", "erase", "revoke", "enrol",
    "clone", "restore_pc", "restore_pc_whole",
    "restore_hub", "restore_hub_untold", "restore_hub_whole", "declare_hub_restored",
)  # fmt: skip


def take(world: World, kind: str, who: int, dice: Random) -> bool:
    """One step, and whether there was anything to do. It draws from its own dice: left out of a
    story, it changes nothing that the others mean."""
    world.now += dice.randint(1, 60_000)
    pc = world.pcs[who % len(world.pcs)]
    happened = STEPS[kind](world, pc, dice)
    if happened and kind not in CARRIED:
        world.count(kind)
    world.onlooker.note_hub(world.hub, world.now)
    if pc in world.pcs:
        world.look_around(pc)
    return happened
