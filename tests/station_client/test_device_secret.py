"""The device secret: kept where the operating system keeps secrets, or honestly not at all."""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends import chainer, fail, null
from keyring.errors import KeyringError, KeyringLocked

from station_client.device_secret import REASONS, SERVICE, DeviceSecret, find_or_create, forget

HOME_ID = "00112233445566778899aabbccddeeff"
SYSTEM = "keyring.backends.SecretService"


class PlaintextKeyring(KeyringBackend):
    """A store that keeps what it is given, wherever its module says it belongs."""

    priority = -1  # never chosen unless a test puts it in place
    __module__ = "keyrings.alt.file"

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[tuple[str, str], str] = {}

    def get_password(self, service: str, username: str) -> str | None:
        return self.kept.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        self.kept[service, username] = password

    def delete_password(self, service: str, username: str) -> None:
        del self.kept[service, username]


class SystemStore(PlaintextKeyring):
    __module__ = SYSTEM


class UnknownPlugin(PlaintextKeyring):
    __module__ = "somebodys.plugin"
    priority = 9


class Forgetful(SystemStore):
    __module__ = SYSTEM

    def get_password(self, service: str, username: str) -> None:
        return None


class Broken(SystemStore):
    __module__ = SYSTEM

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

    def get_password(self, service: str, username: str) -> str | None:
        raise self.error


class Silent(SystemStore):
    __module__ = SYSTEM

    def __init__(self) -> None:
        super().__init__()
        self.answered = threading.Event()

    def get_password(self, service: str, username: str) -> str | None:
        self.answered.wait()
        return None


class Chain(chainer.ChainerBackend):
    """The real chain over the members a test names; the real one discovers what is installed."""

    backends: list[KeyringBackend] = []

    def __init__(self, *members: KeyringBackend) -> None:
        super().__init__()
        self.backends = list(members)


PutInPlace = Callable[[KeyringBackend], None]


@pytest.fixture
def put_in_place(monkeypatch: pytest.MonkeyPatch) -> PutInPlace:
    return lambda backend: monkeypatch.setattr(keyring, "get_keyring", lambda: backend)


def test_a_secret_is_made_once_and_found_again(put_in_place: PutInPlace) -> None:
    put_in_place(SystemStore())
    made = find_or_create(HOME_ID, create=True)
    assert made.mode == "keystore"
    assert len(made.secret) == 32
    assert find_or_create(HOME_ID, create=True) == made
    assert find_or_create(HOME_ID, create=False) == made
    assert find_or_create(HOME_ID[::-1], create=True).secret != made.secret


def test_a_secret_that_is_gone_is_not_made_again_unasked(put_in_place: PutInPlace) -> None:
    store = SystemStore()
    put_in_place(store)
    assert find_or_create(HOME_ID, create=False).answer == "absent"
    assert store.kept == {}


def test_a_secret_is_not_shown_by_repr(put_in_place: PutInPlace) -> None:
    put_in_place(SystemStore())
    made = find_or_create(HOME_ID, create=True)
    assert made.secret.hex() not in repr(made)
    assert repr(made.secret) not in repr(made)


@pytest.mark.parametrize(
    "backend",
    [
        null.Keyring(),
        fail.Keyring(),
        PlaintextKeyring(),
        UnknownPlugin(),
        Chain(),
        Chain(PlaintextKeyring(), SystemStore()),
        Chain(Chain(UnknownPlugin())),
    ],
)
def test_an_insecure_store_counts_as_none(
    put_in_place: PutInPlace, backend: KeyringBackend
) -> None:
    put_in_place(backend)
    answer = find_or_create(HOME_ID, create=True)
    assert (answer.mode, answer.answer, answer.secret) == ("passphrase", "insecure", b"")
    assert "10 个字符" in answer.words()


def test_of_a_chain_the_systems_store_is_used_alone(put_in_place: PutInPlace) -> None:
    safe, plain = SystemStore(), PlaintextKeyring()
    plain.set_password(SERVICE, HOME_ID, "11" * 32)
    put_in_place(Chain(safe, plain))
    made = find_or_create(HOME_ID, create=True)
    assert made.secret != bytes.fromhex("11" * 32)
    assert safe.kept == {(SERVICE, HOME_ID): made.secret.hex()}


@pytest.mark.parametrize(
    "error", [KeyringError(), KeyringLocked("dismissed"), RuntimeError(), OSError("bus")]
)
def test_a_store_that_fails_counts_as_none(put_in_place: PutInPlace, error: Exception) -> None:
    put_in_place(Broken(error))
    answer = find_or_create(HOME_ID, create=True)
    assert (answer.mode, answer.answer) == ("passphrase", "failed")
    assert answer.cause == type(error).__name__


def test_a_store_that_cannot_be_loaded_counts_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_such_module() -> KeyringBackend:
        raise ModuleNotFoundError("no.such.backend")

    monkeypatch.setattr(keyring, "get_keyring", no_such_module)
    assert find_or_create(HOME_ID, create=True).answer == "failed"


def test_a_store_that_forgets_counts_as_none(put_in_place: PutInPlace) -> None:
    put_in_place(Forgetful())
    assert find_or_create(HOME_ID, create=True).cause == "not kept"


@pytest.mark.parametrize("stored", ["", "11", "11" * 31, "not hex"])
def test_a_damaged_secret_counts_as_none(put_in_place: PutInPlace, stored: str) -> None:
    store = SystemStore()
    store.set_password(SERVICE, HOME_ID, stored)
    put_in_place(store)
    assert find_or_create(HOME_ID, create=False).answer == "failed"
    assert store.get_password(SERVICE, HOME_ID) == stored


