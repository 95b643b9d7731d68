"""A clerk's day in real Chromium: a case by keyboard alone, a lock in between, a conflict settled.

With BIANMIN_SCREENSHOTS set to a folder, the pictures of the README are written there.
"""

import os
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from station_client.services.amend_entry import amend_entry
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.list_inbox import list_inbox
from station_client.services.record_entry import record_entry
from station_client.ui import start_url
from sync_protocol import channel, courier
from sync_protocol.channel import Verdict
from sync_protocol.operations import Write
from tests.browser.serving import served
from tests.station_client import desk as builders
from tests.station_client.fake_hub import REGION, FakeHub, accept_all
from tests.station_client.test_retire import EVERYTHING
from tests.station_client.ui import visit
from tests.station_client.ui.visit import Program, newest, records

pytestmark = pytest.mark.browser

CATALOGUE = [
    ("社会保障卡申领", "县人社局", "140722001", 0),
    ("城乡居民养老保险参保登记", "县人社局", "140722002", 1),
    ("灵活就业人员社会保险费申报", "县人社局", "140722003", 3),
    ("食品经营许可（新办）", "县市场监管局", "140722004", 10),
    ("老年人优待证办理", "县民政局", "140722005", 5),
]


@dataclass
class Desk:
    """A running program, its address, and the county it exchanges with."""

    program: Program
    hub: FakeHub
    port: int

    def address(self, path: str) -> str:
        return f"http://127.0.0.1:{self.port}{path}"

    def open(self, page: Page) -> None:
        """From the start of the program to the ledger, by keyboard."""
        page.goto(start_url(self.port, self.program.guard.mint()))
        page.keyboard.type(builders.PIN)
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name="工作台账")).to_be_visible()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    hub = FakeHub(builders.Clock())
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        program = visit.a_program(tmp_path / "home", port, hub=hub.keys, transport=hub)
        hub.clock = program.clock
        hub.know(program.station)
        publish(hub)
        exchange_with_hub(program.station)
        with served(program.app, listening):
            yield Desk(program, hub, port)
    program.station.close()


