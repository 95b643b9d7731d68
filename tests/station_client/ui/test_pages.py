"""The pages over the real engine: what a clerk does is kept, what goes wrong is told."""

import io
import json
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlencode

import pytest
from werkzeug.test import TestResponse

from station_client.errors import StationError
from station_client.services.amend_entry import amend_entry, void_entry
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.read_status import read_status
from station_client.services.record_entry import record_entry
from station_client.ui.lamp import lamp_for
from sync_protocol import courier
from sync_protocol.channel import Verdict
from sync_protocol.exchange import Loss
from sync_protocol.operations import Write
from tests.station_client import desk as builders
from tests.station_client.fake_hub import FakeHub, accept_all
from tests.station_client.ui import visit
from tests.station_client.ui.test_guard import GETS
from tests.station_client.ui.visit import Program, Visitor, newest, records, typed

XSS = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' autofocus onfocus=alert(1) '",
    "</textarea><svg/onload=alert(1)>",
    "{{ 7 * 7 }}",
    "${7*7}",
    "javascript:alert(1)",
    "&lt;b&gt;&#60;script&#62;",
    "</title><script>alert(1)</script>",
]


@pytest.fixture
def hub() -> FakeHub:
    return FakeHub(builders.Clock())


@pytest.fixture
def program(tmp_path: Path, hub: FakeHub) -> Iterator[Program]:
    program = visit.a_program(tmp_path / "home", hub=hub.keys, transport=hub)
    hub.clock = program.clock
    hub.know(program.station)
    yield program
    program.station.close()


@pytest.fixture
def visitor(program: Program) -> Visitor:
    return visit.an_open_visitor(program)


