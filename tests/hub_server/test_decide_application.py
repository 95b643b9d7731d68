"""From an application to a station and back: 5.4.1.1 to 5.4.1.3 as the county works them."""

from dataclasses import replace

import pytest

from hub_server.errors import HubError
from hub_server.services.applications import Kinds, list_applications, show_application
from hub_server.services.decide_application import Terms
from hub_server.services.list_stations import show_station
from hub_server.services.record_agreement import record_agreement
from hub_server.services.show_record import show_history, show_record
from hub_server.services.submit_application import (
    correct_application,
    find_application,
    submit_application,
)
from sync_protocol.channel import ClosingEntry, Verdict
from sync_protocol.operations import AFTER_CLOSING


def refused_code(act) -> str:
    with pytest.raises(HubError) as refused:
        act()
    refused.value.words()  # every fact that the sentence needs is there
    return refused.value.code


def test_an_applicant_sees_the_state_with_number_and_check_code_only(county, opening):
    number, code = submit_application(county.hub, opening())
    assert find_application(county.hub, number, code.lower()).state == "submitted"
    assert refused_code(lambda: find_application(county.hub, number, "WRONGWRONG")) == (
        "application.unknown"
    )
    assert refused_code(lambda: find_application(county.hub, "0", code)) == "application.unknown"


def test_two_applications_of_one_day_have_different_numbers(county, opening):
    numbers = [submit_application(county.hub, opening())[0] for _ in range(2)]
    assert numbers == ["1405812611200001", "1405812611200002"]


def test_an_incomplete_application_is_refused_in_the_forms_own_words(county, opening):
    with pytest.raises(HubError) as refused:
        submit_application(county.hub, opening(site=""))
    assert refused.value.code == "record.values"
    assert "便民服务站选址" in refused.value.words()


def test_a_place_of_another_county_is_refused(county, opening):
    act = lambda: submit_application(county.hub, opening(region_code="140502"))  # noqa: E731
    assert refused_code(act) == "application.region"


def test_an_opening_needs_the_agreement_first(county):
    record = county.application()
    assert refused_code(lambda: county.decide(record)) == "application.no_agreement"
    county.agree(record)
    decided = county.decide(record)
    assert decided.station_code == "140581001"
    assert len(decided.code.replace("-", "")) == 24


def test_the_days_of_an_agreement_are_kept_as_the_card_writes_them(county):
    record = county.application()
    written = ("协2026-1", "agreement", "20261101", "2029-W01-1")
    found = record_agreement(county.hub, county.reviewer, record, *written)
    assert (found.signed_on, found.valid_to) == ("2026-11-01", "2029-01-01")
    assert county.decide(record).station_code == "140581001"


def test_an_approval_makes_the_station_its_card_and_its_code(county):
    decided = county.open_station()
    station = county.hub.store.stations.get(decided.station_code)
    card = county.hub.store.records.get(station.channel, station.card).values
    assert card["name"] == station.name == "山西银行北留支行便民服务站"
    assert card["agreement_no"] == "协2026-1"
    assert county.open_station(applicant_unit="邮政局").station_code == "140581002"


def test_a_returned_application_is_corrected_and_sent_again(county, opening):
    number, code = submit_application(county.hub, opening())
    record = find_application(county.hub, number, code).record
    act = lambda: correct_application(county.hub, number, code, {})  # noqa: E731
    assert refused_code(act) == "application.not_returned"
    county.decide(record, "return", opinion="请写明门牌号")
    assert find_application(county.hub, number, code).opinion == "请写明门牌号"
    again = correct_application(county.hub, number, code, {"site": "北留镇商业街8号"})
    assert (again.state, again.values["site"]) == ("submitted", "北留镇商业街8号")
    assert again.values["state"] == {"round": 2, "state": "submitted"}


@pytest.mark.parametrize("decision", ["return", "reject"])
def test_whoever_is_sent_back_is_told_why(county, decision):
    record = county.application()
    act = lambda: county.decide(record, decision, opinion=" ")  # noqa: E731
    assert refused_code(act) == "application.no_opinion"


def test_a_decision_on_a_page_that_is_out_of_date_is_refused(county, opening):
    number, code = submit_application(county.hub, opening())
    record = find_application(county.hub, number, code).record
    seen = find_application(county.hub, number, code).version
    county.decide(record, "return", opinion="补正")
    correct_application(county.hub, number, code, {"site": "新址"})
    act = lambda: county.decide(record, seen_version=seen)  # noqa: E731
    assert refused_code(act) == "application.changed"