@pytest.fixture(autouse=True)
def complaints(page: Page) -> Iterator[list[str]]:
    """What the browser complains of: a blocked script, a missing file, an error of ours."""
    found: list[str] = []
    page.on("console", lambda said: found.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    yield found
    assert found == []


def publish(hub: FakeHub) -> None:
    """The county's catalogue, as much of it as the stories need."""
    for number, (name, department, code, days) in enumerate(CATALOGUE):
        values = {"item_name": name, "department": department, "item_code": code}
        writes = [Write(key, value) for key, value in values.items()]
        writes += [Write("promised_limit", days), Write("alive", "")]
        hub.write("catalogue_item", number.to_bytes(16, "big"), writes, to=REGION)


def picture(page: Page, name: str) -> None:
    folder = os.environ.get("BIANMIN_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"station-{name}.png")


def a_day(desk: Desk) -> None:
    """Some lines that the county has, and some that wait."""
    people = [
        ("田秀秀", "15800005402", 0, "finished", "老年人优先"),
        ("侯秀燕", "15000004381", 1, "handling", ""),
        ("张建国", "13903561234", 3, "supplementing", "身份证复印件待补"),
        ("常平乡惠民超市", "0356-2025678", 3, "special_procedure", "现场核查"),
        ("李桂英", "13703567788", 4, "finished", ""),
        ("王志强", "13603569900", 2, "withdrawn", ""),
        ("郭玉梅", "18235601122", 0, "handling", ""),
        ("刘丽", "13453562233", 1, "finished", ""),
        ("杨红霞", "15935663344", 4, "handling", "代为联系人：女儿"),
    ]
    for number, (name, phone, item, status, remark) in enumerate(people):
        task, department, code, days = CATALOGUE[item]
        finished = f"2026-03-02T{9 + number // 4:02d}:5{number}:00+08:00"
        case = builders.a_case(
            applicant_name=name,
            contact_phone=phone,
            task_name=task,
            dept_name=department,
            item_code=code,
            promised_limit=days,
            case_status=status,
            received_at=f"{8 + number // 3:02d}:{number % 3 * 18:02d}",
            remark=remark,
            **({"finished_at": finished} if status == "finished" else {}),
        )
        record_entry(desk.program.station, "intake_case", case)
        desk.program.clock.forward(60)
        if number == 5:
            exchange_with_hub(desk.program.station)


def begin_a_helper_case(page: Page) -> None:
    page.keyboard.press("F2")
    expect(page.get_by_role("heading", name="新建帮办登记")).to_be_visible()
    expect(page.locator("#applicant_name")).to_be_focused()


def type_a_helper_case(page: Page) -> None:
    """What a clerk types; everything else is filled in, by the desk or by the catalogue."""
    page.keyboard.type("赵秀兰")
    page.keyboard.press("Enter")
    page.keyboard.type("139 0000 1111")
    for _ in range(3):  # kind of person and groups stay as they are
        page.keyboard.press("Enter")
    page.keyboard.type("cxjm")
    expect(page.locator(".found li").first).to_contain_text("城乡居民养老保险参保登记")


def test_a_helper_case_is_recorded_by_keyboard_alone(desk: Desk, page: Page) -> None:
    a_day(desk)
    desk.open(page)
    begin_a_helper_case(page)
    type_a_helper_case(page)
    picture(page, "helper-case")
    page.keyboard.press("Enter")
    expect(page.locator("#dept_name")).to_have_value("县人社局")
    expect(page.locator("#promised_limit")).to_have_value("1")
    expect(page.locator("#item_code")).to_be_focused()
    page.keyboard.press("Control+s")
    expect(page.get_by_text("已保存，编号")).to_be_visible()
    [case] = records(desk.program)
    assert case["applicant_name"] == "赵秀兰"
    assert case["contact_phone"] == "13900001111"
    assert (case["task_name"], case["item_code"]) == ("城乡居民养老保险参保登记", "140722002")
    expect(page.locator("tr.just-saved")).to_contain_text("赵秀兰")
    expect(page.get_by_text("已保存，编号")).to_contain_text(case["case_no"])


def test_a_proxy_case_is_recorded_by_keyboard_alone(desk: Desk, page: Page) -> None:
    record_entry(desk.program.station, "intake_case", builders.a_case())  # a window to offer again
    desk.open(page)
    page.keyboard.press("F3")
    expect(page.locator("#applicant_name")).to_be_focused()
    type_a_helper_case(page)
    page.keyboard.press("Enter")
    for _ in range(20):  # Enter walks through the paper, into the parts that are open
        if page.evaluate("document.activeElement.id") == "principal":
            break
        page.keyboard.press("Enter")
    page.keyboard.type("赵秀兰")
    page.keyboard.press("Control+s")
    expect(page.get_by_text("已保存，编号")).to_be_visible()
    [case] = records(desk.program, "proxy_case")
    assert case["principal"] == "赵秀兰"


def test_enter_goes_into_a_part_that_is_folded(desk: Desk, page: Page) -> None:
    desk.open(page)
    begin_a_helper_case(page)
    page.locator("summary", has_text="咨询").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#question")).to_be_focused()


def test_what_is_missing_is_asked_for_and_the_rest_stays(desk: Desk, page: Page) -> None:
    desk.open(page)
    begin_a_helper_case(page)
    page.keyboard.type("赵秀兰")
    page.keyboard.press("Control+s")
    expect(page.get_by_text("有 5 处需要改正")).to_be_visible()
    expect(page.locator("#applicant_name")).to_have_value("赵秀兰")
    expect(page.locator("#contact_phone")).to_be_focused()
    expect(page.locator("#contact_phone-problem")).to_contain_text("还没有填写")


def test_lines_of_a_list_come_and_go_by_keyboard(desk: Desk, page: Page) -> None:
    record_entry(desk.program.station, "intake_case", builders.a_case())  # a window to offer again
    desk.open(page)
    begin_a_helper_case(page)
    type_a_helper_case(page)
    page.keyboard.press("Enter")
    page.locator("summary", has_text="帮办未填").focus()
    page.keyboard.press("Enter")
    page.locator("#materials_complete").focus()
    page.keyboard.press("2")
    expect(page.locator("#materials_complete")).to_have_value("no")
    page.locator("#missing").focus()
    page.keyboard.press("Enter")
    page.keyboard.type("户口本")
    page.keyboard.press("Enter")
    page.keyboard.type("回家取后补交")
    page.keyboard.press("Alt+a")
    page.keyboard.type("多余的一行")
    expect(page.locator("#missing-lines tr")).to_have_count(2)
    page.keyboard.press("Alt+d")
    expect(page.locator("#missing-lines tr")).to_have_count(1)
    page.keyboard.press("Control+s")
    expect(page.get_by_text("已保存，编号")).to_be_visible()
    [case] = records(desk.program)
    lines = [value for name, value in case.items() if name.startswith("missing/")]
    assert lines == [{"material_name": "户口本", "how_to_fix": "回家取后补交"}]
    assert case["materials_complete"] is False


def test_a_line_of_a_list_says_all_that_it_lacks_and_leads_there(desk: Desk, page: Page) -> None:
    desk.open(page)
    page.keyboard.press("F3")
    expect(page.get_by_role("heading", name="新建代办登记")).to_be_visible()
    page.locator("summary", has_text="材料").focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    page.keyboard.type("营业执照")
    for field in ("applicant_name", "contact_phone", "task_name", "dept_name", "window_name"):
        page.locator(f"#{field}").fill("13900001234")
    page.locator("#principal").fill("赵秀兰")
    page.locator("#promised_limit").fill("5")
    page.keyboard.press("Control+s")
    expect(page.get_by_text("缺少“原件/复印件”“份数”，请补填")).to_be_visible()
    expect(page.locator("#materials_received-lines select")).to_be_focused()
    expect(page.locator("#materials_received-lines .is-invalid")).to_have_count(2)


def test_what_is_half_typed_survives_the_lock(desk: Desk, page: Page) -> None:
    desk.open(page)
    begin_a_helper_case(page)
    with page.expect_response("**/drafts") as kept:
        page.keyboard.type("赵秀兰")
    assert kept.value.status == 204
    desk.program.clock.forward(11 * 60)
    page.wait_for_url("**/unlock?next=*", timeout=30_000)
    expect(page.get_by_text("没有保存的内容已经保留")).to_be_visible()
    page.keyboard.type(builders.PIN)
    page.keyboard.press("Enter")
    expect(page.locator("#applicant_name")).to_have_value("赵秀兰")
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0


def test_escape_leads_back_and_keeps_what_was_typed(desk: Desk, page: Page) -> None:
    desk.open(page)
    page.keyboard.press("F7")
    page.locator("#applicant_name").fill("赵秀兰")
    page.keyboard.press("Escape")
    expect(page.get_by_role("heading", name="工作台账")).to_be_visible()
    page.keyboard.press("F7")
    expect(page.locator("#applicant_name")).to_have_value("赵秀兰")
    expect(page.get_by_text("已恢复上次没有保存的内容")).to_be_visible()


def a_conflict(desk: Desk) -> None:
    """The desk and the county each write another phone number without knowing of the other."""
    station, journal = desk.program.station, desk.program.station.store.journal
    record_entry(station, "helper_case", builders.a_helper_case())
    exchange_with_hub(station)
    record = bytes.fromhex(newest(desk.program))
    [first] = journal.operations_of(station.channel, [record])[record]
    desk.program.clock.forward(600)
    amend_entry(station, record, {"contact_phone": "13812345678"})
    seen = (first.identity,)
    writes = [Write("contact_phone", "0356-2025678", seen), Write("alive", "", seen)]
    desk.program.clock.forward(300)
    desk.hub.write("helper_case", record, writes)
    exchange_with_hub(station)


def test_a_conflict_is_settled_by_keyboard(desk: Desk, page: Page) -> None:
    a_conflict(desk)
    a_day(desk)
    desk.open(page)
    expect(page.locator("#lamp")).to_contain_text("有冲突 1 处")
    picture(page, "ledger")
    page.goto(desk.address("/inbox"))
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="以哪一边为准")).to_be_visible()
    county = page.locator(".side", has_text="0356-2025678")
    page.keyboard.press(county.get_attribute("data-choose") or "")
    expect(county.get_by_role("radio")).to_be_checked()
    picture(page, "conflict")
    page.keyboard.press("Control+s")
    expect(page.get_by_text("冲突已处理")).to_be_visible()
    expect(page.get_by_text("没有需要您处理的内容")).to_be_visible()
    assert records(desk.program)[0]["contact_phone"] == "0356-2025678"
    page.keyboard.press("F9")
    expect(page.get_by_role("heading", name="同步状态")).to_be_visible()
    picture(page, "status")
    page.keyboard.press("F9")
    expect(page.get_by_text("同步完成")).to_be_visible()
    expect(page.locator("#lamp")).to_contain_text("已全部上报")


