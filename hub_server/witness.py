"""Where each channel stands, kept outside the database: after a restore the store is behind it.

Written after each commit and not flushed: a store that is ahead of its witness is normal, one that
is behind was put back. One slot of fixed size a channel, so that no write moves another's. Knows
no store and draws no conclusion. PROTOCOL.md, section 13.
"""

from __future__ import annotations

import hashlib
import os
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from threading import Lock
from typing import Protocol

from filelock import FileLock

from hub_server.errors import HubError
from sync_protocol.channel import Cursor

ENVIRONMENT = "BIANMIN_HUB_WITNESS_FILE"
FILE = "hub.witness"

_SLOT = 128  # four to a sector: a slot is never torn in two
_LAYOUT = struct.Struct(">16s16sQ32s")
_CHECKSUM_BYTES = 16


class Standing(Protocol):
    """Where something stands: a channel's row does."""

    @property
    def cursor(self) -> Cursor: ...


def path_of(home: Path, environment: Mapping[str, str]) -> Path:
    """The witness's file; the environment may name another one."""
    named = environment.get(ENVIRONMENT)
    return Path(named) if named else home / FILE


class Witness:
    """One hub's witness. HubError `hub.file` where it cannot be written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        self._places: dict[bytes, int] = {}

    def read(self) -> dict[bytes, Cursor]:
        """Channel → where it stood; what is damaged says nothing."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return {}
        found = (_read(data[at : at + _SLOT]) for at in range(0, len(data), _SLOT))
        return {each.channel: each for each in found if each is not None}

    def note(self, grown: Iterable[Standing]) -> None:
        """Writes where these channels stand now."""
        try:
            with self._lock:
                self._write([each.cursor for each in grown])
        except OSError as refused:
            raise HubError("hub.file", file=self.path, reason=refused.strerror) from refused

    def forget(self) -> None:
        """Begins anew: nothing is known of any channel."""
        with self._lock, FileLock(f"{self.path}.lock", mode=0o600):
            self._places.clear()
            self.path.unlink(missing_ok=True)

    def _write(self, cursors: list[Cursor]) -> None:
        if not self.path.exists():
            self._places.clear()
        if any(each.channel not in self._places for each in cursors):
            self._find_places(cursors)
        with self.path.open("r+b", buffering=0) as file:
            for each in cursors:
                file.seek(self._places[each.channel])
                file.write(_packed(each))

    def _find_places(self, cursors: list[Cursor]) -> None:
        """Another process may have given a channel its slot: the file is asked, under a lock."""
        with FileLock(f"{self.path}.lock", mode=0o600):
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | _BINARY, 0o600)
            with os.fdopen(descriptor, "r+b", buffering=0) as file:
                self._places = dict(_places(file.read()))
                for each in cursors:
                    if each.channel not in self._places:
                        self._places[each.channel] = file.seek(0, os.SEEK_END) // _SLOT * _SLOT
                        file.seek(self._places[each.channel])
                        file.write(_packed(each))


_BINARY = getattr(os, "O_BINARY", 0)


def _places(data: bytes) -> Iterator[tuple[bytes, int]]:
    for at in range(0, len(data), _SLOT):
        cursor = _read(data[at : at + _SLOT])
        if cursor is not None:
            yield cursor.channel, at


def _packed(cursor: Cursor) -> bytes:
    told = _LAYOUT.pack(cursor.channel, cursor.epoch, cursor.position, cursor.digest)
    return (told + _checksum(told)).ljust(_SLOT, b"\x00")


def _read(slot: bytes) -> Cursor | None:
    told, checksum = slot[: _LAYOUT.size], slot[_LAYOUT.size : _LAYOUT.size + _CHECKSUM_BYTES]
    if len(slot) != _SLOT or checksum != _checksum(told):
        return None
    return Cursor(*_LAYOUT.unpack(told))


def _checksum(told: bytes) -> bytes:
    return hashlib.sha256(told).digest()[:_CHECKSUM_BYTES]
