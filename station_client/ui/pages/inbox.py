"""What is not settled: whom it waits for, why, and the way to the page where it is mended."""

from flask import render_template, url_for

from station_client.services.list_inbox import InboxItem, list_inbox
from station_client.services.list_marked import list_marked
from station_client.station import Station
from station_client.ui.desk import Desk

MOST_SHOWN = 200
"""Matters that the page lists for each who acts; the next ones follow as these are settled."""
MOST_MARKED = 100
"""Lines to mend, in the same way."""
MATTERS = {
    "conflict": ("冲突", "bad"),
    "refused": ("未被接受", "bad"),
    "returned": ("县级退回", "bad"),
    "held": ("待核", "wait"),
}
"""Matter → its word and the look of its tag."""


def show(desk: Desk, station: Station) -> str:
    found = list_inbox(station)
    ours = [each for each in found if each.actor == "clerk"]
    others = [each for each in found if each.actor != "clerk"]
    marked, marked_count = list_marked(station, MOST_MARKED)
    return render_template(
        "inbox.html",
        parts=[("需要您处理", ours, "没有需要您处理的内容。"), ("等待县级", others, "")],
        matters=MATTERS,
        most_shown=MOST_SHOWN,
        way=_way,
        marked=marked,
        marked_count=marked_count,
    )


def _way(item: InboxItem) -> tuple[str, str]:
    """Where to go on, and the word for it."""
    record = item.record.hex()
    if item.matter == "conflict":
        word = "选定" if item.actor == "clerk" else "查看"
        return url_for("conflict", record=record, register=item.register), word
    if item.actor == "clerk":
        return url_for("amend", record=record), "改正"
    return url_for("case", record=record), "查看"
