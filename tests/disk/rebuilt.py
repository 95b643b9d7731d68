"""A disk as the storage calls made it, and every disk that may be left of it after a power cut.

What was synced is there for good. Of the rest a disk may keep nothing, all, the first calls, any of
them, or single sectors; where a file grew, what stands in a new sector may be anything. A change of
a name (a file made, renamed, unlinked) stays once its folder was synced, a new file's also when the
file was. Knows the records of storage_calls.c; nothing of what the bytes mean.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import NamedTuple

SECTOR = 512
HEAD = struct.Struct("=cQQI")
WAYS = ("none", "all", "prefix", "subset", "subset", "torn", "torn", "junk")


class Call(NamedTuple):
    """One record. `offset`: also a new size, or whether the file was made."""

    what: str
    inode: int
    offset: int
    data: bytes


class Write(NamedTuple):
    """Bytes at an offset; None: cut or grown to that size."""

    offset: int
    data: bytes | None


def read_calls(log: Path) -> list[Call]:
    data, at, found = log.read_bytes(), 0, list[Call]()
    while at < len(data):
        what, inode, offset, length = HEAD.unpack_from(data, at)
        at += HEAD.size
        found.append(Call(what.decode(), inode, offset, data[at : at + length]))
        at += length
    return found


@dataclass
class File:
    """`synced`: what is on the disk for good; `waiting`: what may or may not be."""

    synced: bytearray = field(default_factory=bytearray)
    waiting: list[Write] = field(default_factory=list)

    def sync(self) -> None:
        for write in self.waiting:
            put(self.synced, write)
        self.waiting = []


class Disk:
    """Names are relative to the folder. `lies_about`: ends of names whose syncs do nothing."""

    def __init__(self, folder: Path, lies_about: tuple[str, ...] = ()) -> None:
        paths = [path for path in folder.rglob("*") if path.is_file()]
        self._names = {str(p.relative_to(folder)): File(bytearray(p.read_bytes())) for p in paths}
        self._synced_names = dict(self._names)
        self._waiting_names: list[tuple[str, str, File]] = []
        self._opened: dict[int, File] = {}
        self._lies_about = lies_about

    def apply(self, call: Call) -> None:
        match call.what:
            case "O":
                self._open(call)
            case "W":
                self._opened[call.inode].waiting.append(Write(call.offset, call.data))
            case "T":
                self._opened[call.inode].waiting.append(Write(call.offset, None))
            case "S":
                self._sync(self._opened[call.inode])
            case "D":
                self._keep_names(self._waiting_names)
            case "U" | "R":
                self._rename(*call.data.decode().split("\0"))

    def _open(self, call: Call) -> None:
        name = call.data.decode()
        if call.offset:
            self._names[name] = File()
            self._waiting_names.append(("made", name, self._names[name]))
        self._opened[call.inode] = self._names[name]

    def _sync(self, file: File) -> None:
        name = next((name for name, each in self._names.items() if each is file), "")
        if not name.endswith(self._lies_about or "\0"):
            file.sync()
            self._keep_names([each for each in self._waiting_names if each[::2] == ("made", file)])

    def _rename(self, name: str, to: str = "") -> None:
        file = self._names.pop(name)
        self._waiting_names.append(("gone", name, file))
        if to:
            self._names[to] = file
            self._waiting_names[-1] = (f"to {to}", name, file)

    def _keep_names(self, changes: list[tuple[str, str, File]]) -> None:
        _change(self._synced_names, changes)
        kept = {id(each) for each in changes}
        self._waiting_names = [each for each in self._waiting_names if id(each) not in kept]

    def after_cut(self, dice: Random) -> dict[str, bytes]:
        """Name → content of one disk that may be left."""
        way = dice.choice(WAYS)
        names = dict(self._synced_names)
        _change(names, [each for each in self._waiting_names if _stays(way, dice)])
        return {name: _left_of(file, way, dice) for name, file in names.items()}


def _stays(way: str, dice: Random) -> bool:
    return way != "none" and (way == "all" or dice.random() < 0.5)


def _change(names: dict[str, File], changes: list[tuple[str, str, File]]) -> None:
    for what, name, file in changes:
        if what == "made":
            names[name] = file
        elif names.get(name) is file:
            del names[name]
            if what.startswith("to "):
                names[what.removeprefix("to ")] = file


def _left_of(file: File, way: str, dice: Random) -> bytes:
    content, kept = bytearray(file.synced), file.waiting
    if way == "none":
        kept = []
    elif way == "prefix":
        kept = kept[: dice.randrange(len(kept) + 1)]
    elif way == "subset":
        kept = [write for write in kept if dice.random() < 0.5]
    elif way in ("torn", "junk"):
        kept = list(_sectors(file, way == "junk", dice))
    for write in kept:
        put(content, write)
    return bytes(content)


def _sectors(file: File, has_junk: bool, dice: Random) -> Iterator[Write]:
    for write in file.waiting:
        if write.data is None:
            if dice.random() < 0.5:
                yield write
            continue
        start, end = write.offset, write.offset + len(write.data)
        while start < end:
            stop = min(end, (start // SECTOR + 1) * SECTOR)
            if dice.random() < 0.6:
                yield Write(start, write.data[start - write.offset : stop - write.offset])
            elif has_junk and start >= len(file.synced):
                yield Write(start, dice.randbytes(stop - start))
            start = stop


def put(content: bytearray, write: Write) -> None:
    offset, data = write
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    if data is None:
        del content[offset:]
    else:
        content[offset : offset + len(data)] = data
