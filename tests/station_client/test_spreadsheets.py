"""Files → cells: every encoding and kind that clerks have, and a code for what is no ledger."""

import os
import random
import zipfile
from datetime import date, datetime, time, timedelta
from pathlib import Path
from types import SimpleNamespace

import openpyxl
import pytest
import xlwt

from station_client import spreadsheets, workbook_scan
from station_client.errors import WORDS, StationError
from station_client.spreadsheets import read_sheets
from tests.station_client.ledgers import HEADER, a_csv, a_line, an_xls, an_xlsx, as_text

RARE = "𠮷䶮㛃"
ROWS = [HEADER, a_line(1, 姓名=RARE), a_line(2, 备注="甲,乙;丙\t丁")]


def rows_of(path: Path) -> list[list[object]]:
    return [list(row) for row in read_sheets(path)[0].rows]


def code_of(path: Path) -> str:
    with pytest.raises(StationError) as caught:
        read_sheets(path)
    assert caught.value.words()
    return caught.value.code


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("delimiter", [",", "\t", ";"])
def test_text_is_read_in_every_encoding_and_with_every_delimiter(
    tmp_path: Path, encoding: str, delimiter: str
) -> None:
    path = a_csv(tmp_path / "台账.csv", ROWS, encoding=encoding, delimiter=delimiter)
    assert rows_of(path) == ROWS


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_rows_keep_their_number_whatever_ends_a_line(tmp_path: Path, end: str) -> None:
    lines = as_text(ROWS).split("\r\n")
    (tmp_path / "a.csv").write_text(end.join([*lines[:1], "", *lines[1:]]), "utf-8", newline="")
    assert rows_of(tmp_path / "a.csv") == [ROWS[0], [], *ROWS[1:]]


def test_a_quoted_cell_holds_delimiters_quotes_and_line_breaks(tmp_path: Path) -> None:
    rows = [HEADER, a_line(1, 备注='第一行\n第二行,"引"，\r\n完'), a_line(2)]
    assert rows_of(a_csv(tmp_path / "a.csv", rows)) == rows


@pytest.mark.parametrize("column", [1, 5, 11, 15])
def test_a_quotation_mark_that_nobody_closed_swallows_no_rows(tmp_path: Path, column: int) -> None:
    broken = a_line(1)
    broken[column] = '"' + broken[column]
    plain = "\r\n".join(",".join(row) for row in [HEADER, broken, a_line(2), a_line(3)])
    (tmp_path / "a.csv").write_text(plain, "utf-8")
    assert rows_of(tmp_path / "a.csv") == [HEADER, broken, a_line(2), a_line(3)]


def test_a_quoted_part_of_a_cell_keeps_its_marks(tmp_path: Path) -> None:
    rows = [HEADER, a_line(1, 姓名='"王"小明'), a_line(2), a_line(3, 备注='他说"好"')]
    (tmp_path / "a.csv").write_text("\n".join(",".join(row) for row in rows), "utf-8")
    assert rows_of(tmp_path / "a.csv") == rows


def test_two_open_quotation_marks_do_not_hide_the_rows_between(tmp_path: Path) -> None:
    broken = [a_line(n, 退件原因='"缺证') for n in (1, 4)]
    rows = [HEADER, broken[0], a_line(2), a_line(3), broken[1], a_line(5)]
    (tmp_path / "a.csv").write_text("\n".join(",".join(row) for row in rows), "utf-8")
    assert rows_of(tmp_path / "a.csv") == rows


def test_a_damaged_byte_costs_its_row_and_not_the_file(tmp_path: Path) -> None:
    rows = [HEADER, *(a_line(n) for n in range(40))]
    data = as_text(rows).encode("gb18030").replace("王小明".encode("gb18030"), b"\xff", 1)
    (tmp_path / "a.csv").write_bytes(data)
    found = rows_of(tmp_path / "a.csv")
    damaged = [spreadsheets.is_damaged("".join(map(str, row))) for row in found]
    assert damaged == [False, True, *[False] * 39]
    assert found[2:] == rows[2:]


def test_nul_bytes_are_kept_in_their_cell(tmp_path: Path) -> None:
    rows = [HEADER, a_line(1, 姓名="王\0小明")]
    assert rows_of(a_csv(tmp_path / "a.csv", rows)) == rows


