"""`make package`: builds the station's bundle and prints its size and start time.

The bundle lies in dist/bianmin-station. It is made with the Python that runs this file, and so runs
on machines whose C library is at least as new as this one's.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
MEGABYTE = 1_000_000


def build(dist: Path) -> Path:
    """Builds into `dist` and returns the executable's path."""
    with tempfile.TemporaryDirectory(prefix="bianmin-build-") as work:
        command = [sys.executable, "-m", "PyInstaller", "--noconfirm", "--log-level", "WARN"]
        command += ["--distpath", str(dist), "--workpath", work]
        subprocess.run([*command, str(ROOT / "packaging" / "station.spec")], check=True, cwd=ROOT)
    return dist / "bianmin-station" / "bianmin-station"


def size_bytes(folder: Path) -> int:
    """What the files of a folder take together."""
    return sum(
        each.stat().st_size
        for each in folder.rglob("*")
        if each.is_file() and not each.is_symlink()
    )


def start_seconds(executable: Path) -> float:
    """The best of five starts, up to the end of `--help`: imports included, nothing opened."""
    best = float("inf")
    for _ in range(5):
        begun = time.perf_counter()
        subprocess.run([executable, "--help"], check=True, stdout=subprocess.DEVNULL)
        best = min(best, time.perf_counter() - begun)
    return best


def main() -> None:
    executable = build(ROOT / "dist")
    print(f"bundle: {executable.parent.relative_to(ROOT)}")
    print(f"size: {size_bytes(executable.parent) / MEGABYTE:.1f} MB installed")
    print(f"start: {start_seconds(executable):.2f} s to the end of --help (best of 5)")


if __name__ == "__main__":
    main()
