"""Every error of the station has words, and the words get the facts they name."""

import ast
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest

import station_client
from station_client.errors import WORDS, StationError

SOURCES = sorted(Path(station_client.__file__).parent.rglob("*.py"))


def raised(code: str) -> Iterator[tuple[str, set[str] | None]]:
    """(code, names of its facts) of each StationError made; None where facts come from a dict."""
    for node in ast.walk(ast.parse(code)):
        match node:
            case ast.Call(
                func=ast.Name(id="StationError"), args=[ast.Constant(value=str(name))], keywords=kw
            ):
                facts = {k.arg for k in kw if k.arg is not None}
                yield name, facts if len(facts) == len(kw) else None


def wordless(code: str) -> list[str]:
    found = []
    for name, facts in raised(code):
        if name not in WORDS:
            found.append(f"{name} has no words")
        elif facts is not None and (missing := named_in(WORDS[name]) - facts):
            found.append(f"{name} lacks {sorted(missing)}")
    return found


def named_in(words: str) -> set[str]:
    return {field for _, field, _, _ in Formatter().parse(words) if field}


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_every_error_that_is_raised_has_words_and_their_facts(path: Path) -> None:
    assert wordless(path.read_text(encoding="utf-8")) == []


def test_an_error_without_words_or_facts_is_noticed() -> None:
    assert wordless("StationError('no.such_code')") == ["no.such_code has no words"]
    assert wordless("StationError('vault.wrong_pin')") == ["vault.wrong_pin lacks ['tries_left']"]


def test_the_words_say_the_facts() -> None:
    assert "3 次" in StationError("vault.wrong_pin", tries_left=3).words()


def test_the_log_line_has_the_code_and_the_facts() -> None:
    assert str(StationError("vault.wrong_pin", tries_left=3)) == "vault.wrong_pin (tries_left=3)"
    assert str(StationError("vault.exists")) == "vault.exists"
