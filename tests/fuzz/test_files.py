"""Whatever lies in a folder or is brought on a stick, what reads it says no with a code and words.

Under a bound of memory: a damaged file must not cost what a good one of its size would not.
"""

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from station_client import key_slot
from tests import figures
from tests.fuzz import archive_readers
from tests.fuzz.file_readers import readers
from tests.fuzz.leaks import feed, told

MEMORY_BYTES = 2 * 1024**3


@pytest.fixture
def _bounded_memory() -> Iterator[None]:
    resource = pytest.importorskip("resource")
    pages = re.match(r"\d+", Path("/proc/self/statm").read_text(encoding="ascii"))
    assert pages is not None
    used = int(pages[0]) * resource.getpagesize()
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (used + MEMORY_BYTES, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.timeout(1200)
@pytest.mark.usefixtures("_bounded_memory")
def test_only_coded_refusals_leave_the_readers_of_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_slot, "ARGON2_MEMORY_KIB", 64)
    all_of_them = [*readers(tmp_path), *archive_readers.readers(tmp_path)]
    found = sum((feed(each, each.mutations) for each in all_of_them), Counter[str]())
    figures.note("mutated files", readers=len(all_of_them), **told(found))
