"""The people of the desk: who can unlock it, and adding a colleague."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from station_client.errors import StationError
from station_client.services.add_clerk import add_clerk
from station_client.services.list_clerks import list_clerks
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


def _page(station: Station, name: str = "", problem: str = "") -> str:
    return render_template(
        "clerks.html",
        people=list_clerks(station),
        name=name,
        problem=problem,
        mode=station.vault.mode,
        word=_word(station),
    )


def _word(station: Station) -> str:
    return "口令" if station.vault.mode == "passphrase" else "PIN"
