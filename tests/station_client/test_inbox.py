"""The inbox: nothing that the county has not accepted is missing, and each says what to do."""

import pytest

from station_client.errors import StationError
from station_client.services.amend_entry import amend_entry, void_entry
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.list_inbox import InboxItem, list_inbox
from station_client.services.read_status import read_status
from station_client.services.record_entry import record_entry
from station_client.services.show_case import show_case
from station_client.station import Station
from sync_protocol import channel
from sync_protocol.channel import HELD_CODES, REFUSED_CODES, Verdict
from sync_protocol.operations import Write
from tests.station_client import desk
from tests.station_client.fake_hub import STATION, FakeHub, accept_all


def judged(hub: FakeHub, verdict: Verdict, code: str) -> None:
    hub.judge = lambda operation, writes, creates: (verdict, code)


def recorded(station: Station, **changes: object) -> bytes:
    record = record_entry(station, "intake_case", desk.a_case(**changes))
    exchange_with_hub(station)
    return record


def matters(station: Station) -> list[tuple[str, bytes]]:
    return [(each.matter, each.record) for each in list_inbox(station)]


def the_item(station: Station) -> InboxItem:
    [item] = list_inbox(station)
    return item


def test_an_accepted_entry_is_no_matter_for_the_inbox(station: Station) -> None:
    recorded(station)
    assert list_inbox(station) == []


@pytest.mark.parametrize("code", HELD_CODES)
def test_every_cause_to_hold_is_told_with_who_ends_it(
    station: Station, hub: FakeHub, code: str
) -> None:
    judged(hub, Verdict.HELD, code)
    record = recorded(station)
    item = the_item(station)
    assert (item.matter, item.record, item.code) == ("held", record, code)
    assert item.reason == HELD_CODES[code]
    assert item.actor == ("nobody" if code == "gap" else "county")
    assert item.advice.endswith("。")
    assert (item.title, item.since) == ("社会保障卡申领（王小明）", desk.NOON)


@pytest.mark.parametrize("code", REFUSED_CODES)
def test_every_refusal_waits_for_the_clerk(station: Station, hub: FakeHub, code: str) -> None:
    judged(hub, Verdict.REFUSED, code)
    record = recorded(station)
    item = the_item(station)
    assert (item.matter, item.record, item.actor) == ("refused", record, "clerk")
    assert item.reason == REFUSED_CODES[code]


def test_what_was_refused_since_the_disk_had_lost_its_body_is_told_until_it_is_written_again(
    station: Station,
) -> None:
    record = recorded(station)
    amend_entry(station, record, {"applicant_name": "王二"})
    station.store.database.write("UPDATE operation SET body = NULL WHERE verdict IS NULL")
    exchange_with_hub(station)
    item = the_item(station)
    assert (item.matter, item.record, item.reason) == ("refused", record, REFUSED_CODES["body"])
    assert read_status(station).refused == 1
    amend_entry(station, record, {"applicant_name": "王三"})
    exchange_with_hub(station)
    assert list_inbox(station) == []
    assert read_status(station).refused == 0


def test_what_the_county_says_to_the_desk_is_shown(station: Station, hub: FakeHub) -> None:
    judged(hub, Verdict.REFUSED, "county:与凭证不符：请核对")
    record = recorded(station)
    assert the_item(station).reason == "县级退回：与凭证不符：请核对"
    assert show_case(station, record).refusals == (("", "县级退回：与凭证不符：请核对"),)


def test_a_code_of_a_later_version_is_shown_as_it_is(station: Station, hub: FakeHub) -> None:
    judged(hub, Verdict.HELD, "moonlight")
    recorded(station)
    assert "moonlight" in the_item(station).reason


def test_a_refusal_names_the_field(station: Station, hub: FakeHub) -> None:
    judged(hub, Verdict.REFUSED, "check:contact_phone:required")
    recorded(station)
    assert "“联系方式”还没有填写" in the_item(station).reason


