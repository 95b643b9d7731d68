"""The ledger of a region, masked; one case revealed with a reason; what the county says arrives."""

import csv
import io
import re
from typing import Any
from urllib.parse import unquote

import pytest

from forms import LEDGER_COLUMNS
from hub_server.services.audit import read_audit
from hub_server.store import Filters
from tests.hub_server.conftest import Desk, an_entry
from tests.hub_server.pages.county import COUNTY, Browser, County, text_of

LEDGER = "/county/ledger"
NAME, PHONE = "欧阳若兰", "13987654321"


@pytest.fixture
def desk(county: County) -> Desk:
    return county.desk()


@pytest.fixture
def case(desk: Desk) -> bytes:
    said = an_entry(applicant_name=NAME, contact_phone=PHONE, remark=f"急件，可打{PHONE}")
    record = desk.write("intake_case", said)
    desk.synchronise()
    return record


@pytest.fixture
def reviewer(county: County) -> Browser:
    return county.signed_in("reviewer")


def many(desk: Desk, count: int) -> None:
    for at in range(count):
        day = f"2026-02-{at % 28 + 1:02d}"
        status = "finished" if at % 2 else "handling"
        desk.write(
            "intake_case", an_entry(ledger_date=day, case_status=status, task_name=f"事{at}")
        )
    desk.synchronise()


def test_the_ledger_has_the_sixteen_columns_of_annex_d(reviewer: Browser, case: bytes) -> None:
    page = reviewer.get(LEDGER).text
    assert re.findall(r"<th>([^<]+)</th>", page) == [label for _, label in LEDGER_COLUMNS]


def test_the_ledger_shows_no_person_in_full(reviewer: Browser, case: bytes) -> None:
    page = reviewer.get(LEDGER).text
    assert "欧*" in page
    assert "139****4321" in page
    assert NAME not in page
    assert PHONE not in page


def test_the_ledger_shows_the_beginning_of_a_long_text(reviewer: Browser, desk: Desk) -> None:
    desk.write("intake_case", an_entry(remark="注" * 900))
    desk.synchronise()
    page = reviewer.get(LEDGER).text
    assert "注" * 50 in page
    assert "注" * 100 not in page


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ("", 30),
        ("since=2026-02-28", 1),
        ("until=2026-02-01", 2),
        ("status=finished", 15),
        ("kind=helper_case", 0),
        ("station=140502999", 0),
        ("since=2026-02-02&until=2026-02-02&status=finished", 2),
    ],
)
def test_the_ledger_is_filtered_and_counted(
    desk: Desk, reviewer: Browser, asked: str, count: int
) -> None:
    many(desk, 30)
    text = text_of(reviewer.get(f"{LEDGER}?{asked}"))
    if count:
        assert f"共 {count} 条" in text
    else:
        assert "没有符合条件的条目" in text


def test_what_is_looked_for_stands_in_no_address(desk: Desk, reviewer: Browser) -> None:
    many(desk, 30)
    reviewer.get(LEDGER)
    sent = reviewer.post(f"{LEDGER}/search", {"text": "事29", "status": "", "size": "50"})
    place = sent.headers["Location"]
    assert "事29" not in unquote(place)
    assert "size=50" in place
    page = reviewer.get(place)
    assert "共 1 条" in text_of(page)
    assert 'value="事29"' in page.text
    assert "共 30 条" in text_of(reviewer.get(f"{LEDGER}?find=another-visit"))


def test_a_date_is_read_as_people_write_it_and_a_wrong_one_is_said(
    desk: Desk, reviewer: Browser
) -> None:
    many(desk, 30)
    assert "共 1 条" in text_of(reviewer.get(f"{LEDGER}?since=2026年2月28日"))
    wrong = text_of(reviewer.get(f"{LEDGER}?since=昨天"))
    assert "日期看不懂" in wrong
    assert "共 30 条" in wrong


def test_every_line_stands_on_exactly_one_page(desk: Desk, reviewer: Browser) -> None:
    many(desk, 45)
    seen: list[str] = []
    for number in (1, 2, 3):
        page = reviewer.get(f"{LEDGER}?size=20&number={number}").text
        seen += re.findall(r"<td>(事\d+)</td>", page)
    assert sorted(seen) == sorted(f"事{at}" for at in range(45))
    beyond = text_of(reviewer.get(f"{LEDGER}?size=20&number=99"))
    assert "第 3 / 3 页" in beyond
    assert len(re.findall(r"<td>(事\d+)</td>", reviewer.get(f"{LEDGER}?size=50").text)) == 45


