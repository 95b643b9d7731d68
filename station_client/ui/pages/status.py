"""How reporting to the county stands, in a clerk's words; an exchange now."""

from flask import Response, flash, jsonify, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from station_client.errors import StationError
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.read_status import read_status
from station_client.station import Station
from station_client.ui.desk import Desk
from station_client.ui.lamp import lamp_for, lamp_of

MINUTES_WORTH_TELLING = 3
"""A clock that is off by less is no matter for a ledger."""


def show(desk: Desk, station: Station) -> str:
    found = read_status(station)
    minutes_off = round((found.clock_offset_ms or 0) / 60_000)
    return render_template(
        "status.html",
        status=found,
        advice=lamp_for(found).advice,
        minutes_off=minutes_off if abs(minutes_off) >= MINUTES_WORTH_TELLING else 0,
    )


def lamp(desk: Desk, station: Station) -> Response:
    """The lamp's colour and words, asked by the page's timer."""
    found = lamp_of(station)
    return jsonify({"colour": found.colour, "words": found.words})


def sync_now(desk: Desk, station: Station) -> ResponseReturnValue:
    try:
        done = exchange_with_hub(station)
    except StationError as error:
        kind = "info" if error.code == "exchange.under_way" else "danger"
        flash(f"{error.words()}已登记的内容都在本机，不会丢失。", kind)
    else:
        flash(f"同步完成：上报 {done.pushed} 条，收到 {done.pulled} 条。", "success")
    return redirect(url_for("status"))
