"""A county with its pages, for each test its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.hub_server.pages.county import County, a_county


@pytest.fixture
def county(tmp_path: Path) -> Iterator[County]:
    made = a_county(tmp_path / "hub")
    yield made
    made.hub.store.close()
