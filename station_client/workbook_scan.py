"""A look into an .xlsx before it is handed to the reader, which trusts what it is given.

Bounds what the archive unpacks to and how far out its cells lie, checks every byte against the
archive's sums, and finds what the reader would give as blanks: error values (#N/A …), and formulas
whose value was never calculated. Knows the format as far as that and no cell's meaning.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterator
from typing import NamedTuple
from xml.etree import ElementTree
from xml.parsers import expat

from station_client.errors import StationError

UNPACKED_BYTES = 256 * 1024 * 1024
INDEX_BYTES = 4 * 1024 * 1024  # of the parts that say which sheets there are
MEMBERS = 5_000
ROWS = 300_000
CELLS = 6_000_000  # a sheet is held as a rectangle: one cell far out costs all that lie between
_CHUNK = 256 * 1024

Unread = dict[tuple[int, int], str]
"""(row, column), both from 0 → ``#N/A``, or the formula as it was typed: ``=B2+1``."""

_BOOK = "xl/workbook.xml"
_RELATIONS = "xl/_rels/workbook.xml.rels"


class _FarOut(Exception):
    """A cell lies beyond what a ledger can need."""


class _TooLarge(Exception):
    """The archive unpacks to more than a ledger can need."""


class Scan(NamedTuple):
    """`unread`: sheet's name → what the reader would leave blank.

    `counts_from_1904`: a date as a bare number is four years later than everywhere else.
    """

    unread: dict[str, Unread]
    counts_from_1904: bool = False


def scan_workbook(name: str, data: bytes) -> Scan:
    """What the reader must be told about this workbook.

    Errors: import.wrong_type, import.damaged, import.unpacked_too_large, import.too_many_rows.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _demand_workbook(name, archive)
            return _scan(archive)
    except _FarOut as error:
        raise StationError("import.too_many_rows", file=name, limit=ROWS) from error
    except _TooLarge as error:
        limit = UNPACKED_BYTES >> 20
        raise StationError("import.unpacked_too_large", file=name, limit=limit) from error
    except (
        zipfile.BadZipFile,
        zlib.error,
        expat.ExpatError,
        ElementTree.ParseError,
        EOFError,
        KeyError,  # a part that the workbook names is not there
        RuntimeError,  # a member under a password, or packed in a way of its own
        ValueError,  # a cell with an impossible place
    ) as error:
        raise StationError("import.damaged", file=name) from error


def _demand_workbook(name: str, archive: zipfile.ZipFile) -> None:
    names = archive.namelist()
    if len(names) > MEMBERS or sum(i.file_size for i in archive.infolist()) > UNPACKED_BYTES:
        raise _TooLarge
    if _BOOK in names:
        if max(archive.getinfo(part).file_size for part in (_BOOK, _RELATIONS)) > INDEX_BYTES:
            raise _TooLarge
        return
    kinds = {"word/document.xml": "Word 文档", "xl/workbook.bin": "二进制工作簿（.xlsb）"}
    kind = next((kind for part, kind in kinds.items() if part in names), "压缩包或其他文件")
    raise StationError("import.wrong_type", file=name, kind=kind)


def _scan(archive: zipfile.ZipFile) -> Scan:
    book = ElementTree.fromstring(archive.read(_BOOK))
    sheets = dict(_sheet_parts(archive, book))
    unread: dict[str, Unread] = {}
    for member in archive.namelist():
        scan = _SheetScan() if member.startswith("xl/worksheets/") else None
        for chunk in _chunks(archive, member):
            if scan is not None and member.endswith(".xml"):
                scan.feed(chunk)
        if scan is not None and member in sheets:
            unread[sheets[member]] = scan.unread
    return Scan(unread, any(e.get("date1904") in ("1", "true") for e in book.iter()))


def _chunks(archive: zipfile.ZipFile, member: str) -> Iterator[bytes]:
    """The member unpacked, no longer than it says; at its end its sum has been checked."""
    with archive.open(member) as stream:
        while chunk := stream.read(_CHUNK):
            yield chunk


def _sheet_parts(archive: zipfile.ZipFile, book: ElementTree.Element) -> Iterator[tuple[str, str]]:
    """(archive member, sheet name)."""
    targets = {
        relation.get("Id"): str(relation.get("Target"))
        for relation in ElementTree.fromstring(archive.read(_RELATIONS))
    }
    for element in book.iter():
        if not element.tag.endswith("}sheet"):
            continue
        relation = next((v for k, v in element.attrib.items() if k.endswith("}id")), None)
        target = targets.get(relation, "")
        yield posixpath.normpath(posixpath.join("/xl", target))[1:], element.get("name", "")


_PLACE = re.compile(r"([A-Z]{1,3})([0-9]{1,7})", re.ASCII)


class _SheetScan:
    """One pass over a sheet: where its filled cells lie, and which the reader would leave blank."""

    def __init__(self) -> None:
        self.unread: Unread = {}
        self._row = self._column = -1
        self._height = self._width = 0
        self._type = ""
        self._inside = ""
        self._formula: str | None = None
        self._parser = expat.ParserCreate()
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text
        self._parser.StartDoctypeDeclHandler = self._doctype

    def feed(self, chunk: bytes) -> None:
        self._parser.Parse(chunk, False)

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        tag = tag.rpartition(":")[2]
        self._inside = tag
        if tag == "c":
            self._place(attributes.get("r"))
            self._type = attributes.get("t", "n")
            self._formula = None
        elif tag == "f":
            self._formula = "="
            self._fill()
        elif tag in ("v", "is"):
            if self._type == "str":  # a formula's text; it may be empty
                self._formula = None
            self._fill()
        elif tag == "row":
            self._row = int(attributes["r"]) - 1 if "r" in attributes else self._row + 1
            self._column = -1

    def _place(self, place: str | None) -> None:
        """Most cells say where they are; one that does not follows the one before it."""
        if place is None:
            self._column += 1
            return
        match = _PLACE.fullmatch(place)
        if match is None:
            raise ValueError(place)
        column = 0
        for letter in match[1]:
            column = column * 26 + ord(letter) - 64
        self._row, self._column = int(match[2]) - 1, column - 1

    def _fill(self) -> None:
        self._height = max(self._height, self._row + 1)
        self._width = max(self._width, self._column + 1)
        if self._height > ROWS or self._height * self._width > CELLS:
            raise _FarOut

    def _text(self, text: str) -> None:
        if self._inside == "v":
            self._formula = None
            if self._type == "e":
                self.unread[self._row, self._column] = text
        elif self._inside == "f" and self._formula is not None:
            self._formula += text

    def _end(self, tag: str) -> None:
        self._inside = ""
        if self._formula is not None and tag.rpartition(":")[2] == "c":
            self.unread[self._row, self._column] = self._formula
            self._formula = None

    def _doctype(self, *declaration: object) -> None:
        raise ValueError("a workbook declares no document type")
