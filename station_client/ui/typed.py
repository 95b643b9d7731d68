"""What a clerk types, turned into a field's value: `20240301`, `3-1`, `今天`, `905`, `5`.

Here is what a page may leave out, because it knows the day: the rest of what people write is read
by `forms.reading`. What has no one meaning stays the text it was, and the form's checker then says
what is wrong with it. Knows no page.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

from forms import Field
from forms.reading import (
    Reading,
    Unreadable,
    read_date,
    read_datetime,
    read_integer,
    read_limit,
    read_phone,
    read_time,
    read_yes_no,
)

_MONTH_DAY = re.compile(r"(\d{1,2})(?:[-/.]|月)(\d{1,2})日?|(\d{2})(\d{2})", re.ASCII)
_SHORT_TIME = re.compile(r"(\d)(\d{2})", re.ASCII)
_DAYS = {"今天": 0, "今日": 0, "昨天": -1, "昨日": -1, "前天": -2, "明天": 1}
_READERS: dict[str, Callable[[str], Reading[object]]] = {
    "date": read_date,
    "time": read_time,
    "datetime": read_datetime,
    "limit": read_limit,
    "integer": read_integer,
    "phone": read_phone,
    "boolean": read_yes_no,
}


def read_value(field: Field, typed: str, today: date) -> object:
    """The value of one input; None for nothing. `today` completes a date without its year."""
    text = typed.replace("\r\n", "\n").strip()
    if not text:
        return None
    reader = _READERS.get(field.type)
    if reader is None:
        return text
    try:
        return reader(_in_full(field.type, unicodedata.normalize("NFKC", text), today)).value
    except Unreadable:
        return text


def read_day(typed: str, today: date) -> date | None:
    """A day of a filter; None where there is none or it cannot be read."""
    try:
        full = _full_date(unicodedata.normalize("NFKC", typed).strip(), today)
        return date.fromisoformat(read_date(full).value)
    except Unreadable:
        return None


@dataclass(frozen=True)
class Days:
    """Two days of a filter, both included; None: no limit. `unread`: what was typed for a day and
    is none."""

    since: date | None
    until: date | None
    unread: str


def read_days(first: str, last: str, today: date) -> Days:
    """What was typed for the two days of a filter."""
    since, until = read_day(first, today), read_day(last, today)
    unread = [text for text, day in ((first, since), (last, until)) if text and day is None]
    return Days(since, until, "、".join(unread))


def input_text(field: Field, value: object) -> str:
    """How a value stands in its input: what `read_value` reads back to the same value."""
    if value is None:
        return ""
    if field.type == "boolean" and isinstance(value, bool):
        return "yes" if value else "no"
    if field.type == "limit" and isinstance(value, int):
        return "即办" if value == 0 else str(value)
    if field.type == "datetime":
        return str(value)[:16].replace("T", " ")
    return str(value)


def _in_full(kind: str, plain: str, today: date) -> str:
    match kind:
        case "date":
            return _full_date(plain, today)
        case "time":
            return _full_time(plain)
        case "datetime":
            *day, clock = plain.replace("T", " ").split()
            return f"{_full_date(' '.join(day) or '今天', today)} {_full_time(clock)}"
        case "limit" if plain.isdecimal():
            return f"{plain}个工作日"
    return plain


def _full_date(plain: str, today: date) -> str:
    if plain in _DAYS:
        return (today + timedelta(days=_DAYS[plain])).isoformat()
    found = _MONTH_DAY.fullmatch(plain)
    if found is None:
        return plain
    month, day = found[1] or found[3], found[2] or found[4]
    return f"{today.year}-{month}-{day}"


def _full_time(plain: str) -> str:
    found = _SHORT_TIME.fullmatch(plain)
    return f"{found[1]}:{found[2]}" if found else plain
