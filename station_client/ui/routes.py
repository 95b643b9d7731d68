"""All routes in one list: rule, method, the one function that answers, and who may ask.

Knows no station; the functions live in `pages`, one action one function.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import Flask, jsonify, redirect, request, url_for
from flask.typing import ResponseReturnValue

from station_client.ui.desk import Desk
from station_client.ui.guard import Guard
from station_client.ui.pages import (
    applications,
    cases,
    clerks,
    conflicts,
    courier,
    drafts,
    entering,
    files,
    inbox,
    ledger,
    retire,
    status,
)

View = Callable[..., ResponseReturnValue]


@dataclass(frozen=True)
class Page:
    """A page of an open desk: its view is called with (desk, station, parts of the address).

    `passive`: asked by a timer, which is no sign that somebody sits there.
    """

    rule: str
    name: str
    view: View
    method: str = "GET"
    passive: bool = False


ENTRANCE = [
    ("/unlock", "unlock", entering.show_unlock, "GET"),
    ("/unlock", "try_unlock", entering.try_unlock, "POST"),
    ("/setup", "setup", entering.show_setup, "GET"),
    ("/setup", "try_setup", entering.try_setup, "POST"),
]
"""What is answered before unlock; the views are called with (desk, guard)."""

PAGES = [
    Page("/", "ledger", ledger.show_ledger),
    Page("/ledger/find", "find_in_ledger", ledger.find_in_ledger, "POST"),
    Page("/ledger/print", "print_ledger", ledger.print_ledger),
    Page("/lock", "lock", entering.lock, "POST"),
    Page("/lamp", "lamp", status.lamp, passive=True),
    Page("/cases/new/helper", "new_helper", cases.new_helper),
    Page("/cases/new/helper", "save_helper", cases.save_helper, "POST"),
    Page("/cases/new/proxy", "new_proxy", cases.new_proxy),
    Page("/cases/new/proxy", "save_proxy", cases.save_proxy, "POST"),
    Page("/cases/new/intake", "new_intake", cases.new_intake),
    Page("/cases/new/intake", "save_intake", cases.save_intake, "POST"),
    Page("/cases/<record>", "case", cases.show),
    Page("/cases/<record>/amend", "amend", cases.amend),
    Page("/cases/<record>/amend", "save_amendment", cases.save_amendment, "POST"),
    Page("/cases/<record>/void", "void", cases.void, "POST"),
    Page("/cases/<record>/convert", "convert", cases.convert),
    Page("/cases/<record>/convert", "save_conversion", cases.save_conversion, "POST"),
    Page("/items", "items", cases.search_items),
    Page("/drafts", "draft", drafts.keep, "POST"),
    Page("/drafts/discard", "discard_draft", drafts.discard, "POST"),
    Page("/inbox", "inbox", inbox.show),
    Page("/conflicts/<record>/<path:register>", "conflict", conflicts.show),
    Page("/conflicts/<record>/<path:register>", "settle", conflicts.settle, "POST"),
    Page("/status", "status", status.show),
    Page("/status/sync", "sync_now", status.sync_now, "POST"),
    Page("/retire", "retire", retire.show),
    Page("/retire/seal", "seal", retire.seal, "POST"),
    Page("/retire/erase", "erase", retire.erase, "POST"),
    Page("/courier", "courier", courier.show),
    Page("/courier/out", "courier_out", courier.carry_out, "POST"),
    Page("/courier/in", "courier_in", courier.carry_in, "POST"),
    Page("/applications", "applications", applications.show_list),
    Page("/applications/new/<kind>", "new_application", applications.new),
    Page("/applications/new/<kind>", "apply", applications.apply, "POST"),
    Page("/files", "files", files.show),
    Page("/files/import", "start_import", files.start_import, "POST"),
    Page("/files/import/progress", "import_progress", files.progress, passive=True),
    Page("/files/import/repair", "repair_file", files.repair_file),
    Page("/files/export", "export", files.export, "POST"),
    Page("/clerks", "clerks", clerks.show),
    Page("/clerks", "add_clerk", clerks.add, "POST"),
    Page("/clerks/secret", "change_secret", clerks.change, "POST"),
    Page("/clerks/<clerk>/remove", "remove_clerk", clerks.remove, "POST"),
]


def add_routes(app: Flask, desk: Desk, guard: Guard) -> None:
    for rule, name, view, method in ENTRANCE:
        app.add_url_rule(rule, name, _entrance(view, desk, guard), methods=[method])
    for page in PAGES:
        app.add_url_rule(page.rule, page.name, _opened(page, desk), methods=[page.method])


def _entrance(view: View, desk: Desk, guard: Guard) -> Callable[[], ResponseReturnValue]:
    return lambda: view(desk, guard)


def _opened(page: Page, desk: Desk) -> View:
    """The page's view where the desk is open; else the way to open it, with what was typed kept."""

    def answer(**parts: Any) -> ResponseReturnValue:
        station = desk.current()
        if station is None:
            return _closed(page, desk)
        if not page.passive:
            desk.touch()
        return page.view(desk, station, **parts)

    return answer


def _closed(page: Page, desk: Desk) -> ResponseReturnValue:
    if page.passive:
        return jsonify({"is_locked": True})
    if page.method == "POST":
        drafts.keep_posted(desk)
    return redirect(url_for("unlock", next=place()))


def place() -> str:
    """The page that the clerk looks at; a form may be sent to an address that is none."""
    if request.method == "GET":
        return request.path
    ours, _, sent_from = (request.referrer or "").partition(request.host)
    return request.form.get("draft_path") or (sent_from if ours else "") or request.path
