"""How a record's values are laid out: one register a field, one register an element of a list.

A record is a mapping *register → value*. The register of a field carries the field's id; an
element of a list has a register of its own, ``<field>/<32 hex digits>``, so that two desks may add
and remove lines at once. ``alive`` is the register that every write carries. Knows no form.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

ALIVE = "alive"
"""Empty text: the record stands. Any other text: the reason for which it was voided."""

_ELEMENT = re.compile(r"[0-9a-f]{32}", re.ASCII)


def split_register(register: str) -> tuple[str, str | None]:
    """``"missing/0f…"`` → ``("missing", "0f…")``; ``"remark"`` → ``("remark", None)``."""
    base, slash, element = register.partition("/")
    return base, element if slash else None


def is_element_id(text: str) -> bool:
    return _ELEMENT.fullmatch(text) is not None


def element_register(field_id: str, element_id: str) -> str:
    return f"{field_id}/{element_id}"


def is_empty(value: object) -> bool:
    """Nothing is written: None, blank text, an empty list. ``False`` and ``0`` are answers."""
    if isinstance(value, str):
        return not value or value.isspace()
    return value is None or value == []


def elements(values: Mapping[str, object], field_id: str) -> dict[str, dict[str, object]]:
    """The standing elements of a list field, by element id, in order of the id."""
    prefix = f"{field_id}/"
    found = {
        register.removeprefix(prefix): value
        for register, value in values.items()
        if register.startswith(prefix) and isinstance(value, dict)
    }
    return dict(sorted(found.items()))


def is_filled(values: Mapping[str, object], field_id: str) -> bool:
    """Whether the field says something; for a list: whether it has an element."""
    return not is_empty(values.get(field_id)) or has_elements(values, field_id)


def has_elements(values: Mapping[str, object], field_id: str) -> bool:
    """Whether a list field has a standing element."""
    prefix = f"{field_id}/"
    for register in values:
        if register.startswith(prefix) and isinstance(values[register], dict):
            return True
    return False
