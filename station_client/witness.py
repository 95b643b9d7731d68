"""The tail witness: how far this PC's chain was when it was last said to be saved, in a file of its
own beside the database.

A write-ahead log that lost its end opens cleanly and passes every check of the engine; only what
stands elsewhere can tell. Knows the file, not what is done about a difference. PROTOCOL.md, 12.
"""

import hashlib
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from station_client.home import coded, sync_folder
from sync_protocol.operations import Head

_SLOT = struct.Struct(">8sQ16sQ32s")
_MAGIC = b"BMTAIL-1"
SLOT_BYTES = 4096
"""A slot is a page of its own: a write that is cut in its middle spoils that slot alone."""
SLOTS = 2

_flush = getattr(os, "fdatasync", os.fsync)  # in place, so there is no new length to keep


class Witness:
    """One file with two slots, written in turns. Whoever notes holds the database's writer lock."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None
        self._number = 0
        self.seen: Head | None = None
        """The head that was last noted; None where no sound slot says one."""
        for number, head in self._sound():
            if number > self._number:
                self._number, self.seen = number, head

    def note(self, head: Head) -> None:
        """Keep this head, on the disk when this returns.

        Errors: home.disk_full, home.file_refused
        """
        with coded(self._path):
            if self._descriptor is None:
                self._descriptor = self._open()
            number = self._number + 1
            os.lseek(self._descriptor, number % SLOTS * SLOT_BYTES, os.SEEK_SET)
            os.write(self._descriptor, _slot(number, head))
            _flush(self._descriptor)
        self._number, self.seen = number, head

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def _sound(self) -> Iterator[tuple[int, Head]]:
        with coded(self._path):
            try:
                content = self._path.read_bytes()
            except FileNotFoundError:
                return
        for start in range(0, SLOTS * SLOT_BYTES, SLOT_BYTES):
            found = _read(content[start : start + SLOT_BYTES])
            if found is not None:
                yield found

    def _open(self) -> int:
        binary = getattr(os, "O_BINARY", 0)
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | binary, 0o600)
        if os.fstat(descriptor).st_size < SLOTS * SLOT_BYTES:
            with _closed_if_it_fails(descriptor):
                os.write(descriptor, bytes(SLOTS * SLOT_BYTES))
                os.fsync(descriptor)
                sync_folder(self._path.parent)
        return descriptor


@contextmanager
def _closed_if_it_fails(descriptor: int) -> Iterator[None]:
    try:
        yield
    except BaseException:
        os.close(descriptor)
        raise


def _slot(number: int, head: Head) -> bytes:
    content = _SLOT.pack(_MAGIC, number, head.replica, head.seq, head.link)
    return content + hashlib.sha256(content).digest()


def _read(slot: bytes) -> tuple[int, Head] | None:
    content, checksum = slot[: _SLOT.size], slot[_SLOT.size : _SLOT.size + 32]
    if len(content) < _SLOT.size or hashlib.sha256(content).digest() != checksum:
        return None
    magic, number, replica, seq, link = _SLOT.unpack(content)
    return (number, Head(replica, seq, link)) if magic == _MAGIC else None
