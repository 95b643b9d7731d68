"""What is held or refused at the stations, for operators without any person; the county's choice
about what is held for it, one by one with its contents, or many at once."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from hub_server.accounts import Account
from hub_server.admin.cases import named_channel
from hub_server.admin.paging import Page, asked_number, asked_size
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.pages.words import duration
from hub_server.services.decide_held import decide_held
from hub_server.services.list_undecided import list_undecided
from hub_server.services.show_undecided import UndecidedView
from hub_server.services.show_undecided import reveal_undecided as reveal
from hub_server.services.show_undecided import show_undecided as show
from sync_protocol.channel import Verdict

PHRASES = {"accepted": "已核实，收下", "refused": "经核实不予收下"}
_DONE = {"accepted": "已收下", "refused": "已退回"}
LOOKS = {Verdict.HELD: ("待核", "yellow"), Verdict.REFUSED: ("拒收", "red")}


def undecided(hub: Hub, account: Account) -> ResponseReturnValue:
    return _list(hub, account)


def _list(hub: Hub, account: Account, refused: str = "") -> str:
    station = request.values.get("station", "").strip()[:9]
    size, asked = asked_size(), asked_number()
    found, count = list_undecided(hub, account, station, size, (asked - 1) * size)
    page = Page("admin.undecided", {"station": station}, count, size, asked)
    if page.number != asked:  # the list grew shorter than the page that was asked for
        found, _ = list_undecided(hub, account, station, size, page.offset)
    now = hub.now_ms()
    return render_template(
        "admin/undecided.html",
        lines=[(each, duration(now - each.since)) for each in found],
        page=page,
        station=station,
        looks=LOOKS,
        phrases=PHRASES,
        typed=request.form,
        ticked=request.form.getlist("operation"),
        refused=refused,
    )


def decide_undecided(hub: Hub, account: Account) -> ResponseReturnValue:
    """Of each station all that was chosen, or nothing of it; the page says where it stopped."""
    verdict, reason = request.form.get("verdict", ""), request.form.get("reason", "")
    chosen = _chosen()
    done = 0
    try:
        if not chosen:
            raise HubError("undecided.none_chosen")
        for channel, identities in chosen.items():
            done += decide_held(hub, account, channel, identities, verdict, reason)
    except HubError as refusal:
        if refusal.code == "undecided.unknown":
            raise
        before = f"{_DONE[verdict]} {done} 项。" if done else ""
        return _list(hub, account, before + refusal.words()), refusal.status
    flash(f"{_DONE[verdict]} {done} 项，将在下次同步时送达站点。")
    return redirect(url_for("admin.undecided", station=request.form.get("station") or None), 303)


def _chosen() -> dict[bytes, list[bytes]]:
    """Channel → identities that were ticked."""
    found: dict[bytes, list[bytes]] = {}
    for text in request.form.getlist("operation"):
        channel, _, identity = text.partition("/")
        try:
            found.setdefault(bytes.fromhex(channel), []).append(bytes.fromhex(identity))
        except ValueError as wrong:
            raise HubError("undecided.unknown") from wrong
    return found


def undecided_record(hub: Hub, account: Account, record: bytes) -> ResponseReturnValue:
    return _record(show(hub, account, record, named_channel()))


def reveal_undecided(hub: Hub, account: Account, record: bytes) -> ResponseReturnValue:
    """In full, this once; who looked and why stands in the audit trail."""
    reason = request.form.get("reason", "")
    return _record(reveal(hub, account, record, reason, named_channel()))


def _record(view: UndecidedView) -> str:
    return render_template("admin/undecided_record.html", view=view, looks=LOOKS, phrases=PHRASES)
