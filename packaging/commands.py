"""The two commands as a script drives them: real processes, real files, nothing by hand.

`demo.py` and `run.py` tell their stories with this. It knows the command lines and nothing of what
is behind them.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests

BIN = Path(sys.executable).parent
# Sample stations leave nothing in the key store of whoever tries them: they use a passphrase.
ENVIRONMENT = {**os.environ, "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
START_SECONDS = 30
STOP_SECONDS = 15


class CommandFailed(Exception):
    """A command ended with another exit code than 0; the text is what it said."""


def run(program: Path, *arguments: object, given: str | None = None) -> str:
    """Runs one command to its end and returns its output. Raises CommandFailed."""
    command = [str(program), *map(str, arguments)]
    done = subprocess.run(
        command, input=given, capture_output=True, text=True, check=False, env=ENVIRONMENT
    )
    if done.returncode != 0:
        raise CommandFailed(f"{' '.join(command)}\n{done.stderr.strip()}")
    return done.stdout


def free_port(wanted: int) -> int:
    """`wanted`, or the next port that nobody listens on."""
    for port in range(wanted, wanted + 200):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise OSError(f"no free port from {wanted} on")


@dataclass
class Hub:
    """A hub's folder, and its server process while one runs."""

    home: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    program: Path = BIN / "bianmin-hub"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def run(self, *arguments: object, given: str | None = None) -> str:
        return run(self.program, *arguments, "--home", self.home, given=given)

    def read(self, *arguments: object) -> Any:
        """The command's answer as JSON."""
        return json.loads(self.run(*arguments, "--json"))

    def start(self, log: Path) -> None:
        """Starts the server and waits until it answers."""
        command = [str(self.program), "serve", "--home", str(self.home)]
        with log.open("ab") as out:
            self.process = subprocess.Popen(
                [*command, "--port", str(self.port)], stdout=out, stderr=out, start_new_session=True
            )
        wait_for(f"{self.url}/sync/v1/hub", self.process)

    def kill(self) -> None:
        """Ends it as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        stop(self.process)


@dataclass(frozen=True)
class Desk:
    """One PC of a station: its folder, and the file its PIN is read from."""

    home: Path
    pin_file: Path
    program: Path = BIN / "bianmin-station"

    def run(self, *arguments: object, given: str | None = None) -> str:
        options = ("--home", self.home, "--pin-file", self.pin_file)
        return run(self.program, *arguments, *options, given=given)

    def read(self, *arguments: object) -> Any:
        """The command's answer as JSON."""
        return json.loads(self.run(*arguments, "--json"))

    def read_json(self, command: str, kind: str, values: Mapping[str, object]) -> Any:
        """The answer as JSON of a command that is given its values as JSON."""
        return json.loads(self.run(command, kind, "--json", "-", given=json.dumps(values)))


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Until `url` answers with 200. Raises CommandFailed when the process ends or time runs out."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise CommandFailed(f"the server ended with {process.returncode} before it answered")
        try:
            if requests.get(url, timeout=2).ok:
                return
        except requests.RequestException:
            pass
        time.sleep(0.05)
    raise CommandFailed(f"{url} did not answer within {START_SECONDS} s")


def stop(process: subprocess.Popen[bytes] | None) -> None:
    """Asks a server to end, and ends it when it does not."""
    if process is None or process.poll() is not None:
        return
    os.killpg(process.pid, signal.SIGINT)
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def sets(values: Mapping[str, object] | Sequence[tuple[str, object]]) -> list[str]:
    """`--set field=value` for each of these."""
    pairs = values.items() if isinstance(values, Mapping) else values
    return [part for name, value in pairs for part in ("--set", f"{name}={value}")]
