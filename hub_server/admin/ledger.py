"""The work ledger of all stations of one's region: filters, pages, and an export; always masked."""

from __future__ import annotations

import io

from flask import redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user

from forms import LEDGER_COLUMNS
from forms.reading import Unreadable, read_date
from hub_server.accounts import Account
from hub_server.admin.paging import Page, asked_number, asked_size
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.pages.words import CASE_KINDS, today
from hub_server.services.export import csv_bytes
from hub_server.services.list_stations import station_names
from hub_server.services.read_ledger import Filters, read_ledger

_NAMES = ("station", "since", "until", "kind", "status", "find")
_LONGEST = 50


def ledger(hub: Hub, account: Account) -> ResponseReturnValue:
    chosen, size, asked = _chosen(), asked_size(), asked_number()
    found = read_ledger(hub, account, _filters(chosen), size, (asked - 1) * size)
    page = Page("admin.ledger", chosen, found.count, size, asked)
    if page.number != asked:  # the list grew shorter than the page that was asked for
        found = read_ledger(hub, account, _filters(chosen), size, page.offset)
    form = hub.forms.latest("intake_case")
    return render_template(
        "admin/ledger.html",
        chosen=chosen,
        text=_text(chosen),
        page=page,
        rows=found.rows,
        unread=_unread(chosen),
        columns=[label for _, label in LEDGER_COLUMNS],
        stations=station_names(hub, account),
        kinds=CASE_KINDS,
        statuses={key: c.label for key, c in form.choices(form.field("case_status")).items()},
    )


def search(hub: Hub, account: Account) -> ResponseReturnValue:
    """The ledger, filtered; what is looked for stays in the visit, a word for it in the address."""
    chosen = {name: request.form.get(name, "").strip()[:_LONGEST] for name in _NAMES}
    text = request.form.get("text", "").strip()[:_LONGEST]
    chosen["find"] = current_user.visit.keep_search(text) if text else ""
    size = request.form.get("size", "")
    asked = {name: value for name, value in {**chosen, "size": size}.items() if value}
    return redirect(url_for("admin.ledger", **asked))  # type: ignore[arg-type]


def export_lines(hub: Hub, account: Account) -> ResponseReturnValue:
    """The same lines as a CSV file that spreadsheets open. HubError `export.date`: nobody wanted
    every day by a slip."""
    chosen = _chosen()
    for text in _unread(chosen):
        raise HubError("export.date", text=text)
    return send_file(
        io.BytesIO(csv_bytes(hub, account, _filters(chosen))),
        mimetype="text/csv",
        as_attachment=True,
        download_name=f"工作台账-{today(hub.now_ms())}.csv",
    )


def _chosen() -> dict[str, str]:
    return {name: request.args.get(name, "").strip()[:_LONGEST] for name in _NAMES}


def _text(chosen: dict[str, str]) -> str:
    found: str = current_user.visit.searches.get(chosen["find"], "")
    return found


def _unread(chosen: dict[str, str]) -> list[str]:
    """What was typed for a day and is none."""
    typed = (chosen["since"], chosen["until"])
    return [text for text in typed if text and not _day(text)]


def _day(text: str) -> str:
    """A date as people write it → ISO; what is none filters nothing, and the page says so."""
    try:
        return read_date(text).value
    except Unreadable:
        return ""


def _filters(chosen: dict[str, str]) -> Filters:
    return Filters(
        station_code=chosen["station"],
        since=_day(chosen["since"]),
        until=_day(chosen["until"]),
        text=_text(chosen),
        kind=chosen["kind"],
        status=chosen["status"],
    )
