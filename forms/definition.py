"""A form definition: its typed shape, and what it answers about itself. `loader` reads it.

A definition is one TOML file, one version of one form. It knows no page, no database and no
protocol; README.md describes every key.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Literal

import msgspec

from forms.registers import is_filled, split_register

FieldType = Literal[
    "text",
    "long_text",
    "integer",
    "limit",
    "date",
    "time",
    "datetime",
    "boolean",
    "code",
    "codes",
    "phone",
    "case_no",
    "image",
    "reference",
    "source",
    "state",
    "list",
]
Author = Literal["station", "hub"]
Policy = Literal["ask", "newest", "union", "furthest", "hub"]
Channel = Literal["station", "region", "office", "projection"]
Unit = Literal["", "working_day", "natural_day", "copy", "byte"]
DeskDefault = Literal["", "today", "now", "clock", "clerk", "station", "window"]

_MAX_LENGTH = {"text": 200, "long_text": 4_000, "phone": 30, "case_no": 21, "image": 200_000}


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of every table of a definition: strict, so that a misspelt key is an error."""


class Code(_Part, frozen=True):
    """One entry of a code list: its label on the page, and what people really write for it."""

    label: str
    aliases: tuple[str, ...] = ()


class Condition(_Part, frozen=True):
    """Holds when ``field`` equals a value, is one of several, or is empty (or filled)."""

    field: str
    equals: str | int | bool | None = None
    one_of: tuple[str | int, ...] = ()
    empty: bool | None = None

    def accepts(self) -> int:
        """How many of the three ways to say it the condition uses; the loader demands one."""
        return (self.equals is not None) + bool(self.one_of) + (self.empty is not None)

    def holds(self, values: Mapping[str, object]) -> bool:
        if self.empty is not None:
            return is_filled(values, self.field) is not self.empty
        accepted = self.one_of or (self.equals,)
        return values.get(self.field) in accepted


class Field(_Part, frozen=True):
    """One thing that is written down. ``fields`` are the columns of a list's elements."""

    id: str
    label: str
    type: FieldType
    clause: str = ""
    unit: Unit = ""
    required: Literal["always", "never"] = "never"
    required_when: tuple[Condition, ...] = ()
    personal: bool = False
    author: Literal["station", "hub", "both"] = "both"
    merge: Policy = "ask"
    codes: str = ""
    max_length: int = 0
    minimum: int = 0
    maximum: int = 1_000_000_000
    pattern: str = ""
    hint: str = ""
    default: str | int | bool | tuple[str, ...] | None = None
    default_from: DeskDefault = ""
    item: str = ""
    fields: tuple[Field, ...] = ()

    @property
    def longest(self) -> int:
        """The most characters the field takes (texts only)."""
        return self.max_length or _MAX_LENGTH.get(self.type, 0)

    def may_be_written_by(self, author: Author) -> bool:
        return self.author == "both" or self.author == author

    def is_required(self, values: Mapping[str, object]) -> bool:
        return self.required == "always" or any(c.holds(values) for c in self.required_when)

    def column(self, sub_id: str) -> Field:
        """The sub-field of a list's element. Raises KeyError for an unknown one."""
        for sub in self.fields:
            if sub.id == sub_id:
                return sub
        raise KeyError(sub_id)


class Cell(_Part, frozen=True):
    """One cell of the paper: fixed ``text``, or one or more fields, over some columns and rows."""

    text: str = ""
    fields: tuple[str, ...] = ()
    columns: int = 1
    rows: int = 1
    heading: bool = False
    right: bool = False
    hint: str = ""


class Grid(_Part, frozen=True):
    """The table of the paper form: rows of cells that together fill ``columns`` columns."""

    columns: int
    rows: tuple[tuple[Cell, ...], ...]
    landscape: bool = False


class State(_Part, frozen=True):
    """A state of a workflow; ``place`` orders the states of one round (merge policy furthest)."""

    id: str
    label: str
    place: int
    incomplete: bool = False


class Move(_Part, frozen=True, rename={"start": "from"}):
    """A permitted change of state. An empty ``from`` is a beginning; a return opens a new round."""

    start: str
    to: str
    by: Literal["station", "hub", "both"]
    opens_round: bool = False


class Workflow(_Part, frozen=True):
    field: str
    states: tuple[State, ...]
    moves: tuple[Move, ...]


class Rule(_Part, frozen=True):
    """A rule across fields: ``field`` not before (not above) ``other``.

    ``other`` of a ``not_before`` may be a date and a time that make one moment together.
    """

    rule: Literal["not_before", "not_above"]
    field: str
    other: tuple[str, ...]


