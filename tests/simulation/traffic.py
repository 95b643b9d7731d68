"""What passes between desk and county: exchanges over a bad line, sticks, requests that come
late or again, and a PC that asks for what is not its own.

A step is (world, PC, dice) → whether there was anything to do.
"""

from random import Random

import msgspec

from hub_server.errors import HubError
from hub_server.services.answer_courier import answer_courier
from station_client.errors import StationError
from station_client.services.carry_courier import read_reply, write_request
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.read_status import read_status
from sync_protocol import agree, channel, courier, envelope
from sync_protocol.channel import Cursor
from sync_protocol.errors import PeerFault
from sync_protocol.exchange import Report, Request, seal_request
from tests.simulation import desks
from tests.simulation.cast import Pc
from tests.simulation.line import TROUBLES, damaged
from tests.simulation.promises import Violation, require
from tests.simulation.world import World


def exchange(world: World, pc: Pc, dice: Random) -> bool:
    return _exchange(world, pc, [], dice)


def exchange_badly(world: World, pc: Pc, dice: Random) -> bool:
    return _exchange(world, pc, dice.choices(TROUBLES, k=3), dice)


def exchange_busily(world: World, pc: Pc, dice: Random) -> bool:
    """While the request is under way the clerk goes on writing, and a colleague exchanges."""
    others = [each for each in world.pcs if each is not pc]

    def meanwhile() -> None:
        dice.choice((desks.record, desks.amend))(world, pc, dice)
        world.note_saved(pc)
        if others:
            exchange(world, dice.choice(others), dice)

    line = world.line_of(pc)
    line.meanwhile = [meanwhile] * dice.randint(1, 2)
    try:
        return _exchange(world, pc, [], dice)
    finally:
        line.meanwhile = []


def _exchange(world: World, pc: Pc, troubles: list[str], dice: Random) -> bool:
    line = world.line_of(pc)
    line.troubles, line.dice, line.requests = troubles, dice, 0
    asked = list(troubles)
    try:
        outcome = exchange_with_hub(pc.station)
    except StationError as told:
        is_line = told.code.startswith(("transport.", "envelope.", "reply.", "message."))
        is_told_why = is_line and any(each != "none" for each in asked)
        require(is_told_why, 4, f"nothing goes over a sound line: {told.code}")
        return True
    finally:
        line.troubles = []
    if outcome.synchronised:
        world.onlooker.check_claim(pc, line.delivered)
        offset = read_status(pc.station).clock_offset_ms
        is_so = offset == world.hub_error_ms - pc.clock_error_ms
        require(is_so, 6, "a clock is said to be wrong otherwise than it is")
    return True


def deliver_late(world: World, pc: Pc, dice: Random) -> bool:
    """A request that was given up arrives after all; nobody waits for its reply."""
    if not world.late:
        return False
    world.arrives(*world.late.pop(dice.randrange(len(world.late))))
    return True


def repeat(world: World, pc: Pc, dice: Random) -> bool:
    """A request that came before comes again."""
    if not world.requests:
        return False
    world.arrives(*dice.choice(world.requests))
    return True


def pry(world: World, pc: Pc, dice: Random) -> bool:
    """A genuine PC asks for the channels and bodies of another station."""
    others = [each for each in world.pcs if each.region != pc.region]
    if not others or not pc.station.identity.known:
        return False
    foreign = dice.choice(others).station.store
    wanted = foreign.database.rows("SELECT body_digest FROM operation LIMIT 5")
    station, store = pc.station, pc.station.store
    with store.writing():
        state = store.facts.exchange()
        number = state.number + 1
        store.facts.keep_exchange(msgspec.structs.replace(state, number=number, synchronised=False))
    pc.claimed = False
    request = Request(
        1,
        1,
        number,
        world.now,
        store.journal.own_head(station.keys.replica).seq,
        [_asked(pc, each.cursor) for each in foreign.channels.all()],
        [],
        [row["body_digest"] for row in wanted],
        Report("0", 0, None, 0, None, 0, 0, ""),
        100_000,
    )
    data = seal_request(envelope.pack(request), station.keys, station.hub)
    world.sent(pc, data)
    world.arrives(pc, data)
    return True


def write_stick(world: World, pc: Pc, dice: Random) -> bool:
    file = write_request(pc.station)
    world.sent(pc, courier.unframe(file))
    world.sticks.append((pc, file))
    return True


def stick_at_hub(world: World, pc: Pc, dice: Random) -> bool:
    """Some stick arrives at the county, perhaps not for the first time."""
    if not world.sticks:
        return False
    owner, file = dice.choice(world.sticks)
    answer_stick(world, owner, file)
    return True


def answer_stick(world: World, owner: Pc, file: bytes) -> None:
    try:
        reply = answer_courier(world.hub, file)
    except (PeerFault, HubError) as fault:
        raise Violation(9, f"the hub refuses a genuine stick: {fault}") from fault
    data = courier.unframe(reply)
    world.onlooker.note_answer(world.hub, owner, courier.unframe(file), data)
    world.replies.append((owner, reply))


def stick_comes_back(world: World, pc: Pc, dice: Random) -> bool:
    """Some reply arrives at its desk, perhaps not for the first time, perhaps damaged."""
    if not world.replies:
        return False
    owner, file = dice.choice(world.replies)
    damage = dice.choice(("none", "none", "cut", "garbled"))
    read_stick(world, owner, file if damage == "none" else damaged(file, damage, dice), damage)
    return True


def read_stick(world: World, pc: Pc, file: bytes, damage: str) -> None:
    if pc not in world.pcs:
        return
    if damage == "none":
        world.line_of(pc).delivered = courier.unframe(file)
    try:
        outcome = read_reply(pc.station, file)
    except StationError as told:
        # Answered already, very old, or to the name that this PC had before it took another.
        is_known = told.code in ("courier.answered", "courier.former", "envelope.receiver")
        require(is_known or damage != "none", 9, f"a genuine reply is told as {told.code}")
        return
    require(damage == "none", 7, "a damaged stick was taken")
    if outcome.synchronised:
        world.onlooker.check_claim(pc, courier.unframe(file))


def _asked(pc: Pc, cursor: Cursor) -> agree.Countersigned:
    start = channel.start_of(cursor.channel, cursor.epoch)
    return agree.countersign(pc.station.keys.signing, pc.station.keys.replica, start)
