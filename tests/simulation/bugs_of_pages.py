"""Planted bugs of what people are shown and told, and of whom the hub believes: one rule each, left
out as by somebody who did not know why it is there."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from hub_server.hub import Hub
from hub_server.services import judge_again, withdraw
from hub_server.store import withdrawn
from hub_server.store.stations import Stations
from hub_server.store.undecided import Undecided
from station_client.services import apply_page
from station_client.services.projection import project as _project
from station_client.station import Station
from station_client.store.bodies import Bodies
from station_client.store.items import Items
from station_client.store.journal import Journal
from station_client.store.rows import ItemRow, RecordRow
from sync_protocol import agree, push
from sync_protocol.channel import OperationEntry
from sync_protocol.operations import Operation
from sync_protocol.pull import Applied
from sync_protocol.push import Doorway
from tests.simulation.bug import Bug

_doorway, _doorways, _standing = push._doorway, judge_again.doorways, Stations.standing
_put_items, _erase = Items.put, Bodies.erase


def _nothing(*given: object, **named: object) -> None:
    return None


def _none(*given: object, **named: object) -> list[Any]:
    return []


def _through(changed: Callable[[Operation, Doorway, int], Doorway]) -> Any:
    """A doorway that opens wider, or less wide."""

    def enter(operation: Operation, doorway: Doorway, hub_time: int) -> Any:
        return _doorway(operation, changed(operation, doorway, hub_time), hub_time)

    return enter


def _of_before(operation: Operation, doorway: Doorway, hub_time: int) -> Doorway:
    is_late = operation.header.stamp > hub_time - 600_000
    return replace(doorway, revoked=doorway.revoked and is_late)


def _no_grace(operation: Operation, doorway: Doorway, hub_time: int) -> Doorway:
    closing = doorway.closing
    return replace(doorway, closing=closing and replace(closing, until=closing.at))


def _endless_grace(operation: Operation, doorway: Doorway, hub_time: int) -> Doorway:
    closing = doorway.closing
    return replace(doorway, closing=closing and replace(closing, until=hub_time))


def _whoever_wrote(*given: Any) -> dict[bytes, Doorway]:
    return {
        replica: replace(each, frozen=False, revoked=False)
        for replica, each in _doorways(*given).items()
    }


def _as_if_admitted(self: Stations, replica: bytes) -> str:
    standing = _standing(self, replica)
    return "" if standing == "waiting" else standing


def _of_this_pc(self: Station) -> int:
    return self.now_ms()


def _only_new_items(self: Items, items: Iterable[ItemRow]) -> None:
    known = {each.record for each in self.find("", 1_000)}
    _put_items(self, [each for each in items if each.record not in known])


def _nothing_held(*given: Any) -> RecordRow:
    return replace(_project(*given), held=0)


def _keeps_requests(self: Bodies, channel: bytes, records: Sequence[bytes]) -> None:
    kept = self._database.rows("SELECT number, payload FROM request")
    _erase(self, channel, records)
    sql = "UPDATE request SET payload = ? WHERE number = ?"
    self._database.write_many(sql, ((each["payload"], each["number"]) for each in kept))


def _whatever_comes_again(applied: Applied) -> list[tuple[Operation, int, OperationEntry]]:
    return [
        (each.operation, each.position, each.entry)
        for each in applied.entries
        if each.operation is not None and isinstance(each.entry, OperationEntry)
    ]


_CLOSING = "record:0 exchange:0 exchange:1 rename:1 apply_to_close:0 exchange:0" + " decide:0" * 3

BUGS = (
    Bug(
        "the inbox holds what is held and what is refused",
        Journal, "undecided", _none,
        "record:0 exchange:0 overstep:0 exchange:0",
    ),
    Bug(
        "a line says how much of it is held",
        apply_page, "project", _nothing_held,
        "record:0 exchange:0 exchange:1 revoke:0 rename:0 exchange:0 exchange:1",
    ),
    Bug(
        "who watches sees how much waits",
        Undecided, "counts", dict,
        "record:0 exchange:0 overstep:0 exchange:0",
    ),
    Bug(
        "a desk searches the newest catalogue",
        Items, "put", _only_new_items,
        "exchange:0 publish:0 exchange:0 publish:0 exchange:0",
    ),
    Bug(
        "of what is erased no line is left in the county's ledger",
        withdrawn, "_DROP_LINE", "SELECT 1 WHERE ? <> ?",
        "record:0 exchange:0 erase:0",
    ),
    Bug(
        "nor a byte in a request that waits for its reply",
        Bodies, "erase", _keeps_requests,
        "record:0 write_stick:0 exchange:0 erase:0 exchange:0",
        tail=0,
    ),
    Bug(
        "an officer's act stands in the audit",
        withdraw, "note", _nothing,
        "record:0 exchange:0 erase:0",
    ),
    Bug(
        "an officer decides on what the page showed",
        Hub, "check_seen", _nothing,
        "record:0 exchange:0 open_page:0 rename:0 exchange:0 submit_page:0 " * 3,
    ),
    Bug(
        "a code does not outlive a restore",
        Stations, "drop_codes", _nothing,
        "back_up_hub:0 restore_hub:0",
    ),
    Bug(
        "a receipt counts that the hub signed",
        agree, "receipt_verifies", lambda signing, receipt: True,
        "record:0 exchange_badly:0 amend:0 exchange_badly:1 " * 6,
    ),
    Bug(
        "a stamp is the best estimate of the county's time",
        Station, "stamp", _of_this_pc,
        "turn_clock:0 exchange:0 record:0 " * 3,
    ),
    Bug(
        "of two copies in one page the entries count in their order",
        apply_page, "_placed", _whatever_comes_again,
        "record:0 exchange:0 exchange:1 overstep:0 write_stick:0 back_up_pc:0 record:0"
        " restore_pc:0 exchange:0 erase:0 stick_at_hub:0 exchange:0 exchange:1",
        tail=0,
    ),
    Bug(
        "nothing is delivered to who waits for the county",
        Stations, "standing", _as_if_admitted,
        "record:0 exchange:0 clone:0 rename:0 rename:4 exchange:0 exchange:4 exchange:0 exchange:4",
    ),
    Bug(
        "what arrives on a frozen chain waits for the county",
        push, "_doorway", _through(lambda operation, each, at: replace(each, frozen=False)),
        "record:0 exchange:0 clone:0 rename:0 exchange:0 record:0 write_stick:0 rename:4"
        " exchange:4 stick_at_hub:0",
    ),
    Bug(
        "a revocation asks for no stamp",
        push, "_doorway", _through(_of_before),
        "record:0 exchange:0 exchange:1 rename:0 record:0 wait:0 wait:0 revoke:0 exchange:0",
    ),
    Bug(
        "what is judged again is asked who wrote it",
        judge_again, "doorways", _whoever_wrote,
        "change_program:0 record:0 exchange:0 exchange:1 revoke:0 upgrade_hub:0",
    ),
    Bug(
        "what was recorded before a closing has its grace",
        push, "_doorway", _through(_no_grace),
        f"{_CLOSING} exchange:1",
    ),
    Bug(
        "after the grace the county decides",
        push, "_doorway", _through(_endless_grace),
        f"{_CLOSING} {'wait:0 ' * 6}exchange:1",
    ),
)  # fmt: skip
