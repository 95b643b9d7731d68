"""The station's own applications and what became of them."""

from dataclasses import dataclass
from typing import Any

from station_client.services.apply_for_change import KINDS
from station_client.services.show_value import show_register
from station_client.station import Station
from station_client.store.rows import RecordRow


@dataclass(frozen=True)
class Application:
    """`state` is the form's code, `state_words` its label, `opinion` the county's; `sent_at` is ms
    since 1970 UTC."""

    record: bytes
    kind: str
    title: str
    values: dict[str, Any]
    state: str
    state_words: str
    opinion: str
    sent_at: int
    pending: int
    held: int
    refused: int


def list_applications(station: Station) -> list[Application]:
    """Newest first."""
    rows = station.store.records.of_kind(KINDS)
    return [_application(station, row) for row in rows]


def _application(station: Station, row: RecordRow) -> Application:
    form = station.forms.latest(row.kind)
    state = row.values.get("state")
    return Application(
        record=row.id,
        kind=row.kind,
        title=form.title,
        values=row.values,
        state=str(state["state"]) if isinstance(state, dict) else "",
        state_words=show_register(form, "state", state),
        opinion=str(row.values.get("review_opinion") or ""),
        sent_at=row.created_at,
        pending=row.pending,
        held=row.held,
        refused=row.refused,
    )
