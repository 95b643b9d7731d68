"""An imported line may break the form's rules where it says so, and nowhere else."""

from collections.abc import Callable

import pytest

import forms
from forms import Form, Imported, check_record, check_writes, read_ledger_row, remaining_marks

Builder = Callable[..., dict[str, object]]
CELLS = (
    "7,2024-03-01,北留站,综合窗口,人社局,李兰,13812345678,失业登记,是,5个工作日,"
    "办理中,,09:05,,王芳,"
)


def imported(**changes: str) -> Imported:
    cells = dict(zip((c for c, _ in forms.LEDGER_COLUMNS), CELLS.split(","), strict=True))
    line = read_ledger_row(list({**cells, **changes}.values()), file="台账.csv", row=2)
    assert isinstance(line, Imported)
    return line


def check(form: Form, writes: object) -> list[tuple[str, str]]:
    found = check_writes(form, writes, author="station", creates=True)  # type: ignore[arg-type]
    return [(problem.field, problem.code) for problem in found]


MARKED = [
    ({"contact_phone": ""}, ("contact_phone", "required")),
    ({"contact_phone": "1.38E+10"}, ("contact_phone", "unreadable")),
    ({"applicant_name": "名" * 101}, ("applicant_name", "too_long")),
    ({"case_status": "退件"}, ("return_reason", "required")),
    ({"received_at": "17:00", "finished_same_day_at": "09:00"}, ("finished_at", "not_before")),
    ({"time_limit_text": "5天"}, ("promised_limit", "unreadable")),
]


@pytest.mark.parametrize(("changes", "mark"), MARKED)
def test_a_line_with_its_mark_is_accepted_at_both_ends(
    intake: Form, changes: dict[str, str], mark: tuple[str, str]
) -> None:
    line = imported(**changes)
    assert [(m.field, m.code) for m in line.source.marks] == [mark]
    assert check(intake, line.writes) == []
    assert check_record(intake, line.writes) == []
    assert [(p.field, p.code) for p in remaining_marks(intake, line.writes)] == [mark]


@pytest.mark.parametrize(("changes", "mark"), MARKED)
def test_the_same_line_without_its_mark_is_not(
    intake: Form, changes: dict[str, str], mark: tuple[str, str]
) -> None:
    line = imported(**changes)
    source = {**line.source.as_value(), "marks": []}
    assert check(intake, {**line.writes, "source": source}) == [mark]


@pytest.mark.parametrize(
    "mark",
    [
        {"field": "contact_phone", "code": "unreadable"},
        {"field": "finished_at", "code": "not_before"},
        {"field": "contact_phone", "code": "type"},
        {"field": "county_opinion", "code": "author"},
    ],
)
def test_a_mark_for_a_problem_that_is_not_there_is_itself_a_problem(
    intake: Form, mark: dict[str, str]
) -> None:
    line = imported()
    source = {**line.source.as_value(), "marks": [mark]}
    assert check(intake, {**line.writes, "source": source}) == [("source", "false_mark")]


def test_a_mark_never_excuses_a_wrong_type_or_author(intake: Form) -> None:
    line = imported()
    marks = [{"field": "contact_phone", "code": "format"}, {"field": "x", "code": "unknown_field"}]
    source = {**line.source.as_value(), "marks": marks}
    found = check(intake, {**line.writes, "source": source, "contact_phone": "138", "x": 1})
    assert set(found) == {
        ("contact_phone", "format"),
        ("x", "unknown_field"),
        ("source", "false_mark"),
    }


@pytest.mark.parametrize(
    "damage",
    [
        {"cells": ["1"] * 15},
        {"cells": ["1"] * 17},
        {"row": 0},
        {"mended": [{"column": "shoe_size", "from": "1", "to": "2"}]},
        {"marks": "all"},
        {"colour": "red"},
    ],
)
def test_a_damaged_source_is_refused(intake: Form, damage: dict[str, object]) -> None:
    line = imported()
    source = {**line.source.as_value(), **damage}
    assert ("source", "source") in check(intake, {**line.writes, "source": source})


def test_the_cells_as_written_are_fixed_for_good(intake: Form) -> None:
    line = imported()
    writes = {"source": line.source.as_value()}
    found = check_writes(intake, writes, author="station", creates=False)
    assert [problem.code for problem in found] == ["source_fixed"]


def test_a_mended_mark_is_gone(intake: Form) -> None:
    line = imported(contact_phone="1.38E+10")
    repaired = {**line.writes, "contact_phone": "13800001234"}
    assert remaining_marks(intake, repaired) == []
    assert check_record(intake, repaired) == []


def test_a_clerk_may_clear_an_optional_field_that_the_paper_filled(intake: Form) -> None:
    line = imported(finished_same_day_at="11:20", case_status="已办结")
    assert check_record(intake, {**line.writes, "finished_at": None}) == []


def test_what_breaks_later_is_not_excused_by_an_old_mark(intake: Form) -> None:
    line = imported(contact_phone="")
    later = {**line.writes, "case_status": "returned"}
    assert [(p.field, p.code) for p in check_record(intake, later)] == [
        ("return_reason", "required")
    ]


def test_a_typed_line_needs_a_number_and_an_imported_one_keeps_its_own(
    intake: Form, an_entry: Builder
) -> None:
    assert check(intake, an_entry(case_no=None)) == [("case_no", "required")]
    assert check(intake, imported().writes) == []
