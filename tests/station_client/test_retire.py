"""Sealing and erasing a closed station's PC: only when the county has everything; then for good."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import peewee
import pytest

import forms
from station_client.app import Program
from station_client.device_secret import DeviceSecret
from station_client.errors import StationError
from station_client.home import ERASING, Home
from station_client.services.add_clerk import add_clerk
from station_client.services.amend_entry import amend_entry
from station_client.services.carry_courier import read_courier, read_reply, write_request
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.export_ledger import export_ledger
from station_client.services.read_status import read_status
from station_client.services.record_entry import record_entry
from station_client.services.retire import erase_store, may_retire, seal_store
from station_client.services.show_case import show_case
from station_client.station import Station
from station_client.store import open_store
from station_client.vault import Unlocked, Vault
from sync_protocol import channel, courier
from sync_protocol.channel import Verdict
from tests.station_client import desk
from tests.station_client.fake_hub import STATION, FakeHub

CODE = "140722001"
DAY_MS = 86_400_000


EVERYTHING = 10**6
"""A backup that holds every channel to its end, however long it becomes."""


@pytest.fixture
def hub() -> FakeHub:
    return FakeHub(desk.Clock(), covered=EVERYTHING)


@pytest.fixture
def station(tmp_path: Path, hub: FakeHub) -> Station:
    """A desk whose closing has arrived, with one case that the county has."""
    station = desk.a_station(tmp_path / "a", hub=hub.keys, clock=hub.clock, transport=hub)
    hub.know(station)
    record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    hub.append(STATION, channel.ClosingEntry(desk.NOON + 30 * DAY_MS, desk.NOON))
    exchange_with_hub(station)
    return station


def obstacles(station: Station) -> list[str]:
    return [each.code for each in may_retire(station)]


def reopened(station: Station) -> Station:
    station.close()
    home = Home.open(station.home.folder)
    vault = Vault.open(home)
    unlocked = vault.unlock(desk.PIN)
    store = open_store(home.database, unlocked.data_key)
    transport = station.transport
    parts = (home, vault, unlocked, store, forms.builtin(), station.now_ms)
    return Station.open(*parts, lambda url: transport)


# --- the closing, as the clerk is told of it ---


def test_the_closing_and_the_time_for_late_arrivals_are_told(
    station: Station, hub: FakeHub
) -> None:
    status = read_status(station)
    assert (status.closed_at, status.closed_until) == (desk.NOON, desk.NOON + 30 * DAY_MS)
    assert "已于 2026-03-02 注销" in status.notice
    assert "请在 2026-04-01 前上报" in status.notice
    assert "由县级核对后才生效" in status.notice
    assert isinstance(hub.clock, desk.Clock)
    hub.clock.forward(31 * 86_400)
    assert "补报期已于 2026-04-01 结束" in read_status(station).notice


def test_an_open_station_is_told_nothing(tmp_path: Path) -> None:
    assert read_status(desk.a_station(tmp_path / "b")).notice == ""


def test_a_closed_desk_goes_on_with_what_is_open(station: Station, hub: FakeHub) -> None:
    [row] = station.store.records.of_kind(["intake_case"])
    hub.judge = lambda *_: (Verdict.HELD, "closed")
    amend_entry(station, row.id, {"case_status": "finished", "remark": "已办结"})
    exchange_with_hub(station)
    assert show_case(station, row.id).values["remark"] == "已办结"
    assert read_status(station).held == 1


# --- what stands against it ---


def test_nothing_stands_against_a_closed_desk_of_which_the_county_has_everything(
    station: Station,
) -> None:
    assert may_retire(station) == ()


def test_an_open_station_is_not_ended(tmp_path: Path, hub: FakeHub) -> None:
    station = desk.a_station(tmp_path / "b", hub=hub.keys, clock=hub.clock, transport=hub)
    hub.know(station)
    exchange_with_hub(station)
    assert obstacles(station) == ["not_closed"]


def test_what_is_unsent_stands_against_it(station: Station) -> None:
    record_entry(station, "intake_case", desk.a_case())
    assert obstacles(station) == ["unsent"]


def test_a_page_that_is_still_to_come_stands_against_it(station: Station, hub: FakeHub) -> None:
    hub.publish(1)
    hub.write("station_card", b"s" * 16, [])
    hub.page_budget = 1
    hub.write("station_card", b"s" * 16, [])
    with hub.cut_off(hub.after(1)), pytest.raises(StationError):
        exchange_with_hub(station)
    assert obstacles(station) == ["not_confirmed"]


def test_what_waits_for_the_county_stands_against_it(station: Station, hub: FakeHub) -> None:
    hub.judge = lambda *_: (Verdict.HELD, "closed")
    record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    assert obstacles(station) == ["held"]


def test_what_another_pc_wrote_and_the_county_holds_stands_against_nothing(
    station: Station, hub: FakeHub, tmp_path: Path
) -> None:
    """Who has left would never hear of the county's decision."""
    other = desk.a_station(
        tmp_path / "b", hub=hub.keys, replica=b"2" * 16, clock=hub.clock, transport=hub
    )
    hub.know(other)
    hub.judge = lambda *_: (Verdict.HELD, "closed")
    record_entry(other, "intake_case", desk.a_case())
    exchange_with_hub(other)
    done = erase_store(station, CODE)
    assert (done.is_told, done.is_gone) == (True, True)


