"""The world of one history: PCs, a hub, a network that does what networks do, clocks that jump.

Every step is a method and draws from its own dice, so a step can be left out of a story without
changing what the others mean. Whatever is not committed to a disk is gone after a crash.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from sync_protocol import courier, crypto, limits, operations
from sync_protocol.channel import Verdict
from sync_protocol.enrol import HubKeys, ReplicaKeys
from sync_protocol.errors import PeerFault
from sync_protocol.operations import ALIVE
from tests.simulation.casework import CONTENDED, VERSIONS, changes, county_changes, new_values
from tests.simulation.hub import Hub, HubDisk
from tests.simulation.promises import Onlooker, Violation, require
from tests.simulation.station import Disk, Station
from tests.simulation.views import Page, open_page

DAY_MS = 24 * 60 * 60 * 1000
START_MS = 1_772_000_000_000
BATCHES_BYTES = (300, 1500, 100_000)
PORTAL = b"<html><body>Please log in</body></html>"


@dataclass(frozen=True)
class Message:
    """Bytes under way to the hub (`to` is None) or to a PC, by wire or by stick."""

    sender: Station
    to: Station | None
    data: bytes
    by_courier: bool


class World:
    """One history as it goes."""

    def __init__(self, seed: int, stations: int) -> None:
        self.dice = Random(seed)
        keys = HubKeys(self.dice.randbytes(32), self.dice.randbytes(32))
        channel_id, epoch = self.dice.randbytes(16), self.dice.randbytes(16)
        hub_id = keys.public.id
        replica = crypto.digest(b"bianmin/hub-replica", hub_id, channel_id, epoch)[:16]
        self.hub = Hub(keys, channel_id, epoch, replica)
        self.now = START_MS
        self.stations = [self._station() for _ in range(stations)]
        self.under_way: list[Message] = []
        self.archive: list[Message] = []
        self.onlooker = Onlooker()

    def _station(self) -> Station:
        keys = ReplicaKeys(*(self.dice.randbytes(size) for size in (16, 32, 32)))
        self.hub.enrol(keys.public)
        disk = Disk(self.hub.start, [operations.empty_head(keys.replica)])
        station = Station(keys, self.hub.public, self.hub.replica, disk)
        station.version = self.dice.choice((1, 1, 2))
        return station

    def take(self, kind: str, who: int, dice: Random) -> bool:
        """One step, and whether there was anything to do; afterwards all that can be checked at
        once is checked."""
        self.now += dice.randint(1, 60_000)
        station = self.stations[who % len(self.stations)]
        happened = STEPS[kind](self, station, dice)
        self.onlooker.check_step(self.hub, self.stations)
        return happened

    # --- what clerks do --------------------------------------------------------------------------

    def record(self, station: Station, dice: Random) -> bool:
        kind = dice.choice(sorted(CONTENDED))
        page = open_page(dice.randbytes(16), kind, (), overlay=True)
        return self._save(station, page, new_values(kind, dice), dice)

    def amend(self, station: Station, dice: Random) -> bool:
        page = self._some_page(station, dice)
        if page is None or not page.shown.registers:
            return False
        return self._save(station, page, changes(page.kind, page.values, dice), dice)

    def void(self, station: Station, dice: Random) -> bool:
        page = self._some_page(station, dice)
        if page is None or not page.shown.registers:
            return False
        return self._save(station, page, {ALIVE: "录入错误"}, dice)

    def correct(self, station: Station, dice: Random) -> bool:
        """Writes a whole record again, as one does with a creation that was held or refused."""
        page = self._some_page(station, dice)
        return page is not None and self._save(station, page, new_values(page.kind, dice), dice)

    def overstep(self, station: Station, dice: Random) -> bool:
        """A program that writes what only the county may: to be refused, and to block nothing."""
        page = self._some_page(station, dice)
        if page is None or not page.shown.registers:
            return False
        return self._save(station, page, {"county_opinion": "同意", ALIVE: ""}, dice, fresh=False)

    def damage(self, station: Station, dice: Random) -> bool:
        """A program that writes a body nobody can read."""
        page = self._some_page(station, dice)
        if page is None or not self._may_write(station):
            return False
        operation = station.compose_unreadable(page, self.now, dice)
        station.disk = station.saved(operation)
        self.onlooker.note(station, operation, page)
        return True

    def look(self, station: Station, dice: Random) -> bool:
        """Opens a page and leaves it open."""
        station.page = self._some_page(station, dice)
        return station.page is not None

    def settle(self, station: Station, dice: Random) -> bool:
        """Saves the page that was left open: chooses a side, whatever came in since."""
        page, station.page = station.page, None
        if page is None or not page.shown.registers:
            return False
        register = dice.choice(sorted(page.shown.conflicts or page.shown.registers))
        side = dice.choice(page.shown.registers[register].sides)
        return self._save(station, page, {ALIVE: "", register: side.value}, dice, fresh=False)

    def crash_while_saving(self, station: Station, dice: Random) -> bool:
        """Power goes before the commit: the clerk never saw "saved", and nothing is there."""
        page = open_page(dice.randbytes(16), "helper_case", (), overlay=True)
        operation = station.compose(page, new_values("helper_case", dice), self.now, dice)
        station.saved(operation)
        return self.restart_station(station, dice)

    def restart_station(self, station: Station, dice: Random) -> bool:
        """What was in memory is gone: the open page, and what was sent."""
        station.sent, station.page = 0, None
        return True

    def _some_page(self, station: Station, dice: Random) -> Page | None:
        records = station.records()
        return station.open_page(dice.choice(records)) if records else None

    def _may_write(self, station: Station) -> bool:
        return not station.disk.rereads and len(station.disk.chain) < 60

    def _save(
        self,
        station: Station,
        page: Page,
        values: dict[str, object],
        dice: Random,
        *,
        fresh: bool = True,
    ) -> bool:
        """Saves what a clerk writes from a page; a fresh page then shows it and nothing else."""
        if not self._may_write(station):
            return False
        operation = station.compose(page, values, self.now, dice)
        station.disk = station.saved(operation)
        self.onlooker.note(station, operation, page)
        self.onlooker.check_saved(station, operation)
        if fresh:
            self.onlooker.check_shown(station, operation)
        return True

    # --- the network -----------------------------------------------------------------------------

    def exchange(self, station: Station, dice: Random) -> bool:
        """A request and its reply, with nothing in between."""
        self._plan(station, dice)
        self._deliver_both_ways(station)
        return True

    def send(self, station: Station, dice: Random) -> bool:
        """A request goes out and takes its time."""
        self._plan(station, dice)
        return self._post(Message(station, None, station.request(), by_courier=False))

    def send_ahead(self, station: Station, dice: Random) -> bool:
        """A request with only what no earlier request carried."""
        self._plan(station, dice, ahead=True)
        return self._post(Message(station, None, station.request(), by_courier=False))

    def write_stick(self, station: Station, dice: Random) -> bool:
        """The same request as a courier file."""
        self._plan(station, dice)
        file = courier.frame(station.request())
        return self._post(Message(station, None, file, by_courier=True))

    def retry(self, station: Station, dice: Random) -> bool:
        """The newest request once more."""
        if not station.disk.payload:
            return False
        return self._post(Message(station, None, station.request(), by_courier=False))

    def carry(self, station: Station, dice: Random) -> bool:
        """Whatever message the network likes arrives: late, or before an older one."""
        if not self.under_way:
            return False
        self._deliver(self.under_way.pop(dice.randrange(len(self.under_way))))
        return True

    def repeat(self, station: Station, dice: Random) -> bool:
        """A message that arrived arrives again."""
        if not self.archive:
            return False
        self._deliver(dice.choice(self.archive))
        return True

    def lose(self, station: Station, dice: Random) -> bool:
        if not self.under_way:
            return False
        self.under_way.pop(dice.randrange(len(self.under_way)))
        return True

    def cut(self, station: Station, dice: Random) -> bool:
        """A body cut short."""
        return self._damage(dice, lambda data: data[: dice.randrange(len(data))])

    def garble(self, station: Station, dice: Random) -> bool:
        """One byte of a message is another."""

        def flipped(data: bytes) -> bytes:
            at = dice.randrange(len(data))
            return data[:at] + bytes([data[at] ^ dice.randint(1, 255)]) + data[at + 1 :]

        return self._damage(dice, flipped)

    def portal(self, station: Station, dice: Random) -> bool:
        """A captive portal answers in the other end's place."""
        return self._damage(dice, lambda data: PORTAL)

    def crash_hub(self, station: Station, dice: Random) -> bool:
        """The hub dies before it commits: nothing has happened."""
        self._plan(station, dice)
        self._draft_at_hub(station.request())
        return True

    def lose_reply(self, station: Station, dice: Random) -> bool:
        """The hub dies after it committed, or the line does: the reply is gone."""
        self._plan(station, dice)
        self._answer(Message(station, None, station.request(), by_courier=False))
        return True

    def crash_while_absorbing(self, station: Station, dice: Random) -> bool:
        """The PC dies before it commits what came: the cursor stands where it stood."""
        self._plan(station, dice)
        reply = self._answer(Message(station, None, station.request(), by_courier=False))
        self._draft_of(station, _unpacked(reply))
        return self.restart_station(station, dice)

    def _plan(self, station: Station, dice: Random, *, ahead: bool = False) -> None:
        batch_bytes = dice.choice(BATCHES_BYTES)
        station.disk = station.planned(self.now, batch_bytes, ahead=ahead)

    def _post(self, message: Message) -> bool:
        self.under_way.append(message)
        self.archive.append(message)
        return True

    def _deliver_both_ways(self, station: Station) -> None:
        self._absorb(self._answer(Message(station, None, station.request(), by_courier=False)))

    def _deliver(self, message: Message) -> None:
        if message.to is None:
            self._post(self._answer(message))
        else:
            self._absorb(message)

    def _answer(self, message: Message) -> Message:
        self.hub.disk, reply = self._draft_at_hub(_unpacked(message))
        self.onlooker.answers[_mark(reply)] = len(self.hub.disk.log)
        packed = courier.frame(reply) if message.by_courier else reply
        return Message(message.sender, message.sender, packed, message.by_courier)

    def _draft_at_hub(self, data: bytes) -> tuple[HubDisk, bytes]:
        """What a genuine request leads to: the hub must take it, whatever is in it."""
        try:
            return self.hub.answer(data, self.now)
        except PeerFault as fault:
            raise Violation(4, f"the hub refuses a whole genuine request: {fault.code}") from fault

    def _absorb(self, message: Message) -> None:
        station = message.sender
        data = _unpacked(message)
        claimed = station.disk.synchronised
        draft = self._draft_of(station, data)
        moved = draft.cursor != station.disk.cursor
        station.disk = draft
        if draft.synchronised and (moved or not claimed):
            self.onlooker.check_claim(station, self.onlooker.answers.get(_mark(data)))

    def _draft_of(self, station: Station, data: bytes) -> Disk:
        """What a genuine reply leads to. It may be one to an older request, and PCs that share a
        cloned disk may disagree with what the other has sent; nothing else is wrong with it."""
        try:
            return station.absorbed(data, self.now)
        except PeerFault as fault:
            draft = station.disk.copy()
            if fault.code != "reply.other_request":
                shared = sum(each.replica == station.replica for each in self.stations) > 1
                require(shared or draft.rereads, 5, f"a genuine reply is refused: {fault.code}")
                draft.stopped = draft.stopped or ("parted" if shared else "")
            return draft

    def _damage(self, dice: Random, done_to: Callable[[bytes], bytes]) -> bool:
        """Bytes that nobody sent must be refused with a code, at whichever end they arrive."""
        if not self.under_way:
            return False
        message = dice.choice(self.under_way)
        damaged = replace(message, data=done_to(message.data))
        try:
            if damaged.to is None:
                self.hub.answer(_unpacked(damaged), self.now)
            else:
                damaged.to.absorbed(_unpacked(damaged), self.now)
        except PeerFault:
            return True
        raise Violation(7, "damaged bytes were taken")

    # --- the county ------------------------------------------------------------------------------

    def county_write(self, station: Station, dice: Random) -> bool:
        records = self.hub.records()
        if not records:
            return False
        page = self.hub.open_page(dice.choice(records))
        values = county_changes(page.kind, page.values, dice)
        operation = self.hub.compose(page, values, self.now, dice)
        self.hub.disk = self.hub.written(operation, self.now)
        self.onlooker.note(None, operation, page)
        return True

    def county_look(self, station: Station, dice: Random) -> bool:
        """A reviewer opens the list of what is held, and leaves it open."""
        self.hub.held_list = self.hub.held()
        return bool(self.hub.held_list)

    def county_decide(self, station: Station, dice: Random) -> bool:
        """The reviewer decides about a line of that list, whatever became of it since."""
        if not self.hub.held_list:
            return False
        identity = dice.choice(self.hub.held_list)
        verdict = dice.choice((Verdict.ACCEPTED, Verdict.REFUSED))
        self.hub.disk = self.hub.decided(identity, verdict, self.now)
        if verdict is Verdict.REFUSED:
            self.onlooker.refused_by_county.add(identity)
        return True

    def upgrade_hub(self, station: Station, dice: Random) -> bool:
        """The definitions that the hub did not know arrive."""
        was = self.hub.disk.version
        self.hub.disk = self.hub.upgraded(self.now)
        return self.hub.disk.version != was

    # --- programs, clocks and disks --------------------------------------------------------------

    def change_program(self, station: Station, dice: Random) -> bool:
        """A PC gets a newer program, or the older one again."""
        station.version = dice.choice(VERSIONS)
        return True

    def turn_clock(self, station: Station, dice: Random) -> bool:
        """The PC's clock jumps."""
        station.clock_error_ms = dice.choice((0, 400 * DAY_MS, -400 * DAY_MS, 60_000))
        return True

    def wait(self, station: Station, dice: Random) -> bool:
        """Nobody does anything for a while."""
        self.now += dice.choice((limits.CLOCK_LEAD_MS * 2, DAY_MS))
        return True

    def back_up(self, station: Station, dice: Random) -> bool:
        station.backups.append(station.disk.copy())
        return True

    def put_back(self, station: Station, dice: Random) -> bool:
        """A PC comes out of a backup when all it ever wrote has reached the hub."""
        alone = sum(each.replica == station.replica for each in self.stations) == 1
        if not station.backups or not alone or station.disk.stopped or station.pending():
            return False
        old, number = dice.choice(station.backups), station.disk.number
        station.disk = replace(
            old.copy(), number=number, awaited=[], rereads=True, synchronised=False
        )
        self.onlooker.accepted.pop(self.stations.index(station), None)
        return self.restart_station(station, dice)

    def clone(self, station: Station, dice: Random) -> bool:
        """Somebody copies a PC's disk to another PC, and both are used."""
        if len(self.stations) > 3 or station.disk.rereads:
            return False
        twin = Station(station.keys, self.hub.public, self.hub.replica, station.disk.copy())
        twin.clock_error_ms, twin.version = station.clock_error_ms, station.version
        self.stations.append(twin)
        return True

    # --- the end ---------------------------------------------------------------------------------

    def come_to_rest(self) -> None:
        """Everything that is under way arrives, everybody exchanges until there is nothing to say,
        all promises are checked; then old messages come once more and change nothing."""
        while self.under_way:
            self._deliver(self.under_way.pop(self.dice.randrange(len(self.under_way))))
        self.onlooker.check_step(self.hub, self.stations)
        self.hub.disk = self.hub.upgraded(self.now)
        for _ in range(3):
            for station in self.stations:
                self._exchange_fully(station)
        self.onlooker.check_step(self.hub, self.stations)
        self.onlooker.check_rest(self.hub, self.stations)
        self._repeat_everything()

    def _exchange_fully(self, station: Station) -> None:
        for _ in range(4):
            self.now += 1000
            station.disk = station.planned(self.now, limits.BATCH_BYTES)
            self._deliver_both_ways(station)
            if station.disk.stopped or station.disk.synchronised:
                return

    def _repeat_everything(self) -> None:
        before = len(self.hub.disk.log)
        going = [station for station in self.stations if not station.disk.stopped]
        contents = [station.disk.contents() for station in going]
        for message in self.dice.sample(self.archive, min(len(self.archive), 8)):
            self._deliver(message)
        require(len(self.hub.disk.log) == before, 5, "an old request changed the log")
        same = [station.disk.contents() for station in going] == contents
        require(same, 5, "an old reply changed a station")


def _unpacked(message: Message) -> bytes:
    return courier.unframe(message.data) if message.by_courier else message.data


def _mark(data: bytes) -> bytes:
    return crypto.digest(b"simulation/reply", data)


Step = Callable[[World, Station, Random], bool]


def _steps(*steps: Step) -> dict[str, Step]:
    return {step.__name__: step for step in steps}


STEPS: dict[str, Step] = _steps(
    World.record,
    World.amend,
    World.void,
    World.correct,
    World.overstep,
    World.damage,
    World.look,
    World.settle,
    World.crash_while_saving,
    World.exchange,
    World.send,
    World.send_ahead,
    World.write_stick,
    World.retry,
    World.carry,
    World.repeat,
    World.lose,
    World.cut,
    World.garble,
    World.portal,
    World.crash_hub,
    World.lose_reply,
    World.crash_while_absorbing,
    World.restart_station,
    World.county_write,
    World.county_look,
    World.county_decide,
    World.upgrade_hub,
    World.change_program,
    World.turn_clock,
    World.wait,
    World.back_up,
    World.put_back,
    World.clone,
)
