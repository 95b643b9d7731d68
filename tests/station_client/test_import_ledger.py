"""Import: every row accounted for, nothing dropped, nothing guessed, nothing twice."""

import csv
import os
import random
from collections.abc import Callable
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import openpyxl.utils.datetime
import pytest

from forms import LEDGER_COLUMNS
from forms.source import source_of
from station_client.errors import StationError
from station_client.services import import_ledger as importing
from station_client.services.amend_entry import amend_entry, void_entry
from station_client.services.import_ledger import ImportReport, import_ledger
from station_client.services.repair_file import FILE, REASON, ROW, SHEET
from station_client.station import Station
from station_client.store.rows import RecordRow
from tests.station_client import desk
from tests.station_client.ledgers import HEADER, a_csv, a_line, an_xls, an_xlsx

TITLE = ["2024年3月便民服务站工作台账"]
FOOTER = ["合计", "", "3件"]
SIGNED = ["填表人：李丽", "", "", "审核人：赵强"]


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return desk.a_station(tmp_path / "home")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "台账").mkdir()
    return tmp_path / "台账"


def records(station: Station) -> list[RecordRow]:
    """In the order in which they were recorded."""
    return sorted(station.store.records.of_kind(["intake_case"]), key=lambda row: row.id)


def by_seq_no(station: Station) -> dict[str, RecordRow]:
    return {row.cells[0]: row for row in records(station) if row.cells}


def marks_of(row: RecordRow) -> set[tuple[str, str]]:
    source = source_of(row.values)
    assert source is not None
    return {(mark.field, mark.code) for mark in source.marks}


def mended_in(row: RecordRow) -> dict[str, tuple[str, str]]:
    source = source_of(row.values)
    assert source is not None
    return {each.column: (each.written, each.to) for each in source.mended}


