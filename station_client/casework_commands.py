"""Commands for the clerk's casework: what is recorded, corrected, settled, applied for, imported.
`cli` adds them to the others."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from station_client.command_line import (
    RecordId,
    as_json,
    json_values,
    set_option,
    told,
    typed,
    unlocked,
)
from station_client.errors import StationError
from station_client.import_words import report_lines, report_values
from station_client.services import china_time
from station_client.services.amend_entry import amend_entry, void_entry
from station_client.services.apply_for_change import apply_for_change
from station_client.services.desk_defaults import desk_defaults
from station_client.services.import_ledger import KIND, import_ledger
from station_client.services.list_conflicts import Conflict, list_conflicts
from station_client.services.list_inbox import InboxItem, list_inbox
from station_client.services.record_entry import form_to_write, record_entry
from station_client.services.settle_conflict import settle_conflict
from station_client.services.show_case import show_case
from station_client.station import Station


@click.command()
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


@click.command()
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


@click.command()
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


@click.command()
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


@click.command()
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


@click.command("apply")
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


@click.command("import")
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


COMMANDS = (record, amend, conflicts, inbox, settle, apply_command, import_command)
