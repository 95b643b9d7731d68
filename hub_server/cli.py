"""`bianmin-hub`: what the county's pages do, without a screen.

Each command reads its arguments, calls one service and prints; what goes wrong is one Chinese
sentence with its code on standard error, and an exit code that is not zero.
"""

from __future__ import annotations

import base64
import csv
import io
import secrets
from pathlib import Path

import click

from forms.reading import Unreadable, read_date
from hub_server import app, recovery_commands, verify
from hub_server.accounts import ROLES, Account
from hub_server.command_line import (
    as_json,
    home_option,
    json_option,
    json_values,
    opened,
    secret_from,
    set_option,
    told,
    typed,
    with_account,
    with_hub,
)
from hub_server.errors import HubError
from hub_server.files import whole_file
from hub_server.hub import Hub
from hub_server.serve import Listener
from hub_server.serve import serve as serve_hub
from hub_server.services.accounts import add_account, list_accounts
from hub_server.services.answer_courier import FILE_BYTES, answer_courier
from hub_server.services.applications import (
    KINDS,
    Application,
    Kinds,
    find_by_number,
    list_applications,
    show_application,
)
from hub_server.services.back_up import BACKUPS_KEPT, back_up
from hub_server.services.check_health import ENTRIES_CHECKED, check_health, check_keys
from hub_server.services.decide_application import Terms, decide_application
from hub_server.services.decide_held import decide_held
from hub_server.services.export import export_station
from hub_server.services.issue_code import find_station, issue_code
from hub_server.services.list_backups import overdue_words
from hub_server.services.list_stations import list_stations
from hub_server.services.list_undecided import UndecidedItem, list_undecided
from hub_server.services.publish_catalogue import publish_catalogue
from hub_server.services.read_ledger import Filters
from hub_server.services.record_agreement import KINDS as AGREEMENTS
from hub_server.services.record_agreement import record_agreement
from hub_server.services.submit_application import submit_application
from hub_server.services.write_archive import write_archive, write_archives
from hub_server.workflow import DECISIONS

PORT = 8420
PASSWORD_CHARACTERS = 16
CHANNEL_DIGITS = 32
MOST_LISTED = 10_000
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
@click.version_option(package_name="bianmin")
def main() -> None:
    """政务服务便民服务站县级平台: the county's hub, without a screen."""


@main.command()
@home_option
@click.option("--name", required=True, help="Name of the hub, as stations see it.")
@click.option("--region", required=True, help="Division code of the county, 6 digits.")
@click.option("--admin", default="admin", show_default=True, help="Name of the first account.")
@click.option(
    "--password-file",
    metavar="FILE",
    help="File with the first account's password; - is standard input. Without it one is made and "
    "printed once.",
)
def init(folder: Path, name: str, region: str, admin: str, password_file: str | None) -> None:
    """Make a hub in an empty folder: keys, database, region and the first account."""
    with told():
        made = secrets.token_urlsafe(PASSWORD_CHARACTERS)[:PASSWORD_CHARACTERS]
        password = secret_from(password_file, "密码") if password_file else made
        hub = app.make_hub(folder, name, region, admin=(admin, password))
        hub.store.close()
    click.echo(f"县级平台已建立：{folder}")
    if not password_file:
        click.echo(f"管理员 {admin} 的初始密码（只显示这一次）：{password}")


@main.command()
@home_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=PORT,
    show_default=True,
    help="Port; 0 is any free one.",
)
@click.option(
    "--trusted-host",
    "trusted_hosts",
    multiple=True,
    help="A host name under which browsers may address the hub (default: any).",
)
@click.option(
    "--trusted-proxy",
    metavar="ADDRESS",
    help="Address of the proxy in front, whose X-Forwarded headers are believed.",
)
def serve(
    folder: Path, host: str, port: int, trusted_hosts: tuple[str, ...], trusted_proxy: str | None
) -> None:
    """Serve stations and pages until Ctrl-C."""
    with opened(folder) as hub:
        if loose := check_keys(hub):
            click.echo(loose, err=True)
        serve_hub(hub, Listener(host, port, trusted_hosts, trusted_proxy), announce=click.echo)


@main.group()
def account() -> None:
    """The county's accounts."""


@account.command("add")
@click.argument("name")
@click.option("--role", type=click.Choice(ROLES), required=True, help="What the account may do.")
@click.option("--region", help="Division code prefix it may see (default: the hub's).")
@click.option(
    "--password-file", metavar="FILE", help="File with the password; - is standard input."
)
@with_account
def account_add(
    hub: Hub, by: Account, name: str, role: str, region: str | None, password_file: str | None
) -> None:
    """Add an account."""
    password = secret_from(password_file, "密码")
    added = add_account(hub, by, name, password, role, region or hub.region)
    click.echo(added.name)


@account.command("list")
@json_option
@with_account
def account_list(hub: Hub, by: Account, as_lines: bool) -> None:
    """List the accounts of one's region."""
    found = list_accounts(hub, by)
    if as_lines:
        click.echo(as_json(found))
        return
    for each in found:
        click.echo(f"{each.name}\t{each.role}\t{each.region}")


@main.group()
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
@click.option("--seal", type=_FILE, help="PNG or JPEG of the seal.")
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


@main.group()
def station() -> None:
    """The register of stations."""