class Elements(HTMLParser):
    """Tags and attributes of a page, as a browser would find them."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, {name: value or "" for name, value in attrs}))


def elements(page: TestResponse) -> list[tuple[str, dict[str, str]]]:
    parser = Elements()
    parser.feed(page.text)
    return parser.found


def of_case(visitor: Visitor, program: Program) -> str:
    visitor.post("/cases/new/helper", typed())
    return f"/cases/{newest(program)}"


# --- every page -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [p for p in GETS if "0000" not in p and "repair" not in p])
def test_no_page_loads_anything_from_outside_or_has_a_script_in_it(
    visitor: Visitor, path: str
) -> None:
    page = visitor.get(path)
    assert page.status_code in {200, 302}
    for tag, attributes in elements(page):
        for name in ("href", "src", "action", "formaction"):
            assert not re.match(r"(?i)\s*([a-z]+:|//)", attributes.get(name, "")), (tag, attributes)
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        assert tag != "style"
        assert tag != "script" or attributes.get("src")


@pytest.mark.parametrize("path", [p for p in GETS if "0000" not in p and "repair" not in p])
def test_every_input_has_a_label(visitor: Visitor, path: str) -> None:
    page = visitor.get(path)
    if page.status_code == 302 or page.mimetype != "text/html":
        return
    labelled = set(re.findall(r'<label[^>]* for="([^"]+)"', page.text))
    for tag, attributes in elements(page):
        hidden = attributes.get("type") in {"hidden", "checkbox", "radio"}
        if tag in {"input", "select", "textarea"} and not hidden:
            assert attributes["id"] in labelled, attributes
    assert 'lang="zh-CN"' in page.text


def test_an_address_that_is_no_record_is_told_so(visitor: Visitor) -> None:
    assert visitor.get("/cases/xyz").status_code == 404
    page = visitor.get(f"/cases/{'0' * 32}")
    assert page.status_code == 409
    assert "没有这条记录" in page.text
    assert "record.unknown" in page.text


def test_a_failure_shows_neither_a_trace_nor_what_was_typed(
    program: Program,
    visitor: Visitor,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("赵秀兰 13900001111")

    monkeypatch.setattr("station_client.ui.pages.cases.record_entry", fail)
    page = visitor.post("/cases/new/helper", typed())
    assert page.status_code == 500
    told = page.text + caplog.text
    assert "Traceback" not in told
    assert "赵秀兰" not in told
    assert "139" not in told
    assert "ui.RuntimeError" in page.text


# --- unlock, lock, drafts -------------------------------------------------------------------------


def test_a_wrong_secret_says_how_often_one_may_try(program: Program) -> None:
    page = visit.a_visitor(program).post("/unlock", {"secret": "1111111111"})
    assert "还可以再试" in page.text
    assert program.desk.station is None


def test_where_there_is_no_key_store_the_page_asks_for_a_passphrase(program: Program) -> None:
    page = visit.a_visitor(program).get("/unlock")
    assert "没有可用的系统密钥库" in page.text
    assert ">口令</label>" in page.text


def test_two_clerks_choose_their_number(program: Program, visitor: Visitor) -> None:
    secret = "大河向东流二号窗口站"
    visitor.post("/clerks", {"name": "王芳", "secret": secret, "again": secret})
    visitor.post("/lock")
    page = visitor.get("/unlock")
    numbers = re.findall(r'name="clerk" value="([0-9a-f]{32})"', page.text)
    assert len(numbers) == 2
    visitor.post("/unlock", {"secret": secret, "clerk": numbers[1]})
    assert "王芳" in visitor.get("/").text


def test_a_clerk_whose_secrets_differ_is_not_added(program: Program, visitor: Visitor) -> None:
    page = visitor.post("/clerks", {"name": "王芳", "secret": "abcdefghijk1", "again": "x"})
    assert "两次输入的不一样" in page.text
    assert 'value="王芳"' in page.text
    assert len(program.station.vault.clerk_ids()) == 1


def test_a_clerk_who_left_unlocks_no_more_and_keeps_the_name(
    program: Program, visitor: Visitor
) -> None:
    secret = "大河向东流二号窗口站"
    visitor.post("/clerks", {"name": "王芳", "secret": secret, "again": secret})
    [remove] = re.findall(r'action="(/clerks/[0-9a-f]+/remove)"', visitor.get("/clerks").text)
    visitor.post(remove)
    page = visitor.get("/clerks")
    assert "已停用王芳" in page.text
    assert "/remove" not in page.text
    with pytest.raises(StationError):
        program.desk.unlock(secret, None)
    assert visitor.post(f"/clerks/{visit.CLERK.hex()}/remove").status_code == 404


def test_a_clerk_gives_oneself_another_secret(program: Program, visitor: Visitor) -> None:
    new = "大河向东流二号窗口站"
    sent = {"old": builders.PIN, "new": new, "new_again": new}
    assert "不一样" in visitor.post("/clerks/secret", {**sent, "new_again": "x"}).text
    assert (
        "还可以再试" in visitor.post("/clerks/secret", {**sent, "old": "错的错的错的错的错的"}).text
    )
    visitor.post("/clerks/secret", sent)
    visitor.post("/lock")
    assert visitor.post("/unlock", {"secret": builders.PIN}).status_code == 200
    assert visitor.post("/unlock", {"secret": new}).status_code == 302


def test_a_desk_where_nobody_sits_locks_itself(program: Program, visitor: Visitor) -> None:
    program.clock.forward(9 * 60)
    assert visitor.get("/status").status_code == 200
    program.clock.forward(9 * 60)
    assert visitor.get("/status").status_code == 200
    program.clock.forward(10 * 60)
    answer = visitor.get("/status")
    assert answer.headers["Location"] == "/unlock?next=/status"


def test_the_lamps_timer_is_no_sign_of_life(program: Program, visitor: Visitor) -> None:
    for _ in range(11):
        program.clock.forward(60)
        answer = visitor.get("/lamp")
    assert answer.json == {"is_locked": True}


def test_a_clock_that_was_set_back_locks_too(program: Program, visitor: Visitor) -> None:
    program.clock.forward(-3600)
    assert visitor.get("/status").headers["Location"].startswith("/unlock")


def test_what_was_sent_after_the_lock_is_there_after_unlock(
    program: Program, visitor: Visitor
) -> None:
    token = visitor.token()
    program.clock.forward(3600)
    sent = typed(applicant_name="钱多多", csrf_token=token, form_id="f" * 32)
    answer = visitor.post("/cases/new/helper", sent)
    assert answer.headers["Location"] == "/unlock?next=/cases/new/helper"
    visitor.post("/clerks", {"secret": builders.PIN, "csrf_token": token})
    assert builders.PIN not in str(program.desk.drafts)
    assert records(program) == []
    assert "没有保存的内容已经保留" in visitor.get(answer.headers["Location"]).text
    answer = visitor.post("/unlock", {"secret": builders.PIN, "next": "/cases/new/helper"})
    page = visitor.get(answer.headers["Location"])
    assert 'value="钱多多"' in page.text
    assert "已恢复" in page.text


def test_a_draft_is_kept_while_typing_and_gone_when_saved(
    program: Program, visitor: Visitor
) -> None:
    draft = typed(applicant_name="钱多多", draft_path="/cases/new/helper")
    assert visitor.post("/drafts", draft).status_code == 204
    assert 'value="钱多多"' in visitor.get("/cases/new/helper").text
    visitor.post("/cases/new/helper", typed(applicant_name="钱多多"))
    assert "钱多多" not in visitor.get("/cases/new/helper").text


def test_a_draft_that_its_own_form_overtook_is_not_offered_again(
    program: Program, visitor: Visitor
) -> None:
    sent = typed(applicant_name="钱多多", form_id="f" * 32)
    visitor.post("/cases/new/helper", sent)
    visitor.post("/drafts", {**sent, "draft_path": "/cases/new/helper"})
    assert "钱多多" not in visitor.get("/cases/new/helper").text


@pytest.mark.parametrize("kind", ["helper", "intake"])
def test_a_second_press_of_the_key_makes_no_second_case(
    program: Program, visitor: Visitor, kind: str
) -> None:
    sent = {
        **typed(ledger_date="0302", received_at="905", handler_name="李娟"),
        "form_id": "f" * 32,
    }
    for _ in range(3):
        answer = visitor.post(f"/cases/new/{kind}", sent)
        assert answer.status_code == 302
    assert len(records(program, f"{kind}_case")) == 1
    assert "没有重复登记" in visitor.get(answer.headers["Location"]).text
    visitor.post(f"/cases/new/{kind}", {**sent, "form_id": "e" * 32})
    assert len(records(program, f"{kind}_case")) == 2


def test_a_form_that_was_refused_can_be_sent_again(program: Program, visitor: Visitor) -> None:
    sent = typed(form_id="f" * 32)
    page = visitor.post("/cases/new/helper", {**sent, "applicant_name": ""})
    assert f'name="form_id" value="{"f" * 32}"' in page.text
    visitor.post("/cases/new/helper", sent)
    assert len(records(program)) == 1


def test_what_was_sent_with_a_problem_is_the_draft(program: Program, visitor: Visitor) -> None:
    """It is newer than what the script kept: the search under a field fills several at once."""
    visitor.post("/drafts", typed(task_name="gt", draft_path="/cases/new/helper"))
    visitor.post("/cases/new/helper", typed(applicant_name="", task_name="个体工商户设立登记"))
    assert 'value="个体工商户设立登记"' in visitor.get("/cases/new/helper").text


def test_a_press_that_comes_while_the_first_is_saved_waits_for_how_it_ends(tmp_path: Path) -> None:
    desk = visit.a_program(tmp_path).desk
    seen: list[bool] = []

    def second() -> None:
        with desk.once("f" * 32) as is_first:
            seen.append(is_first)

    thread = threading.Thread(target=second)
    with suppress(StationError), desk.once("f" * 32):
        thread.start()
        thread.join(timeout=0.2)
        assert seen == []  # it was not told "saved already" of what now fails
        raise StationError("store.disk_full")
    thread.join()
    assert seen == [True]


def test_a_key_pressed_after_the_lock_leads_back_to_its_page(
    program: Program, visitor: Visitor
) -> None:
    token = visitor.token()
    program.clock.forward(3600)
    sent_from = {"Referer": f"{visit.HERE}/status"}
    answer = visitor.post("/status/sync", {"csrf_token": token}, **sent_from)
    assert answer.headers["Location"] == "/unlock?next=/status"


def test_a_page_from_before_a_lock_in_another_tab_loses_nothing(
    program: Program, visitor: Visitor
) -> None:
    old = visitor.token()
    visitor.post("/lock")
    visitor.post("/unlock", {"secret": builders.PIN})
    sent_from = {"Referer": f"{visit.HERE}/cases/new/helper"}
    sent = typed(applicant_name="钱多多", form_id="f" * 32, csrf_token=old)
    page = visitor.post("/cases/new/helper", sent, **sent_from)
    assert (page.status_code, records(program)) == (400, [])
    assert 'href="/cases/new/helper"' in page.text
    assert 'value="钱多多"' in visitor.get("/cases/new/helper").text
    # The other tab's page of unlock: the desk is open, and the PIN is kept nowhere.
    secret = {"secret": builders.PIN, "next": "/status", "csrf_token": old}
    assert 'href="/status"' in visitor.post("/unlock", secret).text
    assert builders.PIN not in str(program.desk.drafts)


def test_a_draft_can_be_thrown_away(program: Program, visitor: Visitor) -> None:
    visitor.post("/drafts", typed(applicant_name="钱多多", draft_path="/cases/new/helper"))
    answer = visitor.post("/drafts/discard", {"path": "/cases/new/helper"})
    assert answer.headers["Location"] == "/cases/new/helper"
    assert "钱多多" not in visitor.get("/cases/new/helper").text


def test_a_draft_is_shown_to_the_clerk_who_typed_it(program: Program, visitor: Visitor) -> None:
    secret = "大河向东流二号窗口站"
    visitor.post("/drafts", typed(applicant_name="钱多多", draft_path="/cases/new/helper"))
    visitor.post("/clerks", {"name": "王芳", "secret": secret, "again": secret})
    visitor.post("/lock")
    clerks = re.findall(r'name="clerk" value="([0-9a-f]{32})"', visitor.get("/unlock").text)
    visitor.post("/unlock", {"secret": secret, "clerk": clerks[1]})
    assert "钱多多" not in visitor.get("/cases/new/helper").text


def test_drafts_are_bounded_and_nowhere_on_the_disk(program: Program, visitor: Visitor) -> None:
    for number in range(30):
        visitor.post("/drafts", {"draft_path": f"/x{number}", "applicant_name": "钱多多钱多多"})
    visitor.post("/drafts", {"draft_path": "/big", "remark": "长" * 300_000})
    assert len(program.desk.drafts) == 20
    assert program.desk.draft(visit.CLERK, "/big") is None
    content = b"".join(
        p.read_bytes() for p in program.station.home.folder.rglob("*") if p.is_file()
    )
    assert "钱多多钱多多".encode() not in content


# --- cases ----------------------------------------------------------------------------------------


def test_a_new_helper_case_is_recorded_and_marked_in_the_ledger(
    program: Program, visitor: Visitor
) -> None:
    answer = visitor.post("/cases/new/helper", typed())
    [case] = records(program)
    assert case["applicant_name"] == "赵秀兰"
    assert case["registered_at"] == "2026-03-02T09:10:00+08:00"
    page = visitor.get(answer.headers["Location"])
    assert case["case_no"] in page.text
    assert 'class="just-saved"' in page.text
    assert "139****1111" in page.text
    assert "13900001111" not in page.text
    assert program.asked_to_sync == [builders.NOON]


def test_problems_stand_beside_their_fields_and_nothing_typed_is_lost(
    program: Program, visitor: Visitor
) -> None:
    page = visitor.post(
        "/cases/new/helper",
        typed(
            applicant_name="",
            contact_phone="电话打不通",
            finished_at="2026-03-01 09:00",
            remark="记着",
        ),
    )
    assert records(program) == []
    assert "有 3 处需要改正" in page.text
    assert 'id="applicant_name-problem"' in page.text
    assert 'value="电话打不通"' in page.text
    assert "记着" in page.text
    [focused] = [a["id"] for _, a in elements(page) if "autofocus" in a]
    assert focused == "applicant_name"


def test_a_full_disk_keeps_what_was_typed_on_the_page(
    program: Program, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise StationError("store.disk_full", file="x")

    monkeypatch.setattr("station_client.ui.pages.cases.record_entry", refuse)
    page = visitor.post("/cases/new/helper", typed())
    assert "磁盘已满" in page.text
    assert 'value="赵秀兰"' in page.text


def test_lines_of_a_list_are_recorded_under_the_name_the_page_gave(
    program: Program, visitor: Visitor
) -> None:
    line = "ab" * 16
    sent = {
        "materials_complete": "no",
        "missing": line,
        f"missing/{line}/material_name": "户口本",
        f"missing/{line}/how_to_fix": "回家取",
    }
    visitor.post("/cases/new/helper", typed(**sent))
    [case] = records(program)
    assert case[f"missing/{line}"] == {"material_name": "户口本", "how_to_fix": "回家取"}


def test_a_problem_of_a_line_stands_beside_that_line(program: Program, visitor: Visitor) -> None:
    line = "ab" * 16
    sent = {"missing": line, f"missing/{line}/material_name": "户口本"}
    page = visitor.post("/cases/new/helper", typed(**sent))
    assert "缺少“补正途径方法”" in page.text
    assert 'value="户口本"' in page.text


def test_the_window_of_the_last_case_is_offered_again(program: Program, visitor: Visitor) -> None:
    visitor.post("/cases/new/helper", typed(window_name="3号窗口"))
    assert 'value="3号窗口"' in visitor.get("/cases/new/intake").text


@pytest.mark.parametrize("text", XSS)
def test_whatever_is_typed_stays_text_on_every_page(
    program: Program, visitor: Visitor, text: str
) -> None:
    names = ["applicant_name", "task_name", "dept_name", "window_name", "helper_name", "remark",
             "question", "answer", "how_to_fix", "suggestion", "receiver_sign"]  # fmt: skip
    line = "ab" * 16
    sent: dict[str, str] = dict.fromkeys(names, text)
    sent |= {
        "missing": line,
        f"missing/{line}/material_name": text,
        f"missing/{line}/how_to_fix": text,
    }
    answer = visitor.post("/cases/new/helper", typed(**sent))
    assert answer.status_code == 302
    record = newest(program)
    paths = ["/?since=&until=", "/ledger/print", f"/cases/{record}", f"/cases/{record}/amend",
             f"/cases/{record}/convert", f"/?{urlencode({'text': text})}"]  # fmt: skip
    for path in paths:
        page = visitor.get(path)
        assert page.status_code == 200, path
        for tag, attributes in elements(page):
            assert tag not in {"svg", "style", "iframe", "object", "b"}
            assert not [name for name in attributes if name.startswith("on")]
            assert tag != "script" or attributes.get("src", "").startswith("/static/")
            assert tag != "img"
            assert not attributes.get("href", "").lower().startswith("javascript:")
        assert text in unescape(page.text)


def test_an_amendment_writes_what_changed_and_shows_before_and_after(
    program: Program, visitor: Visitor
) -> None:
    case = of_case(visitor, program)
    before = records(program)[0]
    answer = visitor.post(f"{case}/amend", amendment(visitor, case, contact_phone="13812345678"))
    assert answer.headers["Location"] == case
    assert records(program) == [{**before, "contact_phone": "13812345678"}]
    page = visitor.get(case)
    assert "<del>13900001111</del> → 13812345678" in page.text


def amendment(visitor: Visitor, case: str, **changes: str) -> dict[str, Any]:
    """What the amend page would send after these changes."""
    sent: dict[str, Any] = {}
    page = visitor.get(f"{case}/amend")
    for name, text in re.findall(r'name="(was\.[^"]+)" value="([^"]*)"', page.text):
        sent.setdefault(name, []).append(text)
        sent.setdefault(name.removeprefix("was."), []).append(text)
    return {**sent, **changes}


def test_an_amendment_does_not_undo_what_arrived_meanwhile(
    program: Program, visitor: Visitor
) -> None:
    case = of_case(visitor, program)
    sent = amendment(visitor, case, remark="老年人优先")
    record = bytes.fromhex(newest(program))
    amend_entry(program.station, record, {"contact_phone": "13812345678"})
    visitor.post(f"{case}/amend", sent)
    [now] = records(program)
    assert (now["contact_phone"], now["remark"]) == ("13812345678", "老年人优先")


def test_what_both_changed_is_shown_before_it_is_written(
    program: Program, visitor: Visitor
) -> None:
    case = of_case(visitor, program)
    sent = amendment(visitor, case, contact_phone="13711112222")
    record = bytes.fromhex(newest(program))
    amend_entry(program.station, record, {"contact_phone": "13812345678"})
    page = visitor.post(f"{case}/amend", sent)
    assert "这里已被改为“13812345678”" in page.text
    assert 'value="13711112222"' in page.text
    assert records(program)[0]["case_no"] in page.text
    assert [a["id"] for _, a in elements(page) if "autofocus" in a] == ["contact_phone"]
    assert records(program)[0]["contact_phone"] == "13812345678"
    again = dict(re.findall(r'name="(was\.[^"]+)" value="([^"]*)"', page.text))
    visitor.post(f"{case}/amend", {**sent, **again})
    assert records(program)[0]["contact_phone"] == "13711112222"


def test_an_amendment_that_was_sent_twice_is_no_quarrel_with_oneself(
    program: Program, visitor: Visitor
) -> None:
    case = of_case(visitor, program)
    sent = amendment(visitor, case, contact_phone="13711112222")
    for _ in range(2):
        assert visitor.post(f"{case}/amend", sent).headers["Location"] == case
    assert records(program)[0]["contact_phone"] == "13711112222"


def test_a_case_is_voided_with_a_reason_and_stays_in_the_ledger(
    program: Program, visitor: Visitor
) -> None:
    case = of_case(visitor, program)
    assert visitor.post(f"{case}/void", {"reason": " "}).status_code == 302
    assert "作废必须写明原因" in visitor.get(case).text
    visitor.post(f"{case}/void", {"reason": "重复登记"})
    page = visitor.get(case)
    assert "已作废。原因：重复登记" in page.text
    assert f"{case}/amend" not in page.text
    assert "已作废" in visitor.get("/").text


def test_a_helper_case_goes_on_as_a_proxy_case_without_typing_twice(
    program: Program, visitor: Visitor
) -> None:
    case = of_case(visitor, program)
    page = visitor.get(f"{case}/convert")
    assert page.text.count('value="赵秀兰"') == 2  # the applicant, and who entrusts
    sent = {**typed(), "principal": "赵秀兰", "agent": "李娟", "scope": "代为提交材料"}
    assert visitor.post(f"{case}/convert", sent).status_code == 302
    [proxy], [helper] = records(program, "proxy_case"), records(program)
    assert proxy["principal"] == "赵秀兰"
    assert (helper["converted_to_proxy"], helper["proxy_no"]) == (True, proxy["case_no"])
    assert f"{case}/convert" not in visitor.get(case).text


def test_a_conversion_with_problems_leaves_the_helper_case_as_it_was(
    program: Program, visitor: Visitor
) -> None:
    case = of_case(visitor, program)
    page = visitor.post(f"{case}/convert", {**typed(), "principal": ""})
    assert 'id="principal-problem"' in page.text
    assert records(program, "proxy_case") == []
    assert "converted_to_proxy" not in records(program)[0]


def test_items_are_found_by_name_and_initials(
    program: Program, visitor: Visitor, hub: FakeHub
) -> None:
    hub.publish(3)
    exchange_with_hub(program.station)
    for text in ["社会保障", "shbzk", "000001"]:
        found = json.loads(visitor.get(f"/items?q={text}").text)
        assert found[0]["item_name"].startswith("社会保障卡申领")
        assert found[0]["department"] == "县人社局"
        assert "县人社局" in found[0]["about"]


# --- ledger ---------------------------------------------------------------------------------------


def test_the_ledger_shows_the_day_and_finds_by_text(program: Program, visitor: Visitor) -> None:
    for number in range(60):
        record_entry(
            program.station, "intake_case", builders.a_case(applicant_name=f"某{number:02d}")
        )
    old = builders.a_case(ledger_date="2026-02-01", applicant_name="去年人")
    record_entry(program.station, "intake_case", old)
    page = visitor.get("/")
    assert "共 60 条，第 1 / 2 页" in page.text
    assert "去年人" not in page.text
    assert visitor.get("/?page=2").text.count("data-row>") == 10
    found = visitor.post("/ledger/find", {"since": "", "until": "", "text": "去年"})
    assert "去年人" in visitor.get(found.headers["Location"]).text
    none = visitor.post("/ledger/find", {"since": "今天", "until": "今天", "text": "无此人"})
    page = visitor.get(none.headers["Location"])
    assert "这段时间没有找到" in page.text
    [everywhere] = re.findall(r'<a href="([^"]+)">在全部日期里查找', page.text)
    assert "没有找到包含“无此人”的条目" in visitor.get(unescape(everywhere)).text
    assert "第 2 / 2 页" in visitor.get("/?page=999").text  # the last one, where there are fewer


def test_a_day_that_is_none_is_told_and_never_taken_for_no_limit(
    program: Program, visitor: Visitor
) -> None:
    of_case(visitor, program)
    found = visitor.post("/ledger/find", {"since": "13-45", "until": "今天", "text": ""})
    assert "“13-45”不是日期" in visitor.get(found.headers["Location"]).text
    assert "不是日期" not in visitor.get("/?since=&until=").text
    page = visitor.post("/files/export", {"since": "3月", "until": "今天", "type": "csv"})
    assert "“3月”不是日期，没有导出" in page.text
    assert 'value="今天"' in page.text
    assert 'value="csv" selected' in page.text


def test_the_browser_learns_nobodys_name_from_an_address_or_a_title(
    program: Program, visitor: Visitor
) -> None:
    """It writes both into its history, in plain text, outside the station's folder."""
    case = of_case(visitor, program)
    name = records(program)[0]["applicant_name"]
    found = visitor.post("/ledger/find", {"since": "", "until": "", "text": name})
    assert unquote(found.headers["Location"]).count(name) == 0
    for path in (found.headers["Location"], case, f"{case}/amend", f"{case}/convert", "/inbox"):
        page = visitor.get(path)
        [title] = re.findall(r"<title>(.*?)</title>", page.text, re.S)
        assert name not in title
        for tag, attributes in elements(page):
            address = attributes.get("href", "") + attributes.get("action", "")
            assert name not in unquote(address), tag


