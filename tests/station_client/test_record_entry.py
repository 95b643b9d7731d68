"""Recording: one durable transaction, offline, numbered; nothing is saved that is forbidden."""

from pathlib import Path

import pytest

from forms.numbering import is_case_number
from station_client.errors import StationError
from station_client.services.amend_entry import amend_entry, void_entry
from station_client.services.merged import writes_of
from station_client.services.record_entry import record_entries, record_entry
from station_client.services.show_case import show_case
from station_client.store import open_store
from tests.station_client import desk


def test_an_entry_is_found_with_its_ledger_line_after_the_station_was_closed(
    tmp_path: Path,
) -> None:
    station = desk.a_station(tmp_path / "home")
    record = record_entry(station, "intake_case", desk.a_case())
    station.store.close()
    again = open_store(station.home.database, station.unlocked.data_key)
    row = again.records.find(record)
    assert row is not None
    assert row.cells is not None
    assert row.cells[5] == "王小明"
    assert is_case_number(row.case_no)
    assert again.journal.totals(station.keys.replica).pending == 1
    again.close()


@pytest.mark.parametrize("other", [2, 10, 11, 91])
def test_two_pcs_of_a_station_never_give_the_same_case_number(tmp_path: Path, other: int) -> None:
    first = desk.a_station(tmp_path / "a", device_number=1)
    second = desk.a_station(tmp_path / "b", device_number=other, replica=b"2" * 16)
    numbers = []
    for station in (first, second):
        for record in record_entries(station, "intake_case", [desk.a_case()] * 3):
            row = station.store.records.find(record)
            assert row is not None
            numbers.append(row.case_no)
        station.close()
    assert len(set(numbers)) == 6


def test_what_the_form_forbids_is_told_problem_by_problem_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    station = desk.a_station(tmp_path / "home")
    with pytest.raises(StationError) as told:
        record_entry(station, "intake_case", desk.a_case(contact_phone="12", applicant_name=""))
    problems = told.value.facts["problems"]
    assert isinstance(problems, list)
    assert {each.field for each in problems} == {"contact_phone", "applicant_name"}
    assert station.store.journal.totals(station.keys.replica).pending == 0
    assert station.store.facts.next_case_sequence("2026-03-02") == 1
    station.close()


def test_one_bad_entry_of_a_batch_keeps_the_whole_batch_out(tmp_path: Path) -> None:
    station = desk.a_station(tmp_path / "home")
    with pytest.raises(StationError):
        record_entries(station, "intake_case", [desk.a_case(), desk.a_case(received_at="99:99")])
    assert station.store.journal.totals(station.keys.replica).pending == 0
    station.close()


def test_an_amendment_replaces_what_it_saw_and_only_writes_what_differs(tmp_path: Path) -> None:
    station = desk.a_station(tmp_path / "home")
    record = record_entry(station, "intake_case", desk.a_case())
    amend_entry(station, record, {"applicant_name": "王晓明", "dept_name": "县人社局"})
    row = station.store.records.find(record)
    assert row is not None
    assert row.values["applicant_name"] == "王晓明"
    assert row.conflicts == 0
    operations = station.store.journal.operations_of(station.channel, [record])[record]
    written = [w.field for w in writes_of(operations[-1])]
    assert written == ["alive", "applicant_name"]
    station.close()


def test_an_amendment_that_changes_nothing_writes_nothing(tmp_path: Path) -> None:
    station = desk.a_station(tmp_path / "home")
    record = record_entry(station, "intake_case", desk.a_case())
    amend_entry(station, record, {"applicant_name": "王小明"})
    assert station.store.journal.totals(station.keys.replica).pending == 1
    station.close()


def test_a_void_record_stays_with_its_reason_and_takes_no_changes(tmp_path: Path) -> None:
    station = desk.a_station(tmp_path / "home")
    record = record_entry(station, "intake_case", desk.a_case())
    void_entry(station, record, "重复登记")
    row = station.store.records.find(record)
    assert row is not None
    assert row.alive == "重复登记"
    with pytest.raises(StationError) as told:
        amend_entry(station, record, {"remark": "x"})
    assert told.value.code == "record.void"
    station.close()


def test_voiding_needs_a_reason(tmp_path: Path) -> None:
    station = desk.a_station(tmp_path / "home")
    record = record_entry(station, "intake_case", desk.a_case())
    with pytest.raises(StationError) as told:
        void_entry(station, record, "  ")
    assert told.value.code == "form.problems"
    station.close()


def test_elements_of_a_list_are_added_and_removed_one_by_one(tmp_path: Path) -> None:
    station = desk.a_station(tmp_path / "home")
    record = record_entry(station, "helper_case", desk.a_helper_case())
    amend_entry(station, record, {"log": [{"at": "2026-03-02T10:00:00+08:00", "action": "已联系"}]})
    row = station.store.records.find(record)
    assert row is not None
    [register] = [name for name in row.values if name.startswith("log/")]
    amend_entry(station, record, {register: None})
    row = station.store.records.find(record)
    assert row is not None
    assert not any(name.startswith("log/") for name in row.values)
    station.close()


def test_an_amendment_is_not_written_over_what_came_in_since_it_was_decided(
    tmp_path: Path,
) -> None:
    station = desk.a_station(tmp_path)
    record = record_entry(station, "intake_case", desk.a_case())
    seen = show_case(station, record).registers
    amend_entry(station, record, {"contact_phone": "13711112222"})
    with pytest.raises(StationError) as caught:
        amend_entry(station, record, {"contact_phone": "13812345678"}, seen)
    assert caught.value.code == "record.moved_on"
    amend_entry(station, record, {"remark": "老年人优先"}, seen)
    values = show_case(station, record).values
    assert (values["contact_phone"], values["remark"]) == ("13711112222", "老年人优先")