def test_what_the_county_refused_is_corrected_from_the_inbox_by_keyboard(
    desk: Desk, page: Page
) -> None:
    station, hub, clock = desk.program.station, desk.hub, desk.program.clock
    a_conflict(desk)
    hub.judge = lambda *_: (Verdict.HELD, "late")
    record_entry(station, "intake_case", builders.a_case(applicant_name="郭玉梅"))
    exchange_with_hub(station)
    clock.forward(60)
    hub.judge = lambda *_: (Verdict.REFUSED, "check:contact_phone:format")
    record_entry(station, "helper_case", builders.a_helper_case(applicant_name="田秀秀"))
    exchange_with_hub(station)
    hub.judge = accept_all
    clock.forward(60)
    desk.open(page)
    page.get_by_role("link", name="待处理").click()
    expect(page.get_by_role("heading", name="需要您处理（2）")).to_be_visible()
    expect(page.get_by_role("heading", name="等待县级（1）")).to_be_visible()
    picture(page, "inbox")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(page.get_by_text("县级没有接受")).to_be_visible()
    expect(page.locator("#applicant_name")).to_have_value("田秀秀")
    expect(page.locator("#contact_phone")).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("0356-2025678")
    page.keyboard.press("Control+s")
    expect(page.get_by_text("已改正并保存，会再次上报")).to_be_visible()
    expect(page.get_by_role("heading", name="需要您处理（1）")).to_be_visible()
    exchange_with_hub(station)
    assert "田秀秀" in [case["applicant_name"] for case in records(desk.program)]
    assert [item.matter for item in list_inbox(station)] == ["conflict", "held"]


