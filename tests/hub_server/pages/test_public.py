"""The public pages: applying, the check code shown once, asking how it stands, correcting."""

import re

import pytest
from werkzeug.test import TestResponse

from hub_server.services.decide_application import decide_application
from hub_server.services.submit_application import find_application
from tests.hub_server.pages.county import Browser, County, an_application, text_of


def look_up(browser: Browser, number: str, check_code: str) -> TestResponse:
    browser.get("/progress")
    return browser.post("/progress", {"number": number, "check_code": check_code})


def return_it(county: County, number: str, opinion: str = "请补充人员配置。") -> None:
    reviewer, record = county.account("reviewer"), county.record_of(number)
    found = county.hub.store.records.find(record, "")
    assert found is not None
    seen = county.hub.shown(found.version)
    decide_application(county.hub, reviewer, record, "return", opinion, None, seen)


def test_the_front_page_leads_to_applying_and_to_asking(county: County) -> None:
    page = county.stranger().get("/")
    assert 'href="/apply"' in page.text
    assert 'href="/progress"' in page.text


def test_an_application_gets_a_number_and_a_check_code_that_are_shown_once(county: County) -> None:
    browser = county.stranger()
    browser.get("/apply")
    answer = browser.post("/apply", an_application())
    assert answer.status_code == 303
    shown = browser.follow(answer).text
    number = re.search(r'id="number">([^<]+)<', shown)
    check_code = re.search(r'id="check-code">([^<]+)<', shown)
    assert number
    assert check_code
    assert find_application(county.hub, number[1], check_code[1]).state == "submitted"
    again = browser.follow(answer)
    assert check_code[1] not in again.text
    assert "已经显示过" in again.text


def test_problems_stand_beside_their_fields_and_nothing_typed_is_lost(county: County) -> None:
    browser = county.stranger()
    browser.get("/apply")
    typed = an_application(contact_phone="问前台", site="", conditions="第一行\n第二行")
    page = browser.post("/apply", typed)
    assert page.status_code == 422
    assert 'value="问前台"' in page.text
    assert "第一行\n第二行</textarea>" in page.text
    assert '<option value="bank" selected>' in page.text
    assert re.search(r'id="p-contact_phone">“联系人电话”的格式不对', page.text)
    assert re.search(r'id="p-site">“便民服务站选址”还没有填写', page.text)
    assert county.hub.store.journal.channel_of_region("office", "140502").position == 0


def test_a_region_of_another_hub_is_named_before_anything_is_kept(county: County) -> None:
    browser = county.stranger()
    browser.get("/apply")
    page = browser.post("/apply", an_application(region_code="140581"))
    assert page.status_code == 422
    assert 'id="p-region_code"' in page.text
    odd = browser.post("/apply", an_application(region_code="999"))
    assert odd.text.count('<a href="#f-region_code">') == 1


def test_an_applicant_writes_no_field_of_the_county(county: County) -> None:
    browser = county.stranger()
    browser.get("/apply")
    forged = an_application(review_opinion="同意", review_decision="approved", state="approved")
    answer = browser.follow(browser.post("/apply", forged))
    number = re.search(r'id="number">([^<]+)<', answer.text)
    assert number
    found = county.hub.store.records.find(county.record_of(number[1]), "")
    assert found is not None
    assert found.state == "submitted"
    assert "review_opinion" not in found.values


def test_number_and_check_code_are_read_however_they_are_typed(county: County) -> None:
    number, check_code = county.apply()
    wide = str.maketrans("0123456789", "０１２３４５６７８９")
    divided = f" {number[:6]} {number[6:12]} {number[12:]}"
    browser = county.stranger()
    assert "已提交" in look_up(browser, divided, f"{check_code[:5]} {check_code[5:]}".lower()).text
    assert "已提交" in look_up(browser, number.translate(wide), check_code.translate(wide)).text


