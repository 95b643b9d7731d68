"""The people of the desk: who can unlock it; one comes, one leaves, one changes the PIN."""

from http import HTTPStatus

from flask import abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from station_client.errors import StationError
from station_client.services.add_clerk import add_clerk
from station_client.services.change_secret import change_secret
from station_client.services.list_clerks import list_clerks
from station_client.services.remove_clerk import remove_clerk
from station_client.station import Station
from station_client.ui.desk import Desk


def show(desk: Desk, station: Station) -> str:
    return _page(station)


def add(desk: Desk, station: Station) -> ResponseReturnValue:
    name, secret = request.form.get("name", "").strip(), request.form.get("secret", "")
    if secret != request.form.get("again", ""):
        return _page(station, name, "两次输入的不一样，请重新输入。")
    try:
        add_clerk(station, name, secret)
    except StationError as error:
        return _page(station, name, error.words())
    flash(f"已添加{name}，现在可以用自己的{_word(station)}解锁。", "success")
    return redirect(url_for("clerks"))


def remove(desk: Desk, station: Station, clerk: str) -> ResponseReturnValue:
    """Somebody else; nobody locks themselves out by this."""
    leaver = next((each for each in list_clerks(station) if each.id.hex() == clerk), None)
    if leaver is None or leaver.is_here:
        abort(HTTPStatus.NOT_FOUND)
    remove_clerk(station, leaver.id)
    desk.sync_soon()
    who = leaver.name or f"工作人员 {leaver.slot_number} "
    flash(f"已停用{who}在这台电脑的解锁。以前的登记仍写明是谁办的。", "success")
    return redirect(url_for("clerks"))


def change(desk: Desk, station: Station) -> ResponseReturnValue:
    """Another PIN for the clerk at the desk."""
    old, new = request.form.get("old", ""), request.form.get("new", "")
    if new != request.form.get("new_again", ""):
        return _page(station, change_problem="两次输入的不一样，请重新输入。")
    try:
        change_secret(station, old, new)
    except StationError as error:
        return _page(station, change_problem=error.words())
    flash(f"{_word(station)}已更换，下次解锁请用新的。", "success")
    return redirect(url_for("clerks"))


def _page(station: Station, name: str = "", problem: str = "", change_problem: str = "") -> str:
    return render_template(
        "clerks.html",
        change_problem=change_problem,
        people=list_clerks(station),
        name=name,
        problem=problem,
        mode=station.vault.mode,
        word=_word(station),
    )


def _word(station: Station) -> str:
    return "口令" if station.vault.mode == "passphrase" else "PIN"