def test_a_stick_goes_to_the_county_and_comes_back(desk: Desk, page: Page, tmp_path: Path) -> None:
    record_entry(desk.program.station, "intake_case", builders.a_case())
    desk.open(page)
    page.keyboard.press("F9")
    page.get_by_role("link", name="离线同步包").click()
    expect(page.get_by_text("请导出同步包送到县级")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="导出同步包").click()
    request = download.value.path().read_bytes()
    stick = tmp_path / "回执包.bianmin"
    stick.write_bytes(courier.frame(desk.hub.exchange(courier.unframe(request))))
    page.reload()
    expect(page.get_by_text("等回执的同步包")).to_be_visible()
    page.get_by_label("选择回执包").set_input_files(stick)
    page.get_by_role("button", name="读入回执包").click()
    expect(page.get_by_text("回执包已读入：县级确认 1 条")).to_be_visible()
    expect(page.get_by_text("本机的内容县级都有回执")).to_be_visible()
    expect(page.locator("#lamp")).to_contain_text("已全部上报")
    page.get_by_label("选择回执包").set_input_files(stick)
    page.get_by_role("button", name="读入回执包").click()
    expect(page.get_by_text("已经读入过")).to_be_visible()


def test_a_closed_desk_is_sealed_and_then_erased(desk: Desk, page: Page) -> None:
    station, hub = desk.program.station, desk.hub
    a_day(desk)
    now = desk.program.clock()
    hub.append(station.channel, channel.ClosingEntry(now + 30 * 86_400_000, now))
    exchange_with_hub(station)
    desk.open(page)
    expect(page.locator("#notice")).to_contain_text("注销")
    page.get_by_role("link", name="关停本机").click()
    expect(page.get_by_text("请联系县级运维人员再备份")).to_be_visible()
    page.get_by_label("请输入本站编号").fill(station.certificate.station_code)
    page.keyboard.press("Enter")
    expect(page.get_by_text("本机已封存，从现在起只能查看。")).to_be_visible()
    expect(page.get_by_role("link", name="新建帮办")).to_have_count(0)
    hub.covered = EVERYTHING
    page.get_by_role("button", name="立即同步").click()
    page.goto(desk.address("/retire"))
    page.get_by_label("请输入本站编号").fill(station.certificate.station_code)
    page.get_by_role("button", name="销毁本机数据").click()
    expect(page.get_by_text("本机数据已销毁，不能恢复")).to_be_visible()
    assert not station.home.database.exists()


def test_the_ledger_prints_on_landscape_pages(desk: Desk, page: Page) -> None:
    a_day(desk)
    desk.open(page)
    page.keyboard.press("F8")
    expect(page.get_by_role("heading", name="政务服务便民服务站工作台账")).to_be_visible()
    sheet = page.pdf(prefer_css_page_size=True)
    assert b"/MediaBox [0 0 842" in sheet or b"/MediaBox [0 0 841" in sheet
    page.emulate_media(media="print")
    expect(page.locator("header.top")).to_be_hidden()
    expect(page.locator("footer.keys")).to_be_hidden()


def test_nothing_is_wider_than_the_screen(desk: Desk, page: Page) -> None:
    a_day(desk)
    desk.open(page)
    paths = ["/", "/cases/new/helper", "/cases/new/proxy", "/cases/new/intake", "/status", "/files",
             "/courier", "/inbox", "/applications", "/applications/new/change",
             "/clerks", "/retire"]  # fmt: skip
    for path in paths:
        page.goto(desk.address(path))
        for width in (1366, 1024, 683):  # the last: 1024 with letters at 150 %
            page.set_viewport_size({"width": width, "height": 768})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path


def test_another_browser_without_the_token_is_shown_nothing(desk: Desk, page: Page) -> None:
    desk.open(page)
    stranger = page.context.browser.new_context()  # type: ignore[union-attr]
    try:
        answer = stranger.new_page().goto(desk.address("/"))
        assert answer is not None
        assert answer.status == 401
    finally:
        stranger.close()
