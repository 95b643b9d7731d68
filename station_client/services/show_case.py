"""One record with everything about it: values, conflicts, and who wrote what when."""

from dataclasses import dataclass
from typing import Any

from forms import ALIVE, Form
from station_client.services.amend_entry import operations_of
from station_client.services.list_clerks import author_name, clerk_names
from station_client.services.list_conflicts import Conflict, conflicts_of
from station_client.services.list_marked import mark_words
from station_client.services.merged import Merged, merged, writes_of
from station_client.services.projection import (
    is_returned,
    ledger_cells,
    open_refusals,
    refused_values,
    title_of,
)
from station_client.services.show_value import register_label, show_register
from station_client.services.standing_words import problem_of, reason_words, standing_words
from station_client.services.writing import known_form
from station_client.station import Station
from station_client.store.rows import StoredOperation
from sync_protocol.merge import Register


@dataclass(frozen=True)
class HistoryLine:
    """One write: when (ms since 1970 UTC, by the writer's clock), by whom, and label, value before
    and value after of each change. `standing` is "" once the county accepted it."""

    when: int
    who: str
    by_hub: bool
    changes: tuple[tuple[str, str, str], ...]
    standing: str


@dataclass(frozen=True)
class CaseView:
    """A record as its page shows it; `cells` are its ledger line (None for what is no case),
    `history` is oldest first, `void_reason` "" while the record is alive, `marks` are words about
    what an import left to be mended. `refusals` are (register or "", words) of what the county
    refused and nobody has written again since, and `refused_values` what was written then."""

    record: bytes
    kind: str
    form: Form
    title: str
    values: dict[str, Any]
    registers: dict[str, Register]
    conflicts: tuple[Conflict, ...]
    history: tuple[HistoryLine, ...]
    cells: tuple[str, ...] | None
    void_reason: str
    pending: int
    held: int
    refused: int
    returned: bool
    marks: tuple[str, ...]
    refusals: tuple[tuple[str, str], ...]
    refused_values: dict[str, Any]


def show_case(station: Station, record: bytes) -> CaseView:
    """Errors: record.unknown, record.form_unknown."""
    stored = operations_of(station, record)
    now = merged(station.forms, stored)
    names = clerk_names(station)
    row = station.store.records.find(record)
    form = known_form(now)
    return CaseView(
        record=record,
        kind=now.kind,
        form=form,
        title=title_of(now.form, now.kind, now.values),
        values=now.values,
        registers=dict(now.shown.registers),
        conflicts=tuple(conflicts_of(record, now, names)),
        history=tuple(_history(now, stored, names)),
        cells=ledger_cells(now.form, now.values, station.name),
        void_reason=now.void_reason,
        pending=row.pending if row else 0,
        held=row.held if row else 0,
        refused=row.refused if row else 0,
        returned=is_returned(now),
        marks=mark_words(form, now.values),
        refusals=tuple(
            (problem_of(each.code)[0], reason_words(form, each)) for each in open_refusals(stored)
        ),
        refused_values=refused_values(stored),
    )


def _history(
    now: Merged, stored: list[StoredOperation], names: dict[bytes, str]
) -> list[HistoryLine]:
    """ "Before" is what stood there in this order of time; concurrent edits show as they came."""
    standing: dict[str, Any] = {}
    lines = []
    for each in sorted(stored, key=lambda one: (_time(one), one.seq)):
        lines.append(_line(now, each, names, standing))
        standing |= {write.field: write.value for write in writes_of(each)}
    return lines


def _time(stored: StoredOperation) -> int:
    return stored.stamp if stored.effective is None else stored.effective


def _line(
    now: Merged, stored: StoredOperation, names: dict[bytes, str], before: dict[str, Any]
) -> HistoryLine:
    form = now.form
    changes = tuple(
        (
            register_label(form, write.field),
            show_register(form, write.field, before[write.field]) if write.field in before else "",
            show_register(form, write.field, write.value),
        )
        for write in writes_of(stored)
        if write.value != before.get(write.field, "" if write.field == ALIVE else None)
    )
    by_hub = bool(stored.by_hub)
    who = author_name(names, stored.clerk, by_hub)
    return HistoryLine(_time(stored), who, by_hub, changes, standing_words(form, stored))
