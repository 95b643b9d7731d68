"""Files that leave the hub: whole or not there at all, and readable for their owner alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Where to write what shall stand at `path`; it takes that place when all went well. OSError.

    What it replaces stays as it was until then. Everything in these files is about people.
    """
    draft = path.with_name(f"{path.name}.part")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
