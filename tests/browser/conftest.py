"""What browser tests of the hub ask for: its pages served, and a page that reports complaints."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request

from tests.browser.hub_office import Office, open_office


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    with open_office(tmp_path / "hub") as opened:
        yield opened


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """What the browser complained of: a blocked script, a missing file, an error of ours."""
    found: list[str] = []
    page.on("console", lambda said: found.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("requestfailed", lambda request: found.extend(failure(request)))
    return found


def failure(request: Request) -> list[str]:
    """A request that came to nothing, but not one that the next page cut short."""
    return [] if request.failure == "net::ERR_ABORTED" else [f"failed: {request.url}"]