def test_the_printed_ledger_has_the_title_the_16_columns_and_counts(
    program: Program, visitor: Visitor
) -> None:
    for number in range(3):
        record_entry(program.station, "intake_case", builders.a_case(applicant_name=f"某{number}"))
    page = visitor.get("/ledger/print")
    assert "<h1>政务服务便民服务站工作台账</h1>" in page.text
    assert page.text.count('<th scope="col"') == 16
    assert re.findall(r'<td class="seq_no">(\d+)</td>', page.text) == ["1", "2", "3"]
    assert "13812345678" in page.text
    masked = visitor.get("/ledger/print?masked=1").text
    assert "13812345678" not in masked
    assert "138****5678" in masked


def test_marks_say_in_words_how_far_a_line_has_come(
    program: Program, visitor: Visitor, hub: FakeHub
) -> None:
    of_case(visitor, program)
    assert "待上报" in visitor.get("/").text
    exchange_with_hub(program.station)
    assert ">已上报</span>" in visitor.get("/").text
    hub.write("helper_case", bytes.fromhex(newest(program)), county_return(program))
    exchange_with_hub(program.station)
    assert ">被退回</span>" in visitor.get("/").text
    page = visitor.get(f"/cases/{newest(program)}")
    assert "县级退回修改：请补充电话" in page.text
    assert "被退回 1 条" in visitor.get("/lamp").text
    assert "请补充电话" in visitor.get("/inbox").text
    program.clock.forward(60)
    case = f"/cases/{newest(program)}"
    assert "县级退回：请补充电话。请按意见修改" in visitor.get(f"{case}/amend").text
    slip = visitor.post(f"{case}/amend", amendment(visitor, case, contact_phone="1381"))
    assert "县级退回：请补充电话" in slip.text
    visitor.post(f"{case}/amend", amendment(visitor, case, contact_phone="13812345678"))
    assert "县级退回" not in visitor.get(f"{case}/amend").text
    assert ">被退回</span>" not in visitor.get("/").text
    assert "没有需要您处理的内容" in visitor.get("/inbox").text


