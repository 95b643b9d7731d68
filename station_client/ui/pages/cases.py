"""Cases: new from the form's definition, shown as on paper, amended, voided, converted."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

from flask import abort, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from forms import LEDGER_COLUMNS, Form
from station_client.errors import StationError
from station_client.services import china_time
from station_client.services.amend_entry import amend_entry, void_entry
from station_client.services.convert_case import convert_case
from station_client.services.desk_defaults import desk_defaults
from station_client.services.find_items import find_items
from station_client.services.list_inbox import opinion_of
from station_client.services.read_ledger import newest_line
from station_client.services.record_entry import record_entry
from station_client.services.show_case import CaseView, show_case
from station_client.services.show_value import show_register
from station_client.station import Station
from station_client.ui import paper
from station_client.ui.desk import Desk
from station_client.ui.entry_form import (
    NUMBER,
    Page,
    Typed,
    fill,
    is_typed_here,
    read,
    read_changes,
    words_by_register,
)
from station_client.ui.pages import drafts

TITLES = {"helper_case": "新建帮办登记", "proxy_case": "新建代办登记", "intake_case": "收件登记"}
FIXED = frozenset({"station_name"})
"""Shown on a new case and not typed: the desk's own name."""
SUBMITTED = "submitted"
WINDOW = [column for column, _ in LEDGER_COLUMNS].index("window_name")
CARRIED = (
    "channel",
    "applicant_name",
    "contact_phone",
    "applicant_type",
    "special_group",
    "task_name",
    "dept_name",
    "item_code",
    "window_name",
    "promised_limit",
    "legal_limit",
    "remark",
)
"""What a helper case that becomes a proxy case says already (SX 6.3.3.2.4)."""


def new_helper(desk: Desk, station: Station) -> str:
    return _new(desk, station, "helper_case")


def save_helper(desk: Desk, station: Station) -> ResponseReturnValue:
    return _save(desk, station, "helper_case")


def new_proxy(desk: Desk, station: Station) -> str:
    return _new(desk, station, "proxy_case")


def save_proxy(desk: Desk, station: Station) -> ResponseReturnValue:
    return _save(desk, station, "proxy_case")


def new_intake(desk: Desk, station: Station) -> str:
    return _new(desk, station, "intake_case")


def save_intake(desk: Desk, station: Station) -> ResponseReturnValue:
    return _save(desk, station, "intake_case")


def _new(desk: Desk, station: Station, kind: str) -> str:
    form = station.forms.latest(kind)
    draft = drafts.kept(desk, station)
    page = Page(form, draft or fill(form, _defaults(desk, station, kind)), fixed=FIXED)
    return _entry_page(page, TITLES[kind], restored=draft is not None)


def _save(desk: Desk, station: Station, kind: str) -> ResponseReturnValue:
    form = station.forms.latest(kind)
    values = read(form, request.form, today(station))
    try:
        with desk.once(drafts.form_id()) as is_first:
            record = record_entry(station, kind, values) if is_first else None
    except StationError as error:
        drafts.refused(desk, station)
        page = Page(form, request.form, fixed=FIXED, problems=problems_of(form, error))
        return _entry_page(page, TITLES[kind])
    return _saved(desk, station, record, values)


def _saved(
    desk: Desk, station: Station, record: bytes | None, values: Mapping[str, object]
) -> ResponseReturnValue:
    if record is None:
        flash("这张表已经保存过，没有重复登记。", "info")
        return redirect(url_for("ledger"))
    _kept(desk, station)
    desk.window = str(values.get("window_name") or desk.window)
    number = show_case(station, record).values.get("case_no", "")
    later = "本站已注销，由县级核对后才生效。" if station.is_closed else ""
    flash(f"已保存，编号 {number}。没有网络也不会丢失，联网后自动上报。{later}", "success")
    day = str(values.get("registered_at") or values.get("ledger_date") or "")[:10]
    return redirect(url_for("ledger", saved=record.hex(), since=day, until=today(station)))


def _kept(desk: Desk, station: Station) -> None:
    """It is on the disk: the draft has done its work, and the county may hear of it."""
    drafts.saved(desk, station)
    desk.sync_soon()


def show(desk: Desk, station: Station, record: str) -> str:
    case = the_case(station, record)
    return render_template(
        "case.html",
        case=case,
        record=record,
        rows=paper.rows(case.form, case.values),
        returned=case.returned,
        county=paper.county_words(case.form, case.values),
        state=_state_words(case),
        may_amend=_may_amend(case) and not station.is_sealed,
        can_convert=case.form.name == "helper_case" and not case.values.get("converted_to_proxy"),
    )


