"""What the county's staff see on their own screens: the ledger and the operator's matrix.

With BIANMIN_SCREENSHOTS set to a folder the pictures of the documentation are written there.
"""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from sync_protocol import courier
from sync_protocol.channel import Verdict
from tests.browser.hub_office import Office, picture, sign_in
from tests.hub_server.conftest import Desk, an_entry, enrol_desk
from tests.hub_server.pages.county import County
from tests.hub_server.pages.test_watch import DAY, HOUR, send_report
from tests.hub_server.test_decide_held import closed

pytestmark = pytest.mark.browser

UNITS = [
    ("中国邮政储蓄银行凤台西街支行", "post"),
    ("晋城农商银行北石店支行", "bank"),
    ("山西兰花商场", "mall"),
    ("金匠工业园管委会", "park"),
    ("中国电信泽州路营业厅", "telecom"),
]
PEOPLE = ["赵永胜", "钱小红", "孙建国", "李玉兰", "周志强", "吴秀英", "郑海涛", "王丽萍"]
MATTERS = [
    ("人社局", "失业登记", 5, "finished", "10:20"),
    ("医保局", "城乡居民医保参保登记", 0, "finished", "09:40"),
    ("公安局", "居住证申领", 15, "handling", ""),
    ("市场监管局", "个体工商户开业登记", 3, "finished", "16:10"),
    ("民政局", "高龄津贴申请", 10, "supplementing", ""),
    ("税务局", "增值税发票领用", 1, "returned", ""),
]
"""Department, matter, promised working days, state, finish time."""


def stations(county: County) -> list[Desk]:
    desks = []
    for unit, host in UNITS:
        code = county.open_station(applicant_unit=unit, host_type=host).code
        assert code is not None
        desks.append(enrol_desk(county.hub, code))
    return desks


def entries(desk: Desk, count: int, start: int) -> None:
    for at in range(start, start + count):
        department, matter, limit, state, finished = MATTERS[at % len(MATTERS)]
        day = f"2026-02-{28 - at // 3 % 28:02d}"
        said: dict[str, Any] = {
            "ledger_date": day,
            "station_name": desk.certificate.station_name,
            "dept_name": department,
            "applicant_name": PEOPLE[at % len(PEOPLE)],
            "contact_phone": f"139{at:04d}{1234 + at}",
            "task_name": matter,
            "promised_limit": limit,
            "case_status": state,
            "received_at": f"08:{at * 7 % 60:02d}",
            "handler_name": "王芳" if at % 2 else "张敏",
        }
        if finished:
            said["finished_at"] = f"{day}T{finished}:00+08:00"
        if state == "returned":
            said["return_reason"] = "材料不全，已一次性告知"
        desk.write("intake_case", an_entry(**said))
    desk.synchronise()


def test_the_ledger_is_read_filtered_and_a_case_revealed(
    page: Page, office: Office, complaints: list[str]
) -> None:
    for at, desk in enumerate(stations(office.county)[:3]):
        entries(desk, 12, at * 12)
    sign_in(page, office, "reviewer")
    page.get_by_role("link", name="工作台账").click()
    expect(page.locator("#total")).to_have_text("36")
    expect(page.get_by_text("赵永胜")).to_have_count(0)
    picture(page, "hub-ledger.png")
    page.set_viewport_size({"width": 1024, "height": 768})  # an old screen shows every column
    assert page.locator(".list-holder").evaluate("each => each.scrollWidth - each.clientWidth") <= 0

    page.get_by_label("办件状态").select_option("退件")
    page.get_by_role("button", name="查询").click()
    expect(page.locator("#total")).to_have_text("6")
    page.get_by_role("link", name="查看").first.click()
    page.get_by_label("理由").fill("电话回访")
    page.get_by_role("button", name="查看").click()
    expect(page.get_by_role("cell", name="139", exact=False).first).to_be_visible()
    assert complaints == []


