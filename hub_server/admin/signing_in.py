"""Signing in and out, and the guard before every page of the county.

The guard gives a view its hub and the account that asks; who may not is turned away here, before
anything is read. Where somebody may look is his region prefix: the services hold that.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import Flask, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from hub_server.accounts import Account
from hub_server.admin.visits import Visit, Visits
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.pages.routes import Guard, Route, View
from hub_server.pages.safety import address
from hub_server.permissions import allows, demand
from hub_server.services.accounts import find_account
from hub_server.services.sign_in import network_of, sign_in

_HOMES = (("application.list", "admin.inbox"), ("station.watch", "admin.watch"))
_REFUSED = "用户名或密码不正确。请重新输入；连续输错多次的，请等 15 分钟后再试。"
_REFUSALS = frozenset({"account.wrong_password", "account.locked"})
_KEPT = "kept."
"""Begins the names of what a form held whose visit had ended."""
_NOT_KEPT = frozenset({"csrf_token", "password"})


@dataclass(frozen=True)
class Visitor(UserMixin):
    """Who is signed in, as Flask-Login holds it: known by the visit, not by the account."""

    token: str
    visit: Visit
    account: Account

    def get_id(self) -> str:
        return self.token


def guard(app: Flask, hub: Hub) -> Guard:
    """Sets up Flask-Login for this hub and returns the guard of its pages."""
    visits = Visits()
    logins = LoginManager(app)
    logins.session_protection = None  # a desk's address changes; the visit is what ends

    @logins.user_loader
    def load(token: str) -> Visitor | None:
        visit = visits.find(token, hub.now_ms(), is_active="auto" not in request.args)
        account = find_account(hub, visit.account) if visit else None
        return Visitor(token, visit, account) if visit and account else None

    def bind(route: Route) -> View:
        if route.is_open or route.view is logout:
            return functools.partial(route.view, hub, visits)
        return functools.partial(_enter, hub, route)

    return bind


def _enter(hub: Hub, route: Route, **arguments: object) -> ResponseReturnValue:
    if not current_user.is_authenticated:
        if request.method != "GET":
            return _keep_typed()
        return redirect(url_for("admin.login", next=request.full_path), 303)
    if route.action:
        demand(current_user.account, route.action)
    return route.view(hub, current_user.account, **arguments)


def _keep_typed() -> ResponseReturnValue:
    """The visit ended while something was typed: it goes through the sign-in and may be sent then.

    Only a page of this browser's own session comes here: another's lacks the token.
    """
    typed = request.form.items(multi=True)
    kept = [(f"{_KEPT}{name}", text) for name, text in typed if name not in _NOT_KEPT]
    return render_template("admin/login.html", next=request.full_path, kept=kept), 401


def named_account() -> str:
    """Whose password is tried from where: every name is counted, also one that does not exist."""
    return f"account:{network_of(address())} {request.form.get('name', '').strip()[:100]}"


def login(hub: Hub, visits: Visits) -> ResponseReturnValue:
    """Wrong name, wrong password and a resting account read alike. A visit begins with a new id."""
    if request.method == "GET":
        return render_template("admin/login.html", next=request.args.get("next", ""))
    name, onward = request.form.get("name", ""), request.form.get("next", "")
    kept = [each for each in request.form.items(multi=True) if each[0].startswith(_KEPT)]
    try:
        account = sign_in(hub, name, request.form.get("password", ""), address())
    except HubError as refused:
        if refused.code not in _REFUSALS:
            raise
        told = {"refused": _REFUSED, "name": name, "next": onward, "kept": kept}
        return render_template("admin/login.html", **told), 401
    if current_user.is_authenticated:
        visits.end(current_user.token)
    session.clear()
    token, visit = visits.begin(account.id, hub.now_ms())
    login_user(Visitor(token, visit, account))
    if kept and _is_ours(onward):
        again = [(name.removeprefix(_KEPT), text) for name, text in kept]
        return render_template("admin/resume.html", onward=onward, again=again)
    return redirect(onward if _is_ours(onward) else url_for("admin.home"), 303)


def _is_ours(address: str) -> bool:
    """A path of this hub, and no other server's address in disguise."""
    parts = urlsplit(address)
    return address.startswith("/county") and not parts.netloc and "\\" not in address


def logout(hub: Hub, visits: Visits) -> ResponseReturnValue:
    if current_user.is_authenticated:
        visits.end(current_user.token)
    logout_user()
    session.clear()
    return redirect(url_for("admin.login"), 303)


def home(hub: Hub, account: Account) -> ResponseReturnValue:
    """Everybody begins where his work is."""
    for action, endpoint in _HOMES:
        if allows(account.role, action):
            return redirect(url_for(endpoint), 303)
    return redirect(url_for("admin.stations"), 303)


def show_once(name: str, content: object) -> None:
    """Keep something for the next page of this visit, in this process's memory only."""
    current_user.visit.once[name] = content


def kept(name: str) -> object | None:
    """What was kept, until something else is or the visit ends."""
    return current_user.visit.once.get(name)


def take_once(name: str) -> object | None:
    """What was kept, and no second time."""
    return current_user.visit.once.pop(name, None)
