"""The key vault: who opens it, who does not, and what guessing costs. Real Argon2id throughout."""

import base64
import hashlib
import json
import logging
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from station_client import vault as vault_module
from station_client.device_secret import DeviceSecret
from station_client.errors import StationError
from station_client.home import Home
from station_client.key_slot import check_secret
from station_client.vault import Unlocked, Vault

ANNA, BOLIN = b"a" * 16, b"b" * 16
PIN, OTHER_PIN, WRONG_PIN = "481516", "234299", "161548"
PASSPHRASE = "南门桥头的老槐树一九八七"
THIS_PC = DeviceSecret("found", b"d" * 32)
ANOTHER_PC = DeviceSecret("found", b"e" * 32)
NO_STORE = DeviceSecret("insecure")
SECRET_GONE = DeviceSecret("absent")


@dataclass
class Clock:
    """Moves only when told."""

    seconds: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.open(tmp_path / "home")


def reopened(
    home: Home, device: DeviceSecret = THIS_PC, now: Callable[[], float] = time.time
) -> Vault:
    return Vault.open(home, find_device=lambda: device, now=now)


@pytest.fixture
def vault(home: Home, clock: Clock) -> Vault:
    """A vault of this PC that Anna opens with PIN."""
    return Vault.create(home, ANNA, PIN, THIS_PC, now=clock)[0]


def refusal(call: Callable[[], object]) -> StationError:
    with pytest.raises(StationError) as caught:
        call()
    assert caught.value.words()
    return caught.value


def guess_wrong(vault: Vault, times: int, clerk_id: bytes | None = ANNA) -> StationError:
    for _ in range(times):
        error = refusal(lambda: vault.unlock(WRONG_PIN, clerk_id))
    return error


# Opening


@pytest.mark.parametrize(("device", "secret"), [(THIS_PC, PIN), (NO_STORE, PASSPHRASE)])
def test_the_right_secret_gives_the_data_key(home: Home, device: DeviceSecret, secret: str) -> None:
    vault, data_key = Vault.create(home, ANNA, secret, device)
    assert len(data_key) == 32
    assert vault.mode == device.mode
    for opened in (vault, reopened(home, device)):
        assert opened.unlock(secret) == opened.unlock(secret, ANNA) == Unlocked(ANNA, data_key)


def test_two_vaults_never_share_a_key(tmp_path: Path) -> None:
    keys = {
        Vault.create(Home.open(tmp_path / name), ANNA, PIN, THIS_PC)[1] for name in ("one", "two")
    }
    assert len(keys) == 2


def test_full_width_digits_of_an_input_method_are_the_same_pin(vault: Vault) -> None:
    assert vault.unlock("４８１５１６").clerk_id == ANNA


def test_a_vault_is_never_made_over_another(home: Home, vault: Vault) -> None:
    before = home.vault.read_bytes()
    assert refusal(lambda: Vault.create(home, BOLIN, PIN, THIS_PC)).code == "vault.exists"
    assert home.vault.read_bytes() == before


def test_a_home_without_a_vault_says_so(home: Home) -> None:
    assert refusal(lambda: Vault.open(home)).code == "vault.missing"


def test_a_home_with_data_that_lost_its_vault_is_not_taken_for_a_new_one(home: Home) -> None:
    home.database.write_bytes(b"data")
    assert refusal(lambda: Vault.open(home)).code == "vault.lost"


def test_a_passphrase_vault_asks_no_key_store(home: Home) -> None:
    Vault.create(home, ANNA, PASSPHRASE, NO_STORE)

    def must_not_be_asked() -> DeviceSecret:
        raise AssertionError

    assert Vault.open(home, find_device=must_not_be_asked).unlock(PASSPHRASE).clerk_id == ANNA


# Clerks


def test_two_clerks_open_with_their_own_secrets(home: Home, vault: Vault) -> None:
    anna = vault.unlock(PIN)
    vault.add_slot(anna, BOLIN, OTHER_PIN)
    later = reopened(home)
    assert later.clerk_ids() == [ANNA, BOLIN]
    assert [later.slot_number(clerk) for clerk in later.clerk_ids()] == [1, 2]
    assert later.unlock(OTHER_PIN) == Unlocked(BOLIN, anna.data_key)
    assert later.unlock(PIN) == anna
    assert refusal(lambda: later.unlock(PIN, BOLIN)).code == "vault.wrong_pin"


