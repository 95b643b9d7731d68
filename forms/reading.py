"""From what people write to the one value it can mean: for imports and for the pages.

Every reader returns a `Reading` (the value, and whether it was written otherwise) or raises
`Unreadable`. One possible meaning only: two-digit years, days without a year, day-month puzzles
and numbers that a spreadsheet has rounded are not guessed at. Knows no clock: there is no "probably
this year".
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Generic, NamedTuple, TypeVar

from forms.definition import Code, Field, Form
from forms.values import CHINA_OFFSET, is_phone, show_limit

T_co = TypeVar("T_co", covariant=True)
Raw = str | int | float | bool | date | datetime | time | timedelta | None
"""A cell as a spreadsheet library gives it, or the text of a page's field."""


class Reading(NamedTuple, Generic[T_co]):
    """A value, and whether what was written differs from the value's own way of writing."""

    value: T_co
    changed: bool


class Unreadable(ValueError):
    """What was written has no meaning, or more than one. Carries nothing of it."""


_FIRST_YEAR = 1970
_EXCEL_DAY_ZERO = date(1899, 12, 30)
_EXCEL_SERIALS = range(25_569, 73_051)  # 1970-01-01 to 2099-12-31
_EXCEL_SERIALS_AS_TEXT = range(40_000, 55_000)  # 2009 to 2050; no other five digits are a date
_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#NAME?", "#DIV/0!", "#NULL!", "#NUM!", "#####"})

_DATE = re.compile(
    r"(?P<year>[0-9]{4})\s*(?:年\s*(?P<m1>[0-9]{1,2})\s*月\s*(?P<d1>[0-9]{1,2})\s*[日号]?"
    r"|(?P<sep>[-./。、,])\s*(?P<m2>[0-9]{1,2})\s*(?P=sep)\s*(?P<d2>[0-9]{1,2})[日号]?"
    r"|(?P<m3>[0-9]{2})(?P<d3>[0-9]{2}))"
    r"(?:\s*[(（]?\s*(?:星期|周|礼拜)(?P<weekday>[一二三四五六日天])\s*[)）]?)?",
    re.ASCII,
)
_DASH = "\u2010-\u2015\u2212"  # what a Chinese keyboard gives for a hyphen
_DASHES = re.compile(f"[{_DASH}]+")
_YEAR_LAST = re.compile(r"([0-9]{1,2})([-./])([0-9]{1,2})\2([0-9]{4})", re.ASCII)
_CHINESE_DATE = re.compile(
    r"([〇○零0O一二三四五六七八九]{4})年([一二三四五六七八九十]{1,3})月([一二三四五六七八九十]{1,3})[日号]"
)
_CHINESE_DIGITS = {digit: n for n, digit in enumerate("〇一二三四五六七八九")}
_CHINESE_DIGITS |= {"○": 0, "零": 0, "0": 0, "O": 0, "两": 2}
_WEEKDAYS = {"一": 0, "二": 1, "三": 2, "四": 3, "五": 4, "六": 5, "日": 6, "天": 6}

_HALF = r"(?P<half>凌晨|清晨|早上|早晨|上午|中午|下午|傍晚|晚上|AM|PM|am|pm)?"
_TIME = re.compile(
    _HALF + r"\s*(?P<hour>[0-9]{1,2})\s*"
    r"(?::\s*(?P<m1>[0-9]{1,2})(?::(?P<s1>[0-9]{1,2})(?:\.0+)?)?"
    r"|(?P<word>[时点])\s*(?:(?P<m2>[0-9]{1,2})\s*分?|(?P<m3>半|整))?)"
    r"\s*(?P<tail>AM|PM|am|pm)?",
    re.ASCII,
)
_CHINESE_CLOCK = re.compile(r"[〇零一二两三四五六七八九十]{1,4}(?=[时点分]|$)")
_COMPACT_TIME = re.compile(r"([01][0-9]|2[0-3])([0-5][0-9])", re.ASCII)
_MORNING = {hour: hour for hour in range(12)}
_AFTERNOON = {**{hour: hour + 12 for hour in range(1, 12)}, **{h: h for h in range(12, 24)}}
_HOURS: dict[str, dict[int, int]] = {
    "": {hour: hour for hour in range(24)},
    "时": {hour: hour for hour in range(24)},
    "点": {0: 0} | {hour: hour for hour in range(7, 24)},
    "凌晨": _MORNING,
    "清晨": _MORNING,
    "早上": _MORNING,
    "早晨": _MORNING,
    "上午": _MORNING,
    "中午": {11: 11, 12: 12, 1: 13, 13: 13},
    "下午": _AFTERNOON,
    "傍晚": {hour: hour + 12 for hour in range(4, 9)} | {hour: hour for hour in range(16, 21)},
    "晚上": {hour: hour + 12 for hour in range(5, 12)} | {hour: hour for hour in range(17, 24)},
    "AM": {12: 0} | {hour: hour for hour in range(1, 12)},
    "PM": {12: 12} | {hour: hour + 12 for hour in range(1, 12)},
}
"""Which hour of the day an hour beside a word is; what is not listed has two meanings or none.

3点 is how people say 15:00 too.
"""

