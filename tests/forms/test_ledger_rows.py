"""Ledgers as people really keep them: read, mended, marked or set aside, and nothing dropped."""

import csv
from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import forms
from forms import (
    LEDGER_COLUMNS,
    Columns,
    Imported,
    SetAside,
    check_writes,
    classify_row,
    join_header,
    ledger_line,
    read_header,
    read_ledger_row,
)
from forms.reading import Raw, as_text

IDS = tuple(column for column, _ in LEDGER_COLUMNS)
HEADER = tuple(label for _, label in LEDGER_COLUMNS)
INTAKE = forms.builtin().latest("intake_case")
USUAL = {
    "seq_no": "7",
    "ledger_date": "2024-03-01",
    "station_name": "北留站",
    "window_name": "综合窗口",
    "dept_name": "人社局",
    "applicant_name": "李兰",
    "contact_phone": "13812345678",
    "task_name": "失业登记",
    "is_accepted": "是",
    "time_limit_text": "5个工作日",
    "case_status": "办理中",
    "return_reason": "",
    "received_at": "09:05",
    "finished_same_day_at": "",
    "handler_name": "王芳",
    "remark": "邮寄",
}
Reader = Callable[..., Imported]


def cells(**changes: Raw) -> list[Raw]:
    return list({**USUAL, **changes}.values())


def read(row: list[Raw], **more: object) -> Imported | SetAside:
    return read_ledger_row(row, file="台账.csv", row=2, **more)  # type: ignore[arg-type]


def line(**changes: Raw) -> Imported:
    found = read(cells(**changes))
    assert isinstance(found, Imported)
    assert check_writes(INTAKE, found.writes, author="station", creates=True) == []
    return found


def mended(found: Imported) -> dict[str, tuple[str, str]]:
    return {m.column: (m.written, m.to) for m in found.source.mended}


def marks(found: Imported) -> list[tuple[str, str]]:
    return [(mark.field, mark.code) for mark in found.source.marks]


@pytest.mark.shared
def test_every_line_of_the_real_ledger_is_imported_and_shown_as_it_was(shared_data: Path) -> None:
    path = shared_data / "ledger" / "ledger_dev_600_utf8.csv"
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.reader(file))
    assert [classify_row(row) for row in rows] == ["header"] + ["line"] * 600
    columns = read_header(rows[0])
    assert columns is not None
    for number, row in enumerate(rows[1:], start=2):
        found = read_ledger_row(row, columns, file=path.name, row=number)
        assert isinstance(found, Imported)
        assert check_writes(INTAKE, found.writes, author="station", creates=True) == []
        shown = ledger_line(INTAKE, found.writes, station_name="另一站").cells
        for column, cell, written in zip(IDS, shown, row, strict=True):
            assert cell == written, f"row {number}, {column}"
        assert (found.source.mended, found.source.marks) == ([], [])


@pytest.mark.parametrize(
    ("column", "written", "to"),
    [
        ("ledger_date", "2024年3月1日", "2024-03-01"),
        ("ledger_date", 45352.0, "2024-03-01"),
        ("ledger_date", datetime.fromisoformat("2024-03-01T09:05"), "2024-03-01"),
        ("contact_phone", 13812345678.0, "13812345678"),
        ("contact_phone", "138 1234 5678", "13812345678"),
        ("is_accepted", "√", "是"),
        ("is_accepted", True, "是"),
        ("is_accepted", "TRUE", "是"),
        ("case_status", "办结", "已办结"),
        ("time_limit_text", "５个工作日", "5个工作日"),
        ("received_at", "9:5", "09:05"),
        ("received_at", time(9, 5), "09:05"),
        ("finished_same_day_at", 0.5, "12:00"),
        ("applicant_name", " 李\n兰 ", "李兰"),
        ("return_reason", "/", ""),
        ("finished_same_day_at", "无", ""),
    ],
)
def test_a_cell_with_one_meaning_is_mended_and_what_was_written_is_kept(
    column: str, written: Raw, to: str
) -> None:
    found = line(**{column: written})
    shown = ledger_line(INTAKE, found.writes, station_name="")
    assert shown.cell(column) == to
    raw = found.source.cells[IDS.index(column)]
    assert mended(found) == ({column: (raw, to)} if raw != to else {})
    assert marks(found) == []


