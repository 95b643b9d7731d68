"""What no restore may undo, in a file outside the database and its backups: lines, only added.

Erasures and revocations are written here before they take effect, and are replayed at each start;
so are the numbers that were given out, which of a replica's successors wait for the county, the
epochs that were drawn, and what was lost with them.
Knows no store: what a line means is the business of whoever reads it. PROTOCOL.md, section 13.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
from filelock import FileLock

from hub_server.errors import HubError
from sync_protocol.errors import UNREADABLE

ENVIRONMENT = "BIANMIN_HUB_JOURNAL_FILE"
FILE = "hub.journal"

_CHECKSUM_CHARACTERS = 16


class _Line(msgspec.Struct, frozen=True, tag_field="kind"):
    """Base of all lines. Ids are raw bytes, `at` is ms since 1970 UTC."""


class Erasure(_Line, frozen=True, tag="erasure"):
    """A record of a channel is erased."""

    channel: bytes
    record: bytes
    at: int


class Revocation(_Line, frozen=True, tag="revocation"):
    enrolment: bytes
    reason: str
    at: int


class NumberGiven(_Line, frozen=True, tag="number"):
    """A station's code, `CODE-N` of a PC of it, or an applicant's number: given for good."""

    number: str


class Successor(_Line, frozen=True, tag="successor"):
    """A replica that another one minted: it waits for the county, or goes on. The last line of a
    replica counts."""

    parent: bytes
    replica: bytes
    waits: bool


class EpochDrawn(_Line, frozen=True, tag="epoch"):
    """An epoch of this hub, drawn or seen under its own signature; no two have one moment."""

    epoch: bytes
    at: int


class Lost(_Line, frozen=True, tag="lost"):
    """Entries that the hub signed in an epoch and has no more."""

    channel: bytes
    epoch: bytes
    first: int
    last: int


class Found(_Line, frozen=True, tag="found"):
    """Some of them that came back."""

    channel: bytes
    epoch: bytes
    first: int
    last: int


Line = Erasure | Revocation | NumberGiven | Successor | EpochDrawn | Lost | Found

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(Line)


def path_of(home: Path, environment: Mapping[str, str]) -> Path:
    """The journal's file; the environment may name another one."""
    named = environment.get(ENVIRONMENT)
    return Path(named) if named else home / FILE


class OutsideJournal:
    """One hub's journal. HubError `hub.file`, `hub.journal`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[Line]:
        """Every line, in order. One that was cut short by a crash took no effect, and is left out;
        HubError `hub.journal` for any other damage."""
        return list(_lines(self._bytes(), self.path))

    def add(self, *lines: Line) -> None:
        """Adds lines; they are on the disk when this returns."""
        if not lines:
            return
        try:
            with FileLock(f"{self.path}.lock", mode=0o600):
                self._add(b"".join(map(_encoded, lines)))
        except OSError as refused:
            raise HubError("hub.file", file=self.path, reason=refused.strerror) from refused

    def _bytes(self) -> bytes:
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as refused:
            raise HubError("hub.file", file=self.path, reason=refused.strerror) from refused

    def _add(self, data: bytes) -> None:
        whole = self._bytes().rfind(b"\n") + 1
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0)
        # Without a buffer: what a full disk refused would be written once more at the closing.
        with os.fdopen(os.open(self.path, flags, 0o600), "r+b", buffering=0) as file:
            file.seek(whole)
            file.truncate()
            while data:
                data = data[file.write(data) :]
            os.fsync(file.fileno())


def _encoded(line: Line) -> bytes:
    told = _encoder.encode(line)
    return told + b"\t" + _checksum(told) + b"\n"


def _lines(data: bytes, path: Path) -> Iterator[Line]:
    *whole, _cut_short = data.split(b"\n")
    for number, each in enumerate(whole, start=1):
        told, _, checksum = each.rpartition(b"\t")
        if checksum != _checksum(told):
            raise HubError("hub.journal", file=path, line=number)
        try:
            yield _decoder.decode(told)
        except UNREADABLE as strange:  # whole, and of a later program
            raise HubError("hub.journal", file=path, line=number) from strange


def _checksum(told: bytes) -> bytes:
    return hashlib.sha256(told).hexdigest()[:_CHECKSUM_CHARACTERS].encode()
