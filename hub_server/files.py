"""Files that leave the hub: whole or not there at all, and readable for their owner alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Where to write what shall stand at `path`; it takes that place, on the disk, when all went
    well. OSError.

    What it replaces stays as it was until then. Everything in these files is about people.
    """
    draft = path.with_name(f"{path.name}.part")
    draft.unlink(missing_ok=True)
    draft.touch(mode=0o600)
    try:
        yield draft
        _sync(draft, os.O_RDWR)  # Windows flushes no file that is only read
        draft.replace(path)
        if os.name == "posix":  # elsewhere no folder can be opened
            _sync(path.parent, os.O_RDONLY)
    finally:
        draft.unlink(missing_ok=True)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
