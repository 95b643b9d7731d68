"""The repair file: rows that an import set aside, to be corrected and imported again.

A .csv in UTF-8 with BOM beside the source. It holds all cells of each row as they were, and four
columns that say where it came from and why it is here; the import knows these columns again. Knows
neither the station nor what a cell means.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from forms import LEDGER_COLUMNS, Columns
from forms.reading import Raw, as_text
from station_client.errors import StationError
from station_client.home import replace_durably

FILE, SHEET, ROW, REASON = "原文件", "原工作表", "原行号", "搁置原因"
_SUFFIX = "_待修正"
_LONGEST_STEM_BYTES = 180  # a file name holds 255 bytes, a Chinese character is three
_STARTS_FORMULA = tuple("=+-@＝＋－＠\t\r\n'")


@dataclass(frozen=True)
class Place:
    """Where a row was read first: a row of a repair file keeps the place of its original."""

    file: str
    sheet: str
    row: int


@dataclass(frozen=True)
class SetAsideRow:
    """A row that cannot become a line: all its cells, under the header it stood under, and why.

    `labels` is empty where it stood under none.
    """

    place: Place
    labels: tuple[str, ...]
    cells: tuple[Raw, ...]
    reason: str


@dataclass(frozen=True)
class Origins:
    """Which columns of a sheet are those of a repair file: label → position; none of another."""

    positions: Mapping[str, int]

    def strip(self, cells: Sequence[Raw]) -> tuple[Raw, ...]:
        """The cells as they were in the original: those columns blank, no formula disarmed."""
        if not self.positions:
            return tuple(cells)
        added = set(self.positions.values())
        return tuple(None if n in added else _rearmed(cell) for n, cell in enumerate(cells))

    def place(self, cells: Sequence[Raw], here: Place) -> Place:
        """Where the row was read first; `here`, so far as the file does not say it."""
        row = self._text(cells, ROW)
        return Place(
            self._text(cells, FILE) or here.file,
            self._text(cells, SHEET) or here.sheet,
            int(row) if re.fullmatch(r"[1-9][0-9]{0,8}", row, re.ASCII) else here.row,
        )

    def _text(self, cells: Sequence[Raw], label: str) -> str:
        position = self.positions.get(label)
        if position is None or position >= len(cells):
            return ""
        return as_text(_rearmed(cells[position])).strip()


def origins_of(columns: Columns) -> tuple[Columns, Origins]:
    """A header without the columns that a repair file adds, and where these are."""
    added = {n: label for n, label in columns.extra.items() if label in (FILE, SHEET, ROW, REASON)}
    extra = {n: label for n, label in columns.extra.items() if n not in added}
    original = msgspec.structs.replace(columns, extra=extra)
    return original, Origins({label: n for n, label in added.items()})


def write_repair_file(source: Path, rows: Sequence[SetAsideRow]) -> Path:
    """Write the rows beside `source`; the file's path. Nothing that lies there is overwritten.

    Errors: import.repair_refused.
    """
    content = _content(rows)
    path = _free_path(source, content)
    try:
        if not path.exists():
            replace_durably(path, content)
    except StationError as error:
        reason = error.facts.get("reason", error.words())
        raise StationError("import.repair_refused", file=path.name, reason=reason) from error
    return path


def _free_path(source: Path, content: bytes) -> Path:
    """The first name that is free, or that holds this very content from an earlier run."""
    stem = re.sub(rf"{_SUFFIX}[0-9]*$", "", source.stem)
    stem = stem.encode("utf-8", "replace")[:_LONGEST_STEM_BYTES].decode("utf-8", "ignore")
    number = 1
    while True:
        counted = str(number) if number > 1 else ""
        path = source.with_name(f"{stem}{_SUFFIX}{counted}.csv")
        if not path.exists() or _holds(path, content):
            return path
        number += 1


def _holds(path: Path, content: bytes) -> bool:
    try:
        return path.stat().st_size == len(content) and path.read_bytes() == content
    except OSError:
        return False


def _content(rows: Sequence[SetAsideRow]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    for line in _lines(rows):
        writer.writerow([_disarmed(visible(cell)) for cell in line])
    return text.getvalue().encode("utf-8-sig")


def _lines(rows: Sequence[SetAsideRow]) -> Iterator[list[str]]:
    """Each row under its own header; where the header changes, the new one stands between."""
    standard = tuple(label for _, label in LEDGER_COLUMNS)
    last: tuple[tuple[str, ...], int] | None = None
    for row in rows:
        labels = row.labels or standard
        width = max(len(labels), len(row.cells))
        if last is None or last[0] != labels or last[1] < width:
            last = (labels, width)
            yield [*_padded(labels, width), FILE, SHEET, ROW, REASON]
        cells = [as_text(cell) for cell in row.cells]
        place = [row.place.file, row.place.sheet, str(row.place.row), row.reason]
        yield [*_padded(cells, last[1]), *place]


def _padded(cells: Sequence[str], width: int) -> list[str]:
    return [*cells, *[""] * (width - len(cells))]


def visible(text: str) -> str:
    """Bytes that had no meaning in the encoding of a file, or of its name: ``\\xb5``."""
    return re.sub("[\udc80-\udcff]", lambda byte: f"\\x{ord(byte[0]) - 0xDC00:02x}", text)


def _disarmed(text: str) -> str:
    """A spreadsheet takes a text that begins so for a formula; behind an apostrophe it does not."""
    return f"'{text}" if text.startswith(_STARTS_FORMULA) else text


def _rearmed(cell: Raw) -> Raw:
    if isinstance(cell, str) and cell.startswith("'") and cell[1:].startswith(_STARTS_FORMULA):
        return cell[1:]
    return cell
