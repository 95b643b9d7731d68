"""How reporting to the county stands, in a clerk's words; an exchange now; courier files."""

import io

from flask import Response, flash, jsonify, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue

from station_client.errors import StationError
from station_client.services import china_time
from station_client.services.carry_courier import read_reply, write_request
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


def courier_out(desk: Desk, station: Station) -> Response:
    """What waits to be reported, sealed, as a file to carry."""
    day = china_time.day(station.now_ms())
    return send_file(
        io.BytesIO(write_request(station)),
        mimetype="application/octet-stream",
        as_attachment=True,
        download_name=f"同步包-{station.name}-{day}.bianmin",
    )


def courier_in(desk: Desk, station: Station) -> ResponseReturnValue:
    upload = request.files.get("file")
    try:
        done = read_reply(station, upload.read() if upload else b"")
    except StationError as error:
        flash(error.words(), "danger")
    else:
        flash(f"回执包已读入：确认 {done.pushed} 条，收到 {done.pulled} 条。", "success")
    return redirect(url_for("status"))
