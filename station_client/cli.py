"""`bianmin-station`: what the pages do, without a screen. A PIN is never an argument.

Each command reads its arguments, calls one service and prints; what goes wrong is one Chinese
sentence with its code on standard error, and an exit code that is not zero.
"""

import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, Literal

import click

from station_client import app
from station_client.command_line import (
    RecordId,
    as_json,
    clerk_of,
    clerk_option,
    home_option,
    json_values,
    pin_option,
    secret_from,
    set_option,
    told,
    typed,
    unlocked,
)
from station_client.errors import StationError
from station_client.home import Home, reason_of
from station_client.import_words import report_lines, report_values
from station_client.services import china_time
from station_client.services.add_clerk import add_clerk
from station_client.services.amend_entry import amend_entry, void_entry
from station_client.services.apply_for_change import apply_for_change
from station_client.services.back_up import back_up
from station_client.services.carry_courier import read_reply, write_request
from station_client.services.desk_defaults import desk_defaults
from station_client.services.exchange_with_hub import Outcome, exchange_with_hub
from station_client.services.export_ledger import export_ledger
from station_client.services.import_ledger import KIND, import_ledger
from station_client.services.list_conflicts import Conflict, list_conflicts
from station_client.services.list_inbox import InboxItem, list_inbox
from station_client.services.read_status import read_status
from station_client.services.record_entry import form_to_write, record_entry
from station_client.services.retire import ended_words, erase_store, may_retire, seal_store
from station_client.services.settle_conflict import settle_conflict
from station_client.services.show_case import show_case
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
@click.argument("kind")
@set_option
@click.option(
    "--json",
    "source",
    metavar="FILE",
    help="JSON object of values; - is standard input. The answer is JSON, too.",
)
@unlocked
def record(station: Station, kind: str, settings: tuple[str, ...], source: str | None) -> None:
    """Record a new case: helper_case, proxy_case or intake_case. Prints its id and number."""
    form = form_to_write(station, kind)
    given = {**json_values(source), **typed(form, settings)}
    with told(form):
        made = record_entry(station, kind, {**desk_defaults(station, kind), **given})
    case_no = show_case(station, made).values.get("case_no", "")
    answer = {"record": made.hex(), "case_no": case_no}
    click.echo(as_json(answer) if source else f"{made.hex()} {case_no}")


@main.command()
@click.argument("record_id", metavar="RECORD", type=RecordId())
@set_option
@click.option(
    "--json", "source", metavar="FILE", help="JSON object of changes; - is standard input."
)
@click.option("--void", "reason", help="Make the record void, for this reason.")
@unlocked
def amend(
    station: Station,
    record_id: bytes,
    settings: tuple[str, ...],
    source: str | None,
    reason: str | None,
) -> None:
    """Correct a record, or make it void. Earlier values stay in its history."""
    form = show_case(station, record_id).form
    with told(form):
        changes = {**json_values(source), **typed(form, settings)}
        if changes:
            amend_entry(station, record_id, changes)
        if reason is not None:
            void_entry(station, record_id, reason)


@main.command()
@click.option("--json", "wants_json", is_flag=True, help="Print JSON.")
@unlocked
def conflicts(station: Station, wants_json: bool) -> None:
    """Show what two sides wrote without knowing of each other."""
    found = list_conflicts(station)
    if wants_json:
        click.echo(as_json([_conflict(each) for each in found]))
        return
    for each in found:
        click.echo(f"{each.record.hex()} {each.register} {each.title} {each.label}")
        for at, side in enumerate(each.sides, 1):
            when = china_time.iso(side.when)
            click.echo(f"  {at}  {side.text}  {side.author} {when}")


def _conflict(conflict: Conflict) -> dict[str, Any]:
    sides = [
        {
            "side": at,
            "value": side.value,
            "text": side.text,
            "author": side.author,
            "when": china_time.iso(side.when),
            "by_hub": side.by_hub,
        }
        for at, side in enumerate(conflict.sides, 1)
    ]
    return {
        "record": conflict.record.hex(),
        "title": conflict.title,
        "register": conflict.register,
        "label": conflict.label,
        "may_settle": conflict.may_settle,
        "sides": sides,
    }


@main.command()
@click.option("--json", "wants_json", is_flag=True, help="Print JSON.")
@unlocked
def inbox(station: Station, wants_json: bool) -> None:
    """Show what is not settled: conflicts, what came back, what the county has not decided."""
    found = list_inbox(station)
    if wants_json:
        click.echo(as_json([_inbox_item(each) for each in found]))
        return
    for each in found:
        click.echo(f"{each.record.hex()} {each.matter} {each.title}  {each.reason}  {each.advice}")


def _inbox_item(item: InboxItem) -> dict[str, Any]:
    return {
        **vars(item),
        "record": item.record.hex(),
        "operation": item.operation.hex(),
        "since": china_time.iso(item.since),
    }


@main.command()
@click.argument("record_id", metavar="RECORD", type=RecordId())
@click.argument("register")
@click.option(
    "--side",
    type=click.IntRange(min=1),
    required=True,
    help="Number of the side, as `conflicts` shows it.",
)
@unlocked
def settle(station: Station, record_id: bytes, register: str, side: int) -> None:
    """Choose one side of a conflict."""
    case = show_case(station, record_id)
    found = [each for each in case.conflicts if each.register == register]
    if not found:
        raise StationError("conflict.unknown")
    [disputed] = found
    if side > len(disputed.sides):
        raise click.BadParameter(f"1-{len(disputed.sides)}", param_hint="--side")
    chosen = disputed.sides[side - 1]
    with told(case.form):
        settle_conflict(station, record_id, register, chosen.name, disputed.seen)


@main.command("apply")
@click.argument("kind", type=click.Choice(["station_change", "station_close"]))
@set_option
@click.option(
    "--json", "source", metavar="FILE", help="JSON object of values; - is standard input."
)
@unlocked
def apply_command(
    station: Station, kind: str, settings: tuple[str, ...], source: str | None
) -> None:
    """Apply for a change or the closing of the station. Prints the application's id."""
    form = form_to_write(station, kind)
    given = {**json_values(source), **typed(form, settings)}
    with told(form):
        made = apply_for_change(station, kind, {**desk_defaults(station, kind), **given})
    click.echo(made.hex())


@main.command("import")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--details", is_flag=True, help="Show every change, mark and row set aside.")
@click.option("--json", "wants_json", is_flag=True, help="Print JSON.")
@unlocked
def import_command(station: Station, file: Path, details: bool, wants_json: bool) -> None:
    """Take an existing ledger (.csv, .xlsx, .xls) into the station, with a report on every row."""
    with click.progressbar(length=1, label=file.name, file=sys.stderr) as bar:
        report = import_ledger(station, file, _shown_on(bar))
    if wants_json:
        click.echo(as_json(report_values(report)))
        return
    for line in report_lines(report, form_to_write(station, KIND), details=details):
        click.echo(line)


def _shown_on(bar: Any) -> Callable[[int, int], None]:
    def show(done: int, total: int) -> None:
        bar.length = max(total, 1)
        bar.update(done - bar.pos)

    return show


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
