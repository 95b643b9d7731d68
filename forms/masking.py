"""What a list, a log or an export may show of a person. Masks texts; knows nothing of rights."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from forms.definition import Field, Form
from forms.registry import builtin
from forms.source import COLUMN_IDS
from forms.values import show

_HIDDEN = "*"
_SEPARATED = r"[\s\-‐-―−·.]?"
_MOBILE = re.compile(
    rf"(?<![0-9])(1[3-9][0-9]){_SEPARATED}([0-9]{{4}}){_SEPARATED}([0-9]{{4}})(?![0-9])"
)
_LANDLINE = re.compile(r"(?<![0-9])(0[0-9]{2,3})([-\s()（）]{0,2})([0-9]{4,5})([0-9]{3})(?![0-9])")
_LONG_NUMBER = re.compile(r"(?<![0-9A-Za-z])([0-9]{6})([0-9]{5,9})([0-9]{3}[0-9Xx])(?![0-9A-Za-z])")
_SHORTEST_NUMBER = 10  # of what these patterns find: most cells of a ledger need no search


def mask_name(name: str) -> str:
    """张三丰 → 张*. The star does not tell how long the name is."""
    name = name.strip()
    return name[:1] + _HIDDEN if name else ""


def mask_phone(phone: str) -> str:
    """13812345678 → 138****5678, 0356-2025678 → 0356-****678; anything else loses every digit."""
    masked = mask_text(phone)
    return masked if _HIDDEN in masked else re.sub(r"[0-9]", _HIDDEN, _half_width(phone))


def mask_id(number: str) -> str:
    """An identity number: the first six and the last four stay."""
    number = number.strip()
    if len(number) <= 10:
        return _HIDDEN * len(number)
    return number[:6] + _HIDDEN * (len(number) - 10) + number[-4:]


def mask_text(text: str) -> str:
    """Masks telephone, identity and card numbers inside a free text; the rest stays as it is."""
    if len(text) < _SHORTEST_NUMBER:
        return text
    narrow = _half_width(text)
    spans = [
        *((m.span(), f"{m[1]}****{m[3]}") for m in _MOBILE.finditer(narrow)),
        *((m.span(), mask_id(m[0])) for m in _LONG_NUMBER.finditer(narrow)),
        *((m.span(), f"{m[1]}{m[2]}****{m[4]}") for m in _LANDLINE.finditer(narrow)),
    ]
    masked, end = "", 0
    for (start, stop), replacement in sorted(spans):
        masked, end = masked + text[end:start] + replacement, stop
    return masked + text[end:]


def _half_width(text: str) -> str:
    """Full-width digits and signs as half-width, every character in its place."""
    narrow = (unicodedata.normalize("NFKC", character) for character in text)
    return "".join(n if len(n) == 1 else c for n, c in zip(narrow, text, strict=True))


def mask_value(form: Form, field: Field, value: object) -> str:
    """A value as a masked list shows it.

    A personal text is a name; a personal text of several lines, like any text that is not personal,
    is kept but for the numbers in it; other personal values show only that there is one.
    """
    shown = show(form, field, value) if field.type not in _UNSHOWN else ""
    if field.type == "phone":
        return mask_phone(shown)
    if field.type == "long_text" or (field.type == "text" and not field.personal):
        return mask_text(shown)
    if field.type == "text":
        return mask_name(shown)
    return (_HIDDEN if value else "") if field.personal else shown


_UNSHOWN = frozenset({"image", "list", "reference", "source"})


def mask_line(cells: Sequence[str]) -> tuple[str, ...]:
    """The 16 cells of a ledger line as a masked list shows them (SX table D.1)."""
    form = builtin().latest("work_ledger")
    return tuple(
        mask_phone(cell)
        if column == "contact_phone"
        else mask_value(form, form.field(column), cell)
        for column, cell in zip(COLUMN_IDS, cells, strict=True)
    )
