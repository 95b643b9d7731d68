"""What a clerk types is understood where it has one meaning, and else kept as it is."""

from datetime import date
from typing import Any

import pytest

import forms
from forms import Field
from station_client.ui.typed import input_text, read_day, read_value

TODAY = date(2026, 3, 2)


def a_field(kind: Any) -> Field:
    return Field(id="x", label="某项", type=kind)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("date", "2024-03-01", "2024-03-01"),
        ("date", "20240301", "2024-03-01"),
        ("date", "0301", "2026-03-01"),
        ("date", "3-1", "2026-03-01"),
        ("date", "3月1日", "2026-03-01"),
        ("date", "２０２４年３月１日", "2024-03-01"),
        ("date", "今天", "2026-03-02"),
        ("date", "昨天", "2026-03-01"),
        ("time", "905", "09:05"),
        ("time", "17：02", "17:02"),
        ("time", "9点05分", "09:05"),
        ("datetime", "2024-03-01 09:05", "2024-03-01T09:05:00+08:00"),
        ("datetime", "0301 905", "2026-03-01T09:05:00+08:00"),
        ("datetime", "905", "2026-03-02T09:05:00+08:00"),
        ("datetime", "今天 下午3点半", "2026-03-02T15:30:00+08:00"),
        ("limit", "即办", 0),
        ("limit", "5", 5),
        ("limit", "5个工作日", 5),
        ("integer", "１２", 12),
        ("phone", "138 0000 0000", "13800000000"),
        ("phone", "0356-2025678", "0356-2025678"),
        ("boolean", "yes", True),
        ("boolean", "no", False),
        ("long_text", "甲\r\n乙", "甲\n乙"),
        ("text", "  张三 ", "张三"),
        ("text", "   ", None),
    ],
)
def test_what_has_one_meaning_is_understood(kind: str, text: str, value: object) -> None:
    assert read_value(a_field(kind), text, TODAY) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("date", "0230"), ("date", "改天"), ("date", "2024-13-01"), ("time", "2575"),
        ("datetime", "明天下午"), ("datetime", "0301 9 05"), ("limit", "几天"), ("limit", "5天"),
        ("integer", "3.5"), ("boolean", "大概"),
    ],
)  # fmt: skip
def test_what_has_no_meaning_stays_what_it_was_for_the_checker(kind: str, text: str) -> None:
    assert read_value(a_field(kind), text, TODAY) == text


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("date", "2024-03-01"), ("time", "09:05"), ("datetime", "2024-03-01T09:05:00+08:00"),
        ("limit", 0), ("limit", 20), ("integer", 7), ("boolean", True), ("boolean", False),
        ("text", "张三"), ("text", None),
    ],
)  # fmt: skip
def test_what_an_input_shows_reads_back_to_the_same(kind: str, value: object) -> None:
    field = a_field(kind)
    assert read_value(field, input_text(field, value), TODAY) == value


def test_a_day_that_cannot_be_read_filters_nothing() -> None:
    assert read_day("0301", TODAY) == date(2026, 3, 1)
    assert read_day("", TODAY) is None
    assert read_day("某天", TODAY) is None


def test_every_type_that_is_typed_reads_an_empty_input_as_nothing() -> None:
    for form in (forms.builtin().latest(name) for name in forms.builtin().names()):
        for field in form.fields:
            assert read_value(field, " ", TODAY) is None
