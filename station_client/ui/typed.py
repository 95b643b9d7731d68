"""What a clerk types, turned into a field's value: `20240301`, `3-1`, `今天`, `905`, `5个工作日`.

What has one possible meaning is understood; anything else stays the text it was, and the form's
checker then says what is wrong with it. Knows no page.
"""

import re
import unicodedata
from datetime import date, datetime, timedelta

from forms import Field
from forms.values import CHINA_OFFSET

_DATE = re.compile(r"(?:(\d{4})[-/.年])?(\d{1,2})[-/.月](\d{1,2})日?", re.ASCII)
_DATE_DIGITS = re.compile(r"(\d{4})?(\d{2})(\d{2})", re.ASCII)
_TIME = re.compile(r"(\d{1,2})[:时点.](\d{1,2})分?(?::\d{2})?", re.ASCII)
_TIME_DIGITS = re.compile(r"(\d{1,2})(\d{2})", re.ASCII)
_LIMIT = re.compile(r"(\d{1,4})(?:个)?(?:工作日|天|日)?", re.ASCII)
_DAYS = {"今天": 0, "今日": 0, "昨天": -1, "昨日": -1, "前天": -2, "明天": 1}
_YES_NO = {"yes": True, "no": False}


def read_value(field: Field, typed: str, today: date) -> object:
    """The value of one input; None for nothing. `today` completes a date without its year."""
    text = typed.replace("\r\n", "\n").strip()
    if not text:
        return None
    if field.type in ("text", "long_text", "code"):
        return text
    if field.type == "boolean":
        return _YES_NO.get(text, text)
    plain = unicodedata.normalize("NFKC", text)
    match field.type:
        case "date":
            return _date(plain, today) or text
        case "time":
            return _time(plain) or text
        case "datetime":
            return _datetime(plain, today) or text
        case "limit":
            return _limit(plain, text)
        case "integer":
            return int(plain) if re.fullmatch(r"\d{1,9}", plain, re.ASCII) else text
        case "phone" | "case_no":
            return re.sub(r"(?<=\d)[\s](?=\d)", "", plain).replace("—", "-")
    return text


def read_day(typed: str, today: date) -> date | None:
    """A day of a filter; None where there is none or it cannot be read."""
    found = _date(unicodedata.normalize("NFKC", typed).strip(), today)
    return date.fromisoformat(found) if found else None


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


def _date(text: str, today: date) -> str:
    if text in _DAYS:
        return (today + timedelta(days=_DAYS[text])).isoformat()
    found = _DATE.fullmatch(text) or _DATE_DIGITS.fullmatch(text)
    if found is None:
        return ""
    year, month, day = found.groups()
    try:
        return date(int(year or today.year), int(month), int(day)).isoformat()
    except ValueError:
        return ""


def _time(text: str) -> str:
    found = _TIME.fullmatch(text) or _TIME_DIGITS.fullmatch(text)
    if found is None:
        return ""
    hour, minute = int(found[1]), int(found[2])
    return f"{hour:02d}:{minute:02d}" if hour < 24 and minute < 60 else ""


def _datetime(text: str, today: date) -> str:
    """A day and a time; a time alone is today's."""
    parts = text.replace("T", " ").split()
    day = _date(parts[0], today) if len(parts) == 2 else today.isoformat()
    clock = _time(parts[-1]) if len(parts) <= 2 else ""
    return f"{day}T{clock}:00{CHINA_OFFSET}" if day and clock and _is_real(day, clock) else ""


def _is_real(day: str, clock: str) -> bool:
    return datetime.fromisoformat(f"{day}T{clock}").year >= 1900


def _limit(plain: str, text: str) -> object:
    if plain in ("即办", "即办件", "当场"):
        return 0
    found = _LIMIT.fullmatch(plain)
    return int(found[1]) if found else text