def test_a_correction_of_a_refused_creation_writes_every_field_again(
    station: Station, hub: FakeHub, clock: desk.Clock
) -> None:
    judged(hub, Verdict.REFUSED, "check:contact_phone:format")
    record = recorded(station)
    before = show_case(station, record)
    assert before.refused_values["applicant_name"] == "王小明"
    assert [register for register, _ in before.refusals] == ["contact_phone"]
    clock.forward(60)
    amend_entry(station, record, {"contact_phone": "0356-2025678"})
    assert list_inbox(station) == []
    hub.judge = accept_all
    exchange_with_hub(station)
    *_, sent = (each.operation for each in hub.logs[STATION] if each.operation is not None)
    written = {write.field: write.value for write in sent.writes()}
    assert written["contact_phone"] == "0356-2025678"
    assert {name: written[name] for name in before.values} == {
        **before.values,
        "contact_phone": "0356-2025678",
    }


def test_a_refused_amendment_keeps_what_was_typed_until_it_is_corrected(
    station: Station, hub: FakeHub, clock: desk.Clock
) -> None:
    record = recorded(station)
    judged(hub, Verdict.REFUSED, "check:remark:too_long")
    clock.forward(60)
    amend_entry(station, record, {"remark": "很长的备注"})
    exchange_with_hub(station)
    case = show_case(station, record)
    assert "remark" not in case.values
    assert case.refused_values["remark"] == "很长的备注"
    assert matters(station) == [("refused", record)]
    clock.forward(60)
    amend_entry(station, record, {"remark": "短的备注"})
    assert list_inbox(station) == []
    assert show_case(station, record).refused_values == {}


def test_a_refused_creation_may_be_made_void_and_waits_for_nobody_then(
    station: Station, hub: FakeHub
) -> None:
    judged(hub, Verdict.REFUSED, "check:contact_phone:type")
    record = recorded(station)
    with pytest.raises(StationError):
        void_entry(station, record, " ")
    void_entry(station, record, "重复登记")
    for _ in range(2):  # before the county has refused that, too, and after
        row = station.store.records.find(record)
        assert row is not None
        assert (row.alive, row.refused, row.status) == ("重复登记", 0, "已作废")
        assert row.values["applicant_name"] == "王小明"
        assert list_inbox(station) == []
        assert exchange_with_hub(station).synchronised
    with pytest.raises(StationError) as told:
        amend_entry(station, record, {"applicant_name": "王二"})
    assert told.value.code == "record.void"


def test_a_void_that_the_county_refuses_of_a_record_that_it_has_stays_open(
    station: Station, hub: FakeHub
) -> None:
    record = recorded(station)
    judged(hub, Verdict.REFUSED, "county")
    void_entry(station, record, "重复登记")
    exchange_with_hub(station)
    assert matters(station) == [("refused", record)]


def test_leaving_a_record_as_it_is_settles_a_refusal_too(
    station: Station, hub: FakeHub, clock: desk.Clock
) -> None:
    record = recorded(station)
    judged(hub, Verdict.REFUSED, "county")
    clock.forward(60)
    amend_entry(station, record, {"remark": "不该写的"})
    exchange_with_hub(station)
    clock.forward(60)
    amend_entry(station, record, {})
    hub.judge = accept_all
    exchange_with_hub(station)
    assert list_inbox(station) == []
    assert "remark" not in show_case(station, record).values


def test_a_correction_that_is_refused_too_comes_back(
    station: Station, hub: FakeHub, clock: desk.Clock
) -> None:
    judged(hub, Verdict.REFUSED, "check:contact_phone:format")
    record = recorded(station)
    clock.forward(60)
    amend_entry(station, record, {"contact_phone": "0356-2025678"})
    exchange_with_hub(station)
    assert matters(station) == [("refused", record)]
    assert show_case(station, record).refused_values["contact_phone"] == "0356-2025678"


