"""Signing in and out: same words for every mistake, limits, visits that end."""

import re
from html import unescape

import pytest
from werkzeug.test import TestResponse

from hub_server.admin.visits import IDLE_MS, LONGEST_MS
from hub_server.app import create_app
from hub_server.services.accounts import disable_account
from tests.hub_server.pages.county import NAMES, PASSWORD, Browser, County, text_of

INBOX = "/county/applications"
COOKIE = "bianmin_hub"


def try_password(browser: Browser, name: str, password: str) -> TestResponse:
    browser.get("/login")
    return browser.post("/login", {"name": name, "password": password})


def cookie(browser: Browser) -> str:
    found = browser.client.get_cookie(COOKIE)
    assert found is not None
    return found.value


def test_a_page_of_the_county_asks_a_stranger_to_sign_in_and_then_opens(county: County) -> None:
    browser = county.stranger()
    answer = browser.get(f"{INBOX}?kind=station_open")
    page = browser.follow(answer)
    assert f'value="{INBOX}?kind=station_open"' in page.text
    county.account("reviewer")
    onward = {"name": "王审核", "password": PASSWORD, "next": f"{INBOX}?kind=station_open"}
    assert browser.post("/login", onward).headers["Location"] == f"{INBOX}?kind=station_open"


@pytest.mark.parametrize(
    "onward", ["https://example.org/", "//example.org/county", "/county/\\example.org", "/apply"]
)
def test_signing_in_leads_nowhere_else(county: County, onward: str) -> None:
    county.account("reviewer")
    browser = county.stranger()
    browser.get("/login")
    answer = browser.post("/login", {"name": "王审核", "password": PASSWORD, "next": onward})
    assert answer.headers["Location"] == "/county"


def test_a_wrong_name_and_a_wrong_password_read_alike(county: County) -> None:
    county.account("reviewer")
    wrong = try_password(county.stranger(), "王审核", "not the password")
    unknown = try_password(county.stranger(), "没有此人", PASSWORD)
    assert wrong.status_code == unknown.status_code == 401
    assert text_of(wrong) == text_of(unknown)
    assert "用户名或密码不正确" in wrong.text


@pytest.mark.parametrize("name", ["王审核", "没有此人"])
def test_from_one_place_an_account_is_tried_five_times_whether_it_exists_or_not(
    county: County, name: str
) -> None:
    county.account("reviewer")
    for _ in range(5):
        assert try_password(county.stranger(), name, "not the password").status_code == 401
    answer = try_password(county.stranger(), name, PASSWORD)
    assert answer.status_code == 429
    assert "请等几分钟后再试" in answer.text


def test_a_stranger_who_guesses_shuts_nobody_else_out(county: County) -> None:
    county.account("reviewer")
    for _ in range(6):
        try_password(county.stranger("203.0.113.9"), "王审核", "not the password")
    assert try_password(county.stranger(), "王审核", PASSWORD).status_code == 303


def test_a_resting_account_reads_like_one_that_does_not_exist(county: County) -> None:
    """After a restart of the process, too, when only the store remembers the failures."""
    county.account("reviewer")
    for _ in range(5):
        try_password(county.stranger(), "王审核", "not the password")
    restarted = County(county.hub, create_app(county.hub), county.clock)
    resting = try_password(restarted.stranger(), "王审核", PASSWORD)
    unknown = try_password(restarted.stranger(), "没有此人", PASSWORD)
    assert (resting.status_code, text_of(resting)) == (401, text_of(unknown))


def test_one_address_cannot_try_many_names(county: County) -> None:
    browser = county.stranger("203.0.113.9")
    answers = [try_password(browser, f"名字{at}", "not the password") for at in range(21)]
    assert [answer.status_code for answer in answers] == [401] * 20 + [429]


def test_a_visit_has_an_id_of_its_own_and_the_cookie_is_closed_to_scripts(county: County) -> None:
    county.account("reviewer")
    browser = county.stranger()
    browser.get("/login")
    before = cookie(browser)
    answer = browser.post("/login", {"name": "王审核", "password": PASSWORD})
    flags = answer.headers["Set-Cookie"]
    assert "HttpOnly" in flags
    assert "SameSite=Lax" in flags
    assert cookie(browser) != before
    stolen = county.stranger()
    stolen.client.set_cookie(COOKIE, before)
    assert stolen.get(INBOX).status_code == 303