_LIMIT = re.compile(
    r"(?:承诺)?\s*(?:([0-9]{1,4})|([一二两三四五六七八九十]{1,3}))\s*个?\s*工作日(?:内|以内|之内)?",
    re.ASCII,
)
_AT_ONCE = re.compile(r"即办件?|(?:即时|当场)(?:办结|办理)?|现场(?:办结|办理)|立等可取")
_YES = frozenset({"是", "有", "√", "✓", "✔", "Y", "y", "yes", "true", "1", "on"})
_NO = frozenset({"否", "无", "没有", "×", "✗", "N", "n", "no", "false", "0", "off"})


def as_text(raw: Raw) -> str:
    """A cell as the text it shows: whole numbers without ``.0``, dates in the ledger's own way."""
    if raw is None:
        return ""
    if isinstance(raw, bool):
        return str(raw).upper()
    if isinstance(raw, datetime):
        day = raw.date().isoformat()
        return day if raw.time() == time() else f"{day} {_clock(raw.time())}"
    if isinstance(raw, time):
        return _clock(raw)
    if isinstance(raw, float) and raw.is_integer() and abs(raw) < 1e15:
        return str(int(raw))
    return str(raw)


def _clock(clock: time) -> str:
    return f"{clock:%H:%M:%S}".removesuffix(":00")


def tidy(text: str) -> str:
    """Full-width digits, letters and signs to half-width, every kind of blank to one, no edges."""
    return " ".join(unicodedata.normalize("NFKC", _bare(text)).lstrip("'").split())


def _bare(text: str) -> str:
    """Without what only programs see: ``="…"`` around a text, marks of writing direction."""
    return _QUOTED_FORMULA.sub(r"\1", _MARKS.sub("", text))


_MARKS = re.compile("[\u00ad\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\ufeff]")
_QUOTED_FORMULA = re.compile(r'^\s*="([^"]*)"\s*$')


def _digits(text: str) -> str:
    """`tidy`, and without the blank before a colon's other half: ``9 : 5`` → ``9:5``."""
    return re.sub(r"\s*[:;]\s*", ":", tidy(text))


def read_text(raw: Raw, *, lines: bool = False) -> Reading[str]:
    """Plain text: edges, control characters and (unless ``lines``) line breaks are taken away."""
    written = as_text(raw)
    if written.strip() in _ERRORS:
        raise Unreadable
    text = _bare(written).replace("\r\n", "\n").replace("\r", "\n").replace("_x000D_\n", "\n")
    text = "".join(c if c == "\n" or unicodedata.category(c) not in _UNSEEN else " " for c in text)
    text = text.strip() if lines else " ".join(part for part in text.split("\n") if part).strip()
    return Reading(text, text != written)


_UNSEEN = frozenset({"Cc", "Cs", "Zl", "Zp"})


def read_person(raw: Raw) -> Reading[str]:
    """A name. Short Chinese ones are often spread to the width of others: ``王 明`` → ``王明``.

    Not beyond three characters: ``张三 李四`` are two persons.
    """
    text, changed = read_text(raw)
    name = "".join(text.split())
    return (
        Reading(name, True)
        if name != text and _SHORT_NAME.fullmatch(name)
        else Reading(text, changed)
    )


_SHORT_NAME = re.compile("[\u3400-\u9fff\U00020000-\U0003ffff]{2,3}")


