"""What the commands of `bianmin-hub` share: the folder, who acts, reading what was typed, errors.

A password is never an argument: other users of the machine can read those. Who may run a command
can read the keys beside the database, so no password is asked; the audit still names an account.
"""

from __future__ import annotations

import sys
from codecs import BOM_UTF8
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from typing import Any

import click
import msgspec
import platformdirs

from forms import Form
from forms.reading import Unreadable, read_value
from hub_server import app
from hub_server.accounts import Account
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.services.accounts import account_named, first_admin
from hub_server.services.export import hexed
from hub_server.store import as_hub_errors
from sync_protocol.errors import UNREADABLE, ProtocolError

Command = Callable[..., Any]

home_option = click.option(
    "--home",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=lambda: platformdirs.user_data_path("bianmin-hub"),
    show_default="the platform's data folder",
    help="The hub's folder.",
)
account_option = click.option(
    "--as", "acting", metavar="ACCOUNT", help="Who acts, for the audit (default: the first admin)."
)
file_type = click.Path(path_type=Path, dir_okay=False)
json_option = click.option("--json", "as_lines", is_flag=True, help="Print JSON.")
set_option = click.option(
    "--set", "settings", multiple=True, metavar="FIELD=VALUE", help="One field, as it is read."
)


@contextmanager
def told() -> Iterator[None]:
    """What goes wrong as this program's last words; it then exits with 1."""
    try:
        yield
    except (HubError, ProtocolError) as error:
        raise _last_words(error) from error
    except UnicodeEncodeError as error:  # an argument that is no text in this terminal's encoding
        raise _last_words(HubError("command.text")) from error
    except OSError as error:
        refused = HubError("hub.file", file=error.filename or "", reason=error.strerror or error)
        raise _last_words(refused) from error


def _last_words(error: HubError | ProtocolError) -> click.ClickException:
    return click.ClickException(f"{error.words()} [{error.code}]")


@contextmanager
def opened(folder: Path, open_hub: Callable[[Path], Hub] = app.open_hub) -> Iterator[Hub]:
    """The hub in a folder; other processes may have it open, too."""
    with told(), as_hub_errors():
        hub = open_hub(folder)
        try:
            yield hub
        finally:
            hub.store.close()


def with_hub(command: Command) -> Command:
    """A command that works on the open hub, its first argument."""

    @home_option
    @wraps(command)
    def run(folder: Path, **given: Any) -> None:
        with opened(folder) as hub:
            command(hub, **given)

    return run


def with_account(command: Command) -> Command:
    """A command on the open hub in an account's name: its first two arguments."""

    @home_option
    @account_option
    @wraps(command)
    def run(folder: Path, acting: str | None, **given: Any) -> None:
        with opened(folder) as hub:
            command(hub, who_acts(hub, acting), **given)

    return run


def who_acts(hub: Hub, name: str | None) -> Account:
    return account_named(hub, name) if name else first_admin(hub)


def secret_from(file: str | None, question: str) -> str:
    """From a file, standard input ("-") or a prompt; the line's end is not part of it."""
    if file is None:
        return str(click.prompt(question, hide_input=True, confirmation_prompt=True, err=True))
    if file == "-":
        return sys.stdin.readline().rstrip("\r\n")
    try:
        return Path(file).read_text(encoding="utf-8").splitlines()[0]
    except (IndexError, UnicodeDecodeError) as error:
        raise HubError("hub.file", file=file, reason="不是一行 UTF-8 文字") from error


def typed(form: Form, settings: tuple[str, ...]) -> dict[str, Any]:
    """`FIELD=VALUE` texts as values of the form; a label may stand for the field.

    HubError `command.setting`.
    """
    ids = {field.label: field.id for field in form.fields} | {f.id: f.id for f in form.fields}
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or name not in ids:
            raise HubError("command.setting", setting=setting)
        try:
            values[ids[name]] = read_value(form, form.field(ids[name]), text)
        except Unreadable as unreadable:
            raise HubError("command.setting", setting=setting) from unreadable
    return values


def json_values(file: str | None) -> dict[str, Any]:
    """The JSON object in a file or on standard input ("-"); nothing without a file."""
    if file is None:
        return {}
    try:
        data = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return msgspec.json.decode(data.removeprefix(BOM_UTF8), type=dict[str, Any])
    except UNREADABLE as error:
        raise HubError("command.json", file=file) from error


def as_json(value: object) -> str:
    """JSON with bytes as hex digits, for other programs and for reading."""
    encoded = msgspec.json.encode(hexed(msgspec.to_builtins(value, builtin_types=(bytes,))))
    return msgspec.json.format(encoded, indent=1).decode()