def repaired(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def test_a_clean_line_becomes_a_case_with_its_16_cells_as_written(
    station: Station, folder: Path
) -> None:
    report = import_ledger(station, a_csv(folder / "a.csv", [HEADER, a_line(7)]))
    assert (report.rows, report.imported, report.headers, report.recorded) == (2, 1, 1, 1)
    [row] = records(station)
    assert list(row.cells or ()) == a_line(7)
    source = source_of(row.values)
    assert source is not None
    assert (source.file, source.sheet, source.row) == ("a.csv", "", 2)
    assert source.cells == a_line(7)
    assert station.store.journal.totals(station.keys.replica).pending == 1


def test_a_ledger_as_it_is_really_kept_is_accounted_for_row_by_row(
    station: Station, folder: Path
) -> None:
    rows = [
        TITLE,
        ["单位：示例镇便民服务站", "", "2024年3月"],
        HEADER,
        a_line(1),
        a_line(2, 时间="2024年3月2日", 联系方式="139 0000 1234", 接件时间="上午9点"),
        a_line(3, 时间="〃", 办件状态="办结", 姓名="王 明"),
        [],
        HEADER,
        a_line(4, 联系方式=""),
        a_line(5, 联系方式="1.39E+10", 办件状态="退件"),
        a_line(6, 时间="24.3.1"),
        a_line(7, 时间=""),
        a_line(8, 办件状态="已办结", 当日办结时间="8:00"),
        ["", "2024-03-05", "放假"],
        FOOTER,
        SIGNED,
    ]
    report = import_ledger(station, a_csv(folder / "三月.csv", rows))
    counted = {name: getattr(report, name) for name in ("imported", "mended", "marked", "already")}
    assert counted == {"imported": 1, "mended": 2, "marked": 3, "already": 0}
    others = {name: getattr(report, name) for name in ("titles", "headers", "blanks", "footers")}
    assert others == {"titles": 2, "headers": 2, "blanks": 1, "footers": 2}
    assert [(row.place.row) for row in report.set_aside] == [11, 12, 14]
    assert report.rows == len(rows)
    found = by_seq_no(station)
    assert mended_in(found["2"])["received_at"] == ("上午9点", "09:00")
    assert mended_in(found["3"])["ledger_date"] == ("〃", "2024-03-02")
    assert mended_in(found["3"])["applicant_name"] == ("王 明", "王明")
    assert marks_of(found["4"]) == {("contact_phone", "required")}
    assert marks_of(found["5"]) == {("contact_phone", "unreadable"), ("return_reason", "required")}
    assert marks_of(found["8"]) == {("finished_at", "not_before")}
    assert found["5"].cells is not None
    assert found["5"].cells[6] == "1.39E+10"
    assert report.marks()["contact_phone", "required"] == 1
    assert report.mended_columns()["ledger_date"] == 2


@pytest.mark.parametrize(
    "write",
    [
        lambda path, rows: a_csv(path.with_suffix(".csv"), rows),
        lambda path, rows: a_csv(path.with_suffix(".csv"), rows, encoding="gb18030"),
        lambda path, rows: a_csv(path.with_suffix(".txt"), rows, encoding="utf-16", delimiter="\t"),
        lambda path, rows: a_csv(path.with_suffix(".csv"), rows, delimiter=";"),
        lambda path, rows: an_xlsx(path.with_suffix(".xlsx"), rows),
        lambda path, rows: an_xls(path.with_suffix(".xls"), rows),
    ],
    ids=["utf-8", "gb18030", "utf-16", "semicolons", "xlsx", "xls"],
)
def test_the_same_ledger_gives_the_same_records_from_every_kind_of_file(
    station: Station, folder: Path, write: Callable[[Path, Any], Path]
) -> None:
    rows = [HEADER, a_line(1, 姓名="𠮷䶮㛃"), a_line(2, 联系方式=""), a_line(3, 备注="一\n二")]
    import_ledger(station, write(folder / "a", rows))
    expected = [a_line(1, 姓名="𠮷䶮㛃"), a_line(2, 联系方式=""), a_line(3, 备注="一\n二")]
    assert [list(row.cells or ()) for row in records(station)] == expected
    sources = [source_of(row.values) for row in records(station)]
    assert [source and source.cells for source in sources] == expected
    assert [source and source.row for source in sources] == [2, 3, 4]


def test_the_shared_ledger_is_imported_whole_and_alike_from_every_kind_of_file(
    tmp_path: Path, folder: Path, shared_data: Path
) -> None:
    original = shared_data / "ledger" / "ledger_dev_600_utf8.csv"
    with original.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    copy = folder / "dev.csv"
    copy.write_bytes(original.read_bytes())
    found = []
    for number, path in enumerate(
        (
            copy,
            a_csv(folder / "gb.csv", rows, encoding="gb18030"),
            an_xlsx(folder / "dev.xlsx", rows),
            an_xls(folder / "dev.xls", rows),
        )
    ):
        station = desk.a_station(tmp_path / str(number))
        report = import_ledger(station, path)
        assert (report.rows, report.imported, len(report.set_aside)) == (601, 600, 0)
        values = [dict(row.values) for row in records(station)]
        places = [value.pop("source") for value in values]
        cells = [place["cells"] for place in places]
        found.append((values, cells, [row.cells for row in records(station)]))
        assert cells == rows[1:]
    assert found[1:] == found[:1] * 3


# --- columns, sheets, cells ----------------------------------------------------------------------


def test_columns_may_stand_in_any_order_and_others_between_them(
    station: Station, folder: Path
) -> None:
    order = random.Random(7).sample(range(16), 16)
    header = ["档案号", *(HEADER[n] for n in order), "领导批示"]
    line = ["D-1", *(a_line(1)[n] for n in order), "同意"]
    report = import_ledger(station, an_xlsx(folder / "a.xlsx", [header, line]))
    assert report.imported == 1
    [row] = records(station)
    assert list(row.cells or ()) == a_line(1)
    assert row.values["source"]["extra"] == [
        {"label": "档案号", "text": "D-1"},
        {"label": "领导批示", "text": "同意"},
    ]


def test_a_ledger_without_some_columns_is_imported_with_marks(
    station: Station, folder: Path
) -> None:
    keep = [n for n, label in enumerate(HEADER) if label not in ("办理时限", "窗口", "备注")]
    rows = [[HEADER[n] for n in keep], [a_line(1)[n] for n in keep]]
    report = import_ledger(station, a_csv(folder / "a.csv", rows))
    assert report.marked == 1
    [row] = records(station)
    assert marks_of(row) == {("promised_limit", "required"), ("window_name", "required")}


def test_a_header_in_the_middle_may_change_the_columns(station: Station, folder: Path) -> None:
    rows = [HEADER, a_line(1), HEADER[::-1], a_line(2)[::-1]]
    assert import_ledger(station, an_xlsx(folder / "a.xlsx", rows)).imported == 2
    assert [list(row.cells or ()) for row in records(station)] == [a_line(1), a_line(2)]


def test_a_header_may_take_two_rows(station: Station, folder: Path) -> None:
    groups = {"姓名": "申请人信息", "联系方式": "", "接件时间": "办理时间", "当日办结时间": ""}
    upper = [groups.get(label, label) for label in HEADER]
    lower = [label if label in groups else "" for label in HEADER]
    report = import_ledger(station, a_csv(folder / "a.csv", [TITLE, upper, lower, a_line(1)]))
    assert (report.headers, report.imported) == (2, 1)
    assert [list(row.cells or ()) for row in records(station)] == [a_line(1)]


def test_every_month_has_its_sheet_and_a_sheet_without_a_header_is_set_aside(
    station: Station, folder: Path
) -> None:
    sheets = [[TITLE, HEADER, a_line(1)], [HEADER, a_line(2)], [], [["人社局"], a_line(9)]]
    report = import_ledger(station, an_xlsx(folder / "a.xlsx", *sheets))
    assert (report.sheets, report.imported, report.titles) == (4, 2, 1)
    assert [(row.place.sheet, row.place.row) for row in report.set_aside] == [
        ("4月", 1),
        ("4月", 2),
    ]
    places = [row.values["source"] for row in records(station)]
    assert [(place["sheet"], place["row"]) for place in places] == [("1月", 3), ("2月", 2)]


def test_a_merged_cell_has_one_meaning_in_each_of_its_rows(station: Station, folder: Path) -> None:
    rows = [HEADER, a_line(1), a_line(2, 时间=None), a_line(3, 时间=None, 姓名=None)]
    path = an_xlsx(folder / "a.xlsx", rows, merged=["B2:B4", "F3:F4"])
    report = import_ledger(station, path)
    assert (report.imported, report.mended) == (1, 2)
    third = records(station)[2]
    assert mended_in(third) == {"ledger_date": ("", "2024-03-01"), "applicant_name": ("", "王小明")}


def test_a_merged_cell_keeps_its_value_below_a_row_that_was_set_aside(
    station: Station, folder: Path
) -> None:
    empty = [None, "2024-03-09", *[None] * 14]
    rows = [HEADER, a_line(1), empty, a_line(3, 时间=None)]
    path = an_xlsx(folder / "a.xlsx", rows, merged=["B3:B4"])
    report = import_ledger(station, path)
    assert len(report.set_aside) == 1
    assert [row.day for row in records(station)] == ["2024-03-01", "2024-03-09"]


def test_a_ditto_mark_below_a_row_that_was_set_aside_is_not_taken_from_further_up(
    station: Station, folder: Path
) -> None:
    rows = [HEADER, a_line(1), a_line(2, 时间="3月2日"), a_line(3, 时间="〃")]
    report = import_ledger(station, a_csv(folder / "a.csv", rows))
    assert report.imported == 1
    assert [row.place.row for row in report.set_aside] == [3, 4]


def test_native_cells_of_a_workbook_read_as_the_same_texts(station: Station, folder: Path) -> None:
    native = a_line(
        1, 序号=1, 时间=date(2024, 3, 1), 联系方式=13900001234, 接件时间=time(9, 5),
        当日办结时间=timedelta(hours=9, minutes=30),
    )  # fmt: skip
    report = import_ledger(station, an_xlsx(folder / "a.xlsx", [HEADER, native]))
    assert report.imported == 1
    [row] = records(station)
    assert list(row.cells or ()) == a_line(1, 当日办结时间="09:30")


def test_a_bare_number_is_no_date_where_days_are_counted_from_1904(
    station: Station, folder: Path
) -> None:
    path = an_xlsx(folder / "a.xlsx", [HEADER, a_line(1, 时间=45352)])
    assert import_ledger(station, path).mended == 1
    book = openpyxl.load_workbook(path)
    book.epoch = openpyxl.utils.datetime.CALENDAR_MAC_1904
    book.worksheets[0]["B2"] = 43890
    book.save(path)
    assert len(import_ledger(station, path).set_aside) == 1


def test_an_error_value_is_what_was_written_and_not_a_blank(station: Station, folder: Path) -> None:
    path = an_xlsx(folder / "a.xlsx", [HEADER, a_line(1, 事项所属="#N/A")])
    assert import_ledger(station, path).marked == 1
    [row] = records(station)
    assert marks_of(row) == {("dept_name", "unreadable")}
    assert row.cells is not None
    assert row.cells[4] == "#N/A"


def test_a_formula_that_was_never_calculated_is_kept_as_it_was_typed(
    station: Station, folder: Path
) -> None:
    rows = [HEADER, a_line(1, 姓名="=VLOOKUP(A2,名册!A:B,2)", 备注="=cmd|'/c calc'!A1"), a_line(2)]
    import_ledger(station, an_xlsx(folder / "a.xlsx", rows))
    assert [row.values["source"]["cells"] for row in records(station)] == rows[1:]


def test_a_row_whose_cells_are_shifted_is_set_aside(station: Station, folder: Path) -> None:
    text = "\n".join(
        ",".join(cells)
        for cells in (
            HEADER,
            a_line(1),
            a_line(2, 申请事项="社保卡,申领"),
            a_line(3, 受理人员="李丽,王强"),
            a_line(4)[:8] + a_line(4)[9:],
            a_line(5)[:15],
            [*a_line(6), "", ""],
            [*a_line(7, 办理时限="5天"), ""],
            a_line(8, 联系方式="无")[:15],
        )
    )
    (folder / "a.csv").write_text(text, "utf-8")
    report = import_ledger(station, folder / "a.csv")
    assert (report.imported, report.marked) == (3, 2)
    assert [row.place.row for row in report.set_aside] == [3, 4, 5]
    assert set(by_seq_no(station)) == {"1", "5", "6", "7", "8"}


def test_what_is_too_long_for_a_rule_is_marked_and_for_a_record_set_aside(
    station: Station, folder: Path
) -> None:
    rows = [
        HEADER,
        a_line(1, 备注="长" * 5_000),
        a_line(2, 备注="长" * 40_000),
        [*a_line(3)[:2], *["长" * 32_000] * 14],
    ]
    report = import_ledger(station, a_csv(folder / "a.csv", rows))
    assert report.marked == 1
    assert len(report.set_aside) == 2
    assert marks_of(records(station)[0]) == {("remark", "too_long")}


def test_bytes_without_a_meaning_set_their_row_aside(station: Station, folder: Path) -> None:
    path = a_csv(folder / "a.csv", [HEADER, *(a_line(n) for n in range(1, 31))], encoding="utf-8")
    path.write_bytes(path.read_bytes().replace("王小明".encode(), b"\xe7\x8e", 1))
    report = import_ledger(station, path)
    assert report.imported == 29
    assert report.repair_file is not None
    assert repaired(report.repair_file)[0]["姓名"] == r"\xe7\x8e"


def test_bytes_without_a_meaning_in_a_label_cost_the_label_only(
    station: Station, folder: Path
) -> None:
    lines = [[*a_line(n), "70岁"] for n in range(1, 31)]
    path = a_csv(folder / "a.csv", [[*HEADER, "年龄段"], *lines], encoding="utf-8")
    path.write_bytes(path.read_bytes().replace("年龄段".encode(), b"\xe7\x8e", 1))
    assert import_ledger(station, path).imported == 30
    source = source_of(records(station)[0].values)
    assert source is not None
    assert [(each.label, each.text) for each in source.extra] == [(r"\xe7\x8e", "70岁")]


def test_a_file_whose_name_is_no_text_is_imported_with_its_repair_file(
    station: Station, folder: Path
) -> None:
    """Unpacked under Linux, a name from a Chinese Windows is bytes of GBK."""
    rows = [HEADER, a_line(1), a_line(2, 时间="3月1日")]
    path = a_csv(folder / "a.csv", rows).rename(folder / os.fsdecode("三月.csv".encode("gbk")))
    report = import_ledger(station, path)
    assert (report.imported, len(report.set_aside)) == (1, 1)
    source = source_of(records(station)[0].values)
    assert source is not None
    assert source.file == report.file == r"\xc8\xfd\xd4\xc2.csv"
    assert report.repair_file is not None
    assert import_ledger(station, path).already == 1


# --- again, and in the middle --------------------------------------------------------------------


def test_the_same_file_again_adds_nothing(station: Station, folder: Path) -> None:
    rows = [HEADER, a_line(1), a_line(2, 时间="2024/3/2"), a_line(3, 联系方式="")]
    path = a_csv(folder / "a.csv", rows)
    import_ledger(station, path)
    again = import_ledger(station, path)
    assert (again.already, again.recorded, again.rows) == (3, 0, 4)
    assert len(records(station)) == 3


def test_the_same_ledger_in_another_kind_of_file_adds_nothing(
    station: Station, folder: Path
) -> None:
    import_ledger(station, a_csv(folder / "a.csv", [HEADER, a_line(1, 时间="2024/3/1")]))
    book = an_xlsx(folder / "b.xlsx", [TITLE, HEADER, a_line(1, 时间=date(2024, 3, 1))])
    assert import_ledger(station, book).already == 1


def test_a_ledger_that_has_grown_adds_only_what_is_new(station: Station, folder: Path) -> None:
    path = a_csv(folder / "a.csv", [HEADER, a_line(1)])
    import_ledger(station, path)
    a_csv(path, [HEADER, a_line(0), a_line(1), a_line(2)])
    report = import_ledger(station, path)
    assert (report.already, report.imported) == (1, 2)


def test_a_line_put_in_between_does_not_double_those_below_it(
    station: Station, folder: Path
) -> None:
    names = ["张三", "李四", "王五"]
    rows = [HEADER, *(a_line(n, 姓名=name) for n, name in enumerate(names, 1))]
    assert import_ledger(station, a_csv(folder / "a.csv", rows)).imported == 3
    names.insert(1, "赵六")
    rows = [HEADER, *(a_line(n, 姓名=name) for n, name in enumerate(names, 1))]
    report = import_ledger(station, a_csv(folder / "a.csv", rows))
    assert (report.already, report.imported) == (3, 1)
    assert sorted(str(row.values["applicant_name"]) for row in records(station)) == sorted(names)
    elsewhere = [HEADER, a_line(9, 姓名="张三")]
    assert import_ledger(station, a_csv(folder / "b.csv", elsewhere)).imported == 1


def test_two_equal_lines_are_two_lines_and_stay_two(station: Station, folder: Path) -> None:
    path = a_csv(folder / "a.csv", [HEADER, a_line(1), a_line(1)])
    assert import_ledger(station, path).imported == 2
    assert import_ledger(station, path).already == 2
    a_csv(path, [HEADER, a_line(1), a_line(1), a_line(1)])
    assert import_ledger(station, path).imported == 1
    assert len(records(station)) == 3


def test_lines_that_read_alike_are_told_apart_by_what_was_written(
    station: Station, folder: Path
) -> None:
    """The one that is here already is not imported twice in the other's place."""
    import_ledger(station, a_csv(folder / "a.csv", [HEADER, a_line(1, 办件状态="办结")]))
    rows = [HEADER, a_line(1, 办件状态="完成"), a_line(1, 办件状态="办结")]
    assert import_ledger(station, a_csv(folder / "b.csv", rows)).mended == 1
    written = [row.values["source"]["cells"][10] for row in records(station)]
    assert sorted(written) == ["办结", "完成"]


def test_a_line_that_was_edited_in_the_file_is_another_and_the_report_says_so(
    station: Station, folder: Path
) -> None:
    first = [HEADER, a_line(1, 办件状态="办理中"), a_line(2, 姓名="张三")]
    assert import_ledger(station, a_csv(folder / "a.csv", first)).similar == ()
    again = [HEADER, a_line(1, 办件状态="已办结"), a_line(2, 姓名="张三"), a_line(3, 姓名="张三")]
    report = import_ledger(station, a_csv(folder / "b.csv", again))
    assert (report.already, report.imported) == (1, 2)
    assert [line.row for line in report.similar] == [2]


def test_a_line_that_was_corrected_or_made_void_does_not_come_back(
    station: Station, folder: Path
) -> None:
    path = a_csv(folder / "a.csv", [HEADER, a_line(1), a_line(2)])
    import_ledger(station, path)
    first, second = records(station)
    amend_entry(station, first.id, {"applicant_name": "王大明"})
    void_entry(station, second.id, "重复登记")
    assert import_ledger(station, path).already == 2


def test_an_import_that_was_cut_goes_on_where_it_stopped(
    station: Station, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importing, "LINES_PER_TRANSACTION", 4)
    path = a_csv(folder / "a.csv", [HEADER, *(a_line(n) for n in range(1, 11))])

    class Cut(Exception):
        pass

    def cut(done: int, total: int) -> None:
        if done == 8:
            raise Cut

    with pytest.raises(Cut):
        import_ledger(station, path, cut)
    assert len(records(station)) == 8
    heard: list[tuple[int, int]] = []
    report = import_ledger(station, path, lambda done, total: heard.append((done, total)))
    assert (report.already, report.imported) == (8, 2)
    assert heard == [(0, 2), (2, 2)]
    assert set(by_seq_no(station)) == {str(n) for n in range(1, 11)}


# --- the repair file -----------------------------------------------------------------------------


def test_what_is_set_aside_lies_beside_the_source_with_row_and_reason(
    station: Station, folder: Path
) -> None:
    rows = [TITLE, HEADER, a_line(1), a_line(2, 时间="3月5日", 备注="一\n二")]
    report = import_ledger(station, an_xlsx(folder / "三月.xlsx", rows))
    assert report.repair_file == folder / "三月_待修正.csv"
    assert report.repair_file.read_bytes().startswith(b"\xef\xbb\xbf")
    [row] = repaired(report.repair_file)
    assert [row[label] for label in HEADER] == a_line(2, 时间="3月5日", 备注="一\n二")
    assert (row[FILE], row[SHEET], row[ROW]) == ("三月.xlsx", "1月", "4")
    assert "日期" in row[REASON]


def test_a_corrected_repair_file_is_imported_under_its_first_place(
    station: Station, folder: Path
) -> None:
    rows = [TITLE, HEADER, a_line(1), a_line(2, 时间="3月5日"), a_line(3, 时间="")]
    path = an_xlsx(folder / "三月.xlsx", rows)
    repair = import_ledger(station, path).repair_file
    assert repair is not None
    fixed = repair.read_text("utf-8-sig").replace("3月5日", "2024-03-05")
    repair.write_text(fixed, "utf-8-sig", newline="")
    report = import_ledger(station, repair)
    assert (report.imported, len(report.set_aside)) == (1, 1)
    place = by_seq_no(station)["2"].values["source"]
    assert (place["file"], place["sheet"], place["row"]) == ("三月.xlsx", "1月", 4)
    assert "extra" not in place or place["extra"] == []
    assert report.repair_file == folder / "三月_待修正2.csv"
    [left] = repaired(report.repair_file)
    assert (left[FILE], left[SHEET], left[ROW]) == ("三月.xlsx", "1月", "5")


def test_a_repair_file_arms_no_formula_and_gives_back_what_was_written(
    station: Station, folder: Path
) -> None:
    armed = ["=cmd|'/c calc'!A1", "+1", "-2", "@SUM(A1)", "\tx", "'=1", "＝1", "'王"]
    lines = [a_line(n, 时间="3月5日", 姓名=name) for n, name in enumerate(armed)]
    path = an_xlsx(folder / "a.xlsx", [HEADER, *lines])
    repair = import_ledger(station, path).repair_file
    assert repair is not None
    shown = [row["姓名"] for row in repaired(repair)]
    assert [name for name in shown if name.startswith(("=", "+", "-", "@", "\t", "＝"))] == []
    fixed = repair.read_text("utf-8-sig").replace("3月5日", "2024-03-05")
    repair.write_text(fixed, "utf-8-sig", newline="")
    assert import_ledger(station, repair).recorded == len(armed)
    assert [row.values["source"]["cells"][5] for row in records(station)] == armed


def test_a_row_that_was_emptied_in_the_repair_file_is_a_blank(
    station: Station, folder: Path
) -> None:
    path = a_csv(folder / "a.csv", [HEADER, ["停电一天"], a_line(2, 时间="")])
    repair = import_ledger(station, path).repair_file
    assert repair is not None
    repair.write_text(
        repair.read_text("utf-8-sig").replace("停电一天", ""), "utf-8-sig", newline=""
    )
    report = import_ledger(station, repair)
    assert (report.blanks, len(report.set_aside)) == (1, 1)


def test_a_repair_file_in_work_is_never_overwritten(station: Station, folder: Path) -> None:
    path = a_csv(folder / "a.csv", [HEADER, a_line(1), a_line(2, 时间="")])
    first = import_ledger(station, path).repair_file
    assert first is not None
    assert import_ledger(station, path).repair_file == first
    first.write_text("正在修改", "utf-8")
    assert import_ledger(station, path).repair_file == folder / "a_待修正2.csv"
    assert first.read_text("utf-8") == "正在修改"


def test_a_repair_file_shows_each_row_under_the_header_it_stood_under(
    station: Station, folder: Path
) -> None:
    other = ["时间", "姓名", "事项", "电话", "受理人", "登记号"]
    sheets = [
        [HEADER, a_line(1), a_line(2, 时间="")],
        [other, ["", "王小明", "社保卡", "13900001234", "李丽", "D1"]],
    ]
    repair = import_ledger(station, an_xlsx(folder / "a.xlsx", *sheets)).repair_file
    assert repair is not None
    with repair.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    added = [FILE, SHEET, ROW, REASON]
    assert rows[0] == [*HEADER, *added]
    assert rows[2] == [*other, *added]
    fixed = [[cell or "2024-03-01" for cell in row[:1]] + row[1:] for row in rows[2:]]
    report = import_ledger(station, a_csv(folder / "b.csv", fixed))
    assert report.marked == 1
    assert records(station)[-1].values["source"]["extra"] == [{"label": "登记号", "text": "D1"}]


def test_without_room_for_the_repair_file_nothing_is_imported(
    station: Station, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, content: bytes) -> None:
        raise StationError("home.file_refused", file=path, reason="只读")

    monkeypatch.setattr("station_client.services.repair_file.replace_durably", refuse)
    path = a_csv(folder / "a.csv", [HEADER, a_line(1), a_line(2, 时间="")])
    with pytest.raises(StationError) as caught:
        import_ledger(station, path)
    assert caught.value.code == "import.repair_refused"
    assert records(station) == []


# --- what is no ledger ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([a_line(1), a_line(2)], "import.no_header"),
        ([["甲", "乙"], ["1", "2"]], "import.no_header"),
        ([HEADER], "import.no_lines"),
        ([TITLE, HEADER, [], FOOTER], "import.no_lines"),
    ],
)
def test_a_table_without_header_or_lines_is_refused(
    station: Station, folder: Path, rows: list[list[str]], code: str
) -> None:
    with pytest.raises(StationError) as caught:
        import_ledger(station, a_csv(folder / "a.csv", rows))
    assert caught.value.code == code
    assert records(station) == []
    assert [path.name for path in folder.iterdir()] == ["a.csv"]


