"""`bianmin-hub`: what the county's pages do, without a screen.

Each command reads its arguments, calls one service and prints; what goes wrong is one Chinese
sentence with its code on standard error, and an exit code that is not zero.
"""

from __future__ import annotations

import secrets
from pathlib import Path

import click

from forms.reading import Unreadable, read_date
from hub_server import app, casework_commands, recovery_commands, verify
from hub_server.accounts import ROLES, Account
from hub_server.command_line import (
    as_json,
    file_type,
    home_option,
    json_option,
    opened,
    secret_from,
    told,
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
from hub_server.services.back_up import BACKUPS_KEPT, back_up
from hub_server.services.check_health import ENTRIES_CHECKED, check_health, check_keys
from hub_server.services.export import export_station
from hub_server.services.issue_code import issue_code
from hub_server.services.list_backups import overdue_words
from hub_server.services.list_stations import list_stations
from hub_server.services.read_ledger import Filters
from hub_server.services.write_archive import write_archive, write_archives

PORT = 8420
PASSWORD_CHARACTERS = 16


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


@main.command("verify")
@click.argument("archive", type=file_type)
@click.option("--hub-fingerprint", metavar="HEX", help="The hub's, at least 16 digits.")
@click.option(
    "--witness",
    "witnesses",
    type=file_type,
    multiple=True,
    help="A station's receipts, or another archive: finds a tail that was cut off.",
)
@json_option
def verify_command(
    archive: Path, hub_fingerprint: str | None, witnesses: tuple[Path, ...], as_lines: bool
) -> None:
    """Check an archive without any hub; exits with 1 where something is not as it was signed."""
    raise SystemExit(verify.run(archive, witnesses, hub_fingerprint, as_json=as_lines))


@main.command()
@click.argument("file", type=file_type)
@click.argument("reply", type=file_type)
@with_hub
def courier(hub: Hub, file: Path, reply: Path) -> None:
    """Answer a courier FILE that a station wrote; REPLY is the file to carry back."""
    with file.open("rb") as brought, whole_file(reply) as draft:
        draft.write_bytes(answer_courier(hub, brought.read(FILE_BYTES + 1)))
    click.echo(f"{reply}")


@main.command()
@click.argument("file", type=file_type)
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


for _command in (*casework_commands.COMMANDS, *recovery_commands.COMMANDS):
    main.add_command(_command)
