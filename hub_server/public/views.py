"""What citizens and applicants see. Each view reads the request, calls one service, gives the page.

Nothing here shows an application without its number and check code together.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask import redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from forms import Form, Problem, check_writes
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.pages.paper import (
    Ink,
    Paper,
    changes,
    fields_off_the_grid,
    lay_out,
    read_typed,
    typeable,
)
from hub_server.services.applications import Application
from hub_server.services.submit_application import (
    check_region,
    correct_application,
    find_application,
    submit_application,
)

_KIND = "station_open"
_NEXT_STEP = {
    "submitted": "申请已收到，正在等待县级审核。请过几天再来查询。",
    "returned": "申请被退回。请按县级意见改正后重新提交。",
    "approved": "申请已同意。请等候县级工作人员联系，领取电脑启用码。",
    "rejected": "申请未获同意。如有疑问，请联系县级政务服务管理机构。",
}
_TICKET = "ticket"


def front(hub: Hub) -> ResponseReturnValue:
    return render_template("public/front.html", hub=hub)


def apply(hub: Hub) -> ResponseReturnValue:
    """Annex A. What was typed stays, whatever is wrong with it."""
    form = hub.forms.latest(_KIND)
    if request.method == "GET":
        return render_template("public/apply.html", paper=_sheet(form, {"region_code": hub.region}))
    values = _filled_in(form)
    problems = _problems(hub, form, values)
    if problems:
        return render_template("public/apply.html", paper=_sheet(form, {}, problems)), 422
    ticket = submit_application(hub, {i: v for i, v in values.items() if v is not None})
    session[_TICKET] = ticket
    return redirect(url_for("public.sent"), 303)


def sent(hub: Hub) -> ResponseReturnValue:
    """Number and check code, once."""
    return render_template("public/sent.html", ticket=session.pop(_TICKET, None))


def progress(hub: Hub) -> ResponseReturnValue:
    """How an application stands. A wrong number and a wrong check code read alike."""
    if request.method == "GET":
        return render_template("public/progress.html", number="")
    number, check_code = _key()
    try:
        found = find_application(hub, number, check_code)
    except HubError as unknown:
        page = render_template("public/progress.html", number=number, refused=unknown.words())
        return page, unknown.status
    return _state(hub, found, check_code)


def correct(hub: Hub) -> ResponseReturnValue:
    """What the county returned, corrected and sent again."""
    number, check_code = _key()
    found = find_application(hub, number, check_code)
    form = hub.forms.latest(_KIND)
    values = _filled_in(form)
    problems = _problems(hub, form, values)
    if problems:
        return _state(hub, found, check_code, problems), 422
    found = correct_application(hub, number, check_code, changes(found.values, values))
    return _state(hub, found, check_code, done=True)


def _key() -> tuple[str, str]:
    return request.form.get("number", "").strip(), request.form.get("check_code", "").strip()


def _state(
    hub: Hub,
    found: Application,
    check_code: str,
    problems: Iterable[Problem] = (),
    done: bool = False,
) -> str:
    form = hub.forms.latest(_KIND)
    correctable = found.state == "returned"
    paper = _sheet(form, found.values, problems, correctable)
    return render_template(
        "public/state.html",
        found=found,
        check_code=check_code,
        paper=paper,
        correctable=correctable,
        state_label=form.choices(form.field("state"))[found.state].label,
        next_step=_NEXT_STEP.get(found.state, ""),
        done=done,
    )


def _sheet(
    form: Form, values: Mapping[str, Any], problems: Iterable[Problem] = (), editable: bool = True
) -> Paper:
    """The paper. What comes back with problems shows what was typed."""
    problems = tuple(problems)
    ids = typeable(form, "station") if editable else ()
    typed = request.form.to_dict(flat=False) if problems else None
    beside = [i for i in fields_off_the_grid(form) if i in typeable(form, "station")]
    return lay_out(form, Ink(values, ids, typed, problems), beside)


def _filled_in(form: Form) -> dict[str, object]:
    typed = request.form.to_dict(flat=False)
    return read_typed(form, typeable(form, "station"), typed)


def _problems(hub: Hub, form: Form, values: Mapping[str, object]) -> list[Problem]:
    """What the form's checker says, and a region that is not this hub's."""
    state = form.moved(None, "submitted", "station")
    found = check_writes(form, {**values, "state": state}, author="station", creates=True)
    try:
        check_region(hub, values)
    except HubError:
        found = [each for each in found if each.field != "region_code"]  # told once
        found.append(Problem("region_code", "format", {"example": hub.region}))
    return found