@pytest.mark.parametrize(
    ("column", "field", "written"),
    [
        ("contact_phone", "contact_phone", "1.38E+10"),
        ("contact_phone", "contact_phone", "13812345678/13912345678"),
        ("contact_phone", "contact_phone", "无"),
        ("is_accepted", "is_accepted", "也许"),
        ("case_status", "case_status", "快了"),
        ("time_limit_text", "promised_limit", "5天"),
        ("received_at", "received_at", "一早"),
        ("received_at", "received_at", "25:00"),
        ("finished_same_day_at", "finished_at", "2024-03-08"),
        ("dept_name", "dept_name", "#N/A"),
    ],
)
def test_a_cell_without_a_sure_meaning_is_marked_and_shown_as_written(
    column: str, field: str, written: str
) -> None:
    found = line(**{column: written})
    assert marks(found) == [(field, "unreadable")]
    assert field not in found.writes
    assert ledger_line(INTAKE, found.writes, station_name="").cell(column) == written
    assert mended(found) == {}


def test_a_marked_cell_shows_what_somebody_fills_in_later() -> None:
    found = line(contact_phone="1.38E+10")
    later = {**found.writes, "contact_phone": "13800001234"}
    assert ledger_line(INTAKE, later, station_name="").cell("contact_phone") == "13800001234"


def test_an_empty_cell_of_a_required_column_is_marked() -> None:
    found = line(handler_name="", window_name=None)
    assert marks(found) == [("window_name", "required"), ("handler_name", "required")]


def test_a_return_without_a_reason_and_times_the_wrong_way_round_are_marked() -> None:
    found = line(case_status="退件", return_reason="-", finished_same_day_at="08:00")
    assert marks(found) == [("return_reason", "required"), ("finished_at", "not_before")]
    assert (
        ledger_line(INTAKE, found.writes, station_name="").cell("finished_same_day_at") == "08:00"
    )


def test_a_finish_on_a_later_day_moves_to_the_remark() -> None:
    found = line(finished_same_day_at="2024-03-08 11:20")
    assert found.writes["finished_at"] == "2024-03-08T11:20:00+08:00"
    assert mended(found) == {
        "finished_same_day_at": ("2024-03-08 11:20", ""),
        "remark": ("邮寄", "2024年3月8日办结；邮寄"),
    }


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", "set_aside_no_date"),
        ("3月1日", "set_aside_unreadable_date"),
        ("03/04/2024", "set_aside_unreadable_date"),
        ("2024-02-30", "set_aside_unreadable_date"),
        ("同上", "set_aside_no_line_above"),
    ],
)
def test_a_line_without_a_usable_date_is_set_aside(written: str, reason: str) -> None:
    assert read(cells(ledger_date=written)) == SetAside(reason)  # type: ignore[arg-type]
    assert forms.WORDS[reason]


def test_what_is_not_a_line_is_set_aside() -> None:
    assert read(["8", "2024-03-01", "停电"]) == SetAside("set_aside_not_a_line")
    assert read(cells(remark="长" * 17_000)) == SetAside("set_aside_too_large")


@pytest.mark.parametrize("ditto", ["〃", "″", "同上", '"', "''", " 〃 "])
def test_a_ditto_mark_means_the_line_above(ditto: str) -> None:
    above = line(ledger_date="2024年3月1日", dept_name="民政局")
    found = read(cells(ledger_date=ditto, dept_name=ditto), above=above)
    assert isinstance(found, Imported)
    assert found.writes["ledger_date"] == "2024-03-01"
    assert mended(found) == {"ledger_date": (ditto, "2024-03-01"), "dept_name": (ditto, "民政局")}
    assert check_writes(INTAKE, found.writes, author="station", creates=True) == []


