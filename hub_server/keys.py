"""The hub's three keys: files of mode 0600 in a folder of mode 0700, or named by the environment.

They never lie in the database: whoever copies it gets neither its contents nor the hub's signature.
Knows nothing of what the keys are used for.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hub_server.errors import HubError
from sync_protocol import crypto
from sync_protocol.enrol import HubKeys

FOLDER = "keys"
NAMES = ("signing", "sealing", "database")
_MAKE = {
    "signing": crypto.new_signing_key,
    "sealing": crypto.new_sealing_key,
    "database": lambda: os.urandom(crypto.KEY_BYTES),
}


@dataclass(frozen=True)
class Keys:
    """32 raw bytes each."""

    hub: HubKeys
    database: bytes


def environment_name(name: str) -> str:
    """The variable that may name the file of this key: a secret that the system mounts."""
    return f"BIANMIN_HUB_{name.upper()}_KEY_FILE"


def path_of(home: Path, name: str, environment: Mapping[str, str] = os.environ) -> Path:
    """Where this key lies."""
    named = environment.get(environment_name(name))
    return Path(named) if named else home / FOLDER / f"{name}.key"


def make_keys(home: Path, environment: Mapping[str, str] = os.environ) -> Keys:
    """Makes the keys that are neither there nor named secrets, then reads all three."""
    (home / FOLDER).mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in NAMES:
        path = path_of(home, name, environment)
        if not environment.get(environment_name(name)) and not path.exists():
            _write(path, _MAKE[name]())
    return read_keys(home, environment)


def read_keys(home: Path, environment: Mapping[str, str] = os.environ) -> Keys:
    """The three keys. HubError `hub.key_file` names the one that is missing or damaged."""
    signing, sealing, database = (_read(path_of(home, name, environment)) for name in NAMES)
    return Keys(HubKeys(signing, sealing), database)


def loose_files(home: Path, environment: Mapping[str, str] = os.environ) -> list[Path]:
    """Key files and folders of ours that others than the owner may read."""
    folder = home / FOLDER
    mine = [folder, *(path_of(home, name, environment) for name in NAMES)]
    return [path for path in mine if path.is_relative_to(folder) and _open_to_others(path)]


def _open_to_others(path: Path) -> bool:
    return os.name == "posix" and bool(path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO))


def _write(path: Path, key: bytes) -> None:
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(file, "wb") as out:
        out.write(key.hex().encode() + b"\n")
        out.flush()
        os.fsync(out.fileno())


def _read(path: Path) -> bytes:
    try:
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except OSError as refused:
        raise HubError("hub.key_file", file=path.name, reason=refused.strerror) from refused
    except ValueError as damaged:
        raise HubError("hub.key_file", file=path.name, reason="不是 64 位十六进制数字") from damaged
    if len(key) != crypto.KEY_BYTES:
        raise HubError("hub.key_file", file=path.name, reason="长度不对")
    return key