def test_a_workbook_gives_numbers_dates_times_and_real_row_numbers(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    cells = {
        "B4": datetime.fromisoformat("2024-03-01"),
        "C4": datetime.fromisoformat("2024-03-01T09:05"),
        "D4": time(9, 5),
        "E4": timedelta(hours=9, minutes=5),
        "F4": 13900001234,
        "G4": 45352,
        "H4": "=1/0",
        "I4": "#N/A",
        "J4": "多\n行",
        "K4": True,
        "L4": 45352.378472,
    }
    for place, value in cells.items():
        sheet[place] = value
    sheet["L4"].number_format = "yyyy-mm-dd hh:mm"
    book.save(tmp_path / "a.xlsx")
    found = rows_of(tmp_path / "a.xlsx")
    assert found[:3] == [[""] * 12] * 3
    assert found[3] == [
        "",
        date(2024, 3, 1),
        datetime.fromisoformat("2024-03-01T09:05"),
        time(9, 5),
        time(9, 5),
        13900001234,
        45352,
        "=1/0",  # never calculated: there is no value
        "#N/A",
        "多\n行",
        True,
        datetime.fromisoformat("2024-03-01T09:05"),
    ]


def test_an_old_workbook_gives_the_same(tmp_path: Path) -> None:
    book = xlwt.Workbook(encoding="utf-8")
    sheet = book.add_sheet("一月")
    day = xlwt.easyxf(num_format_str="yyyy-mm-dd")
    sheet.write(2, 1, datetime.fromisoformat("2024-03-01"), day)
    sheet.write(2, 2, time(9, 5), xlwt.easyxf(num_format_str="h:mm"))
    sheet.write(2, 3, 13900001234)
    sheet.write(2, 4, RARE)
    book.save(str(tmp_path / "a.xls"))
    assert rows_of(tmp_path / "a.xls")[2] == ["", date(2024, 3, 1), time(9, 5), 13900001234, RARE]


def test_every_sheet_is_read_the_hidden_ones_too(tmp_path: Path) -> None:
    path = an_xlsx(tmp_path / "a.xlsx", [HEADER, a_line(1)], [HEADER], [])
    book = openpyxl.load_workbook(path)
    book["2月"].sheet_state = "hidden"
    book["1月"].row_dimensions[2].hidden = True
    book.save(path)
    assert [(s.name, len(s.rows)) for s in read_sheets(path)] == [
        ("1月", 2),
        ("2月", 1),
        ("3月", 0),
    ]


def test_a_merged_cell_shows_its_value_in_each_row_and_a_merged_title_does_not(
    tmp_path: Path,
) -> None:
    rows = [["台账", *[None] * 15], HEADER, a_line(1), a_line(2, 时间=None), a_line(3, 时间=None)]
    [sheet] = read_sheets(an_xlsx(tmp_path / "a.xlsx", rows, merged=["A1:P1", "B3:B5"]))
    assert sheet.shown(0) == ("台账", *[""] * 15)
    assert [sheet.shown(n)[1] for n in (2, 3, 4)] == ["2024-03-01"] * 3
    assert [sheet.rows[n][1] for n in (2, 3, 4)] == ["2024-03-01", "", ""]


# --- files that are no ledger --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "import.empty"),
        (b"\xef\xbb\xbf\r\n,,,\r\n", "import.empty"),
        (b"%PDF-1.7 ...", "import.wrong_type"),
        (b"\x89PNG\r\n\x1a\n...", "import.wrong_type"),
        (b"<html><table><tr><td>1</td></tr></table></html>", "import.wrong_type"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><Workbook/>', "import.wrong_type"),
        (b"Rar!\x1a\x07", "import.wrong_type"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"),
            "import.wrong_type",
        ),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600), "import.wrong_type"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Workbook".encode("utf-16-le"), "import.damaged"),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"),
            "import.encrypted",
        ),
        (b"PK\x03\x04 and no more", "import.damaged"),
        (bytes(range(128, 256)) * 40, "import.encoding"),
    ],
)
@pytest.mark.parametrize("name", ["台账.xls", "台账.xlsx", "台账.csv"])
def test_a_file_that_is_no_ledger_is_refused_by_what_it_holds(
    tmp_path: Path, content: bytes, code: str, name: str
) -> None:
    (tmp_path / name).write_bytes(content)
    assert code_of(tmp_path / name) == code


