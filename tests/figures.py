"""Figures of the proof: each area leaves a small file, and `make proof` shows them as one table.

Knows where the files lie, and nothing of what was run.
"""

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent.parent / "build" / "proof"


def volume(in_test: int, in_proof: int) -> int:
    """How many of something to run now."""
    return in_proof if os.environ.get("BIANMIN_PROOF") else in_test


def note(name: str, **figures: object) -> None:
    """Keep what an area ran and found, as `build/proof/<name in words-with-dashes>.json`."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    slug = re.sub(r"\W+", "-", name).strip("-").lower()
    line = json.dumps({"name": name, **figures}, ensure_ascii=False)
    (FOLDER / f"{slug}.json").write_text(line + "\n", encoding="utf-8")
    sys.stdout.write(f"{name}: {', '.join(f'{key} {value}' for key, value in figures.items())}\n")


def table() -> str:
    """What every area has noted, a line each."""
    rows = [_row(json.loads(each.read_text("utf-8"))) for each in sorted(FOLDER.glob("*.json"))]
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"{name:{width}}  {told}" for name, told in rows)


def _row(figures: dict[str, Any]) -> tuple[str, str]:
    name = figures.pop("name")
    told = (f"{_told(value)} {key.replace('_', ' ')}" for key, value in figures.items())
    return name, ", ".join(told)


def _told(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


if __name__ == "__main__":
    sys.stdout.write(table() + "\n")
