"""One page of a long list: which one is asked for, and the addresses of the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from flask import request, url_for

SIZES = (20, 50, 100)
OF_STATIONS = 50

Line = TypeVar("Line")


@dataclass(frozen=True)
class Page:
    """``number`` counts from 1 and never lies beyond the last page."""

    endpoint: str
    filters: Mapping[str, str]
    total: int
    size: int
    asked: int
    sizes = SIZES

    @property
    def last(self) -> int:
        return max(1, -(-self.total // self.size))

    @property
    def number(self) -> int:
        return min(self.asked, self.last)

    @property
    def offset(self) -> int:
        return (self.number - 1) * self.size

    def cut(self, lines: Sequence[Line]) -> Sequence[Line]:
        """Of all lines those of this page."""
        return lines[self.offset : self.offset + self.size]

    def address(self, endpoint: str = "", **changed: int) -> str:
        asked = {"number": self.number, "size": self.size, **changed}
        chosen = {name: text for name, text in self.filters.items() if text}
        query: dict[str, Any] = {**chosen, **asked}
        return url_for(endpoint or self.endpoint, **query)


def asked_size(usual: int = SIZES[0]) -> int:
    size = request.args.get("size", usual, type=int)
    return size if size in SIZES else usual


def asked_number() -> int:
    number = request.args.get("number", 1, type=int)
    return max(1, min(number, 1_000_000))