def test_two_clerks_with_the_same_pin_must_say_who_they_are(vault: Vault) -> None:
    vault.add_slot(vault.unlock(PIN), BOLIN, PIN)
    assert refusal(lambda: vault.unlock(PIN)).code == "vault.ambiguous_clerk"
    assert vault.unlock(PIN, ANNA).clerk_id == ANNA
    assert vault.unlock(PIN, BOLIN).clerk_id == BOLIN


def test_the_same_pin_leaves_no_trace_in_the_file(home: Home, vault: Vault) -> None:
    vault.add_slot(vault.unlock(PIN), BOLIN, PIN)
    one, two = json.loads(home.vault.read_bytes())["vault"]["slots"]
    assert all(one[name] != two[name] for name in ("salt", "nonce", "wrapped_key", "slot_id"))


def test_a_clerk_who_left_opens_nothing_and_the_number_is_free(home: Home, vault: Vault) -> None:
    anna = vault.unlock(PIN)
    vault.add_slot(anna, BOLIN, OTHER_PIN)
    vault.remove_slot(ANNA)
    later = reopened(home)
    assert refusal(lambda: later.unlock(PIN, ANNA)).code == "vault.unknown_clerk"
    assert refusal(lambda: later.unlock(PIN)).code == "vault.wrong_pin"
    later.add_slot(later.unlock(OTHER_PIN), b"c" * 16, PIN)
    assert later.clerk_ids() == [b"c" * 16, BOLIN]


def test_the_last_clerk_stays(vault: Vault) -> None:
    assert refusal(lambda: vault.remove_slot(ANNA)).code == "vault.last_clerk"
    assert refusal(lambda: vault.remove_slot(BOLIN)).code == "vault.unknown_clerk"
    assert vault.unlock(PIN).clerk_id == ANNA


