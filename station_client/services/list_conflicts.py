"""What two sides wrote without knowing of each other, for a person to choose from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from station_client.services.list_clerks import author_name, clerk_names
from station_client.services.merged import Merged, merged
from station_client.services.projection import title_of
from station_client.services.show_value import register_label, show_register
from station_client.station import Station


@dataclass(frozen=True)
class Side:
    """One value of a conflict: `name` (32 bytes) of the write to choose, `when` ms since 1970."""

    name: bytes
    value: Any
    text: str
    author: str
    when: int
    by_hub: bool


@dataclass(frozen=True)
class Conflict:
    """One register of one record; `seen` are the names to hand back when it is settled, and
    `may_settle` is False for what only the county may decide."""

    record: bytes
    title: str
    register: str
    label: str
    sides: tuple[Side, ...]
    seen: tuple[bytes, ...]
    may_settle: bool


def list_conflicts(station: Station) -> list[Conflict]:
    """All open conflicts of the station, the record that changed last first."""
    rows = station.store.records.in_conflict()
    stored = station.store.journal.operations_of(station.channel, [row.id for row in rows])
    names = clerk_names(station)
    return [
        conflict
        for row in rows
        if row.id in stored
        for conflict in conflicts_of(row.id, merged(station.forms, stored[row.id]), names)
    ]


def conflicts_of(record: bytes, now: Merged, names: Mapping[bytes, str]) -> list[Conflict]:
    """The open conflicts of one merged record."""
    return [
        Conflict(
            record=record,
            title=title_of(now.form, now.kind, now.values),
            register=name,
            label=register_label(now.form, name),
            sides=tuple(
                Side(
                    name=side.name,
                    value=side.value,
                    text=show_register(now.form, name, side.value),
                    author=author_name(names, side.clerk, side.by_hub),
                    when=side.effective,
                    by_hub=side.by_hub,
                )
                for side in register.sides
            ),
            seen=tuple(live.name for live in register.live),
            may_settle=now.may_settle(name),
        )
        for name, register in now.conflicts.items()
    ]
