"""The programme that says what plain Python can reach, run as its own README runs it.

It lies beside the repository and keeps all it writes below a temporary folder. It needs PyNaCl and
wrk: where they are not installed it gets signatures of the same kind from `cryptography`, and no
figure from wrk, which is not used here.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

PER_BATCH = "per batch"
MOST_SECONDS = 300


class Ceiling:
    """One folder to run it in. `signatures` names what it signs with."""

    def __init__(self, peers: Path, folder: Path, entries: list[dict[str, Any]]) -> None:
        self._folder, self._runs = folder / "ceiling", 0
        for source in ("ceiling", "common"):
            shutil.copytree(peers / source, self._folder, dirs_exist_ok=True)
        shutil.copy(peers / "gen.py", self._folder)
        self._programs = self._folder / "py" / "bin"
        self._programs.parent.mkdir()
        self._programs.symlink_to(Path(sys.executable).parent)
        lines = (json.dumps(each, ensure_ascii=False, separators=(",", ":")) for each in entries)
        (self._folder / "entries.ndjson").write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.signatures = self._stand_in_for_nacl()
        self._path = self._stand_in_for_wrk()
        self._alone = _own_network()

    def _stand_in_for_nacl(self) -> str:
        if importlib.util.find_spec("nacl"):
            return "PyNaCl"
        (self._folder / "nacl").mkdir()
        here = Path(__file__).with_name("nacl_stand_in.py")
        shutil.copy(here, self._folder / "nacl" / "signing.py")
        return "cryptography"

    def _stand_in_for_wrk(self) -> str:
        path = os.environ.get("PATH", "")
        if shutil.which("wrk"):
            return path
        stand_in = self._folder / "bin" / "wrk"
        stand_in.parent.mkdir()
        stand_in.write_text("#!/bin/sh\necho 'Requests/sec: 0'\n", encoding="utf-8")
        stand_in.chmod(0o700)
        return f"{stand_in.parent}:{path}"

    def run(self, scenario: str) -> dict[str, Any]:
        """The figures of one run: of a batch under one signature, which is what we send too."""
        self._runs += 1
        data = self._folder / f"run{self._runs}"
        data.mkdir()
        environment = {
            **os.environ,
            "PATH": self._path,
            "PEERS_ROOT": str(self._folder),
            "PEER_DATA": str(self._folder / "entries.ndjson"),
            "RUN_DIR": str(data),
            "SCEN": scenario,
        }
        done = subprocess.run(
            [*self._alone, sys.executable, "driver.py", scenario],
            cwd=self._folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=MOST_SECONDS,
            check=False,
        )
        rows = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        assert rows, done.stderr
        shutil.rmtree(data)
        return next((row for row in rows if PER_BATCH in row["variant"]), rows[0])


def _own_network() -> list[str]:
    """What runs a command in a network of its own, so that the bytes counted are its own."""
    alone = ["unshare", "-n", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
    if not (shutil.which("unshare") and shutil.which("ip")):
        return []
    works = subprocess.run([*alone, "true"], capture_output=True, check=False).returncode == 0
    return alone if works else []
