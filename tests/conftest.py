"""What every test may ask for: a program of the machine, the shared data, a browser.

Knows nothing of the product; builders and fakes live beside the tests that use them.
"""

import ctypes
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent
BROWSER_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

# No test asserts a wall time; a slow machine is not a counterexample.
hypothesis.settings.register_profile("house", deadline=None)
hypothesis.settings.load_profile("house")


@pytest.fixture(scope="session")
def needs() -> Callable[[str], str]:
    """`needs("strace")` gives the program's path, or a shared library's name; without it the test
    is skipped, saying so.

    With CI=true a missing program is a failure: there a skipped test would be a silent hole.
    """

    def find(program: str) -> str:
        path = shutil.which(program) or _loaded(program)
        if path is not None:
            return path
        reason = f"{program} is not installed (.ci/run names its package)"
        if os.environ.get("CI") == "true":
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)

    return find


def _loaded(library: str) -> str | None:
    try:
        ctypes.CDLL(library)
    except OSError:
        return None
    return library


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The data folder beside the repository. It is not part of the project: absent, skip."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("there is no ../shared/data beside the repository")
    return folder


@pytest.fixture(scope="session")
def base_url() -> None:
    """None: servers take a free port. The plugin's own fixture warns under pytest 9."""


@pytest.fixture(scope="session")
def browser_type_launch_args(
    browser_type_launch_args: dict[str, Any], needs: Callable[[str], str]
) -> dict[str, Any]:
    """Debian's own Chromium: no browser is downloaded, and it asks nobody on the network."""
    return {
        **browser_type_launch_args,
        "executable_path": needs("chromium"),
        "args": BROWSER_FLAGS,
    }


@pytest.fixture(scope="session")
def browser_context_args(browser_context_args: dict[str, Any]) -> dict[str, Any]:
    """A desk in China, at the size of a small office screen."""
    return {
        **browser_context_args,
        "locale": "zh-CN",
        "timezone_id": "Asia/Shanghai",
        "viewport": {"width": 1366, "height": 768},
    }