def test_a_clerk_has_one_slot_and_a_desk_has_few(
    vault: Vault, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = vault.unlock(PIN)
    assert refusal(lambda: vault.add_slot(anna, ANNA, OTHER_PIN)).code == "vault.clerk_exists"
    monkeypatch.setattr(vault_module, "MOST_CLERKS", 1)
    assert refusal(lambda: vault.add_slot(anna, BOLIN, OTHER_PIN)).code == "vault.full"


def test_a_clerk_id_has_16_bytes(vault: Vault) -> None:
    anna = vault.unlock(PIN)
    with pytest.raises(ValueError, match="16 bytes"):
        vault.add_slot(anna, b"short", OTHER_PIN)


def test_a_changed_pin_replaces_the_old_one(home: Home, vault: Vault) -> None:
    before = vault.unlock(PIN)
    vault.change_secret(ANNA, PIN, OTHER_PIN)
    later = reopened(home)
    assert later.unlock(OTHER_PIN) == before
    assert refusal(lambda: later.unlock(PIN)).code == "vault.wrong_pin"
    assert later.slot_number(ANNA) == 1


def test_changing_a_pin_is_guessing_too(home: Home, vault: Vault) -> None:
    for left in (4, 3, 2, 1):
        error = refusal(lambda: vault.change_secret(ANNA, WRONG_PIN, OTHER_PIN))
        assert error.facts == {"tries_left": left}
    error = refusal(lambda: vault.change_secret(ANNA, WRONG_PIN, OTHER_PIN))
    assert error.code == "vault.locked_out"


# What a PIN and a passphrase must be


@pytest.mark.parametrize(
    ("secret", "device", "code"),
    [
        ("48151", THIS_PC, "vault.pin_too_short"),
        ("", THIS_PC, "vault.pin_not_digits"),
        ("48151a", THIS_PC, "vault.pin_not_digits"),
        ("٤٨١٥١٦", THIS_PC, "vault.pin_not_digits"),
        ("000000", THIS_PC, "vault.secret_too_simple"),
        ("123456", THIS_PC, "vault.secret_too_simple"),
        ("654321", THIS_PC, "vault.secret_too_simple"),
        ("6789012", THIS_PC, "vault.secret_too_simple"),
        ("３２１０９８", THIS_PC, "vault.secret_too_simple"),
        ("老槐树1987", NO_STORE, "vault.passphrase_too_short"),
        (PIN, NO_STORE, "vault.passphrase_too_short"),
        ("槐槐槐槐槐槐槐槐槐槐", NO_STORE, "vault.secret_too_simple"),
        ("1234567890123", NO_STORE, "vault.secret_too_simple"),
    ],
)
def test_a_secret_that_is_guessed_at_once_is_refused(
    home: Home, secret: str, device: DeviceSecret, code: str
) -> None:
    assert refusal(lambda: Vault.create(home, ANNA, secret, device)).code == code
    assert not home.vault.exists()


@pytest.mark.parametrize("secret", ["481516", "123457", "112233", "４８１５１６", "0" * 9 + "1"])
def test_other_pins_are_allowed(secret: str) -> None:
    check_secret(secret, "keystore")


def test_every_way_to_set_a_secret_keeps_the_rule(home: Home, vault: Vault) -> None:
    anna = vault.unlock(PIN)
    before = home.vault.read_bytes()
    assert refusal(lambda: vault.add_slot(anna, BOLIN, "1")).code == "vault.pin_too_short"
    assert refusal(lambda: vault.change_secret(ANNA, PIN, "1")).code == "vault.pin_too_short"
    assert home.vault.read_bytes() == before


# Guessing


def test_wrong_tries_are_counted_down_and_then_cost_ever_more_time(
    vault: Vault, clock: Clock
) -> None:
    assert [guess_wrong(vault, 1).facts["tries_left"] for _ in range(4)] == [4, 3, 2, 1]
    for minutes in (1, 5, 15, 60, 60):
        locked = guess_wrong(vault, 1)
        assert locked.code == "vault.locked_out"
        assert locked.facts == {"seconds_to_wait": minutes * 60, "minutes_to_wait": minutes}
        clock.seconds += minutes * 60 - 1
        assert refusal(lambda: vault.unlock(PIN)).facts["seconds_to_wait"] == 1
        clock.seconds += 1
    assert vault.unlock(PIN).clerk_id == ANNA
    assert guess_wrong(vault, 1).facts["tries_left"] == 4


def test_while_waiting_even_the_right_pin_is_not_tried(vault: Vault) -> None:
    guess_wrong(vault, 5)
    assert refusal(lambda: vault.unlock(PIN)).code == "vault.locked_out"
    assert refusal(lambda: vault.unlock(PIN, ANNA)).code == "vault.locked_out"


def test_starting_again_gives_no_new_tries(home: Home, vault: Vault, clock: Clock) -> None:
    guess_wrong(vault, 2)
    assert guess_wrong(reopened(home, now=clock), 1).facts["tries_left"] == 2
    guess_wrong(reopened(home, now=clock), 2)
    assert refusal(lambda: reopened(home, now=clock).unlock(PIN)).code == "vault.locked_out"


DIE_AT_THE_CHECK = """
import os, signal, sys
from pathlib import Path
from station_client import vault
from station_client.device_secret import DeviceSecret
from station_client.home import Home
vault.unwrap = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
device = DeviceSecret("found", b"d" * 32)
opened = vault.Vault.open(Home.open(Path(sys.argv[1])), find_device=lambda: device)
opened.unlock(sys.argv[2])
"""


def test_killing_the_program_at_the_check_gives_no_free_guess(home: Home) -> None:
    Vault.create(home, ANNA, PIN, THIS_PC)
    for _ in range(5):
        program = [sys.executable, "-c", DIE_AT_THE_CHECK, str(home.folder), WRONG_PIN]
        assert subprocess.run(program, check=False).returncode == -signal.SIGKILL
    later = Vault.open(home, find_device=lambda: THIS_PC)
    assert refusal(lambda: later.unlock(PIN)).code == "vault.locked_out"


def test_a_guess_that_cannot_be_counted_is_not_checked(home: Home, vault: Vault) -> None:
    home.vault.with_name("vault.json.new").symlink_to("/dev/full")
    assert refusal(lambda: vault.unlock(PIN)).code == "home.disk_full"
    assert vault.unlock(PIN).clerk_id == ANNA


def test_setting_the_clock_back_makes_the_wait_begin_anew(vault: Vault, clock: Clock) -> None:
    guess_wrong(vault, 5)
    clock.seconds += 60
    guess_wrong(vault, 1)
    clock.seconds -= 365 * 86400
    assert refusal(lambda: vault.unlock(PIN)).facts["minutes_to_wait"] == 5
    clock.seconds += 299
    assert refusal(lambda: vault.unlock(PIN)).facts["seconds_to_wait"] == 1
    clock.seconds += 1
    assert vault.unlock(PIN).clerk_id == ANNA


def test_a_clock_put_right_after_a_typing_error_costs_no_wait(vault: Vault, clock: Clock) -> None:
    guess_wrong(vault, 4)
    clock.seconds -= 365 * 86400
    assert vault.unlock(PIN).clerk_id == ANNA


def test_setting_the_clock_forward_resets_no_count(vault: Vault, clock: Clock) -> None:
    guess_wrong(vault, 5)
    for minutes in (5, 15, 60, 60):
        clock.seconds += 365 * 86400
        assert guess_wrong(vault, 1).facts["minutes_to_wait"] == minutes


def test_a_clerk_cannot_clear_the_count_of_a_colleague(vault: Vault) -> None:
    vault.add_slot(vault.unlock(PIN), BOLIN, OTHER_PIN)
    guess_wrong(vault, 4, BOLIN)
    vault.unlock(PIN, ANNA)
    vault.unlock(PIN)
    assert guess_wrong(vault, 1, BOLIN).code == "vault.locked_out"
    assert refusal(lambda: vault.unlock(OTHER_PIN, BOLIN)).code == "vault.locked_out"


def test_a_clerk_who_opens_unnamed_does_not_lock_a_colleague_out(vault: Vault) -> None:
    vault.add_slot(vault.unlock(PIN), BOLIN, OTHER_PIN)
    for _ in range(6):
        vault.unlock(PIN)
    assert vault.unlock(OTHER_PIN, BOLIN).clerk_id == BOLIN


def test_a_clerk_locked_out_does_not_stop_a_colleague(vault: Vault) -> None:
    vault.add_slot(vault.unlock(PIN), BOLIN, OTHER_PIN)
    guess_wrong(vault, 5, ANNA)
    assert vault.unlock(OTHER_PIN).clerk_id == BOLIN
    assert guess_wrong(vault, 5, None).code == "vault.locked_out"


def test_guesses_in_parallel_are_counted_one_by_one(vault: Vault) -> None:
    with ThreadPoolExecutor(8) as threads:
        errors = list(threads.map(lambda _: guess_wrong(vault, 1), range(12)))
    codes = [error.code for error in errors]
    assert sorted(codes) == ["vault.locked_out"] * 8 + ["vault.wrong_pin"] * 4


def test_vaults_that_unlock_at_the_same_moment_do_not_wait_for_each_other(tmp_path: Path) -> None:
    vaults = []
    for number in range(4):
        vaults.append(Vault.create(Home.open(tmp_path / str(number)), ANNA, PIN, THIS_PC)[0])
    with ThreadPoolExecutor(len(vaults)) as threads:
        opened = list(threads.map(lambda vault: vault.unlock(PIN), vaults * 3))
    assert len({unlocked.data_key for unlocked in opened}) == len(vaults)


# Theft and damage


@pytest.mark.parametrize(
    ("device", "code"),
    [
        (SECRET_GONE, "vault.device_secret_missing"),
        (NO_STORE, "vault.device_secret_missing"),
        (ANOTHER_PC, "vault.wrong_pin"),
    ],
)
def test_a_copied_folder_does_not_open_with_the_right_pin(
    home: Home, vault: Vault, tmp_path: Path, device: DeviceSecret, code: str
) -> None:
    shutil.copytree(home.folder, tmp_path / "stolen")
    stolen = Home.open(tmp_path / "stolen")
    assert refusal(lambda: reopened(stolen, device).unlock(PIN)).code == code
    assert reopened(home).unlock(PIN).clerk_id == ANNA


def test_a_missing_device_secret_costs_no_try_and_says_why(home: Home, vault: Vault) -> None:
    before = home.vault.read_bytes()
    error = refusal(lambda: reopened(home, SECRET_GONE).unlock(PIN))
    assert SECRET_GONE.reason() in error.words()
    assert home.vault.read_bytes() == before


def test_nothing_secret_lies_in_the_folder(
    home: Home, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    vault, data_key = Vault.create(home, ANNA, PIN, THIS_PC, now=clock)
    told = [str(vault.unlock(PIN)), repr(guess_wrong(vault, 4)), guess_wrong(vault, 1).words()]
    written = b"".join(path.read_bytes() for path in home.folder.rglob("*") if path.is_file())
    written += (caplog.text + "".join(told)).encode()
    for secret in (PIN.encode(), WRONG_PIN.encode(), data_key, THIS_PC.secret):
        for shown in (secret, secret.hex().encode(), base64.b64encode(secret)):
            assert shown not in written


def test_every_flipped_bit_of_the_file_is_noticed(home: Home, vault: Vault) -> None:
    good = home.vault.read_bytes()
    codes = set()
    for bit in range(len(good) * 8):
        bad = bytearray(good)
        bad[bit // 8] ^= 1 << bit % 8
        home.vault.write_bytes(bad)
        codes.add(refusal(lambda: Vault.open(home)).code)
        assert home.vault.read_bytes() == bad
    assert codes == {"vault.damaged", "vault.newer_format"}
    home.vault.write_bytes(good)
    assert reopened(home).unlock(PIN).clerk_id == ANNA


def test_every_cut_of_the_file_is_noticed(home: Home, vault: Vault) -> None:
    good = home.vault.read_bytes()
    for length in range(len(good)):
        home.vault.write_bytes(good[:length])
        assert refusal(lambda: Vault.open(home)).code == "vault.damaged"


def forge(home: Home, change: Callable[[dict[str, Any]], object]) -> None:
    """What an attacker with the folder can do: any change, and a checksum that fits."""
    file = json.loads(home.vault.read_bytes())
    change(file["vault"])
    body = json.dumps(file["vault"], separators=(",", ":"))
    checksum = hashlib.sha256(body.encode()).hexdigest()
    home.vault.write_text(f'{{"format":1,"checksum":"{checksum}","vault":{body}}}')


def in_slot(**fields: object) -> Callable[[dict[str, Any]], object]:
    return lambda vault: vault["slots"][0].update(fields)


def of_length(length: int) -> str:
    return base64.b64encode(b"x" * length).decode()


def test_a_forgery_that_changes_nothing_opens(home: Home, vault: Vault) -> None:
    forge(home, lambda _: None)
    assert reopened(home).unlock(PIN).clerk_id == ANNA


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (in_slot(salt=of_length(16)), "vault.wrong_pin"),
        (in_slot(nonce=of_length(12)), "vault.wrong_pin"),
        (in_slot(wrapped_key=of_length(48)), "vault.wrong_pin"),
        (in_slot(clerk_id=BOLIN.hex()), "vault.wrong_pin"),
        (in_slot(slot_id=BOLIN.hex()), "vault.wrong_pin"),
        (lambda vault: vault.update(mode="passphrase"), "vault.wrong_pin"),
        (lambda vault: vault.update(mode="open"), "vault.damaged"),
        (lambda vault: vault.update(slots=[]), "vault.damaged"),
        (in_slot(suite=2), "vault.unknown_suite"),
        (in_slot(kind="county"), "vault.damaged"),
        (in_slot(name="王芳"), "vault.damaged"),
        (in_slot(lanes=1_000_000), "vault.damaged"),
        (in_slot(salt=of_length(8)), "vault.damaged"),
        (in_slot(nonce=of_length(8)), "vault.damaged"),
        (in_slot(wrapped_key=of_length(16)), "vault.damaged"),
    ],
)
def test_a_forged_file_gives_no_key(
    home: Home, vault: Vault, change: Callable[[dict[str, Any]], object], code: str
) -> None:
    forge(home, change)
    assert refusal(lambda: reopened(home).unlock(PIN)).code == code


def test_another_number_of_lanes_gives_no_key(home: Home, vault: Vault) -> None:
    forge(home, in_slot(lanes=2))
    assert refusal(lambda: reopened(home).unlock(PIN)).code == "vault.wrong_pin"


def test_a_passphrase_vault_forged_into_key_store_mode_gives_no_key(home: Home) -> None:
    Vault.create(home, ANNA, PASSPHRASE, NO_STORE)
    forge(home, lambda vault: vault.update(mode="keystore"))
    assert refusal(lambda: reopened(home).unlock(PASSPHRASE)).code == "vault.wrong_pin"
    missing = refusal(lambda: reopened(home, NO_STORE).unlock(PASSPHRASE))
    assert missing.code == "vault.device_secret_missing"
