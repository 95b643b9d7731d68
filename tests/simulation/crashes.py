"""Errors at any statement of a real store: the power goes, or the disk is full.

Knows that a peewee database is written through a few methods, and nothing of what is written.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import peewee

STATEMENTS = 40
"""A fault strikes at one of so many; a whole exchange has about as many at the desk."""

WAYS = ("execute_sql", "write_many", "commit")


class PowerCut(BaseException):
    """The process ends here: no handler of the program runs to an end, no commit follows."""


@dataclass
class Fault:
    """Raises at statement number `at` (from 1), just before it runs or just after it ran; with
    `only_writes` what reads is not counted."""

    at: int
    error: Callable[[], BaseException]
    after: bool = False
    only_writes: bool = False
    seen: int = 0
    fired: bool = False

    def wrapped(self, run: Callable[..., Any]) -> Callable[..., Any]:
        def statement(*arguments: Any, **options: Any) -> Any:
            is_read = bool(arguments) and str(arguments[0]).startswith("SELECT")
            if is_read and self.only_writes:
                return run(*arguments, **options)
            self.seen += 1
            strikes = self.seen == self.at
            self.fired = self.fired or strikes
            if strikes and not self.after:
                raise self.error()
            result = run(*arguments, **options)
            if strikes:
                raise self.error()
            return result

        return statement


def full_disk(at: int) -> Fault:
    """What the engine says when a statement that writes finds no room."""
    return Fault(at, lambda: peewee.OperationalError("database or disk is full"), only_writes=True)


@contextmanager
def struck_by(fault: Fault, database: Any, ways: Sequence[str] = WAYS) -> Iterator[Fault]:
    """The database with this fault in it, at these of the ways to write to it."""
    ways = [way for way in ways if hasattr(database, way)]
    for way in ways:
        setattr(database, way, fault.wrapped(getattr(database, way)))
    try:
        yield fault
    finally:
        for way in ways:
            delattr(database, way)
