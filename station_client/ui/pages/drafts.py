"""Half-typed forms, kept in the program's memory until they are saved or thrown away."""

import secrets
from http import HTTPStatus

from flask import Response, redirect, request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from station_client.station import Station
from station_client.ui.desk import Desk
from station_client.ui.entry_form import Typed

NOT_TYPED = frozenset({"csrf_token", "draft_path"})


def keep(desk: Desk, station: Station) -> Response:
    """Sent by the page's script while somebody types."""
    desk.keep_draft(station.clerk, request.form.get("draft_path", ""), _typed())
    return Response(status=HTTPStatus.NO_CONTENT)


def keep_posted(desk: Desk) -> None:
    """A form that was sent after the desk had locked itself: nothing of it is lost.

    Only what is filled in like paper has an id; a PIN is never kept.
    """
    if "form_id" not in request.form:
        return
    path = request.form.get("draft_path") or request.path
    desk.keep_draft(desk.last_clerk, path, _typed())


def refused(desk: Desk, station: Station) -> None:
    """A form that was sent and has problems: newer than what the script kept while it was typed."""
    desk.keep_draft(station.clerk, request.path, _typed())


def discard(desk: Desk, station: Station) -> ResponseReturnValue:
    path = request.form.get("path", "")
    desk.drop_draft(station.clerk, path)
    return redirect(own_path(path))


def kept(desk: Desk, station: Station) -> Typed | None:
    """What was typed into the form of this address before, if it was not saved."""
    draft = desk.draft(station.clerk, request.path)
    if draft is None:
        return None
    return MultiDict([(name, text) for name, texts in draft.items() for text in texts])


def saved(desk: Desk, station: Station) -> None:
    """The form of this address is saved: its draft has done its work."""
    desk.drop_draft(station.clerk, request.path, request.form.get("form_id", ""))


def own_path(path: str) -> str:
    """An address of our own to go on to; the ledger for anything that might lead elsewhere."""
    is_own = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_own else "/"


def form_id() -> str:
    """What tells this filled form from every other: of the one that was sent, or a new one."""
    return request.form.get("form_id") or secrets.token_hex(16)


def _typed() -> dict[str, list[str]]:
    return {name: texts for name, texts in request.form.lists() if name not in NOT_TYPED}