def test_what_is_decided_is_not_decided_again(county):
    record = county.application()
    county.decide(record, "reject", opinion="不符合条件")
    assert refused_code(lambda: county.decide(record)) == "application.state"
    assert refused_code(lambda: county.decide(record, "burn")) == "application.decision_unknown"


def test_a_refused_decision_leaves_nothing_behind(county):
    record = county.application()
    before = [each.position for each in county.hub.store.journal.channels()]
    lines = county.hub.store.people.count_audit("")
    refused_code(lambda: county.decide(record))
    assert [each.position for each in county.hub.store.journal.channels()] == before
    assert county.hub.store.people.count_audit("") == lines


def test_a_county_whose_station_codes_are_used_up_is_told_so(county):
    county.open_station()
    station = county.hub.store.stations.get("140581001")
    last = replace(station, code="140581999", channel=bytes(16))
    with county.hub.store.writing():
        county.hub.store.stations.add(last)
    record = county.application(applicant_unit="邮政局")
    county.agree(record)
    assert refused_code(lambda: county.decide(record)) == "station.codes_used_up"
    assert show_application(county.hub, county.reviewer, record).state == "submitted"


def test_a_text_that_turns_the_direction_of_writing_is_refused(county, opening):
    with pytest.raises(HubError) as refused:
        submit_application(county.hub, opening(applicant_unit="山西\u202e银行"))
    assert refused.value.code == "record.values"
    assert "申请单位" in refused.value.words()


def a_change(**changes):
    return {
        "applicant_unit": "山西银行北留支行",
        "contact_phone": "0356-2025678",
        "address": "北留镇商业街1号",
        "county": "高平市",
        "old_functions": "收件、帮办、代办",
        "new_applicant_unit": "山西银行北留支行",
        "new_contact_phone": "0356-2025678",
        "new_address": "北留镇新街2号",
        "new_county": "高平市",
        "function_changes": "无",
        "state": {"round": 1, "state": "submitted"},
        **changes,
    }


def a_closing():
    return {
        "applicant_name": "王芳",
        "contact_phone": "0356-2025678",
        "county": "高平市",
        "address": "北留镇商业街1号",
        "close_reason": "网点撤并",
        "state": {"round": 1, "state": "submitted"},
    }


def test_an_approved_change_amends_the_card_and_reaches_the_desk(county):
    desk = county.desk()
    record = desk.write("station_change", a_change())
    desk.synchronise()
    (found,) = list_applications(county.hub, county.reviewer, Kinds(["station_change"]))
    assert (found.record, found.state) == (record, "submitted")
    county.decide(record)
    desk.synchronise()
    card = county.hub.store.stations.get(desk.certificate.station_code).card
    assert desk.values(card, "station_card")["address"] == "北留镇新街2号"
    assert desk.values(record, "station_change")["state"]["state"] == "approved"


def test_an_approved_change_carries_the_whole_second_block_onto_the_card(county, entry):
    desk = county.desk()
    before = desk.write("intake_case", entry())
    values = a_change(
        new_applicant_unit="山西银行北留新街支行",
        new_contact_phone="13900001111",
        new_county="阳城县",
    )
    record = desk.write("station_change", values)
    desk.synchronise()
    station = county.hub.store.stations.get(desk.certificate.station_code)
    opened = show_station(county.hub, county.reviewer, station.code).card
    assert (opened["phone"], opened["county"]) == ("0356-2025678", "高平市")
    assert opened["applicant_unit"] == "山西银行北留支行"
    county.decide(record, terms=Terms(functions=("intake", "proxy")))
    card = show_station(county.hub, county.reviewer, station.code).card
    assert card["name"] == "山西银行北留新街支行便民服务站"
    assert [card[name] for name in ("applicant_unit", "phone", "address", "county")] == [
        "山西银行北留新街支行",
        "13900001111",
        "北留镇新街2号",
        "阳城县",
    ]
    assert card["functions"] == ["intake", "proxy"]
    desk.synchronise()
    assert desk.values(station.card, "station_card") == card | {"alive": ""}
    history = show_history(county.hub, county.reviewer, station.card, station.channel)
    assert [line.who for line in history] == ["reviewer", "reviewer"]
    told = {change.label: (change.before, change.after) for change in history[1].changes}
    assert told["地址"] == ("北留镇商业街1号", "北留镇新街2号")
    assert told["办公电话"] == ("0356-****678", "139****1111")
    desk.write("intake_case", {"remark": "补充"}, before)
    desk.synchronise()
    line = county.hub.store.records.get(station.channel, before)
    assert line.cells[2] == "山西银行北留支行便民服务站"  # the name in force that day


