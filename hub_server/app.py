"""The only wiring of the hub: a folder → `Hub` → a Flask application with its pages.

`make_hub` makes a folder once, `open_hub` opens it (`hub_in` and `begin`, where a restore is to be
declared in between), `create_app` serves it.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from flask import Flask, request
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from werkzeug.exceptions import HTTPException, RequestEntityTooLarge

import forms
from hub_server import admin, api, outside_journal, public, witness
from hub_server.api.routes import say_code
from hub_server.errors import HubError
from hub_server.hub import EPOCH, Hub
from hub_server.keys import make_keys, read_keys
from hub_server.outside_journal import EpochDrawn, OutsideJournal
from hub_server.pages.answers import explain_http
from hub_server.pages.safety import is_by_station, prepare
from hub_server.services.accounts import keep_account, new_account
from hub_server.services.draw_epoch import WITNESSED, notice_restore
from hub_server.services.enrol_station import new_channel
from hub_server.services.judge_again import judge_new_forms
from hub_server.services.withdraw import replay_journal
from hub_server.store import Store
from hub_server.witness import Witness
from sync_protocol import crypto, limits

DATABASE = "hub.db"
_LONGEST_NAME = 100
_REGION = re.compile(r"[0-9]{6}", re.ASCII)


def clock_ms() -> int:
    """The hub's clock: ms since 1970 UTC."""
    return time.time_ns() // 1_000_000


def make_hub(
    home: Path,
    name: str,
    region: str,
    now_ms: Callable[[], int] = clock_ms,
    environment: Mapping[str, str] = os.environ,
    admin: tuple[str, str] | None = None,
) -> Hub:
    """Makes a hub in a folder that holds none; `admin`: name and password of the first account.

    What an interrupted attempt left is completed. HubError `hub.*`, `account.*`.
    """
    _check_not_emptied(home)
    if not 0 < len(name.strip()) <= _LONGEST_NAME:
        raise HubError("hub.name_form")
    if _REGION.fullmatch(region) is None:
        raise HubError("hub.region_form")
    first = new_account(*admin, "admin", region) if admin else None
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = make_keys(home, environment)
    store = _store(home, keys.database, environment)
    if store.meta(EPOCH) is not None:
        store.close()
        raise HubError("hub.exists", folder=home)
    (home / DATABASE).chmod(0o600)
    epoch = os.urandom(16)
    outside = OutsideJournal(outside_journal.path_of(home, environment))
    hub = Hub(home, store, keys.hub, forms.builtin(), now_ms, name, region, outside)
    outside.add(EpochDrawn(epoch, now_ms()))
    with store.writing():
        store.set_meta("name", name.encode())
        store.set_meta("region", region.encode())
        store.set_meta(EPOCH, epoch)
        store.set_meta(WITNESSED, b"1")
        new_channel(hub, "office", region)
        new_channel(hub, "region", region)
        if first is not None:
            keep_account(hub, None, *first)
    return hub


def open_hub(
    home: Path,
    now_ms: Callable[[], int] = clock_ms,
    environment: Mapping[str, str] = os.environ,
) -> Hub:
    """The hub in a folder, ready to answer. HubError as `hub_in` has them."""
    hub = hub_in(home, now_ms, environment)
    begin(hub)
    return hub


def begin(hub: Hub) -> None:
    """Before it answers anybody, the hub repeats what no restore may undo, and judges what waited
    for a form that came with this program."""
    replay_journal(hub)
    judge_new_forms(hub)


def hub_in(
    home: Path,
    now_ms: Callable[[], int] = clock_ms,
    environment: Mapping[str, str] = os.environ,
) -> Hub:
    """The hub in a folder, which looked whether it was restored and has not begun yet: a restore
    that only a person knows of is declared before anything else is written.

    HubError `hub.missing`, `hub.emptied`, `hub.key_file`, `hub.database`, `hub.journal`.
    """
    if not (home / DATABASE).exists():
        raise HubError("hub.missing", folder=home)
    _check_not_emptied(home)
    keys = read_keys(home, environment)
    store = _store(home, keys.database, environment)
    name, region, epoch = (store.meta(each) for each in ("name", "region", EPOCH))
    if name is None or region is None or epoch is None:
        store.close()
        raise HubError("hub.missing", folder=home)
    outside = OutsideJournal(outside_journal.path_of(home, environment))
    facts = (name.decode(), region.decode())
    hub = Hub(home, store, keys.hub, forms.builtin(), now_ms, *facts, outside)
    notice_restore(hub)
    return hub


def _store(home: Path, key: bytes, environment: Mapping[str, str]) -> Store:
    return Store(home / DATABASE, key, Witness(witness.path_of(home, environment)))


def _check_not_emptied(home: Path) -> None:
    """What is empty was a database; the engine would make a new one. HubError `hub.emptied`."""
    path = home / DATABASE
    if path.exists() and path.stat().st_size == 0:
        raise HubError("hub.emptied", folder=home, file=path.name)


def create_app(hub: Hub, trusted_hosts: Sequence[str] = ()) -> Flask:
    """The application that serves a hub: the sync API and the pages.

    `trusted_hosts`: the host names under which the hub answers; empty: any.
    """
    app = Flask(__name__, static_folder=None, static_url_path="/static")
    app.config["MAX_CONTENT_LENGTH"] = limits.REQUEST_BYTES
    Limiter(get_remote_address, app=app, storage_uri="memory://", headers_enabled=False)
    app.register_error_handler(HTTPException, _http_error)
    app.register_error_handler(HubError, lambda error: say_code(error.code, **error.facts))
    secret = crypto.digest(b"bianmin/cookies", hub.keys.sealing)
    prepare(app, secret, trusted_hosts)
    for rooms in (api, admin, public):
        rooms.register(app, hub)
    return app


def _http_error(error: HTTPException) -> ResponseReturnValue:
    """Never a stack trace: a code and words for stations, a page for people."""
    if not is_by_station(request):
        return explain_http(error)
    if isinstance(error, RequestEntityTooLarge):
        return say_code("request.too_large", limit=request.max_content_length)
    known = {404: "request.not_found", 405: "request.not_allowed", 429: "request.too_many"}
    status = error.code or 500
    return say_code(known.get(status, "request.unreadable" if status < 500 else "hub.fault"))