class LedgerCell(_Part, frozen=True):
    """Where a column of the work ledger comes from: a field, and how it is shown there."""

    field: str = ""
    rule: Literal["value", "date", "time", "same_day_time", "remark", "station", "origin"] = "value"


class Ledger(_Part, frozen=True):
    """How a case appears in the work ledger (Annex D)."""

    day: str
    finished: str
    columns: dict[str, LedgerCell]
    kind: str = ""


class Form(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, dict=True):
    """One version of one form. Made by `load`; the same bytes always mean the same."""

    name: str
    version: int
    title: str
    standard: str
    channel: Channel
    fields: tuple[Field, ...]
    codes: dict[str, dict[str, Code]] = {}
    grid: Grid | None = None
    workflow: Workflow | None = None
    rules: tuple[Rule, ...] = ()
    ledger: Ledger | None = None

    @cached_property
    def _by_id(self) -> dict[str, Field]:
        return {field.id: field for field in self.fields}

    @cached_property
    def obligations(self) -> tuple[Field, ...]:
        """The fields that a record may have to hold; what it writes decides which of them."""
        return tuple(f for f in self.fields if f.required == "always" or f.required_when)

    def field(self, field_id: str) -> Field:
        """The field of that id. Raises KeyError."""
        return self._by_id[field_id]

    def find(self, register: str) -> Field | None:
        """The field that a register belongs to (an element's register: its list), or None."""
        return self._by_id.get(register) or self._by_id.get(split_register(register)[0])

    def policy(self, register: str) -> Policy:
        """What happens to concurrent writes of a register.

        ``alive``, the elements of a list (each a register of its own) and registers this version
        does not know are never settled by a machine: ``ask``.
        """
        field = self._by_id.get(register)
        return "ask" if field is None else field.merge

    def choices(self, field: Field) -> Mapping[str, Code]:
        """The code list of a field of type code, codes or state: key → label and aliases."""
        if field.type == "state" and self.workflow is not None:
            return {state.id: Code(label=state.label) for state in self.workflow.states}
        return self.codes.get(field.codes, {})

    def label(self, register: str) -> str:
        """The Chinese label of a register's field; an unknown register names itself."""
        field = self.find(register)
        return field.label if field is not None else register

    @cached_property
    def places(self) -> dict[str, int]:
        """State → place in its round; empty for a form without a workflow."""
        return {s.id: s.place for s in self.workflow.states} if self.workflow else {}

    def moves(self, start: str, author: Author) -> tuple[Move, ...]:
        """The moves that ``author`` may make from a state (``""``: from nothing)."""
        moves = self.workflow.moves if self.workflow else ()
        return tuple(m for m in moves if m.start == start and m.by in (author, "both"))

    def may_move(self, start: str, to: str, author: Author) -> bool:
        return any(move.to == to for move in self.moves(start, author))

    def moved(
        self, current: Mapping[str, object] | None, to: str, author: Author
    ) -> dict[str, object]:
        """The value to write for a change of state: ``{"round": n, "state": to}``.

        ``current`` is the present value of the state field, None before the first. Raises
        ValueError where the move is not permitted.
        """
        start = str(current["state"]) if current else ""
        number = current["round"] if current else 1
        for move in self.moves(start, author):
            if move.to == to and isinstance(number, int):
                return {"round": number + move.opens_round, "state": to}
        raise ValueError(f"{self.name}: no move from {start!r} to {to!r} for {author}")

    def is_incomplete(self, values: Mapping[str, object]) -> bool:
        """Whether the record is in a state (a draft) in which required fields may still lack."""
        if self.workflow is None:
            return False
        value = values.get(self.workflow.field)
        state = value.get("state") if isinstance(value, dict) else None
        return any(s.incomplete for s in self.workflow.states if s.id == state)

    def defaults(self, desk: Mapping[str, object], item: Mapping[str, object]) -> dict[str, object]:
        """What a new record is pre-filled with.

        ``desk`` maps today, now, clock, clerk, station, window to values; ``item`` is the chosen
        catalogue item's values (may be empty). The item's value goes before the desk's.
        """
        offered = {f.id: self._default(f, desk, item) for f in self.fields}
        return {field_id: value for field_id, value in offered.items() if value is not None}

    @staticmethod
    def _default(field: Field, desk: Mapping[str, object], item: Mapping[str, object]) -> object:
        if field.item and item.get(field.item) is not None:
            return item[field.item]
        if field.default_from:
            return desk.get(field.default_from)
        return list(field.default) if isinstance(field.default, tuple) else field.default
