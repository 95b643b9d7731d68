"""What the county refused or sent back and nobody has mended yet, each with its reason."""

from dataclasses import dataclass

from station_client.services.amend_entry import operations_of
from station_client.services.merged import form_for
from station_client.services.projection import open_refusals
from station_client.services.standing_words import standing_words
from station_client.station import Station
from station_client.store.rows import RecordRow

OPINIONS = ("county_opinion", "review_opinion")


@dataclass(frozen=True)
class Returned:
    """`words` say why, `is_refused` that the county has nothing of it yet."""

    record: bytes
    title: str
    case_no: str
    words: str
    is_refused: bool


def list_returned(station: Station) -> list[Returned]:
    """The last changed first."""
    return [_returned(station, row) for row in station.store.journal.to_correct()]


def _returned(station: Station, row: RecordRow) -> Returned:
    words = _refusal(station, row) if row.refused else _opinion(row)
    return Returned(row.id, row.title, row.case_no, words, bool(row.refused))


def _refusal(station: Station, row: RecordRow) -> str:
    [*_, last] = open_refusals(operations_of(station, row.id))
    return standing_words(form_for(station.forms, row.kind, row.form_version), last)


def _opinion(row: RecordRow) -> str:
    return next((str(row.values[name]) for name in OPINIONS if row.values.get(name)), "")
