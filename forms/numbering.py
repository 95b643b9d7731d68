"""The case number: made offline, unique without asking, readable aloud, with a check digit.

``county 6 + station 3 + yymmdd + device 1 + sequence 4 + check 1`` = 21 digits; the check digit is
ISO 7064 MOD 11,10. Knows no clock: the day is given.
"""

from __future__ import annotations

import re
from datetime import date

from stdnum.iso7064 import mod_11_10

_LENGTH = 21
_DIGITS = re.compile(r"[0-9]{21}", re.ASCII)
_STATION_CODE = re.compile(r"[0-9]{9}", re.ASCII)

MAX_SEQUENCE = 9_999
"""The most cases one device can number in one day."""


def make_case_number(*, station_code: str, day: date, device: int, sequence: int) -> str:
    """Number a case. ``station_code`` is county 6 + station 3; ``device`` 0-9; ``sequence`` 1-9999.

    Raises ValueError when a part is out of its range.
    """
    if _STATION_CODE.fullmatch(station_code) is None:
        raise ValueError("a station code is the county's 6 digits and the station's 3")
    if not 0 <= device <= 9:
        raise ValueError("a device is one digit")
    if not 1 <= sequence <= MAX_SEQUENCE:
        raise ValueError(f"a sequence is from 1 to {MAX_SEQUENCE}")
    body = f"{station_code}{day:%y%m%d}{device}{sequence:04d}"
    return body + mod_11_10.calc_check_digit(body)


def is_case_number(text: str) -> bool:
    """Whether the text is 21 digits with a right check digit and a real day."""
    if _DIGITS.fullmatch(text) is None or mod_11_10.checksum(text) != 1:  # ISO 7064
        return False
    try:
        date(2000 + int(text[9:11]), int(text[11:13]), int(text[13:15]))
    except ValueError:
        return False
    return True


def grouped(number: str) -> str:
    """In groups of four, for reading aloud and for print."""
    return " ".join(number[start : start + 4] for start in range(0, _LENGTH, 4))


def ungrouped(text: str) -> str:
    """A number as a person types it back: without blanks and dashes."""
    return re.sub(r"[\s-]", "", text)