def test_a_ditto_mark_in_the_running_number_is_no_number_of_the_line_above() -> None:
    found = read(cells(seq_no="〃"), above=line(seq_no="6"))
    assert isinstance(found, Imported)
    assert found.texts[0] == "〃"


def test_a_ditto_mark_under_an_unreadable_cell_is_unreadable_too() -> None:
    found = read(cells(contact_phone="同上"), above=line(contact_phone="1.38E+10"))
    assert isinstance(found, Imported)
    assert marks(found) == [("contact_phone", "unreadable")]
    assert ledger_line(INTAKE, found.writes, station_name="").cell("contact_phone") == "同上"
    alone = read(cells(dept_name="同上"))
    assert isinstance(alone, Imported)
    assert marks(alone) == [("dept_name", "unreadable")]


def test_a_merged_cell_holds_the_value_above_and_a_blank_one_does_not() -> None:
    above = line()
    found = read(cells(ledger_date=None), above=above, merged={1})
    assert isinstance(found, Imported)
    assert mended(found) == {"ledger_date": ("", "2024-03-01")}
    assert read(cells(ledger_date=None), above=above) == SetAside("set_aside_no_date")


@pytest.mark.parametrize(
    "header",
    [
        HEADER,
        tuple(f" {label[:1]} {label[1:]}\n" for label in HEADER),
        tuple(f"\ufeff{label[:1]}\u200b{label[1:]}" for label in HEADER),
        (
            "序号",
            "日期",
            "站点名称",
            "窗口",
            "所属部门",
            "申请人",
            "联系电话",
            "事项名称",
            "是否受理",
            "承诺时限",
            "状态",
            "退回原因",
            "收件时间",
            "办结时间",
            "经办人",
            "备注（选填）",
        ),
        (
            "序号",
            "登记日期（年/月/日）",
            "网点名称",
            "窗口/柜台",
            "主管部门",
            "申请人姓名/单位名称",
            "手机/电话",
            "办件名称",
            "受理（√）",
            "承诺期限",
            "办理进度",
            "退件或不予受理原因",
            "收件时刻",
            "当日办结时间",
            "经办人姓名",
            "备注",
        ),
    ],
)
def test_a_header_is_known_however_it_is_written(header: tuple[str, ...]) -> None:
    columns = read_header(header)
    assert columns is not None
    assert columns.missing() == ()
    assert classify_row(header) == "header"


@pytest.mark.parametrize(
    ("label", "written", "limit"),
    [
        ("办理时限（工作日）", "5", 5),
        ("承诺时限(个工作日)", 5.0, 5),
        ("办理时限（工作日）", "即办", 0),
        ("办理时限（工作日）", "0", None),
        ("办理时限（天）", "5", None),
    ],
)
def test_a_number_of_days_has_the_unit_that_its_column_names(
    label: str, written: Raw, limit: int | None
) -> None:
    columns = read_header([label if each == "办理时限" else each for each in HEADER])
    assert columns is not None
    found = read(cells(time_limit_text=written), columns=columns)
    assert isinstance(found, Imported)
    assert found.writes.get("promised_limit") == limit
    assert found.source.cells[9] == as_text(written)


@given(st.permutations(range(16)))
def test_columns_in_another_order_give_the_same_line(order: list[int]) -> None:
    columns = read_header([HEADER[n] for n in order])
    row = cells()
    assert columns is not None
    found = read([row[n] for n in order], columns=columns)
    assert isinstance(found, Imported)
    assert found.source.cells == row
    assert found.writes == line().writes