def county_return(program: Program) -> list[Write]:
    record = bytes.fromhex(newest(program))
    [alive] = program.station.store.journal.operations_of(program.station.channel, [record])[record]
    values = {
        "county_action": "returned",
        "county_opinion": "请补充电话",
        "county_officer": "张科",
        "county_acted_at": "2026-03-02T12:00:00+08:00",
    }
    writes = [Write(name, value) for name, value in values.items()]
    return [*writes, Write("alive", "", (alive.identity,))]


# --- conflicts ------------------------------------------------------------------------------------


def a_conflict(program: Program, visitor: Visitor, hub: FakeHub) -> str:
    """The desk and the county write another phone number at once; the conflict's address."""
    case = of_case(visitor, program)
    record = bytes.fromhex(newest(program))
    exchange_with_hub(program.station)
    [first] = program.station.store.journal.operations_of(program.station.channel, [record])[record]
    visitor.post(f"{case}/amend", amendment(visitor, case, contact_phone="13812345678"))
    seen = (first.identity,)
    hub.write(
        "helper_case",
        record,
        [Write("contact_phone", "0356-2025678", seen), Write("alive", "", seen)],
    )
    exchange_with_hub(program.station)
    return f"/conflicts/{record.hex()}/contact_phone"


def settling(page: TestResponse, number: int) -> dict[str, Any]:
    sides = re.findall(r'name="side" value="([0-9a-f]+)"', page.text)
    return {
        "side": sides[number],
        "seen": re.findall(r'name="seen" value="([0-9a-f]+)"', page.text),
    }


