"""Imported lines that say something against the rules of the form: what is to be mended by hand."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from forms import Form
from station_client.services.merged import form_for
from station_client.services.projection import open_marks
from station_client.station import Station
from station_client.store.rows import RecordRow


@dataclass(frozen=True)
class Marked:
    """`words`: one sentence for each mark."""

    record: bytes
    title: str
    day: str
    words: tuple[str, ...]


def list_marked(station: Station, limit: int) -> tuple[list[Marked], int]:
    """The oldest day first, and how many there are in all."""
    rows, count = station.store.records.marked(limit)
    return [_marked(station, row) for row in rows], count


def _marked(station: Station, row: RecordRow) -> Marked:
    form = form_for(station.forms, row.kind, row.form_version)
    words = mark_words(form, row.values) if form is not None else ()
    return Marked(row.id, row.title, row.day, words)


def mark_words(form: Form, values: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(problem.words(form) for problem in open_marks(form, values))
