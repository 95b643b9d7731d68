"""A conflict, its sides beside each other, to choose from."""

from http import HTTPStatus

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from station_client.errors import StationError
from station_client.services.list_conflicts import Conflict, list_conflicts
from station_client.services.settle_conflict import settle_conflict
from station_client.services.show_case import show_case
from station_client.station import Station
from station_client.ui import paper
from station_client.ui.desk import Desk


def show(desk: Desk, station: Station, record: str, register: str) -> ResponseReturnValue:
    found = _find(station, record, register)
    if found is None:
        flash("这处冲突已经处理好了。", "success")
        return redirect(url_for("inbox"))
    case = show_case(station, found.record)
    return render_template(
        "conflict.html",
        conflict=found,
        record=record,
        case=case,
        rows=paper.rows(case.form, case.values),
    )


def settle(desk: Desk, station: Station, record: str, register: str) -> ResponseReturnValue:
    """Choose a side. What has moved on since the page was made is shown again, not overwritten."""
    try:
        chosen = bytes.fromhex(request.form.get("side", ""))
        seen = tuple(bytes.fromhex(name) for name in request.form.getlist("seen"))
        settle_conflict(station, bytes.fromhex(record), register, chosen, seen)
    except ValueError:
        abort(HTTPStatus.BAD_REQUEST)
    except StationError as error:
        flash(error.words(), "danger")
        if error.code == "conflict.unknown":
            return redirect(url_for("inbox"))
        return redirect(url_for("conflict", record=record, register=register))
    desk.sync_soon()
    flash("冲突已处理，选择会随下一次同步上报。两边的内容都留在办理记录里。", "success")
    return redirect(url_for("inbox"))


def _find(station: Station, record: str, register: str) -> Conflict | None:
    for each in list_conflicts(station):
        if (each.record.hex(), each.register) == (record, register):
            return each
    return None