def test_a_conflict_is_shown_with_both_sides_and_settled(
    program: Program, visitor: Visitor, hub: FakeHub
) -> None:
    address = a_conflict(program, visitor, hub)
    assert "有冲突 1 处" in visitor.get("/lamp").json["words"]  # type: ignore[index]
    assert address in visitor.get("/inbox").text
    page = visitor.get(address)
    assert "13812345678" in page.text
    assert "0356-2025678" in page.text
    assert "县级平台" in page.text
    chosen = 0 if page.text.index("0356") < page.text.index("13812345678") else 1
    assert visitor.post(address, settling(page, chosen)).headers["Location"] == "/inbox"
    assert records(program)[0]["contact_phone"] == "0356-2025678"
    assert "没有需要您处理的内容" in visitor.get("/inbox").text
    assert visitor.get(address).headers["Location"] == "/inbox"
    second = visitor.post(address, settling(page, 1 - chosen))  # from another tab, of before
    assert "这一次的选择没有写入" in visitor.get(second.headers["Location"]).text
    assert records(program)[0]["contact_phone"] == "0356-2025678"


def test_a_conflict_that_moved_on_is_shown_again(
    program: Program, visitor: Visitor, hub: FakeHub
) -> None:
    address = a_conflict(program, visitor, hub)
    sent = settling(visitor.get(address), 0)
    answer = visitor.post(address, {**sent, "seen": sent["seen"][:1]})
    assert answer.headers["Location"] == address
    assert "请重新打开" in visitor.get(address).text
    assert visitor.post(address, {**sent, "side": "xyz"}).status_code == 400


