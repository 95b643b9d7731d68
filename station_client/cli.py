"""`bianmin-station`: what the pages do, without a screen. A PIN is never an argument.

Each command reads its arguments, calls one service and prints; what goes wrong is one Chinese
sentence with its code on standard error, and an exit code that is not zero.
"""

from datetime import date
from pathlib import Path
from typing import Any, Literal

import click

from station_client import app, casework_commands
from station_client.command_line import (
    as_json,
    clerk_of,
    clerk_option,
    home_option,
    pin_option,
    secret_from,
    told,
    unlocked,
)
from station_client.errors import StationError
from station_client.home import Home, reason_of
from station_client.services import china_time
from station_client.services.add_clerk import add_clerk
from station_client.services.back_up import back_up
from station_client.services.carry_courier import read_reply, write_request
from station_client.services.exchange_with_hub import Outcome, exchange_with_hub
from station_client.services.export_ledger import export_ledger
from station_client.services.read_status import read_status
from station_client.services.retire import ended_words, erase_store, may_retire, seal_store
from station_client.services.write_receipts import write_receipts
from station_client.station import Station


@click.group()
@click.version_option(package_name="bianmin")
def main() -> None:
    """便民服务站: the clerk's desk, without a screen."""


@main.command()
@home_option
@pin_option
@click.option("--hub", "hub_url", required=True, help="Address of the county's hub (https://…).")
@click.option("--code", prompt="启用码", help="The one-time enrolment code.")
@click.option("--name", "clerk_name", prompt="姓名", help="Name of the first clerk.")
def enrol(
    folder: Path | None, pin_file: str | None, hub_url: str, code: str, clerk_name: str
) -> None:
    """Make this folder a PC of the station that the code is for."""
    with told():
        home = Home.open(folder)
        with home.only_instance():
            secret = secret_from(pin_file, "PIN", confirm=True)
            station = app.enrol(home, hub_url, code, clerk_name, secret)
            click.echo(f"{station.certificate.station_code} {station.name}")
            station.close()


@main.group()
def clerk() -> None:
    """The clerks of this desk."""


@clerk.command("add")
@click.option("--name", required=True, help="The new clerk's name.")
@click.option(
    "--new-pin-file", metavar="FILE", help="File with the new clerk's PIN; - is standard input."
)
@unlocked
def clerk_add(station: Station, name: str, new_pin_file: str | None) -> None:
    """Let another clerk unlock this PC."""
    added = add_clerk(station, name, secret_from(new_pin_file, "新 PIN", confirm=True))
    click.echo(f"{station.vault.slot_number(added)} {added.hex()}")


@main.command()
@click.option("--json", "wants_json", is_flag=True, help="Print JSON.")
@unlocked
def sync(station: Station, wants_json: bool) -> None:
    """Exchange with the county now, until nothing is left to say."""

    def show(outcome: Outcome) -> None:
        starting = read_status(station).starting
        if starting is not None:
            click.echo(f"接收县级数据 {starting[0]}/{starting[1]}", err=True)

    _print_outcome(exchange_with_hub(station, on_step=show), wants_json)


def _print_outcome(outcome: Outcome, wants_json: bool) -> None:
    if wants_json:
        click.echo(as_json(outcome))
        return
    standing = "已同步" if outcome.synchronised else "尚未完全同步"
    when = china_time.iso(outcome.hub_time) if outcome.hub_time is not None else ""
    click.echo(
        f"{standing} {when}  上报 {outcome.pushed}  收到 {outcome.pulled}  退回 {outcome.refused}"
        f"  往返 {outcome.requests}  字节 {outcome.bytes_out}/{outcome.bytes_in}"
    )


@main.command()
@click.option("--json", "wants_json", is_flag=True, help="Print JSON.")
@unlocked
def status(station: Station, wants_json: bool) -> None:
    """How the station stands with the county, without asking anybody."""
    now = read_status(station)
    if wants_json:
        click.echo(as_json(now))
        return
    click.echo("已同步" if now.synchronised else "尚未完全同步")
    click.echo(
        f"待上报 {now.pending}  被退回 {now.refused}  待核 {now.held}  冲突 {now.open_conflicts}"
    )
    for words in (
        now.notice,
        now.standing_words,
        *now.alarms,
        now.last_attempt.words if now.last_attempt else "",
    ):
        if words:
            click.echo(words)


