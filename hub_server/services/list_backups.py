"""The backups that may still be put back, and the word that one of them is gone.

A backup counts wherever its file is: what it lacks no station may let go of. One that should have
been deleted and was not found holds that up until it is found or declared gone.
"""

from __future__ import annotations

from collections.abc import Sequence

from hub_server.accounts import Account
from hub_server.china_time import in_china
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.permissions import demand
from hub_server.services.audit import note
from hub_server.services.back_up import BACKUPS_KEPT, KEPT
from hub_server.store import Backup


def list_backups(hub: Hub) -> Sequence[Backup]:
    """All that are known, newest first."""
    return hub.store.backups.all()


def overdue(hub: Hub) -> Sequence[Backup]:
    """Those that the last backup would have deleted, had their files been in its folder."""
    kept = int(hub.store.meta(KEPT) or BACKUPS_KEPT)
    return list_backups(hub)[kept:]


def overdue_words(hub: Hub) -> str:
    """What to do about them; "" where there are none."""
    named = "、".join(f"{each.id.hex()}（{day_of(each)}）" for each in overdue(hub))
    return (
        f"没有找到应删除的备份 {named}。它们还可能被恢复，站点因此一直不能销毁较新的数据。"
        "请把文件放回备份文件夹，下次备份时会删除；文件确已销毁的，请用 backups gone 声明。"
        if named
        else ""
    )


def day_of(backup: Backup) -> str:
    """When it was taken, ISO, in China."""
    return in_china(backup.taken_at).date().isoformat()


def declare_gone(hub: Hub, account: Account, backup: bytes) -> None:
    """Nobody can put this backup back any more: it holds nothing up. HubError `backup.unknown`."""
    demand(account, "backup.gone")
    with hub.store.writing():
        found = next((each for each in list_backups(hub) if each.id == backup), None)
        if found is None:
            raise HubError("backup.unknown")
        hub.store.backups.forget(backup)
        note(hub, account, "backup.gone", backup.hex(), hub.region, taken_on=day_of(found))
