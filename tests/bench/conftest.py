"""What every scenario of the bench asks for: the entries, the ceiling programme, the report."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from tests.bench.ceiling import Ceiling
from tests.bench.entries import as_case, generated
from tests.bench.ours import County, a_county
from tests.bench.report import Report
from tests.conftest import ROOT

Founder = Callable[..., AbstractContextManager[County]]


@pytest.fixture(scope="session")
def peers() -> Path:
    """The peer benchmark beside the repository. It is not part of the project: absent, skip."""
    folder = ROOT.parent / "shared" / "bench" / "peers"
    if not (folder / "ceiling" / "driver.py").is_file():
        pytest.skip("there is no ../shared/bench/peers beside the repository")
    return folder


@pytest.fixture(scope="session")
def entries(peers: Path) -> list[dict[str, Any]]:
    return generated(peers)


@pytest.fixture(scope="session")
def cases(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [as_case(each) for each in entries]


@pytest.fixture(scope="session")
def ceiling(
    peers: Path, entries: list[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Ceiling:
    return Ceiling(peers, tmp_path_factory.mktemp("bench"), entries)


@pytest.fixture
def found() -> Iterator[Founder]:
    """Founds counties, each in a folder of its own that is gone at the end."""
    folders: list[Path] = []

    def new(**how: int) -> AbstractContextManager[County]:
        folders.append(Path(tempfile.mkdtemp(prefix="bianmin-bench-", dir="/tmp")))
        return a_county(folders[-1], **how)

    yield new
    for folder in folders:
        shutil.rmtree(folder)


@pytest.fixture(scope="session")
def report() -> Iterator[Report]:
    """Printed and written when everything was measured."""
    made = Report()
    yield made
    made.write(ROOT / "build" / "bench.json")
    print(f"\n{made.table()}")
