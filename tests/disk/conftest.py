"""What every test of the disks needs: the compiled library, and a county to copy."""

import pickle
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.disk.shim import compiled
from tests.simulation.cast import make_cast


@pytest.fixture(scope="session")
def library(needs: Callable[[str], str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """storage_calls.so; without a compiler there is none, and the test is skipped."""
    if sys.platform != "linux":
        pytest.skip("a library can be put before all others on Linux alone")
    return compiled(tmp_path_factory.mktemp("library"), needs("gcc"))


@pytest.fixture(scope="session")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The county, pickled for the workers."""
    folder = tmp_path_factory.mktemp("county")
    with pytest.MonkeyPatch.context() as patch:
        made = make_cast(folder / "cast", patch)
    (folder / "cast.pickle").write_bytes(pickle.dumps(made))
    return folder / "cast.pickle"