@pytest.fixture
def silent_store(put_in_place: PutInPlace) -> Iterator[Silent]:
    store = Silent()
    put_in_place(store)
    yield store
    store.answered.set()


def test_a_silent_store_counts_as_none(silent_store: Silent) -> None:
    answer = find_or_create(HOME_ID, create=True, timeout_seconds=0.01)
    assert (answer.mode, answer.answer) == ("passphrase", "silent")


ASK_A_SILENT_STORE = """
import threading, keyring
from keyring.backend import KeyringBackend
from station_client.device_secret import find_or_create

class Silent(KeyringBackend):
    __module__ = "keyring.backends.SecretService"
    priority = -1
    def get_password(self, service, username):
        threading.Event().wait()
    set_password = delete_password = get_password

keyring.set_keyring(Silent())
print(find_or_create("00" * 16, create=True, timeout_seconds=0.01).answer)
"""


def test_a_silent_store_does_not_keep_the_program_from_ending() -> None:
    program = [sys.executable, "-c", ASK_A_SILENT_STORE]
    ended = subprocess.run(program, capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == "silent\n"


@pytest.mark.parametrize("answer", REASONS)
def test_every_answer_without_a_secret_says_why_and_what_is_demanded(answer: str) -> None:
    said = DeviceSecret(answer)
    assert said.words().startswith(said.reason())
    assert "口令" in said.words()


def test_with_a_secret_the_words_speak_of_the_pin() -> None:
    assert "PIN" in DeviceSecret("found", b"s" * 32).words()
    assert DeviceSecret("found", b"s" * 32).reason() == ""


THE_STORY_OF_A_PC = """
import shutil, sys
from pathlib import Path
import keyring
from station_client.device_secret import SERVICE, find_or_create
from station_client.errors import StationError
from station_client.home import Home
from station_client.vault import Vault

def code_of(call):
    try:
        call()
    except StationError as error:
        return error.code

home = Home.open(Path(sys.argv[1]))
device = find_or_create(home.id, create=True)
print(type(keyring.get_keyring()).__module__, device.mode, device.cause)
vault, data_key = Vault.create(home, b"a" * 16, "481516", device)
print(Vault.open(home).unlock("481516").data_key == data_key)
print(code_of(lambda: Vault.open(home).unlock("161548")))
keyring.delete_password(SERVICE, home.id)
print(code_of(lambda: Vault.open(home).unlock("481516")))
"""


@pytest.fixture
def private_session(tmp_path: Path) -> dict[str, str]:
    """An environment with nobody's home, bus, screen or configured key store in it."""
    folders = {"HOME": "person", "XDG_RUNTIME_DIR": "run", "XDG_DATA_HOME": "data"}
    folders |= {"XDG_CONFIG_HOME": "config", "XDG_CACHE_HOME": "cache"}
    for name in folders.values():
        (tmp_path / name).mkdir(mode=0o700)
    foreign = {"DBUS_SESSION_BUS_ADDRESS", "DISPLAY", "WAYLAND_DISPLAY", "PYTHON_KEYRING_BACKEND"}
    inherited = {name: value for name, value in os.environ.items() if name not in foreign}
    return {**inherited, **{name: str(tmp_path / folder) for name, folder in folders.items()}}


@pytest.mark.keyring
def test_a_vault_lives_with_the_desktops_own_key_store(
    tmp_path: Path, private_session: dict[str, str], needs: Callable[[str], str]
) -> None:
    session, daemon = needs("dbus-run-session"), needs("gnome-keyring-daemon")
    # --unlock reads the password from standard input and returns when the store is open.
    steps = f'printf person | "{daemon}" --unlock --components=secrets >&2 && exec "$@"'
    program = [sys.executable, "-c", THE_STORY_OF_A_PC, str(tmp_path / "station")]
    told = subprocess.run(
        [session, "--", "sh", "-c", steps, "sh", *program],
        env=private_session,
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert told.stdout.splitlines() == [
        "keyring.backends.SecretService keystore ",
        "True",
        "vault.wrong_pin",
        "vault.device_secret_missing",
    ], told.stderr


def test_what_is_forgotten_is_not_found_again(put_in_place: PutInPlace) -> None:
    store = SystemStore()
    put_in_place(store)
    find_or_create(HOME_ID, create=True)
    other = find_or_create(HOME_ID[::-1], create=True)
    assert forget(HOME_ID)
    assert find_or_create(HOME_ID, create=False).answer == "absent"
    assert find_or_create(HOME_ID[::-1], create=False) == other
    assert forget(HOME_ID)


@pytest.mark.parametrize("error", [KeyringError("x"), KeyringLocked("x"), ImportError("x")])
def test_a_store_that_fails_has_forgotten_nothing(
    put_in_place: PutInPlace, error: Exception
) -> None:
    put_in_place(Broken(error))
    assert not forget(HOME_ID)


def test_a_store_that_is_silent_is_not_waited_for(put_in_place: PutInPlace) -> None:
    silent = Silent()
    put_in_place(silent)
    assert not forget(HOME_ID, timeout_seconds=0.05)
    silent.answered.set()


def test_where_nothing_was_kept_nothing_is_left(put_in_place: PutInPlace) -> None:
    put_in_place(PlaintextKeyring())
    assert forget(HOME_ID)
