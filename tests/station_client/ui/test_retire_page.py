"""The page 关停本机, and what a closed desk says on every page."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from station_client.services.exchange_with_hub import exchange_with_hub
from sync_protocol import channel
from tests.station_client import desk as builders
from tests.station_client.fake_hub import STATION, FakeHub
from tests.station_client.test_retire import CODE, EVERYTHING
from tests.station_client.ui import visit
from tests.station_client.ui.visit import Program, Visitor, typed


@pytest.fixture
def hub() -> FakeHub:
    return FakeHub(builders.Clock(), covered=EVERYTHING)


@pytest.fixture
def program(tmp_path: Path, hub: FakeHub) -> Iterator[Program]:
    program = visit.a_program(tmp_path / "home", hub=hub.keys, transport=hub)
    hub.clock = program.clock
    hub.know(program.station)
    exchange_with_hub(program.station)
    yield program
    program.station.close()


@pytest.fixture
def visitor(program: Program) -> Visitor:
    return visit.an_open_visitor(program)


def closed(program: Program, hub: FakeHub) -> None:
    now = program.clock()
    hub.append(STATION, channel.ClosingEntry(now + 30 * 86_400_000, now))
    exchange_with_hub(program.station)


def test_an_open_desk_says_nothing_of_an_end(visitor: Visitor) -> None:
    assert 'id="notice"' not in visitor.get("/").text
    page = visitor.get("/retire").text
    assert "本站没有注销" in page
    assert 'name="confirmation"' not in page


def test_a_closed_desk_says_so_on_every_page_and_goes_on(
    program: Program, visitor: Visitor, hub: FakeHub
) -> None:
    closed(program, hub)
    for path in ("/", "/cases/new/helper", "/status", "/inbox"):
        page = visitor.get(path).text
        assert "本站已于 2026-03-02 注销" in page
        assert "请在 2026-04-01 前上报" in page
        assert 'href="/retire"' in page
    saved = visitor.post("/cases/new/helper", typed())
    assert "由县级核对后才生效" in visitor.get(saved.headers["Location"]).text


def test_sealing_takes_the_stations_code_and_leaves_a_desk_to_look_at(
    program: Program, visitor: Visitor, hub: FakeHub
) -> None:
    closed(program, hub)
    visitor.post("/retire/seal", {"confirmation": "封存"})
    assert "没有确认" in visitor.get("/retire").text
    assert not program.station.is_sealed
    visitor.post("/retire/seal", {"confirmation": CODE})
    page = visitor.get("/retire").text
    assert "本机已封存" in page
    assert "/cases/new/helper" not in page
    assert "已封存" in visitor.get("/lamp").json["words"]  # type: ignore[index]
    refused = visitor.post("/cases/new/helper", typed())
    assert "本机已经封存" in refused.text
    offers = ("<kbd>F2</kbd>", "/applications/new/", 'action="/files/import"', "添加工作人员")
    for path in ("/", "/applications", "/files", "/clerks", "/inbox", "/status"):
        shown = visitor.get(path).text
        assert [each for each in offers if each in shown] == [], path


def test_what_stands_against_it_is_told_and_nothing_is_offered(
    program: Program, visitor: Visitor, hub: FakeHub
) -> None:
    hub.covered = 0
    closed(program, hub)
    page = visitor.get("/retire").text
    assert "联系县级运维人员再备份" in page
    assert 'action="/retire/seal"' in page
    assert 'action="/retire/erase"' not in page
    visitor.post("/retire/erase", {"confirmation": CODE})
    assert "现在还不能这样做" in visitor.get("/retire").text
    assert program.station.home.vault.exists()


def test_erasing_ends_at_the_first_set_up_and_nothing_of_the_station_is_shown(
    program: Program, visitor: Visitor, hub: FakeHub
) -> None:
    closed(program, hub)
    answer = visitor.post("/retire/erase", {"confirmation": CODE})
    assert answer.headers["Location"] == "/setup"
    page = visitor.get("/setup").text
    assert "本机数据已销毁，不能恢复" in page
    assert "示例镇" not in page
    for path in ("/", "/status", "/retire"):
        assert visitor.get(path).status_code == 302
    assert not program.station.home.database.exists()
