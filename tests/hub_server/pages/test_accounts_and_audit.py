"""Accounts of a region and the audit trail, as the admin sees them."""

import re

import pytest

from hub_server.services.sign_in import sign_in
from tests.hub_server.pages.county import COUNTY, TOWN, Browser, County, text_of

ACCOUNTS = "/county/accounts"
NEW = {"name": "陈新", "role": "reviewer", "region": COUNTY, "password": "a long password 1"}


@pytest.fixture
def admin(county: County) -> Browser:
    browser = county.signed_in("admin")
    browser.get(ACCOUNTS)
    return browser


def test_a_new_account_can_sign_in(county: County, admin: Browser) -> None:
    assert admin.post(ACCOUNTS, NEW).status_code == 303
    assert sign_in(county.hub, "陈新", NEW["password"], "192.0.2.1").role == "reviewer"
    assert "陈新" in admin.get(ACCOUNTS).text


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"password": "short"}, "密码太简单"),
        ({"region": "140502x"}, "行政区划代码应为"),
        ({"region": "110101"}, "不在您的行政区划范围内"),
        ({"role": "emperor"}, "没有“emperor”这个角色"),
        ({"name": "赵管理"}, "已被使用"),
    ],
)
def test_what_is_wrong_is_said_and_the_name_stays(
    admin: Browser, wrong: dict[str, str], words: str
) -> None:
    answer = admin.post(ACCOUNTS, {**NEW, **wrong})
    assert answer.status_code >= 400
    assert words in answer.text
    assert f'value="{ {**NEW, **wrong}["name"] }"' in answer.text
    assert NEW["password"] not in answer.text


def test_an_admin_of_a_town_gives_nobody_the_whole_county(county: County) -> None:
    admin = county.signed_in("admin", TOWN)
    admin.get(ACCOUNTS)
    assert admin.post(ACCOUNTS, NEW).status_code == 403


def test_an_account_is_disabled_and_not_ones_own(county: County, admin: Browser) -> None:
    reviewer, own = county.account("reviewer"), county.account("admin")
    admin.get(ACCOUNTS)
    assert admin.post(f"{ACCOUNTS}/{reviewer.id.hex()}/disable").status_code == 303
    assert "已停用" in admin.get(ACCOUNTS).text
    assert admin.post(f"{ACCOUNTS}/{own.id.hex()}/disable").status_code == 409


def test_the_trail_says_who_did_what_to_what_and_when(county: County, admin: Browser) -> None:
    admin.post(ACCOUNTS, NEW)
    county.clock.forward(60)
    code = county.open_station().station_code
    rows = [
        [re.sub(r"<[^>]+>", "", cell) for cell in re.findall(r"<td[^>]*>(.*?)</td>", row, re.S)]
        for row in re.findall(r"<tr>(.*?)</tr>", admin.get("/county/audit").text, re.S)
    ]
    assert ["2026-03-02 12:00", "赵管理", COUNTY, "新增账户", "陈新", "角色：审核人"] in rows
    assert ["2026-03-02 12:01", "王审核", COUNTY, "开设站点", code, ""] in rows


def test_the_trail_has_pages(county: County, admin: Browser) -> None:
    for at in range(25):
        county.apply(applicant_unit=f"单位{at}")
    assert "第 1 / 2 页" in text_of(admin.get("/county/audit"))
    assert "第 2 / 2 页" in text_of(admin.get("/county/audit?number=2"))