def read_date(raw: Raw) -> Reading[str]:
    """A calendar date → ``"2024-03-01"``.

    A weekday, 上午 or a clock time beside it is left out (and so, changed).
    """
    if isinstance(raw, bool | time | timedelta):
        raise Unreadable
    if isinstance(raw, date):
        if raw.year < _FIRST_YEAR:  # a small number in a cell that is formatted as a date
            raise Unreadable
        day = raw.date() if isinstance(raw, datetime) else raw
        return Reading(day.isoformat(), as_text(raw) != day.isoformat())
    if isinstance(raw, int | float):
        return Reading(_date_of_number(raw).isoformat(), changed=True)
    day = _date_of_text(_DASHES.sub("-", _digits(as_text(raw))).rstrip("。."))
    return Reading(day.isoformat(), day.isoformat() != raw)


def _date_of_number(number: float) -> date:
    """A spreadsheet's day number, or a date typed as the number 20240301."""
    whole = int(number) if number == number and abs(number) < 1e9 else 0
    if whole in _EXCEL_SERIALS:
        return _EXCEL_DAY_ZERO + timedelta(days=whole)
    if whole == number and len(str(whole)) == 8:
        return _date_of_text(str(whole))
    raise Unreadable


def _date_of_text(text: str) -> date:
    chinese = _CHINESE_DATE.fullmatch(text)
    if chinese is not None:
        return _calendar_date(*_chinese_numbers(chinese))
    match = _DATE.match(text)
    if match is None:
        return _date_of_rare_text(text)
    found = match.groupdict()
    _check_clock_tail(text[match.end() :], glued=found["d1"] is not None)
    month = found["m1"] or found["m2"] or found["m3"]
    day = found["d1"] or found["d2"] or found["d3"]
    result = _calendar_date(int(found["year"]), int(month), int(day))
    if found["weekday"] and _WEEKDAYS[found["weekday"]] != result.weekday():
        raise Unreadable  # day and weekday contradict each other: one of them is wrong
    return result


def _date_of_rare_text(text: str) -> date:
    """A spreadsheet's bare day number, or a year at the end where only one order is possible."""
    if re.fullmatch(r"[0-9]{5}", text, re.ASCII) and int(text) in _EXCEL_SERIALS_AS_TEXT:
        return _date_of_number(int(text))
    match = _YEAR_LAST.fullmatch(text)
    if match is None:
        raise Unreadable
    first, second, year = int(match[1]), int(match[3]), int(match[4])
    days = {_maybe_date(year, first, second), _maybe_date(year, second, first)} - {None}
    day = days.pop() if len(days) == 1 else None
    if day is None:
        raise Unreadable
    return day


def _maybe_date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _check_clock_tail(tail: str, *, glued: bool) -> None:
    """Behind a date stands nothing, 上午 or a clock time.

    ``glued``: also a digit without a blank between; 2024-3-19:30 has two meanings.
    """
    if tail and not glued and tail[0].isdigit():
        raise Unreadable
    clock = tail.lstrip(" T")
    if not re.fullmatch(_HALF, clock):
        _time_of_text(clock)


def _chinese_numbers(match: re.Match[str]) -> tuple[int, int, int]:
    year = int("".join(str(_CHINESE_DIGITS[digit]) for digit in match[1]))
    return year, _chinese_ten(match[2]), _chinese_ten(match[3])


def _chinese_ten(text: str) -> int:
    """一 to 三十一."""
    tens, ten, ones = text.partition("十")
    if not ten:
        tens, ones = "", text
    if len(tens) > 1 or len(ones) > 1 or "十" in ones:
        raise Unreadable
    return 10 * (_CHINESE_DIGITS[tens] if tens else len(ten)) + (
        _CHINESE_DIGITS[ones] if ones else 0
    )