def test_a_change_without_ticked_functions_leaves_those_of_the_card(county):
    desk = county.desk()
    record = desk.write("station_change", a_change())
    desk.synchronise()
    functions = show_station(county.hub, county.reviewer, "140581001").card["functions"]
    county.decide(record)
    card = show_station(county.hub, county.reviewer, "140581001").card
    assert card["functions"] == functions
    assert card["name"] == "山西银行北留支行便民服务站"


def test_an_id_that_two_channels_hold_is_no_ones(county, entry):
    first, second = county.desk(), county.desk(applicant_unit="邮政局")
    record = first.write("intake_case", entry())
    first.synchronise()
    assert show_record(county.hub, county.reviewer, record).channel == first.channel
    second.write("intake_case", entry(remark="冒名"), record)
    second.synchronise()
    act = lambda: show_record(county.hub, county.reviewer, record)  # noqa: E731
    assert refused_code(act) == "record.ambiguous"
    for desk in (first, second):
        shown = show_record(county.hub, county.reviewer, record, desk.channel)
        assert shown.channel == desk.channel


def test_a_desk_cannot_approve_its_own_application(county):
    desk = county.desk()
    record = desk.write("station_change", a_change())
    desk.write("station_change", {"state": {"round": 1, "state": "approved"}}, record)
    desk.synchronise()
    assert desk.verdict(2) == (Verdict.REFUSED, "check:state:state_move")


def test_a_station_with_open_cases_closes_only_when_another_takes_them_over(county, entry):
    desk, other = county.desk(), county.open_station(applicant_unit="邮政局")
    desk.write("intake_case", entry())
    record = desk.write("station_close", a_closing())
    desk.synchronise()
    assert refused_code(lambda: county.decide(record)) == "application.open_cases"
    own = Terms(handover_to=desk.certificate.station_code)
    assert refused_code(lambda: county.decide(record, terms=own)) == "application.handover"
    county.decide(record, terms=Terms(handover_to=other.station_code))
    shown = show_application(county.hub, county.reviewer, record)
    assert other.station_code in shown.opinion


def test_after_the_closing_late_entries_count_and_marked_ones_are_held(county, entry):
    desk = county.desk()
    record = desk.write("station_close", a_closing())
    desk.synchronise()
    desk.write("intake_case", entry(case_status="finished"))
    county.clock.forward(minutes=5)
    county.decide(record)
    desk.synchronise()
    desk.write("intake_case", entry(case_status="finished"), flags=AFTER_CLOSING)
    desk.synchronise()
    assert desk.verdict(2) == (Verdict.ACCEPTED, "")
    assert desk.verdict(3) == (Verdict.HELD, "closed")
    assert any(isinstance(each.entry, ClosingEntry) for each in desk.entries)
    assert county.hub.store.stations.get(desk.certificate.station_code).state == "closed"


def test_what_arrives_after_the_days_of_grace_is_held_for_the_county(county, entry):
    desk = county.desk()
    record = desk.write("station_close", a_closing())
    desk.synchronise()
    desk.write("intake_case", entry(case_status="finished"))
    county.decide(record)
    county.clock.forward(days=31)
    desk.synchronise()
    assert desk.verdict(2) == (Verdict.HELD, "late")


def test_an_account_of_another_region_sees_and_decides_nothing(county, people):
    record = county.application()
    elsewhere = replace(county.reviewer, region="140502")
    assert list_applications(county.hub, elsewhere) == []
    act = lambda: show_application(county.hub, elsewhere, record)  # noqa: E731
    assert refused_code(act) == "application.unknown"


def test_an_operator_decides_nothing(county):
    assert refused_code(lambda: list_applications(county.hub, county.operator)) == (
        "account.not_permitted"
    )
