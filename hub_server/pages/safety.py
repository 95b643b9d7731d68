"""Everything that keeps a browser honest: CSRF, cookies, headers, allowed hosts, body sizes.

No page has an inline script or style, so the content policy needs no exception.
"""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, Flask, Request, Response, current_app, request
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface
from flask_bootstrap import Bootstrap5
from flask_wtf.csrf import CSRFProtect
from werkzeug.routing import BaseConverter

from hub_server.pages.words import add_filters

BODY_BYTES = 512 * 1024
"""The largest page form: two long texts and a seal of 150 kB are well below."""

_POLICY = "; ".join(
    [
        "default-src 'none'",
        "style-src 'self'",
        "script-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    ]
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


_NEVER_RENDERED = {"X-Content-Type-Options": "nosniff"}
"""Of the sync API, which answers on thin lines."""


class _Cookies(SecureCookieSessionInterface):
    """Secure wherever the request came over TLS; a hub on loopback has none. A station has none at
    all: it signs what it asks."""

    def open_session(self, app: Flask, request: Request) -> SecureCookieSession | None:
        return None if is_by_station(request) else super().open_session(app, request)

    def get_cookie_secure(self, app: Flask) -> bool:
        return request.is_secure


class _Id(BaseConverter):
    """16 raw bytes, 32 hex digits in an address."""

    regex = "[0-9a-f]{32}"

    def to_python(self, value: str) -> bytes:
        return bytes.fromhex(value)

    def to_url(self, value: bytes) -> str:
        return value.hex()


def prepare(app: Flask, secret: bytes, trusted_hosts: Sequence[str] = ()) -> None:
    """Make ``app`` ready for pages. ``secret`` signs cookies: 32 bytes, the same after a restart.

    ``trusted_hosts``: the names by which browsers may address the hub; empty: any.
    """
    app.config.update(
        SECRET_KEY=secret,
        SESSION_COOKIE_NAME="bianmin_hub",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        TRUSTED_HOSTS=list(trusted_hosts) or None,
        WTF_CSRF_CHECK_DEFAULT=False,  # stations sign their requests; `protect` guards the pages
        WTF_CSRF_TIME_LIMIT=None,  # a token lives as long as its session
        BOOTSTRAP_SERVE_LOCAL=True,
    )
    app.session_interface = _Cookies()
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    Bootstrap5(app)
    CSRFProtect(app)
    add_filters(app)
    app.url_map.converters["id"] = _Id
    app.register_blueprint(_look())
    app.after_request(_add_headers)


def _look() -> Blueprint:
    """The templates, the style sheet and the script that all pages share."""
    return Blueprint(
        "pages",
        "hub_server.pages",
        template_folder="templates",
        static_folder="static",
        static_url_path="/look",
    )


def address() -> str:
    """Who asks, as far as the network says."""
    return request.remote_addr or "unknown"


def protect(body_bytes: int) -> None:
    """Before every page: a bound on the body, and the token of a form that changes something."""
    request.max_content_length = body_bytes
    current_app.extensions["csrf"].protect()


def is_by_station(asked: Request) -> bool:
    """Whether no browser reads the answer."""
    return asked.path.startswith("/sync/")


def _add_headers(response: Response) -> Response:
    headers = _NEVER_RENDERED if is_by_station(request) else _HEADERS
    for name, value in headers.items():
        response.headers.setdefault(name, value)
    if request.endpoint is None or not request.endpoint.endswith("static"):
        response.headers["Cache-Control"] = "no-store"
    return response