def test_what_the_other_pc_wrote_is_listed_and_can_be_corrected_here(
    station: Station, colleague: Station, hub: FakeHub, clock: desk.Clock
) -> None:
    judged(hub, Verdict.REFUSED, "check:contact_phone:format")
    record = recorded(colleague, applicant_name="赵秀兰")
    number = show_case(colleague, record).values["case_no"]
    exchange_with_hub(station)
    item = the_item(station)
    assert (item.title, item.case_no) == ("社会保障卡申领（赵秀兰）", number)
    hub.judge = accept_all
    clock.forward(60)
    amend_entry(station, record, {"contact_phone": "0356-2025678"})
    exchange_with_hub(station)
    case = show_case(station, record)
    assert (case.values["applicant_name"], case.values["case_no"]) == ("赵秀兰", number)
    assert list_inbox(station) == []


def test_what_is_held_of_the_other_pc_is_counted_once_and_listed(
    station: Station, colleague: Station, hub: FakeHub, clock: desk.Clock
) -> None:
    judged(hub, Verdict.HELD, "revoked")
    record = recorded(colleague)
    exchange_with_hub(station)
    assert matters(station) == [("held", record)]
    assert read_status(station).held == 1


def test_the_countys_decision_ends_the_waiting(station: Station, hub: FakeHub) -> None:
    judged(hub, Verdict.HELD, "closed")
    record = recorded(station)
    [stored] = station.store.journal.operations_of(STATION, [record])[record]
    hub.append(STATION, channel.VerdictEntry(stored.identity, 1, "county", desk.NOON + 5))
    exchange_with_hub(station)
    item = the_item(station)
    assert (item.matter, item.reason, item.since) == ("refused", "县级退回", desk.NOON + 5)


def test_a_returned_case_carries_the_countys_opinion(
    station: Station, hub: FakeHub, clock: desk.Clock
) -> None:
    record = recorded(station)
    clock.forward(60)
    returned = {"county_action": "returned", "county_opinion": "请补充电话", "alive": ""}
    hub.write("intake_case", record, [Write(name, value) for name, value in returned.items()])
    exchange_with_hub(station)
    returned_items = [each for each in list_inbox(station) if each.matter == "returned"]
    assert [(each.record, each.reason) for each in returned_items] == [
        (record, "县级退回：请补充电话")
    ]


def test_conflicts_come_with_both_sides_and_what_the_clerk_settles_stands_first(
    station: Station, hub: FakeHub, clock: desk.Clock
) -> None:
    record = recorded(station)
    [first] = station.store.journal.operations_of(STATION, [record])[record]
    clock.forward(60)
    amend_entry(station, record, {"contact_phone": "13912345678"})
    seen = (first.identity,)
    other = [Write("contact_phone", "0356-2025678", seen), Write("alive", "", seen)]
    hub.write("intake_case", record, other)
    exchange_with_hub(station)
    clock.forward(60)
    judged(hub, Verdict.HELD, "frozen")
    waiting = recorded(station)
    assert matters(station) == [("conflict", record), ("held", waiting)]
    conflict = list_inbox(station)[0]
    assert conflict.register == "contact_phone"
    assert "13912345678" in conflict.reason
    assert "0356-2025678" in conflict.reason


def test_an_erased_operation_is_no_matter_any_more(station: Station, hub: FakeHub) -> None:
    judged(hub, Verdict.HELD, "closed")
    record = recorded(station)
    hub.append(STATION, channel.ErasureEntry(record, desk.NOON))
    exchange_with_hub(station)
    assert list_inbox(station) == []
    assert read_status(station).held == 0


def test_a_bad_correction_is_refused_here_already(station: Station, hub: FakeHub) -> None:
    judged(hub, Verdict.REFUSED, "check:contact_phone:format")
    record = recorded(station)
    with pytest.raises(StationError) as told:
        amend_entry(station, record, {"contact_phone": None})
    assert told.value.code == "form.problems"
    assert matters(station) == [("refused", record)]
