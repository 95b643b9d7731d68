"""A look into an .xls before it is handed to the reader, which trusts what it is given.

Takes the workbook's stream out of its container, bounds how far out its cells lie and what it
announces, and puts it into a container of our own: a damaged file would cost the reader all memory
there is. Knows the format as far as that and no cell's meaning.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from station_client.errors import StationError
from station_client.workbook_scan import CELLS, ROWS

_SIGNATURE = bytes.fromhex("d0cf11e0a1b11ae1")
_FREE, _END, _FAT = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
_HEADER_BYTES, _ENTRY_BYTES, _MINI_BYTES, _MINI_BELOW = 512, 128, 64, 4096
_STREAMS = ("Workbook", "Book")  # since 1997, and before


class _Damaged(ValueError):
    """The container or the stream is not what it says."""


def checked_workbook(name: str, data: bytes) -> bytes:
    """The same workbook, safe to be read. Errors: import.damaged, import.too_many_rows."""
    try:
        stream = bytearray(_stream(data))
        height, width = _bounded(stream)
    except (_Damaged, struct.error) as error:
        raise StationError("import.damaged", file=name) from error
    if height * width > CELLS:
        raise StationError("import.too_many_rows", file=name, limit=ROWS)
    return _container(bytes(stream))


# --- the container: sectors, chained by tables ---------------------------------------------------


def _stream(data: bytes) -> bytes:
    shift = _number(data, 30, 2)
    if shift not in (9, 12):
        raise _Damaged
    size = 1 << shift
    sectors = [data[at : at + size] for at in range(size, len(data), size)]
    fat = _table(sectors, _fat_sectors(data, sectors))
    entries = _chained(sectors, fat, _number(data, 48))
    root = entries[:_ENTRY_BYTES]
    start, length = _found(entries, size)
    if length >= _MINI_BELOW:
        return _chained(sectors, fat, start)[:length]
    small = _chained(sectors, fat, _number(root, 116))
    mini_sectors = [small[at : at + _MINI_BYTES] for at in range(0, len(small), _MINI_BYTES)]
    mini_fat = _numbers(_chained(sectors, fat, _number(data, 60)))
    return _chained(mini_sectors, mini_fat, start)[:length]


def _fat_sectors(data: bytes, sectors: Sequence[bytes]) -> list[int]:
    """Where the table lies that says which sector follows which."""
    listed = _numbers(data[76:_HEADER_BYTES])
    at, seen = _number(data, 68), 0
    while at not in (_FREE, _END):
        seen += 1
        if at >= len(sectors) or seen > len(sectors):
            raise _Damaged
        *more, at = _numbers(sectors[at])
        listed += more
    found = [each for each in listed if each != _FREE]
    if len(found) > len(sectors):
        raise _Damaged
    return found


def _table(sectors: Sequence[bytes], places: Sequence[int]) -> list[int]:
    if any(each >= len(sectors) for each in places):
        raise _Damaged
    return [number for each in places for number in _numbers(sectors[each])]


def _chained(sectors: Sequence[bytes], table: Sequence[int], at: int) -> bytes:
    """The sectors from this one on, as the table chains them: each once at most."""
    found: list[bytes] = []
    while at != _END:
        if at >= min(len(sectors), len(table)) or len(found) > len(sectors):
            raise _Damaged
        found.append(sectors[at])
        at = table[at]
    return b"".join(found)


def _found(entries: bytes, size: int) -> tuple[int, int]:
    """First sector and length of the workbook's stream."""
    named: dict[str, bytes] = {}
    for at in range(0, len(entries) - _ENTRY_BYTES + 1, _ENTRY_BYTES):
        entry = entries[at : at + _ENTRY_BYTES]
        name = entry[:64].decode("utf-16-le", "replace").partition("\0")[0]
        named.setdefault(name, entry)
    found = [named[name] for name in _STREAMS if name in named]
    if not found:
        raise _Damaged
    entry = found[0]
    return _number(entry, 116), _number(entry, 120, 4 if size == _HEADER_BYTES else 8)


def _number(data: bytes | bytearray, at: int, width: int = 4) -> int:
    if len(data) < at + width:
        raise _Damaged
    return int.from_bytes(data[at : at + width], "little")


