"""The station's applications to change or to close (Annexes B and C), and their state."""

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from station_client.errors import StationError
from station_client.services.apply_for_change import apply_for_change, known_of_station
from station_client.services.desk_defaults import desk_defaults
from station_client.services.list_applications import list_applications
from station_client.station import Station
from station_client.ui.desk import Desk
from station_client.ui.entry_form import Page, fill, read
from station_client.ui.pages import drafts
from station_client.ui.pages.cases import problems_of, today

KINDS = {"change": "station_change", "close": "station_close"}
TITLES = {"change": "变更申请", "close": "注销申请"}


def show_list(desk: Desk, station: Station) -> str:
    return render_template("applications.html", applications=list_applications(station))


def new(desk: Desk, station: Station, kind: str) -> str:
    form = station.forms.latest(_kind(kind))
    draft = drafts.kept(desk, station)
    known = {**desk_defaults(station, form.name), **known_of_station(station, form.name)}
    page = Page(form, draft or fill(form, known))
    return _page(page, kind, draft is not None)


def apply(desk: Desk, station: Station, kind: str) -> ResponseReturnValue:
    form = station.forms.latest(_kind(kind))
    try:
        with desk.once(drafts.form_id()) as is_first:
            if is_first:
                apply_for_change(station, form.name, read(form, request.form, today(station)))
    except StationError as error:
        drafts.refused(desk, station)
        return _page(Page(form, request.form, problems=problems_of(form, error)), kind, False)
    drafts.saved(desk, station)
    desk.sync_soon()
    flash(f"{TITLES[kind]}已提交，随下一次同步送到县级。审批结果会显示在这里。", "success")
    return redirect(url_for("applications"))


def _page(page: Page, kind: str, restored: bool) -> str:
    return render_template(
        "entry.html",
        page=page,
        title=TITLES[kind],
        under=page.form.title,
        save="提交",
        was=[],
        back=url_for("applications"),
        restored=restored,
        form_id=drafts.form_id(),
    )


def _kind(kind: str) -> str:
    return KINDS[kind] if kind in KINDS else abort(404)