def test_a_report_that_loses_a_row_cannot_be_made(station: Station, folder: Path) -> None:
    report = import_ledger(station, a_csv(folder / "a.csv", [HEADER, a_line(1)]))
    with pytest.raises(AssertionError):
        ImportReport(**{**vars(report), "rows": report.rows + 1})


def test_whatever_stands_in_the_cells_every_row_is_accounted_for(
    tmp_path: Path, folder: Path
) -> None:
    """Random dirt in random cells: nothing fails, nothing is lost, and again nothing is new."""
    dirt = [
        "", " ", "〃", "同上", "/", "无", "2024/3/1", "24.3.1", "3月1日", "45352", "1.39E+10",
        "=1+1", "\0", "合计", "办结", "退件", "上午9点", "9:5", "25:00", "次日", "𠮷", "长" * 600,
        "一\n二", '"', "1390000", "√", "#REF!", "备注：", *HEADER,
    ]  # fmt: skip
    chance = random.Random(20240301)
    rows: list[list[Any]] = [HEADER]
    for number in range(400):
        line = a_line(number)
        for _ in range(chance.choice([0, 1, 2, 4, 12])):
            line[chance.randrange(16)] = chance.choice(dirt)
        rows.append(line[: chance.choice([16, 16, 16, 15, 3])])
    station = desk.a_station(tmp_path / "other")
    path = a_csv(folder / "a.csv", rows)
    report = import_ledger(station, path)
    assert report.rows == report.accounted == 401
    assert report.recorded == len(records(station))
    again = import_ledger(station, path)
    assert (again.recorded, again.already) == (0, report.recorded)
    assert again.repair_file == report.repair_file
    for row in records(station):
        cells = row.values["source"]["cells"]
        assert len(cells) == len(LEDGER_COLUMNS)
        assert cells == [*map(str, rows[row.values["source"]["row"] - 1]), *[""] * 16][:16]
