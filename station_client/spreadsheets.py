"""Ledger files as people keep them → sheets of raw cells, each row at its own number.

Reads delimited text and Excel workbooks, by content and not by name. What a cell means belongs to
`forms`; which rows are lines, to the import. Nothing of a file is trusted: its size is bounded
before it is unpacked, and what cannot be read is refused with a code.
"""

from __future__ import annotations

import csv
import io
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path

import python_calamine

from forms.reading import Raw
from station_client.errors import StationError
from station_client.home import reason_of
from station_client.old_workbook import checked_workbook
from station_client.workbook_scan import CELLS, ROWS, Scan, scan_workbook

FILE_BYTES = 64 * 1024 * 1024  # ten years of a busy desk are under 20 MB

Row = tuple[Raw, ...]


@dataclass(frozen=True)
class Sheet:
    """Row n of the spreadsheet is ``rows[n - 1]``; a text file is one sheet without a name.

    ``merged``: row index → position → the value of the cell above, with which it is merged.
    ``counts_from_1904``: what a bare number means as a date is then not what it seems.
    ``shifts``: a lost or surplus separator moves the cells of a row; in a workbook none can.
    """

    name: str
    rows: Sequence[Row]
    merged: Mapping[int, Mapping[int, Raw]] = field(default_factory=dict)
    shifts: bool = False
    counts_from_1904: bool = False

    def shown(self, index: int) -> Row:
        """The row as it looks on the screen: merged cells show their value in each row."""
        above = self.merged.get(index, {})
        return tuple(above.get(n, cell) for n, cell in enumerate(self.rows[index]))


def read_sheets(path: Path) -> list[Sheet]:
    """All sheets of the file, hidden ones too, in their order.

    Errors: import.no_file, import.file_refused, import.too_large, import.changed, import.empty,
    import.wrong_type, import.encrypted, import.damaged, import.encoding.
    """
    data = _read_bytes(path)
    if not data.strip(b"\0\r\n\t ,;\xef\xbb\xbf\xfe\xff"):
        raise StationError("import.empty", file=path.name)
    if data.startswith(b"PK\x03\x04"):
        return _workbook_sheets(path.name, data, scan_workbook(path.name, data))
    if data.startswith(_COMPOUND):
        _demand_workbook(path.name, data)
        return _workbook_sheets(path.name, checked_workbook(path.name, data), Scan({}))
    _refuse_foreign(path.name, data)
    return [_text_sheet(path.name, data)]


def _read_bytes(path: Path) -> bytes:
    """The file in one piece, as it was at one moment."""
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            data = file.read(FILE_BYTES + 1)
            after = os.fstat(file.fileno())
    except FileNotFoundError as error:
        raise StationError("import.no_file", file=path.name) from error
    except OSError as error:
        raise StationError(
            "import.file_refused", file=path.name, reason=reason_of(error)
        ) from error
    if len(data) > FILE_BYTES:
        raise StationError("import.too_large", file=path.name, limit=FILE_BYTES >> 20)
    changed = (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns)
    if changed or len(data) != after.st_size:
        raise StationError("import.changed", file=path.name)
    return data


# --- what kind of file ---------------------------------------------------------------------------

_COMPOUND = bytes.fromhex("d0cf11e0a1b11ae1")  # Office before 2007, and every encrypted workbook
_FOREIGN = (
    (b"%PDF", "PDF 文件"),
    (b"\x89PNG", "图片"),
    (b"\xff\xd8\xff", "图片"),
    (b"GIF8", "图片"),
    (b"Rar!", "压缩包"),
    (b"7z\xbc\xaf", "压缩包"),
    (b"\x1f\x8b", "压缩包"),
    (b"{\\rtf", "Word 文档"),
    (b"\x09\x08\x10\x00", "旧式 Excel 文件"),
    (b"\x09\x04\x06\x00", "旧式 Excel 文件"),
    (b"SQLite format", "数据库文件"),
)
_MARKUP = (
    (b"<html", "网页"),
    (b"<!doctype html", "网页"),
    (b"<table", "网页"),
    (b"<?xml", "XML 文件"),
)