def test_what_is_held_is_read_and_decided(
    page: Page, office: Office, complaints: list[str]
) -> None:
    county = office.county
    closing, other = stations(county)[:2]
    entries(closing, 2, 0)
    closed(county, closing)
    county.clock.forward(DAY / 1000)
    entries(closing, 3, 2)
    other.write("intake_case", an_entry(contact_phone="12"))
    other.write("intake_case", an_entry(), form_version=9)
    other.synchronise()
    sign_in(page, office, "operator")
    page.get_by_role("link", name="待裁定").click()
    rows = page.locator("#undecided tbody tr")
    expect(rows).to_have_count(5)
    expect(page.get_by_role("checkbox")).to_have_count(0)
    page.get_by_role("button", name="退出").click()

    sign_in(page, office, "reviewer")
    page.get_by_role("link", name="待裁定").click()
    boxes = page.locator('[name="operation"]')
    page.get_by_label("全部选定").check()
    assert [box.is_checked() for box in boxes.all()] == [True] * 3
    page.get_by_label("全部选定").uncheck()
    boxes.first.check()
    picture(page, "hub-undecided.png")
    page.get_by_role("link", name="内容").first.click()
    expect(page.get_by_text("孙建国")).to_have_count(0)
    page.get_by_label("理由", exact=True).fill("核对补录")
    page.get_by_role("button", name="查看").click()
    expect(page.get_by_text("孙建国")).to_be_visible()
    page.get_by_role("button", name="已核实，收下").click()
    page.get_by_role("button", name="收下", exact=True).click()
    expect(page.get_by_text("已收下 1 项")).to_be_visible()
    expect(rows).to_have_count(4)
    assert complaints == []


def test_a_stick_is_read_and_the_reply_saved(
    page: Page, office: Office, complaints: list[str], tmp_path: Path
) -> None:
    desk = stations(office.county)[0]
    desk.write("intake_case", an_entry())
    payload = desk.payload()
    stick = tmp_path / "同步包.bianmin"
    stick.write_bytes(courier.frame(desk.seal(payload)))
    sign_in(page, office, "operator")
    page.get_by_role("link", name="离线同步包").click()
    page.get_by_label("选择同步包").set_input_files(stick)
    expect(page.get_by_text("同步包.bianmin")).to_be_visible()
    page.get_by_role("button", name="读入").click()
    expect(page.get_by_text("新收到 1 条")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="下载回执包").click()
    reply = download.value.path().read_bytes()
    desk.apply(desk.open(courier.unframe(reply), payload))
    assert desk.verdict(1)[0] == Verdict.ACCEPTED
    stick.write_bytes(b"PK\3\4")
    page.get_by_label("选择同步包").set_input_files(stick)
    page.get_by_role("button", name="读入").click()
    expect(page.get_by_text("代码 courier.foreign")).to_be_visible()
    assert [each for each in complaints if "400" not in each] == []


def test_the_operator_sees_the_worst_station_first(
    page: Page, office: Office, complaints: list[str]
) -> None:
    county = office.county
    quiet, slow, silent, wrong, _ = desks = stations(county)
    for at, desk in enumerate(desks[:4]):
        entries(desk, 6, at * 6)
    now = county.clock.ms
    send_report(silent, backlog=41, oldest_unsent_at=now, last_error="transport.down")
    county.clock.forward(4 * DAY / 1000)
    now = county.clock.ms
    send_report(quiet, clock_offset_ms=1400, free_disk_bytes=182_400_000_000)
    late = {"backlog": 6, "oldest_unsent_at": now - 26 * HOUR, "open_conflicts": 2}
    send_report(slow, clock_offset_ms=-200_000, **late)
    send_report(wrong, backlog=120, oldest_unsent_at=now - 75 * HOUR, free_disk_bytes=310_000_000)
    sign_in(page, office, "operator")
    rows = page.locator("#matrix tbody tr")
    expect(rows).to_have_count(5)
    expect(rows.first).to_contain_text("需处理")
    expect(rows.last).to_contain_text("正常")
    expect(rows.last).to_contain_text("凤台西街支行")
    picture(page, "hub-operator.png")
    assert complaints == []
