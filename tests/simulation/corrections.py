"""Correcting what the county holds. A step is (world, PC, dice) → whether there was anything to do.

Every register is written again, as PROTOCOL.md, section 6, has it: a program of another maker may.
"""

from random import Random

from station_client.services.amend_entry import operations_of
from station_client.services.merged import merged
from station_client.services.writing import save_change
from tests.simulation.cast import Pc
from tests.simulation.desks import CASES
from tests.simulation.promises import require
from tests.simulation.rest_of_hub import rows
from tests.simulation.traffic import exchange
from tests.simulation.world import World


def rewrite(world: World, pc: Pc, dice: Random) -> bool:
    """What is held for its form is written again in one that the county knows: that waits for
    nothing, or nothing that is held could be corrected."""
    station, held = pc.station, _held_for_its_form(pc)
    if not held or pc.is_newer or station.is_closed:
        return False
    record = dice.choice(held)
    world.note_saved(pc)
    with station.store.writing():
        stored = operations_of(station, record)
        now = merged(station.forms, stored)
        save_change(station, stored, now, now.values)
        name = station.store.journal.operations_of(station.channel, [record])[record][-1].name
    world.note_saved(pc)
    exchange(world, pc, dice)
    found = rows(world.hub, "SELECT code FROM operation WHERE name = ?", name)
    require(("record",) not in found, 4, "a correction waits for what it corrects")
    return True


def _held_for_its_form(pc: Pc) -> list[bytes]:
    """Cases of which nothing but their creation is there, written here."""
    cases = ",".join("?" * len(CASES))
    found = pc.station.store.database.rows(
        "SELECT record FROM operation GROUP BY record HAVING count(*) = 1 AND verdict = 0"
        f" AND code = 'form' AND link IS NOT NULL AND body IS NOT NULL AND kind IN ({cases})"
        " ORDER BY record",
        *CASES,
    )
    return [row["record"] for row in found]
