"""A copy of the database on another disk. It counts once it was opened, checked and compared.

How far it reaches is noted then: what stations may let go of is only what the oldest one holds.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hub_server.errors import HubError
from hub_server.files import whole_file
from hub_server.hub import Hub
from hub_server.services.check_history import journal_faults, record_faults
from hub_server.store import Backup

BACKUPS_KEPT = 7
KEPT = "backups_kept"
"""The name of the fact how many the last backup was to leave."""
ENTRIES_CHECKED = 100


@dataclass(frozen=True)
class BackedUp:
    """What was made: its size, how many channels it holds; and the older files deleted for it."""

    bytes: int
    channels: int
    deleted: list[Path]


def back_up(hub: Hub, path: Path, keep: int = BACKUPS_KEPT) -> BackedUp:
    """Copy the database to `path`, on the disk when this returns; the hub goes on answering.

    Of the backups in that folder this one and the newest others stay, `keep` in all. What stood at
    `path` stays until the copy is proven. An older one that is not in the folder may still be put
    back, and counts until it is found or declared gone (`list_backups`).

    HubError `backup.*`, `hub.file`; OSError.
    """
    if path.resolve().is_relative_to(hub.home.resolve()):
        raise HubError("backup.inside", folder=hub.home)
    replaced = hub.store.backup_in(path)
    made = Backup(os.urandom(16), hub.now_ms(), hub.epoch)
    with whole_file(path) as draft:
        positions = _proven_copy(hub, draft, made.id, path)
    files = _backups_in(hub, path.parent)
    with hub.store.writing():
        if replaced is not None:
            hub.store.backups.forget(replaced)
        hub.store.backups.add(made, positions)
        for each, file in _forgotten(hub, files).items():
            found = replace(made, id=each, taken_at=made.taken_at - 1)
            hub.store.backups.add(found, _still_here(hub, file))
        hub.store.set_meta(KEPT, str(keep).encode())
    others = [each.id for each in hub.store.backups.all() if each.id != made.id]
    deleted = _delete(hub, files, set(others[keep - 1 :]))
    return BackedUp(path.stat().st_size, len(positions), deleted)


def _backups_in(hub: Hub, folder: Path) -> list[tuple[bytes, Path]]:
    """Id and file of this hub's backups there; a copied one twice."""
    found = ((hub.store.backup_in(file), file) for file in sorted(folder.iterdir()))
    return [(each, file) for each, file in found if each is not None]


def _forgotten(hub: Hub, files: Sequence[tuple[bytes, Path]]) -> dict[bytes, Path]:
    """The backups that a hub which was put back does not know: they count from now on."""
    known = {each.id for each in hub.store.backups.all()}
    return {each: file for each, file in files if each not in known}


def _still_here(hub: Hub, backup: Path) -> dict[bytes, int]:
    """Channel → where a backup ends, of those of which all that it holds is in the log of today."""
    digest_at = hub.store.journal.digest_at
    return {
        channel: position
        for channel, (position, digest) in hub.store.ends_in(backup).items()
        if digest_at(channel, position) == digest
    }


def _proven_copy(hub: Hub, draft: Path, backup: bytes, path: Path) -> dict[bytes, int]:
    """Channel → position of the copy, as it is in the copy."""
    with hub.store.reading():
        counts, channels = hub.store.counts(), hub.store.journal.channels()
    copy = hub.store.copied_to(draft, backup)
    try:
        lacking = [
            each.id
            for each in channels
            if copy.journal.digest_at(each.id, each.position) != each.digest
        ]
        if lacking or not _is_sound(replace(hub, store=copy), counts):
            raise HubError("backup.unsound", file=path)
        return {each.id: each.position for each in copy.journal.channels()}
    finally:
        copy.close()


def _is_sound(copy: Hub, least: dict[str, int]) -> bool:
    store = copy.store
    faults = (
        *store.damaged_pages(),
        *journal_faults(copy, ENTRIES_CHECKED),
        *record_faults(copy, ENTRIES_CHECKED),
    )
    return not faults and all(count >= least[name] for name, count in store.counts().items())


def _delete(hub: Hub, files: Sequence[tuple[bytes, Path]], older: set[bytes]) -> list[Path]:
    """The file first: what is forgotten here must not be there to be put back."""
    deleted = [(each, file) for each, file in files if each in older]
    for backup, file in deleted:
        file.unlink()
        with hub.store.writing():
            hub.store.backups.forget(backup)
    return [file for _, file in deleted]
