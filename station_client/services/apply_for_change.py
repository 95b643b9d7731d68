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
BLOCK = {
    "applicant_unit": "applicant_unit",
    "contact_phone": "phone",
    "address": "address",
    "county": "county",
}
"""What table B.1 asks for twice, as it is and (`new_…`) as it shall be → where the card has it."""


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

    From the card that the county keeps of the station and renews with every change it approves;
    what shall be (SX 5.4.1.2) begins as what is.
    """
    cards = station.store.records.of_kind(["station_card"])
    card = cards[0].values if cards else {}
    known = {name: card.get(of_card) for name, of_card in BLOCK.items()}
    known |= {f"new_{name}": value for name, value in known.items()}
    shown = station.forms.latest("station_card")
    known["old_functions"] = show_register(shown, "functions", card.get("functions"))
    form = station.forms.latest(kind)
    return {name: value for name, value in known.items() if value and form.find(name)}
