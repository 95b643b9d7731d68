"""Where an imported ledger line came from: its 16 cells as written, what was mended and marked.

The value of a field of type ``source``. Knows neither how files are read nor how cells are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec

COLUMN_IDS = (
    "seq_no",
    "ledger_date",
    "station_name",
    "window_name",
    "dept_name",
    "applicant_name",
    "contact_phone",
    "task_name",
    "is_accepted",
    "time_limit_text",
    "case_status",
    "return_reason",
    "received_at",
    "finished_same_day_at",
    "handler_name",
    "remark",
)
"""The columns of the work ledger in the order of table D.1; a source's cells are in this order."""

COLUMN_COUNT = len(COLUMN_IDS)
_Text = Annotated[str, msgspec.Meta(max_length=32_767)]  # a cell of Excel holds no more
_Short = Annotated[str, msgspec.Meta(max_length=255)]


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base: what a source may hold is closed."""


class Mended(_Strict, frozen=True, rename={"written": "from"}):
    """A cell with one possible meaning that was not written the ledger's own way."""

    column: _Short
    written: _Text
    to: _Text


class Mark(_Strict, frozen=True):
    """A rule of the form that the line breaks as it was written: the problem's field and code."""

    field: _Short
    code: _Short


class Extra(_Strict, frozen=True):
    """A cell of a column that the work ledger does not have: kept, not understood."""

    label: _Short
    text: _Text


class Source(_Strict, frozen=True):
    """One line of a ledger file. ``row`` counts as the spreadsheet does, from 1."""

    file: _Short
    row: Annotated[int, msgspec.Meta(ge=1)]
    cells: Annotated[list[_Text], msgspec.Meta(min_length=COLUMN_COUNT, max_length=COLUMN_COUNT)]
    sheet: _Short = ""
    mended: Annotated[list[Mended], msgspec.Meta(max_length=COLUMN_COUNT)] = []
    marks: Annotated[list[Mark], msgspec.Meta(max_length=64)] = []
    extra: Annotated[list[Extra], msgspec.Meta(max_length=64)] = []

    def as_value(self) -> dict[str, object]:
        """The value to write: plain dicts, lists and texts."""
        value: dict[str, object] = msgspec.to_builtins(self)
        return value

    def mended_columns(self) -> frozenset[str]:
        return frozenset(entry.column for entry in self.mended)

    def marked(self, code: str) -> frozenset[str]:
        """The fields that carry that mark."""
        return frozenset(mark.field for mark in self.marks if mark.code == code)


def source_of(values: Mapping[str, object]) -> Source | None:
    """The source of a record that was imported; None for one that was typed (or is unreadable)."""
    value = values.get("source")
    if not isinstance(value, dict):
        return None
    try:
        return msgspec.convert(value, Source)
    except msgspec.ValidationError:
        return None
