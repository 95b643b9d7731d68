"""The work ledger: the day's lines as a list, and the sheet of table D.1 for print."""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from urllib.parse import urlencode

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from forms import LEDGER_COLUMNS, LedgerLine, builtin
from forms.masking import mask_phone
from station_client.services import china_time
from station_client.services.read_ledger import LedgerRow, count_lines, read_ledger, read_lines
from station_client.station import Station
from station_client.ui.desk import Desk
from station_client.ui.typed import read_days

PAGE_ROWS = 50
MOST_SEARCHED = 100
"""Characters of a search."""
MOST_PRINTED = 5_000
PHONE = [column for column, _ in LEDGER_COLUMNS].index("contact_phone")

COLOURS = {
    "received": "busy",
    "handling": "busy",
    "special_procedure": "busy",
    "supplementing": "wait",
    "suspended": "wait",
    "finished": "good",
    "returned": "bad",
    "refused": "bad",
    "terminated": "off",
    "withdrawn": "off",
}
STATUS_COLOURS = {
    code.label: COLOURS.get(key, "off")
    for key, code in builtin().latest("helper_case").codes["case_status"].items()
}
"""办件状态 as the line shows it → the colour beside the word."""


@dataclass(frozen=True)
class Filter:
    """What the list shows: days (both included, None: no limit) and a text that a line contains.

    `find` stands for the text in an address; the text itself stays with the program. `unread`: what
    was typed for a day and is none.
    """

    since: date | None
    until: date | None
    find: str
    text: str
    number: int
    unread: str = ""

    @classmethod
    def of_request(cls, desk: Desk, today: date) -> "Filter":
        asked = request.args
        first, last = (
            asked.get(name, today.isoformat()).strip()[:20] for name in ("since", "until")
        )
        days = read_days(first, last, today)
        number = max(1, asked.get("page", 1, type=int))
        find = asked.get("find", "")
        text = desk.searches.get(find, "")
        found = find if text else ""
        return cls(days.since, days.until, found, text, number, days.unread)

    def address(self, endpoint: str = "ledger", **changes: object) -> str:
        """The address of this list with something changed, a blank day for none."""
        parts = {"since": self.since or "", "until": self.until or "", "find": self.find}
        return f"{url_for(endpoint)}?{urlencode({**parts, **changes})}"


def show_ledger(desk: Desk, station: Station) -> str:
    today = china_time.day(station.now_ms())
    asked = Filter.of_request(desk, today)
    totals = count_lines(station, asked.since, asked.until, asked.text)
    count = sum(totals.values())
    pages = max(1, -(-count // PAGE_ROWS))
    asked = replace(asked, number=min(asked.number, pages))
    first = (asked.number - 1) * PAGE_ROWS
    rows = read_lines(station, asked.since, asked.until, asked.text, PAGE_ROWS, first)
    return render_template(
        "ledger.html",
        columns=LEDGER_COLUMNS,
        rows=rows,
        count=count,
        asked=asked,
        pages=pages,
        first=first,
        totals=totals,
        ranges=_ranges(today),
        saved=request.args.get("saved", ""),
        colours=STATUS_COLOURS,
        mask_phone=mask_phone,
        marks=marks,
    )


def find_in_ledger(desk: Desk, station: Station) -> ResponseReturnValue:
    """What was typed into the filter, as an address that says nothing of a person."""
    form = request.form
    find = desk.keep_search(form.get("text", "").strip()[:MOST_SEARCHED])
    since, until = (form.get(name, "").strip()[:20] for name in ("since", "until"))
    return redirect(url_for("ledger", since=since, until=until, find=find))


def print_ledger(desk: Desk, station: Station) -> str:
    """Table D.1 for A4 landscape: the whole range, 序号 counted within it."""
    today = china_time.day(station.now_ms())
    asked = Filter.of_request(desk, today)
    rows, count = read_ledger(
        station, asked.since, asked.until, asked.text, limit=MOST_PRINTED, offset=0
    )
    masked = "masked" in request.args
    lines = [row.cells for row in reversed(rows) if not row.void_reason]
    printed = [_printed(cells, number, masked) for number, cells in enumerate(lines, start=1)]
    return render_template(
        "ledger_print.html",
        columns=LEDGER_COLUMNS,
        lines=printed,
        asked=asked,
        masked=masked,
        left_out=max(0, count - MOST_PRINTED),
    )


def _printed(cells: tuple[str, ...], number: int, masked: bool) -> tuple[str, ...]:
    cells = LedgerLine(cells).numbered(number).cells
    return (*cells[:PHONE], mask_phone(cells[PHONE]), *cells[PHONE + 1 :]) if masked else cells


def marks(row: LedgerRow) -> list[tuple[str, str]]:
    """(colour, words) of how far a line has come; what needs a person stands first."""
    found = []
    if row.void_reason:
        found.append(("off", "已作废"))
    if row.conflicts:
        found.append(("bad", "有冲突"))
    if row.refused or row.returned:
        found.append(("bad", "被退回"))
    if row.held:
        found.append(("wait", "县级待核"))
    if row.marked:
        found.append(("wait", "待补"))
    if row.pending:
        found.append(("wait", "待上报"))
    return found or [("good", "已上报")]


def _ranges(today: date) -> list[tuple[str, date | str, date | str]]:
    week = today - timedelta(days=6)
    return [
        ("今天", today, today),
        ("近7天", week, today),
        ("本月", today.replace(day=1), today),
        ("全部", "", ""),
    ]