def test_over_tls_the_cookie_is_secure(county: County) -> None:
    answer = county.stranger().get("/login", base_url="https://hub.example")
    assert "Secure" in answer.headers["Set-Cookie"]


def test_signing_out_ends_a_copied_cookie_too(county: County) -> None:
    browser = county.signed_in("reviewer")
    copy = county.stranger()
    copy.client.set_cookie(COOKIE, cookie(browser))
    assert copy.get(INBOX).status_code == 200
    browser.post("/logout")
    assert copy.get(INBOX).status_code == 303
    assert browser.get(INBOX).status_code == 303


def test_an_idle_visit_ends(county: County) -> None:
    browser = county.signed_in("reviewer")
    county.clock.forward(IDLE_MS / 1000)
    assert browser.get(INBOX).status_code == 200
    county.clock.forward(IDLE_MS / 1000 + 1)
    assert browser.get(INBOX).status_code == 303


def test_what_was_sent_after_the_visit_ended_can_be_sent_again(county: County) -> None:
    record = county.record_of(county.apply()[0]).hex()
    browser = county.signed_in("reviewer")
    page = browser.get(f"{INBOX}/{record}").text
    [seen] = re.findall(r'name="seen" value="([0-9a-f]+)"', page)
    county.clock.forward(IDLE_MS / 1000 + 1)
    typed = {"decision": "return", "opinion": "请补充<场地>照片", "seen": seen}
    ended = browser.post(f"{INBOX}/{record}/decide", typed)
    assert (ended.status_code, "登录已经过期" in ended.text) == (401, True)
    sent = hidden_fields(ended.text)
    wrong = browser.post("/login", {**sent, "name": "reviewer", "password": "不是这个密码"})
    assert "登录已经过期" in wrong.text
    sent = hidden_fields(wrong.text)
    back = browser.post("/login", {**sent, "name": NAMES["reviewer"], "password": PASSWORD})
    question = browser.post(f"{INBOX}/{record}/decide", hidden_fields(back.text))
    assert "请确认：退回补正" in question.text
    assert "请补充&lt;场地&gt;照片" in question.text


def test_a_page_from_before_another_sign_in_loses_nothing_and_no_other_site_gains(
    county: County,
) -> None:
    record = county.record_of(county.apply()[0]).hex()
    browser = county.signed_in("reviewer")
    typed = {"decision": "return", "opinion": "请补充场地照片", "csrf_token": "那时的"}
    address = f"{INBOX}/{record}/decide"
    foreign = browser.post(address, typed, headers={"Origin": "https://evil.example"})
    assert (foreign.status_code, "场地照片" in foreign.text) == (400, False)
    ours = browser.post(address, typed, headers={"Origin": "http://localhost"})
    assert (ours.status_code, "页面放置过久" in ours.text) == (400, True)
    assert hidden_fields(ours.text)["opinion"] == "请补充场地照片"
    account = {"name": "新人", "password": "不可再现的密码", "csrf_token": "那时的"}
    secret = browser.post("/county/accounts", account, headers={"Origin": "http://localhost"})
    assert "不可再现" not in secret.text


def hidden_fields(page: str) -> dict[str, str]:
    found = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page)
    return {name: unescape(text) for name, text in found}


def test_a_visit_ends_however_busy_it_is(county: County) -> None:
    browser = county.signed_in("reviewer")
    steps = LONGEST_MS // IDLE_MS
    answers = []
    for _ in range(steps + 1):
        county.clock.forward(IDLE_MS / 1000)
        answers.append(browser.get(INBOX).status_code)
    assert answers == [200] * steps + [303]


def test_a_page_that_refreshes_itself_keeps_nobody_signed_in(county: County) -> None:
    browser = county.signed_in("operator")
    county.clock.forward(IDLE_MS / 1000 - 10)
    assert browser.get("/county/watch?auto=yes").status_code == 200
    county.clock.forward(20)
    assert browser.get("/county/watch?auto=yes").status_code == 303


def test_a_disabled_account_is_out_at_once_and_cannot_return(county: County) -> None:
    browser = county.signed_in("reviewer")
    disable_account(county.hub, county.account("admin"), county.account("reviewer").id)
    assert browser.get(INBOX).status_code == 303
    assert try_password(browser, "王审核", PASSWORD).status_code == 401
