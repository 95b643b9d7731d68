"""A damaged .xls is refused before it can cost the reader the machine's memory."""

import struct
from pathlib import Path

import pytest

from station_client import old_workbook
from station_client.errors import StationError
from station_client.old_workbook import checked_workbook
from station_client.spreadsheets import read_sheets
from tests.station_client.ledgers import HEADER, a_line, an_xls


@pytest.fixture
def book(tmp_path: Path) -> bytes:
    rows = [HEADER, *(a_line(n) for n in range(1, 40))]
    return an_xls(tmp_path / "a.xls", rows, [[*each, 0.5] for each in rows]).read_bytes()


def changed(book: bytes, kind: int, at: int, new: bytes) -> bytes:
    """The workbook with other bytes in its first record of a kind."""
    stream = bytearray(old_workbook._stream(book))
    starts = [0, *(stream.index(b"\x09\x08", 1 + n) for n in (0, 200))]
    records = (each for start in starts for each in old_workbook._records(stream, start))
    place = next(data for found, data, _ in records if found == kind) + at
    stream[place : place + len(new)] = new
    return old_workbook._container(bytes(stream))


def refusal(book: bytes) -> str:
    with pytest.raises(StationError) as told:
        checked_workbook("台账.xls", book)
    return told.value.code


def test_what_comes_out_is_read_like_what_went_in(book: bytes, tmp_path: Path) -> None:
    (tmp_path / "before.xls").write_bytes(book)
    (tmp_path / "after.xls").write_bytes(checked_workbook("台账.xls", book))
    assert read_sheets(tmp_path / "after.xls") == read_sheets(tmp_path / "before.xls")


def test_a_large_workbook_gets_a_container_of_several_tables(tmp_path: Path) -> None:
    rows = [HEADER, *(a_line(n, 备注=f"{n}" * 200) for n in range(1, 9_000))]
    [sheet] = read_sheets(an_xls(tmp_path / "a.xls", rows))
    assert sheet.rows[-1][-1] == "8999" * 200
    assert (tmp_path / "a.xls").stat().st_size > old_workbook._PER_SECTOR * 4096


@pytest.mark.parametrize(("row", "column"), [(65_535, 65_535), (65_535, 255), (400, 65_000)])
def test_a_cell_far_out_is_refused(book: bytes, row: int, column: int) -> None:
    far = changed(book, 0x00FD, 0, struct.pack("<HH", row, column))
    assert refusal(far) == "import.too_many_rows"


def test_a_number_far_out_at_the_end_of_a_row_of_numbers_is_refused(tmp_path: Path) -> None:
    book = an_xls(tmp_path / "a.xls", [HEADER, [*range(3)]]).read_bytes()
    far = changed(book, 0x00BD, 0, struct.pack("<HH", 65_535, 65_530))
    assert refusal(far) == "import.too_many_rows"


def test_a_size_that_is_only_announced_costs_nothing(book: bytes, tmp_path: Path) -> None:
    huge = changed(book, 0x0200, 0, struct.pack("<IIHH", 0, 0xFFFFFFFF, 0, 0xFFFF))
    (tmp_path / "a.xls").write_bytes(huge)
    assert len(read_sheets(tmp_path / "a.xls")[0].rows) == 40


def test_more_texts_than_there_are_bytes_are_refused(book: bytes) -> None:
    assert refusal(changed(book, 0x00FC, 4, struct.pack("<I", 0x7FFFFFFF))) == "import.damaged"


@pytest.mark.parametrize("place", ["next", "directory", "table"])
def test_a_container_that_leads_in_a_circle_or_out_of_itself_is_refused(
    book: bytes, place: str
) -> None:
    clean = bytearray(checked_workbook("台账.xls", book))
    if place == "next":  # the stream's first sector follows itself
        clean[4096 + 2 * 4 : 4096 + 3 * 4] = struct.pack("<I", 2)
    elif place == "directory":
        clean[48:52] = struct.pack("<I", 9_999)
    else:
        clean[76:80] = struct.pack("<I", 9_999)
    assert refusal(bytes(clean)) == "import.damaged"


@pytest.mark.parametrize("length", [8, 100, 512, 5_000])
def test_a_container_that_ends_too_early_is_refused(book: bytes, length: int) -> None:
    assert refusal(book[:length]) == "import.damaged"
