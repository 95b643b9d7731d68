"""The station's folder: what lies where, who may read it, who holds it, and how files are replaced.

Knows nothing of what the files mean. Everything in `station.json` can be read before unlock and by
whoever steals the folder, so nothing personal belongs there.
"""

import errno
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import msgspec
import platformdirs
from filelock import FileLock, Timeout

from station_client.errors import StationError
from sync_protocol.errors import UNREADABLE

CONFIG_FORMAT = 1
CONFIG = "station.json"
DATABASE = "station.db"
VAULT = "vault.json"
LOCK = "station.lock"
WITNESS = "witness"
LOGS = "logs"
RUNNING = "running.json"
ERASING = "erasing"
"""Stands while everything of this folder is being removed, so that a start completes it."""
KEPT = frozenset({CONFIG, LOCK, RUNNING, ERASING})
"""What an erasure leaves: random names without meaning, and what the running program holds."""
NEW = ".new"
"""Suffix of a file that is being written; after a crash it is a leftover without meaning."""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What must be readable before unlock: the random name of this folder in the key store."""

    format: int
    home_id: Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{32}\Z")]


@dataclass(frozen=True)
class Home:
    """One station's folder. `id`: 32 hex digits, random, made with the folder."""

    folder: Path
    id: str

    @property
    def database(self) -> Path:
        return self.folder / DATABASE

    @property
    def vault(self) -> Path:
        return self.folder / VAULT

    @property
    def witness(self) -> Path:
        """How far the own chain was saved; see witness.py."""
        return self.folder / WITNESS

    @property
    def running(self) -> Path:
        """How a second start reaches the program that holds the folder; see reopen.py."""
        return self.folder / RUNNING

    @property
    def logs(self) -> Path:
        return self.folder / LOGS

    @classmethod
    def open(cls, folder: Path | None = None) -> "Home":
        """The home in `folder` (default: the platform's data folder), made if it is not there.

        Folders get mode 0700, files 0600; what was looser is tightened.
        Errors: home.not_a_station_folder, home.config_missing, home.config_damaged,
        home.config_newer, home.file_refused, home.disk_full, home.second_instance (while the
        other one is making the folder).
        """
        folder = (folder or default_folder()).absolute()
        with coded(folder):
            _make_private_folder(folder)
        if (folder / ERASING).exists():
            with _hold(folder):
                _remove_everything(folder)
        config = _read_config(folder) or _first_config(folder)
        with coded(folder):
            _make_private_folder(folder / LOGS)
            _tighten(folder)
        return cls(folder, config.home_id)

    def begin_erasing(self) -> None:
        """From here on everything in this folder will be removed, whatever happens to the PC.

        Errors: home.disk_full, home.file_refused; nothing is removed then.
        """
        replace_durably(self.folder / ERASING, b"")

    def erase(self) -> bool:
        """Remove everything, what others put here too; False where a file that is still open must
        wait for the next start. Once nothing is left the folder can be set up anew."""
        return _remove_everything(self.folder)

    def demand_erased(self) -> None:
        """Nothing may be set up while some of an erased station is still here: the next start would
        remove both. Error: home.erasing"""
        if (self.folder / ERASING).exists() and not self.erase():
            raise StationError("home.erasing", folder=self.folder)

    @contextmanager
    def only_instance(self) -> Iterator[None]:
        """Hold the folder for this process. The kernel frees it when the process ends, however.

        Errors: home.second_instance, at once, if another process holds it.
        """
        with _hold(self.folder):
            yield


def default_folder() -> Path:
    """Where a desktop program keeps its user's data on this platform."""
    return platformdirs.user_data_path("bianmin-station", appauthor=False)


def read_if_there(path: Path) -> bytes | None:
    """The file's content, None if there is no such file. Error: home.file_refused."""
    with coded(path):
        try:
            return path.read_bytes()
        except FileNotFoundError:
            return None


def replace_durably(path: Path, content: bytes) -> None:
    """Give the file this content, whole or not at all, on the disk when this returns; mode 0600.

    After a crash or power cut the file holds the old content or the new one. One writer at a time.
    Errors: home.disk_full, home.file_refused; the old content then stays.
    """
    with replacing_durably(path) as new, coded(path):
        new.write_bytes(content)


