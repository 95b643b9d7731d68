"""The value of each field type: its one permitted shape, and how it is shown.

Values are JSON-like, so that they travel and compare as they are: a date is ``"2024-03-01"``, a
time ``"17:02"``, a datetime ``"2024-03-01T17:02:00+08:00"``, a code its key, a limit its working
days with 0 for 即办. Judges a value by itself; rules across fields are the checker's.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from datetime import date, datetime

import msgspec

from forms.definition import Field, Form
from forms.numbering import is_case_number
from forms.problems import Problem
from forms.source import Source

CHINA_OFFSET = "+08:00"
"""The country has one time zone; a ledger's date and clock time make a moment with it."""

_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_TIME = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]", re.ASCII)
_DATETIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{2}:[0-9]{2}", re.ASCII
)
_PHONE = re.compile(
    r"1[3-9][0-9]{9}"  # mobile
    r"|(?:010|02[0-9]|0[3-9][0-9]{2})-[2-9][0-9]{6,7}(?:-[0-9]{1,6})?"  # area, number, extension
    r"|[2-9][0-9]{6,7}"  # a number within the county
    r"|[48]00[0-9]{7}"
    r"|11[0249]|12[0-9]{3}|100[0-9]{2}|9[56][0-9]{3}",  # 110, 12345, 10086, 95588
    re.ASCII,
)
# Besides what no text holds: what turns the direction of a text, so that it reads as another one.
_CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_IMAGE_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
_MAX_LIMIT_DAYS = 3_650
_MAX_ROUND = 10_000

_EXAMPLES = {
    "date": "2024-03-01",
    "time": "09:05",
    "datetime": "2024-03-01 09:05",
    "phone": "13812345678、0356-2025678",
    "case_no": "21位办件编号",
    "image": "PNG或JPEG图片",
    "reference": "附件",
}


class Reference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A scan or photo by its content; the bytes travel in a lane of their own."""

    digest: str
    size: int
    media_type: str


def check_value(form: Form, field: Field, value: object) -> Problem | None:
    """The problem of one non-empty value, or None. Elements of a list are `check_element`'s."""
    return _CHECKS[field.type](form, field, value)


def is_date(value: object) -> bool:
    return isinstance(value, str) and _DATE.fullmatch(value) is not None and _is_iso(value)


def is_phone(value: object) -> bool:
    return isinstance(value, str) and _PHONE.fullmatch(value) is not None


def moment(values: Mapping[str, object], field_ids: tuple[str, ...]) -> datetime | None:
    """The moment that a datetime, a date, or a date and a time write; None where that is not so."""
    parts = [values.get(field_id) for field_id in field_ids]
    texts = [part for part in parts if isinstance(part, str) and part]
    if len(texts) != len(parts):
        return None
    text = "T".join(texts)
    try:
        found = datetime.fromisoformat(text)
        return found if found.tzinfo else datetime.fromisoformat(_midnight(text) + CHINA_OFFSET)
    except ValueError:
        return None


def _midnight(text: str) -> str:
    return text if "T" in text else f"{text}T00:00"


def show(form: Form, field: Field, value: object) -> str:
    """A value as the page, the print and the ledger show it; ``""`` for nothing."""
    if value is None:
        return ""
    shower = _SHOWN.get(field.type)
    return shower(form, field, value) if shower else str(value)


def show_limit(days: int) -> str:
    """即办, or n个工作日 (D.1 column 10)."""
    return "即办" if days == 0 else f"{days}个工作日"


def _is_iso(value: str) -> bool:
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _format(field: Field) -> Problem:
    return Problem(field.id, "format", {"example": _EXAMPLES.get(field.type) or field.hint})


def _text(form: Form, field: Field, value: object) -> Problem | None:
    if not isinstance(value, str):
        return Problem(field.id, "type")
    if len(value) > field.longest:
        return Problem(field.id, "too_long", {"limit": field.longest})
    # What prints holds none of them: to look for each takes longer than everything else here.
    if not value.isprintable() and (
        _CONTROL.search(value) or (field.type == "text" and "\n" in value)
    ):
        return Problem(field.id, "control_character")
    if field.pattern and re.fullmatch(field.pattern, value) is None:
        return _format(field)
    return None


def _written(accepts: Callable[[str], bool]) -> Callable[[Form, Field, object], Problem | None]:
    """A check for texts of a fixed format."""

    def check(form: Form, field: Field, value: object) -> Problem | None:
        if not isinstance(value, str):
            return Problem(field.id, "type")
        return None if accepts(value) else _format(field)

    return check


def _integer(form: Form, field: Field, value: object) -> Problem | None:
    if not isinstance(value, int) or isinstance(value, bool):
        return Problem(field.id, "type")
    highest = _MAX_LIMIT_DAYS if field.type == "limit" else field.maximum
    if value < field.minimum:
        return Problem(field.id, "too_small", {"limit": field.minimum})
    if value > highest:
        return Problem(field.id, "too_large", {"limit": highest})
    return None


def _boolean(form: Form, field: Field, value: object) -> Problem | None:
    return None if isinstance(value, bool) else Problem(field.id, "type")


