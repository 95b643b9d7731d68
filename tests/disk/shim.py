"""storage_calls.c, compiled, and its calls as Python sees them from a process that runs under it.

Knows nothing of what the program stores.
"""

import ctypes
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(__file__).with_name("storage_calls.c")
KILLED = 0
"""In the place of an error number: the process ends there."""


def compiled(folder: Path, compiler: str) -> Path:
    """The library to load before all others."""
    library = folder / "storage_calls.so"
    flags = ["-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC"]
    subprocess.run([compiler, *flags, "-o", library, SOURCE, "-ldl", "-lpthread"], check=True)
    return library


def run_under(
    library: Path, module: str, cast: Path, folder: Path, jobs: dict[str, dict[str, Any]]
) -> dict[str, Any]:
    """Give a module of this folder its jobs, in one process under the library; job → its report."""
    done = subprocess.run(
        [sys.executable, "-m", f"tests.disk.{module}", cast, folder],
        env={**os.environ, "LD_PRELOAD": str(library)},
        cwd=ROOT,
        input=json.dumps(jobs).encode(),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def serve(work: Callable[..., object]) -> None:
    """The other side of `run_under`: `work(cast, folder, **job)` gives a report, an object whose
    parts JSON can carry."""
    cast, folder = Path(sys.argv[1]), Path(sys.argv[2])
    skip_syncs()
    made = pickle.loads(cast.read_bytes())
    jobs = json.load(sys.stdin)
    reports = {name: vars(work(made, folder, **job)) for name, job in jobs.items()}
    json.dump(reports, sys.stdout)


_here = ctypes.CDLL(None)


def watch(folder: Path) -> None:
    """Only calls below this folder count. Files that are open already do not."""
    _here.storage_watch(os.fsencode(folder.resolve()))


def record(log: Path) -> None:
    """Write down every call from now on."""
    _here.storage_record(os.fsencode(log))


def mark(text: str) -> None:
    """Say something in between."""
    _here.storage_mark(text.encode())


def strike(at: int, error: int = KILLED, *, lasts: bool = False, halves: bool = False) -> None:
    """From now on, let call number `at` (from 1) fail, and with `lasts` all after it; of a write
    half gets through with `halves`. 0 strikes nowhere."""
    _here.storage_strike(ctypes.c_long(at), error, lasts, halves)


def calls() -> int:
    """How many there were since `strike`."""
    _here.storage_calls.restype = ctypes.c_long
    return int(_here.storage_calls())


def skip_syncs() -> None:
    """Say that they were done, and note and strike them as if: no power is cut in earnest here."""
    _here.storage_skip_syncs(1)
