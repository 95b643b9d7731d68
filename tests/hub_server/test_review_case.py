"""The county and a case: correct, return, reveal; what arrives at the desk and what is masked."""

from dataclasses import replace

import pytest

from hub_server.errors import HubError
from hub_server.services.answer_exchange import answer_exchange
from hub_server.services.audit import read_audit
from hub_server.services.issue_code import issue_code
from hub_server.services.read_ledger import Filters, read_ledger
from hub_server.services.review_case import review_case
from hub_server.services.show_record import reveal, show_history, show_record
from sync_protocol import operations


@pytest.fixture
def case(county, entry):
    desk = county.desk()
    record = desk.write("intake_case", entry(remark="电话13812345678联系"))
    desk.synchronise()
    return desk, record


def test_a_correction_arrives_at_the_desk_with_its_opinion(county, case):
    desk, record = case
    review_case(
        county.hub,
        county.reviewer,
        desk.channel,
        record,
        "corrected",
        "部门有误",
        {"dept_name": "民政局"},
    )
    desk.synchronise()
    values = desk.values(record, "intake_case")
    assert (values["dept_name"], values["county_opinion"]) == ("民政局", "部门有误")
    assert values["county_acted_at"].endswith("+08:00")


def test_a_case_can_be_returned_twice(county, case):
    desk, record = case
    for opinion in ("缺联系方式", "仍缺"):
        review_case(county.hub, county.reviewer, desk.channel, record, "returned", opinion, {})
    assert show_record(county.hub, county.reviewer, record).values["county_opinion"] == "仍缺"


@pytest.mark.parametrize(
    ("action", "opinion", "changes", "code"),
    [
        ("burn", "x", {}, "case.action_unknown"),
        ("returned", " ", {}, "case.no_opinion"),
        ("corrected", "x", {}, "case.nothing_to_correct"),
        ("corrected", "x", {"dept_name": ""}, "record.values"),
        ("corrected", "x", {"case_no": "1"}, "record.values"),
    ],
)
def test_a_review_that_says_nothing_is_refused(county, case, action, opinion, changes, code):
    desk, record = case
    with pytest.raises(HubError) as refused:
        review_case(county.hub, county.reviewer, desk.channel, record, action, opinion, changes)
    assert refused.value.code == code


def test_a_review_of_a_page_that_is_out_of_date_is_refused(county, case):
    desk, record = case
    seen = show_record(county.hub, county.reviewer, record).version
    desk.write("intake_case", {"remark": "另有说明"}, record)
    desk.synchronise()
    with pytest.raises(HubError) as refused:
        review_case(county.hub, county.reviewer, desk.channel, record, "returned", "x", {}, seen)
    assert refused.value.code == "case.changed"


def test_an_edit_at_the_desk_meanwhile_stays_as_the_other_side(county, case):
    desk, record = case
    desk.write("intake_case", {"dept_name": "教育局"}, record)
    review_case(
        county.hub,
        county.reviewer,
        desk.channel,
        record,
        "corrected",
        "部门",
        {"dept_name": "民政局"},
    )
    desk.synchronise()
    assert show_record(county.hub, county.reviewer, record).conflicts == 1


def test_the_ledger_and_the_case_are_masked(county, case):
    _, record = case
    page = read_ledger(county.hub, county.reviewer)
    shown = repr(page) + repr(show_record(county.hub, county.reviewer, record))
    assert page.count == 1
    assert "李兰" not in shown
    assert "13812345678" not in shown


def test_a_reveal_needs_a_reason_and_is_audited(county, case):
    _, record = case
    with pytest.raises(HubError) as refused:
        reveal(county.hub, county.reviewer, record, " ")
    assert refused.value.code == "ledger.no_reason"
    assert (
        reveal(county.hub, county.reviewer, record, "群众来电核实").values["applicant_name"]
        == "李兰"
    )
    line = read_audit(county.hub, county.admin)[0]
    assert (line.action, line.target, line.account_name) == (
        "record.reveal",
        record.hex(),
        "reviewer",
    )


def test_an_operator_sees_no_line_of_the_ledger_at_all(county, case):
    desk, record = case
    for act in (
        lambda: read_ledger(county.hub, county.operator),
        lambda: show_record(county.hub, county.operator, record),
        lambda: reveal(county.hub, county.operator, record, "x"),
        lambda: review_case(county.hub, county.operator, desk.channel, record, "returned", "x", {}),
    ):
        with pytest.raises(HubError) as refused:
            act()
        assert refused.value.code == "account.not_permitted"


def test_another_region_sees_nothing(county, case):
    elsewhere = replace(county.reviewer, region="140502")
    assert read_ledger(county.hub, elsewhere).count == 0
    with pytest.raises(HubError) as refused:
        show_record(county.hub, elsewhere, case[1])
    assert refused.value.code == "case.unknown"


def test_the_ledger_is_filtered_by_text_day_station_and_state(county, case, entry):
    desk, _ = case
    desk.write("intake_case", entry(applicant_name="王五", ledger_date="2026-11-01"))
    desk.synchronise()
    code = desk.certificate.station_code

    def found(**filters):
        return read_ledger(county.hub, county.reviewer, Filters(**filters)).count

    assert found(text="王五") == 1
    assert found(since="2026-11-02") == 1
    assert found(until="2026-11-01") == 1
    assert (found(station_code=code), found(station_code="140581999")) == (2, 0)
    assert (found(status="handling"), found(status="finished")) == (2, 0)
    assert (found(kind="intake_case"), found(kind="proxy_case")) == (2, 0)


def test_the_history_tells_who_changed_what(county, case):
    desk, record = case
    review_case(
        county.hub,
        county.reviewer,
        desk.channel,
        record,
        "corrected",
        "部门",
        {"dept_name": "民政局"},
    )
    first, second = show_history(county.hub, county.reviewer, record)
    assert (first.by_hub, second.by_hub, second.who) == (False, True, "reviewer")
    change = next(each for each in second.changes if each.label == "事项所属")
    assert (change.before, change.after) == ("人社局", "民政局")
    assert "李兰" not in repr(first)


def test_the_history_shows_the_value_that_its_author_saw(county, case):
    desk, record = case
    code = issue_code(county.hub, county.reviewer, desk.certificate.station_code)
    other = county.enrol(code)
    other.synchronise()
    other.write("intake_case", {"dept_name": "医保局"}, record)
    desk.write("intake_case", {"dept_name": "民政局"}, record)
    other.synchronise()
    desk.synchronise()
    lines = show_history(county.hub, county.reviewer, record)[1:]
    changes = [(c.before, c.after) for line in lines for c in line.changes]
    assert changes == [("人社局", "医保局"), ("人社局", "民政局")]


def test_what_nobody_can_read_stands_in_the_history_with_its_reason(county, case):
    desk, record = case
    desk.write("intake_case", {"dept_name": "民政局"}, record)
    header = desk.written.pop().header_bytes
    desk.written.append(operations.received(header, b"\xc1", None))
    answer_exchange(county.hub, desk.seal(desk.payload()))
    _, unreadable = show_history(county.hub, county.reviewer, record)
    assert (unreadable.standing, unreadable.changes) == ("内容无法读取或过大", ())
