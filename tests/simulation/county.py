"""What the county does, on the hub's own services: reviews, a catalogue, decisions.

A step is (world, PC, dice) → whether there was anything to do.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from hub_server.errors import HubError
from hub_server.services.applications import Kinds, list_applications
from hub_server.services.decide_application import Terms, decide_application
from hub_server.services.decide_replica import admit_replica, list_replicas
from hub_server.services.review_case import review_case
from tests.simulation import cast
from tests.simulation.cast import COUNTY, MARKS, NEIGHBOUR, Pc
from tests.simulation.desks import CASES
from tests.simulation.promises import require
from tests.simulation.world import World


def correct(world: World, pc: Pc, dice: Random) -> bool:
    return _review(world, pc, "corrected", dice)


def send_back(world: World, pc: Pc, dice: Random) -> bool:
    return _review(world, pc, "returned", dice)


def _review(world: World, pc: Pc, action: str, dice: Random) -> bool:
    cases = world.hub.store.records.of_kinds(Kinds(CASES), "1405")
    cases = sorted(
        (each for each in cases if each.channel == pc.station.channel), key=lambda r: r.record
    )
    if not cases:
        return False
    case = dice.choice(cases)
    name = f"王{MARKS[pc.region]}{dice.randint(4, 6)}"
    corrected = {"applicant_name": name} if action == "corrected" else {}
    who, opinion = world.cast.reviewer, f"请核对{MARKS[pc.region]}"
    with _county():
        review_case(
            world.hub, who, case.channel, case.record, action, opinion, corrected,
            world.hub.shown(case.version) if dice.random() < 0.5 else "",
        )  # fmt: skip
    return True


def publish(world: World, pc: Pc, dice: Random) -> bool:
    cast.publish(world.hub, world.cast.reviewer, pc.region, dice.randint(0, 5))
    return True


def decide(world: World, pc: Pc, dice: Random) -> bool:
    """Some application of a change or a closing is approved or returned."""
    wanted = Kinds(("station_change", "station_close"), ["submitted"])
    found = list_applications(world.hub, world.cast.reviewer, wanted)
    if not found:
        return False
    chosen = dice.choice(sorted(found, key=lambda each: each.record))
    heir = NEIGHBOUR if chosen.region.startswith(COUNTY) else COUNTY
    terms = Terms(handover_to=world.cast.codes[heir])
    if chosen.kind == "station_change":
        # Without the region's mark: whoever hands its cases over is told the heir's name.
        terms = Terms(station_name=f"第{dice.randint(1, 9)}便民服务站")
    decision = dice.choice(("approve", "approve", "return"))
    with _county():
        decide_application(
            world.hub, world.cast.reviewer, chosen.record, decision, "已审", None,
            chosen.version, terms,
        )  # fmt: skip
    return True


def admit(world: World, pc: Pc, dice: Random) -> bool:
    """One of two machines that were the same waits: the county lets it go on."""
    waiting = [r for r in list_replicas(world.hub, world.cast.admin) if r.standing == "waiting"]
    if waiting:
        admit_replica(world.hub, world.cast.admin, dice.choice(waiting).id)
    return bool(waiting)


@contextmanager
def _county() -> Iterator[None]:
    """What an officer may be told and nothing is wrong."""
    try:
        yield
    except HubError as told:
        known = told.code.startswith(("case.", "application.", "record.values"))
        require(known, 0, f"an officer is told {told.code}")
