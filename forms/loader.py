"""Reads a definition file, and refuses one that is not whole: wrong key, lost name, torn grid.

A definition comes with the program or from the county; either way it is read as strictly, before
any record is written by it. Knows no folder: bytes in, a `Form` out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from forms.definition import Field, Form, Grid, Workflow
from forms.registers import ALIVE
from forms.source import COLUMN_IDS

_ID = re.compile(r"[a-z][a-z0-9_]*", re.ASCII)
_ELEMENT_TYPES = frozenset(
    {
        "text",
        "long_text",
        "integer",
        "limit",
        "date",
        "time",
        "datetime",
        "boolean",
        "code",
        "phone",
    }
)


class DefinitionError(ValueError):
    """A definition file that must not be used; the text names the file and the key."""


def load(data: bytes, where: str) -> Form:
    """Read one definition. ``where`` is the file's name, for the message of a DefinitionError."""
    try:
        form = msgspec.toml.decode(data, type=Form)
    except msgspec.ValidationError as error:
        raise DefinitionError(f"{where}: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise DefinitionError(f"{where}: not TOML: {error}") from error
    for fault in _faults(form):
        raise DefinitionError(f"{where}: {fault}")
    return form


def _faults(form: Form) -> Iterator[str]:
    ids = [field.id for field in form.fields]
    yield from (f"field {i!r} is defined twice" for i in sorted(set(ids)) if ids.count(i) > 1)
    for field in form.fields:
        yield from _field_faults(form, field)
    yield from _reference_faults(form, frozenset(ids))
    yield from _code_faults(form)
    if form.grid is not None:
        yield from _grid_faults(form.grid)


def _field_faults(form: Form, field: Field) -> Iterator[str]:
    if _ID.fullmatch(field.id) is None or field.id == ALIVE:
        yield f"field {field.id!r} has no usable id"
    if field.type in ("code", "codes") and field.codes not in form.codes:
        yield f"field {field.id!r}: code list {field.codes!r} is not defined"
    if (field.type == "list") != (field.merge == "union"):
        yield f"field {field.id!r}: a list merges by union, and nothing else does"
    if (field.type == "state") != (field.merge == "furthest"):
        yield f"field {field.id!r}: a state merges by furthest, and nothing else does"
    if field.merge == "hub" and field.author != "hub":
        yield f"field {field.id!r}: what merges by hub is written by the hub"
    if (field.type == "list") != bool(field.fields):
        yield f"field {field.id!r}: a list, and nothing else, has sub-fields"
    if any(condition.accepts() != 1 for condition in field.required_when):
        yield f"field {field.id!r}: a condition says one of equals, one_of, empty"
    if field.pattern and not (field.hint and _is_pattern(field.pattern)):
        yield f"field {field.id!r}: a pattern is a regular expression, and has a hint"
    for sub in field.fields:
        yield from _column_faults(form, field, sub)


def _is_pattern(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except (re.error, OverflowError, RecursionError):
        return False
    return True


def _column_faults(form: Form, field: Field, sub: Field) -> Iterator[str]:
    if sub.type not in _ELEMENT_TYPES:
        yield f"field {field.id!r}: sub-field {sub.id!r} cannot be of type {sub.type}"
    if sub.type == "code" and sub.codes not in form.codes:
        yield f"field {field.id!r}: code list {sub.codes!r} is not defined"


def _reference_faults(form: Form, known: frozenset[str]) -> Iterator[str]:
    """Every field named anywhere in the definition must exist."""
    named = [(f"field {f.id!r}", c.field) for f in form.fields for c in f.required_when]
    named += [("rules", field_id) for r in form.rules for field_id in (r.field, *r.other)]
    if form.grid is not None:
        named += [("grid", f) for row in form.grid.rows for cell in row for f in cell.fields]
    if form.workflow is not None:
        named.append(("workflow", form.workflow.field))
        yield from _move_faults(form.workflow)
    if form.ledger is not None:
        named += [("ledger", f) for f in (form.ledger.day, form.ledger.finished)]
        named += [("ledger", c.field) for c in form.ledger.columns.values() if c.field]
        if tuple(form.ledger.columns) != COLUMN_IDS:
            yield "ledger: the columns are not the 16 of table D.1 in their order"
    yield from (f"{place}: no field {name!r}" for place, name in named if name not in known)


def _move_faults(workflow: Workflow) -> Iterator[str]:
    states = {state.id for state in workflow.states}
    for move in workflow.moves:
        if move.to not in states or move.start not in states | {""}:
            yield f"workflow: no state for the move {move.start!r} to {move.to!r}"


def _code_faults(form: Form) -> Iterator[str]:
    """A word must mean one code only, else reading a ledger would have to guess."""
    for name, codes in form.codes.items():
        words = [word for code in codes.values() for word in {code.label, *code.aliases}]
        yield from (
            f"codes.{name}: {word!r} stands for two codes"
            for word in sorted(set(words))
            if words.count(word) > 1
        )


def _grid_faults(grid: Grid) -> Iterator[str]:
    """Each row must be filled exactly, counting cells that reach down from rows above."""
    reaching: list[tuple[int, int]] = []  # (rows still to cover, columns)
    for number, row in enumerate(grid.rows, start=1):
        width = sum(cell.columns for cell in row) + sum(columns for _, columns in reaching)
        if width != grid.columns:
            yield f"grid: row {number} fills {width} of {grid.columns} columns"
        reaching = [(rows - 1, columns) for rows, columns in reaching if rows > 1]
        reaching += [(cell.rows - 1, cell.columns) for cell in row if cell.rows > 1]
