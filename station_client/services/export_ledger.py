"""The ledger as a file: a spreadsheet in the columns of table D.1, or every value as JSON.

Cells are text and nothing else: a name that a citizen chose must never become a formula.
"""

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import xlsxwriter

from forms import LEDGER_COLUMNS, LedgerLine
from forms.masking import mask_line
from station_client.errors import StationError
from station_client.home import replace_durably
from station_client.services.read_ledger import LedgerRow, read_ledger
from station_client.station import Station
from station_client.store.rows import RecordRow

HEADER = tuple(label for _, label in LEDGER_COLUMNS)
SHEET = "工作台账"
_ALL = -1
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def export_ledger(
    station: Station,
    path: Path,
    since: date | None = None,
    until: date | None = None,
    masked: bool = False,
) -> int:
    """Write the lines of these days (inclusive), oldest first; gives how many.

    .xlsx and .csv (UTF-8 with a mark, as Excel wants it) hold the 16 columns, void lines left out
    and 序号 counted within the calendar year. .json holds every record of the station with all its
    values, what was imported as it was written; it is never masked and knows no days.
    Errors: export.kind_unknown, home.file_refused, home.disk_full.
    """
    suffix = path.suffix.lower()
    if suffix == ".json":
        records = station.store.records.all(station.channel)
        return _write(path, [_plain(each) for each in records], _as_json)
    if suffix not in _WRITERS:
        raise StationError("export.kind_unknown", suffix=suffix or path.name)
    lines = list(_numbered(station, since, until))
    if masked:
        lines = [mask_line(each) for each in lines]
    return _write(path, lines, _WRITERS[suffix])


def _numbered(
    station: Station, since: date | None, until: date | None
) -> Iterator[tuple[str, ...]]:
    """The lines with their numbers, counted from the first day of the year of `since`."""
    start = since.replace(month=1, day=1) if since else None
    newest_first, _ = read_ledger(station, start, until, limit=_ALL)
    year, number = "", 0
    for row in reversed(newest_first):
        if row.void_reason:
            continue
        number = number + 1 if _day(row)[:4] == year else 1
        year = _day(row)[:4]
        if since is None or _day(row) >= since.isoformat():
            yield LedgerLine(row.cells).numbered(number).cells


def _day(row: LedgerRow) -> str:
    return row.cells[1]


def _plain(row: RecordRow) -> dict[str, Any]:
    return {
        "record": row.id.hex(),
        "kind": row.kind,
        "case_no": row.case_no,
        "void_reason": row.alive,
        "values": row.values,
        "ledger": row.cells,
        "conflicts": row.conflicts,
        "pending": row.pending,
        "held": row.held,
        "refused": row.refused,
    }


def _write(path: Path, lines: list[Any], writer: Callable[[list[Any]], bytes]) -> int:
    """Whole or not at all, mode 0600: it holds people's names."""
    replace_durably(path, writer(lines))
    return len(lines)


def _as_json(records: Sequence[dict[str, Any]]) -> bytes:
    return msgspec.json.format(msgspec.json.encode(records), indent=1)


def _as_csv(lines: Sequence[tuple[str, ...]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([HEADER, *([_tamed(cell) for cell in line] for line in lines)])
    return b"\xef\xbb\xbf" + text.getvalue().encode()


def _tamed(cell: str) -> str:
    """A spreadsheet would compute what begins like this; the apostrophe says that it is text."""
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell


def _as_xlsx(lines: Sequence[tuple[str, ...]]) -> bytes:
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet(SHEET)
        as_text = book.add_format({"num_format": "@"})
        sheet.set_landscape()
        sheet.set_column(0, len(HEADER) - 1, 14, as_text)
        for at, line in enumerate([HEADER, *lines]):
            for column, cell in enumerate(line):
                sheet.write_string(at, column, cell, as_text)
    return file.getvalue()


_WRITERS: dict[str, Callable[[list[Any]], bytes]] = {".csv": _as_csv, ".xlsx": _as_xlsx}
