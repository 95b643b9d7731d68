"""A definition becomes an HTML form in the paper's order; what comes back becomes values."""

from datetime import date
from typing import Any

import pytest
from werkzeug.datastructures import MultiDict

import forms
from forms import Problem
from station_client.ui.entry_form import (
    REST,
    Page,
    Typed,
    blank_line,
    fill,
    is_typed_here,
    read,
    read_changes,
    words_by_register,
)
from tests.station_client import desk as builders

TODAY = date(2026, 3, 2)
LINE = "0f" * 16
HELPER = forms.builtin().latest("helper_case")
CASES = ["helper_case", "proxy_case", "intake_case", "station_change", "station_close"]


def a_page(values: dict[str, Any] | None = None, **more: Any) -> Page:
    return Page(HELPER, fill(HELPER, values or {}), **more)


def shown(page: Page) -> list[str]:
    return [entry.asked.id for section in page.sections() for entry in section.entries]


@pytest.mark.parametrize("name", CASES)
def test_every_field_that_a_desk_writes_is_shown_once(name: str) -> None:
    form = forms.builtin().latest(name)
    ids = shown(Page(form, MultiDict()))
    assert len(ids) == len(set(ids))
    assert set(ids) - {"case_no"} == {f.id for f in form.fields if is_typed_here(f)}


def test_the_order_is_that_of_the_paper() -> None:
    ids = shown(a_page())
    on_paper = [f for row in HELPER.grid.rows for cell in row for f in cell.fields]  # type: ignore[union-attr]
    assert [i for i in ids if i in on_paper] == [i for i in on_paper if i in ids]


def test_what_stands_below_the_countys_opinion_is_not_shown_as_its_part() -> None:
    sections = Page(forms.builtin().latest("station_change"), MultiDict()).sections()
    assert [s.title for s in sections if "remark" in [e.asked.id for e in s.entries]] == [REST]


def test_parts_that_are_rarely_used_are_folded_and_say_what_they_hold() -> None:
    folded = {s.title: s for s in a_page(builders.a_helper_case()).sections() if not s.is_open}
    assert {"咨询", "帮办", "结果"} == set(folded)
    assert folded["结果"].summary == "已填：办件状态、帮办人员"
    assert folded["咨询"].summary == "未填"


def test_a_part_with_a_problem_is_open() -> None:
    page = a_page(builders.a_helper_case(), problems={"answered_at": "不能早于"})
    assert "咨询" in [section.title for section in page.sections() if section.is_open]
    assert page.first_to_fill() == "answered_at"


def test_typing_begins_at_the_first_thing_to_type() -> None:
    known = {"registered_at": "2026-03-02T09:00:00+08:00"}
    assert a_page(known, fixed=frozenset({"station_name"})).first_to_fill() == "channel"
    filled = {**builders.a_helper_case(), "applicant_name": None}
    assert a_page(filled).first_to_fill() == "applicant_name"


def test_what_the_catalogue_fills_waits_for_the_search() -> None:
    intake = forms.builtin().latest("intake_case")
    values = {"ledger_date": "2026-03-02", "station_name": "站", "window_name": "1"}
    assert Page(intake, fill(intake, values)).first_to_fill() == "task_name"


def test_what_was_typed_comes_back_as_values() -> None:
    case = builders.a_helper_case(
        help_kinds=list(HELPER.codes["help_kinds"])[:2],
        materials_complete=False,
        **{
            f"missing/{LINE}": {
                "material_name": "户口本",
                "how_to_fix": "回家取",
                "fixed_on_spot": False,
            }
        },
    )
    assert read(HELPER, fill(HELPER, case), TODAY) == case


def test_an_added_line_that_was_left_empty_is_none() -> None:
    typed: Typed = MultiDict([("missing", LINE), (f"missing/{LINE}/material_name", " ")])
    assert read(HELPER, typed, TODAY) == {}


@pytest.mark.parametrize("name", ["n1", "", "../x", "0F" * 16, f"{LINE}/x"])
def test_a_line_with_a_name_that_no_page_gives_is_not_read(name: str) -> None:
    typed: Typed = MultiDict([("missing", name), (f"missing/{name}/material_name", "户口本")])
    assert read(HELPER, typed, TODAY) == {}


def test_the_countys_fields_and_the_number_are_never_read() -> None:
    typed: Typed = MultiDict([("county_opinion", "同意"), ("case_no", "1"), ("state", "x")])
    assert read(HELPER, typed, TODAY) == {}


def test_only_what_differs_from_the_page_is_a_change() -> None:
    before = fill(
        HELPER,
        builders.a_helper_case(**{f"missing/{LINE}": {"material_name": "甲", "how_to_fix": "乙"}}),
    )
    typed: Typed = MultiDict(
        [(f"was.{name}", text) for name, text in before.items(multi=True)]
        + [
            (name, text)
            for name, text in before.items(multi=True)
            if not name.startswith("missing")
        ]
    )
    typed["contact_phone"] = "13812345678"
    typed["remark"] = ""
    typed["question"] = "怎么办"
    typed["channel"] = ""
    assert read_changes(HELPER, typed, TODAY) == {
        "contact_phone": "13812345678",
        "question": "怎么办",
        "channel": None,
        f"missing/{LINE}": None,
    }


def test_a_new_line_begins_with_what_the_desk_knows() -> None:
    line = blank_line(HELPER.field("log"), "2026-03-02T09:05:00+08:00")
    assert line.texts == {"at": "2026-03-02 09:05", "action": "", "contact": ""}


def test_several_problems_of_one_field_stand_together() -> None:
    found = words_by_register(HELPER, [Problem("remark", "type"), Problem("remark", "required")])
    assert list(found) == ["remark"]
    assert found["remark"].count("“备注”") == 2


def test_problems_of_no_field_of_the_page_stand_at_its_top() -> None:
    page = a_page(problems={"": "磁盘已满", "county_opinion": "不由本方填写", "remark": "太长"})
    assert page.general_problems() == ["磁盘已满", "不由本方填写"]
