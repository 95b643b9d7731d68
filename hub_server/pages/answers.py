"""Answers that every page gives alike: an error explained in words that say what to do next.

Whoever asks for what another county owns reads what he would read if it did not exist.
"""

from __future__ import annotations

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException, SecurityError

from hub_server.errors import STATUS, HubError

_PLAIN = "text/plain; charset=utf-8"
_HIDDEN = frozenset({"account.other_region"})
_OF_STATUS = {
    404: HubError("request.not_found"),
    405: HubError("request.not_allowed"),
    429: HubError("request.too_many"),
    500: HubError("hub.fault"),
}


def explain(error: HubError) -> ResponseReturnValue:
    """The page of an error: its words and its status."""
    if error.code in _HIDDEN or STATUS[error.code] == 404:
        error = HubError("request.not_found")
    return render_template("pages/error.html", error=error, back=_back()), error.status


def explain_http(error: HTTPException) -> ResponseReturnValue:
    """The same for what Flask itself refuses. Redirects pass."""
    if isinstance(error, CSRFError):
        return _again(HubError("request.page_expired"))
    if error.code == 429:
        return _again(_OF_STATUS[429])
    if isinstance(error, SecurityError):  # under a foreign host name no page can be drawn
        return HubError("request.unreadable").words(), error.code, {"Content-Type": _PLAIN}
    if error.code is None or error.code < 400:
        return error
    if error.code == 413:
        return explain(HubError("request.too_large", limit=request.max_content_length))
    return explain(_OF_STATUS.get(error.code, HubError("request.unreadable")))


def _again(error: HubError) -> ResponseReturnValue:
    """A form that could be sent again as it is: nothing that was typed is lost.

    On the county's pages only what one of them sent, or any site could put its words into a form of
    ours; and no password.
    """
    is_ours = request.blueprint == "public" or request.origin == request.host_url.rstrip("/")
    is_kept = is_ours and "password" not in request.form
    typed = request.form.items(multi=True) if is_kept else ()
    again = [(name, text) for name, text in typed if name != "csrf_token"]
    page = render_template("pages/error.html", error=error, back=_back(), again=again)
    return page, error.status


def _back() -> str:
    """Where the reader came from, if that was a page of ours."""
    came_from = request.referrer or ""
    return came_from if came_from.startswith(request.host_url) else ""
