"""Courier files on the county's page: read, answered, refused with a code; whoever carries them."""

import io
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from werkzeug.test import TestResponse

from hub_server.accounts import ROLES
from hub_server.admin.courier import BODY_BYTES
from sync_protocol import courier
from sync_protocol.channel import Verdict
from tests.hub_server.conftest import Desk, an_entry
from tests.hub_server.pages.county import ELSEWHERE, TOWN, Browser, County, text_of

ADDRESS = "/county/courier"


@pytest.fixture
def desk(county: County) -> Desk:
    return county.desk()


def sent(browser: Browser, file: bytes) -> TestResponse:
    browser.get(ADDRESS)
    return browser.post(ADDRESS, {"file": (io.BytesIO(file), "stick.bianmin")})


@pytest.mark.parametrize("role", ROLES)
def test_a_file_is_read_and_the_reply_carries_its_receipts(
    county: County, desk: Desk, role: str
) -> None:
    desk.write("intake_case", an_entry())
    payload = desk.payload()
    browser = county.signed_in(role)
    page = sent(browser, courier.frame(desk.seal(payload)))
    assert "新收到 1 条" in page.text
    assert desk.certificate.station_code in page.text
    reply = browser.get(f"{ADDRESS}/reply")
    assert reply.headers["Content-Disposition"].startswith("attachment")
    assert quote("回执包-") in reply.headers["Content-Disposition"]
    desk.apply(desk.open(courier.unframe(reply.data), payload))
    assert desk.verdict(1) == (Verdict.ACCEPTED, "")
    assert "李兰" not in page.text


def test_the_same_file_again_is_answered_again_and_changes_nothing(
    county: County, desk: Desk
) -> None:
    desk.write("intake_case", an_entry())
    file = courier.frame(desk.seal(desk.payload()))
    browser = county.signed_in("operator")
    sent(browser, file)
    before = county.hub.store.journal.channel(desk.channel)
    assert "没有新内容" in sent(browser, file).text
    assert county.hub.store.journal.channel(desk.channel) == before
    lines = county.hub.store.people.audit("", 10, 0)
    assert [each.action for each in lines].count("courier.answer") == 2


def test_what_the_station_must_mend_is_told_beside_it(county: County, desk: Desk) -> None:
    desk.write("intake_case", an_entry(applicant_name=""))
    browser = county.signed_in("operator")
    text = text_of(sent(browser, courier.frame(desk.seal(desk.payload()))))
    assert "待核 0 项、拒收 1 项" in text


WRONG: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "cut": ("courier.damaged", lambda file: file[:-1]),
    "another program's": ("courier.foreign", lambda file: b"PK\3\4" + file),
    "a flipped bit": (
        "courier.damaged",
        lambda file: file[:80] + bytes([file[80] ^ 1]) + file[81:],
    ),
    "forged": (
        "envelope.signature",
        lambda file: courier.frame((d := courier.unframe(file))[:-1] + bytes([d[-1] ^ 1])),
    ),
    "a stranger's": (
        "replica.unknown",
        lambda file: courier.frame((d := courier.unframe(file))[:5] + bytes(16) + d[21:]),
    ),
    "not there": ("courier.no_file", lambda file: b""),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_file_is_told_by_code_and_changes_nothing(
    county: County, desk: Desk, what: str
) -> None:
    code, change = WRONG[what]
    desk.write("intake_case", an_entry())
    before = county.hub.store.journal.channel(desk.channel)
    browser = county.signed_in("operator")
    page = sent(browser, change(courier.frame(desk.seal(desk.payload()))))
    assert page.status_code == 400
    assert f"代码 {code}" in page.text
    assert county.hub.store.journal.channel(desk.channel) == before
    assert browser.get(f"{ADDRESS}/reply").status_code == 409


def test_a_reply_file_is_told_from_a_request(county: County, desk: Desk) -> None:
    browser = county.signed_in("operator")
    sent(browser, courier.frame(desk.seal(desk.payload())))
    reply = browser.get(f"{ADDRESS}/reply").data
    assert "县级的回执包" in sent(browser, reply).text


def test_another_regions_file_is_not_answered(county: County) -> None:
    desk: Any = county.desk(ELSEWHERE)
    desk.write("intake_case", an_entry())
    page = sent(county.signed_in("operator", TOWN), courier.frame(desk.seal(desk.payload())))
    assert "代码 account.other_region" in page.text
    assert desk.certificate.station_name not in page.text


def test_a_file_beyond_the_bound_is_refused_before_it_is_read(county: County) -> None:
    form = "multipart/form-data; boundary=x"
    page = county.signed_in("operator").client.post(
        ADDRESS, data=bytes(BODY_BYTES + 1), content_type=form
    )
    assert page.status_code == 413
    assert str(BODY_BYTES) in page.text


def test_a_reply_is_kept_for_the_visit_that_asked(county: County, desk: Desk) -> None:
    sent(county.signed_in("operator"), courier.frame(desk.seal(desk.payload())))
    assert county.signed_in("reviewer").get(f"{ADDRESS}/reply").status_code == 409