def _numbers(data: bytes) -> list[int]:
    return [number for (number,) in struct.iter_unpack("<I", data[: len(data) // 4 * 4])]


# --- the stream: records, one after the other ----------------------------------------------------

_SHEET, _STRINGS, _LAST, _DIMENSIONS, _ROW_OF_NUMBERS = 0x0085, 0x00FC, 0x000A, 0x0200, 0x00BD
_CELLS = frozenset({0x0006, _ROW_OF_NUMBERS, 0x00FD, 0x0203, 0x0204, 0x0205, 0x027E})
_LEAST_STRING_BYTES = 3


def _bounded(stream: bytearray) -> tuple[int, int]:
    """Rows and columns of the rectangle that holds every cell of every sheet.

    Dimensions are blanked: they are a hint, for which the reader takes memory at once.
    """
    sheets: set[int] = set()
    for kind, at, _ in _records(stream, 0):
        if kind == _SHEET:
            sheets.add(_number(stream, at))
        elif kind == _STRINGS and _number(stream, at + 4) * _LEAST_STRING_BYTES > len(stream):
            raise _Damaged
    for start in sheets:
        for kind, at, length in _records(stream, start):
            if kind == _DIMENSIONS:
                stream[at : at + length] = bytes(length)
    ends = [
        _end(stream, kind, at, size)
        for start in sheets
        for kind, at, size in _records(stream, start)
    ]
    return max((row for row, _ in ends), default=0), max((column for _, column in ends), default=0)


def _end(stream: bytearray, kind: int, at: int, length: int) -> tuple[int, int]:
    """Row and column behind the cells of this record."""
    if kind == _DIMENSIONS and any(stream[at : at + length]):
        raise _Damaged  # one sheet inside another: what was blanked there is read here
    if kind not in _CELLS:
        return 0, 0
    more = max(0, length - 6) // 6 if kind == _ROW_OF_NUMBERS else 0
    return _number(stream, at, 2) + 1, _number(stream, at + 2, 2) + 1 + more


def _records(stream: bytearray, at: int) -> Iterator[tuple[int, int, int]]:
    """(kind, where its data begin, how many bytes) up to the last of a part."""
    while at + 4 <= len(stream):
        kind, length = _number(stream, at, 2), _number(stream, at + 2, 2)
        if at + 4 + length > len(stream):
            return
        yield kind, at + 4, length
        if kind == _LAST:
            return
        at += 4 + length


# --- a container of our own ----------------------------------------------------------------------

_SECTOR_BYTES = 4096
_PER_SECTOR = _SECTOR_BYTES // 4


def _container(stream: bytes) -> bytes:
    """The table, a directory of one stream, and the stream, in sectors that follow each other."""
    count = max(1, -(-len(stream) // _SECTOR_BYTES))
    tables = 1
    while tables * _PER_SECTOR < tables + 1 + count:
        tables += 1
    first = tables + 1
    table = [_FAT] * tables + [_END, *range(first + 1, first + count), _END]
    directory = _entry("Root Entry", 5, tables, 0, child=1) + _entry(
        _STREAMS[0], 2, first, count * _SECTOR_BYTES
    )
    return b"".join(
        (
            _header(tables),
            _packed(table, tables * _PER_SECTOR),
            directory.ljust(_SECTOR_BYTES, b"\0"),
            stream.ljust(count * _SECTOR_BYTES, b"\0"),
        )
    )


def _header(tables: int) -> bytes:
    start = _SIGNATURE + bytes(16) + struct.pack("<5H", 0x3E, 4, 0xFFFE, 12, 6) + bytes(6)
    numbers = (1, tables, tables, 0, _MINI_BELOW, _END, 0, _END, 0)
    header = start + struct.pack("<9I", *numbers) + _packed(list(range(tables)), 109)
    return header.ljust(_SECTOR_BYTES, b"\0")


def _entry(name: str, kind: int, start: int, length: int, child: int = _FREE) -> bytes:
    text = (name + "\0").encode("utf-16-le")
    links = struct.pack("<3I", _FREE, _FREE, child)
    head = text.ljust(64, b"\0") + struct.pack("<HBB", len(text), kind, 1) + links
    return head + bytes(36) + struct.pack("<IQ", start, length)


def _packed(numbers: list[int], count: int) -> bytes:
    return struct.pack(f"<{count}I", *numbers, *[_FREE] * (count - len(numbers)))
