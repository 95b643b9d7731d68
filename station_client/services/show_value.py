"""A register's value as a page, a history or a command line shows it."""

from typing import Any

from forms import ALIVE, Form
from forms.values import show

ALIVE_LABEL = "作废"
REMOVED = "（已删除）"


def register_label(form: Form | None, register: str) -> str:
    if register == ALIVE:
        return ALIVE_LABEL
    return form.label(register) if form is not None else register


def show_register(form: Form | None, register: str, value: Any) -> str:
    """The text of a value; "" for nothing, the filled columns of a list's line in one row."""
    if register == ALIVE:
        return f"已作废：{value}" if value else "有效"
    field = form.find(register) if form is not None else None
    if form is None or field is None:
        return "" if value is None else str(value)
    if field.type != "list":
        return show(form, field, value)
    if not isinstance(value, dict):
        return REMOVED
    return "，".join(
        f"{column.label} {text}"
        for column in field.fields
        if (text := show(form, column, value.get(column.id)))
    )
