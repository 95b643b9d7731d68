"""Commands for bad days: a PC that was cloned or stolen, a hub that was restored, contents that
must go, a backup that is gone. `cli` adds them to the others."""

from __future__ import annotations

from pathlib import Path

import click

from hub_server import app
from hub_server.accounts import Account
from hub_server.command_line import (
    account_option,
    as_json,
    home_option,
    json_option,
    opened,
    who_acts,
    with_account,
    with_hub,
)
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.services.decide_replica import admit_replica, list_replicas
from hub_server.services.draw_epoch import declare_restored
from hub_server.services.list_backups import day_of, declare_gone, list_backups
from hub_server.services.list_losses import list_losses
from hub_server.services.withdraw import erase_record, revoke_enrolment


@click.group()
def replica() -> None:
    """The PCs that write for stations."""


@replica.command("list")
@click.option("--station", "station_code", default="", help="Only this station.")
@json_option
@with_account
def replica_list(hub: Hub, by: Account, station_code: str, as_lines: bool) -> None:
    """List PCs with their id, number and standing: a PC has a new id after a fork or a restore."""
    found = list_replicas(hub, by, station_code)
    if as_lines:
        names = ("id", "enrolment", "parent", "station_code", "device_number", "device", "standing")
        click.echo(as_json([{name: getattr(each, name) for name in names} for each in found]))
        return
    for each in found:
        standing = each.standing or "-"
        click.echo(f"{each.id.hex()}\t{each.station_code}\t{each.device_number}\t{standing}")


@replica.command("admit")
@click.argument("name", metavar="REPLICA")
@with_account
def replica_admit(hub: Hub, by: Account, name: str) -> None:
    """Let a PC read and go on that waits for the county since its predecessor was found twice."""
    admit_replica(hub, by, _id(name, "replica.not_here"))


@replica.command("revoke")
@click.argument("name", metavar="REPLICA")
@click.option("--reason", required=True, help="Why; the station is told.")
@with_account
def replica_revoke(hub: Hub, by: Account, name: str, reason: str) -> None:
    """Revoke the enrolment of a PC that was stolen or cloned, with every id it had or will have."""
    count = revoke_enrolment(hub, by, _id(name, "replica.not_here"), reason)
    click.echo(f"已撤销，涉及 {count} 个编号")


@click.command()
@click.argument("name", metavar="RECORD")
@click.option("--reason", required=True, help="Why; it stands in the audit. Name nobody.")
@click.option(
    "--station", "station_code", default="", help="Whose record it is, if never accepted."
)
@with_account
def erase(hub: Hub, by: Account, name: str, reason: str, station_code: str) -> None:
    """Erase all contents of a record, here and at every station, for good."""
    erase_record(hub, by, _id(name, "case.unknown"), reason, station_code)
    click.echo("已清除；各站点将在下次同步时清除")


@click.command()
@click.confirmation_option(prompt="平台确实从备份恢复过吗？")
@home_option
@account_option
def restored(folder: Path, acting: str | None) -> None:
    """Say that the whole machine was put back to an earlier state, which nothing else shows.

    Before the hub serves again: the new epoch is then the first thing that it writes.
    """
    with opened(folder, app.hub_in) as hub:
        declare_restored(hub, who_acts(hub, acting))
        app.begin(hub)
    click.echo("已换用新的纪元；各站点将在下次同步时送回缺失的记录")


@click.command()
@json_option
@with_account
def losses(hub: Hub, by: Account, as_lines: bool) -> None:
    """List what a restore lost and nobody brought back, and what stations declared as lost."""
    found = list_losses(hub, by)
    if as_lines:
        click.echo(as_json(found))
        return
    for entry in found.entries:
        where = entry.station_code or entry.channel.hex()
        click.echo(f"entries\t{where}\t{entry.first}-{entry.last}")
    for each in found.operations:
        where = f"{each.station_code}\t{each.device_number or '-'}"
        click.echo(f"operations\t{where}\t{each.first}-{each.last}\t{each.missing}")


@click.group()
def backups() -> None:
    """The backups that may still be put back."""


@backups.command("list")
@json_option
@with_hub
def backups_list(hub: Hub, as_lines: bool) -> None:
    """List them, newest first. What the oldest one lacks, no station may let go of."""
    found = list_backups(hub)
    if as_lines:
        click.echo(as_json(found))
        return
    for each in found:
        click.echo(f"{each.id.hex()}\t{day_of(each)}")


@backups.command("gone")
@click.argument("name", metavar="BACKUP")
@click.confirmation_option(prompt="这个备份的文件（连同它的副本）确实都已销毁吗？")
@with_account
def backups_gone(hub: Hub, by: Account, name: str) -> None:
    """Say that a backup's file exists no more, and that nobody will put it back."""
    declare_gone(hub, by, _id(name, "backup.unknown"))


def _id(text: str, code: str) -> bytes:
    """32 hex digits. HubError `code`: nothing has another name."""
    try:
        return bytes.fromhex(text)
    except ValueError as wrong:
        raise HubError(code) from wrong


COMMANDS = (replica, erase, restored, losses, backups)