def test_the_export_is_masked_and_can_run_no_formula(desk: Desk, reviewer: Browser) -> None:
    evil = "=HYPERLINK(1)"
    desk.write("intake_case", an_entry(applicant_name=NAME, contact_phone=PHONE, task_name=evil))
    desk.synchronise()
    wrong = reviewer.get(f"{LEDGER}/export?since=3月")
    assert (wrong.status_code, "日期“3月”看不懂" in wrong.text) == (400, True)
    answer = reviewer.get(f"{LEDGER}/export")
    rows = list(csv.reader(io.StringIO(answer.data.decode("utf-8-sig"))))
    assert rows[0] == [label for _, label in LEDGER_COLUMNS]
    assert len(rows) == 2
    assert rows[1][7] == "'=HYPERLINK(1)"
    assert NAME not in answer.text
    assert PHONE not in answer.text
    assert "attachment" in answer.headers["Content-Disposition"]


def test_a_case_is_masked_until_somebody_says_why(
    county: County, reviewer: Browser, case: bytes
) -> None:
    page = reviewer.get(f"/county/cases/{case.hex()}")
    assert NAME not in page.text
    assert PHONE not in page.text
    refused = reviewer.post(f"/county/cases/{case.hex()}/reveal", {"reason": " "})
    assert refused.status_code == 400
    assert NAME not in refused.text
    shown = reviewer.post(f"/county/cases/{case.hex()}/reveal", {"reason": "电话回访"})
    assert NAME in shown.text
    assert PHONE in shown.text
    trail = read_audit(county.hub, county.account("admin"))[0]
    assert (trail.action, trail.account_name) == ("record.reveal", "王审核")
    assert trail.facts == {"reason": "电话回访"}
    assert NAME not in reviewer.get(f"/county/cases/{case.hex()}").text


def seen_on(page: str) -> str:
    found = re.search(r'name="seen" value="([0-9a-f]+)"', page)
    assert found
    return found[1]


def test_a_correction_arrives_at_the_desk_with_its_opinion(
    desk: Desk, reviewer: Browser, case: bytes
) -> None:
    page = reviewer.get(f"/county/cases/{case.hex()}").text
    assert 'name="applicant_name"' not in page
    assert 'name="remark"' not in page  # only its mask is shown
    typed = {
        "seen": seen_on(page),
        "action": "corrected",
        "opinion": "事项名称应与清单一致",
        "task_name": "失业登记证办理",
        "window_name": "综合窗口",
        "dept_name": "人社局",
        "ledger_date": "2026-11-20",
        "received_at": "09:05",
        "station_name": "山西银行北留支行便民服务站",
        "is_accepted": "yes",
        "promised_limit": "5个工作日",
        "case_status": "handling",
        "handler_name": "王芳",
    }
    answer = reviewer.post(f"/county/cases/{case.hex()}/review", typed)
    assert answer.status_code == 303, text_of(answer)
    desk.synchronise()
    values = desk.values(case, "intake_case")
    assert values["task_name"] == "失业登记证办理"
    assert values["county_opinion"] == "事项名称应与清单一致"
    assert values["county_officer"] == "王审核"
    assert (values["applicant_name"], values["remark"]) == (NAME, f"急件，可打{PHONE}")
    history = text_of(reviewer.follow(answer))
    assert "失业登记 失业登记证办理" in history[history.index("办理过程") :]


def test_a_revealed_case_lets_the_name_be_corrected(
    desk: Desk, reviewer: Browser, case: bytes
) -> None:
    reviewer.get(f"/county/cases/{case.hex()}")
    page = reviewer.post(f"/county/cases/{case.hex()}/reveal", {"reason": "核对姓名"}).text
    drawn = r'<input class="form-control[^>]* name="(\w+)"[^>]* value="([^"]*)"'
    inputs = dict(re.findall(drawn, page))
    assert inputs["applicant_name"] == NAME
    chosen = {"is_accepted": "yes", "case_status": "handling", "remark": f"急件，可打{PHONE}"}
    typed = {
        **inputs,
        **chosen,
        "seen": seen_on(page),
        "revealed": "yes",
        "action": "corrected",
        "opinion": "姓名有误",
        "applicant_name": "欧阳若岚",
    }
    answer = reviewer.post(f"/county/cases/{case.hex()}/review", typed)
    assert answer.status_code == 303, text_of(answer)
    desk.synchronise()
    assert desk.values(case, "intake_case")["applicant_name"] == "欧阳若岚"


