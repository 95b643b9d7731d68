"""Commands for the county's casework: applications, the catalogue, what is held. `cli` adds them to
the others."""

from __future__ import annotations

import base64
import csv
import io
from contextlib import suppress
from itertools import zip_longest
from pathlib import Path

import click

from hub_server.accounts import Account
from hub_server.command_line import (
    as_json,
    file_type,
    json_option,
    json_values,
    set_option,
    typed,
    with_account,
    with_hub,
)
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.services.applications import (
    KINDS,
    Application,
    Kinds,
    find_by_number,
    list_applications,
    show_application,
)
from hub_server.services.decide_application import Terms, decide_application
from hub_server.services.decide_held import decide_held
from hub_server.services.issue_code import find_station
from hub_server.services.list_undecided import UndecidedItem, list_undecided
from hub_server.services.publish_catalogue import publish_catalogue
from hub_server.services.record_agreement import KINDS as AGREEMENTS
from hub_server.services.record_agreement import record_agreement
from hub_server.services.submit_application import submit_application
from hub_server.workflow import DECISIONS

CHANNEL_DIGITS = 32
MOST_LISTED = 10_000


@click.group()
def application() -> None:
    """Applications to open, change and close stations."""


@application.command("submit")
@set_option
@click.option(
    "--json", "source", metavar="FILE", help="JSON object of values; - is standard input."
)
@with_hub
def application_submit(hub: Hub, settings: tuple[str, ...], source: str | None) -> None:
    """Apply to open a station, for somebody who came in person. Prints number and check code."""
    form = hub.forms.latest("station_open")
    number, check_code = submit_application(hub, {**json_values(source), **typed(form, settings)})
    if source:
        click.echo(as_json({"number": number, "check_code": check_code}))
    else:
        click.echo(f"{number} {check_code}")


@application.command("list")
@click.option("--state", default="", help="Only those in this state (submitted, returned …).")
@click.option("--kind", type=click.Choice(KINDS), help="Only those of this kind.")
@json_option
@with_account
def application_list(hub: Hub, by: Account, state: str, kind: str | None, as_lines: bool) -> None:
    """List applications, the last changed first."""
    which = Kinds([kind] if kind else KINDS, [state] if state else None)
    found = list_applications(hub, by, which)
    if as_lines:
        click.echo(as_json(found))
        return
    for each in found:
        name = each.number or each.record.hex()
        click.echo(f"{name}\t{each.kind}\t{each.state}\t{each.station_code}")


@application.command("agree")
@click.argument("name", metavar="APPLICATION")
@click.option("--no", required=True, help="Number of the signed agreement.")
@click.option(
    "--kind", type=click.Choice(AGREEMENTS), default=AGREEMENTS[0], help="What was signed."
)
@click.option("--signed-on", required=True, help="Day of signing, 2026-11-01.")
@click.option("--valid-to", default="", help="Last day of validity; none: open end.")
@with_account
def application_agree(
    hub: Hub, by: Account, name: str, no: str, kind: str, signed_on: str, valid_to: str
) -> None:
    """Record the signed agreement that an opening needs."""
    record_agreement(hub, by, _application(hub, by, name).record, no, kind, signed_on, valid_to)


@application.command("decide")
@click.argument("name", metavar="APPLICATION")
@click.argument("decision", type=click.Choice(DECISIONS))
@click.option("--opinion", default="", help="The county's opinion; needed to return or reject.")
@click.option("--seal", type=file_type, help="PNG or JPEG of the seal.")
@click.option("--station-name", default="", help="Name of the station (default: from the unit's).")
@click.option(
    "--handover-to", default="", help="Station that takes over a closing one's open cases."
)
@json_option
@with_account
def application_decide(
    hub: Hub,
    by: Account,
    name: str,
    decision: str,
    opinion: str,
    seal: Path | None,
    station_name: str,
    handover_to: str,
    as_lines: bool,
) -> None:
    """Decide about an application (its number, or its record's id). Prints station and code."""
    found = _application(hub, by, name)
    terms = Terms(station_name=station_name, handover_to=handover_to)
    image = base64.b64encode(seal.read_bytes()).decode() if seal else None
    decided = decide_application(
        hub, by, found.record, decision, opinion, image, found.version, terms
    )
    if as_lines:
        click.echo(as_json(decided))
    else:
        click.echo(" ".join(filter(None, (decided.state, decided.station_code, decided.code))))