def test_what_the_county_refused_is_listed_with_its_reason_and_mended(
    program: Program, visitor: Visitor, hub: FakeHub
) -> None:
    case = of_case(visitor, program)
    hub.judge = lambda *_: (Verdict.REFUSED, "check:contact_phone:format")
    exchange_with_hub(program.station)
    assert "被退回" in visitor.get("/lamp").json["words"]  # type: ignore[index]
    assert "未被接受" in visitor.get("/inbox").text
    assert "未被接受" in visitor.get(case).text
    hub.judge = accept_all
    program.clock.forward(60)
    visitor.post(f"{case}/amend", amendment(visitor, case, contact_phone="13812345678"))
    exchange_with_hub(program.station)
    assert case not in visitor.get("/inbox").text


def test_a_refused_amendment_is_opened_as_it_was_typed_and_sent_again(
    program: Program, visitor: Visitor, hub: FakeHub
) -> None:
    case = of_case(visitor, program)
    exchange_with_hub(program.station)
    hub.judge = lambda *_: (Verdict.REFUSED, "check:remark:too_long")
    program.clock.forward(60)
    visitor.post(f"{case}/amend", amendment(visitor, case, remark="写得太长的备注"))
    exchange_with_hub(program.station)
    assert f"{case}/amend" in visitor.get("/inbox").text
    page = visitor.get(f"{case}/amend").text
    assert 'value="写得太长的备注"' in page or ">\n写得太长的备注</textarea>" in page
    assert 'id="remark-problem"' in page
    assert "县级没有接受" in page
    assert "还没有保存" not in page
    hub.judge = accept_all
    program.clock.forward(60)
    answer = visitor.post(f"{case}/amend", amendment(visitor, case, remark="短备注"))
    assert answer.headers["Location"] == "/inbox"
    assert "会再次上报" in visitor.get("/inbox").text
    exchange_with_hub(program.station)
    assert records(program)[0]["remark"] == "短备注"
    assert case not in visitor.get("/inbox").text


def test_an_application_that_was_refused_can_be_corrected(
    program: Program, visitor: Visitor, hub: FakeHub
) -> None:
    hub.judge = lambda *_: (Verdict.REFUSED, "check:new_address:required")
    visitor.post("/applications/new/change", an_application())
    exchange_with_hub(program.station)
    case = f"/cases/{newest(program, 'station_change')}"
    assert f"{case}/amend" in visitor.get(case).text
    hub.judge = accept_all
    program.clock.forward(60)
    visitor.post(f"{case}/amend", amendment(visitor, case, new_address="人民路2号院"))
    exchange_with_hub(program.station)
    [now] = records(program, "station_change")
    assert (now["new_address"], now["state"]["state"]) == ("人民路2号院", "submitted")


def test_what_waits_for_the_county_is_listed_apart(
    program: Program, visitor: Visitor, hub: FakeHub
) -> None:
    case = of_case(visitor, program)
    hub.judge = lambda *_: (Verdict.HELD, "closed")
    exchange_with_hub(program.station)
    page = visitor.get("/inbox").text
    assert page.index("没有需要您处理的内容") < page.index("等待县级")
    assert "站点注销后录入" in page
    assert f'href="{case}"' in page
    assert f"{case}/amend" not in page


# --- status, courier, applications, files ---------------------------------------------------------


def test_a_pc_that_lacks_the_countys_records_says_so(program: Program, visitor: Visitor) -> None:
    assert "还没有与县级平台同步过" in visitor.get("/status").text
    exchange_with_hub(program.station)
    assert "还没有与县级平台同步过" not in visitor.get("/status").text
    found = read_status(program.station)
    assert lamp_for(replace(found, starting=(2, 5))).words == "正在接收 2 / 5 条"
    assert lamp_for(replace(found, starting=(0, 0))).words == "正在接收 0 / … 条"


def test_the_status_is_told_in_a_clerks_words(
    program: Program, visitor: Visitor, hub: FakeHub
) -> None:
    of_case(visitor, program)
    assert "待上报 2 条" in visitor.get("/status").text
    hub.fail.append("transport.down")
    visitor.post("/status/sync")
    page = visitor.get("/status")
    assert "最近一次同步" in page.text
    assert "连不上县级平台" in page.text
    visitor.post("/status/sync")
    page = visitor.get("/status")
    assert "已全部上报" in page.text
    assert "2026-03-02 12:00" in page.text


