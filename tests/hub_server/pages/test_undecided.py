"""The page 待裁定: what is held or refused; operators see no person, reviewers decide."""

import re

import pytest

from sync_protocol.channel import Verdict
from tests.hub_server.conftest import Desk, an_entry
from tests.hub_server.pages.county import County, text_of
from tests.hub_server.test_decide_held import closed

ADDRESS = "/county/undecided"


@pytest.fixture
def desk(county: County) -> Desk:
    """A desk of a closed station, with two late cases and one that the form refuses."""
    desk = county.desk()
    desk.write("intake_case", an_entry(contact_phone="12"))
    desk.synchronise()
    closed(county, desk)
    county.clock.forward(86_400)
    for name in ("赵永胜", "钱小红"):
        desk.write("intake_case", an_entry(applicant_name=name))
    desk.synchronise()
    return desk


def ticks(page: str) -> list[str]:
    return re.findall(r'name="operation" value="([^"]+)"', page)


def test_an_operator_reads_causes_and_ages_and_no_person(county: County, desk: Desk) -> None:
    page = county.signed_in("operator").get(ADDRESS)
    text = text_of(page)
    assert "站点注销后录入" in text
    assert "“联系方式”不符合表单要求" in text
    assert "县级决定" in text
    assert ticks(page.text) == []
    for personal in ("赵永胜", "李兰", "138"):
        assert personal not in text
    assert "/county/undecided/" not in page.text


def test_a_reviewer_accepts_what_was_chosen_and_leaves_the_rest(county: County, desk: Desk) -> None:
    browser = county.signed_in("reviewer")
    first, second = ticks(browser.get(ADDRESS).text)
    sent = {"operation": [first], "verdict": "accepted", "reason": "已电话核实"}
    answer = browser.post(ADDRESS, sent)
    assert answer.status_code == 303
    page = browser.follow(answer)
    assert "已收下 1 项" in page.text
    assert ticks(page.text) == [second]
    desk.synchronise()
    assert [desk.verdict(seq)[0] for seq in (2, 3)] == [Verdict.ACCEPTED, Verdict.HELD]


def test_a_choice_without_a_reason_or_without_anything_is_told_so(
    county: County, desk: Desk
) -> None:
    browser = county.signed_in("reviewer")
    chosen = ticks(browser.get(ADDRESS).text)
    without = browser.post(ADDRESS, {"operation": chosen, "verdict": "accepted"})
    assert (without.status_code, "必须写明理由" in without.text) == (400, True)
    assert without.text.count(" checked") == len(chosen)
    nothing = browser.post(ADDRESS, {"verdict": "accepted", "reason": "x"})
    assert (nothing.status_code, "没有选定" in nothing.text) == (400, True)
    odd = browser.post(ADDRESS, {"operation": ["zz/1"], "verdict": "accepted", "reason": "x"})
    assert odd.status_code == 404


def test_contents_are_masked_until_a_reason_is_given(county: County, desk: Desk) -> None:
    browser = county.signed_in("reviewer")
    listed = browser.get(ADDRESS).text
    addresses = re.findall(r'href="(/county/undecided/[^"]+)"', listed)
    page = browser.get(addresses[0])
    assert "赵永胜" not in page.text
    assert "一并决定" in page.text
    path, _, query = addresses[0].partition("?")
    revealed = browser.post(f"{path}/reveal?{query}", {"reason": "核对补录"})
    assert "赵永胜" in revealed.text
    assert "13812345678" in revealed.text


def test_the_watch_leads_to_the_list_of_the_station(county: County, desk: Desk) -> None:
    browser = county.signed_in("operator")
    code = desk.certificate.station_code
    assert f"{ADDRESS}?station={code}" in browser.get("/county/watch").text
    assert "站点注销后录入" in browser.get(f"{ADDRESS}?station={code}").text
    assert browser.get(f"{ADDRESS}?station=140502999").status_code == 404
