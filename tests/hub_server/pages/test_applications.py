"""The county decides: agreement first, two steps, the code once, stale pages, Annexes B, C."""

import base64
import io
import re
from typing import Any

import pytest
from werkzeug.test import TestResponse

from sync_protocol import enrol
from tests.hub_server.conftest import Desk, enrol_desk
from tests.hub_server.pages.county import PNG, Browser, County, text_of

AGREED = {
    "no": "协〔2026〕7号",
    "kind": "agreement",
    "signed_on": "2026-03-01",
    "valid_to": "2028-02-29",
}


def page_of(browser: Browser, record: bytes) -> TestResponse:
    return browser.get(f"/county/applications/{record.hex()}")


def seen_on(page: TestResponse) -> str:
    found = re.search(r'name="seen" value="([0-9a-f]+)"', page.text)
    assert found
    return found[1]


def decide(browser: Browser, record: bytes, decision: str, **data: Any) -> TestResponse:
    """Both steps, as a person does: read, ask, confirm what the question carries."""
    page = page_of(browser, record)
    typed = {"decision": decision, "opinion": "同意", "seen": seen_on(page), **data}
    question = browser.post(f"/county/applications/{record.hex()}/decide", typed)
    if question.status_code != 200:
        return question
    hidden = r'<input type="hidden" name="([^"]+)" value="([^"]*)">'
    carried = dict(re.findall(hidden, question.text))
    carried.update(decision=decision, confirmed="yes")
    return browser.post(f"/county/applications/{record.hex()}/decide", carried)


def agree(browser: Browser, record: bytes) -> None:
    page_of(browser, record)
    answer = browser.post(f"/county/applications/{record.hex()}/agreement", AGREED)
    assert answer.status_code == 303


@pytest.fixture
def reviewer(county: County) -> Browser:
    return county.signed_in("reviewer")


@pytest.fixture
def record(county: County) -> bytes:
    return county.record_of(county.apply()[0])


def test_the_application_stands_in_the_grid_of_annex_a(reviewer: Browser, record: bytes) -> None:
    text = text_of(page_of(reviewer, record))
    cells = ["政务服务便民服务站开设申请表", "申请单位", "联系人电话", "便民服务站选址", "申请条件"]
    places = [text.index(cell) for cell in [*cells, "主管部门审核意见", "备注"]]
    assert places == sorted(places)
    assert "凤台西街100号" in text
    assert "申请人" in text[text.index("办理过程") :]


def test_without_an_agreement_no_station_opens(reviewer: Browser, record: bytes) -> None:
    assert "暂不能“同意”" in page_of(reviewer, record).text
    answer = decide(reviewer, record, "approve")
    assert answer.status_code == 409
    assert "尚未登记双方签订的协议" in answer.text


def test_an_agreement_that_ends_before_it_begins_is_refused(
    reviewer: Browser, record: bytes
) -> None:
    page_of(reviewer, record)
    wrong = {**AGREED, "valid_to": "2025-01-01"}
    answer = reviewer.post(f"/county/applications/{record.hex()}/agreement", wrong)
    assert answer.status_code == 400
    assert "有效期不得早于签订日期" in answer.text
    assert 'value="协〔2026〕7号"' in answer.text
    assert 'value="2025-01-01"' in answer.text


def test_from_the_question_one_may_go_back_and_nothing_typed_is_lost(
    reviewer: Browser, record: bytes
) -> None:
    agree(reviewer, record)
    seal = base64.b64encode(PNG).decode()
    typed = {
        "decision": "approve",
        "opinion": "同意，请先装监控",
        "station_name": "凤台西街站",
        "functions": ["help"],
        "seal": seal,
        "seen": seen_on(page_of(reviewer, record)),
    }
    page = reviewer.post(f"/county/applications/{record.hex()}/decide", {**typed, "again": "yes"})
    assert "同意，请先装监控</textarea>" in page.text
    assert 'value="凤台西街站"' in page.text
    assert f'name="seal" value="{seal}"' in page.text
    assert re.findall(r'name="functions" value="(\w+)" checked', page.text) == ["help"]


def test_an_approval_asks_first_and_shows_the_code_once(
    county: County, reviewer: Browser, record: bytes
) -> None:
    agree(reviewer, record)
    answer = decide(reviewer, record, "approve", seal=(io.BytesIO(PNG), "seal.png"))
    assert answer.status_code == 303
    slip = reviewer.follow(answer)
    code = re.search(r'id="enrolment-code">([^<]+)<', slip.text)
    assert code
    assert "http://localhost/" in text_of(slip)
    assert "2026-03-09 12:00" in text_of(slip)
    assert code[1] not in reviewer.follow(answer).text
    assert enrol_desk(county.hub, code[1]).certificate.station_name
    stored = county.hub.store.records.find(record, "")
    assert stored is not None
    assert base64.b64decode(stored.values["seal_image"]) == PNG


def test_the_question_alone_decides_nothing(
    county: County, reviewer: Browser, record: bytes
) -> None:
    agree(reviewer, record)
    seen = seen_on(page_of(reviewer, record))
    typed = {"decision": "approve", "opinion": "同意", "seen": seen}
    question = reviewer.post(f"/county/applications/{record.hex()}/decide", typed)
    assert "请确认：同意" in text_of(question)
    stored = county.hub.store.records.find(record, "")
    assert stored is not None
    assert stored.state == "submitted"