def a_zip(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def test_another_archive_is_not_taken_for_a_workbook(tmp_path: Path) -> None:
    assert code_of(a_zip(tmp_path / "a.xlsx", {"word/document.xml": b""})) == "import.wrong_type"
    assert code_of(a_zip(tmp_path / "b.xlsx", {"xl/workbook.bin": b""})) == "import.wrong_type"
    assert code_of(a_zip(tmp_path / "c.xlsx", {"照片.jpg": b""})) == "import.wrong_type"
    assert code_of(a_zip(tmp_path / "d.xlsx", {"xl/workbook.xml": b"<a/>"})) == "import.damaged"


def a_patched(path: Path, old: bytes, new: bytes) -> Path:
    """The workbook with something replaced in its first sheet."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    sheet = "xl/worksheets/sheet1.xml"
    assert old in members[sheet]
    members[sheet] = members[sheet].replace(old, new, 1)
    return a_zip(path, members)


def test_a_cell_far_out_does_not_cost_all_the_cells_between(tmp_path: Path) -> None:
    path = an_xlsx(tmp_path / "a.xlsx", [HEADER, a_line(1)])
    far = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
    assert code_of(a_patched(path, b"</sheetData>", far)) == "import.too_many_rows"


def test_a_page_formatted_to_its_last_row_is_as_long_as_what_is_written(tmp_path: Path) -> None:
    path = an_xlsx(tmp_path / "a.xlsx", [HEADER, a_line(1)])
    styled = b'<row r="1048576"><c r="XFD1048576" s="0"/></row></sheetData>'
    assert len(rows_of(a_patched(path, b"</sheetData>", styled))) == 2


def test_a_document_type_in_a_sheet_is_refused(tmp_path: Path) -> None:
    path = an_xlsx(tmp_path / "a.xlsx", [HEADER, a_line(1)])
    bomb = b'<!DOCTYPE worksheet [<!ENTITY a "aaaa">]><worksheet'
    assert code_of(a_patched(path, b"<worksheet", bomb)) == "import.damaged"


def test_an_archive_that_unpacks_beyond_its_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = an_xlsx(tmp_path / "a.xlsx", [HEADER, a_line(1)])
    monkeypatch.setattr(workbook_scan, "UNPACKED_BYTES", 4096)
    assert code_of(path) == "import.unpacked_too_large"


def test_an_archive_that_lies_about_its_size_is_damaged(tmp_path: Path) -> None:
    path = an_xlsx(tmp_path / "a.xlsx", [HEADER, *(a_line(n) for n in range(500))])
    data = bytearray(path.read_bytes())
    with zipfile.ZipFile(path) as archive:
        size = archive.getinfo("xl/worksheets/sheet1.xml").file_size
    while (at := data.find(size.to_bytes(4, "little"))) >= 0:
        data[at : at + 4] = (1000).to_bytes(4, "little")
    path.write_bytes(data)
    assert code_of(path) == "import.damaged"


def test_a_large_file_and_a_long_one_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = a_csv(tmp_path / "a.csv", [HEADER, *(a_line(n) for n in range(20))])
    monkeypatch.setattr(spreadsheets, "ROWS", 10)
    assert code_of(path) == "import.too_many_rows"
    assert code_of(an_xlsx(tmp_path / "a.xlsx", [HEADER, *([1],) * 20])) == "import.too_many_rows"
    monkeypatch.setattr(spreadsheets, "FILE_BYTES", 100)
    assert code_of(path) == "import.too_large"


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    assert code_of(tmp_path / "没有.csv") == "import.no_file"
    (tmp_path / "文件夹.csv").mkdir()
    assert code_of(tmp_path / "文件夹.csv") == "import.file_refused"


def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = a_csv(tmp_path / "a.csv", ROWS)
    states = iter([path.stat(), os.stat_result((*path.stat()[:6], 9999, *path.stat()[7:]))])
    monkeypatch.setattr(spreadsheets, "os", SimpleNamespace(fstat=lambda file: next(states)))
    assert code_of(path) == "import.changed"


def outcome_of(path: Path) -> str:
    """What was read, or the code of the refusal. Any other error is the test's."""
    try:
        return str(rows_of(path))
    except StationError as error:
        return error.code


@pytest.mark.parametrize("kind", ["a.xlsx", "a.xls"])
def test_a_damaged_or_cut_workbook_is_read_or_refused_and_nothing_else(
    tmp_path: Path, kind: str
) -> None:
    rows = [HEADER, *(a_line(n) for n in range(5))]
    path = (an_xlsx if kind == "a.xlsx" else an_xls)(tmp_path / kind, rows)
    sound = path.read_bytes()
    refused = 0
    for seed in range(150):
        chance = random.Random(seed)
        data = bytearray(sound)
        for _ in range(chance.randint(1, 8)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(data[: chance.randrange(1, len(data))] if seed % 3 == 0 else data)
        refused += outcome_of(path) in WORDS
    assert refused > 60


def test_a_damaged_archive_is_never_read_as_something_else(tmp_path: Path) -> None:
    """The archive carries sums: a changed byte in what a sheet holds does not pass."""
    path = an_xlsx(tmp_path / "a.xlsx", [HEADER, *(a_line(n) for n in range(5))])
    sound = path.read_bytes()
    expected = outcome_of(path)
    for at in range(0, len(sound), max(1, len(sound) // 200)):
        path.write_bytes(sound[:at] + bytes([sound[at] ^ 0x10]) + sound[at + 1 :])
        assert outcome_of(path) in {expected, *WORDS}


def test_the_limits_hold_what_a_station_writes_in_years(tmp_path: Path) -> None:
    """A busy desk: 75 lines a day for ten years, about 300 bytes each."""
    lines = 75 * 250 * 10
    assert lines < spreadsheets.ROWS
    assert lines * 300 < spreadsheets.FILE_BYTES
    assert lines * 20 < spreadsheets.CELLS