@pytest.mark.parametrize("labels", [("时间", "日期"), ("日期", "时间")])
def test_beside_a_date_a_time_is_not_the_date(labels: tuple[str, str]) -> None:
    columns = read_header(["序号", *labels, "姓名", "联系电话", "事项"])
    assert columns is not None
    assert columns.positions["ledger_date"] == 1 + labels.index("日期")
    assert columns.extra == {1 + labels.index("时间"): "时间"}


@pytest.mark.parametrize("mirrored", [False, True])
def test_the_standards_own_label_is_the_column_and_another_name_beside_it_is_not(
    mirrored: bool,
) -> None:
    header = ["编号", "电话", "部门", "事项", "状态", "经办人", "说明", "办理时间", *HEADER]
    header = header[::-1] if mirrored else header
    columns = read_header(header)
    assert columns is not None
    assert {header[columns.positions[c]] for c in IDS} == set(HEADER)
    assert sorted(columns.extra.values()) == sorted(set(header) - set(HEADER))


def test_a_header_of_two_rows_is_read_as_one() -> None:
    upper = [
        "时间",
        "申请人信息",
        "",
        "",
        "申请事项",
        "受理与否",
        "办件状态",
        "办理时间",
        "",
        "备注",
    ]
    lower = ["", "姓名", "身份证号", "联系方式", "", "", "", "接件时间", "当日办结时间", ""]
    joined = join_header(upper, lower)
    assert joined is not None
    columns = read_header(joined)
    assert columns is not None
    assert columns.positions["applicant_name"] == 1
    assert columns.positions["received_at"] == 7
    assert columns.extra == {2: "身份证号"}


@pytest.mark.parametrize(
    "row",
    [
        cells(),
        cells(is_accepted="受理", remark="说明"),
        ["", *HEADER[1:]],
        [*[""] * 5, "姓名"],
        [],
    ],
)
def test_a_line_below_a_header_is_no_part_of_it(row: list[Raw]) -> None:
    assert join_header(HEADER, row) is None


@pytest.mark.parametrize("day", ["2024-03-01", "3月1日", "3.1", 45352.0, "三月一日", "〃"])
def test_a_short_line_is_no_footer_because_its_name_begins_like_one(day: Raw) -> None:
    columns = read_header(["姓名", "日期", "电话", "事项", "经办人"])
    assert classify_row(["负责人王明", day, "13812345678", "社保", "李丽"], columns) == "line"
    assert classify_row(["合计", "2024年3月", "3件", "办结2件"], columns) == "footer"


def test_a_line_without_a_date_is_no_footer_because_its_name_begins_like_one() -> None:
    columns = read_header(["姓名", "日期", "电话", "事项", "经办人"])
    assert classify_row(["记录人王明", "", "13812345678", "社保", "李丽"], columns) == "line"
    assert classify_row(["记录人王明", "", "", "", "李丽"], columns) == "footer"
    assert classify_row(["合计（件）", "", "5", "办结2件", "退件1件"], columns) == "footer"


def test_a_row_with_a_date_in_its_column_is_no_title() -> None:
    columns = read_header(HEADER)
    row = ["", "2024年3月2日", "", "", "", "", "", "遗失登记表补办"]
    assert classify_row(row, columns) == "line"


def test_a_missing_column_is_named_and_a_strange_one_is_kept() -> None:
    header = [label for label in HEADER if label != "窗口"] + ["回访结果"]
    columns = read_header(header)
    assert columns is not None
    assert columns.missing() == ("window_name",)
    row = [cell for column, cell in zip(IDS, cells(), strict=True) if column != "window_name"]
    found = read([*row, "满意"], columns=columns)
    assert isinstance(found, Imported)
    assert [(extra.label, extra.text) for extra in found.source.extra] == [("回访结果", "满意")]
    assert marks(found) == [("window_name", "required")]


def test_a_cell_beyond_the_header_is_kept() -> None:
    found = read([*cells(), "", "补充说明"])
    assert isinstance(found, Imported)
    assert [(extra.label, extra.text) for extra in found.source.extra] == [("第18列", "补充说明")]


