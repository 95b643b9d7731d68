"""What the county does, on the hub's own services: reviews, a catalogue, decisions.

A step is (world, PC, dice) → whether there was anything to do.
"""

from collections.abc import Callable
from random import Random

from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.services.applications import Application, Kinds, list_applications
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
from tests.simulation.rest_of_hub import rows
from tests.simulation.world import World

# What an officer may be told and nothing is wrong: the record moved on, the station is closed.
TOLD = (
    "case.", "application.", "record.values", "record.erased", "station.", "replica.not_here",
    "undecided.", "code.", "page.before_restore",
)  # fmt: skip


def correct(world: World, pc: Pc, dice: Random) -> bool:
    return _review_some(world, pc, "corrected", dice)


def send_back(world: World, pc: Pc, dice: Random) -> bool:
    return _review_some(world, pc, "returned", dice)


def _review_some(world: World, pc: Pc, action: str, dice: Random) -> bool:
    case = some_case(world, pc, dice)
    if case is not None:
        version = world.hub.shown(case.version) if dice.random() < 0.5 else ""
        review(world, case, version, dice, action)
    return case is not None


def review(
    world: World, case: StoredRecord, version: str, dice: Random, action: str = "corrected"
) -> bool:
    """Whether a case is corrected or returned, on a page that showed this version."""
    mark = MARKS[case.region[:6]]
    corrected = {"applicant_name": f"王{mark}{dice.randint(4, 6)}"} if action == "corrected" else {}
    return _is_done(
        world,
        lambda: review_case(
            world.hub, world.cast.reviewer, case.channel, case.record, action, f"请核对{mark}",
            corrected, version,
        )
    )  # fmt: skip


def publish(world: World, pc: Pc, dice: Random) -> bool:
    cast.publish(world.hub, world.cast.reviewer, pc.region, dice.randint(0, 5))
    return True


def decide(world: World, pc: Pc, dice: Random) -> bool:
    """Some application of a change or a closing is approved or returned."""
    chosen = some_application(world, dice)
    if chosen is not None:
        approve_or_return(world, chosen, chosen.version, dice)
    return chosen is not None


def some_application(world: World, dice: Random) -> Application | None:
    wanted = Kinds(("station_change", "station_close"), ["submitted"])
    found = list_applications(world.hub, world.cast.reviewer, wanted)
    return dice.choice(sorted(found, key=lambda each: each.record)) if found else None


def approve_or_return(world: World, chosen: Application, version: str, dice: Random) -> bool:
    """Whether an application is decided, on a page that showed this version."""
    heir = NEIGHBOUR if chosen.region.startswith(COUNTY) else COUNTY
    terms = Terms(handover_to=world.cast.codes[heir])
    if chosen.kind == "station_change":
        # Without the region's mark: whoever hands its cases over is told the heir's name.
        terms = Terms(station_name=f"第{dice.randint(1, 9)}便民服务站")
    decision = dice.choice(("approve", "approve", "return"))
    return _is_done(
        world,
        lambda: decide_application(
            world.hub, world.cast.reviewer, chosen.record, decision, "已审", None, version, terms
        ),
    )


def admit(world: World, pc: Pc, dice: Random) -> bool:
    """One of two machines that were the same waits: the county lets it go on."""
    waiting = [r for r in list_replicas(world.hub, world.cast.admin) if r.standing == "waiting"]
    if waiting:
        chosen = dice.choice(waiting).id
        is_new = chosen not in world.onlooker.admitted
        require(is_new, 10, "who was admitted waits again")
        _is_done(world, lambda: admit_replica(world.hub, world.cast.admin, chosen))
        world.onlooker.admitted.add(chosen)
    return bool(waiting)


def erase(world: World, pc: Pc, dice: Random) -> bool:
    """The retention of some record ends: its contents go, everywhere and for good."""
    case = some_case(world, pc, dice)
    if case is None:
        return False
    erased = case.record
    _is_done(world, lambda: erase_record(world.hub, world.cast.admin, erased, "保存期满"))
    world.onlooker.erased.add(erased)
    return True


def revoke(world: World, pc: Pc, dice: Random) -> bool:
    """A PC is stolen; what it, or a copy of it, goes on to write is not believed."""
    own = pc.station
    others = [each for each in world.pcs if each.station.channel == own.channel]
    is_known = world.hub.store.withdrawn.is_revoked(pc.enrolment)
    if is_known or all(each.enrolment == pc.enrolment for each in others):
        return False
    is_done = _is_done(
        world, lambda: revoke_enrolment(world.hub, world.cast.admin, own.keys.replica, "电脑失窃")
    )
    if is_done:
        world.onlooker.revoked.setdefault(pc.enrolment, world.now)
    return is_done


def decide_on_held(world: World, pc: Pc, dice: Random) -> bool:
    """The county believes something that waits for it, or does not."""
    waiting = waiting_for_county(world)
    if not waiting:
        return False
    chosen, verdict = dice.choice(waiting), dice.choice(("accepted", "refused"))
    before = accepted_roots(world.hub)
    _is_done(
        world,
        lambda: decide_held(
            world.hub, world.cast.admin, chosen.channel, [chosen.identity], verdict, "已核实"
        ),
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

    def enrolled() -> None:
        code = issue_code(world.hub, world.cast.admin, world.cast.codes[pc.region])
        folder = world.new_folder()
        world.add(Pc(Home.open(folder), cast.enrolled(folder, world.hub, code), pc.region))

    return _is_done(world, enrolled)


def some_case(world: World, pc: Pc, dice: Random) -> StoredRecord | None:
    found = world.hub.store.records.of_kinds(Kinds(CASES), "1405")
    cases = [each for each in found if each.channel == pc.station.channel]
    return dice.choice(sorted(cases, key=lambda each: each.record)) if cases else None


def _is_done(world: World, act: Callable[[], object]) -> bool:
    """Whether an officer's act is done, and stands in the audit. What one may be told instead is no
    fault."""
    before = _audited(world.hub)
    try:
        act()
    except HubError as told:
        known = told.code.startswith(TOLD)
        require(known, 0, f"an officer is told {told.code}")
        return False
    require(_audited(world.hub) > before, 7, "an officer's act is not in the audit")
    return True


def _audited(hub: Hub) -> int:
    return int(rows(hub, "SELECT count(*) FROM audit")[0][0])
