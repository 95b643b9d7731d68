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
    `is_here` is the one at the desk. `name` is "" of a key whose name was never written down, or
    is younger than the backup that was put back."""

    id: bytes
    name: str
    slot_number: int | None
    is_here: bool
    is_active: bool


def list_clerks(station: Station) -> list[Clerk]:
    """The clerks of the station in the order in which they were written down; then whoever has a
    key here and no name."""
    slots = {each: station.vault.slot_number(each) for each in station.vault.clerk_ids()}
    values = {row.id: row.values for row in _rows(station)}
    values |= {each: {} for each in slots if each not in values}
    return [
        Clerk(
            id=clerk,
            name=str(of.get("name", "")),
            slot_number=slots.get(clerk),
            is_here=clerk == station.clerk,
            is_active=of.get("active") is not False,
        )
        for clerk, of in values.items()
    ]


def clerk_names(station: Station) -> dict[bytes, str]:
    """Clerk's id → name, oldest first."""
    return {row.id: str(row.values.get("name", "")) for row in _rows(station)}


def _rows(station: Station) -> list[RecordRow]:
    return station.store.records.of_kind(["clerk"])[::-1]


def author_name(names: Mapping[bytes, str], clerk: bytes, by_hub: bool) -> str:
    """As a history or a conflict names the author of a write."""
    return COUNTY if by_hub else names.get(clerk, SOMEBODY)
