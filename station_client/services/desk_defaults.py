"""What a new entry is pre-filled with: the day, the time, the desk, the clerk, the chosen item."""

from collections.abc import Mapping
from typing import Any

from station_client.services import china_time
from station_client.services.list_clerks import clerk_names
from station_client.station import Station


def desk_defaults(
    station: Station, kind: str, item: Mapping[str, Any] | None = None, window: str = ""
) -> dict[str, Any]:
    """Field → value for a new record of this kind; `item` are a catalogue item's values."""
    now = china_time.moment(station.stamp())
    desk = {
        "today": now.date().isoformat(),
        "now": now.isoformat(timespec="seconds"),
        "clock": now.strftime("%H:%M"),
        "clerk": clerk_names(station).get(station.clerk),
        "station": station.name,
        "window": window or None,
    }
    return station.forms.latest(kind).defaults(desk, item or {})
