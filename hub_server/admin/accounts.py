"""Accounts of one's region, and the audit trail."""

from __future__ import annotations

from collections.abc import Mapping

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from hub_server.accounts import ROLES, Account
from hub_server.admin.paging import Page, asked_number, asked_size
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.pages.words import ROLE_WORDS
from hub_server.services.accounts import add_account, disable_account, list_accounts
from hub_server.services.audit import count_audit, read_audit

ACTIONS = {
    "account.add": "新增账户",
    "account.disable": "停用账户",
    "account.sign_in": "登录",
    "account.sign_in_failed": "登录失败",
    "agreement.record": "登记协议",
    "application.approve": "同意申请",
    "application.correct": "重新提交申请",
    "application.reject": "不予同意",
    "application.return": "退回申请",
    "application.submit": "提交申请",
    "case.corrected": "更正办件",
    "case.returned": "退回办件",
    "catalogue.publish": "发布事项清单",
    "code.issue": "发启用码",
    "courier.answer": "读入离线同步包",
    "backup.gone": "声明备份已销毁",
    "hub.epoch": "换用新纪元",
    "hub.restored": "声明已从备份恢复",
    "record.erase": "清除记录内容",
    "record.reveal": "查看完整信息",
    "replica.admit": "准入电脑",
    "replica.again": "恢复后重新登记电脑",
    "replica.mint": "电脑换用新编号",
    "replica.revoke": "撤销电脑启用资格",
    "station.again": "恢复后重新登记站点",
    "station.change": "更新登记卡",
    "station.close": "注销站点",
    "station.enrol": "电脑启用",
    "station.export": "导出数据",
    "station.open": "开设站点",
    "undecided.accepted": "收下待核内容",
    "undecided.refused": "退回待核内容",
}


FACTS = {
    "handover_to": "接办站点",
    "held": "待核原因",
    "lines": "行数",
    "masked": "已隐去个人信息",
    "no": "编号",
    "operation": "操作",
    "reason": "理由",
    "replica": "电脑编号",
    "role": "角色",
    "rows": "行数",
    "written": "写入",
}


def accounts(hub: Hub, account: Account) -> ResponseReturnValue:
    if request.method == "GET":
        return _accounts(hub, account)
    name, role, region, password = (
        request.form.get(field, "") for field in ("name", "role", "region", "password")
    )
    try:
        added = add_account(hub, account, name, password, role, region)
    except HubError as refused:
        return _accounts(hub, account, refused.words()), refused.status
    flash(f"已新增账户“{added.name}”。请把用户名和初始密码当面告知本人。")
    return redirect(url_for("admin.accounts"), 303)


def _accounts(hub: Hub, account: Account, refused: str = "") -> str:
    lines = list_accounts(hub, account)
    return render_template(
        "admin/accounts.html", lines=lines, roles=ROLES, typed=request.form, refused=refused
    )


def disable(hub: Hub, account: Account, account_id: bytes) -> ResponseReturnValue:
    """Ends an account: its visits end with their next request."""
    disabled = disable_account(hub, account, account_id)
    flash(f"已停用账户“{disabled.name}”。")
    return redirect(url_for("admin.accounts"), 303)


def audit(hub: Hub, account: Account) -> ResponseReturnValue:
    page = Page("admin.audit", {}, count_audit(hub, account), asked_size(), asked_number())
    lines = read_audit(hub, account, page.size, page.offset)
    return render_template("admin/audit.html", lines=lines, page=page, acts=ACTIONS, told=told)


def told(facts: Mapping[str, object]) -> str:
    """The facts of a line of the trail, in words."""
    return "；".join(f"{FACTS.get(name, name)}：{_said(fact)}" for name, fact in facts.items())


def _said(fact: object) -> str:
    if isinstance(fact, bool):
        return "是" if fact else "否"
    return ROLE_WORDS.get(str(fact), str(fact))
