"""Whether the hub is sound: database, keys, disk, and that its journal adds up."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from hub_server.hub import Hub
from hub_server.keys import loose_files
from hub_server.store import Channel
from sync_protocol import channel as protocol

LEAST_FREE_BYTES = 1_000_000_000
ENTRIES_CHECKED = 100


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. `words` is "" or what is wrong and what to do."""

    name: str
    words: str

    @property
    def is_sound(self) -> bool:
        return not self.words


def check_health(hub: Hub) -> list[Check]:
    """Every check, sound or not."""
    checks: list[tuple[str, Callable[[Hub], str]]] = [
        ("database", _database),
        ("keys", check_keys),
        ("disk", _disk),
        ("journal", _journal),
    ]
    return [Check(name, look(hub)) for name, look in checks]


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


def _journal(hub: Hub) -> str:
    broken = [each.id.hex() for each in hub.store.journal.channels() if any(_faults(hub, each))]
    return f"通道 {'、'.join(broken)} 的记录前后不符。请停机并联系技术支持。" if broken else ""


def _faults(hub: Hub, channel: Channel) -> Iterator[str]:
    """What does not add up among the last entries of a channel."""
    journal = hub.store.journal
    start = max(0, channel.position - ENTRIES_CHECKED)
    digest, position = journal.digest_at(channel.id, start), start
    if digest is None:
        yield "missing"
        return
    for entry in journal.entries_after(channel.id, start):
        digest, position = protocol.next_digest(digest, entry.data), position + 1
        if (entry.position, entry.digest) != (position, digest):
            yield "digest"
    if (position, digest) != (channel.position, channel.digest):
        yield "head"
