"""The definitions at hand: those that ship with the program, and those published since.

Knows where the shipped files lie (package data, so that it works inside a frozen bundle), and
nothing of how a published one arrives.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files

from forms.definition import Form
from forms.loader import load


class Forms:
    """A set of form versions. Immutable: `with_forms` gives a new set."""

    def __init__(self, forms: Iterable[Form]) -> None:
        self._versions: dict[str, dict[int, Form]] = {}
        for form in forms:
            self._versions.setdefault(form.name, {})[form.version] = form

    def get(self, name: str, version: int) -> Form | None:
        """That very version, or None where it is not known here (yet)."""
        return self._versions.get(name, {}).get(version)

    def latest(self, name: str) -> Form:
        """The newest version known here, for new records. Raises KeyError."""
        versions = self._versions[name]
        return versions[max(versions)]

    def names(self) -> tuple[str, ...]:
        return tuple(sorted(self._versions))

    def versions(self, name: str) -> tuple[int, ...]:
        return tuple(sorted(self._versions.get(name, {})))

    def with_forms(self, published: Iterable[Form]) -> Forms:
        """This set and what was published. A version that is known keeps its meaning."""
        known = [form for versions in self._versions.values() for form in versions.values()]
        return Forms([*published, *known])


@cache
def builtin() -> Forms:
    """The definitions that ship with the program."""
    return Forms(load(data, name) for name, data in builtin_files().items())


def builtin_files() -> dict[str, bytes]:
    """File name → bytes of the shipped definitions, for publishing and for the digest test."""
    folder = files("forms").joinpath("definitions")
    return {
        entry.name: entry.read_bytes()
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name)
        if entry.name.endswith(".toml")
    }
