"""What is held or refused at the stations: why, since when, and whether the county decides.

For operators, too: a station chooses the names of fields and forms that it sends, so no text of its
own is shown here, only what the forms of this program know.
"""

from __future__ import annotations

from dataclasses import dataclass

from forms import Form
from forms.problems import WORDS as PROBLEMS
from hub_server.accounts import Account
from hub_server.hub import Hub
from hub_server.permissions import demand
from hub_server.services.issue_code import find_station
from hub_server.services.projection import known_form
from hub_server.store import OpenOperation
from sync_protocol.channel import HELD_CODES, REFUSED_CODES, Verdict

WAIT_FOR_COUNTY = frozenset({"revoked", "frozen", "fork", "closed", "late"})
"""Causes to hold that no arrival ends: a person of the county decides."""

UNKNOWN_FORM = "未知表单"


@dataclass(frozen=True)
class UndecidedItem:
    """One operation. `kind` is a form's name, "" of one unknown here; `code` is its verdict's, with
    a field only where the form has it; `since` is when it came (ms since 1970 UTC)."""

    station_code: str
    station_name: str
    channel: bytes
    identity: bytes
    record: bytes
    kind: str
    title: str
    device_number: int | None
    seq: int
    verdict: Verdict
    code: str
    words: str
    since: int

    @property
    def waits_for_county(self) -> bool:
        return self.verdict is Verdict.HELD and self.code in WAIT_FOR_COUNTY


def list_undecided(
    hub: Hub, account: Account, station_code: str = "", limit: int = 100, offset: int = 0
) -> tuple[list[UndecidedItem], int]:
    """Those of the account's region or of one station, and how many there are in all.

    Held before refused, the longest waiting of a station first. HubError `station.unknown`.
    """
    demand(account, "undecided.list")
    if station_code:
        find_station(hub, account, station_code)
    with hub.store.reading():
        found, count = hub.store.undecided.within(account.region, station_code, limit, offset)
    return [item_of(hub, each) for each in found], count


def item_of(hub: Hub, found: OpenOperation) -> UndecidedItem:
    placed, header = found.placed, found.placed.operation.header
    form = known_form(hub.forms, header.kind, header.form_version)
    code, words = plain_code(form, placed.verdict, placed.code)
    return UndecidedItem(
        station_code=found.station_code,
        station_name=found.station_name,
        channel=found.channel,
        identity=placed.operation.identity,
        record=header.record,
        kind=form.name if form else "",
        title=form.title if form else UNKNOWN_FORM,
        device_number=found.device_number,
        seq=header.seq,
        verdict=placed.verdict,
        code=code,
        words=words,
        since=found.since,
    )


def plain_code(form: Form | None, verdict: Verdict, code: str) -> tuple[str, str]:
    """The code without what a person wrote, and its words."""
    kind, _, rest = code.partition(":")
    words = (HELD_CODES if verdict is Verdict.HELD else REFUSED_CODES).get(kind, "其他原因")
    register, problem = (rest, "") if kind == "author" else ("", "")
    if kind == "check":
        register, _, problem = rest.rpartition(":")
    field = form.find(register) if form is not None and register else None
    if field is None:
        return kind, words
    named = ":".join(filter(None, (kind, field.id, problem if problem in PROBLEMS else "")))
    return named, f"“{field.label}”{words}"
