"""Who works at the station, and who is behind an id in a record's history."""

from collections.abc import Mapping
from dataclasses import dataclass

from station_client.station import Station
from station_client.store.rows import RecordRow

COUNTY = "县级平台"
SOMEBODY = "其他工作人员"


@dataclass(frozen=True)
class Clerk:
    """`slot_number` is what the unlock page shows; None for one who unlocks another PC only;
    `is_here` is the one at the desk."""

    id: bytes
    name: str
    slot_number: int | None
    is_here: bool
    is_active: bool


def list_clerks(station: Station) -> list[Clerk]:
    """The clerks of the station in the order in which they were written down."""
    slots = {each: station.vault.slot_number(each) for each in station.vault.clerk_ids()}
    return [
        Clerk(
            id=row.id,
            name=str(row.values.get("name", "")),
            slot_number=slots.get(row.id),
            is_here=row.id == station.clerk,
            is_active=row.values.get("active") is not False,
        )
        for row in _rows(station)
    ]


def clerk_names(station: Station) -> dict[bytes, str]:
    """Clerk's id → name, oldest first."""
    return {row.id: str(row.values.get("name", "")) for row in _rows(station)}


def _rows(station: Station) -> list[RecordRow]:
    return station.store.records.of_kind(["clerk"])[::-1]


def author_name(names: Mapping[bytes, str], clerk: bytes, by_hub: bool) -> str:
    """As a history or a conflict names the author of a write."""
    return COUNTY if by_hub else names.get(clerk, SOMEBODY)
