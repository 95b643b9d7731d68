"""The secret that binds the vault to this PC: 32 random bytes in the operating system's key store.

A PIN of six digits is guessed in minutes by whoever copies the folder to a faster machine; with
this secret in the key slot a copied folder opens nowhere else. Where no trustworthy key store
answers, the mode is "passphrase" and the page says so: never a silent fallback.

Knows `keyring` and nobody else of the station; the only file that imports it.
"""

import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Literal, TypeVar

import keyring
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend

Mode = Literal["keystore", "passphrase"]
T = TypeVar("T")

SERVICE = "bianmin-station"
SECRET_BYTES = 32
ANSWER_WITHIN_SECONDS = 5.0

SYSTEM_STORES = {
    "keyring.backends.SecretService",
    "keyring.backends.Windows",
    "keyring.backends.kwallet",
    "keyring.backends.libsecret",
    "keyring.backends.macOS",
}
"""Modules of the backends that are an operating system's own store. A list of the good, not of the
bad: plugins of all kinds register themselves, and keyrings.alt brings several that keep plain text.
"""

REASONS = {
    "absent": "系统密钥库里没有本站的密钥",
    "insecure": "这台电脑没有安全的系统密钥库",
    "failed": "系统密钥库出错",
    "silent": "系统密钥库没有应答，可能还未解锁",
}
"""Why there is no secret → the words for it."""


@dataclass(frozen=True)
class DeviceSecret:
    """What the key store gave: `secret` has 32 bytes in mode "keystore" and none in "passphrase".

    `answer`: "found" or a key of REASONS. `cause`: for the log, the class of error or backend met.
    """

    answer: str
    secret: bytes = field(default=b"", repr=False)
    cause: str = ""

    @property
    def mode(self) -> Mode:
        return "keystore" if self.secret else "passphrase"

    def reason(self) -> str:
        """Why there is no secret, in Chinese; empty where there is one."""
        return REASONS.get(self.answer, "")

    def words(self) -> str:
        """How this PC is protected, in Chinese, for the page where a clerk chooses the secret."""
        if self.mode == "keystore":
            return "PIN 与这台电脑的系统密钥库绑定：数据文件夹被复制到别处也打不开。"
        return f"{self.reason()}，需要用至少 10 个字符的口令代替 PIN。"


def find_or_create(
    home_id: str, create: bool, timeout_seconds: float = ANSWER_WITHIN_SECONDS
) -> DeviceSecret:
    """This home's secret from the key store; with `create`, a new one where there is none.

    Never raises and never waits longer than `timeout_seconds`, whatever the key store does.
    """
    silent = DeviceSecret("silent")
    return _in_time(lambda: _ask(home_id, create), timeout_seconds, silent)


def forget(home_id: str, timeout_seconds: float = ANSWER_WITHIN_SECONDS) -> bool:
    """Take this home's secret out of the key store; whether there is none now.

    Never raises and never waits longer, as `find_or_create`.
    """
    return _in_time(lambda: _forget(home_id), timeout_seconds, False)


def _in_time(ask: Callable[[], T], timeout_seconds: float, silent: T) -> T:
    answers: SimpleQueue[T] = SimpleQueue()
    # A locked Secret Service may wait for ever for a prompt that nobody sees. A daemon thread can
    # be left behind without keeping the program from ending.
    threading.Thread(target=lambda: answers.put(ask()), name="key-store", daemon=True).start()
    try:
        return answers.get(timeout=timeout_seconds)
    except Empty:
        return silent


def _forget(home_id: str) -> bool:
    try:
        store = system_store(keyring.get_keyring())
        if store is not None and store.get_password(SERVICE, home_id) is not None:
            store.delete_password(SERVICE, home_id)
        return store is None or store.get_password(SERVICE, home_id) is None
    except Exception:  # noqa: BLE001 - as in `_ask`
        return False


def _ask(home_id: str, create: bool) -> DeviceSecret:
    try:
        backend = keyring.get_keyring()
        store = system_store(backend)
        if store is None:
            return DeviceSecret("insecure", cause=type(backend).__module__)
        return _ask_store(store, home_id, create)
    except Exception as error:  # noqa: BLE001 - backends also leak D-Bus, COM and import errors
        # The class only: a message might quote what was stored.
        return DeviceSecret("failed", cause=type(error).__name__)


def _ask_store(store: KeyringBackend, home_id: str, create: bool) -> DeviceSecret:
    stored = store.get_password(SERVICE, home_id)
    if stored is None and create:
        store.set_password(SERVICE, home_id, secrets.token_hex(SECRET_BYTES))
        stored = store.get_password(SERVICE, home_id)
        if stored is None:  # a store that forgets would lock the vault for ever
            return DeviceSecret("failed", cause="not kept")
    if stored is None:
        return DeviceSecret("absent", cause=type(store).__module__)
    secret = bytes.fromhex(stored)
    if len(secret) != SECRET_BYTES:
        return DeviceSecret("failed", cause="length")
    return DeviceSecret("found", secret)


def system_store(backend: KeyringBackend) -> KeyringBackend | None:
    """The operating system's own store behind `backend`, or None where secrets would go elsewhere.

    A chain reads from all its members and writes to the first: it is as good as its first, and that
    one is then used alone.
    """
    if isinstance(backend, ChainerBackend):
        members = list(backend.backends)
        return system_store(members[0]) if members else None
    return backend if _module_family(backend) in SYSTEM_STORES else None


def _module_family(backend: KeyringBackend) -> str:
    return ".".join(type(backend).__module__.split(".")[:3])
