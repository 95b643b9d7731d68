"""A backup counts once it was opened and compared; until then what was there before stays."""

from collections.abc import Callable
from pathlib import Path

import pytest

from station_client import store
from station_client.errors import StationError
from station_client.services.back_up import back_up
from station_client.services.record_entry import record_entry
from station_client.station import Station
from station_client.store import Store, open_store
from station_client.store.connection import Database
from station_client.store.copies import copy_into
from tests.station_client.desk import a_case, a_station


@pytest.fixture
def station(tmp_path: Path) -> Station:
    station = a_station(tmp_path / "home")
    record_entry(station, "intake_case", a_case())
    return station


def code_of(act: Callable[[], object]) -> str:
    with pytest.raises(StationError) as told:
        act()
    return told.value.code


def opened(station: Station, path: Path) -> Store:
    return open_store(path, station.unlocked.data_key)


def test_a_backup_holds_what_was_recorded_also_what_only_the_log_holds(
    station: Station, tmp_path: Path
) -> None:
    size = back_up(station, tmp_path / "copy.db")
    assert [path.name for path in tmp_path.glob("copy*")] == ["copy.db"]
    assert (tmp_path / "copy.db").stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "copy.db").stat().st_size == size
    copy = opened(station, tmp_path / "copy.db")
    assert copy.extent() == station.store.extent()
    assert copy.extent().operations == 1
    copy.close()


def test_a_backup_tells_nothing_to_whoever_has_the_file(station: Station, tmp_path: Path) -> None:
    back_up(station, tmp_path / "copy.db")
    data = (tmp_path / "copy.db").read_bytes()
    assert b"SQLite format" not in data
    assert "王小明".encode() not in data


def test_a_clerk_records_while_a_backup_is_taken(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    extent = Store.extent

    def then_a_clerk_records(store: Store) -> object:
        found = extent(store)
        record_entry(station, "intake_case", a_case())
        return found

    monkeypatch.setattr(Store, "extent", then_a_clerk_records)
    back_up(station, tmp_path / "copy.db")
    copy = opened(station, tmp_path / "copy.db")
    assert extent(copy).operations == 2
    copy.close()


def test_a_newer_backup_takes_the_place_of_an_older_one(station: Station, tmp_path: Path) -> None:
    back_up(station, tmp_path / "copy.db")
    record_entry(station, "intake_case", a_case())
    back_up(station, tmp_path / "copy.db")
    copy = opened(station, tmp_path / "copy.db")
    assert copy.extent() == station.store.extent()
    copy.close()


def test_a_copy_that_lacks_something_is_no_backup(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    back_up(station, tmp_path / "copy.db")
    before = (tmp_path / "copy.db").read_bytes()
    older = opened(station, tmp_path / "copy.db").database
    record_entry(station, "intake_case", a_case())
    monkeypatch.setattr(store, "copy_into", lambda _, path: copy_into(older, path))
    assert code_of(lambda: back_up(station, tmp_path / "copy.db")) == "backup.unsound"
    older.close_all()
    assert (tmp_path / "copy.db").read_bytes() == before
    assert [path.name for path in tmp_path.glob("copy*")] == ["copy.db"]


def test_a_copy_of_another_history_is_no_backup(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rewritten(database: Database, path: Path) -> None:
        copy_into(database, path)
        copy = opened(station, path)
        with copy.writing():
            copy.database.write("UPDATE operation SET link = zeroblob(32)")
        copy.close()

    monkeypatch.setattr(store, "copy_into", rewritten)
    assert code_of(lambda: back_up(station, tmp_path / "copy.db")) == "backup.unsound"
    assert list(tmp_path.glob("copy*")) == []


def test_a_backup_never_replaces_the_store_itself(station: Station) -> None:
    for name in ("station.db", "copy.db"):
        path = station.home.folder / "logs" / ".." / name
        assert code_of(lambda path=path: back_up(station, path)) == "backup.inside"
    record_entry(station, "intake_case", a_case())


def test_a_folder_that_is_not_there_is_told(station: Station, tmp_path: Path) -> None:
    path = tmp_path / "gone" / "copy.db"
    assert code_of(lambda: back_up(station, path)) == "home.file_refused"
