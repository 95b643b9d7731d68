"""The register of stations, one station, and the codes that turn a PC into one of its own."""

from __future__ import annotations

from flask import redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from forms import Form
from forms.values import show
from hub_server.accounts import Account
from hub_server.admin.signing_in import show_once, take_once
from hub_server.hub import Hub
from hub_server.pages.words import today
from hub_server.services.issue_code import VALID_MS, issue_code
from hub_server.services.list_stations import StationLine, list_stations, show_station


def stations(hub: Hub, account: Account) -> ResponseReturnValue:
    lines = list_stations(hub, account)
    return render_template(
        "admin/stations.html",
        lines=[(line, _shown(_card(hub), line)) for line in lines],
        today=today(hub.now_ms()),
    )


def station(hub: Hub, account: Account, code: str) -> ResponseReturnValue:
    line = show_station(hub, account, code)
    form = _card(hub)
    shown = _shown(form, line)
    card = [(field.label, shown[field.id]) for field in form.fields]
    return render_template("admin/station.html", line=line, shown=shown, card=card)


def _card(hub: Hub) -> Form:
    return hub.forms.latest("station_card")


def _shown(form: Form, line: StationLine) -> dict[str, str]:
    return {field.id: show(form, field, line.card.get(field.id)) for field in form.fields}


def issue(hub: Hub, account: Account, code: str) -> ResponseReturnValue:
    """A further code, for a second PC or one that replaces another."""
    show_once(code, issue_code(hub, account, code))
    return redirect(url_for("admin.slip", code=code), 303)


def slip(hub: Hub, account: Account, code: str) -> ResponseReturnValue:
    """The code just made, a single time."""
    line = show_station(hub, account, code)
    return render_template(
        "admin/code.html",
        station=line,
        code=take_once(code),
        expires_at=hub.now_ms() + VALID_MS,
    )