def _calendar_date(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError as error:
        raise Unreadable from error


def read_time(raw: Raw, *, day: str = "") -> Reading[str]:
    """A clock time → ``"17:02"``. Seconds are left out (and so, changed).

    A date may stand before it if it is ``day``.
    """
    if isinstance(raw, datetime) and raw.year >= _FIRST_YEAR and raw.date().isoformat() != day:
        raise Unreadable
    if isinstance(raw, datetime | time):
        return Reading(raw.strftime("%H:%M"), changed=True)
    if isinstance(raw, timedelta):
        return _time_of_day(raw.total_seconds() / 86_400)
    if isinstance(raw, int | float):
        return _time_of_day(raw)
    text = _digits(as_text(raw))
    if re.fullmatch(r"0?\.[0-9]{3,}", text, re.ASCII):
        return _time_of_day(float(text))
    match = _DATE.match(text)
    if day and match is not None and len(match[0]) < len(text):
        if _date_of_text(text).isoformat() != day:
            raise Unreadable
        text = text[match.end() :].lstrip(" T")
    value = _time_of_text(text)
    return Reading(value, value != raw)


def _time_of_day(fraction: float) -> Reading[str]:
    """A spreadsheet's part of a day, rounded to the second as it shows it."""
    if isinstance(fraction, bool) or not 0 <= fraction < 1:
        raise Unreadable
    minutes = round(fraction * 86_400) // 60 % 1_440
    return Reading(f"{minutes // 60:02d}:{minutes % 60:02d}", changed=True)


def _time_of_text(text: str) -> str:
    compact = _COMPACT_TIME.fullmatch(text)
    if compact is not None:
        return f"{compact[1]}:{compact[2]}"
    match = _TIME.fullmatch(_CHINESE_CLOCK.sub(_arabic, text))
    if match is None:
        raise Unreadable
    found = match.groupdict()
    minute = 30 if found["m3"] == "半" else int(found["m1"] or found["m2"] or 0)
    beside = found["half"] or found["tail"] or found["word"] or ""
    hour = _hour_of_day(int(found["hour"]), beside.upper())
    if minute > 59 or int(found["s1"] or 0) > 59:
        raise Unreadable
    return f"{hour:02d}:{minute:02d}"


def _arabic(number: re.Match[str]) -> str:
    """九 → 9, 零五 → 5, 三十五 → 35."""
    return str(_chinese_ten(number[0].lstrip("〇零")))


def _hour_of_day(hour: int, beside: str) -> int:
    """The hour on the 24-hour clock; ``上午12:30`` and ``晚上1:00`` may be two: unreadable."""
    try:
        return _HOURS[beside][hour]
    except KeyError as error:
        raise Unreadable from error


def read_datetime(raw: Raw, *, day: str = "") -> Reading[str]:
    """A date and time → ``"2024-03-01T17:02:00+08:00"``; a clock time alone is of ``day``."""
    if isinstance(raw, datetime) and raw.year >= _FIRST_YEAR:
        return Reading(f"{raw:%Y-%m-%dT%H:%M}:00{CHINA_OFFSET}", changed=True)
    if isinstance(raw, str):
        text = _digits(raw)
        match = _DATE.match(text)
        if match is not None and match.end() < len(text):
            clock = _time_of_text(text[match.end() :].lstrip(" T"))
            return Reading(f"{_date_of_text(match[0])}T{clock}:00{CHINA_OFFSET}", changed=True)
    if not day:
        raise Unreadable
    clock, changed = read_time(raw)
    return Reading(f"{day}T{clock}:00{CHINA_OFFSET}", changed)


def read_phone(raw: Raw) -> Reading[str]:
    """One telephone number → digits, a landline as ``0356-2025678``. Two numbers are unreadable."""
    written = as_text(raw)
    value = _phone_of_text(_digits(written))
    return Reading(value, value != raw)


def _phone_of_text(text: str) -> str:
    text = re.sub(r"^(?:联系)?(?:电话|手机|方式)?(?:号码?)?:", "", text).strip(" 、,:。.")
    text = re.sub(r"\s*转\s*(?=[0-9]{1,6}$)", "-", text)
    text = re.sub(f"[{_DASH}_]", "-", text).removesuffix("-")
    text = re.sub(r"^([0-9]{11})\.0+$", r"\1", text)  # a number that passed through a spreadsheet
    text = _ALL_DIGITS.sub(r"\1\2", text)
    if re.search(r"[0-9][.,]?[0-9]*[eE]\+?[0-9]", text):
        raise Unreadable  # the spreadsheet kept five of the eleven digits
    bare = re.sub(r"[\s().-]", "", text)
    bare = re.sub(r"^(?:\+|00)86(?=[0-9])|^86(?=1[3-9][0-9]{9}$)", "", bare)
    if re.fullmatch(r"1[3-9][0-9]{9}|[48]00[0-9]{7}", bare):
        return bare
    landline = re.sub(r"[\s()]+", "-", text).strip("-")
    for number in (landline, _with_area_code(bare), bare):
        if is_phone(number):
            return number
    raise Unreadable


_ALL_DIGITS = re.compile(r"^(1)\.([3-9][0-9]{9})[eE]\+?10$", re.ASCII)
"""A mobile number in the scientific way of writing, of which nothing was rounded off."""


def _with_area_code(bare: str) -> str:
    """``03562025678`` → ``0356-2025678``: 010 and 02x have three digits, all others four."""
    size = 3 if bare.startswith(("010", "02")) else 4
    return f"{bare[:size]}-{bare[size:]}"


def read_code(raw: Raw, choices: Mapping[str, Code]) -> Reading[str]:
    """A code's label, one of its aliases, or its key → the key. Changed unless it is the label."""
    text = _code_word(as_text(raw))
    text = _TICKS.get(text, text)
    for key, code in choices.items():
        if text in (key, *(_code_word(word) for word in (code.label, *code.aliases))):
            return Reading(key, code.label != raw)
    raise Unreadable


_TICKS = {"TRUE": "√", "FALSE": "×"}  # what a box to tick leaves in its cell


@lru_cache(maxsize=1_024)  # the words of the code lists, again for each cell
def _code_word(text: str) -> str:
    """A word of a code list without what does not tell words apart: blanks, a closing stop."""
    return tidy(text).replace(" ", "").rstrip("。.")


def read_codes(raw: Raw, choices: Mapping[str, Code]) -> Reading[list[str]]:
    """Several codes, divided by 、，,；; / or blanks → their keys, in the order of the list."""
    words = [word for word in re.split(r"[、,;/\s]+", tidy(as_text(raw))) if word]
    keys = {read_code(word, choices).value for word in words}
    ordered = [key for key in choices if key in keys]
    shown = "、".join(choices[key].label for key in ordered)
    return Reading(ordered, shown != raw)


def read_yes_no(raw: Raw) -> Reading[bool]:
    if isinstance(raw, bool):
        return Reading(raw, changed=False)
    text = tidy(as_text(raw))
    if text.lower() in _YES | _NO or text in _YES | _NO:
        yes = text in _YES or text.lower() in _YES
        return Reading(yes, text not in ("是", "否"))
    raise Unreadable


def read_limit(raw: Raw) -> Reading[int]:
    """即办 → 0, ``5个工作日`` → 5. ``5天`` may be natural days: unreadable."""
    text = re.sub(r"(?<![0-9]) | (?![0-9])", "", tidy(as_text(raw))).rstrip("。.")
    if _AT_ONCE.fullmatch(text):
        return Reading(0, show_limit(0) != raw)
    match = _LIMIT.fullmatch(text)
    if match is None:
        raise Unreadable
    days = int(match[1]) if match[1] else _chinese_ten(match[2])
    if days == 0:
        raise Unreadable
    return Reading(days, show_limit(days) != raw)


def read_integer(raw: Raw) -> Reading[int]:
    text = tidy(as_text(raw))
    if isinstance(raw, bool) or re.fullmatch(r"-?[0-9]{1,15}", text, re.ASCII) is None:
        raise Unreadable
    return Reading(int(text), str(int(text)) != raw)


def read_value(form: Form, field: Field, text: str) -> object:
    """What was typed into a page's field → the value to write; None for a blank.

    Raises Unreadable, also for what no one types: list, image, reference, source, state.
    """
    if not text.strip():
        return None
    if field.type in ("text", "long_text"):
        return read_text(text, lines=field.type == "long_text").value
    if field.type in ("code", "codes"):
        return _read_choice(form, field, text)
    if field.type == "limit" and text.strip().isdecimal():
        return read_integer(text).value
    reader = _READERS.get(field.type)
    if reader is None:
        raise Unreadable
    return reader(text).value


def _read_choice(form: Form, field: Field, text: str) -> object:
    choices = form.choices(field)
    if field.type == "codes":
        return read_codes(text, choices).value
    return read_code(text, choices).value


def _read_case_no(raw: Raw) -> Reading[str]:
    bare = re.sub(r"[\s-]", "", tidy(as_text(raw)))
    return Reading(bare, bare != raw)


_READERS: dict[str, Callable[[Raw], Reading[object]]] = {
    "boolean": read_yes_no,
    "case_no": _read_case_no,
    "date": read_date,
    "datetime": read_datetime,
    "integer": read_integer,
    "limit": read_limit,
    "phone": read_phone,
    "time": read_time,
}
