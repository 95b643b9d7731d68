"""A filled form in the look of the paper: the rows of its grid with what stands in them.

Knows the forms and nothing of pages.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from forms import Cell, Field, Form, elements
from forms.values import show

COUNTY = ("county_action", "county_opinion", "county_officer", "county_acted_at")


@dataclass(frozen=True)
class PaperCell:
    """A cell of the table: a label, or texts that stand under each other; `lines` of a list."""

    text: str
    columns: int
    rows: int
    kind: str
    hint: str = ""
    texts: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()
    image: str = ""


def rows(form: Form, values: Mapping[str, object]) -> list[list[PaperCell]]:
    """The grid of the definition, filled; without one, a row for each field."""
    if form.grid is None:
        return [
            [PaperCell(field.label, 1, 1, "label"), _filled(form, Cell(fields=(field.id,)), values)]
            for field in form.fields
        ]
    return [[_cell(form, cell, values) for cell in row] for row in form.grid.rows]


def width(form: Form) -> int:
    return form.grid.columns if form.grid else 2


def _cell(form: Form, cell: Cell, values: Mapping[str, object]) -> PaperCell:
    if cell.fields:
        return _filled(form, cell, values)
    kind = "heading" if cell.heading else "label"
    return PaperCell(cell.text, cell.columns, cell.rows, kind, cell.hint)


def _filled(form: Form, cell: Cell, values: Mapping[str, object]) -> PaperCell:
    fields = [form.field(field_id) for field_id in cell.fields]
    texts = [_shown(form, field, values) for field in fields if field.type not in ("list", "image")]
    lines = [
        line for field in fields if field.type == "list" for line in _lines(form, field, values)
    ]
    images = [str(values.get(field.id) or "") for field in fields if field.type == "image"]
    return PaperCell(
        "",
        cell.columns,
        cell.rows,
        "right" if cell.right else "value",
        cell.hint,
        tuple(filter(None, texts)),
        tuple(lines),
        images[0] if images else "",
    )


def _shown(form: Form, field: Field, values: Mapping[str, object]) -> str:
    if field.type in ("reference", "source"):
        return ""
    return show(form, field, values.get(field.id))


def _lines(form: Form, field: Field, values: Mapping[str, object]) -> list[str]:
    found = elements(values, field.id).values()
    return ["，".join(_columns(form, field, element)) for element in found]


def _columns(form: Form, field: Field, element: Mapping[str, object]) -> list[str]:
    shown = [(sub, show(form, sub, element.get(sub.id))) for sub in field.fields]
    return [f"{sub.label}：{text}" for sub, text in shown if text]


@dataclass(frozen=True)
class County:
    """What the county did with a case, and why; all empty where it did nothing."""

    act: str
    opinion: str
    officer: str
    at: str


def county_words(form: Form, values: Mapping[str, object]) -> County:
    fields = [form.find(name) for name in COUNTY]
    return County(*(show(form, field, values.get(field.id)) if field else "" for field in fields))
