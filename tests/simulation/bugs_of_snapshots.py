"""Planted bugs of what a replacement PC starts from, and of what a PC that leaves may let go of:
one rule each, left out as by somebody who did not know why it is there. Each has a scene."""

from collections.abc import Sequence
from typing import Any

from msgspec import structs

from hub_server.hub import Hub
from hub_server.services import answer_exchange
from hub_server.services.make_snapshot_part import make_snapshot_part
from hub_server.store import Channel
from station_client.services import retire
from station_client.station import Station
from sync_protocol.channel import Verdict
from sync_protocol.snapshot import SnapshotAsk, SnapshotPart, SnapshotRecord
from tests.simulation.bug import Bug

_demand_no_obstacle = retire._demand_no_obstacle


def _part_without(**left_out: Any) -> Any:
    """Parts in which something is always empty."""

    def make(hub: Hub, channel: Channel, ask: SnapshotAsk, budget: int) -> SnapshotPart | None:
        part = make_snapshot_part(hub, channel, ask, budget)
        return structs.replace(part, **left_out) if part is not None else None

    return make


def _records_without(**left_out: Any) -> Any:
    """Parts in whose records something is always empty."""

    def make(hub: Hub, channel: Channel, ask: SnapshotAsk, budget: int) -> SnapshotPart | None:
        part = make_snapshot_part(hub, channel, ask, budget)
        if part is None:
            return None
        records = [structs.replace(each, **left_out) for each in part.records]
        return structs.replace(part, records=records)

    return make


def _only_accepted(
    hub: Hub, channel: Channel, ask: SnapshotAsk, budget: int
) -> SnapshotPart | None:
    part = make_snapshot_part(hub, channel, ask, budget)
    return structs.replace(part, records=_accepted(part.records)) if part is not None else None


def _accepted(records: Sequence[SnapshotRecord]) -> list[SnapshotRecord]:
    return [
        structs.replace(
            each, operations=[o for o in each.operations if o.verdict == Verdict.ACCEPTED]
        )
        for each in records
    ]


def _whatever_the_backups_hold(station: Station, code: str, *, is_sealing: bool) -> None:
    _demand_no_obstacle(station, code, is_sealing=True)


_CLOSED = "record:0 exchange:0 apply_to_close:0 exchange:0 decide:0 decide:0 decide:0 exchange:0"


def _of_snapshot(rule: str, without: object, scene: str) -> Bug:
    return Bug(rule, answer_exchange, "make_snapshot_part", without, scene)


BUGS = (
    _of_snapshot(
        "a snapshot holds the names of what it leaves out", _records_without(spent=[]),
        "record:0 exchange:0 rename:0 back_up_pc:0 exchange:0 rename:0 exchange:0 back_up_hub:0"
        " enrol:0 exchange:4 restore_pc:0 exchange:0 exchange:4",
    ),
    _of_snapshot(
        "a snapshot holds what that replaced", _records_without(replaced=[]),
        "record:0 exchange:0 rename:0 exchange:0 rename:0 exchange:0 back_up_hub:0 enrol:0"
        " exchange:4",
    ),
    _of_snapshot(
        "a snapshot holds what is held and refused", _only_accepted,
        "record:0 exchange:0 overstep:0 damage:0 exchange:0 back_up_hub:0 enrol:0 exchange:4",
    ),
    _of_snapshot(
        "a snapshot says what is erased", _records_without(erased=False),
        "record:0 exchange:0 erase:0 back_up_hub:0 enrol:0 exchange:4",
    ),
    _of_snapshot(
        "a snapshot holds the closing", _part_without(closing=b""),
        _CLOSED + " back_up_hub:0 enrol:0 exchange:4",
    ),
    _of_snapshot(
        "a snapshot names the epochs before", _part_without(epochs=[]),
        "record:0 exchange:0 correct:0 exchange:0 image_of_hub:0 declare_hub_restored:0"
        " exchange:0 back_up_hub:0 enrol:0 exchange:4",
    ),
    Bug(
        "nothing is erased that some backup lacks",
        retire, "_demand_no_obstacle", _whatever_the_backups_hold,
        "back_up_hub:0 " + _CLOSED + " erase_pc:0 restore_hub:0",
        tail=0,
    ),
)  # fmt: skip
