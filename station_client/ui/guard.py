"""Who may talk to the pages: this user's own browser, started by this program, and nobody else.

Other users of the PC, pages of other sites, and names that were re-bound to 127.0.0.1 can all reach
a loopback port. What they cannot do: read the launch token, send our cookie, be our origin.

Knows Flask; knows nothing of stations, clerks or cases.
"""

import hmac
import secrets
from collections.abc import Callable
from http import HTTPStatus

from flask import Flask, Response, abort, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFProtect

from station_client import reopen
from station_client.reopen import ADDRESS

HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    # Not "no-referrer": under that policy browsers send `Origin: null` with our own forms too, and
    # the check of the origin below would be worth nothing. To other sites nothing goes either way.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
OPEN_ENDPOINTS = {"static", "bootstrap.static", "enter", "reopen"}
"""What is answered without our cookie: style sheets and scripts of the program, and the ways in."""
SAFE_METHODS = {"GET", "HEAD"}
REQUEST_BYTES = 32 * 1024 * 1024
"""The largest body: a year's ledger as a spreadsheet, with room to spare."""
FORM_PARTS = 5_000
FORM_TEXT_BYTES = 2 * 1024 * 1024


class Guard:
    """The checks of one running program that listens on `port` of 127.0.0.1.

    `reopen_key`: by which a second start of the program is known.
    """

    def __init__(self, port: int) -> None:
        self.host = f"{ADDRESS}:{port}"
        self.reopen_key = secrets.token_hex(32)
        self._port = port
        self._launch_token = ""
        self._session_id = ""
        self._csrf = CSRFProtect()

    def mint(self) -> str:
        """A launch token that opens the pages once, for the URL the program opens itself.

        The one before it, where nobody came in with it, opens nothing any more.
        """
        self._launch_token = secrets.token_urlsafe(32)
        return self._launch_token

    def enter(self, token: str) -> bool:
        """Use up the launch token: its browser gets the one session, any other loses it."""
        if not self._launch_token or not _same(self._launch_token, token):
            return False
        self._launch_token = ""
        self.renew()
        return True

    def reopen(self, data: bytes) -> bytes | None:
        """The answer to a second start of the program; None for anybody else."""
        return reopen.answer(self.reopen_key, data, self.mint)

    def renew(self) -> None:
        """Another session id and CSRF token: what was seen before unlock is worth nothing after."""
        self._session_id = secrets.token_urlsafe(32)
        session.clear()
        session["id"] = self._session_id

    def protect(self, app: Flask) -> None:
        """Check every request and mark every answer of `app`."""
        app.config.update(
            SECRET_KEY=secrets.token_bytes(32),
            # Cookies do not keep ports apart: two homes on one PC would overwrite each other's.
            SESSION_COOKIE_NAME=f"bianmin_{self._port}",
            SESSION_COOKIE_HTTPONLY=True,
            SESSION_COOKIE_SAMESITE="Strict",
            MAX_CONTENT_LENGTH=REQUEST_BYTES,
            MAX_FORM_PARTS=FORM_PARTS,
            MAX_FORM_MEMORY_SIZE=FORM_TEXT_BYTES,
            WTF_CSRF_CHECK_DEFAULT=False,  # checked with the session, below
            WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a form may lie open all day
        )
        app.before_request(self._check_place)
        app.before_request(self._check_session)
        self._csrf.init_app(app)
        app.after_request(_mark)

    def _check_place(self) -> None:
        """The right name, and asked by one of our own pages or by the address bar."""
        if request.host != self.host:
            abort(HTTPStatus.FORBIDDEN)
        if request.headers.get("Sec-Fetch-Site", "none") not in {"same-origin", "none"}:
            abort(HTTPStatus.FORBIDDEN)
        ours = f"http://{self.host}"
        if request.headers.get("Origin", ours) != ours:
            abort(HTTPStatus.FORBIDDEN)
        if request.method not in SAFE_METHODS and "Origin" not in request.headers:
            abort(HTTPStatus.FORBIDDEN)

    def _check_session(self) -> None:
        if request.endpoint in OPEN_ENDPOINTS:
            return
        shown = str(session.get("id", ""))
        if not self._session_id or not _same(shown, self._session_id):
            abort(HTTPStatus.UNAUTHORIZED)
        self._csrf.protect()
        g.is_admitted = True


def _same(one: str, other: str) -> bool:
    # As bytes: texts beyond ASCII cannot be compared in constant time.
    return hmac.compare_digest(one.encode(), other.encode())


def is_admitted() -> bool:
    """Whether this request passed every check: a page of refusal tells nothing of the station."""
    return bool(g.get("is_admitted"))


def _mark(response: Response) -> Response:
    response.headers.update(HEADERS)
    if request.endpoint in {"static", "bootstrap.static"}:
        response.headers["Cache-Control"] = "private, max-age=3600"  # nothing of anybody in them
    return response


def enter_page(guard: Guard, lock: Callable[[], None], token: str) -> ResponseReturnValue:
    """The way in: the launch token becomes a cookie, and leaves the address bar.

    Whoever comes in stands before the lock, also where the desk was left open in another browser.
    """
    if not guard.enter(token):
        abort(HTTPStatus.UNAUTHORIZED)
    lock()
    return redirect(url_for("ledger"))


def reopen_page(guard: Guard) -> ResponseReturnValue:
    """Asked by a second start of the program, which then opens a browser with the new token."""
    found = guard.reopen(request.get_data())
    return Response(found, mimetype="application/json") if found else abort(HTTPStatus.UNAUTHORIZED)
