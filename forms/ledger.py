"""The work ledger of Annex D as a projection: one case gives one line of 16 cells.

Nobody types the ledger twice. The columns come from the definition `work_ledger`; how a case fills
them from its own definition's ``[ledger]``. Knows neither print nor spreadsheet.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping

import msgspec

from forms.definition import Form, Ledger, LedgerCell
from forms.registers import is_filled
from forms.registry import builtin
from forms.source import COLUMN_IDS, Source, source_of
from forms.values import chinese_date, show

_FORM = builtin().latest("work_ledger")
LEDGER_COLUMNS: tuple[tuple[str, str], ...] = tuple((f.id, f.label) for f in _FORM.fields)
"""(id, label) of the 16 columns; the labels are table D.1's header."""
_PHRASES = re.compile(r"[；;，,、。\s]+")
_POSITION = {column: position for position, column in enumerate(COLUMN_IDS)}


class LedgerLine(msgspec.Struct, frozen=True):
    """One line of the ledger: 16 texts in the order of table D.1."""

    cells: tuple[str, ...]

    def cell(self, column: str) -> str:
        """The text of one column. Raises KeyError for an unknown one."""
        return self.cells[_POSITION[column]]

    def numbered(self, seq_no: int) -> LedgerLine:
        """This line with a 序号, given at print or export. An imported line keeps its own."""
        if self.cells[0]:
            return self
        return LedgerLine((str(seq_no), *self.cells[1:]))


def ledger_line(form: Form, values: Mapping[str, object], *, station_name: str) -> LedgerLine:
    """The ledger line of a case (SX 6.3.3.5, 6.3.4.4, table D.1).

    ``values`` is the merged record, register → value; ``station_name`` the name in force that day,
    for a record that carries none. An imported line shows a cell that could not be read as it was
    written, until somebody fills the field. Raises ValueError for a form that has no ledger line.
    """
    if form.ledger is None:
        raise ValueError(f"{form.name} has no line in the work ledger")
    source = source_of(values)
    return LedgerLine(_Line(form, form.ledger, values, station_name, source).cells())


class _Line:
    """One projection under way: a case, and where it came from."""

    def __init__(
        self,
        form: Form,
        ledger: Ledger,
        values: Mapping[str, object],
        station_name: str,
        source: Source | None,
    ) -> None:
        self.form = form
        self.ledger = ledger
        self.values = values
        self.station_name = station_name
        self.source = source

    def cells(self) -> tuple[str, ...]:
        columns = self.ledger.columns.values()
        cells = [_RULES[cell.rule](self, cell) for cell in columns]
        if self.source is not None:
            unread = self.source.marked("unreadable")
            for position, cell in enumerate(columns):
                if self._shows_the_paper(cell, unread):
                    cells[position] = self.source.cells[position]
        return tuple(cells)

    def _shows_the_paper(self, cell: LedgerCell, unread: Collection[str]) -> bool:
        if cell.rule == "origin":
            return True
        return cell.field in unread and not is_filled(self.values, cell.field)

    def value(self, cell: LedgerCell) -> str:
        value = self.values.get(cell.field)
        return "" if value is None else show(self.form, self.form.field(cell.field), value)

    def date(self, cell: LedgerCell) -> str:
        return str(self.values.get(cell.field) or "")[:10]

    def time(self, cell: LedgerCell) -> str:
        return str(self.values.get(cell.field) or "")[11:16]

    def same_day_time(self, cell: LedgerCell) -> str:
        """当日办结时间: the clock time where the case ended on the ledger's day, else blank."""
        return self.time(cell) if self.date(cell) == self._day() else ""

    def station(self, cell: LedgerCell) -> str:
        return self.value(cell) or self.station_name

    def remark(self, cell: LedgerCell) -> str:
        """备注: the kind of service and a later finish date before what the clerk wrote."""
        written = self.value(cell)
        notes = [note for note in (self.ledger.kind, self._later_finish()) if note]
        if not notes:
            return written
        said = _PHRASES.split(written)
        parts = [note for note in notes if note not in said] + [written]
        return "；".join(part for part in parts if part)

    def origin(self, cell: LedgerCell) -> str:
        return ""

    def _day(self) -> str:
        return str(self.values.get(self.ledger.day) or "")[:10]

    def _later_finish(self) -> str:
        finished = str(self.values.get(self.ledger.finished) or "")[:10]
        return f"{chinese_date(finished)}办结" if finished and finished != self._day() else ""


_RULES: dict[str, Callable[[_Line, LedgerCell], str]] = {
    "value": _Line.value,
    "date": _Line.date,
    "time": _Line.time,
    "same_day_time": _Line.same_day_time,
    "station": _Line.station,
    "remark": _Line.remark,
    "origin": _Line.origin,
}
