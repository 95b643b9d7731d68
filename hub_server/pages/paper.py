"""A form as it stands on paper: the cells of its grid with values, inputs and problems.

Knows form definitions and nothing of where the values come from or go to. Templates draw what
`lay_out` gives; `read_typed` turns what a browser sends into values for the one checker.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from forms import Cell, Field, Form, Problem, elements, is_empty, split_register
from forms.reading import Unreadable, read_value
from forms.values import chinese_date, is_date, show

Values = Mapping[str, object]
Typed = Mapping[str, list[str]]
"""What a browser sent: input name → its texts."""


@dataclass(frozen=True)
class Entry:
    """One field in its cell. ``typed`` is what stands in its input, as text."""

    field: Field
    value: object
    shown: str
    typed: str | list[str] = ""
    problems: tuple[str, ...] = ()
    editable: bool = False
    changed: bool = False
    choices: Mapping[str, str] = dataclasses.field(default_factory=dict)
    lines: tuple[dict[str, str], ...] = ()


@dataclass(frozen=True)
class Box:
    """One cell of the table."""

    cell: Cell
    entries: tuple[Entry, ...]


@dataclass(frozen=True)
class Paper:
    """A drawn form: its title, its table, and the fields that the paper has no cell for."""

    form: Form
    rows: tuple[tuple[Box, ...], ...]
    beside: tuple[Entry, ...] = ()
    problems: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Ink:
    """What is drawn on the paper. Where something was ``typed``, that stands in the inputs."""

    values: Values
    editable: Collection[str] = ()
    typed: Typed | None = None
    problems: Iterable[Problem] = ()


def lay_out(form: Form, ink: Ink, beside: Collection[str] = ()) -> Paper:
    """The form's grid with its values. ``beside``: ids of fields to show below the table."""
    problems = _words_by_field(form, ink.problems)
    grid = form.grid.rows if form.grid else ()
    rows = tuple(
        tuple(
            Box(cell, tuple(_entry(form, form.field(i), ink, problems) for i in cell.fields))
            for cell in row
        )
        for row in grid
    )
    below = tuple(_entry(form, f, ink, problems) for f in form.fields if f.id in beside)
    listed = tuple((name, words) for name, found in problems.items() for words in found)
    return Paper(form, rows, below, listed)


def fields_off_the_grid(form: Form) -> list[str]:
    """Ids of the fields that the paper has no cell for, in the order of the definition."""
    drawn = {
        i for row in (form.grid.rows if form.grid else ()) for cell in row for i in cell.fields
    }
    return [f.id for f in form.fields if f.id not in drawn]


def typeable(form: Form, author: str) -> list[str]:
    """Ids of the fields that this author fills in by typing."""
    return [f.id for f in form.fields if f.author in (author, "both") and f.type not in _NOT_TYPED]


_NOT_TYPED = frozenset({"image", "list", "reference", "source", "state", "case_no"})


def _words_by_field(form: Form, problems: Iterable[Problem]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for problem in problems:
        base = split_register(problem.field)[0]
        found[base] = (*found.get(base, ()), problem.words(form))
    return found


def _entry(form: Form, this: Field, ink: Ink, problems: Mapping[str, tuple[str, ...]]) -> Entry:
    value = ink.values.get(this.id)
    return Entry(
        field=this,
        value=value,
        shown=_shown_on_paper(form, this, value),
        typed=_as_typed(form, this, value) if ink.typed is None else _again(this, ink.typed),
        problems=problems.get(this.id, ()),
        editable=this.id in ink.editable,
        changed=_is_changed(ink.values, this),
        choices={key: code.label for key, code in form.choices(this).items()},
        lines=tuple(_lines(form, this, ink.values)),
    )


def _shown_on_paper(form: Form, this: Field, value: object) -> str:
    if this.type == "date" and is_date(value):
        return chinese_date(str(value))
    return "" if this.type in ("image", "list") else show(form, this, value)


def _is_changed(values: Values, this: Field) -> bool:
    """Annex B writes what was and what shall be: ``new_address`` beside ``address``."""
    old = values.get(this.id.removeprefix("new_"))
    return this.id.startswith("new_") and values.get(this.id) != old


def _lines(form: Form, this: Field, values: Values) -> Iterator[dict[str, str]]:
    if this.type == "list":
        for element in elements(values, this.id).values():
            yield {sub.label: show(form, sub, element.get(sub.id)) for sub in this.fields}


def _as_typed(form: Form, this: Field, value: object) -> str | list[str]:
    """A stored value as the browser's input of that type holds it."""
    if this.type == "codes":
        return [str(key) for key in value] if isinstance(value, list) else []
    if value is None or this.type in _NOT_TYPED:
        return ""
    if this.type in ("boolean", "limit"):
        return show(form, this, value)
    return str(value)[:16] if this.type == "datetime" else str(value)


def _again(this: Field, typed: Typed) -> str | list[str]:
    texts = typed.get(this.id, [])
    return texts if this.type == "codes" else "".join(texts[:1])


def read_typed(form: Form, ids: Iterable[str], typed: Typed) -> dict[str, object]:
    """What a browser sent as values: field id → value, None for a blank.

    What cannot be read stays the text that it is; the checker then says what is wrong.
    """
    return {i: _read(form, form.field(i), typed.get(i, [])) for i in ids}


def _read(form: Form, this: Field, texts: list[str]) -> object:
    if this.type == "codes":
        return [text for text in texts if text]
    text = "".join(texts[:1]).replace("\r\n", "\n")
    try:
        return read_value(form, this, text)
    except Unreadable:
        return text


def changes(values: Values, read: Values) -> dict[str, object]:
    """What of ``read`` differs from ``values``; two kinds of nothing are the same."""
    return {
        i: value
        for i, value in read.items()
        if value != values.get(i) and not (is_empty(value) and is_empty(values.get(i)))
    }
