"""What the county does, on the hub's own services: reviews, a catalogue, decisions.

A step is (world, PC, dice) → whether there was anything to do.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.services.applications import Kinds, list_applications
from hub_server.services.decide_application import Terms, decide_application
from hub_server.services.decide_held import decide_held
from hub_server.services.decide_replica import admit_replica, list_replicas
from hub_server.services.issue_code import issue_code
from hub_server.services.list_undecided import UndecidedItem, list_undecided
from hub_server.services.review_case import review_case
from hub_server.services.withdraw import erase_record, revoke_enrolment
from hub_server.store import StoredRecord
from station_client.home import Home
from tests.simulation import cast
from tests.simulation.cast import COUNTY, MARKS, NEIGHBOUR, PCS_AT_MOST, Pc
from tests.simulation.desks import CASES
from tests.simulation.promises import require
from tests.simulation.world import World

# What an officer may be told and nothing is wrong: the record moved on, the station is closed.
TOLD = (
    "case.", "application.", "record.values", "record.erased", "station.", "replica.not_here",
    "undecided.", "code.",
)  # fmt: skip


def correct(world: World, pc: Pc, dice: Random) -> bool:
    return _review(world, pc, "corrected", dice)


def send_back(world: World, pc: Pc, dice: Random) -> bool:
    return _review(world, pc, "returned", dice)


def _review(world: World, pc: Pc, action: str, dice: Random) -> bool:
    case = _some_case(world, pc, dice)
    if case is None:
        return False
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


def erase(world: World, pc: Pc, dice: Random) -> bool:
    """The retention of some record ends: its contents go, everywhere and for good."""
    case = _some_case(world, pc, dice)
    if case is None:
        return False
    erase_record(world.hub, world.cast.admin, case.record, "保存期满")
    world.onlooker.erased.add(case.record)
    return True


def revoke(world: World, pc: Pc, dice: Random) -> bool:
    """A PC is stolen; what it, or a copy of it, goes on to write is not believed."""
    own = pc.station
    others = [each for each in world.pcs if each.station.channel == own.channel]
    if all(each.enrolment == pc.enrolment for each in others):
        return False
    with _county():
        revoke_enrolment(world.hub, world.cast.admin, own.keys.replica, "电脑失窃")
        world.onlooker.revoked.setdefault(pc.enrolment, world.now)
        return True
    return False


def decide_on_held(world: World, pc: Pc, dice: Random) -> bool:
    """The county believes something that waits for it, or does not."""
    waiting = waiting_for_county(world)
    if not waiting:
        return False
    chosen, verdict = dice.choice(waiting), dice.choice(("accepted", "refused"))
    before = accepted_roots(world.hub)
    with _county():
        decide_held(
            world.hub, world.cast.admin, chosen.channel, [chosen.identity], verdict, "已核实"
        )
    world.onlooker.believed |= accepted_roots(world.hub) - before
    return True


def waiting_for_county(world: World) -> list[UndecidedItem]:
    found, _ = list_undecided(world.hub, world.cast.admin, limit=1_000)
    return [each for each in found if each.waits_for_county]


def accepted_roots(hub: Hub) -> set[bytes]:
    sql = "SELECT body_digest FROM operation WHERE verdict = 2"
    return {row[0] for row in hub.store._database.execute_sql(sql).fetchall()}


def enrol(world: World, pc: Pc, dice: Random) -> bool:
    """One more PC of the station, or a replacement, which starts from a snapshot if it may."""
    if len(world.pcs) >= PCS_AT_MOST:
        return False
    with _county():
        code = issue_code(world.hub, world.cast.admin, world.cast.codes[pc.region])
        folder = world.new_folder()
        world.add(Pc(Home.open(folder), cast.enrolled(folder, world.hub, code), pc.region))
        return True
    return False


def _some_case(world: World, pc: Pc, dice: Random) -> StoredRecord | None:
    found = world.hub.store.records.of_kinds(Kinds(CASES), "1405")
    cases = [each for each in found if each.channel == pc.station.channel]
    return dice.choice(sorted(cases, key=lambda each: each.record)) if cases else None


@contextmanager
def _county() -> Iterator[None]:
    """What an officer may be told and nothing is wrong."""
    try:
        yield
    except HubError as told:
        known = told.code.startswith(TOLD)
        require(known, 0, f"an officer is told {told.code}")
