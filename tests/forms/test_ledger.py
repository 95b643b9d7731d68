"""The work ledger of Annex D is a projection: a case gives its 16 cells, nobody types them."""

from collections.abc import Callable

import pytest

import forms
from forms import LEDGER_COLUMNS, Form, ledger_line

Builder = Callable[..., dict[str, object]]

# Table D.1 of the standard, byte for byte.
TABLE_D1 = (
    "序号\t时间\t便民服务站名称\t窗口\t事项所属\t姓名\t联系方式\t申请事项\t受理与否\t办理时限\t"
    "办件状态\t退件原因\t接件时间\t当日办结时间\t受理人员\t备注"
)


def test_the_header_is_table_d1() -> None:
    assert "\t".join(label for _, label in LEDGER_COLUMNS) == TABLE_D1
    grid = forms.builtin().latest("work_ledger").grid
    assert grid is not None
    assert "\t".join(cell.text for cell in grid.rows[0]) == TABLE_D1
    assert grid.landscape


def test_a_typed_line_fills_the_columns(intake: Form, an_entry: Builder) -> None:
    writes = an_entry(remark="邮寄", finished_at="2024-03-01T11:20:00+08:00")
    line = ledger_line(intake, writes, station_name="")
    assert ",".join(line.cells) == (
        ",2024-03-01,北留镇银行网点政务服务便民服务站,综合窗口,人社局,李兰,13812345678,失业登记,"
        "是,5个工作日,办理中,,09:05,11:20,王芳,邮寄"
    )


def test_a_helper_case_gives_its_line_and_says_so(helper: Form, a_helper_case: Builder) -> None:
    line = ledger_line(helper, a_helper_case(remark="老年人优先"), station_name="")
    assert ",".join(line.cells) == (
        ",2024-03-01,北留镇银行网点政务服务便民服务站,综合窗口,人社局,李兰,13812345678,失业登记,"
        "是,即办,办理中,,09:05,,王芳,帮办；老年人优先"
    )


def test_a_proxy_case_gives_its_line_and_says_so(proxy: Form, a_proxy_case: Builder) -> None:
    line = ledger_line(proxy, a_proxy_case(), station_name="")
    assert ",".join(line.cells) == (
        ",2024-03-01,北留镇银行网点政务服务便民服务站,帮办代办窗口,行政审批局,李兰,0356-2025678,"
        "设立登记,是,3个工作日,办理中,,09:05,,王芳,代办"
    )


@pytest.mark.parametrize(
    ("remark", "shown"),
    [
        (None, "帮办"),
        ("帮办", "帮办"),
        ("邮寄，帮办", "邮寄，帮办"),
        ("家属不要帮办", "帮办；家属不要帮办"),
    ],
)
def test_the_kind_of_service_is_not_said_twice(
    helper: Form, a_helper_case: Builder, remark: str | None, shown: str
) -> None:
    line = ledger_line(helper, a_helper_case(remark=remark), station_name="")
    assert line.cell("remark") == shown


def test_a_later_finish_goes_into_the_remark(helper: Form, a_helper_case: Builder) -> None:
    finished = a_helper_case(finished_at="2024-03-08T10:00:00+08:00", remark="邮寄")
    line = ledger_line(helper, finished, station_name="")
    assert line.cell("finished_same_day_at") == ""
    assert line.cell("remark") == "帮办；2024年3月8日办结；邮寄"


def test_a_case_that_waits_for_acceptance_says_so(intake: Form, an_entry: Builder) -> None:
    line = ledger_line(intake, an_entry(is_accepted="pending"), station_name="")
    assert line.cell("is_accepted") == "待受理"


def test_the_stations_name_is_the_records_own_or_the_one_given(
    intake: Form, an_entry: Builder
) -> None:
    kept = ledger_line(intake, an_entry(station_name="旧名"), station_name="新名")
    given = ledger_line(intake, an_entry(station_name=None), station_name="新名")
    assert (kept.cell("station_name"), given.cell("station_name")) == ("旧名", "新名")


def test_a_line_is_numbered_at_export(intake: Form, an_entry: Builder) -> None:
    line = ledger_line(intake, an_entry(), station_name="")
    assert line.cell("seq_no") == ""
    assert line.numbered(12).cell("seq_no") == "12"
    assert line.numbered(12).numbered(13).cell("seq_no") == "12"


def test_an_unfinished_record_still_gives_sixteen_cells(helper: Form) -> None:
    line = ledger_line(helper, {}, station_name="北留站")
    assert len(line.cells) == 16
    assert [cell for cell in line.cells if cell] == ["北留站", "帮办"]


def test_a_form_without_a_ledger_line_says_so(opening: Form) -> None:
    with pytest.raises(ValueError, match="station_open"):
        ledger_line(opening, {}, station_name="")
