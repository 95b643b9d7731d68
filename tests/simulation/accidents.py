"""Power, disks, programs and clocks. A step is (world, PC, dice) → whether it happened."""

from random import Random

from station_client.errors import StationError
from station_client.services.exchange_with_hub import exchange_with_hub
from tests.simulation.cast import Pc
from tests.simulation.crashes import STATEMENTS, Fault, PowerCut, full_disk, struck_by
from tests.simulation.desks import TOLD, amend_case, some_case, write_case
from tests.simulation.promises import require
from tests.simulation.traffic import exchange
from tests.simulation.world import World

DAY_MS = 24 * 60 * 60 * 1000
ANOTHER_ENTRY = b"\x91\x63"  # of a later version


def power_cut(world: World, pc: Pc, dice: Random) -> bool:
    """The PC dies at some statement of whatever it does."""
    act = dice.choice((write_case, _amend_any, _exchange_any, _exchange_any))
    fault = Fault(dice.randint(1, STATEMENTS), PowerCut, dice.random() < 0.5)
    try:
        with struck_by(fault, pc.station.store.database):
            act(world, pc, dice)
    except PowerCut:
        world.restart(pc)
    except StationError as told:
        require(told.code.startswith(TOLD), 0, f"a clerk is told {told.code}")
    return fault.fired


def power_cut_after_commit(world: World, pc: Pc, dice: Random) -> bool:
    """The PC dies between two transactions of an exchange."""
    fault = Fault(dice.randint(1, 5), PowerCut, after=True)
    try:
        with struck_by(fault, pc.station.store.database, ("commit",)):
            exchange_with_hub(pc.station)
    except PowerCut:
        world.restart(pc)
    return fault.fired


def disk_full(world: World, pc: Pc, dice: Random) -> bool:
    """A full disk for one statement: told, and nothing is half done."""
    act = dice.choice((write_case, _amend_any, _exchange_any))
    fault = full_disk(dice.randint(1, STATEMENTS // 3))
    try:
        with struck_by(fault, pc.station.store.database):
            act(world, pc, dice)
    except StationError as told:
        is_told = told.code == "store.disk_full" or told.code.startswith(TOLD)
        require(is_told, 0, f"a full disk is told as {told.code}")
    return fault.fired


def _amend_any(world: World, pc: Pc, dice: Random) -> None:
    row = some_case(pc, dice)
    if row is not None:
        amend_case(pc, row, dice)


def _exchange_any(world: World, pc: Pc, dice: Random) -> None:
    exchange_with_hub(pc.station)


def body_gone_bad(world: World, pc: Pc, dice: Random) -> bool:
    """A body that was at the hub cannot be read from this PC's disk any more. It is healed, unless
    the hub is put back to before it had it."""
    return _body_gone_bad(world, pc, "position IS NOT NULL", dice)


def unsent_body_gone_bad(world: World, pc: Pc, dice: Random) -> bool:
    """One that was written here and never sent: unless there is another copy it is truly gone, and
    neither its neighbours nor those who read it are kept from anything."""
    is_gone = _body_gone_bad(world, pc, "position IS NULL AND link IS NOT NULL", dice)
    pc.lost_body |= is_gone
    return is_gone


def _body_gone_bad(world: World, pc: Pc, which: str, dice: Random) -> bool:
    rows = pc.station.store.database.rows(
        f"SELECT name, body_digest FROM operation WHERE body IS NOT NULL AND {which} ORDER BY name"
    )
    if not rows:
        return False
    gone = dice.choice(rows)
    world.onlooker.gone_bad.add(gone["body_digest"])
    pc.page = None  # it shows less until the hub has sent the body again
    with pc.station.store.writing():
        pc.station.store.database.write(
            "UPDATE operation SET body = NULL WHERE name = ?", gone["name"]
        )
    return True


def log_gone_bad(world: World, pc: Pc, dice: Random) -> bool:
    """The end of a channel as a PC holds it is not what its own log adds up to, and where the hub
    surely has it all, the log's last entry is another: it is fetched again."""
    cursors = [row.cursor for row in pc.station.store.channels.all() if row.cursor.position]
    if not cursors:
        return False
    world.look_around(pc)  # what its lamp said until now was of the sound log
    cursor, database = dice.choice(cursors), pc.station.store.database
    has_hub_all = not (world.was_put_back or pc.was_copied or pc.station.is_sealed)
    with pc.station.store.writing():
        database.write(
            "UPDATE channel SET digest = ? WHERE id = ?", dice.randbytes(32), cursor.channel
        )
        if has_hub_all:
            place = (cursor.channel, cursor.position)
            sql = "UPDATE entry SET data = ? WHERE channel = ? AND position = ?"
            database.write(sql, ANOTHER_ENTRY, *place)
    if has_hub_all:
        exchange(world, pc, dice)
    return True


def restart(world: World, pc: Pc, dice: Random) -> bool:
    world.restart(pc)
    return True


def restart_hub(world: World, pc: Pc, dice: Random) -> bool:
    world.restart_hub()
    return True


def change_program(world: World, pc: Pc, dice: Random) -> bool:
    """A PC gets a program with newer forms than the county has, or the older one again."""
    pc.is_newer = not pc.is_newer
    world.restart(pc)
    return True


def upgrade_hub(world: World, pc: Pc, dice: Random) -> bool:
    was, world.is_upgraded = world.is_upgraded, True
    if not was:
        world.restart_hub()
    return not was


def turn_clock(world: World, pc: Pc, dice: Random) -> bool:
    pc.clock_error_ms = dice.choice((0, 400 * DAY_MS, -400 * DAY_MS, 60_000))
    return True


def turn_hub_clock(world: World, pc: Pc, dice: Random) -> bool:
    before = world.hub_error_ms
    world.hub_error_ms = dice.choice((0, 60_000, -3_600_000, 2 * DAY_MS))
    world.was_hub_set_back |= world.hub_error_ms < before
    return True


def wait(world: World, pc: Pc, dice: Random) -> bool:
    world.now += dice.choice((20 * 60_000, DAY_MS, 31 * DAY_MS))
    return True
