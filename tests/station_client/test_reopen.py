"""A second start shows the running program's pages again, and believes nobody else on the port."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import requests

from station_client import reopen
from station_client.home import Home

SERVE = [sys.executable, "-m", "station_client", "serve", "--no-browser", "--home"]


@contextmanager
def serving(home: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The program with its pages, and the address that it printed."""
    with subprocess.Popen([*SERVE, str(home)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process, process.stdout.readline().strip()
        finally:
            process.terminate()


def start_again(home: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SERVE, str(home)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **environment},
    )


def test_a_second_start_opens_the_running_programs_pages_again(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with serving(home) as (_, first):
        assert requests.get(first, timeout=10).ok
        assert requests.get(first, timeout=10).status_code == 401
        # A proxy of the environment is not asked: it could not reach this PC's loopback.
        again = start_again(home, http_proxy="http://127.0.0.1:9", all_proxy="http://127.0.0.1:9")
        assert (again.returncode, again.stderr) == (0, "")
        second = again.stdout.strip()
        assert second.rpartition("/")[0] == first.rpartition("/")[0]
        assert second != first
        assert requests.get(second, timeout=10).ok


def test_two_starts_at_once_end_as_one_program(tmp_path: Path) -> None:
    """A double click: the second may come before the first one listens."""
    home = tmp_path / "home"
    Home.open(home)
    with serving(home) as (running, first), serving(home) as (other, second):
        assert first.rpartition("/")[0] == second.rpartition("/")[0]
        assert [running.poll(), other.poll()].count(None) >= 1


def test_the_file_is_for_the_owner_alone_and_goes_with_the_program(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with serving(home) as (process, _):
        assert stat.S_IMODE((home / "running.json").stat().st_mode) == 0o600
        process.terminate()
        process.wait()
    assert not (home / "running.json").exists()


def test_a_background_job_of_a_shell_stops_on_the_same_signal(tmp_path: Path) -> None:
    command = ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *SERVE, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("http://")
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=30) == 0


def test_what_a_crash_left_keeps_nobody_from_starting(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with serving(home) as (process, _):
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert (home / "running.json").exists()
    with serving(home) as (_, address):
        assert requests.get(address, timeout=10).ok


def test_other_commands_still_say_that_the_program_runs(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with serving(home):
        said = subprocess.run(
            [sys.executable, "-m", "station_client", "status", "--home", str(home)],
            capture_output=True,
            text=True,
            check=False,
        )
    assert said.returncode == 1
    assert "home.second_instance" in said.stderr


# --- who is believed ---


class Stranger(BaseHTTPRequestHandler):
    """Somebody else's program that has the port now, and answers as ours would."""

    heard: list[bytes]

    def do_POST(self) -> None:
        self.heard.append(self.rfile.read(int(self.headers["Content-Length"])))
        body = json.dumps({"token": "bait", "proof": "0" * 64}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Nothing: a test's output is its result."""


def test_a_stranger_on_the_old_port_is_not_believed_and_learns_no_key(tmp_path: Path) -> None:
    home = Home.open(tmp_path)
    Stranger.heard = []
    with HTTPServer(("127.0.0.1", 0), Stranger) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with reopen.announced(home, server.server_port, "secret key"):
            assert reopen.ask(home) is None
        server.shutdown()
    [heard] = Stranger.heard
    assert b"secret key" not in heard


def test_nobody_on_the_old_port_is_no_program(tmp_path: Path) -> None:
    home = Home.open(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with reopen.announced(home, port, "key"):
        assert reopen.ask(home) is None
    assert reopen.ask(home) is None


@pytest.mark.parametrize("left", [b"", b"{}", b"\xff", b'{"port":"x","key":1}', b"[1,2]"])
def test_a_damaged_file_is_none(tmp_path: Path, left: bytes) -> None:
    home = Home.open(tmp_path)
    home.running.write_bytes(left)
    assert reopen.ask(home) is None


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff", b'{"nonce":"n","proof":"\xe4\xb8\xad"}'])
def test_who_does_not_know_the_key_gets_no_token(data: bytes) -> None:
    def mint() -> str:
        raise AssertionError("a token for a stranger")

    assert reopen.answer("key", data, mint) is None