def test_a_page_read_before_a_change_decides_nothing_and_says_so(
    county: County, reviewer: Browser, record: bytes
) -> None:
    agree(reviewer, record)
    seen = seen_on(page_of(reviewer, record))
    decide(county.signed_in("admin"), record, "return", opinion="请补正")
    typed = {"decision": "approve", "opinion": "同意", "seen": seen, "confirmed": "yes"}
    answer = reviewer.post(f"/county/applications/{record.hex()}/decide", typed)
    assert answer.status_code == 409
    assert "有了变动，决定没有保存" in answer.text
    assert "退回修改" in answer.text


@pytest.mark.parametrize("decision", ["return", "reject"])
def test_who_is_sent_back_is_told_why(reviewer: Browser, record: bytes, decision: str) -> None:
    answer = decide(reviewer, record, decision, opinion=" ")
    assert answer.status_code == 400
    assert "必须写明意见" in answer.text
    assert decide(reviewer, record, decision, opinion="材料不全").status_code == 303
    assert "材料不全" in page_of(reviewer, record).text


@pytest.mark.parametrize(
    "content", [b"GIF89a" + bytes(50), b"<svg/>", PNG + bytes(160_000)], ids=["gif", "svg", "large"]
)
def test_a_seal_is_a_small_png_or_jpeg(reviewer: Browser, record: bytes, content: bytes) -> None:
    agree(reviewer, record)
    seal = (io.BytesIO(content), "seal.png")
    answer = decide(reviewer, record, "approve", opinion="同意设站", seal=seal)
    assert answer.status_code == 400
    assert "印章应为 PNG 或 JPEG 图片" in answer.text
    assert "同意设站</textarea>" in answer.text


def test_a_body_beyond_every_bound_is_refused_by_its_size(reviewer: Browser, record: bytes) -> None:
    path, form = f"/county/applications/{record.hex()}/decide", "application/x-www-form-urlencoded"
    answer = reviewer.client.post(path, data=b"seal=" + b"A" * 600_000, content_type=form)
    assert answer.status_code == 413


def test_the_inbox_keeps_what_is_to_do_apart_from_what_is_done(
    county: County, reviewer: Browser, record: bytes
) -> None:
    county.apply(applicant_unit="第二家")
    decide(reviewer, record, "reject", opinion="不符合条件")
    waiting = text_of(reviewer.get("/county/applications"))
    assert "第二家" in waiting
    assert "中国邮政" not in waiting
    assert "待办（1）" in waiting
    done = text_of(reviewer.get("/county/applications?view=done&state=rejected"))
    assert "中国邮政" in done
    assert "没有符合条件" in text_of(
        reviewer.get("/county/applications?view=done&kind=station_close")
    )


# --- change and closing, from a station ----------------------------------------------------------

CHANGE = {
    "applicant_unit": "中国邮政储蓄银行城区支行",
    "contact_phone": "13812345678",
    "address": "凤台西街100号",
    "county": "城区",
    "old_functions": "收件、帮办",
    "new_applicant_unit": "中国邮政储蓄银行城区支行",
    "new_contact_phone": "13812345678",
    "new_address": "凤台东街8号",
    "new_county": "城区",
    "function_changes": "增加代办",
    "state": {"round": 1, "state": "submitted"},
}
CLOSE = {
    "applicant_name": "李明",
    "contact_phone": "13812345678",
    "county": "城区",
    "address": "凤台西街100号",
    "close_reason": "网点撤并",
    "state": {"round": 1, "state": "submitted"},
}


def sent(desk: Desk, kind: str, values: dict[str, Any]) -> bytes:
    record = desk.write(kind, values)
    desk.synchronise()
    return record


def test_a_long_inbox_is_read_page_by_page(county: County, reviewer: Browser) -> None:
    for number in range(23):
        county.apply(applicant_unit=f"第{number}支行")
    first = text_of(reviewer.get("/county/applications"))
    second = text_of(reviewer.get("/county/applications?number=2&kind=station_open"))
    assert "共 23 条，第 1 / 2 页" in first
    assert first.count("支行") == 20
    assert second.count("支行") == 3


def test_a_change_shows_both_blocks_and_marks_what_differs(
    county: County, reviewer: Browser
) -> None:
    record = sent(county.desk(), "station_change", CHANGE)
    page = page_of(reviewer, record).text
    marked = re.findall(r'class="written changed" data-field="([^"]+)"', page)
    assert marked == ["new_address"]
    assert "变更后便民服务站情况" in page


def test_an_approved_change_reaches_the_stations_card(county: County, reviewer: Browser) -> None:
    desk = county.desk()
    record = sent(desk, "station_change", CHANGE)
    assert decide(reviewer, record, "approve").status_code == 303
    station = reviewer.get(f"/county/stations/{desk.certificate.station_code}")
    assert "凤台东街8号" in station.text


def test_an_approved_closing_closes_the_station_and_ends_its_codes(
    county: County, reviewer: Browser
) -> None:
    desk = county.desk()
    record = sent(desk, "station_close", CLOSE)
    assert decide(reviewer, record, "approve").status_code == 303
    code = desk.certificate.station_code
    page = reviewer.get(f"/county/stations/{code}")
    assert "已注销" in page.text
    assert "发启用码" not in page.text
    answer = reviewer.post(f"/county/stations/{code}/code")
    assert answer.status_code == 409


def test_a_further_code_enrols_a_second_computer(county: County, reviewer: Browser) -> None:
    code = county.desk().certificate.station_code
    reviewer.get(f"/county/stations/{code}")
    slip = reviewer.follow(reviewer.post(f"/county/stations/{code}/code"))
    shown = re.search(r'id="enrolment-code">([^<]+)<', slip.text)
    assert shown
    assert enrol.read_code(shown[1])
    enrol_desk(county.hub, shown[1])
    assert len(re.findall("柜台一", reviewer.get(f"/county/stations/{code}").text)) == 2
