"""The end of a closed station's PC: what stands against it, and the two ways to end it."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from station_client.errors import StationError
from station_client.services.list_inbox import list_inbox
from station_client.services.read_status import read_status
from station_client.services.retire import ended_words, may_retire, seal_store
from station_client.station import Station
from station_client.ui.desk import Desk


def show(desk: Desk, station: Station) -> str:
    obstacles = may_retire(station)
    return render_template(
        "retire.html",
        code=station.certificate.station_code,
        status=read_status(station),
        obstacles=obstacles,
        may_seal=all(each.allows_sealing for each in obstacles),
        open_matters=sum(each.actor == "clerk" for each in list_inbox(station)),
    )


def seal(desk: Desk, station: Station) -> ResponseReturnValue:
    try:
        done = seal_store(station, request.form.get("confirmation", ""))
    except StationError as error:
        flash(error.words(), "danger")
    else:
        flash("".join(ended_words("seal", done)), "success")
    return redirect(url_for("retire"))


def erase(desk: Desk, station: Station) -> ResponseReturnValue:
    """Once it is done there is no station: what follows is the first set-up of a fresh folder."""
    try:
        done = desk.erase(station, request.form.get("confirmation", ""))
    except StationError as error:
        flash(error.words(), "danger")
        return redirect(url_for("retire"))
    desk.end()
    flash("".join(ended_words("erase", done)), "success")
    return redirect(url_for("setup"))
