"""Two desks write without knowing of each other; a person sees both and chooses."""

from contextlib import suppress
from pathlib import Path

import pytest

from station_client.errors import StationError
from station_client.services.add_clerk import add_clerk
from station_client.services.amend_entry import amend_entry, void_entry
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.list_clerks import clerk_names, list_clerks
from station_client.services.list_conflicts import Conflict, list_conflicts
from station_client.services.record_entry import record_clerk, record_entry
from station_client.services.remove_clerk import remove_clerk
from station_client.services.settle_conflict import settle_conflict
from station_client.services.show_case import show_case
from station_client.station import Station
from sync_protocol.operations import Write
from tests.station_client import desk
from tests.station_client.fake_hub import FakeHub


class Struck(Exception):
    """The power goes here."""


def strike(*_: object) -> None:
    raise Struck


class Desks:
    """Two PCs of one station and their county, with one case that both know."""

    def __init__(self, folder: Path) -> None:
        self.clock = desk.Clock()
        self.hub = FakeHub(self.clock)
        self.a = self._pc(folder / "a", b"1" * 16)
        self.b = self._pc(folder / "b", b"2" * 16)
        self.record = record_entry(self.a, "intake_case", desk.a_case())
        self.sync()

    def _pc(self, folder: Path, replica: bytes) -> Station:
        station = desk.a_station(
            folder, hub=self.hub.keys, replica=replica, clock=self.clock, transport=self.hub
        )
        self.hub.know(station)
        return station

    def sync(self) -> None:
        for each in (self.a, self.b, self.a):
            exchange_with_hub(each)

    def disagree(self) -> Conflict:
        amend_entry(self.a, self.record, {"applicant_name": "王晓明"})
        self.clock.forward(60)
        amend_entry(self.b, self.record, {"applicant_name": "王小鸣"})
        self.sync()
        [conflict] = list_conflicts(self.a)
        return conflict


@pytest.fixture
def desks(tmp_path: Path) -> Desks:
    return Desks(tmp_path)


def test_both_sides_are_shown_alike_at_both_desks(desks: Desks) -> None:
    conflict = desks.disagree()
    [there] = list_conflicts(desks.b)
    assert [side.text for side in conflict.sides] == ["王晓明", "王小鸣"]
    assert [side.name for side in there.sides] == [side.name for side in conflict.sides]
    assert conflict.label == "姓名"


def test_settling_ends_it_at_both_desks(desks: Desks) -> None:
    conflict = desks.disagree()
    settle_conflict(desks.a, desks.record, conflict.register, conflict.sides[0].name, conflict.seen)
    desks.sync()
    for each in (desks.a, desks.b):
        assert list_conflicts(each) == []
        assert show_case(each, desks.record).values["applicant_name"] == "王晓明"


def test_settling_what_has_moved_on_hides_nothing(desks: Desks) -> None:
    conflict = desks.disagree()
    amend_entry(desks.b, desks.record, {"applicant_name": "王小茗"})
    desks.sync()
    [now] = list_conflicts(desks.a) or [None]
    assert now is None
    with pytest.raises(StationError) as told:
        settle_conflict(
            desks.a, desks.record, conflict.register, conflict.sides[0].name, conflict.seen
        )
    assert told.value.code == "conflict.unknown"
    assert show_case(desks.a, desks.record).values["applicant_name"] == "王小茗"


def test_settling_with_a_third_value_unseen_is_refused(desks: Desks) -> None:
    conflict = desks.disagree()
    one_seen = conflict.seen[:1]
    with pytest.raises(StationError) as told:
        settle_conflict(desks.a, desks.record, conflict.register, conflict.sides[0].name, one_seen)
    assert told.value.code == "conflict.moved_on"


