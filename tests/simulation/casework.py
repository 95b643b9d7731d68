"""What the desks and the county of the simulation write: valid values of the real forms.

Knows the forms and the seeded dice; knows neither station nor hub.
"""

from collections.abc import Mapping
from datetime import date
from random import Random
from typing import Any

import msgspec

import forms
from forms.definition import Field, Form
from forms.numbering import make_case_number
from forms.registers import is_filled
from sync_protocol.operations import ALIVE

_SHIPPED = forms.builtin()

# Every form has a second version that says the same: what counts here is who knows it already.
FORMS = _SHIPPED.with_forms(
    msgspec.structs.replace(_SHIPPED.latest(name), version=2) for name in _SHIPPED.names()
)

# What a desk records, and the registers that two people really reach for at once.
CONTENDED = {
    "helper_case": ("applicant_name", "contact_phone", "remark", "log"),
    "proxy_case": ("applicant_name", "contact_phone", "remark", "contact_log"),
    "station_change": ("applicant_unit", "remark", "state"),
}
_NAMES = ("王芳", "李强", "赵敏", "晋城市便民社")


def new_values(kind: str, dice: Random) -> dict[str, Any]:
    """A whole new record: every required field and `alive`."""
    form = FORMS.latest(kind)
    values: dict[str, Any] = {}
    for _ in range(3):  # a value may make another field required
        for field in form.fields:
            wanted = field.may_be_written_by("station") and field.is_required(values)
            if wanted and not is_filled(values, field.id):
                values.update(_fill(form, field, dice))
    if form.workflow is not None:
        move = dice.choice(form.moves("", "station"))
        values[form.workflow.field] = form.moved(None, move.to, "station")
    return values | {ALIVE: ""}


def _fill(form: Form, field: Field, dice: Random) -> dict[str, Any]:
    if field.type == "list":
        return new_element(form, field.id, dice)
    return {field.id: value_for(form, field, dice)}


def changes(kind: str, shown: Mapping[str, Any], dice: Random) -> dict[str, Any]:
    """An edit by the desk: one or two registers and `alive`."""
    registers = dice.sample(CONTENDED[kind], dice.choice((1, 1, 2)))
    return _edit(kind, registers, shown, "station", dice) | {ALIVE: ""}


def _edit(
    kind: str, registers: list[str], shown: Mapping[str, Any], author: Any, dice: Random
) -> dict[str, Any]:
    form = FORMS.latest(kind)
    written: dict[str, Any] = {}
    for register in registers:
        field = form.field(register)
        if field.type == "list":
            written |= _edit_list(form, field.id, shown, dice)
        elif field.type == "state":
            written |= _move(form, field.id, shown.get(field.id), author, dice)
        else:
            written[register] = value_for(form, field, dice)
    return written


def _edit_list(form: Form, field_id: str, shown: Mapping[str, Any], dice: Random) -> dict[str, Any]:
    there = [register for register in shown if register.startswith(f"{field_id}/")]
    if there and dice.random() < 0.6:
        register = dice.choice(sorted(there))
        removed = dice.random() < 0.5
        line = new_element(form, field_id, dice)
        return {register: None if removed else next(iter(line.values()))}
    return new_element(form, field_id, dice)


def new_element(form: Form, field_id: str, dice: Random) -> dict[str, Any]:
    """A line of a list under an id of its own."""
    field = form.field(field_id)
    register = forms.element_register(field_id, dice.randbytes(16).hex())
    return {register: {sub.id: value_for(form, sub, dice) for sub in field.fields}}


def _move(form: Form, field_id: str, current: Any, author: Any, dice: Random) -> dict[str, Any]:
    start = current["state"] if current else ""
    moves = form.moves(start, author)
    return {field_id: form.moved(current, dice.choice(moves).to, author)} if moves else {}


def value_for(form: Form, field: Field, dice: Random) -> Any:
    """A value of the field's type; few different ones, so that people agree now and then."""
    match field.type:
        case "integer" | "limit":
            return dice.randint(1, 3)
        case "boolean":
            return dice.random() < 0.5
        case "code":
            return dice.choice(sorted(form.choices(field)))
        case "codes":
            return [dice.choice(sorted(form.choices(field)))]
        case "phone":
            return f"1381234567{dice.randint(0, 3)}"
        case "case_no":
            return make_case_number(
                station_code="140581001",
                day=date(2026, 3, 1),
                device=1,
                sequence=dice.randint(1, 99),
            )
        case "date":
            return f"2026-03-0{dice.randint(1, 9)}"
        case "time":
            return "09:00"
        case "datetime":
            return f"2026-03-0{dice.randint(1, 9)}T09:00:00+08:00"
        case _:
            return dice.choice(_NAMES)