def test_a_hub_that_hangs_holds_one_page_and_no_more(
    program: Program, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("station_client.station.EXCHANGE_WAIT_SECONDS", 0.1)
    with program.station.exchanging():
        visitor.post("/status/sync")
        assert "正在与县级平台同步" in visitor.get("/status").text
        assert "正在与县级平台同步" in visitor.post("/courier/out").text
    visitor.post("/status/sync")
    assert "同步完成" in visitor.get("/status").text


def test_a_county_that_delivers_nothing_is_told_first(
    program: Program, visitor: Visitor, hub: FakeHub
) -> None:
    hub.standing = "revoked"
    visitor.post("/status/sync")
    page = visitor.get("/status")
    assert "县级暂停同步" in page.text
    assert "启用资格已被撤销" in page.text


def test_what_a_damaged_disk_took_is_told_with_what_to_do(
    program: Program, visitor: Visitor
) -> None:
    assert "不见了" not in visitor.get("/status").text
    with program.station.store.writing():
        program.station.store.facts.declare([Loss(b"9" * 16, 5, 7)])
    page = visitor.get("/status").text
    assert "本机有 3 条已保存的内容不见了" in page
    assert "对照纸质材料补登" in page


def test_a_request_is_carried_out_on_a_stick_and_a_wrong_file_is_refused(
    program: Program, visitor: Visitor
) -> None:
    of_case(visitor, program)
    answer = visitor.post("/courier/out")
    assert answer.headers["Content-Disposition"].startswith("attachment")
    assert len(answer.data) > 500
    assert "赵秀兰".encode() not in answer.data
    sent = {"file": (io.BytesIO(b"not a courier file"), "x.bianmin")}
    assert visitor.post("/courier/in", sent).headers["Location"] == "/courier"
    assert "确认拿的是对方导出的文件" in visitor.get("/courier").text
    visitor.post("/courier/in")
    assert "没有选择文件，或文件是空的" in visitor.get("/courier").text


def test_what_a_reply_brought_and_what_is_still_open_is_told(
    program: Program, visitor: Visitor, hub: FakeHub
) -> None:
    of_case(visitor, program)
    assert "2 条：请导出同步包" in visitor.get("/courier").text
    file = visitor.post("/courier/out").data
    assert "等回执的同步包" in visitor.get("/courier").text
    hub.judge = lambda *_: (Verdict.HELD, "form")
    reply = courier.frame(hub.exchange(courier.unframe(file)))
    visitor.post("/courier/in", {"file": (io.BytesIO(reply), "r.bianmin")})
    page = visitor.get("/courier").text
    assert "县级确认 2 条" in page
    assert "<dt>没有回执的" not in page
    assert "县级待核" in page
    visitor.post("/courier/in", {"file": (io.BytesIO(reply), "r.bianmin")})
    assert "已经读入过" in visitor.get("/courier").text


def an_application(**changes: str) -> dict[str, str]:
    return {
        "applicant_unit": "示例镇邮政所", "contact_phone": "0356-2025678", "address": "人民路1号",
        "county": "示例县", "old_functions": "收件", "new_applicant_unit": "示例镇邮政所",
        "new_contact_phone": "0356-2025678", "new_address": "人民路2号", "new_county": "示例县",
        "function_changes": "增加帮办", **changes,
    }  # fmt: skip


def test_an_application_is_sent_and_corrected_when_the_county_returns_it(
    program: Program, visitor: Visitor, hub: FakeHub
) -> None:
    page = visitor.post("/applications/new/change", an_application(new_address=""))
    assert 'id="new_address-problem"' in page.text
    visitor.post("/applications/new/change", an_application())
    assert "已提交" in visitor.get("/applications").text
    record = bytes.fromhex(newest(program, "station_change"))
    case = f"/cases/{record.hex()}"
    assert f"{case}/amend" not in visitor.get(case).text
    exchange_with_hub(program.station)
    [first] = program.station.store.journal.operations_of(program.station.channel, [record])[record]
    seen = (first.identity,)
    returned = {"state": {"round": 2, "state": "returned"}, "alive": ""}
    writes = [Write(name, value, seen) for name, value in returned.items()]
    hub.write("station_change", record, [*writes, Write("review_opinion", "地址不清")])
    exchange_with_hub(program.station)
    assert "地址不清" in visitor.get("/inbox").text
    page = visitor.get("/applications")
    assert "退回修改" in page.text
    assert "地址不清" in page.text
    visitor.post(f"{case}/amend", amendment(visitor, case, new_address="人民路2号院"))
    [now] = records(program, "station_change")
    assert now["state"] == {"round": 2, "state": "submitted"}
    assert now["new_address"] == "人民路2号院"


def test_an_application_begins_with_what_the_desk_knows_of_the_station(
    program: Program, visitor: Visitor, hub: FakeHub
) -> None:
    card = {
        "name": "示例镇便民服务站",
        "address": "城关镇中心街18号",
        "county": "示例县",
        "applicant_unit": "示例镇邮政所",
        "phone": "0356-2025678",
        "functions": ["intake", "help"],
    }
    writes = [Write(name, value) for name, value in {**card, "alive": ""}.items()]
    hub.write("station_card", b"s" * 16, writes)
    exchange_with_hub(program.station)
    page = visitor.get("/applications/new/change")
    block = {
        "applicant_unit": "示例镇邮政所",
        "contact_phone": "0356-2025678",
        "address": "城关镇中心街18号",
        "county": "示例县",
    }
    for name, value in block.items():
        for register in (name, f"new_{name}"):
            assert re.search(rf'value="{value}"[^>]* id="{register}"', page.text)
    assert re.search(r"<textarea[^>]*old_functions[^>]*>\s*收件.*帮办", page.text)
    assert 'value="城关镇中心街18号"' in visitor.get("/applications/new/close").text


def test_there_are_two_kinds_of_applications(visitor: Visitor) -> None:
    assert visitor.get("/applications/new/close").status_code == 200
    assert visitor.get("/applications/new/helper_case").status_code == 404


LEDGER = (
    "序号,时间,便民服务站名称,窗口,事项所属,姓名,联系方式,申请事项,受理与否,办理时限,办件状态,退件原因,接件时间,当日办结时间,受理人员,备注\n"
    "1,2024-03-01,某站,1号窗口,县人社局,田秀秀,15800005402,社保卡申领,是,即办,已办结,,09:05,09:20,李娟,\n"
    "2,2024/3/1,某站,1号窗口,县人社局,侯秀燕,15000004381,社保卡补领,是,5个工作日,办理中,,10:07,,李娟,\n"
    "3,,某站,1号窗口,县人社局,无日期,15000004382,社保卡挂失,是,即办,办理中,,10:09,,李娟,\n"
)


def test_an_old_ledger_is_imported_with_a_report_and_a_repair_file(
    program: Program, visitor: Visitor
) -> None:
    sent = {"file": (io.BytesIO(LEDGER.encode("gb18030")), "去年台账.csv")}
    assert visitor.post("/files/import", sent).headers["Location"] == "/files"
    wait_for_the_import(program)
    assert program.asked_to_sync == [builders.NOON]
    page = visitor.get("/files")
    assert "导入报告：去年台账.csv" in page.text
    assert "共读到 4 行，全部有交代" in page.text
    assert len(records(program, "intake_case")) == 2
    repair = visitor.get("/files/import/repair")
    assert "无日期" in repair.data.decode("utf-8-sig")
    assert json.loads(visitor.get("/files/import/progress").text)["finished"]


def wait_for_the_import(program: Program) -> None:
    worker = program.desk.imports.worker
    assert worker is not None
    worker.join(timeout=60)
    assert not program.desk.imports.is_running


def test_a_long_text_is_whole_on_its_case_and_begun_in_lists(
    program: Program, visitor: Visitor
) -> None:
    matter, remark = "事" * 900, "注" * 15_000
    header = "时间,窗口,事项所属,姓名,联系方式,申请事项,备注"
    rows = f"{header}\n2025-03-02,1号窗口,县人社局,赵秀兰,1390000,{matter},{remark}\n"
    visitor.post("/files/import", {"file": (io.BytesIO(rows.encode()), "旧台账.csv")})
    wait_for_the_import(program)
    for path in ("/?since=&until=", "/inbox"):
        assert "事" * 50 in visitor.get(path).text
        assert "事" * 100 not in visitor.get(path).text
        assert "注" * 100 not in visitor.get(path).text
    [case] = set(re.findall(r'href="(/cases/[0-9a-f]{32})"', visitor.get("/inbox").text))
    assert matter in visitor.get(case).text
    assert remark in visitor.get(case).text
    assert f"修改：{'事' * 100}" not in visitor.get(f"{case}/amend").text


def test_what_an_import_left_to_be_mended_is_listed_until_it_is_mended(
    program: Program, visitor: Visitor
) -> None:
    header = "时间,窗口,事项所属,姓名,联系方式,申请事项"
    rows = f"{header}\n2025-03-02,1号窗口,县人社局,赵秀兰,1390000,社保卡\n"
    upload = {"file": (io.BytesIO(rows.encode()), "旧台账.csv")}
    visitor.post("/files/import", upload)
    assert program.desk.imports.worker is not None
    program.desk.imports.worker.join()
    page = visitor.get("/inbox")
    assert "导入后待补（1）" in page.text
    [case] = set(re.findall(r'href="(/cases/[0-9a-f]{32})"', page.text))
    assert "照原样保留" in visitor.get(case).text
    assert "待补" in visitor.get("/?since=&until=").text
    missing = {"contact_phone": "13900001111", "received_at": "905", "handler_name": "李娟"}
    missing |= {"is_accepted": "yes", "promised_limit": "即办", "case_status": "handling"}
    missing["station_name"] = "示例镇便民服务站"
    visitor.post(f"{case}/amend", amendment(visitor, case, **missing))
    assert "导入后待补" not in visitor.get("/inbox").text
    assert "照原样保留" not in visitor.get(case).text


def test_the_ledger_counts_its_lines_by_status(program: Program, visitor: Visitor) -> None:
    finished = "2026-03-02T11:00:00+08:00"
    for changes in ({}, {}, {"case_status": "finished", "finished_at": finished}):
        record_entry(program.station, "intake_case", builders.a_case(**changes))
    void_entry(
        program.station, record_entry(program.station, "intake_case", builders.a_case()), "x"
    )
    page = visitor.get("/")
    for words in ("办理中 2", "已办结 1", "已作废 1", "共 4 条"):
        assert words in page.text


def test_a_file_that_is_no_ledger_is_refused_with_words(program: Program, visitor: Visitor) -> None:
    visitor.post("/files/import", {"file": (io.BytesIO(b"\x00\x01"), "../../x.xlsx")})
    wait_for_the_import(program)
    page = visitor.get("/files")
    assert "x.xlsx" in page.text
    assert "/tmp" not in page.text
    assert 'class="note danger mt-3"' in page.text
    assert visitor.get("/files/import/repair").status_code == 404


def test_an_import_needs_a_file(visitor: Visitor) -> None:
    visitor.post("/files/import", {})
    assert "请先选择" in visitor.get("/files").text


@pytest.mark.parametrize("suffix", ["csv", "xlsx"])
def test_the_ledger_is_exported_as_a_file(program: Program, visitor: Visitor, suffix: str) -> None:
    of_case(visitor, program)
    answer = visitor.post("/files/export", {"since": "2026-03-01", "until": "今天", "type": suffix})
    assert answer.headers["Content-Disposition"].startswith("attachment")
    if suffix == "csv":
        assert "赵秀兰" in answer.data.decode("utf-8-sig")
    else:
        assert answer.data.startswith(b"PK")
    assert visitor.post("/files/export", {"type": "exe"}).status_code == 400
