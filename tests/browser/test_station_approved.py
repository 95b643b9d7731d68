"""A station is approved: an applicant at the public page, a reviewer at the county, real Chromium.

With BIANMIN_SCREENSHOTS set to a folder the pictures of the documentation are written there.
"""

import pytest
from playwright.sync_api import Page, expect

from tests.browser.hub_office import Office, a_seal, picture, sign_in

pytestmark = pytest.mark.browser


def apply(page: Page, office: Office) -> tuple[str, str]:
    """Annex A filled in and sent: number and check code."""
    page.goto(office.address)
    page.get_by_role("link", name="申请开设便民服务站").click()
    page.get_by_label("申请单位").fill("邮储银行晋城市城区支行")
    page.get_by_label("联系人电话").fill("138 1234 5678")
    page.get_by_label("所在县(市、区)").fill("晋城市城区")
    page.get_by_label("便民服务站选址").fill("凤台西街100号营业厅一层")
    page.get_by_label("申请条件").fill(
        "选址临街，日均人流量三百余人；配备专职工作人员2名；有电脑、打印机、高拍仪各一台；"
        "场地60平方米，宽敞明亮；本行在此经营十二年，经营稳定。"
    )
    page.get_by_label("设站场所").select_option("银行")
    picture(page, "public-apply.png")
    page.get_by_role("button", name="提交申请").click()
    return page.locator("#number").inner_text(), page.locator("#check-code").inner_text()


def others_wait(office: Office) -> None:
    county = office.county
    county.apply(
        applicant_unit="山西兰花商场", site="泽州路2188号一层", contact_phone="0356-2025678"
    )
    county.clock.forward(2700)
    county.apply(applicant_unit="晋城农商银行北石店支行", site="北石店镇太焦路30号")
    county.clock.forward(5400)


def test_a_station_is_applied_for_agreed_and_approved(
    page: Page, office: Office, complaints: list[str]
) -> None:
    others_wait(office)
    number, check_code = apply(page, office)
    sign_in(page, office, "reviewer")
    picture(page, "hub-inbox.png")
    page.get_by_role("row", name=number).get_by_role("link", name="办理").click()
    expect(page.get_by_role("button", name="同意", exact=True)).to_be_disabled()

    page.get_by_label("编号", exact=True).fill("晋城协〔2026〕7号")
    page.get_by_label("签订日期").fill("2026-03-01")
    page.get_by_label("有效期至").fill("2028-02-29")
    page.get_by_role("button", name="登记协议").click()

    page.get_by_role("button", name="同意设置为政务服务便民服务站").click()
    page.get_by_label("印章图片").set_input_files(
        {"name": "县政务服务中心.png", "mimeType": "image/png", "buffer": a_seal()}
    )
    picture(page, "hub-application.png")
    page.get_by_role("button", name="同意", exact=True).click()
    expect(page.get_by_role("heading", name="请确认：同意")).to_be_visible()
    expect(page.get_by_alt_text("印章图片")).to_be_visible()
    page.get_by_role("button", name="确认同意").click()

    code = page.locator("#enrolment-code").inner_text()
    assert len(code.replace("-", "").replace(" ", "")) == 24
    page.reload()
    expect(page.get_by_text("启用码已经显示过")).to_be_visible()
    assert code not in page.content()

    page.goto(f"{office.address}/progress")
    page.get_by_label("申请编号").fill(number)
    page.get_by_label("查询码").fill(check_code)
    page.get_by_role("button", name="查询").click()
    expect(page.locator("#state")).to_have_text("审核通过")
    expect(page.get_by_alt_text("印章图片")).to_be_visible()
    assert complaints == []