@station.command("list")
@json_option
@with_account
def station_list(hub: Hub, by: Account, as_lines: bool) -> None:
    """List the stations of one's region."""
    lines = [
        {
            "code": each.code,
            "name": each.name,
            "region": each.region,
            "state": each.state,
            "opened_at": each.opened_at,
            "computers": len(each.computers),
            "last_contact": each.last_contact,
        }
        for each in list_stations(hub, by)
    ]
    if as_lines:
        click.echo(as_json(lines))
        return
    for line in lines:
        click.echo("\t".join(str(line[name]) for name in ("code", "name", "state", "computers")))


@station.command("code")
@click.argument("station_code", metavar="STATION")
@with_account
def station_code(hub: Hub, by: Account, station_code: str) -> None:
    """Issue a one-time enrolment code for a further or replacement PC."""
    click.echo(issue_code(hub, by, station_code))


@main.group()
def catalogue() -> None:
    """The catalogue of service items."""


@catalogue.command("import")
@click.argument("file", type=_FILE)
@click.option("--region", default="", help="County to publish it to (default: the hub's).")
@with_account
def catalogue_import(hub: Hub, by: Account, file: Path, region: str) -> None:
    """Publish the items of a CSV file (UTF-8 or GB18030) to the county's stations."""
    published = publish_catalogue(hub, by, _rows(file), region)
    click.echo(f"{published.rows} 行，新增或变更 {published.written} 项")


def _rows(file: Path) -> list[dict[str, str]]:
    data = file.read_bytes()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        try:
            text = data.decode("gb18030")
        except UnicodeDecodeError as neither:
            reason = "既不是 UTF-8 也不是 GB18030"
            raise HubError("hub.file", file=file, reason=reason) from neither
    rows = csv.DictReader(io.StringIO(text, newline=""))
    return [{name: cell or "" for name, cell in row.items() if name} for row in rows]


@main.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--station", "station_code", default="", help="Only this station.")
@click.option("--since", default="", help="First day, 2026-01-01.")
@click.option("--until", default="", help="Last day.")
@click.option("--masked", is_flag=True, help="Hide names and telephone numbers (.csv and .xlsx).")
@click.option(
    "--archive",
    is_flag=True,
    help="Write what `verify` checks: the station's whole history with its proofs. Without "
    "--station FILE is a folder, and gets one file for each channel.",
)
@with_account
def export(
    hub: Hub,
    by: Account,
    file: Path,
    station_code: str,
    since: str,
    until: str,
    masked: bool,
    archive: bool,
) -> None:
    """Write the work ledger (.csv, .xlsx), every record in full (.jsonl), or an archive."""
    if archive:
        if since or until or masked:
            raise click.UsageError("--archive writes everything: no --since, --until, --masked.")
        alone = [write_archive(hub, by, station_code, file)] if station_code else None
        for each in alone or write_archives(hub, by, file):
            click.echo(f"{each.path}: {each.entries}")
        return
    filters = Filters(station_code=station_code, since=_day(since), until=_day(until))
    written = export_station(hub, by, file, filters, masked=masked)
    click.echo(f"{file}: {written.lines}")


def _day(text: str) -> str:
    """A date as people write it → ISO."""
    try:
        return str(read_date(text).value) if text else ""
    except Unreadable as unreadable:
        raise HubError("export.date", text=text) from unreadable


@main.group()
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


@main.command("verify")
@click.argument("archive", type=_FILE)
@click.option("--hub-fingerprint", metavar="HEX", default="", help="The hub's, at least 16 digits.")
@click.option(
    "--witness",
    "witnesses",
    type=_FILE,
    multiple=True,
    help="A station's receipts, or another archive: finds a tail that was cut off.",
)
@json_option
def verify_command(
    archive: Path, hub_fingerprint: str, witnesses: tuple[Path, ...], as_lines: bool
) -> None:
    """Check an archive without any hub; exits with 1 where something is not as it was signed."""
    raise SystemExit(verify.run(archive, witnesses, hub_fingerprint, as_json=as_lines))


@main.command()
@click.argument("file", type=_FILE)
@click.argument("reply", type=_FILE)
@with_hub
def courier(hub: Hub, file: Path, reply: Path) -> None:
    """Answer a courier FILE that a station wrote; REPLY is the file to carry back."""
    with file.open("rb") as brought, whole_file(reply) as draft:
        draft.write_bytes(answer_courier(hub, brought.read(FILE_BYTES + 1)))
    click.echo(f"{reply}")


@main.command()
@click.argument("file", type=_FILE)
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    default=BACKUPS_KEPT,
    show_default=True,
    help="How many backups stay; older ones in the same folder are deleted.",
)
@with_hub
def backup(hub: Hub, file: Path, keep: int) -> None:
    """Copy the encrypted database to FILE, and prove the copy."""
    made = back_up(hub, file, keep)
    click.echo(f"{file}: {made.bytes} 字节，{made.channels} 个通道，已通过检查")
    for older in made.deleted:
        click.echo(f"已删除 {older}")
    if words := overdue_words(hub):
        click.echo(words, err=True)


for _command in recovery_commands.COMMANDS:
    main.add_command(_command)


@main.command()
@json_option
@click.option("--full", is_flag=True, help="Check every entry and record, not only the newest.")
@with_hub
def health(hub: Hub, as_lines: bool, full: bool) -> None:
    """Check database, keys, disk, journal, records; exits with 1 when something is wrong."""
    checks = check_health(hub, None if full else ENTRIES_CHECKED)
    if as_lines:
        click.echo(
            as_json([{"name": c.name, "sound": c.is_sound, "words": c.words} for c in checks])
        )
    else:
        for check in checks:
            click.echo(f"{check.name}: {check.words or '正常'}")
    if not all(check.is_sound for check in checks):
        raise SystemExit(1)