def _code(form: Form, field: Field, value: object) -> Problem | None:
    if not isinstance(value, str):
        return Problem(field.id, "type")
    return None if value in form.choices(field) else Problem(field.id, "not_in_list")


def _codes(form: Form, field: Field, value: object) -> Problem | None:
    if not isinstance(value, list) or not all(isinstance(key, str) for key in value):
        return Problem(field.id, "type")
    known = form.choices(field)
    if len(set(value)) != len(value) or any(key not in known for key in value):
        return Problem(field.id, "not_in_list")
    return None


def _state(form: Form, field: Field, value: object) -> Problem | None:
    if not isinstance(value, dict) or set(value) != {"round", "state"}:
        return Problem(field.id, "type")
    number, state = value["round"], value["state"]
    if not isinstance(number, int) or isinstance(number, bool) or not isinstance(state, str):
        return Problem(field.id, "type")
    if state not in form.places or not 1 <= number <= _MAX_ROUND:
        return Problem(field.id, "not_in_list")
    return None


def _image(form: Form, field: Field, value: object) -> Problem | None:
    if not isinstance(value, str):
        return Problem(field.id, "type")
    if len(value) > field.longest:
        return Problem(field.id, "too_long", {"limit": field.longest})
    try:
        content = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return _format(field)
    return None if content.startswith(_IMAGE_STARTS) else _format(field)


def _reference(form: Form, field: Field, value: object) -> Problem | None:
    try:
        reference = msgspec.convert(value, Reference)
    except msgspec.ValidationError:
        return Problem(field.id, "type")
    right = (
        re.fullmatch(r"[0-9a-f]{64}", reference.digest) is not None
        and re.fullmatch(r"[a-z]+/[a-z0-9.+-]{1,80}", reference.media_type) is not None
        and reference.size > 0
    )
    return None if right else _format(field)


def _source(form: Form, field: Field, value: object) -> Problem | None:
    try:
        source = msgspec.convert(value, Source)
    except msgspec.ValidationError:
        return Problem(field.id, "source")
    known = form.ledger.columns if form.ledger is not None else {}
    return None if source.mended_columns() <= set(known) else Problem(field.id, "source")


def _list(form: Form, field: Field, value: object) -> Problem | None:
    return Problem(field.id, "element_id")  # a list is written line by line, never as a whole


_CHECKS: dict[str, Callable[[Form, Field, object], Problem | None]] = {
    "text": _text,
    "long_text": _text,
    "integer": _integer,
    "limit": _integer,
    "date": _written(is_date),
    "time": _written(lambda text: _TIME.fullmatch(text) is not None),
    "datetime": _written(lambda text: _DATETIME.fullmatch(text) is not None and _is_iso(text)),
    "boolean": _boolean,
    "code": _code,
    "codes": _codes,
    "phone": _written(is_phone),
    "case_no": _written(is_case_number),
    "image": _image,
    "reference": _reference,
    "source": _source,
    "state": _state,
    "list": _list,
}


def check_element(form: Form, field: Field, register: str, element: object) -> Problem | None:
    """The problem of one line of a list, or None. ``element`` maps sub-field id to value."""
    if not isinstance(element, dict):
        return Problem(register, "type")
    known = {sub.id: sub for sub in field.fields}
    for sub_id, value in element.items():
        sub = known.get(sub_id)
        if sub is None:
            return Problem(register, "element", {"column": str(sub_id)})
        if value is not None and value != "" and check_value(form, sub, value) is not None:
            return Problem(register, "element", {"column": sub.label})
    asked = [sub for sub in field.fields if sub.is_required(element)]
    missing = [sub.label for sub in asked if element.get(sub.id) in (None, "")]
    if missing:
        return Problem(register, "element_required", {"column": "”“".join(missing)})
    return None


def _label_of(form: Form, field: Field, key: object) -> str:
    code = form.choices(field).get(str(key))
    return code.label if code is not None else str(key)


def _show_codes(form: Form, field: Field, value: object) -> str:
    keys = value if isinstance(value, list) else [value]
    return "、".join(_label_of(form, field, key) for key in keys)


def _show_datetime(form: Form, field: Field, value: object) -> str:
    return str(value)[:16].replace("T", " ")


def _show_state(form: Form, field: Field, value: object) -> str:
    return _label_of(form, field, value["state"]) if isinstance(value, dict) else str(value)


def _show_limit(form: Form, field: Field, value: object) -> str:
    return show_limit(value) if isinstance(value, int) else str(value)


_SHOWN: dict[str, Callable[[Form, Field, object], str]] = {
    "boolean": lambda form, field, value: "是" if value else "否",
    "code": _label_of,
    "codes": _show_codes,
    "datetime": _show_datetime,
    "limit": _show_limit,
    "state": _show_state,
}


def chinese_date(value: str) -> str:
    """``"2024-03-01"`` → ``"2024年3月1日"``, as dates stand on paper."""
    day = date.fromisoformat(value)
    return f"{day.year}年{day.month}月{day.day}日"
