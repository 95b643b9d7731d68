"""A station is approved: an applicant at the public page, a reviewer at the county, real Chromium.

With BIANMIN_SCREENSHOTS set the pages are written to docs/images as well.
"""

import os
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from waitress.server import create_server

from tests.hub_server.pages.county import PASSWORD, County, a_county

pytestmark = pytest.mark.browser

IMAGES = Path(__file__).resolve().parents[2] / "docs" / "images"


@pytest.fixture
def county(tmp_path: Path) -> County:
    return a_county(tmp_path)


@pytest.fixture
def address(county: County) -> Iterator[str]:
    """The hub's pages on a free port of this machine."""
    server = create_server(county.app, host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.effective_port}"
    server.close()
    thread.join(timeout=10)


@pytest.fixture
def complaints(page: Page) -> list[str]:
    """What the browser complained of: a blocked script, a missing file, an error of ours."""
    found: list[str] = []
    page.on("console", lambda said: found.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: found.append(str(error)))
    page.on("requestfailed", lambda request: found.append(f"failed: {request.url}"))
    return found


def picture(page: Page, name: str) -> None:
    if os.environ.get("BIANMIN_SCREENSHOTS"):
        IMAGES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=IMAGES / name)


def a_seal(size: int = 160) -> bytes:
    """A PNG of a red ring, as a seal is."""
    middle, rows = size / 2, bytearray()
    for y in range(size):
        rows.append(0)
        for x in range(size):
            distance = ((x - middle) ** 2 + (y - middle) ** 2) ** 0.5
            red = size * 0.42 < distance < size * 0.48 or distance < size * 0.12
            rows += b"\xc8\x14\x14\xff" if red else b"\xff\xff\xff\x00"

    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(kind, data) for kind, data in parts)


def sign_in(page: Page, address: str, name: str) -> None:
    page.goto(f"{address}/login")
    page.get_by_label("用户名").fill(name)
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()


def apply(page: Page, address: str) -> tuple[str, str]:
    page.goto(address)
    page.get_by_role("link", name="申请开设便民服务站").click()
    page.get_by_label("申请单位").fill("中国邮政储蓄银行晋城市城区支行")
    page.get_by_label("联系人电话").fill("138 1234 5678")
    page.get_by_label("所在县(市、区)").fill("晋城市城区")
    page.get_by_label("便民服务站选址").fill("凤台西街100号邮储银行营业厅一层")
    page.get_by_label("申请条件").fill(
        "选址临街，日均人流量三百余人；配备专职工作人员2名；有电脑、打印机、高拍仪各一台；"
        "场地60平方米，宽敞明亮；本行在此经营十二年，经营稳定。"
    )
    page.get_by_label("设站场所").select_option("银行")
    picture(page, "public-apply.png")
    page.get_by_role("button", name="提交申请").click()
    return page.locator("#number").inner_text(), page.locator("#check-code").inner_text()


def test_a_station_is_applied_for_agreed_and_approved(
    page: Page, county: County, address: str, complaints: list[str]
) -> None:
    number, check_code = apply(page, address)
    sign_in(page, address, county.account("reviewer").name)
    picture(page, "hub-inbox.png")
    page.get_by_role("row", name=number).get_by_role("link", name="办理").click()
    expect(page.get_by_role("button", name="同意", exact=True)).to_be_disabled()

    page.get_by_label("编号", exact=True).fill("晋城协〔2026〕7号")
    page.get_by_label("签订日期").fill("2026-03-01")
    page.get_by_label("有效期至").fill("2028-02-29")
    page.get_by_role("button", name="登记协议").click()

    page.get_by_role("button", name="同意设置为政务服务便民服务站").click()
    page.get_by_label("印章图片").set_input_files(
        {"name": "seal.png", "mimeType": "image/png", "buffer": a_seal()}
    )
    picture(page, "hub-application.png")
    page.get_by_role("button", name="同意", exact=True).click()
    expect(page.get_by_role("heading", name="请确认：同意")).to_be_visible()
    page.get_by_role("button", name="确认同意").click()

    code = page.locator("#enrolment-code").inner_text()
    assert len(code.replace("-", "").replace(" ", "")) == 24
    page.reload()
    expect(page.get_by_text("启用码已经显示过")).to_be_visible()
    assert code not in page.content()

    page.goto(f"{address}/progress")
    page.get_by_label("申请编号").fill(number)
    page.get_by_label("查询码").fill(check_code)
    page.get_by_role("button", name="查询").click()
    expect(page.locator("#state")).to_have_text("审核通过")
    expect(page.get_by_alt_text("印章图片")).to_be_visible()
    assert complaints == []
