"""What the commands of `bianmin-station` share: options, unlocking, reading what was typed, errors.

A PIN is never an argument: other users of the PC can read those.
"""

import sys
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click
import msgspec

from forms import Form, Problem
from forms.reading import Unreadable, read_value
from station_client import app
from station_client.errors import StationError
from station_client.home import Home
from station_client.station import Station
from station_client.vault import Vault
from sync_protocol.errors import UNREADABLE

EXIT_REFUSED = 1
"""What was asked is not possible; click itself exits with 2 for a wrong command line."""

Command = Callable[..., Any]


# --- what every command shares ---------------------------------------------------------------


class Failure(click.ClickException):
    """The station's error as the command line tells it: words, code, and each problem of a form."""

    exit_code = EXIT_REFUSED

    def __init__(self, error: StationError, form: Form | None = None) -> None:
        super().__init__(f"{error.words()} [{error.code}]")
        self._error = error
        self._form = form

    def show(self, file: Any = None) -> None:
        click.echo(self.message, err=True)
        for problem in self._error.facts.get("problems") or ():  # type: ignore[attr-defined]
            click.echo(
                f"  {_words(problem, self._form)} [{problem.field}: {problem.code}]", err=True
            )


def _words(problem: Problem, form: Form | None) -> str:
    return problem.words(form) if form is not None else problem.code


@contextmanager
def told(form: Form | None = None) -> Iterator[None]:
    """The station's errors as this program's last words."""
    try:
        yield
    except StationError as error:
        raise Failure(error, form) from error


def secret_from(pin_file: str | None, question: str, confirm: bool = False) -> str:
    """From a file, standard input ("-") or a prompt; the line's end is not part of it."""
    if pin_file is None:
        return str(click.prompt(question, hide_input=True, confirmation_prompt=confirm, err=True))
    if pin_file == "-":
        return sys.stdin.readline().rstrip("\r\n")
    try:
        return Path(pin_file).read_text(encoding="utf-8").splitlines()[0]
    except (OSError, IndexError, UnicodeDecodeError) as error:
        raise click.UsageError(f"{pin_file}: {type(error).__name__}") from error


home_option = click.option(
    "--home",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="The station's folder (default: the platform's data folder).",
)
pin_option = click.option(
    "--pin-file", metavar="FILE", help="File with the PIN or passphrase; - is standard input."
)
clerk_option = click.option(
    "--clerk", "number", type=int, help="Number of the clerk, where two have the same PIN."
)


@contextmanager
def opened(folder: Path | None, pin_file: str | None, number: int | None) -> Iterator[Station]:
    """The station, unlocked and held by this process alone."""
    with told():
        home = Home.open(folder)
        with home.only_instance():
            secret = secret_from(pin_file, "PIN")
            station = app.open_station(home, secret, clerk_of(home, number))
            try:
                yield station
            finally:
                station.close()


def unlocked(command: Command) -> Command:
    """A command that works on the open station, which it gets as its first argument."""

    @home_option
    @pin_option
    @clerk_option
    @wraps(command)
    def run(folder: Path | None, pin_file: str | None, number: int | None, **given: Any) -> None:
        with opened(folder, pin_file, number) as station:
            command(station, **given)

    return run


def clerk_of(home: Home, number: int | None) -> bytes | None:
    """The clerk with this number. Error: vault.unknown_clerk."""
    if number is None:
        return None
    vault = Vault.open(home)
    numbered = {vault.slot_number(clerk): clerk for clerk in vault.clerk_ids()}
    if number not in numbered:
        raise StationError("vault.unknown_clerk")
    return numbered[number]


class RecordId(click.ParamType):
    """A record's id: 32 hex digits."""

    name = "record"

    def convert(self, value: Any, param: Any, ctx: Any) -> bytes:
        if isinstance(value, bytes):
            return value
        try:
            found = bytes.fromhex(value)
        except ValueError:
            found = b""
        if len(found) != 16:
            self.fail("a record is named by 32 hex digits", param, ctx)
        return found


def as_json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=1).decode()


# --- what was typed ----------------------------------------------------------------------------


set_option = click.option(
    "--set", "settings", multiple=True, metavar="FIELD=VALUE", help="One field; may be repeated."
)


def typed(form: Form, settings: tuple[str, ...]) -> dict[str, Any]:
    """`--set` options as values; a list field or an element's register takes JSON."""
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        field = form.find(name)
        if not equals or field is None:
            raise click.BadParameter(f"{name}: {form.name} has no such field", param_hint="--set")
        try:
            is_json = field.type in ("list", "state", "reference", "source")
            values[name] = msgspec.json.decode(text) if is_json else _read(form, name, text)
        except (Unreadable, *UNREADABLE):
            raise Failure(
                StationError("form.problems", count=1, problems=[Problem(name, "type")]), form
            ) from None
    return values


def _read(form: Form, name: str, text: str) -> object:
    return read_value(form, form.field(name), text) if text.strip() else None


def json_values(source: str | None) -> dict[str, Any]:
    """The JSON object in a file or, for "-", on standard input; {} without one."""
    if source is None:
        return {}
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        return msgspec.json.decode(data.removeprefix(BOM_UTF8), type=dict[str, Any])
    except OSError as error:
        raise click.BadParameter(type(error).__name__, param_hint="--json") from error
    except UNREADABLE as error:
        raise click.BadParameter("not a JSON object", param_hint="--json") from error
