"""Whether the hub is sound: database, keys, disk, and that its journal and its records add up."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from itertools import islice

from hub_server.hub import Hub
from hub_server.keys import loose_files
from hub_server.services.check_history import journal_faults, record_faults
from hub_server.services.list_backups import overdue_words
from hub_server.services.list_losses import all_losses

LEAST_FREE_BYTES = 1_000_000_000
ENTRIES_CHECKED = 100
FAULTS_NAMED = 5
_ALTERED = "请停机，不要删除任何文件，并联系技术支持。"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. `words` is "" or what is wrong and what to do; of what is only
    to be known nothing is wrong."""

    name: str
    words: str
    is_wrong: bool = True

    @property
    def is_sound(self) -> bool:
        return not (self.words and self.is_wrong)


def check_health(hub: Hub, last: int | None = ENTRIES_CHECKED) -> list[Check]:
    """Every check, sound or not; of a damaged database nothing more is asked. `last`: so many
    entries of every channel, None for all of them."""
    database = Check("database", _database(hub))
    beside = [Check("keys", check_keys(hub)), Check("disk", _disk(hub))]
    if not database.is_sound:
        return [database, *beside]
    return [
        database,
        *beside,
        Check("journal", _journal(hub, last)),
        Check("records", _records(hub, last)),
        Check("losses", _losses(hub), is_wrong=False),
        Check("backups", overdue_words(hub), is_wrong=False),
    ]


def _losses(hub: Hub) -> str:
    count = all_losses(hub).count
    return f"有 {count} 条记录在恢复中丢失，尚未找回。请用 losses 查看。" if count else ""


def _database(hub: Hub) -> str:
    damaged = hub.store.damaged_pages()
    return (
        f"数据库有 {len(damaged)} 处损坏。请立即停机，从备份恢复，不要删除任何文件。"
        if damaged
        else ""
    )


def check_keys(hub: Hub) -> str:
    """What to say of key files that others can read; "" where there are none."""
    loose = loose_files(hub.home)
    names = "、".join(path.name for path in loose)
    return f"{names} 可被其他用户读取。请把权限改为仅属主可读写。" if loose else ""


def _disk(hub: Hub) -> str:
    free = shutil.disk_usage(hub.home).free
    return "磁盘剩余不足 1 GB。请清理磁盘。" if free < LEAST_FREE_BYTES else ""


def _journal(hub: Hub, last: int | None) -> str:
    with hub.store.reading():
        faults = list(islice(journal_faults(hub, last), FAULTS_NAMED))
    places = "、".join(f"{each.channel.hex()} 第 {each.position} 条" for each in faults)
    return f"操作记录被改动或缺失：通道 {places}。{_ALTERED}" if faults else ""


def _records(hub: Hub, last: int | None) -> str:
    with hub.store.reading():
        faults = list(islice(record_faults(hub, last), FAULTS_NAMED))
    names = "、".join(each.record.hex() for each in faults)
    return f"记录与操作不一致或缺失：{names}。{_ALTERED}" if faults else ""