def test_voiding_against_an_edit_is_a_conflict_that_blocks_further_edits(desks: Desks) -> None:
    void_entry(desks.a, desks.record, "重复登记")
    amend_entry(desks.b, desks.record, {"remark": "已补材料"})
    desks.sync()
    [conflict] = list_conflicts(desks.b)
    assert conflict.register == "alive"
    assert {side.text for side in conflict.sides} == {"有效", "已作废：重复登记"}
    with pytest.raises(StationError) as told:
        amend_entry(desks.b, desks.record, {"remark": "x"})
    assert told.value.code == "record.void_conflict"
    alive = next(side for side in conflict.sides if not side.value)
    settle_conflict(desks.b, desks.record, "alive", alive.name, conflict.seen)
    desks.sync()
    assert show_case(desks.a, desks.record).void_reason == ""


def test_the_history_tells_who_changed_what_and_from_what(desks: Desks) -> None:
    record_clerk(desks.a, desks.a.clerk, "李娟")
    amend_entry(desks.a, desks.record, {"dept_name": "县医保局"})
    desks.clock.forward(60)
    desks.hub.write(
        "intake_case", desks.record, [Write("county_opinion", "请补充"), Write("alive", "")]
    )
    desks.sync()
    history = show_case(desks.a, desks.record).history
    assert [line.who for line in history] == ["李娟", "李娟", "县级平台"]
    assert history[1].changes == (("事项所属", "县人社局", "县医保局"),)
    assert history[2].by_hub
    assert all(line.standing == "" for line in history)


def test_an_unsent_change_says_so_in_the_history(desks: Desks) -> None:
    amend_entry(desks.a, desks.record, {"dept_name": "县医保局"})
    assert show_case(desks.a, desks.record).history[-1].standing == "待上报"


def test_a_second_clerk_is_listed_with_a_number(desks: Desks) -> None:
    record_clerk(desks.a, desks.a.clerk, "李娟")
    added = add_clerk(desks.a, "张强", "黄河水长流十里店村二号")
    found = {clerk.id: clerk for clerk in list_clerks(desks.a)}
    assert (found[added].name, found[added].slot_number) == ("张强", 2)
    assert found[desks.a.clerk].is_here


def test_a_clerk_with_a_secret_that_is_too_simple_is_not_added_by_halves(desks: Desks) -> None:
    with pytest.raises(StationError):
        add_clerk(desks.a, "张强", "1")
    assert clerk_names(desks.a) == {}
    assert desks.a.vault.clerk_ids() == [desks.a.clerk]


def test_a_key_whose_name_the_power_took_is_shown_and_can_be_removed(desks: Desks) -> None:
    with suppress(Struck), desks.a.store.writing():
        add_clerk(desks.a, "张强", "黄河水长流十里店村二号")
        strike()
    assert clerk_names(desks.a) == {}
    [nameless] = [each for each in list_clerks(desks.a) if not each.is_here]
    assert (nameless.name, nameless.slot_number) == ("", 2)
    remove_clerk(desks.a, nameless.id)
    assert desks.a.vault.clerk_ids() == [desks.a.clerk]


def test_a_clerk_whose_key_outlived_the_removal_is_removed_by_the_next(
    desks: Desks, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = add_clerk(desks.a, "张强", "黄河水长流十里店村二号")
    monkeypatch.setattr(desks.a.vault, "remove_slot", strike)
    with pytest.raises(Struck):
        remove_clerk(desks.a, added)
    monkeypatch.undo()
    [left] = [each for each in list_clerks(desks.a) if each.id == added]
    assert (left.slot_number, left.is_active) == (2, False)
    remove_clerk(desks.a, added)
    [left] = [each for each in list_clerks(desks.a) if each.id == added]
    assert (left.slot_number, left.is_active) == (None, False)


def test_the_last_key_is_not_removed_and_its_clerk_stays_active(desks: Desks) -> None:
    record_clerk(desks.a, desks.a.clerk, "李娟")
    with pytest.raises(StationError) as told:
        remove_clerk(desks.a, desks.a.clerk)
    assert told.value.code == "vault.last_clerk"
    [clerk] = list_clerks(desks.a)
    assert clerk.is_active
