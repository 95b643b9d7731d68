"""The encrypted file: what it refuses, what it keeps when things go wrong, what a thief reads."""

import shutil
import threading
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace

import peewee
import pytest

from station_client.errors import StationError
from station_client.services.amend_entry import amend_entry
from station_client.services.record_entry import record_entries, record_entry
from station_client.services.show_case import show_case
from station_client.store import open_store
from station_client.store.connection import Row, coded, refuse_broken_sqlite
from tests.station_client import desk


def refusal(path: Path, key: bytes) -> str:
    with pytest.raises(StationError) as told:
        open_store(path, key)
    return told.value.code


def test_a_full_disk_saves_nothing_by_halves_and_says_so(tmp_path: Path) -> None:
    station = desk.a_station(tmp_path / "home")
    kept = record_entry(station, "intake_case", desk.a_case())
    pages = station.store.database.rows("PRAGMA page_count")[0]["page_count"]
    station.store.database.execute_sql(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StationError) as told:
        record_entries(station, "intake_case", [desk.a_case()] * 200)
    assert told.value.code == "store.disk_full"
    assert station.store.journal.totals(station.keys.replica).pending == 1
    station.store.database.execute_sql("PRAGMA max_page_count = 1000000")
    record_entry(station, "intake_case", desk.a_case())
    assert show_case(station, kept).values["applicant_name"] == "王小明"
    station.close()