def test_a_wrong_check_code_reads_like_a_number_that_does_not_exist(county: County) -> None:
    number, check_code = county.apply()
    browser = county.stranger()
    wrong = look_up(browser, number, "AAAAAAAAAA")
    unknown = look_up(browser, "1405022603029999", check_code)
    assert wrong.status_code == unknown.status_code == 404
    assert text_of(wrong) == text_of(unknown)
    assert "中国邮政" not in wrong.text


def test_what_was_returned_is_corrected_and_sent_again(county: County) -> None:
    number, check_code = county.apply()
    browser = county.stranger()
    assert "已提交" in look_up(browser, number, check_code).text
    assert "改正后重新提交" not in look_up(browser, number, check_code).text
    return_it(county, number)
    page = look_up(browser, number, check_code)
    assert "请补充人员配置。" in text_of(page)
    assert 'value="凤台西街100号"' in page.text
    corrected = an_application(conditions="配备专职人员2名。")
    page = browser.post(
        "/progress/correct", {**corrected, "number": number, "check_code": check_code}
    )
    assert page.status_code == 200
    assert "已重新提交" in page.text
    found = find_application(county.hub, number, check_code)
    assert (found.state, found.values["conditions"]) == ("submitted", "配备专职人员2名。")


def test_a_correction_with_a_problem_keeps_what_was_typed(county: County) -> None:
    number, check_code = county.apply()
    return_it(county, number)
    browser = county.stranger()
    look_up(browser, number, check_code)
    wrong = an_application(site="", conditions="改过了")
    page = browser.post("/progress/correct", {**wrong, "number": number, "check_code": check_code})
    assert page.status_code == 422
    assert "改过了</textarea>" in page.text
    assert find_application(county.hub, number, check_code).state == "returned"


def test_without_the_check_code_nothing_is_corrected(county: County) -> None:
    number, check_code = county.apply()
    return_it(county, number)
    browser = county.stranger()
    browser.get("/progress")
    forged = an_application(site="别处")
    page = browser.post("/progress/correct", {**forged, "number": number, "check_code": "X"})
    assert page.status_code == 404
    assert find_application(county.hub, number, check_code).state == "returned"


@pytest.mark.parametrize("path", ["/apply", "/progress"])
def test_too_many_requests_are_told_what_to_do(county: County, path: str) -> None:
    browser = county.stranger("192.0.2.7")
    browser.get(path)
    answers = [browser.post(path, {}) for _ in range(12)]
    assert answers[-1].status_code == 429
    assert "请等几分钟后再试" in answers[-1].text
    other = county.stranger("192.0.2.8")
    other.get(path)
    assert other.post(path, {}).status_code != 429


def test_nobody_locks_an_applicant_out_by_guessing(county: County) -> None:
    number, check_code = county.apply()
    for at in range(30):
        guess = look_up(county.stranger(f"198.51.100.{at}"), number, f"GUESS{at}")
        assert guess.status_code == 404
    assert look_up(county.stranger("203.0.113.1"), number, check_code).status_code == 200


def test_an_expired_page_loses_nothing_that_was_typed(county: County) -> None:
    browser = county.stranger()
    browser.get("/apply")
    browser.client.delete_cookie("bianmin_hub")
    page = browser.post("/apply", an_application())
    assert page.status_code == 400
    typed = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text))
    assert typed.pop("csrf_token") == browser.token
    assert typed["applicant_unit"] == "中国邮政储蓄银行城区支行"
    assert browser.post("/apply", typed).status_code == 303


def test_who_sends_too_often_loses_nothing_that_was_typed(county: County) -> None:
    stranger = county.stranger("198.51.100.9")
    stranger.get("/apply")
    wrong = an_application(contact_phone="无", conditions="临街一层，双向四车道")
    answers = [stranger.post("/apply", wrong) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [422] * 5 + [429]
    assert "请求过于频繁" in answers[-1].text
    assert 'name="conditions" value="临街一层，双向四车道"' in answers[-1].text
