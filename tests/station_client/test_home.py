"""The station's folder: modes, one instance, and files that are replaced whole or not at all."""

import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from station_client.errors import StationError
from station_client.home import Home, default_folder, replace_durably


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def code_of(call: object) -> str:
    assert callable(call)
    with pytest.raises(StationError) as caught:
        call()
    assert caught.value.words()
    return caught.value.code


def test_a_new_home_is_for_its_owner_alone(tmp_path: Path) -> None:
    home = Home.open(tmp_path / "county" / "home")
    assert mode_of(home.folder) == 0o700
    assert mode_of(home.logs) == 0o700
    assert mode_of(home.folder / "station.json") == 0o600


def test_a_home_keeps_its_id(tmp_path: Path) -> None:
    first = Home.open(tmp_path / "home")
    assert len(bytes.fromhex(first.id)) == 16
    assert Home.open(tmp_path / "home") == first
    assert Home.open(tmp_path / "another").id != first.id


def test_an_empty_folder_may_become_a_home(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert mode_of(Home.open(tmp_path).folder) == 0o700


def test_loose_modes_are_tightened(tmp_path: Path) -> None:
    home = Home.open(tmp_path)
    log = home.logs / "station.log"
    log.write_text("")
    home.database.write_text("")
    for path in (log, home.database, home.logs, home.folder):
        path.chmod(0o755)
    Home.open(tmp_path)
    assert [mode_of(path) for path in (log, home.database)] == [0o600, 0o600]
    assert [mode_of(path) for path in (home.logs, home.folder)] == [0o700, 0o700]


def test_a_folder_with_strange_files_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").write_bytes(b"sea")
    tmp_path.chmod(0o755)
    assert code_of(lambda: Home.open(tmp_path)) == "home.not_a_station_folder"
    assert mode_of(tmp_path) == 0o755
    assert not (tmp_path / "station.json").exists()


@pytest.mark.parametrize("kept", ["vault.json", "station.db"])
def test_a_home_that_lost_its_config_gets_no_new_id(tmp_path: Path, kept: str) -> None:
    Home.open(tmp_path)
    (tmp_path / kept).write_bytes(b"x")
    (tmp_path / "station.json").unlink()
    assert code_of(lambda: Home.open(tmp_path)) == "home.config_missing"
    assert not (tmp_path / "station.json").exists()


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "home.config_damaged"),
        (b'{"format":1,"home_id":"short"}', "home.config_damaged"),
        (b'{"format":1}', "home.config_damaged"),
        (b"\xff\xfe", "home.config_damaged"),
        (b'{"\xe6ormat":1}', "home.config_damaged"),
        (b'{"format":2,"home_id":"00112233445566778899aabbccddeeff"}', "home.config_newer"),
    ],
)
def test_an_unreadable_config_is_named_and_kept(tmp_path: Path, content: bytes, code: str) -> None:
    Home.open(tmp_path)
    (tmp_path / "station.json").write_bytes(content)
    assert code_of(lambda: Home.open(tmp_path)) == code
    assert (tmp_path / "station.json").read_bytes() == content


def test_a_home_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "home").write_bytes(b"")
    assert code_of(lambda: Home.open(tmp_path / "home")) == "home.file_refused"


def test_the_default_folder_is_the_platforms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert default_folder().is_relative_to(tmp_path)
    assert Home.open().folder == default_folder()


HOLD = """
import sys, pathlib
from station_client.home import Home
with Home.open(pathlib.Path(sys.argv[1])).only_instance():
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_instance_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    home = Home.open(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"held\n"
        assert code_of(home.only_instance().__enter__) == "home.second_instance"
        first.send_signal(signal.SIGKILL)
    with home.only_instance():
        assert mode_of(home.folder / "station.lock") == 0o600


def test_an_instance_that_ends_lets_the_next_one_in(tmp_path: Path) -> None:
    home = Home.open(tmp_path)
    for _ in range(2):
        with home.only_instance():
            assert code_of(home.only_instance().__enter__) == "home.second_instance"


def test_two_first_starts_do_not_make_two_ids(tmp_path: Path) -> None:
    home = Home.open(tmp_path)
    (tmp_path / "station.json").unlink()
    with home.only_instance():
        assert code_of(lambda: Home.open(tmp_path)) == "home.second_instance"


def test_a_replaced_file_has_the_new_content_and_nobody_else_reads_it(tmp_path: Path) -> None:
    file = tmp_path / "vault.json"
    for content in (b"old", b"new, and longer", b"short"):
        replace_durably(file, content)
        assert file.read_bytes() == content
    assert mode_of(file) == 0o600
    assert list(tmp_path.iterdir()) == [file]


DIE_AT = """
import os, pathlib, signal, sys
from station_client.home import replace_durably
file, step, nth = pathlib.Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
owner, name = (os, "fsync") if step == "fsync" else (pathlib.Path, "replace")
real, calls = getattr(owner, name), []
def dies(*args):
    calls.append(args)
    if len(calls) == nth:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*args)
setattr(owner, name, dies)
replace_durably(file, b"new")
"""


@pytest.mark.parametrize(
    ("step", "nth", "left"), [("fsync", 1, b"old"), ("replace", 1, b"old"), ("fsync", 2, b"new")]
)
def test_a_killed_replacement_leaves_the_old_content_or_the_new(
    tmp_path: Path, step: str, nth: int, left: bytes
) -> None:
    file = tmp_path / "vault.json"
    replace_durably(file, b"old")
    killed = subprocess.run([sys.executable, "-c", DIE_AT, file, step, str(nth)], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert file.read_bytes() == left
    replace_durably(file, b"newer")
    assert file.read_bytes() == b"newer"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this platform")
def test_a_full_disk_is_named_and_the_old_content_stays(tmp_path: Path) -> None:
    file = tmp_path / "vault.json"
    replace_durably(file, b"old")
    (tmp_path / "vault.json.new").symlink_to("/dev/full")
    assert code_of(lambda: replace_durably(file, b"new")) == "home.disk_full"
    assert file.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [file]


def test_a_folder_that_is_gone_is_named(tmp_path: Path) -> None:
    assert code_of(lambda: replace_durably(tmp_path / "gone" / "x", b"")) == "home.file_refused"