@contextmanager
def replacing_durably(path: Path) -> Iterator[Path]:
    """Where to write what shall stand at `path`: an empty file of mode 0600.

    When all went well it takes that place, on the disk; else what stood there stays.
    Errors: home.disk_full, home.file_refused.
    """
    new = path.with_name(path.name + NEW)
    with coded(path):
        os.close(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    try:
        yield new
        with coded(path):
            _sync(new)
            new.replace(path)
    except BaseException:
        with suppress(OSError):
            new.unlink(missing_ok=True)
        raise
    with coded(path):
        sync_folder(path.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR)  # Windows flushes no file that is only read
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Have the names of a folder's files on the disk."""
    if os.name == "nt":  # Windows opens no folders; NTFS journals the rename
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _hold(folder: Path) -> Iterator[None]:
    # Not per thread: the server's threads may differ from the one that took it.
    lock = FileLock(folder / LOCK, timeout=0, mode=0o600, thread_local=False)
    try:
        with coded(folder / LOCK):
            lock.acquire()
    except Timeout:
        raise StationError("home.second_instance", folder=folder) from None
    try:
        yield
    finally:
        lock.release()


REASONS = {
    errno.EACCES: "没有权限",
    errno.EPERM: "没有权限",
    errno.EROFS: "磁盘是只读的",
    errno.ENOENT: "找不到文件或文件夹",
    errno.ENOTDIR: "路径上有一个不是文件夹",
    errno.EISDIR: "这是一个文件夹",
    errno.EIO: "磁盘读写出错",
    errno.EBUSY: "正被其他程序使用",
}


def reason_of(error: OSError) -> str:
    """Why the operating system refused, in Chinese where it is a reason that desks meet."""
    return REASONS.get(error.errno or 0) or error.strerror or type(error).__name__


@contextmanager
def coded(path: Path) -> Iterator[None]:
    """The operating system's refusals in the station's words."""
    try:
        yield
    except OSError as error:
        if isinstance(error, Timeout):  # filelock's; an OSError by descent, not by meaning
            raise
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StationError("home.disk_full", file=path) from error
        raise StationError("home.file_refused", file=path, reason=reason_of(error)) from error


def _make_private_folder(folder: Path) -> None:
    if not folder.is_dir():
        folder.mkdir(mode=0o700, parents=True)
        sync_folder(folder.parent)


def _tighten(folder: Path) -> None:
    folder.chmod(0o700)
    for path in folder.rglob("*"):
        # The running instance may take its own files away under a second one's eyes.
        with suppress(FileNotFoundError):
            if not path.is_symlink():
                path.chmod(0o700 if path.is_dir() else 0o600)


def _remove_everything(folder: Path) -> bool:
    left = [path for path in folder.iterdir() if path.name not in KEPT and not _is_removed(path)]
    if not left:
        (folder / ERASING).unlink(missing_ok=True)
    sync_folder(folder)
    return not left


def _is_removed(path: Path) -> bool:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    except OSError:  # Windows removes no open file
        return False
    return True


def _read_config(folder: Path) -> Config | None:
    path = folder / CONFIG
    content = read_if_there(path)
    if content is None:
        return None
    try:
        config = msgspec.json.decode(content, type=Config)
    except UNREADABLE:
        raise StationError("home.config_damaged", file=path) from None
    if config.format != CONFIG_FORMAT:
        raise StationError("home.config_newer", file=path)
    return config


def _first_config(folder: Path) -> Config:
    """A config for a new home.

    Never for one that lost its config: its entry in the key store would be orphaned; and never for
    a stranger's folder, whose modes we would change. Two first starts must not make two ids.
    """
    with _hold(folder):
        if config := _read_config(folder):
            return config
        _demand_empty(folder)
        config = Config(CONFIG_FORMAT, secrets.token_hex(16))
        replace_durably(folder / CONFIG, msgspec.json.encode(config))
        return config


def _demand_empty(folder: Path) -> None:
    with coded(folder):
        names = {path.name for path in folder.iterdir()} - {LOCK, LOGS, CONFIG + NEW}
    if names & {DATABASE, VAULT}:
        raise StationError("home.config_missing", file=folder / CONFIG)
    if names:
        raise StationError("home.not_a_station_folder", folder=folder)
