"""A courier file from a station: read here, its reply carried back. Sealed both ways, no person."""

from __future__ import annotations

import io

from flask import render_template, request, send_file
from flask.typing import ResponseReturnValue

from hub_server.accounts import Account
from hub_server.admin.signing_in import kept, show_once
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.pages.words import moment
from hub_server.services.answer_courier import FILE_BYTES, CourierAnswer, take_courier
from sync_protocol.errors import ProtocolError

BODY_BYTES = FILE_BYTES + 16 * 1024
"""A file at its bound, with the rest of its form around it."""
_REPLY = "courier"


def courier(hub: Hub, account: Account) -> ResponseReturnValue:
    return _page()


def read_courier(hub: Hub, account: Account) -> ResponseReturnValue:
    """What it brought, and the reply to download; kept by this visit alone, in memory."""
    upload = request.files.get("file")
    try:
        answer = take_courier(hub, account, upload.read() if upload else b"")
    except HubError as refused:
        return _page(refused=refused), 400
    except ProtocolError as fault:
        return _page(refused=fault), 400
    day = moment(hub.now_ms()).replace(" ", "-").replace(":", "")
    name = f"回执包-{answer.station_name}-电脑{answer.device_number}-{day}.bianmin"
    show_once(_REPLY, (name, answer.reply))
    return _page(answer)


def _page(
    answer: CourierAnswer | None = None, refused: HubError | ProtocolError | None = None
) -> str:
    return render_template("admin/courier.html", answer=answer, refused=refused)


def reply(hub: Hub, account: Account) -> ResponseReturnValue:
    found = kept(_REPLY)
    if not isinstance(found, tuple):
        raise HubError("courier.no_reply")
    name, content = found
    return send_file(
        io.BytesIO(content),
        mimetype="application/octet-stream",
        as_attachment=True,
        download_name=name,
    )
