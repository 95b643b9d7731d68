"""The exchange on a stick: make the file, read what the county gave back, see what is open."""

import io

from flask import Response, flash, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue

from station_client.errors import StationError
from station_client.services import china_time
from station_client.services.carry_courier import read_courier, read_reply, write_request
from station_client.services.exchange_with_hub import Outcome
from station_client.services.read_status import read_status
from station_client.station import Station
from station_client.ui.desk import Desk


def show(desk: Desk, station: Station) -> str:
    return render_template("courier.html", state=read_courier(station), status=read_status(station))


def carry_out(desk: Desk, station: Station) -> Response:
    """What waits to be reported, sealed, as a file to carry."""
    moment = china_time.moment(station.now_ms())
    return send_file(
        io.BytesIO(write_request(station)),
        mimetype="application/octet-stream",
        as_attachment=True,
        download_name=f"同步包-{station.name}-{moment:%Y-%m-%d-%H%M}.bianmin",
    )


def carry_in(desk: Desk, station: Station) -> ResponseReturnValue:
    upload = request.files.get("file")
    data = upload.read() if upload else b""
    try:
        if not data:
            raise StationError("courier.no_file")
        flash(_words(read_reply(station, data)), "success")
    except StationError as error:
        flash(error.words(), "danger")
    return redirect(url_for("courier"))


def _words(done: Outcome) -> str:
    refused = f"其中未被接受 {done.refused} 条，" if done.refused else ""
    return f"回执包已读入：县级确认 {done.pushed} 条，{refused}收到 {done.pulled} 条。"
