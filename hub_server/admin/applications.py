"""The inbox, an application in its own grid, the agreement, and the decision in two steps."""

from __future__ import annotations

import base64

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from forms import Form
from forms.values import check_value
from hub_server.accounts import Account
from hub_server.admin.paging import Page, asked_number, asked_size
from hub_server.admin.signing_in import show_once
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.pages.paper import Ink, fields_off_the_grid, lay_out
from hub_server.pages.words import KINDS
from hub_server.services.applications import (
    Application,
    Kinds,
    count_applications,
    list_applications,
    show_application,
)
from hub_server.services.decide_application import Decided, Terms, decide_application
from hub_server.services.record_agreement import record_agreement
from hub_server.services.show_record import show_history
from hub_server.workflow import check_opinion

TO_DO = "submitted"
PHRASES = {
    "station_open": ("同意设置为政务服务便民服务站", "拟同意", "退回补正"),
    "station_change": ("同意变更", "拟同意", "退回补正"),
    "station_close": ("同意注销", "拟同意", "退回补正"),
}
DECISIONS = {"approve": "同意", "return": "退回补正", "reject": "不予同意"}
_EFFECTS = {
    ("station_open", "approve"): "确认后将建立站点，并显示该站第一台电脑的启用码（只显示一次）。",
    ("station_change", "approve"): "确认后站点登记卡立即更新，并在下次同步时送达站点。",
    ("station_close", "approve"): "确认后站点注销，不能恢复；此前已登记的条目在 30 天内仍可上报。",
}
_SENT_BACK = "确认后申请人将看到以上意见。"
_SEAL_WORDS = "印章应为 PNG 或 JPEG 图片，不超过 140 KB。"
_BESIDE = frozenset({"host_type", "region_code", "review_decision", "reviewer_name", "reviewed_on"})


def inbox(hub: Hub, account: Account) -> ResponseReturnValue:
    chosen = {name: request.args.get(name, "") for name in ("view", "kind", "state", "station")}
    chosen["view"] = chosen["view"] if chosen["view"] == "done" else "todo"
    views = {"todo": [TO_DO], "done": [state for state in _states(hub) if state != TO_DO]}
    which = Kinds(
        kinds=[kind for kind in KINDS if chosen["kind"] in ("", kind)],
        states=[state for state in views[chosen["view"]] if chosen["state"] in ("", state)],
        station_code=chosen["station"],
    )
    total = count_applications(hub, account, which)
    page = Page("admin.inbox", chosen, total, asked_size(), asked_number())
    return render_template(
        "admin/inbox.html",
        chosen=chosen,
        counts={
            v: count_applications(hub, account, Kinds(list(KINDS), s)) for v, s in views.items()
        },
        kinds=KINDS,
        states=_states(hub),
        page=page,
        lines=list_applications(hub, account, which, page.size, page.offset),
    )


def _states(hub: Hub) -> dict[str, str]:
    form = hub.forms.latest("station_open")
    choices = form.choices(form.field("state"))
    return {key: code.label for key, code in choices.items() if key != "draft"}


def application(hub: Hub, account: Account, record: bytes) -> ResponseReturnValue:
    return _application(hub, account, record)


def _application(
    hub: Hub,
    account: Account,
    record: bytes,
    typed: MultiDict[str, str] | None = None,
    refused: str = "",
) -> str:
    found = show_application(hub, account, record)
    form = hub.forms.latest(found.kind)
    beside = [i for i in fields_off_the_grid(form) if i in _BESIDE]
    card = hub.forms.latest("station_card")
    return render_template(
        "admin/application.html",
        found=found,
        paper=lay_out(form, Ink(found.values), beside),
        history=show_history(hub, account, record),
        kinds=KINDS,
        states=_states(hub),
        phrases=PHRASES[found.kind],
        decisions=DECISIONS,
        functions=_labels(card, "functions"),
        agreement_kinds=_labels(card, "agreement_kind"),
        typed=MultiDict() if typed is None else typed,
        refused=refused,
    )


def _labels(form: Form, field_id: str) -> dict[str, str]:
    return {key: code.label for key, code in form.choices(form.field(field_id)).items()}


def keep_agreement(hub: Hub, account: Account, record: bytes) -> ResponseReturnValue:
    """What cannot be kept is said on the application's page, with what was typed."""
    no, kind, signed_on, valid_to = (
        request.form.get(name, "") for name in ("no", "kind", "signed_on", "valid_to")
    )
    try:
        record_agreement(hub, account, record, no, kind, signed_on, valid_to)
    except HubError as refused:
        page = _application(hub, account, record, request.form, refused.words())
        return page, refused.status
    flash("协议已登记，可以作出决定了。")
    return redirect(url_for("admin.application", record=record), 303)


def decide(hub: Hub, account: Account, record: bytes) -> ResponseReturnValue:
    """First the question whether this is meant; with ``confirmed`` the decision itself, with
    ``again`` back to what was typed.

    What cannot be done is said on the application's page as it is now, with what was typed.
    """
    found = show_application(hub, account, record)
    if request.form.get("again"):
        return _application(hub, account, record, request.form)
    try:
        return _decide(hub, account, found)
    except HubError as refused:
        page = _application(hub, account, record, request.form, refused.words())
        return page, refused.status


def _decide(hub: Hub, account: Account, found: Application) -> ResponseReturnValue:
    asked, seen = request.form.get("decision", ""), request.form.get("seen", "")
    if asked not in DECISIONS:
        raise HubError("application.decision_unknown", decision=asked)
    hub.check_seen(found.version, seen, "application.changed")
    opinion = request.form.get("opinion", "").replace("\r\n", "\n").strip()
    check_opinion(asked, opinion)
    seal = _seal(hub.forms.latest(found.kind))
    if not request.form.get("confirmed"):
        return _ask(found, asked, opinion, seal)
    terms = _terms()
    decided = decide_application(hub, account, found.record, asked, opinion, seal, seen, terms)
    return redirect(_afterwards(decided, found), 303)


def _ask(found: Application, decision: str, opinion: str, seal: str) -> str:
    return render_template(
        "admin/confirm.html",
        found=found,
        kinds=KINDS,
        decision=decision,
        decision_label=DECISIONS[decision],
        opinion=opinion,
        effect=_EFFECTS.get((found.kind, decision), _SENT_BACK),
        seal=seal,
        terms=_terms(),
    )


def _terms() -> Terms:
    return Terms(
        station_name=request.form.get("station_name", "").strip(),
        functions=request.form.getlist("functions"),
        handover_to=request.form.get("handover_to", "").strip(),
    )


def _seal(form: Form) -> str:
    """The seal as base64: the file, or what the question carried. HubError `record.values`."""
    file = request.files.get("seal")
    content = file.read() if file else b""
    seal = base64.b64encode(content).decode() if content else request.form.get("seal", "")
    problem = check_value(form, form.field("seal_image"), seal) if seal else None
    if problem is not None:
        raise HubError("record.values", words=_SEAL_WORDS)
    return seal


def _afterwards(decided: Decided, found: Application) -> str:
    if decided.code is not None:
        show_once(decided.station_code, decided.code)
        return url_for("admin.slip", code=decided.station_code)
    flash("决定已保存，申请人将看到您的意见。")
    return url_for("admin.application", record=found.record)