def test_who_is_asked_for_a_body_has_not_left(station: Station, hub: FakeHub) -> None:
    hub.fail = ["transport.down"]
    seal_store(station, CODE)
    lost = hub.lose_body(STATION, 1)
    hub.write("station_card", b"s" * 16, [])
    with hub.cut_off(hub.after(1)), pytest.raises(StationError):
        exchange_with_hub(station)
    assert obstacles(station) == ["not_confirmed"]
    exchange_with_hub(station)
    assert (hub.requests[-1].said.bodies, hub.retired) == ([lost], set())
    exchange_with_hub(station)
    assert hub.retired == {station.keys.replica}


def test_a_sealed_pc_that_has_not_left_waits_for_what_is_still_to_come(
    station: Station, hub: FakeHub
) -> None:
    hub.fail = ["transport.down"]
    seal_store(station, CODE)
    hub.page_budget = 1
    for _ in range(2):
        hub.write("station_card", b"s" * 16, [])
    with hub.cut_off(hub.after(1)), pytest.raises(StationError):
        exchange_with_hub(station)
    assert obstacles(station) == ["not_confirmed"]
    exchange_with_hub(station)
    assert obstacles(station) == []


def test_what_the_county_decided_stands_against_it_no_longer(
    station: Station, hub: FakeHub
) -> None:
    hub.judge = lambda *_: (Verdict.HELD, "closed")
    record = record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    [stored] = station.store.journal.operations_of(STATION, [record])[record]
    hub.append(STATION, channel.VerdictEntry(stored.identity, 1, "county", desk.NOON))
    exchange_with_hub(station)
    assert obstacles(station) == []


def test_without_a_backup_that_holds_everything_it_may_be_sealed_and_not_erased(
    station: Station, hub: FakeHub
) -> None:
    hub.covered = 1
    hub.write("station_card", b"s" * 16, [])
    exchange_with_hub(station)
    [obstacle] = may_retire(station)
    assert (obstacle.code, obstacle.allows_sealing) == ("not_covered", True)
    assert "最早的一份只到第 1 条" in obstacle.words
    with pytest.raises(StationError) as told:
        erase_store(station, CODE)
    assert told.value.code == "retire.not_yet"
    assert "联系县级运维人员再备份" in told.value.words()
    assert not station.is_sealed
    seal_store(station, CODE)
    assert station.is_sealed


@pytest.mark.parametrize("end", [seal_store, erase_store])
@pytest.mark.parametrize("typed", ["", "140722002", "是"])
def test_it_is_confirmed_by_the_stations_code_alone(station: Station, end: Any, typed: str) -> None:
    with pytest.raises(StationError) as told:
        end(station, typed)
    assert told.value.code == "retire.confirm"
    assert not station.is_sealed
    assert station.home.vault.exists()


