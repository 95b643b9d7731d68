"""What clerks do, on the station's own services; and two programs that do what none should.

A step is (world, PC, dice) → whether there was anything to do.
"""

from collections.abc import Callable
from random import Random
from typing import Any

from forms import ALIVE
from station_client.errors import StationError
from station_client.services.amend_entry import amend_entry, operations_of, void_entry
from station_client.services.apply_for_change import apply_for_change
from station_client.services.list_conflicts import Conflict, list_conflicts
from station_client.services.merged import merged
from station_client.services.record_entry import record_entries, record_entry
from station_client.services.settle_conflict import settle_conflict
from station_client.services.writing import save, save_change
from station_client.store.rows import RecordRow
from sync_protocol import operations
from sync_protocol.operations import Header, Operation
from tests.simulation.casework import changes, new_values
from tests.simulation.cast import MARKS, Pc
from tests.simulation.promises import require
from tests.simulation.world import World
from tests.station_client.desk import a_case

CASES = ("intake_case", "helper_case", "proxy_case")

# What a clerk may be told and nothing is wrong: the record moved on, is void, or lacks something;
# the PC is sealed, or may not be yet.
TOLD = ("form.problems", "record.", "conflict.", "station.sealed", "retire.")


def record(world: World, pc: Pc, dice: Random) -> bool:
    return is_told(lambda: write_case(world, pc, dice))


def write_case(world: World, pc: Pc, dice: Random) -> None:
    kind = dice.choice(CASES)
    record = record_entry(pc.station, kind, _new_case(pc, kind, dice))
    pc.told.append(record)


def record_many(world: World, pc: Pc, dice: Random) -> bool:
    """Many at once, as an import does: more than one request carries."""
    cases = [_new_case(pc, "helper_case", dice) for _ in range(dice.randint(2, 20))]
    return is_told(lambda: pc.told.extend(record_entries(pc.station, "helper_case", cases)))


def _new_case(pc: Pc, kind: str, dice: Random) -> dict[str, Any]:
    values: dict[str, Any] = a_case() if kind == "intake_case" else new_values(kind, dice)
    for name in (ALIVE, "case_no"):
        values.pop(name, None)
    return _marked(pc, values, dice)


def amend(world: World, pc: Pc, dice: Random) -> bool:
    row = some_case(pc, dice)
    return row is not None and is_told(lambda: amend_case(pc, row, dice))


def amend_case(pc: Pc, row: RecordRow, dice: Random) -> None:
    wanted: dict[str, Any] = {"applicant_name": "", "remark": ""}
    if row.kind != "intake_case":
        wanted = changes(row.kind, row.values, dice)
        wanted.pop(ALIVE)
    amend_entry(pc.station, row.id, _marked(pc, wanted, dice))


def rename(world: World, pc: Pc, dice: Random) -> bool:
    """Both PCs reach for the same register."""
    row = some_case(pc, dice)
    name = {"applicant_name": f"赵{MARKS[pc.region]}{dice.randint(1, 99)}"}
    return row is not None and is_told(lambda: amend_entry(pc.station, row.id, name))


def void(world: World, pc: Pc, dice: Random) -> bool:
    row = some_case(pc, dice)
    reason = f"录入错误{MARKS[pc.region]}"
    return row is not None and is_told(lambda: void_entry(pc.station, row.id, reason))


def overstep(world: World, pc: Pc, dice: Random) -> bool:
    """A program that writes what only the county may: refused, and nothing else is blocked."""
    row = some_case(pc, dice)
    if row is None or pc.station.is_sealed:
        return False
    world.note_saved(pc)
    with pc.station.store.writing():
        stored = operations_of(pc.station, row.id)
        now = merged(pc.station.forms, stored)
        save_change(pc.station, stored, now, {"county_opinion": "同意"})
    return bool(world.note_saved(pc, "author"))


def damage(world: World, pc: Pc, dice: Random) -> bool:
    """A program that writes a body nobody can read."""
    row = some_case(pc, dice)
    if row is None or pc.station.is_sealed:
        return False
    world.note_saved(pc)
    with pc.station.store.writing():
        stored = operations_of(pc.station, row.id)
        head = pc.station.store.journal.own_head(pc.station.keys.replica)
        header = Header(
            1, head.replica, head.seq + 1, world.now, pc.station.clerk, row.id, row.kind, 1
        )
        sound = operations.compose(header, dice.randbytes(16), [])
        body = dice.randbytes(20)
        broken = Operation(header, sound.header_bytes, body, operations.digest_of_body(body))
        save(pc.station, head, [broken], {row.id: stored})
    return bool(world.note_saved(pc, "body"))


def look(world: World, pc: Pc, dice: Random) -> bool:
    """Opens a conflict and leaves the page open."""
    page = _some_conflict(pc, dice)
    if page is not None:
        world.pages[pc] = page
    return page is not None


def settle(world: World, pc: Pc, dice: Random) -> bool:
    """Chooses a side, on the page that was left open if there is one, whatever came since."""
    page = world.pages.pop(pc, None) or _some_conflict(pc, dice)
    if page is None:
        return False
    name = dice.choice(page.sides).name
    world.note_saved(pc)
    is_settled = is_told(
        lambda: settle_conflict(pc.station, page.record, page.register, name, page.seen)
    )
    world.note_saved(pc, page={page.register: page.seen})
    return is_settled


def apply(world: World, pc: Pc, dice: Random) -> bool:
    return is_told(lambda: _apply(world, pc, "station_change", dice))


def apply_to_close(world: World, pc: Pc, dice: Random) -> bool:
    return is_told(lambda: _apply(world, pc, "station_close", dice))


def _apply(world: World, pc: Pc, kind: str, dice: Random) -> None:
    values = new_values(kind, dice)
    for name in (ALIVE, "state"):
        values.pop(name, None)
    record = apply_for_change(pc.station, kind, _marked(pc, values, dice))
    pc.told.append(record)


def is_told(act: Callable[[], object]) -> bool:
    """Whether a clerk's act was said to be done."""
    try:
        act()
    except StationError as told:
        require(told.code.startswith(TOLD), 0, f"a clerk is told {told.code}")
        return False
    return True


def some_case(pc: Pc, dice: Random) -> RecordRow | None:
    """One of three: a desk works on few at a time, and two PCs meet."""
    rows = sorted(pc.station.store.records.of_kind(CASES), key=lambda each: each.id)
    return dice.choice(rows[:3]) if rows else None


def _marked(pc: Pc, values: dict[str, Any], dice: Random) -> dict[str, Any]:
    """With the region's mark in what is written, and few different values."""
    text = f"王{MARKS[pc.region]}{dice.randint(1, 3)}"
    marked: dict[str, Any] = {name: text for name in ("applicant_name", "remark") if name in values}
    return {**values, **marked}


def _some_conflict(pc: Pc, dice: Random) -> Conflict | None:
    found = [each for each in list_conflicts(pc.station) if each.may_settle]
    return dice.choice(found) if found else None