def _demand_workbook(name: str, data: bytes) -> None:
    """A compound file says in UTF-16 what lies in it."""
    if "EncryptedPackage".encode("utf-16-le") in data:
        raise StationError("import.encrypted", file=name)
    if "WordDocument".encode("utf-16-le") in data:
        raise StationError("import.wrong_type", file=name, kind="Word 文档")
    if not any(stream.encode("utf-16-le") in data for stream in ("Workbook", "Book")):
        raise StationError("import.wrong_type", file=name, kind="其他 Office 文件")


def _refuse_foreign(name: str, data: bytes) -> None:
    start = data[:512].removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    kinds = [kind for magic, kind in _FOREIGN if data.startswith(magic)]
    kinds += [kind for tag, kind in _MARKUP if start.startswith(tag)]
    if kinds:
        raise StationError("import.wrong_type", file=name, kind=kinds[0])


# --- workbooks -----------------------------------------------------------------------------------


def _workbook_sheets(name: str, data: bytes, scan: Scan) -> list[Sheet]:
    try:
        with python_calamine.load_workbook(io.BytesIO(data)) as book:
            return [
                _workbook_sheet(name, book.get_sheet_by_name(sheet.name), scan)
                for sheet in book.sheets_metadata
                if sheet.typ == python_calamine.SheetTypeEnum.WorkSheet
            ]
    except python_calamine.PasswordError as error:
        raise StationError("import.encrypted", file=name) from error
    except python_calamine.CalamineError as error:
        # What protects a workbook before 2007 has no error of its own.
        encrypted = "password" in str(error).lower() or "encrypt" in str(error).lower()
        code = "import.encrypted" if encrypted else "import.damaged"
        raise StationError(code, file=name) from error
    except BaseException as error:
        # A crash of the reader (a Rust panic) is no Exception, and its class cannot be imported.
        if type(error).__name__ != "PanicException":
            raise
        raise StationError("import.damaged", file=name) from error


