"""Who may talk to the pages: this user's own browser, started by this program, and nobody else.

Other users of the PC, pages of other sites, and names that were re-bound to 127.0.0.1 can all reach
a loopback port. What they cannot do: read the launch token, send our cookie, be our origin.

Knows Flask; knows nothing of stations, clerks or cases.
"""

import hmac
import secrets
from http import HTTPStatus

from flask import Flask, Response, abort, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFProtect

ADDRESS = "127.0.0.1"
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
OPEN_ENDPOINTS = {"static", "bootstrap.static", "enter"}
"""What is answered without our cookie: style sheets and scripts of the program, and the way in."""
SAFE_METHODS = {"GET", "HEAD"}
REQUEST_BYTES = 32 * 1024 * 1024
"""The largest body: a year's ledger as a spreadsheet, with room to spare."""
FORM_PARTS = 5_000
FORM_TEXT_BYTES = 2 * 1024 * 1024


class Guard:
    """The checks of one running program that listens on `port` of 127.0.0.1."""

    def __init__(self, port: int) -> None:
        self.host = f"{ADDRESS}:{port}"
        self._port = port
        self._launch_tokens: set[str] = set()
        self._session_id = ""

    def mint(self) -> str:
        """A launch token that opens the pages once, for the URL the program opens itself."""
        token = secrets.token_urlsafe(32)
        self._launch_tokens.add(token)
        return token

    def enter(self, token: str) -> bool:
        """Use up a launch token: its browser gets the one session, any other loses it."""
        known = [kept for kept in self._launch_tokens if hmac.compare_digest(kept, token)]
        if not known:
            return False
        self._launch_tokens.difference_update(known)
        self.renew()
        return True

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
            WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a form may lie open all day
        )
        app.before_request(self._check_place)
        app.before_request(self._check_session)
        CSRFProtect(app)
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
        if not self._session_id or not hmac.compare_digest(shown, self._session_id):
            abort(HTTPStatus.UNAUTHORIZED)
        g.is_admitted = True


def is_admitted() -> bool:
    """Whether this request passed every check: a page of refusal tells nothing of the station."""
    return bool(g.get("is_admitted"))


def _mark(response: Response) -> Response:
    response.headers.update(HEADERS)
    if request.endpoint in {"static", "bootstrap.static"}:
        response.headers["Cache-Control"] = "private, max-age=3600"  # nothing of anybody in them
    return response


def enter_page(guard: Guard, token: str) -> ResponseReturnValue:
    """The way in: the launch token becomes a cookie, and leaves the address bar."""
    if not guard.enter(token):
        abort(HTTPStatus.UNAUTHORIZED)
    return redirect(url_for("ledger"))
