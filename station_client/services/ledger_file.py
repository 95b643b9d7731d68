"""Each row of a ledger file, judged: a line, or set aside with its reason, or no line at all.

Pure: sheets in, a judgement out, in which every row is counted once. How a cell is read belongs to
`forms`; nothing here knows the station or what was imported before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from forms import WORDS as FORM_WORDS
from forms import (
    Columns,
    Imported,
    SetAside,
    builtin,
    check_record,
    check_writes,
    classify_row,
    join_header,
    read_header,
    read_ledger_row,
)
from forms.ledger_rows import RowKind
from forms.reading import Raw, as_text
from station_client.errors import WORDS, StationError
from station_client.services.repair_file import Origins, Place, SetAsideRow, origins_of, visible
from station_client.spreadsheets import Sheet, is_damaged

FORM = builtin().latest("intake_case")
_TITLE_CELLS = 8  # above the header: a row with fewer is a title or a note


@dataclass
class Judged:
    """All rows of a file: `counts` holds title, header, blank and footer rows."""

    rows: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    lines: list[Imported] = field(default_factory=list)
    set_aside: list[SetAsideRow] = field(default_factory=list)


def judge_sheets(file: str, sheets: Sequence[Sheet]) -> Judged:
    """Errors: import.no_header when no sheet has one, import.no_lines when nothing is below it."""
    judged = Judged()
    has_header = False
    for sheet in sheets:
        one = _SheetJudge(file, sheet, judged)
        one.run()
        has_header = has_header or one.has_header
    if not has_header:
        raise StationError("import.no_header", file=file)
    if not judged.lines and not judged.set_aside:
        raise StationError("import.no_lines", file=file)
    return judged


class _SheetJudge:
    """One sheet, row by row: the header in force, and the line above for its ditto marks."""

    def __init__(self, file: str, sheet: Sheet, judged: Judged) -> None:
        self.file = file
        self.sheet = sheet
        self.judged = judged
        self.has_header = any(read_header(sheet.shown(n)) for n in range(len(sheet.rows)))
        self.columns: Columns | None = None
        self.origins = Origins({})
        self.header: tuple[str, ...] = ()
        self.above: tuple[int, Imported] | None = None

    def run(self) -> None:
        last: RowKind = "blank"
        for index in range(len(self.sheet.rows)):
            self.judged.rows += 1
            shown = self.sheet.shown(index)
            kind = classify_row(self.origins.strip(shown), self.columns)
            upper = self.sheet.shown(index - 1) if last == "header" else ()
            joined = join_header(upper, shown) if kind == "line" else None
            kind = "header" if joined else kind
            if kind == "header":
                self._begin(joined or shown)
            last = kind
            if kind == "line" and not self._is_title(shown):
                self._judge_line(index)
            else:
                self.judged.counts["title" if kind == "line" else kind] += 1

    def _begin(self, cells: Sequence[Raw]) -> None:
        labels = tuple(visible(as_text(cell)) for cell in cells)
        columns = read_header(labels)
        if columns is not None:
            self.columns, self.origins = origins_of(columns)
            self.header = labels

    def _is_title(self, cells: Sequence[Raw]) -> bool:
        """Whatever stands above the header and is too short for a line."""
        filled = sum(bool(as_text(cell).strip()) for cell in cells)
        return self.has_header and self.columns is None and filled < _TITLE_CELLS

    def _judge_line(self, index: int) -> None:
        cells = self.sheet.rows[index]
        place = self.origins.place(cells, Place(self.file, self.sheet.name, index + 1))
        found = self._read(index, place)
        if isinstance(found, str):
            self.above = None
            labels = tuple(
                label
                for n, label in enumerate(self.header)
                if n not in self.origins.positions.values()
            )
            self.judged.set_aside.append(SetAsideRow(place, labels, self._own_cells(cells), found))
        else:
            self.above = (index, found)
            self.judged.lines.append(found)

    def _own_cells(self, cells: Sequence[Raw]) -> tuple[Raw, ...]:
        """Without the columns that a repair file added: the next one adds them anew."""
        added = self.origins.positions.values()
        return tuple(c for n, c in enumerate(self.origins.strip(cells)) if n not in added)

    def _read(self, index: int, place: Place) -> Imported | str:
        """The line, or the words why it is none."""
        cells = self.sheet.rows[index]
        if self.columns is None:
            return WORDS["import.row_no_header"]
        if any(isinstance(cell, str) and is_damaged(cell) for cell in cells):
            return WORDS["import.row_damaged"]
        if self.sheet.counts_from_1904 and isinstance(_date_cell(cells, self.columns), int | float):
            return FORM_WORDS["set_aside_unreadable_date"]
        line = self._read_line(index, place, self.columns)
        if isinstance(line, SetAside):
            return FORM_WORDS[line.reason]
        return self._refusal(cells, line) or line

    def _read_line(self, index: int, place: Place, columns: Columns) -> Imported | SetAside:
        """Merged cells hold what the line above holds; where that was set aside, what it showed."""
        merged = self.sheet.merged.get(index, {})
        follows = self.above is not None and self.above[0] == index - 1
        cells = self.sheet.rows[index] if follows else self.sheet.shown(index)
        return read_ledger_row(
            self.origins.strip(cells),
            columns,
            file=place.file,
            sheet=place.sheet,
            row=place.row,
            above=self.above[1] if self.above is not None else None,
            merged=merged if follows else (),
        )

    def _refusal(self, cells: Sequence[Raw], line: Imported) -> str:
        """Why a row that reads as a line cannot be recorded as one; "" if it can."""
        if self.sheet.shifts and self._is_shifted(cells, line):
            return WORDS["import.row_shifted"]
        problems = check_writes(FORM, line.writes, author="station", creates=True)
        problems = problems or check_record(FORM, line.writes)
        return problems[0].words(FORM) if problems else ""

    def _is_shifted(self, cells: Sequence[Raw], line: Imported) -> bool:
        """A separator too many or too few moves all cells behind it.

        Then the last cell of a kind of its own (a code, a time …) does not read as one.
        """
        if any(as_text(cell).strip() for cell in cells[len(self.header) :]):
            return True
        kinds = _fields_of_a_kind(line)
        last = kinds[-1] if kinds else ""
        return len(cells) != len(self.header) and last in line.source.marked("unreadable")


def _date_cell(cells: Sequence[Raw], columns: Columns) -> Raw:
    position = columns.positions["ledger_date"]
    return cells[position] if position < len(cells) else None


def _fields_of_a_kind(line: Imported) -> list[str]:
    """The fields of which a cell says something, but for texts: any text reads as a text."""
    assert FORM.ledger is not None
    cells = zip(FORM.ledger.columns.values(), line.source.cells, strict=True)
    named = [column.field for column, text in cells if column.field and text.strip()]
    return [name for name in named if not FORM.field(name).type.endswith("text")]