def _workbook_sheet(file: str, sheet: python_calamine.CalamineSheet, scan: Scan) -> Sheet:
    height, width = (n + 1 for n in sheet.end or (-1, -1))
    if height > ROWS or height * width > CELLS:
        raise StationError("import.too_many_rows", file=file, limit=ROWS)
    rows = [[_plain(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]
    for (row, column), text in scan.unread.get(sheet.name, {}).items():
        rows += [[] for _ in range(len(rows), row + 1)]
        rows[row] += [""] * (column + 1 - len(rows[row]))
        rows[row][column] = text
    return Sheet(
        sheet.name,
        [tuple(row) for row in rows],
        _merged(sheet, rows),
        counts_from_1904=scan.counts_from_1904,
    )


def _merged(
    sheet: python_calamine.CalamineSheet, rows: Sequence[Sequence[Raw]]
) -> dict[int, dict[int, Raw]]:
    """Only downwards: a title across the page is one cell, not sixteen equal ones."""
    found: dict[int, dict[int, Raw]] = {}
    for (top, left), (bottom, _) in sheet.merged_cell_ranges or []:
        for row in range(top + 1, min(bottom + 1, len(rows))):
            if left < len(rows[row]) and any(cell not in ("", None) for cell in rows[row]):
                found.setdefault(row, {})[left] = rows[top][left]
    return found


def _plain(cell: Raw) -> Raw:
    """Spreadsheets count in parts of a day: what is nearly a whole second is one."""
    if isinstance(cell, datetime):
        whole = (cell + timedelta(microseconds=500_000)).replace(microsecond=0)
        return whole.date() if whole.time() == time() else whole
    if isinstance(cell, time):
        on_a_day = datetime.combine(date(2000, 1, 1), cell) + timedelta(microseconds=500_000)
        return on_a_day.time().replace(microsecond=0)
    if isinstance(cell, timedelta) and timedelta() <= cell < timedelta(days=1):
        return _plain((datetime(2000, 1, 1) + cell).time())  # noqa: DTZ001 - a clock, not a moment
    return cell


# --- text ----------------------------------------------------------------------------------------

_DELIMITERS = (",", "\t", ";", "，", "|")
_LEDGER_WIDTH = 16
_FEWEST_CELLS = 6  # a line with fewer tells nothing about the delimiter
_DAMAGED_LINES = 0.05  # more than these, and it is another encoding and not a damaged file


def _text_sheet(name: str, data: bytes) -> Sheet:
    lines = list(io.StringIO(_decode(name, data), newline=""))
    if len(lines) > ROWS:
        raise StationError("import.too_many_rows", file=name, limit=ROWS)
    delimiter, width = _layout(lines)
    csv.field_size_limit(FILE_BYTES)  # how long a cell may be is judged where its row is
    return Sheet("", list(_records(lines, delimiter, width)), shifts=True)


def _decode(name: str, data: bytes) -> str:
    """The text. Bytes that a mostly sound file has damaged stand as lone surrogates."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        candidates = ["utf-16"]
    elif data.startswith(b"\xef\xbb\xbf"):
        candidates = ["utf-8-sig"]
    else:
        candidates = ["utf-8", "gb18030"]
    for encoding in candidates:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    return _decode_damaged(name, data, candidates)


def _decode_damaged(name: str, data: bytes, candidates: Sequence[str]) -> str:
    texts = [
        data.decode(encoding, "surrogateescape")
        for encoding in candidates
        if encoding != "utf-16"  # no byte of it can be told from its neighbour
    ]
    damaged = {_count_damaged(text): text for text in texts}
    fewest = min(damaged, default=0)
    lines = data.count(b"\n")
    if not damaged or fewest > max(1, _DAMAGED_LINES * lines) or fewest * 2 > lines:
        raise StationError("import.encoding", file=name)
    return damaged[fewest]


def _count_damaged(text: str) -> int:
    return sum(is_damaged(line) for line in text.split("\n"))


def is_damaged(text: str) -> bool:
    """Whether some bytes of this text had no meaning in the file's encoding."""
    return any("\udc80" <= character <= "\udcff" for character in text)


def _layout(lines: Sequence[str]) -> tuple[str, int]:
    """(delimiter, cells of a usual line): the one that divides most lines alike."""
    best = (0, ",", _LEDGER_WIDTH)
    for delimiter in _DELIMITERS:
        widths = Counter(line.count(delimiter) + 1 for line in lines)
        usual = [(n, width) for width, n in widths.items() if width >= _FEWEST_CELLS]
        if usual:
            count = sum(n for n, _ in usual)
            best = max(best, (count, delimiter, max(usual)[1]), key=lambda found: found[0])
    return best[1:]


def _records(lines: Sequence[str], delimiter: str, width: int) -> Iterator[Row]:
    """Rows as a spreadsheet counts them: a quoted cell may hold line breaks.

    A quotation mark that nobody closed would swallow the rows below it, and one that closes before
    the cell's end would vanish: such a line is taken by itself, its marks as they stand.
    """
    start = 0
    while start < len(lines):
        rest = (lines[n] for n in range(start, len(lines)))
        reader = csv.reader(rest, delimiter=delimiter, strict=True)
        first = start
        with suppress(csv.Error):  # something stands behind the closing mark: "王"明
            for cells in reader:
                raw = lines[first : start + reader.line_num]
                if _swallows(raw, cells, delimiter, width):
                    break
                yield tuple(cells)
                first = start + reader.line_num
            else:
                return
        yield from (
            tuple(cells)
            for cells in csv.reader([lines[first]], delimiter=delimiter, quoting=csv.QUOTE_NONE)
        )
        start = first + 1


def _swallows(raw: Sequence[str], cells: Sequence[str], delimiter: str, width: int) -> bool:
    if '"' not in raw[0]:
        return False
    if sum(line.count('"') for line in raw) % 2:
        return True
    return len(raw) > 1 and (
        len(cells) > width or any(cell.count(delimiter) >= width - 1 for cell in cells)
    )