def test_an_io_error_on_a_disk_without_room_is_told_as_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite says so of its shared memory, which finds no room."""

    def told() -> str:
        with pytest.raises(StationError) as error, coded(tmp_path / "station.db"):
            raise peewee.OperationalError("disk I/O error")
        return error.value.code

    for free, code in ((10_000_000, "store.disk_failed"), (8_192, "store.disk_full")):
        usage = SimpleNamespace(free=free)
        monkeypatch.setattr(shutil, "disk_usage", lambda folder, usage=usage: usage)
        assert told() == code


def test_only_what_a_power_cut_may_take_does_not_wait_for_the_disk(tmp_path: Path) -> None:
    store = desk.a_station(tmp_path / "home").store
    levels = []
    with store.noting():
        levels.append(store.database.pragma("synchronous"))
    with store.writing(), store.noting():
        levels.append(store.database.pragma("synchronous"))
    with suppress(ZeroDivisionError), store.noting():
        store.facts.seal(1 // 0)
    assert [*levels, store.database.pragma("synchronous")] == [1, 2, 2]  # normal, full
    store.close()


def test_a_wrong_key_opens_nothing_and_changes_nothing(tmp_path: Path) -> None:
    station = desk.a_station(tmp_path / "home")
    path = station.home.database
    station.close()
    before = path.read_bytes()
    assert refusal(path, b"x" * 32) == "store.not_opened"
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\x00" + bytes(4096), b"\xff" * 8192])
def test_a_file_that_is_no_database_of_ours_is_kept_as_it_is(
    tmp_path: Path, content: bytes
) -> None:
    station = desk.a_station(tmp_path / "home")
    key, path = station.unlocked.data_key, station.home.database
    station.close()
    path.write_bytes(content)
    assert refusal(path, key) in {"store.not_opened", "store.missing"}
    assert path.read_bytes() == content


def damage_pages_of(path: Path, every: int) -> None:
    data = bytearray(path.read_bytes())
    for page in range(len(data) // 8192 * 4096, len(data), every * 4096):
        data[page + 2000] ^= 1
    path.write_bytes(data)


def test_a_flipped_bit_is_noticed_at_the_start(tmp_path: Path) -> None:
    station = desk.a_station(tmp_path / "home")
    record_entries(station, "intake_case", [desk.a_case()] * 300)
    key, path = station.unlocked.data_key, station.home.database
    station.close()
    damage_pages_of(path, every=1000)
    damaged = path.read_bytes()
    assert refusal(path, key) == "store.damaged"
    assert path.read_bytes() == damaged


def test_a_bit_that_flips_under_the_running_program_is_noticed_when_it_is_read(
    tmp_path: Path,
) -> None:
    station = desk.a_station(tmp_path / "home")
    record_entries(station, "intake_case", [desk.a_case()] * 300)
    key, path = station.unlocked.data_key, station.home.database
    station.close()
    store = open_store(path, key)
    damage_pages_of(path, every=1)
    with pytest.raises(StationError) as told:
        store.records.all(b"c" * 16)
    assert told.value.code == "store.damaged"
    store.close()


def test_a_lost_database_is_told_and_not_silently_begun_anew(tmp_path: Path) -> None:
    station = desk.a_station(tmp_path / "home")
    station.close()
    station.home.database.unlink()
    assert refusal(station.home.database, station.unlocked.data_key) == "store.missing"
    assert not station.home.database.exists()


def test_a_store_of_a_newer_program_is_refused(tmp_path: Path) -> None:
    station = desk.a_station(tmp_path / "home")
    with station.store.writing():
        station.store.database.write(
            "INSERT INTO schema_migration (name, applied) VALUES ('9999_later', '2030-01-01')"
        )
    station.close()
    assert refusal(station.home.database, station.unlocked.data_key) == "store.newer"


@pytest.mark.parametrize("version", [(3, 7, 0), (3, 46, 1), (3, 51, 2)])
def test_an_sqlite_that_may_lose_commits_is_refused(version: tuple[int, ...]) -> None:
    with pytest.raises(StationError) as told:
        refuse_broken_sqlite(version)
    assert told.value.code == "store.sqlite_unsafe"


@pytest.mark.parametrize("version", [(3, 6, 23), (3, 51, 3), (3, 53, 4)])
def test_a_sound_sqlite_is_used(version: tuple[int, ...]) -> None:
    refuse_broken_sqlite(version)


def test_no_byte_of_the_folder_tells_a_thief_anything(tmp_path: Path) -> None:
    station = desk.a_station(tmp_path / "home")
    record_entry(station, "intake_case", desk.a_case(remark="特殊备注"))
    secrets = ["王小明", "13812345678", "社会保障卡申领", "特殊备注", "示例镇"]
    for file in (tmp_path / "home").rglob("*"):  # with the write-ahead log still there
        if file.is_file():
            content = file.read_bytes()
            assert not [word for word in secrets if word.encode() in content], file
    assert (tmp_path / "home" / "station.db-wal").stat().st_size > 0
    station.close()


def test_every_file_is_for_its_owner_alone(tmp_path: Path) -> None:
    station = desk.a_station(tmp_path / "home")
    record_entry(station, "intake_case", desk.a_case())
    files = [file for file in (tmp_path / "home").rglob("*") if file.is_file()]
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    station.close()


def test_threads_record_at_once_and_the_chain_has_no_gap(tmp_path: Path) -> None:
    station = desk.a_station(tmp_path / "home")

    def record_some() -> None:
        for _ in range(20):
            record_entry(station, "intake_case", desk.a_case())

    threads = [threading.Thread(target=record_some) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    _, unsent = station.store.journal.outbox(station.keys.replica, 1000)
    assert [operation.header.seq for operation in unsent] == list(range(1, 81))
    numbers = {row.case_no for row in station.store.records.all(station.channel)}
    assert len(numbers) == 80
    station.close()


def test_closing_leaves_one_file_with_everything_in_it(tmp_path: Path) -> None:
    station = desk.a_station(tmp_path / "home")
    record_entry(station, "intake_case", desk.a_case())
    station.close()
    wal = tmp_path / "home" / "station.db-wal"
    assert not wal.exists() or wal.stat().st_size == 0


def test_the_newest_day_and_of_a_day_the_newest_line_stands_first(tmp_path: Path) -> None:
    station = desk.a_station(tmp_path)
    for day in ("2026-03-01", "2026-03-02", "2026-03-01"):
        record_entry(station, "intake_case", desk.a_case(ledger_date=day))
    lines = station.store.records.lines("", "9999", "", 10, 0)
    assert [line.day for line in lines] == ["2026-03-02", "2026-03-01", "2026-03-01"]
    assert lines[1].id > lines[2].id  # ids are in order of time
    assert station.store.records.newest_line() == lines[0]
    station.close()


def test_counting_the_ledger_reads_an_index_alone(tmp_path: Path) -> None:
    station = desk.a_station(tmp_path)
    plans = [
        "SELECT status, count(*) FROM record WHERE day BETWEEN '' AND '9999' GROUP BY status",
        "SELECT count(*) FROM record WHERE (refused > 0 OR returned > 0) AND returned > 0",
        "SELECT * FROM record WHERE refused > 0 OR returned > 0",
    ]
    found = [station.store.database.rows(f"EXPLAIN QUERY PLAN {each}") for each in plans]
    assert "COVERING INDEX record_of_day" in found[0][0]["detail"]
    assert all("INDEX record_to_correct" in plan[0]["detail"] for plan in found[1:])
    station.close()


def test_what_a_record_has_pending_is_counted_among_its_own_operations_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    station, plans = desk.a_station(tmp_path), list[str]()
    record = record_entry(station, "intake_case", desk.a_case())
    record_entry(station, "intake_case", desk.a_case())
    amend_entry(station, record, {"remark": "电话已核对"})
    ask = station.store.database.rows

    def explained(sql: str, *parameters: object) -> list[Row]:
        plans.extend(row["detail"] for row in ask(f"EXPLAIN QUERY PLAN {sql}", *parameters))
        return ask(sql, *parameters)

    monkeypatch.setattr(station.store.database, "rows", explained)
    row = station.store.records.find(record)
    assert row is not None
    assert row.pending == 2
    assert "SEARCH o USING INDEX operation_of_record (channel=? AND record=?)" in plans
    station.close()
