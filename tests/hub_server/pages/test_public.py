"""The public pages: applying, the check code shown once, asking how it stands, correcting."""

from pathlib import Path

import pytest

from tests.hub_server.pages.county import County, a_county, an_application, text_of


@pytest.fixture
def county(tmp_path: Path) -> County:
    return a_county(tmp_path)


def test_smoke(county: County) -> None:
    browser = county.stranger()
    page = browser.get("/")
    assert page.status_code == 200
    page = browser.get("/apply")
    assert page.status_code == 200, page.text
    print(page.text)
    page = browser.post("/apply", an_application())
    assert page.status_code == 303, text_of(page)
    page = browser.follow(page)
    print(text_of(page))