def _may_amend(case: CaseView) -> bool:
    """An application that lies with the county stays as it is, unless the county refused it."""
    is_ours = case.form.workflow is None or bool(_sent_again(case)) or bool(case.refusals)
    return is_ours and not case.void_reason


def _state_words(case: CaseView) -> str:
    """The state of an application; "" for a case, which has none."""
    workflow = case.form.workflow
    field = workflow.field if workflow else ""
    return show_register(case.form, field, case.values.get(field)) if field else ""


def amend(desk: Desk, station: Station, record: str) -> str:
    """The record to correct; what the county refused of it stands there as it was typed."""
    case = the_case(station, record)
    draft = drafts.kept(desk, station)
    typed = draft if draft is not None else fill(case.form, _with_refused(case))
    was = _was_of(draft) if draft is not None else list(fill(case.form, case.values).items(True))
    page = _amended_page(case, typed, dict(each for each in case.refusals if each[0]))
    return _amendment_page(case, page, was, draft is not None, case.refusals)


def _amendment_page(
    case: CaseView,
    page: Page,
    was: list[tuple[str, str]],
    restored: bool = False,
    refusals: Sequence[tuple[str, str]] = (),
) -> str:
    returned = opinion_of(case.values) if case.returned else ""
    way_back = back(case.record.hex())
    return _entry_page(
        page, f"修改：{case.title}", was, way_back, restored, refusals, returned=returned
    )


def _amended_page(
    case: CaseView,
    typed: Typed,
    problems: Mapping[str, str],
    elsewhere: Mapping[str, str] | None = None,
) -> Page:
    """What an import read may be mended everywhere; else the station's name stays as it was."""
    number = str(case.values.get(NUMBER) or "无（导入的条目）")
    fixed = frozenset[str]() if "source" in case.values else FIXED
    return Page(case.form, typed, fixed, problems, elsewhere or {}, number)


def _with_refused(case: CaseView) -> dict[str, Any]:
    values = {**case.values, **case.refused_values}
    return {register: value for register, value in values.items() if value is not None}


def save_amendment(desk: Desk, station: Station, record: str) -> ResponseReturnValue:
    """Write what the clerk changed; not over something that arrived while the page lay open."""
    case = the_case(station, record)
    changes = read_changes(case.form, request.form, today(station))
    changes |= _sent_again(case)
    moved = _moved_meanwhile(station, case, changes)
    problems: dict[str, str] = {}
    if not moved:
        try:
            amend_entry(station, case.record, changes, case.registers)
        except StationError as error:
            problems = problems_of(case.form, error)
    if moved or problems:
        drafts.refused(desk, station)
        page = _amended_page(case, request.form, problems, moved)
        return _amendment_page(case, page, _was_now(case, moved))
    _kept(desk, station)
    flash(_amended(case, changes), "success")
    return redirect(url_for("inbox") if case.refusals or case.returned else back(record))


def _amended(case: CaseView, changes: Mapping[str, object]) -> str:
    if case.refusals:
        return "已改正并保存，会再次上报。" if changes else "已按原有内容保存，会再次上报。"
    return "修改已保存，原来的内容留在办理记录里。" if changes else "没有改动。"


def _sent_again(case: CaseView) -> dict[str, object]:
    """An application that the county sent back is submitted again by being corrected."""
    workflow = case.form.workflow
    if workflow is None:
        return {}
    now = case.values.get(workflow.field)
    if isinstance(now, dict) and case.form.may_move(str(now["state"]), SUBMITTED, "station"):
        return {workflow.field: case.form.moved(now, SUBMITTED, "station")}
    return {}


def _moved_meanwhile(
    station: Station, case: CaseView, changes: Mapping[str, object]
) -> dict[str, str]:
    """Register → what it says now, for what both the clerk and somebody else changed."""
    form, day = case.form, today(station)
    shown = read(form, Typed(_was_of(request.form)), day)
    now = read(form, fill(form, case.values), day)
    return {
        register: show_register(form, register, case.values.get(register)) or "（空白）"
        for register, wanted in changes.items()
        if shown.get(register) != now.get(register) != wanted
    }


def _was_now(case: CaseView, moved: Mapping[str, str]) -> list[tuple[str, str]]:
    """What the page compares with from now on: for what moved, the value that it has just told."""
    now = fill(case.form, case.values)
    kept = [(name, text) for name, text in _was_of(request.form) if not _belongs(name, moved)]
    return kept + [(name, text) for name, text in now.items(multi=True) if _belongs(name, moved)]