def test_more_strange_cells_than_a_line_can_keep_set_the_row_aside() -> None:
    assert read([*cells(), *["x"] * 65]) == SetAside("set_aside_too_large")


def test_a_short_row_lacks_its_last_cells_only() -> None:
    found = read(cells()[:15])
    assert isinstance(found, Imported)
    assert found.source.cells[15] == ""


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        ([], "blank"),
        (["", None, "  ", "\u3000"], "blank"),
        (["31"], "blank"),
        ([31.0, *[None] * 15], "blank"),
        (["三十一", *[""] * 15], "line"),
        (["3月份"], "title"),
        (["本月共受理30件"], "footer"),
        (["政务服务便民服务站工作台账"], "title"),
        (["2024年3月工作台账", "", ""], "title"),
        (["工作台账"] * 16, "title"),
        (["政务服务便民服务站工作台账", "2024年3月"], "title"),
        (["填报单位：北留站", "", "月份：2024年3月"], "title"),
        (["表 D.1 政务服务便民服务站工作台账"], "title"),
        (["合计", "", "", "", "", "20件"], "footer"),
        (["本页小计", "20"], "footer"),
        (["", "合 计", "20"], "footer"),
        (["总计", 20.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0], "footer"),
        (["填表人：王芳", "审核人：李兰", "单位盖章：", "2024-03-31"], "footer"),
        (["审核：", "", "填表：王芳"], "footer"),
        (["经办人签字：", "", "2024-03-31"], "footer"),
        (["（盖章）"], "footer"),
        (["第 1 页 共 3 页"], "footer"),
        (["注：本表一式两份"], "footer"),
        (list(HEADER), "header"),
        (cells(), "line"),
        (cells(seq_no="", remark="备注：合计两份"), "line"),
        (cells(ledger_date="3月1日"), "line"),
        (["8", "2024-03-01"], "line"),
        (["停电一天"], "line"),
    ],
)
def test_a_row_is_told_for_what_it_is(row: list[Raw], kind: str) -> None:
    assert classify_row(row) == kind


@pytest.mark.parametrize("header", [["时间", "地点", "人物"], ["姓名", "电话"], []])
def test_a_header_of_another_table_is_none(header: list[str]) -> None:
    assert read_header(header) is None


RAW = st.one_of(
    st.none(),
    st.text(max_size=30),
    st.sampled_from([*HEADER, "〃", "/", "#N/A", "2024年3月1日", "9:5", "1.38E+10", "办结", "√"]),
    st.floats(),
    st.integers(-(10**12), 10**12),
    st.datetimes(),
    st.dates(),
    st.times(),
    st.booleans(),
)


@given(st.lists(RAW, max_size=18), st.lists(RAW, max_size=18), st.sets(st.integers(0, 17)))
def test_whatever_a_row_holds_it_is_accounted_for(
    first: list[Raw], second: list[Raw], merged: set[int]
) -> None:
    """Each cell is shown as written, or its mending is listed, or its field is marked."""
    above = None
    for row in (["1", date(2024, 3, 1), *first], ["2", "〃", *second]):
        assert classify_row(row) in ("header", "title", "blank", "footer", "line")
        found = read(row, above=above, merged=merged)
        if isinstance(found, SetAside):
            assert found.reason in forms.WORDS
            continue
        assert check_writes(INTAKE, found.writes, author="station", creates=True) == []
        shown = ledger_line(INTAKE, found.writes, station_name="").cells
        changes = mended(found)
        for column, written, cell in zip(IDS, found.source.cells, shown, strict=True):
            assert changes.get(column, (written, written)) == (written, cell)
        above = found


def test_the_standard_columns_are_those_of_a_file_without_header() -> None:
    assert read(cells()) == read(cells(), columns=Columns({c: n for n, c in enumerate(IDS)}))
