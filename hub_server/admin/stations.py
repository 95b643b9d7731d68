"""The register of stations, one station, and the codes that turn a PC into one of its own."""

from __future__ import annotations

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from forms import Form
from forms.values import show
from hub_server.accounts import Account
from hub_server.admin.paging import OF_STATIONS, Page, asked_number, asked_size
from hub_server.admin.signing_in import show_once, take_once
from hub_server.hub import Hub
from hub_server.pages.words import today
from hub_server.permissions import allows
from hub_server.services.issue_code import VALID_MS, issue_code
from hub_server.services.list_stations import StationLine, list_stations, show_station
from hub_server.services.show_record import HistoryLine, show_history

LAMPS = {"red": "协议已到期", "yellow": "尚未启用电脑", "green": "正常", "grey": "已注销"}
_ORDER = list(LAMPS)


def stations(hub: Hub, account: Account) -> ResponseReturnValue:
    day, form = today(hub.now_ms()), _card(hub)
    every = [(line, _colour(line, day)) for line in list_stations(hub, account)]
    every.sort(key=lambda each: (_ORDER.index(each[1]), each[0].code))
    chosen = {name: request.args.get(name, "").strip()[:50] for name in ("colour", "text")}
    text = chosen["text"]
    lines = [
        (line, colour)
        for line, colour in every
        if chosen["colour"] in ("", colour) and (text in line.name or text in line.code)
    ]
    page = Page("admin.stations", chosen, len(lines), asked_size(OF_STATIONS), asked_number())
    return render_template(
        "admin/stations.html",
        lines=[(line, colour, _shown(form, account, line)) for line, colour in page.cut(lines)],
        page=page,
        chosen=chosen,
        count=len(every),
        lamps=LAMPS,
    )


def _colour(line: StationLine, day: str) -> str:
    """What a station's entry in the register asks for."""
    if line.state == "closed":
        return "grey"
    if "" < str(line.card.get("agreement_valid_to") or "") < day:
        return "red"
    return "green" if line.computers else "yellow"


def station(hub: Hub, account: Account, code: str) -> ResponseReturnValue:
    line = show_station(hub, account, code)
    form = _card(hub)
    shown = _shown(form, account, line)
    return render_template(
        "admin/station.html",
        line=line,
        shown=shown,
        card=[(form.label(name), text) for name, text in shown.items()],
        history=_history(hub, account, line),
    )


def _history(hub: Hub, account: Account, line: StationLine) -> tuple[HistoryLine, ...]:
    """Who changed what of the card when (5.4.1.2), for whom may see the people of the county."""
    if not allows(account.role, "ledger.read"):
        return ()
    return show_history(hub, account, line.card_record, line.channel)


def _card(hub: Hub) -> Form:
    return hub.forms.latest("station_card")


def _shown(form: Form, account: Account, line: StationLine) -> dict[str, str]:
    """Field → text of what this account may see of a card: an operator nothing personal."""
    personal = allows(account.role, "ledger.read")
    fields = (field for field in form.fields if personal or not field.personal)
    return {field.id: show(form, field, line.card.get(field.id)) for field in fields}


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
