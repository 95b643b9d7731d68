"""A station restored from its backup goes on as a new replica, and gets back what the hub has."""

from pathlib import Path

import pytest

from station_client import app
from station_client.errors import StationError
from station_client.services.back_up import back_up
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.record_entry import record_entry
from station_client.services.restore_backup import put_back
from station_client.station import Station
from sync_protocol.exchange import Loss
from tests.station_client import desk
from tests.station_client.fake_hub import STATION, FakeHub

OLD = b"1" * 16


@pytest.fixture
def hub() -> FakeHub:
    return FakeHub(app.now_ms)


def test_what_came_after_the_backup_comes_back_from_the_county_and_the_rest_is_declared(
    station: Station, hub: FakeHub, tmp_path: Path
) -> None:
    record_entry(station, "intake_case", desk.a_case(applicant_name="备份前"))
    back_up(station, tmp_path / "copy.db")
    record_entry(station, "intake_case", desk.a_case(applicant_name="已上报"))
    exchange_with_hub(station)
    record_entry(station, "intake_case", desk.a_case(applicant_name="未上报"))
    station.close()
    again = app.restored(station.home, desk.PIN, backup=tmp_path / "copy.db")
    again.transport = hub
    assert again.identity.past == (OLD,)
    assert exchange_with_hub(again).synchronised
    shown = {row.values["applicant_name"] for row in again.store.records.all(STATION)}
    assert shown == {"备份前", "已上报"}
    declared = [each for request in hub.requests for each in request.said.losses]
    assert declared == [Loss(OLD, 2, 3)]
    assert (station.home.folder / "station.db.before").exists()
    again.close()


def test_a_backup_that_was_just_made_is_a_new_replica_too(station: Station, tmp_path: Path) -> None:
    record_entry(station, "intake_case", desk.a_case())
    back_up(station, tmp_path / "copy.db")
    station.close()
    again = app.restored(station.home, desk.PIN, backup=tmp_path / "copy.db")
    assert again.identity.past == (OLD,)
    assert again.store.facts.losses(9) == []
    again.close()


def test_a_store_that_was_put_back_by_hand_goes_on_as_a_new_replica(station: Station) -> None:
    station.close()
    again = app.restored(station.home, desk.PIN)
    assert again.identity.past == (OLD,)
    again.close()


@pytest.mark.parametrize("damage", [0, 5000, -1])
def test_a_damaged_backup_changes_nothing(station: Station, tmp_path: Path, damage: int) -> None:
    record_entry(station, "intake_case", desk.a_case())
    back_up(station, tmp_path / "copy.db")
    station.close()
    data = bytearray((tmp_path / "copy.db").read_bytes())
    data[damage] ^= 1
    (tmp_path / "copy.db").write_bytes(data)
    before = station.home.database.read_bytes()
    with pytest.raises(StationError) as told:
        put_back(station.home, station.unlocked.data_key, tmp_path / "copy.db")
    assert told.value.code == "backup.not_sound"
    assert station.home.database.read_bytes() == before
    assert [path.name for path in station.home.folder.glob("station.db*")] == ["station.db"]


def test_what_was_set_aside_is_not_replaced_by_what_is_set_aside_later(
    station: Station, tmp_path: Path
) -> None:
    back_up(station, tmp_path / "copy.db")
    record_entry(station, "intake_case", desk.a_case())
    station.close()
    original = station.home.database.read_bytes()
    for _ in range(2):
        put_back(station.home, station.unlocked.data_key, tmp_path / "copy.db")
    assert (station.home.folder / "station.db.before").read_bytes() == original
    assert (station.home.folder / "station.db.before1").exists()