@main.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--since", type=click.DateTime(["%Y-%m-%d"]), help="First day.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d"]), help="Last day.")
@click.option("--masked", is_flag=True, help="Hide names and telephone numbers.")
@unlocked
def export(station: Station, file: Path, since: Any, until: Any, masked: bool) -> None:
    """Write the ledger as .xlsx or .csv, or every record with all its values as .json."""
    count = export_ledger(station, file, _day(since), _day(until), masked)
    click.echo(f"{count} {file}")


def _day(chosen: Any) -> date | None:
    return chosen.date() if chosen is not None else None


@main.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@unlocked
def backup(station: Station, file: Path) -> None:
    """Copy the encrypted store to FILE, and prove the copy."""
    click.echo(f"{back_up(station, file)} {file}")


@main.command("receipt")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@unlocked
def receipt_command(station: Station, file: Path) -> None:
    """Write what the county signed last, for an auditor. Prints the county's fingerprint."""
    data, count = write_receipts(station)
    _write(file, data)
    click.echo(f"{count} {file} {station.hub.fingerprint.hex()}")


@main.command()
@home_option
@pin_option
@clerk_option
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
def restored(
    folder: Path | None, pin_file: str | None, number: int | None, file: Path | None
) -> None:
    """Put the backup FILE in the store's place; without it, say that this was done by hand."""
    with told():
        home = Home.open(folder)
        with home.only_instance():
            secret = secret_from(pin_file, "PIN")
            station = app.restored(home, secret, clerk_of(home, number), file)
            now = read_status(station)
            lost = sum(each.last - each.first + 1 for each in now.lost)
            shown = len(station.store.records.all(station.channel))
            click.echo(f"已恢复  记录 {shown}  待上报 {now.pending}  缺失 {lost}")
            station.close()


@main.command()
@click.option("--seal", "how", flag_value="seal", help="Make this PC read-only for good.")
@click.option("--erase", "how", flag_value="erase", help="Destroy this PC's data for good.")
@click.option("--confirm", metavar="STATION", help="The station's code; else the terminal asks.")
@unlocked
def retire(station: Station, how: Literal["seal", "erase"] | None, confirm: str | None) -> None:
    """End this PC of a closed station. Without --seal or --erase, say what stands against it."""
    if how is None:
        for each in may_retire(station):
            click.echo(f"{each.code}  {each.words}")
        return
    typed_code = confirm or str(click.prompt("请输入本站编号确认", err=True))
    done = (seal_store if how == "seal" else erase_store)(station, typed_code)
    for words in ended_words(how, done):
        click.echo(words)


@main.group()
def courier() -> None:
    """Exchange by USB stick where there is no network."""


@courier.command("out")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@unlocked
def courier_out(station: Station, file: Path) -> None:
    """Write the file to carry to the county."""
    data = write_request(station)
    _write(file, data)
    click.echo(f"{len(data)} {file}")


def _write(file: Path, data: bytes) -> None:
    try:
        file.write_bytes(data)
    except OSError as error:
        raise StationError("home.file_refused", file=file, reason=reason_of(error)) from error


@courier.command("in")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--json", "wants_json", is_flag=True, help="Print JSON.")
@unlocked
def courier_in(station: Station, file: Path, wants_json: bool) -> None:
    """Read the file that the county gave back."""
    _print_outcome(read_reply(station, file.read_bytes()), wants_json)


@main.command()
@home_option
@click.option("--port", default=0, help="Port on 127.0.0.1 (default: any free one).")
@click.option("--no-browser", is_flag=True, help="Print the address and open nothing.")
def serve(folder: Path | None, port: int, no_browser: bool) -> None:
    """Show the desk's pages on this PC, until Ctrl-C."""
    with told():
        app.serve(Home.open(folder), port, not no_browser, announce=click.echo)


for _command in casework_commands.COMMANDS:
    main.add_command(_command)
