"""A station, a second PC of it, and the hub that both talk to, each fresh for every test."""

from pathlib import Path

import pytest

from station_client.station import Station
from tests.station_client import desk
from tests.station_client.fake_hub import FakeHub


@pytest.fixture
def clock() -> desk.Clock:
    return desk.Clock()


@pytest.fixture
def hub(clock: desk.Clock) -> FakeHub:
    return FakeHub(clock)


@pytest.fixture
def station(tmp_path: Path, hub: FakeHub) -> Station:
    station = desk.a_station(tmp_path / "a", hub=hub.keys, clock=hub.clock, transport=hub)
    hub.know(station)
    return station


@pytest.fixture
def colleague(tmp_path: Path, hub: FakeHub) -> Station:
    made = desk.a_station(
        tmp_path / "b",
        hub=hub.keys,
        replica=b"2" * 16,
        device_number=2,
        clock=hub.clock,
        transport=hub,
    )
    hub.know(made)
    return made
