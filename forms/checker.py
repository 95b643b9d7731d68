"""The one checker of both ends: what may be written, and what a whole record must hold.

The station asks it before it records, the hub asks it again and trusts nobody. It judges an
operation by itself (`check_writes`) and a merged record (`check_record`); it knows no store and no
clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from forms.definition import Author, Field, Form, Rule
from forms.problems import Problem
from forms.registers import (
    ALIVE,
    has_elements,
    is_element_id,
    is_empty,
    is_filled,
    split_register,
)
from forms.source import Source, source_of
from forms.values import check_element, check_value, moment

MAX_VOID_REASON = 500
MARKABLE = frozenset({"not_above", "not_before", "required", "too_long", "unreadable"})
"""Rules that an imported line may break, if it says so. A wrong type or author is never excused."""


def check_writes(
    form: Form, writes: Mapping[str, object], *, author: Author, creates: bool
) -> list[Problem]:
    """Judge one operation by itself: register → value, written by the station or the hub.

    ``creates``: it is the record's first, so it must also satisfy the rules of the whole form. In a
    channel of kind office, the applicant writes as "station", the county as "hub". An empty list
    means: may be recorded.
    """
    if form.channel == "projection":
        return [Problem("", "projection")]
    problems: list[Problem] = []
    for register, value in writes.items():
        problems += _check_register(form, register, value, author, creates)
    if not creates:
        return problems
    source = source_of(writes)
    problems += _defects(form, writes, _unread_cells(form, writes, source), author)
    return problems if source is None else _balance(problems, source)


def check_record(form: Form, values: Mapping[str, object]) -> list[Problem]:
    """Judge a whole merged record (register → value): what is missing, and what contradicts.

    What an imported line was marked with is no problem while it stands as it was written.
    """
    source = source_of(values)
    marks = _mark_pairs(source)
    return [p for p in _record_defects(form, values, source) if (p.field, p.code) not in marks]


def remaining_marks(form: Form, values: Mapping[str, object]) -> list[Problem]:
    """The marks of an imported line that nobody has mended yet, for lists of what to repair."""
    source = source_of(values)
    marks = _mark_pairs(source)
    found = _record_defects(form, values, source)
    too_long = [
        Problem(field.id, "too_long", {"limit": field.longest})
        for field in form.fields
        if field.longest and _length(values.get(field.id)) > field.longest
    ]
    return [p for p in found + too_long if (p.field, p.code) in marks]


def _length(value: object) -> int:
    return len(value) if isinstance(value, str) else 0


def _check_register(
    form: Form, register: str, value: object, author: Author, creates: bool
) -> Sequence[Problem]:
    if register == ALIVE:
        return _check_alive(value, creates)
    field = form.find(register)
    if field is None:
        return (Problem(register, "unknown_field"),)
    problem = _problem(form, field, register, value, author, creates)
    found = (problem,) if problem is not None else ()
    return found if field.may_be_written_by(author) else (Problem(register, "author"), *found)


def _problem(
    form: Form, field: Field, register: str, value: object, author: Author, creates: bool
) -> Problem | None:
    """What is wrong with what is written, whoever wrote it."""
    if field.type == "source" and not creates:
        return Problem(register, "source_fixed")
    if field.type == "list":
        return _check_element(form, field, register, value)
    if is_empty(value):
        emptied = not creates and field.required == "always"
        return Problem(register, "emptied") if emptied else None
    problem = check_value(form, field, value)
    if problem is None and field.type == "state" and isinstance(value, dict):
        return _check_state(form, field, value, author, creates)
    return problem


def _check_alive(value: object, creates: bool) -> Sequence[Problem]:
    """Voiding needs a reason; a record is not born void."""
    if value == "":
        return ()
    reason = value.strip() if isinstance(value, str) else ""
    if creates or not reason or len(reason) > MAX_VOID_REASON:
        return (Problem(ALIVE, "void_reason", {"limit": MAX_VOID_REASON}),)
    return ()


def _check_element(form: Form, field: Field, register: str, value: object) -> Problem | None:
    element_id = split_register(register)[1]
    if element_id is None or not is_element_id(element_id):
        return Problem(register, "element_id")
    return None if value is None else check_element(form, field, register, value)


def _check_state(
    form: Form, field: Field, value: Mapping[str, object], author: Author, creates: bool
) -> Problem | None:
    """An operation does not show the state before it: the author must have *a* move to it."""
    starts = [""] if creates else list(form.places)
    permitted = any(form.may_move(start, str(value["state"]), author) for start in starts)
    if not permitted or (creates and value["round"] != 1):
        return Problem(field.id, "state_move")
    return None


def _defects(
    form: Form, values: Mapping[str, object], unread: frozenset[str], author: Author | None
) -> list[Problem]:
    """The rules of the whole form; a field whose cell could not be read lacks for that reason."""
    problems = [Problem(field_id, "unreadable") for field_id in sorted(unread)]
    if not form.is_incomplete(values):
        problems += [
            Problem(field.id, "required")
            for field in form.obligations
            if is_empty(values.get(field.id))
            and field.id not in unread
            and (author is None or field.may_be_written_by(author))
            and field.is_required(values)
            and not has_elements(values, field.id)
        ]
    return problems + [_broken(rule) for rule in form.rules if _NOT_KEPT[rule.rule](rule, values)]


def _record_defects(
    form: Form, values: Mapping[str, object], source: Source | None
) -> list[Problem]:
    """As `_defects`; only what the import marked as unreadable counts, for a clerk may clear."""
    marked = source.marked("unreadable") if source is not None else frozenset()
    unread = frozenset(field_id for field_id in marked if not is_filled(values, field_id))
    return _defects(form, values, unread, author=None)


def _broken(rule: Rule) -> Problem:
    return Problem(rule.field, rule.rule, {"other": rule.other[-1]})


def _is_before(rule: Rule, values: Mapping[str, object]) -> bool:
    this = moment(values, (rule.field,))
    if this is None:
        return False
    other = moment(values, rule.other)
    return other is not None and this < other


def _is_above(rule: Rule, values: Mapping[str, object]) -> bool:
    this, other = values.get(rule.field), values.get(rule.other[0])
    return isinstance(this, int) and isinstance(other, int) and this > other


_NOT_KEPT = {"not_before": _is_before, "not_above": _is_above}


def _unread_cells(
    form: Form, writes: Mapping[str, object], source: Source | None
) -> frozenset[str]:
    """Fields of which the paper says something and the record nothing.

    The cell is not read again: the two ends may read differently well, and must judge alike.
    """
    if source is None or form.ledger is None:
        return frozenset()
    mended = source.mended_columns()
    return frozenset(
        cell.field
        for (column, cell), written in zip(form.ledger.columns.items(), source.cells, strict=True)
        if cell.field and written.strip() and column not in mended and cell.rule != "origin"
        if not is_filled(writes, cell.field)
    )


def _mark_pairs(source: Source | None) -> frozenset[tuple[str, str]]:
    marks = source.marks if source is not None else []
    return frozenset((m.field, m.code) for m in marks if m.code in MARKABLE)


def _balance(problems: list[Problem], source: Source) -> list[Problem]:
    """Exactly the marked problems are excused: no unmarked problem, and no mark without one."""
    marks = _mark_pairs(source)
    found = {(problem.field, problem.code) for problem in problems}
    left = [p for p in problems if (p.field, p.code) not in marks]
    if len(marks) != len(source.marks) or not marks <= found:
        left.append(Problem("source", "false_mark"))
    return left
