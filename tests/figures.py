"""Figures of the proof: each area leaves a small file, and `make proof` shows them as one table.

Knows where the files lie, and nothing of what was run.
"""

import json
import re
import sys
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "build" / "proof"


def note(name: str, **figures: object) -> None:
    """Keep what an area ran and found, as `build/proof/<name in words-with-dashes>.json`."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    slug = re.sub(r"\W+", "-", name).strip("-").lower()
    line = json.dumps({"name": name, **figures}, ensure_ascii=False)
    (FOLDER / f"{slug}.json").write_text(line + "\n", encoding="utf-8")
    sys.stdout.write(f"{name}: {', '.join(f'{key} {value}' for key, value in figures.items())}\n")