def _belongs(name: str, registers: Iterable[str]) -> bool:
    """Whether an input is one of these registers, or a column of one."""
    return any(name == register or name.startswith(f"{register}/") for register in registers)


def _was_of(typed: Typed) -> list[tuple[str, str]]:
    return [
        (name.removeprefix("was."), text)
        for name, text in typed.items(multi=True)
        if name.startswith("was.")
    ]


def void(desk: Desk, station: Station, record: str) -> ResponseReturnValue:
    case = the_case(station, record)
    try:
        void_entry(station, case.record, request.form.get("reason", ""))
    except StationError as error:
        flash(" ".join(problems_of(case.form, error).values()), "danger")
    else:
        _kept(desk, station)
        flash("已作废。这一条仍留在台账里，注明作废原因。", "success")
    return redirect(back(record))


def convert(desk: Desk, station: Station, record: str) -> str:
    """A proxy case that begins with what the helper case says: nothing is typed twice."""
    helper = the_case(station, record)
    form = station.forms.latest("proxy_case")
    carried = {key: helper.values[key] for key in CARRIED if key in helper.values}
    values = {**_defaults(desk, station, form.name), **carried}
    values |= {"principal": carried.get("applicant_name"), "scope": carried.get("task_name")}
    draft = drafts.kept(desk, station)
    page = Page(form, draft or fill(form, values), fixed=FIXED)
    return _entry_page(page, CONVERT_TITLE, (), back(record), draft is not None)


CONVERT_TITLE = "帮办转代办"


def save_conversion(desk: Desk, station: Station, record: str) -> ResponseReturnValue:
    helper = the_case(station, record)
    form = station.forms.latest("proxy_case")
    values = read(form, request.form, today(station))
    try:
        with desk.once(drafts.form_id()) as is_first:
            proxy = convert_case(station, helper.record, values) if is_first else None
    except StationError as error:
        drafts.refused(desk, station)
        page = Page(form, request.form, fixed=FIXED, problems=problems_of(form, error))
        return _entry_page(page, CONVERT_TITLE, (), back(record))
    return _saved(desk, station, proxy, values)


def search_items(desk: Desk, station: Station) -> ResponseReturnValue:
    """The catalogue for the search under a field: what each input of the form is filled with."""
    items = find_items(station, request.args.get("q", "")[:100])
    return jsonify([_item(each.values) for each in items])


def _item(values: Mapping[str, Any]) -> dict[str, str]:
    limit = values.get("promised_limit")
    shown = {key: "" if value is None else str(value) for key, value in values.items()}
    for key in ("promised_limit", "legal_limit"):
        shown[key] = "即办" if values.get(key) == 0 else shown.get(key, "")
    words = "" if limit is None else "即办" if limit == 0 else f"{limit}个工作日"
    parts = (shown.get("department", ""), words, shown.get("item_code", ""))
    return {**shown, "about": " · ".join(part for part in parts if part)}


def the_case(station: Station, record: str) -> CaseView:
    """The case that an address names. Errors: record.unknown; an address that is none is a 404."""
    try:
        return show_case(station, bytes.fromhex(record))
    except ValueError:
        abort(404)


def back(record: str) -> str:
    return url_for("case", record=record)


def today(station: Station) -> date:
    return china_time.day(station.now_ms())


def problems_of(form: Form, error: StationError) -> dict[str, str]:
    """Register → words; what is no problem of the form stands at the top of the page."""
    found = error.facts.get("problems")
    return words_by_register(form, found) if isinstance(found, list) else {"": error.words()}


def _defaults(desk: Desk, station: Station, kind: str) -> dict[str, Any]:
    return desk_defaults(station, kind, window=desk.window or _last_window(station))


def _last_window(station: Station) -> str:
    """The window of the newest line: most desks have one."""
    newest = newest_line(station)
    return newest.cells[WINDOW] if newest else ""


def _entry_page(
    page: Page,
    title: str,
    was: list[tuple[str, str]] | tuple[()] = (),
    going_back: str = "",
    restored: bool = False,
    refusals: Sequence[tuple[str, str]] = (),
    returned: str = "",
) -> str:
    typed_here = {f.id for f in page.form.fields if is_typed_here(f)}
    return render_template(
        "entry.html",
        page=page,
        title=title,
        under=page.form.title,
        save="保存",
        was=[(name, text) for name, text in was if name.partition("/")[0] in typed_here],
        back=going_back or url_for("ledger"),
        restored=restored,
        refusals=[words for _, words in refusals],
        returned=returned,
        form_id=drafts.form_id(),
    )