def test_a_return_changes_nothing_but_what_the_county_says(
    desk: Desk, reviewer: Browser, case: bytes
) -> None:
    before = desk.values(case, "intake_case")
    page = reviewer.get(f"/county/cases/{case.hex()}").text
    said = {"seen": seen_on(page), "action": "returned", "opinion": "请核对联系方式"}
    assert reviewer.post(f"/county/cases/{case.hex()}/review", said).status_code == 303
    desk.synchronise()
    after = desk.values(case, "intake_case")
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {"county_action", "county_opinion", "county_officer", "county_acted_at"}


def test_a_correction_that_breaks_the_form_is_shown_beside_its_field(
    reviewer: Browser, case: bytes
) -> None:
    page = reviewer.get(f"/county/cases/{case.hex()}").text
    wrong = {
        "seen": seen_on(page),
        "action": "corrected",
        "opinion": "日期有误",
        "ledger_date": "昨天",
    }
    answer = reviewer.post(f"/county/cases/{case.hex()}/review", wrong)
    assert answer.status_code == 422
    assert 'id="p-ledger_date"' in answer.text
    assert "日期有误</textarea>" in answer.text


def test_a_case_that_moved_on_meanwhile_is_not_overwritten(
    desk: Desk, reviewer: Browser, case: bytes
) -> None:
    page = reviewer.get(f"/county/cases/{case.hex()}").text
    desk.write("intake_case", {"task_name": "就业登记"}, case)
    desk.synchronise()
    said = {"seen": seen_on(page), "action": "returned", "opinion": "请核对"}
    answer = reviewer.post(f"/county/cases/{case.hex()}/review", said)
    assert answer.status_code == 409
    assert "有了变动，处理没有保存" in answer.text


def a_ledger(county: County, lines: int) -> Desk:
    desk = county.desk()
    for at in range(lines):
        day = f"2026-03-{1 + at % 28:02d}"
        name = "李兰" if at % 3 == 0 else "王芳"
        desk.write("intake_case", an_entry(ledger_date=day, applicant_name=name))
    desk.synchronise()
    return desk


def test_a_search_for_two_characters_gives_the_same_lines_as_looking_at_all(
    county: County,
) -> None:
    a_ledger(county, 50)
    records, region = county.hub.store.records, COUNTY
    every, count = records.ledger(Filters(), region, 100)
    wanted = [line for line in every if "李兰" in "".join(line.cells)]
    assert (len(every), count, len(wanted)) == (50, 50, 17)
    named = Filters(text="李兰")
    assert records.ledger(named, region, 100) == (wanted, 17)
    assert records.ledger(named, region, 5, 5) == (wanted[5:10], 17)
    assert records.ledger(named, region, 5, 100) == ([], 17)
    assert records.ledger(Filters(text="100%"), region, 5) == ([], 0)
    month = Filters(text="李兰", since="2026-03-02", until="2026-03-09", status="handling")
    assert records.ledger(month, region, 100)[0] == [
        line for line in wanted if "2026-03-02" <= line.ledger_date <= "2026-03-09"
    ]


def test_a_search_reads_one_narrow_index_once_and_a_count_none_with_texts(
    county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_ledger(county, 3)
    database, plans = county.hub.store._database, list[str]()
    ask = database.execute_sql

    def explained(sql: str, params: Any = None, *more: Any) -> Any:
        plans.extend(str(row[3]) for row in ask(f"EXPLAIN QUERY PLAN {sql}", params))
        return ask(sql, params, *more)

    monkeypatch.setattr(database, "execute_sql", explained)
    county.hub.store.records.ledger(Filters(text="李兰"), COUNTY, 20)
    assert [plan for plan in plans if "record_text" in plan] == [
        "SEARCH t1 USING COVERING INDEX record_text (channel>?)"
    ]
    assert not [plan for plan in plans if plan.startswith("SCAN t1")]
    plans.clear()
    county.hub.store.records.count_ledger(Filters(), COUNTY)
    assert plans == ["SEARCH t1 USING COVERING INDEX record_by_day (ledger_date>?)"]