@pytest.mark.parametrize("end", [seal_store, erase_store])
def test_too_early_it_changes_nothing(station: Station, end: Any) -> None:
    record_entry(station, "intake_case", desk.a_case())
    with pytest.raises(StationError) as told:
        end(station, CODE)
    assert told.value.code == "retire.not_yet"
    assert "还有 1 条没有上报" in told.value.words()
    record_entry(station, "intake_case", desk.a_case())


# --- sealed ---


def test_a_sealed_desk_is_read_and_never_written(station: Station, tmp_path: Path) -> None:
    [row] = station.store.records.of_kind(["intake_case"])
    assert seal_store(station, CODE).is_told
    for act in (
        lambda: record_entry(station, "intake_case", desk.a_case()),
        lambda: amend_entry(station, row.id, {"remark": "改"}),
        lambda: add_clerk(station, "王芳", "太行山上便民服务站二号"),
    ):
        with pytest.raises(StationError) as told:
            act()
        assert told.value.code == "station.sealed"
    assert show_case(station, row.id).values["applicant_name"] == "王小明"
    assert export_ledger(station, tmp_path / "l.csv") == 1
    assert "已于 2026-03-02 封存" in read_status(station).notice


def test_a_seal_that_did_not_reach_the_disk_keeps_nobody_from_working(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full() -> None:
        raise peewee.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(station.store.database, "commit", full)
        with pytest.raises(StationError) as told:
            seal_store(station, CODE)
    assert told.value.code == "store.disk_full"
    record_entry(station, "intake_case", desk.a_case())


def test_a_seal_outlasts_the_program(station: Station) -> None:
    seal_store(station, CODE)
    again = reopened(station)
    assert again.is_sealed
    with pytest.raises(StationError):
        record_entry(again, "intake_case", desk.a_case())
    again.close()


def test_a_sealed_desk_may_be_erased_later(station: Station, hub: FakeHub) -> None:
    hub.covered = 0
    exchange_with_hub(station)
    seal_store(station, CODE)
    hub.covered = EVERYTHING
    hub.write("station_card", b"s" * 16, [])
    exchange_with_hub(station)
    assert erase_store(station, CODE).is_gone


def test_without_a_network_it_is_sealed_and_the_county_is_not_told(
    station: Station, hub: FakeHub
) -> None:
    hub.fail = ["transport.down"]
    assert not seal_store(station, CODE).is_told
    assert station.is_sealed


# --- erased ---


def test_after_an_erasure_no_file_of_the_station_is_left(station: Station) -> None:
    folder = station.home.folder
    (folder / "station.db.copy").write_bytes(b"left by somebody")
    done = erase_store(station, CODE)
    assert (done.is_told, done.is_forgotten, done.is_gone) == (True, True, True)
    assert {path.name for path in folder.iterdir()} <= {"station.json", "station.lock"}


def test_the_key_is_destroyed_before_the_files(station: Station, tmp_path: Path) -> None:
    """Cut off right after the keys, the PC holds a database that nothing opens."""
    inode = station.home.vault.stat().st_ino
    copy = tmp_path / "hard-link"
    copy.hardlink_to(station.home.vault)
    wrapped = copy.read_bytes()
    station.vault.destroy()
    assert copy.stat().st_ino == inode
    assert copy.read_bytes() != wrapped
    assert b"wrapped_key" not in copy.read_bytes()
    assert not station.home.vault.exists()
    assert station.home.database.exists()
    station.close()


@pytest.mark.parametrize("gone", [(), ("vault.json",), ("vault.json", "station.db")])
def test_an_erasure_that_was_cut_off_is_completed_by_the_next_start(
    station: Station, gone: tuple[str, ...]
) -> None:
    folder = station.home.folder
    station.home.begin_erasing()
    station.close()
    for name in gone:
        (folder / name).unlink()
    home = Home.open(folder)
    assert not home.vault.exists()
    assert not home.database.exists()
    assert not (folder / ERASING).exists()
    assert home.id == station.home.id


def test_an_erased_folder_may_be_set_up_anew(station: Station, hub: FakeHub) -> None:
    folder = station.home.folder
    erase_store(station, CODE)
    fresh = desk.a_station(folder, replica=b"2" * 16)
    record_entry(fresh, "intake_case", desk.a_case())
    assert fresh.store.journal.own_head(b"2" * 16).seq == 1
    fresh.close()


def test_a_thread_that_comes_late_makes_no_new_database(station: Station) -> None:
    erase_store(station, CODE)
    met: list[str] = []

    def look() -> None:
        try:
            station.store.facts.exchange()
        except StationError as error:
            met.append(error.code)

    late = threading.Thread(target=look)
    late.start()
    late.join()
    assert met == ["store.missing"]
    assert not station.home.database.exists()


def test_nothing_is_saved_any_more_while_the_county_is_told(station: Station, hub: FakeHub) -> None:
    """The clerk saves in another window meanwhile: refused, not lost with the rest."""
    carry, met = hub.exchange, list[str]()

    def meanwhile(data: bytes) -> bytes:
        with pytest.raises(StationError) as told:
            record_entry(station, "intake_case", desk.a_case(applicant_name="后来者"))
        met.append(told.value.code)
        return carry(data)

    hub.exchange = meanwhile  # type: ignore[method-assign]
    erase_store(station, CODE)
    assert set(met) == {"station.sealed"}


def test_the_county_is_told_by_whatever_carrier_comes_first(station: Station, hub: FakeHub) -> None:
    hub.fail = ["transport.down"]
    assert not seal_store(station, CODE).is_told
    assert hub.retired == set()
    reply = hub.exchange(courier.unframe(write_request(station)))
    read_reply(station, courier.frame(reply))
    assert hub.retired == {station.keys.replica}
    assert "办理停用" in read_status(station).standing_words


def test_a_pc_that_has_left_still_learns_how_far_the_backups_reach(
    station: Station, hub: FakeHub
) -> None:
    hub.covered = 1
    hub.write("station_card", b"s" * 16, [])
    exchange_with_hub(station)
    seal_store(station, CODE)
    hub.write("station_card", b"s" * 16, [])  # not delivered any more, and not waited for
    hub.covered = EVERYTHING
    assert obstacles(station) == ["not_covered"]
    exchange_with_hub(station)
    assert obstacles(station) == []
    assert read_courier(station).is_complete


def is_asked_for_receipts(station: Station) -> bool:
    return station.store.facts.exchange().shows_receipts


def has_gone_back(station: Station) -> bool:
    return bool(station.store.lost.count_stretches())


@pytest.mark.parametrize("cut_once", [is_asked_for_receipts, has_gone_back])
def test_what_a_hub_that_was_restored_meanwhile_lacks_is_not_erased(
    station: Station, hub: FakeHub, cut_once: Callable[[Station], bool]
) -> None:
    """It says so in reply to the farewell, and the line is cut before it has it back."""
    hub.write("station_card", b"s" * 16, [])
    exchange_with_hub(station)
    hub.restore(STATION, 2)
    with hub.cut_off(lambda: cut_once(station)), pytest.raises(StationError) as told:
        erase_store(station, CODE)
    assert told.value.code == "retire.sealed"
    assert station.is_sealed
    assert station.home.database.exists()
    exchange_with_hub(station)
    assert erase_store(station, CODE).is_gone


def test_the_program_goes_on_without_the_station_that_was_erased(station: Station) -> None:
    program = Program(station.home)
    program.station = station
    assert program.erase(station, CODE).is_gone
    assert program.station is None
    assert program.exchange()


def test_the_vault_of_an_erased_desk_opens_nothing(station: Station) -> None:
    folder, key = station.home.folder, station.unlocked
    erase_store(station, CODE)
    assert isinstance(key, Unlocked)
    with pytest.raises(StationError) as told:
        Vault.open(Home.open(folder), find_device=lambda: DeviceSecret("insecure"))
    assert told.value.code == "vault.missing"
