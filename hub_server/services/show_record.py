"""One record as the county sees it: its values by its own form, and who changed what, when.

A case is masked here, its history too: `reveal` gives its values, with a reason and an audit line.
The history of an application is whole, for those who decide it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forms import ALIVE, Field, Form
from forms.masking import mask_value
from forms.values import show
from hub_server.accounts import Account
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.permissions import demand
from hub_server.services.applications import load_application
from hub_server.services.projection import CASES, accepted_of, form_of
from hub_server.store import Placed
from sync_protocol import operations
from sync_protocol.channel import Verdict
from sync_protocol.errors import PeerFault
from sync_protocol.merge import same_value

_STANDING = {Verdict.ACCEPTED: "", Verdict.HELD: "待定", Verdict.REFUSED: "未采纳"}


@dataclass(frozen=True)
class Change:
    """One field before and after, in the words of the page."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class HistoryLine:
    """One operation. `at` is its effective stamp in ms; `standing` is "" when it is accepted."""

    at: int
    who: str
    by_hub: bool
    standing: str
    changes: Sequence[Change]


@dataclass(frozen=True)
class CaseView:
    """A case with its masked values and its masked history, oldest first."""

    record: bytes
    channel: bytes
    station_code: str
    station_name: str
    form: Form
    values: Mapping[str, Any]
    conflicts: int
    history: Sequence[HistoryLine]


def show_history(hub: Hub, account: Account, application: bytes) -> list[HistoryLine]:
    """What happened to an application, oldest first. HubError `application.unknown`."""
    demand(account, "application.list")
    found = load_application(hub, application, account.region)
    placed = hub.store.journal.of_records(found.channel, [application])[application]
    return _history(hub, form_of(hub.forms, accepted_of(placed)), placed)


def show_case(hub: Hub, account: Account, record: bytes) -> CaseView:
    """A case, masked. HubError `case.unknown`, also for what another region has."""
    demand(account, "ledger.read")
    found = hub.store.records.find(record, account.region)
    if found is None or found.kind not in CASES:
        raise HubError("case.unknown")
    placed = hub.store.journal.of_records(found.channel, [record])[record]
    form = form_of(hub.forms, accepted_of(placed))
    station = hub.store.stations.get(found.station_code or "")
    return CaseView(
        record=record,
        channel=found.channel,
        station_code=found.station_code or "",
        station_name=station.name if station else "",
        form=form,
        values={name: _masked(form, name, value) for name, value in found.values.items()},
        conflicts=found.conflicts,
        history=_history(hub, form, placed),
    )


def _masked(form: Form, register: str, value: Any) -> Any:
    field = form.find(register)
    if field is None or value is None:
        return value
    if isinstance(value, Mapping) and field.type == "list":
        columns = {column.id: column for column in field.fields}
        return {i: _masked_text(form, columns[i], v) for i, v in value.items() if i in columns}
    if isinstance(value, str) or field.personal:
        return _masked_text(form, field, value)
    return value


def _masked_text(form: Form, field: Field, value: Any) -> Any:
    if isinstance(value, str) and field.type in ("text", "long_text", "phone"):
        return mask_value(form, field, value)
    return "*" if field.personal and value else value


def _history(hub: Hub, form: Form, placed: Sequence[Placed]) -> list[HistoryLine]:
    before: dict[str, Any] = {}
    lines = []
    for each in placed:
        written = _written(each)
        lines.append(
            HistoryLine(
                at=each.effective,
                who=_who(hub, each),
                by_hub=each.by_hub,
                standing=_STANDING[each.verdict],
                changes=[c for c in (_change(form, i, before, written[i]) for i in written) if c],
            )
        )
        if each.verdict is Verdict.ACCEPTED:
            before.update(written)
    return lines


def _written(placed: Placed) -> dict[str, Any]:
    """Register → value; nothing where the body cannot be read (then it was refused)."""
    try:
        return {write.field: write.value for write in placed.operation.writes()}
    except PeerFault:
        return {}


def _change(form: Form, register: str, before: Mapping[str, Any], value: Any) -> Change | None:
    old = before.get(register, "" if register == ALIVE else None)
    if same_value(old, value):
        return None
    if register == ALIVE:
        return Change("作废原因", str(old), str(value))
    return Change(form.label(register), _words(form, register, old), _words(form, register, value))


def _words(form: Form, register: str, value: Any) -> str:
    field = form.find(register)
    if value is None or field is None:
        return ""
    if form.name in CASES:
        value = _masked(form, register, value)
    if field.type == "image":
        return "（图片）"
    if isinstance(value, Mapping) and field.type == "list":
        columns = ((column, value.get(column.id)) for column in field.fields)
        return "，".join(show(form, column, v) for column, v in columns if v not in (None, ""))
    return str(value) if value == "*" else show(form, field, value)


def _who(hub: Hub, placed: Placed) -> str:
    header = placed.operation.header
    if header.flags & operations.ON_BEHALF:
        return "申请人"
    if placed.by_hub:
        known = hub.store.people.by_id(header.clerk)
        return known.account.name if known else "县级平台"
    return _clerk_name(hub, placed) or "站点工作人员"


def _clerk_name(hub: Hub, placed: Placed) -> str:
    chain = hub.store.journal.chain(placed.operation.header.replica)
    if chain is None:
        return ""
    clerk = hub.store.records.get(chain.channel, placed.operation.header.clerk)
    return str(clerk.values.get("name") or "") if clerk and clerk.kind == "clerk" else ""
