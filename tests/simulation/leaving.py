"""How a PC leaves its desk: lost, or sealed or erased once the station is closed.

A step is (world, PC, dice) → whether there was anything to do.
"""

from collections.abc import Callable
from random import Random

from station_client.home import ERASING, KEPT, LOGS, Home
from station_client.services.retire import Ended, erase_store, seal_store
from station_client.station import Station
from tests.simulation.cast import Pc
from tests.simulation.crashes import STATEMENTS, Fault, PowerCut, struck_by
from tests.simulation.desks import is_told
from tests.simulation.line import TROUBLES
from tests.simulation.promises import require
from tests.simulation.world import World


def lose_pc(world: World, pc: Pc, dice: Random) -> bool:
    """A PC is never seen again; its desk has another one."""
    if len([each for each in world.pcs if each.region == pc.region]) < 2:
        return False
    world.remove(pc)
    world.lost_pcs.append(pc)
    return True


def seal_pc(world: World, pc: Pc, dice: Random) -> bool:
    """A closed desk says farewell; from then on its PC is only read. The power may go meanwhile."""
    if not pc.station.is_closed:
        return False
    before = pc.station.is_sealed
    try:
        _ends(world, pc, seal_store, dice)
    except PowerCut:
        world.restart(pc)
    return pc.station.is_sealed and not before


def erase_pc(world: World, pc: Pc, dice: Random) -> bool:
    """A closed desk says farewell and its PC forgets everything: what it held is the county's to
    keep. Where the power goes in the middle, the next start completes it."""
    if not pc.station.is_closed or len(world.pcs) < 2:
        return False
    folder, held = pc.home.folder, world.onlooker.held_by(pc)
    try:
        is_gone = _ends(world, pc, erase_store, dice)
    except PowerCut:
        is_gone = (folder / ERASING).exists()
        if is_gone:
            pc.station.close()
            Home.open(folder)
        else:
            world.restart(pc)
    if is_gone:
        left = {path.name for path in folder.iterdir()} - KEPT
        require(left <= {LOGS}, 8, "an erased PC still holds something")
        world.remove(pc)
        world.onlooker.entrusted |= held
    return is_gone


def _ends(world: World, pc: Pc, how: Callable[[Station, str], Ended], dice: Random) -> bool:
    """Whether the clerk is told that it is done; PowerCut at some statement, or as keys go."""
    station, line = pc.station, world.line_of(pc)
    line.troubles, line.dice, line.requests = dice.choices(TROUBLES, k=2), dice, 0
    statement = Fault(dice.randint(1, 4 * STATEMENTS), PowerCut, dice.random() < 0.5)
    key = Fault(dice.randint(1, 3), PowerCut, dice.random() < 0.5)
    try:
        with struck_by(statement, station.store.database), struck_by(key, station.vault, KEYS):
            return is_told(lambda: how(station, station.certificate.station_code))
    finally:
        line.troubles = []


KEYS = ("destroy",)
