"""The way in: first set-up, unlock, lock. Knows the vault's clerks by number, never by name."""

from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from station_client.device_secret import find_or_create
from station_client.errors import StationError
from station_client.station import Station
from station_client.ui.desk import Desk, Enrolment
from station_client.ui.guard import Guard
from station_client.ui.pages.drafts import own_path
from station_client.vault import Vault, is_lost

NOT_REACHED = frozenset(
    f"transport.{cause}"
    for cause in (
        "bad_proxy",
        "bad_status",
        "captive_portal",
        "cut_short",
        "down",
        "timeout",
        "too_slow",
    )
)


def show_unlock(desk: Desk, guard: Guard) -> ResponseReturnValue:
    if not desk.home.vault.exists() and not is_lost(desk.home):
        return redirect(url_for("setup"))
    if desk.current() is not None:
        return redirect(own_path(request.args.get("next", "/")))
    return _unlock_page(desk, request.args.get("next", "/"))


def try_unlock(desk: Desk, guard: Guard) -> ResponseReturnValue:
    """Open the desk with a PIN; the browser then gets another session."""
    going_on = own_path(request.form.get("next", "/"))
    chosen = request.form.get("clerk", "")
    try:
        clerk = bytes.fromhex(chosen) if chosen else None
        desk.open_with(desk.unlock(request.form.get("secret", ""), clerk))
    except StationError as error:
        if error.code == "station.not_enrolled":  # an earlier set-up did not end
            desk.is_unfinished = True
            flash(error.words(), "warning")
            return redirect(url_for("setup"))
        return _unlock_page(desk, going_on, chosen=chosen, problem=error.words())
    guard.renew()
    return redirect(going_on)


def _unlock_page(desk: Desk, going_on: str, **more: Any) -> str:
    vault = Vault.open(desk.home)
    clerks = [(clerk.hex(), vault.slot_number(clerk)) for clerk in vault.clerk_ids()]
    return render_template(
        "unlock.html",
        next=going_on,
        clerks=clerks,
        mode=vault.mode,
        has_draft=desk.draft(desk.last_clerk, going_on) is not None,
        **more,
    )


def lock(desk: Desk, station: Station) -> ResponseReturnValue:
    desk.lock()
    return redirect(url_for("unlock"))


def show_setup(desk: Desk, guard: Guard) -> ResponseReturnValue:
    if is_lost(desk.home) or (desk.home.vault.exists() and not desk.is_unfinished):
        return redirect(url_for("unlock"))
    return _setup_page(desk)


def try_setup(desk: Desk, guard: Guard) -> ResponseReturnValue:
    """Enrol this PC with the county, its first clerk with it. Nothing is kept if that fails."""
    typed = request.form
    asked = Enrolment(
        hub_url=typed.get("hub_url", "").strip(),
        code=typed.get("code", "").strip(),
        name=typed.get("name", "").strip(),
        secret=typed.get("secret", ""),
    )
    if asked.secret != typed.get("again", ""):
        return _setup_page(desk, asked, "两次输入的不一样，请重新输入。")
    try:
        desk.open_with(desk.enrol(asked))
    except StationError as error:
        if error.code in NOT_REACHED:  # whose words speak of a desk that can go on without
            error = StationError("station.not_reached", cause=error.code)
        return _setup_page(desk, asked, error.words())
    guard.renew()
    return redirect(url_for("ledger"))


def _setup_page(desk: Desk, asked: Enrolment | None = None, problem: str = "") -> str:
    device = find_or_create(desk.home.id, create=True)
    return render_template(
        "setup.html",
        typed=asked or Enrolment("", "", "", ""),
        mode=device.mode,
        protection=device.words(),
        problem=problem,
        is_begun=desk.home.vault.exists(),
    )
