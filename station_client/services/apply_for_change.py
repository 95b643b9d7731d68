"""Applications of a station that is open already: a change (Annex B) or its closing (Annex C).

They go up the same pipe as a case; the county's decision comes down it.
"""

from collections.abc import Mapping
from typing import Any

from station_client.errors import StationError
from station_client.services.record_entry import record_entry
from station_client.services.show_value import show_register
from station_client.station import Station

KINDS = ("station_change", "station_close")
BLOCK = ("applicant_unit", "contact_phone", "address", "county")
"""What table B.1 asks for twice: as it is, and (`new_…`) as it shall be."""


def apply_for_change(station: Station, kind: str, values: Mapping[str, Any]) -> bytes:
    """Submit an application; gives its record's id. Without a state it is submitted at once.

    Errors: record.kind_unknown, form.problems, store.*
    """
    if kind not in KINDS:
        raise StationError("record.kind_unknown", kind=kind)
    submitted = {"state": {"round": 1, "state": "submitted"}}
    return record_entry(station, kind, {**submitted, **values})


def known_of_station(station: Station, kind: str) -> dict[str, Any]:
    """Field → value: what the desk knows already of what an application asks for.

    From the card that the county keeps of the station, and from the last change that it approved;
    what shall be (SX 5.4.1.2) begins as what is.
    """
    journal = station.store.journal
    changes = journal.records_of_kind(["station_change"])
    approved = next((each.values for each in changes if _state(each.values) == "approved"), {})
    known = {name: approved.get(f"new_{name}") for name in BLOCK}
    for card in journal.records_of_kind(["station_card"])[:1]:
        values, form = card.values, station.forms.latest("station_card")
        known["address"] = values.get("address")
        known["contact_phone"] = known["contact_phone"] or values.get("phone")
        known["old_functions"] = show_register(form, "functions", values.get("functions"))
    known |= {f"new_{name}": known[name] for name in BLOCK}
    form = station.forms.latest(kind)
    return {name: value for name, value in known.items() if value and form.find(name)}


def _state(values: Mapping[str, Any]) -> str:
    state = values.get("state")
    return str(state.get("state", "")) if isinstance(state, dict) else ""
