"""How a history ends: everything arrives, everybody exchanges, all promises are checked."""

from collections import Counter

import msgspec

from tests.simulation.accidents import upgrade_hub
from tests.simulation.cast import Pc
from tests.simulation.county import admit
from tests.simulation.promises import Violation, require
from tests.simulation.recompute import FREEZE
from tests.simulation.rest_of_archives import check_archives
from tests.simulation.rest_of_desks import check_desk
from tests.simulation.rest_of_entries import check_entries
from tests.simulation.rest_of_facts import check_facts, check_requests
from tests.simulation.rest_of_hub import check_channel, rows
from tests.simulation.rest_of_pages import check_county_pages
from tests.simulation.traffic import answer_stick, exchange, read_stick
from tests.simulation.world import World

ROUNDS_AT_MOST = 20
MEETINGS_AT_MOST = 4


def come_to_rest(world: World, *, looked_on: bool = True) -> None:
    """Everything under way arrives, the hub knows every form, everybody exchanges until there is
    nothing to say; then all promises are checked, and old messages change nothing."""
    for pc in world.pcs:
        check_requests(pc, world.onlooker.facts)
    for pc, data in world.late:
        world.arrives(pc, data)
    for owner, file in world.sticks:
        answer_stick(world, owner, file)
    for owner, file in world.replies:
        read_stick(world, owner, file, "none")
    upgrade_hub(world, world.pcs[0], world.dice)
    _exchange_all(world)
    _let_twins_meet(world)
    while admit(world, world.pcs[0], world.dice):
        _exchange_all(world)
    for pc in world.pcs:
        world.look_around(pc)
    _check(world, looked_on)
    _repeat_everything(world)


def _check(world: World, looked_on: bool) -> None:
    """All promises, over what all ends store."""
    for channel in world.hub.store.journal.channels():
        check_channel(world.hub, channel, world.latest)
        check_entries(world.hub, channel, world.onlooker.believed)
    for pc in world.pcs:
        world.onlooker.check_told(pc)
        check_desk(world.hub, pc, world.onlooker.erased)
    _check_names(world)
    heard = [pc for pc in world.pcs if world.onlooker.is_heard(pc)]
    check_county_pages(world.hub, world.cast.admin, heard)
    _check_codes(world)
    _check_erased(world)
    if looked_on:
        check_facts(world.hub, world.pcs, world.onlooker)
    check_archives(world.hub, world.pcs, is_hub_set_back=world.was_hub_set_back)


def _check_names(world: World) -> None:
    """Promise 8: no two machines go on under one name; who is revoked or has left goes nowhere."""
    require(not _twins(world), 8, "two machines under one name")
    believed = [pc.station.certificate for pc in world.pcs if world.onlooker.is_heard(pc)]
    numbers = [(each.station_code, each.device_number) for each in believed]
    require(len(set(numbers)) == len(numbers), 5, "two machines have one number")
    _check_successors(world)


def _check_codes(world: World) -> None:
    """Promise 10: an enrolment code that was issued before a restore is void."""
    issued = rows(world.hub, "SELECT id FROM code WHERE used_by IS NULL")
    is_void = world.hub.epoch == world.first_epoch or not world.first_codes & set(issued)
    require(is_void, 10, "a code outlives a restore")


def _check_successors(world: World) -> None:
    """Promise 8: of the machines that go on from one frozen name each but the first was let in by
    the county. A hub that was put back has forgotten who waits."""
    if world.was_put_back or world.happened["turn_hub_clock"]:
        return  # nor can be told what came first
    entries = (
        msgspec.msgpack.decode(data) for (data,) in rows(world.hub, "SELECT data FROM entry")
    )
    frozen = {rest[0]: rest[-1] for kind, *rest in entries if kind == FREEZE}
    minted = "SELECT parent, id, enrolled_at, standing FROM replica WHERE parent IS NOT NULL"
    followed = set[bytes]()
    for parent, replica, at, standing in rows(world.hub, f"{minted} ORDER BY device_number"):
        if standing == "waiting" or replica in world.onlooker.admitted:
            continue  # the first may have a later number: a crash undid its introduction
        is_second = parent in followed and at > frozen.get(parent, at)
        require(not is_second or bool(standing), 8, "a second machine goes on by itself")
        followed.add(parent)


def _twins(world: World) -> list[Pc]:
    believed = [pc for pc in world.pcs if world.onlooker.is_heard(pc)]
    names = Counter(pc.station.keys.replica for pc in believed)
    return [pc for pc in believed if names[pc.station.keys.replica] > 1]


def _let_twins_meet(world: World) -> None:
    """Two machines that only read under one name are found where the numbers of their requests
    meet; a hub that was put back meanwhile has forgotten those that they had in common."""
    for _ in range(MEETINGS_AT_MOST):
        twins = _twins(world)
        for pc in twins:
            exchange(world, pc, world.dice)
        if not twins:
            _exchange_all(world)
            return


def _check_erased(world: World) -> None:
    """No backup, PC or stretch brings an erased record back to the hub."""
    for record in world.onlooker.erased:
        held = rows(
            world.hub, "SELECT 1 FROM operation WHERE record = ? AND body IS NOT NULL", record
        )
        require(not held, 10, "an erased body is back at the hub")


def _exchange_all(world: World) -> None:
    """Until nobody has anything to say: the hub's channels and all cursors stand still."""
    before = None
    for _ in range(ROUNDS_AT_MOST):
        for pc in world.pcs:
            world.now += 1_000
            exchange(world, pc, world.dice)
        after = [
            *((each.id, each.position) for each in world.hub.store.journal.channels()),
            *(row.cursor for pc in world.pcs for row in pc.station.store.channels.all()),
        ]
        if after == before:
            return
        before = after
    raise Violation(2, "the ends never come to rest")


def _repeat_everything(world: World) -> None:
    before = [(each.id, each.position) for each in world.hub.store.journal.channels()]
    contents = [_contents(pc) for pc in world.pcs]
    # Of a PC that was there twice, two requests may have one number: that is a fork, not a repeat.
    # What a PC sent that is lost since may never have come before, nor what a revoked one sent to a
    # hub that was put back; nor a body that went up without its contents since.
    believed = [pc for pc in world.pcs if pc.enrolment not in world.onlooker.revoked]
    alone = [pc for pc in believed if not (pc.was_copied or pc.lost_body)]
    requests = [e for e in world.requests if e[0] in alone]
    for pc, data in world.dice.sample(requests, min(len(requests), 6)):
        world.arrives(pc, data)
    for owner, file in world.replies[-6:]:
        read_stick(world, owner, file, "none")
    after = [(each.id, each.position) for each in world.hub.store.journal.channels()]
    require(after == before, 5, "an old request changed a channel")
    require([_contents(pc) for pc in world.pcs] == contents, 5, "an old reply changed a PC")


def _contents(pc: Pc) -> list[object]:
    tables = ("operation", "entry", "record", "item")
    rows = [pc.station.store.database.rows(f"SELECT * FROM {table}") for table in tables]
    return [*rows, [each.cursor for each in pc.station.store.channels.all()]]
