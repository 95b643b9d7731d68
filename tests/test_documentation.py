"""Documentation is tested: what the programs offer and say is described, and nothing else is.

docs/commands.md has one heading a command, the whole command in backquotes; below it, up to the
next heading, every option stands in backquotes. docs/errors.md has one table row a code.
"""

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import click
import pytest

DOCS = Path(__file__).resolve().parent.parent / "docs"
PROGRAMS = {"bianmin-station": "station_client.cli", "bianmin-hub": "hub_server.cli"}
ERROR_TABLES = (
    "forms.problems",
    "hub_server.errors",
    "station_client.errors",
    "sync_protocol.errors",
)


def commands(name: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    """Every command a person can type, with its whole name; hidden ones are nobody's business."""
    if isinstance(command, click.Group):
        for verb, inner in command.commands.items():
            if not inner.hidden:
                yield from commands(f"{name} {verb}", inner)
    else:
        yield name, command


def options(command: click.Command) -> set[str]:
    return {
        name
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.hidden
        for name in (*parameter.opts, *parameter.secondary_opts)
        if name.startswith("--")
    }


def groups(command: click.Command) -> Iterator[click.Group]:
    if isinstance(command, click.Group):
        yield command
        for inner in command.commands.values():
            yield from groups(inner)


def program(name: str) -> click.Command:
    main: click.Command = import_module(PROGRAMS[name]).main
    return main


def sections() -> dict[str, str]:
    """`bianmin-… verb` → the text under its heading."""
    text = (DOCS / "commands.md").read_text(encoding="utf-8")
    found = re.split(r"^#+ `([^`\n]+)`.*$", text, flags=re.MULTILINE)
    return dict(zip(found[1::2], found[2::2], strict=True))


def words_of(module: str) -> dict[str, str]:
    table: dict[str, str] = import_module(module).WORDS
    return table


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_command_and_option_is_described(name: str) -> None:
    described = sections()
    offered = dict(commands(name, program(name)))
    missing = {
        typed: sorted(o for o in options(command) if f"`{o}" not in described.get(typed, ""))
        for typed, command in offered.items()
    }
    assert [typed for typed in offered if typed not in described] == []
    assert {typed: names for typed, names in missing.items() if names} == {}


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_option_of_a_program_as_a_whole_is_described(name: str) -> None:
    text = (DOCS / "commands.md").read_text(encoding="utf-8")
    wanted = {option for group in groups(program(name)) for option in options(group)}
    assert sorted(option for option in wanted if f"`{option}" not in text) == []


def test_no_command_is_described_that_does_not_exist() -> None:
    offered = {typed for name in PROGRAMS for typed, _ in commands(name, program(name))}
    assert sorted(set(sections()) - offered - set(PROGRAMS)) == []


@pytest.mark.parametrize("name", PROGRAMS)
def test_every_command_and_option_explains_itself(name: str) -> None:
    silent = [
        f"{typed} {parameter.name}"
        for typed, command in commands(name, program(name))
        for parameter in command.params
        if isinstance(parameter, click.Option) and not parameter.help
    ]
    silent += [typed for typed, command in commands(name, program(name)) if not command.help]
    assert silent == []


def test_the_error_page_lists_every_code_and_no_other() -> None:
    text = (DOCS / "errors.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| `([^`]+)` +\|", text, flags=re.MULTILINE)
    known = [code for module in ERROR_TABLES for code in words_of(module)]
    assert sorted(listed) == sorted(known)


@pytest.mark.parametrize("module", ERROR_TABLES)
def test_every_error_has_chinese_words_that_end(module: str) -> None:
    wrong = [
        code
        for code, words in words_of(module).items()
        if not re.search("[\u4e00-\u9fff]", words) or not words.endswith(("。", "？"))
    ]
    assert wrong == []
