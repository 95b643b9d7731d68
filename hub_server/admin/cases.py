"""One case: masked, revealed with a reason, corrected or returned with an opinion."""

from __future__ import annotations

from collections.abc import Iterable

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from forms import Form, Problem, check_writes
from hub_server.accounts import Account
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.pages.paper import Ink, changes, lay_out, read_typed, typeable
from hub_server.services.review_case import review_case
from hub_server.services.show_record import RecordView, reveal, show_record

PHRASES = ("请核对联系方式", "请补填退件原因", "请核对办结时间")
_ITS_OWN = frozenset({"county_action", "county_opinion", "county_officer", "county_acted_at"})
_DONE = {"corrected": "更正已保存", "returned": "已退回"}


def case(hub: Hub, account: Account, record: bytes) -> ResponseReturnValue:
    return _case(hub, show_record(hub, account, record, named_channel()))


def reveal_case(hub: Hub, account: Account, record: bytes) -> ResponseReturnValue:
    """The page in full, this once; who looked and why stands in the audit trail."""
    reason = request.form.get("reason", "")
    return _case(hub, reveal(hub, account, record, reason, named_channel()))


def named_channel() -> bytes | None:
    """The channel that a list names with its record: ids are chosen by stations."""
    try:
        return bytes.fromhex(request.args.get("channel", "")) or None
    except ValueError:
        return None


def review(hub: Hub, account: Account, record: bytes) -> ResponseReturnValue:
    """A correction writes only what was changed; it arrives at the desk with the opinion."""
    view = show_record(hub, account, record, named_channel())
    action, opinion = request.form.get("action", ""), request.form.get("opinion", "").strip()
    changed = _changed(hub, view) if action == "corrected" else {}
    problems = check_writes(_form(hub, view), changed, author="hub", creates=False)
    if problems:
        return _case(hub, view, problems), 422
    try:
        seen = request.form.get("seen", "")
        review_case(hub, account, view.channel, record, action, opinion, changed, seen)
    except HubError as refused:
        return _case(hub, view, refused=refused.words()), refused.status
    flash(f"{_DONE[action]}，将在下次同步时送达站点。")
    return redirect(url_for("admin.case", record=record, channel=view.channel.hex()), 303)


def _changed(hub: Hub, view: RecordView) -> dict[str, object]:
    """What was typed and differs from the masked record; the service drops what is no change."""
    form = _form(hub, view)
    read = read_typed(form, _correctable(form, view), request.form.to_dict(flat=False))
    return changes(view.values, read)


def _correctable(form: Form, view: RecordView) -> list[str]:
    """The fields to correct: on a masked page none of which only a mask was shown."""
    ids = [i for i in typeable(form, "hub") if i not in _ITS_OWN]
    if not _is_masked(view):
        return ids
    return [i for i in ids if not form.field(i).personal and "*" not in str(view.values.get(i))]


def _is_masked(view: RecordView) -> bool:
    """A page that was revealed stays so for what is typed into it."""
    return view.masked and "revealed" not in request.form


def _case(hub: Hub, view: RecordView, problems: Iterable[Problem] = (), refused: str = "") -> str:
    form, problems = _form(hub, view), tuple(problems)
    typed = request.form.to_dict(flat=False) if problems or refused else None
    ids = _correctable(form, view)
    ink = Ink(view.values, ids, typed, problems)
    return render_template(
        "admin/case.html",
        view=view,
        paper=lay_out(form, Ink(view.values)),
        correction=lay_out(form, ink, beside=ids),
        is_masked=_is_masked(view),
        opinion=request.form.get("opinion", ""),
        phrases=PHRASES,
        refused=refused,
    )


def _form(hub: Hub, view: RecordView) -> Form:
    return hub.forms.get(view.kind, view.form_version) or hub.forms.latest(view.kind)