def _application(hub: Hub, by: Account, name: str) -> Application:
    """By the number that an outsider got, or the 32 hex digits of the record."""
    try:
        record = bytes.fromhex(name) if len(name) == 32 else None
    except ValueError:
        record = None
    return show_application(hub, by, record) if record else find_by_number(hub, by, name)


@click.group()
def catalogue() -> None:
    """The catalogue of service items."""


@catalogue.command("import")
@click.argument("file", type=file_type)
@click.option("--region", default="", help="County to publish it to (default: the hub's).")
@with_account
def catalogue_import(hub: Hub, by: Account, file: Path, region: str) -> None:
    """Publish the items of a CSV file (UTF-8 or GB18030) to the county's stations."""
    published = publish_catalogue(hub, by, _rows(file), region)
    click.echo(f"{published.rows} 行，新增或变更 {published.written} 项")


def _rows(file: Path) -> list[dict[str, str]]:
    """Each row of the file by its headings, the blank ones too: rows are named by their number."""
    text = _text(file)
    headline = text.partition("\n")[0]
    delimiter = max(",;\t", key=headline.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    names = [name.strip() for name in next(rows, [])]
    return [dict(zip_longest(names, row[: len(names)], fillvalue="")) for row in rows]


def _text(file: Path) -> str:
    data = file.read_bytes()
    for encoding in ("utf-8-sig", "gb18030"):
        with suppress(UnicodeDecodeError):
            return data.decode(encoding)
    raise HubError("catalogue.encoding", file=file)


@click.group()
def held() -> None:
    """What is held or refused at the stations."""


@held.command("list")
@click.option("--station", "station_code", default="", help="Only this station.")
@json_option
@with_account
def held_list(hub: Hub, by: Account, station_code: str, as_lines: bool) -> None:
    """List what is held or refused and not corrected since, held first; no personal data."""
    found, _ = list_undecided(hub, by, station_code, MOST_LISTED)
    if as_lines:
        click.echo(as_json([_undecided(each) for each in found]))
        return
    for each in found:
        waits = "county" if each.waits_for_county else "-"
        standing = f"{each.verdict.name.lower()}\t{each.code}\t{waits}"
        click.echo(f"{each.station_code}\t{each.identity.hex()}\t{each.kind}\t{standing}")


def _undecided(item: UndecidedItem) -> dict[str, object]:
    verdict = item.verdict.name.lower()
    return {**vars(item), "verdict": verdict, "waits_for_county": item.waits_for_county}


@held.command("decide")
@click.argument("station", metavar="CHANNEL|STATION")
@click.argument("identities", metavar="IDENTITY...", nargs=-1, required=True)
@click.option("--accept/--refuse", "accepts", required=True, help="What the county decides.")
@click.option("--reason", required=True, help="Why, for the audit; of a refusal the desk reads it.")
@with_account
def held_decide(
    hub: Hub, by: Account, station: str, identities: tuple[str, ...], accepts: bool, reason: str
) -> None:
    """Accept or refuse operations that wait for the county, all or none. Prints how many."""
    verdict = "accepted" if accepts else "refused"
    channel = _channel(hub, by, station)
    click.echo(decide_held(hub, by, channel, [*map(_hexed, identities)], verdict, reason))


def _channel(hub: Hub, by: Account, named: str) -> bytes:
    """By the station's code, or the 32 hex digits of the channel."""
    is_channel = len(named) == CHANNEL_DIGITS
    return _hexed(named) if is_channel else find_station(hub, by, named).channel


def _hexed(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError as wrong:
        raise HubError("undecided.unknown") from wrong


COMMANDS = (application, catalogue, held)
