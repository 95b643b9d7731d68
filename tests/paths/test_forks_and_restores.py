"""Both real programs through clones, restores of either end, erasure, revocation and replacement.

The desks are real stations, the hub's services answer them; a line in between turns the hub's
refusals into what the transport says.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

import forms
from hub_server.accounts import Account
from hub_server.app import make_hub
from hub_server.errors import HubError
from hub_server.services.answer_courier import answer_courier
from hub_server.services.answer_exchange import answer_exchange
from hub_server.services.back_up import back_up as back_up_hub
from hub_server.services.decide_application import Terms
from hub_server.services.decide_held import decide_held
from hub_server.services.enrol_station import enrol_station as answer_enrolment
from hub_server.services.enrol_station import hub_card
from hub_server.services.issue_code import issue_code
from hub_server.services.list_losses import list_losses
from hub_server.services.list_undecided import list_undecided
from hub_server.services.read_ledger import Filters, read_ledger
from hub_server.services.review_case import review_case
from hub_server.services.show_record import show_record
from hub_server.services.withdraw import erase_record, revoke_enrolment
from station_client import app
from station_client.device_secret import DeviceSecret
from station_client.errors import StationError
from station_client.home import Home
from station_client.services.amend_entry import amend_entry, operations_of
from station_client.services.apply_for_change import apply_for_change
from station_client.services.back_up import back_up
from station_client.services.carry_courier import read_reply, write_request
from station_client.services.enrol_station import enrol_station
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.merged import merged
from station_client.services.read_status import read_status
from station_client.services.record_entry import record_entries, record_entry
from station_client.services.writing import save_change
from station_client.station import Station
from station_client.store import open_store
from station_client.vault import Vault
from sync_protocol import courier
from sync_protocol.channel import Verdict
from tests.hub_server.conftest import COUNTY, Clock, County
from tests.hub_server.test_decide_application import a_change
from tests.station_client.desk import PIN, a_helper_case


@dataclass
class Line:
    """To a hub in this process."""

    region: Region

    def fetch_card(self) -> bytes:
        return hub_card(self.region.county.hub)

    def enrol(self, data: bytes) -> bytes:
        return answer_enrolment(self.region.county.hub, data)

    def exchange(self, data: bytes) -> bytes:
        try:
            return answer_exchange(self.region.county.hub, data)
        except HubError as refused:
            raise StationError("transport.refused", hub_code=refused.code, message="") from refused


@dataclass
class Region:
    """A county with one open station, and the folder that everything lies in."""

    folder: Path
    county: County
    station_code: str
    closing: ExitStack

    def pc(self, name: str) -> Station:
        """A freshly enrolled PC."""
        hub = self.county.hub
        station = enrol_station(
            Home.open(self.folder / name),
            PIN,
            "http://hub.invalid",
            issue_code(hub, self.county.reviewer, self.station_code),
            "李娟",
            device=DeviceSecret("insecure"),
            device_name="柜台",
            forms=forms.builtin(),
            now_ms=self.county.clock,
            connect=lambda url: Line(self),
        )
        self.closing.callback(station.close)
        return station

    def started(self, folder: Path) -> Station:
        """The program of a PC, started in this folder."""
        home = Home.open(folder)
        vault = Vault.open(home)
        unlocked = vault.unlock(PIN)
        store = open_store(home.database, unlocked.data_key)
        station = Station.open(
            home, vault, unlocked, store, forms.builtin(), self.county.clock, lambda url: Line(self)
        )
        self.closing.callback(station.close)
        return station

    def restored(self, station: Station, copy: Path) -> Station:
        """The PC after a backup of it was put back."""
        folder = station.home.folder
        station.close()
        again = app.restored(Home.open(folder), PIN, backup=copy)
        self.closing.callback(again.close)
        again.transport, again.now_ms = Line(self), self.county.clock
        return again

    def clone(self, station: Station, name: str) -> Station:
        """A disk image of the PC in another machine."""
        station.store.database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copytree(station.home.folder, self.folder / name)
        return self.started(self.folder / name)

    def save_hub(self) -> Path:
        path = self.folder / "backups" / f"{len(list(self.folder.rglob('*.db')))}.db"
        path.parent.mkdir(exist_ok=True)
        back_up_hub(self.county.hub, path)
        return path

    def restore_hub(self, copy: Path) -> None:
        home = self.county.hub.home
        self.county.hub.store.close()
        for each in home.glob("hub.db*"):
            each.unlink()
        shutil.copyfile(copy, home / "hub.db")
        self.county = self.county.reopened()

    def names(self) -> set[str]:
        """Whose cases the county has."""
        page = read_ledger(
            self.county.hub, self.county.reviewer, Filters(station_code=self.station_code), 500, 0
        )
        return {str(row.record.hex()) for row in page.rows}


@pytest.fixture
def region(tmp_path: Path) -> Iterator[Region]:
    clock = Clock()
    people = [Account(os.urandom(16), r, r, COUNTY) for r in ("admin", "reviewer", "operator")]
    hub = make_hub(tmp_path / "hub", "高平市政务服务平台", COUNTY, clock, {})
    with hub.store.writing():
        for each in people:
            hub.store.people.add(each, "no password", clock())
    county = County(hub, clock, *people)
    with ExitStack() as closing:
        made = Region(tmp_path, county, county.open_station().station_code, closing)
        closing.callback(lambda: made.county.hub.store.close())
        yield made


def a_case(station: Station, name: str) -> str:
    return record_entry(station, "helper_case", a_helper_case(applicant_name=name)).hex()


def settle_down(*stations: Station) -> None:
    """Exchange until nobody has anything to say; everybody is synchronised then."""
    for _ in range(3):
        done = [exchange_with_hub(each).synchronised for each in stations]
    assert all(done), [read_status(each) for each in stations]


def shown(station: Station) -> dict[str, str]:
    return {
        row.id.hex(): str(row.values["applicant_name"])
        for row in station.store.records.all(station.channel)
        if row.kind == "helper_case"
    }


def test_two_machines_with_one_disk_lose_nothing(region: Region) -> None:
    first = region.pc("a")
    a_case(first, "共同")
    settle_down(first)
    clone = region.clone(first, "b")
    here, there = a_case(first, "本机"), a_case(clone, "副本")
    settle_down(first)
    settle_down(clone)  # finds the fork, and goes on as another replica
    later = a_case(first, "本机后来")
    exchange_with_hub(first)
    assert first.keys.replica != clone.keys.replica
    # The second one to come is not believed before the county has looked; what it wrote counts.
    assert [read_status(each).standing for each in (clone, first)] == ["", "waiting"]
    assert {here, there, later} <= region.names()
    assert later in shown(first)


def test_an_unsent_entry_of_a_frozen_chain_goes_up_as_a_copy_and_counts_once(
    region: Region,
) -> None:
    first = region.pc("a")
    settle_down(first)
    clone = region.clone(first, "b")
    a_case(first, "本机")
    settle_down(first)
    record = a_case(clone, "副本")
    exchange_with_hub(clone)
    exchange_with_hub(clone)
    assert record in region.names()
    history = region.county.hub.store.operations.of_records(first.channel, [bytes.fromhex(record)])[
        bytes.fromhex(record)
    ]
    assert len({each.operation.identity for each in history}) == 1


def test_a_station_restored_from_its_backup_gets_everything_back_and_declares_the_rest(
    region: Region,
) -> None:
    pc = region.pc("a")
    before = a_case(pc, "备份前")
    back_up(pc, region.folder / "copy.db")
    sent = a_case(pc, "已上报")
    settle_down(pc)
    a_case(pc, "未上报")
    again = region.restored(pc, region.folder / "copy.db")
    settle_down(again)
    assert set(shown(again)) == {before, sent} <= region.names()
    losses = list_losses(region.county.hub, region.county.operator)
    assert [each.missing for each in losses.operations] == [1]


def test_of_two_copies_in_one_page_the_first_entry_gives_the_verdict_at_every_desk(
    region: Region,
) -> None:
    """Refused for its author, later for the erasure of its record: the first cause stays."""
    one, two = region.pc("a"), region.pc("b")
    record = bytes.fromhex(a_case(one, "清除"))
    with one.store.writing():  # a program that writes what only the county may
        stored = operations_of(one, record)
        save_change(one, stored, merged(one.forms, stored), {"county_opinion": "同意"})
    stick = write_request(one)
    back_up(one, region.folder / "copy.db")
    a_case(one, "只在丢了的盘上")
    again = region.restored(one, region.folder / "copy.db")
    settle_down(again)  # as copies, under another chain
    hub = region.county.hub
    erase_record(hub, region.county.admin, record, "保存期满", region.station_code)
    answer_courier(hub, stick)
    settle_down(again, two)
    causes = [
        {
            (each.verdict, each.code)
            for each in pc.store.journal.operations_of(pc.channel, [record])[record]
        }
        for pc in (again, two)
    ]
    assert causes == [{(Verdict.ACCEPTED, ""), (Verdict.REFUSED, "author:county_opinion")}] * 2


def test_a_hub_restored_from_its_backup_gets_everything_back_from_its_stations(
    region: Region,
) -> None:
    one, two = region.pc("a"), region.pc("b")
    kept = a_case(one, "备份前")
    settle_down(one, two)
    copy = region.save_hub()
    lost = [a_case(one, "甲"), a_case(two, "乙")]
    settle_down(one, two)
    amend_entry(one, bytes.fromhex(lost[1]), {"applicant_name": "改过"})
    settle_down(one, two)
    before = shown(one)
    region.restore_hub(copy)
    assert region.names() == {kept}
    unsent = a_case(two, "恢复后")
    settle_down(one, two)
    assert region.names() == {kept, *lost, unsent}
    assert shown(one) == shown(two) == {**before, unsent: "恢复后"}
    assert not read_status(one).alarms
    assert not list_losses(region.county.hub, region.county.operator).entries


def test_a_restored_hub_calls_a_station_again_what_the_card_that_came_back_says(
    region: Region,
) -> None:
    one = region.pc("a")
    settle_down(one)
    copy = region.save_hub()
    was = region.county.hub.store.stations.get(region.station_code)
    assert was is not None
    application = apply_for_change(one, "station_change", a_change())
    settle_down(one)
    region.county.decide(application, terms=Terms(station_name="太行便民服务站"))
    settle_down(one)
    region.restore_hub(copy)
    settle_down(one)
    again = region.county.hub.store.stations.get(region.station_code)
    assert again is not None
    assert (was.name, again.name, one.name) == (
        "山西银行北留支行便民服务站",
        "太行便民服务站",
        "太行便民服务站",
    )


def test_a_pc_that_was_enrolled_after_the_hubs_backup_is_known_again(region: Region) -> None:
    one = region.pc("a")
    a_case(one, "甲")
    settle_down(one)
    copy = region.save_hub()
    two = region.pc("b")
    record = a_case(two, "乙")
    settle_down(one, two)
    region.restore_hub(copy)
    settle_down(one, two)
    assert record in region.names()
    assert shown(one) == shown(two)


def test_both_ends_restored_lose_only_what_nobody_has_and_it_is_declared(region: Region) -> None:
    one, two = region.pc("a"), region.pc("b")
    settle_down(one, two)
    copy = region.save_hub()
    back_up(one, region.folder / "copy.db")
    held_by_two = a_case(one, "两边都有")
    settle_down(one, two)
    gone = a_case(one, "只有一份")
    exchange_with_hub(one)
    region.restore_hub(copy)
    again = region.restored(one, region.folder / "copy.db")
    settle_down(again, two)
    assert held_by_two in region.names()
    assert gone not in region.names()
    assert shown(again) == shown(two)
    losses = list_losses(region.county.hub, region.county.operator)
    assert sum(each.missing for each in losses.operations) == 1


def test_an_erased_record_does_not_come_back_from_anybody(region: Region) -> None:
    one, two = region.pc("a"), region.pc("b")
    record = a_case(one, "清除")
    settle_down(one, two)
    copy = region.save_hub()
    amend_entry(two, bytes.fromhex(record), {"applicant_name": "未上报"})
    erase_record(
        region.county.hub,
        region.county.admin,
        bytes.fromhex(record),
        "保存期满",
        region.station_code,
    )
    settle_down(one, two)
    assert record not in shown(one)
    assert record not in shown(two)
    region.restore_hub(copy)
    settle_down(one, two)
    for each in (one, two):
        bodies = each.store.database.rows(
            "SELECT body FROM operation WHERE record = ?", bytes.fromhex(record)
        )
        assert {row["body"] for row in bodies} == {None}
    with pytest.raises(StationError) as told:
        amend_entry(one, bytes.fromhex(record), {"applicant_name": "再来"})
    assert told.value.code == "record.erased"


def test_a_revoked_pc_keeps_what_it_wrote_and_reads_nothing(region: Region) -> None:
    one, two = region.pc("a"), region.pc("b")
    settle_down(one, two)
    revoke_enrolment(region.county.hub, region.county.admin, two.keys.replica, "遗失")
    record = a_case(two, "撤销后")
    a_case(one, "别处")
    settle_down(one)
    exchange_with_hub(two)
    two.mint()
    exchange_with_hub(two)
    assert read_status(two).standing == "revoked"
    assert set(shown(two)) == {record}
    assert record not in region.names()


def test_a_replacement_pc_starts_from_a_snapshot_and_then_the_tail(region: Region) -> None:
    one = region.pc("a")
    cases = [a_helper_case(applicant_name=f"第{n}位") for n in range(300)]
    records = record_entries(one, "helper_case", cases)
    settle_down(one)
    for each in records[:20]:
        amend_entry(one, each, {"applicant_name": "改过"})
    settle_down(one)
    region.save_hub()
    amend_entry(one, records[0], {"applicant_name": "尾部"})
    settle_down(one)
    two = region.pc("b")
    settle_down(two)
    assert shown(two) == shown(one)
    base = two.store.channels.own().base
    assert base is not None
    assert base.position >= 300
    amend_entry(two, records[1], {"applicant_name": "新机"})
    settle_down(two, one)
    assert shown(two) == shown(one)
    assert not read_status(one).open_conflicts


def test_a_fork_is_healed_by_courier_as_by_wire(region: Region) -> None:
    first = region.pc("a")
    settle_down(first)
    clone = region.clone(first, "b")
    a_case(first, "本机")
    settle_down(first)
    record = a_case(clone, "副本")
    for _ in range(4):
        data = courier.unframe(write_request(clone))
        read_reply(clone, courier.frame(answer_exchange(region.county.hub, data)))
    assert clone.identity.past
    assert record in region.names()


def test_an_amendment_of_what_a_restored_hub_lost_is_judged_once_that_is_back(
    region: Region,
) -> None:
    one, two = region.pc("a"), region.pc("b")
    settle_down(one, two)
    copy = region.save_hub()
    record = a_case(one, "恢复前")
    settle_down(one, two)
    amend_entry(two, bytes.fromhex(record), {"applicant_name": "乙改"})
    region.restore_hub(copy)
    amend_entry(one, bytes.fromhex(record), {"contact_phone": "13911112222"})
    one.mint()
    settle_down(two, one)
    assert shown(one) == shown(two) == {record: "乙改"}
    assert [read_status(each).refused for each in (one, two)] == [0, 0]


def test_what_was_erased_before_it_came_back_is_erased_for_a_replacement_too(
    region: Region,
) -> None:
    one = region.pc("a")
    settle_down(one)
    copy = region.save_hub()
    record = a_case(one, "清除")
    settle_down(one)
    erase_record(
        region.county.hub,
        region.county.admin,
        bytes.fromhex(record),
        "保存期满",
        region.station_code,
    )
    region.restore_hub(copy)
    region.save_hub()
    settle_down(one)
    two = region.pc("b")
    settle_down(two)
    assert shown(two) == {}
    assert two.store.channels.own().base is not None


def test_backups_of_the_hub_may_be_put_back_in_any_order(region: Region) -> None:
    one, two = region.pc("a"), region.pc("b")
    settle_down(one, two)
    earlier = region.save_hub()
    records = {a_case(one, "甲")}
    settle_down(one, two)
    later = region.save_hub()
    region.restore_hub(earlier)
    records.add(a_case(one, "乙"))
    settle_down(one)
    region.restore_hub(later)
    records.add(a_case(two, "丙"))
    settle_down(one, two)
    assert set(shown(one)) == set(shown(two)) == records == region.names()


def test_a_branch_that_was_accepted_as_copies_is_no_fault_of_the_hubs_history(
    region: Region,
) -> None:
    one = region.pc("a")
    settle_down(one)
    clone = region.clone(one, "b")
    a_case(one, "本机")
    settle_down(one)
    a_case(clone, "副本")
    settle_down(clone)
    assert region.save_hub().exists()


def test_a_page_is_out_of_date_once_what_had_its_place_before_is_accepted(region: Region) -> None:
    one, two = region.pc("a"), region.pc("b")
    record = bytes.fromhex(a_case(one, "原来"))
    settle_down(one, two)
    hub, admin = region.county.hub, region.county.admin
    revoke_enrolment(hub, admin, two.keys.replica, "遗失")
    amend_entry(two, record, {"applicant_name": "待裁定"})
    exchange_with_hub(two)
    amend_entry(one, record, {"contact_phone": "13911112222"})
    settle_down(one)
    seen = show_record(hub, admin, record).version
    [waiting], _ = list_undecided(hub, admin)
    decide_held(hub, admin, waiting.channel, [waiting.identity], "accepted", "已核实")
    with pytest.raises(HubError) as told:
        review_case(hub, region.county.reviewer, one.channel, record, "returned", "补", {}, seen)
    assert told.value.code == "case.changed"
