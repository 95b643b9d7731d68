"""Applications of a station that is open already: a change (Annex B) or its closing (Annex C).

They go up the same pipe as a case; the county's decision comes down it.
"""

from collections.abc import Mapping
from typing import Any

from station_client.errors import StationError
from station_client.services.record_entry import record_entry
from station_client.station import Station

KINDS = ("station_change", "station_close")


def apply_for_change(station: Station, kind: str, values: Mapping[str, Any]) -> bytes:
    """Submit an application; gives its record's id. Without a state it is submitted at once.

    Errors: record.kind_unknown, form.problems, store.*
    """
    if kind not in KINDS:
        raise StationError("record.kind_unknown", kind=kind)
    submitted = {"state": {"round": 1, "state": "submitted"}}
    return record_entry(station, kind, {**submitted, **values})
