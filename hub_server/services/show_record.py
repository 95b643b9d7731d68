"""One record with its history, masked unless somebody reveals it with a reason, which is audited.

Serves table D.1 and the privacy rule that lists and pages show no more of a person than is needed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from forms import ALIVE, Field, Form
from forms.masking import mask_value
from forms.values import show
from hub_server.accounts import Account
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.permissions import demand
from hub_server.services.applications import KINDS as APPLICATIONS
from hub_server.services.audit import OUTSIDER, note
from hub_server.services.projection import known_form
from hub_server.store import Placed, StoredRecord
from sync_protocol import operations
from sync_protocol.channel import HELD_CODES, REFUSED_CODES, Verdict, county_reason
from sync_protocol.errors import PeerFault
from sync_protocol.operations import Write

_TEXTS = frozenset({"text", "long_text", "phone"})
_APPLICANT = "申请人"
_VOID_LABEL = "作废原因"


@dataclass(frozen=True)
class Change:
    """One field of one operation, in words."""

    label: str
    before: str
    after: str


@dataclass(frozen=True)
class HistoryLine:
    """One operation: when it was written (ms), by whom, and what it changed. `standing` is "" or
    why it does not count."""

    at: int
    who: str
    by_hub: bool
    standing: str
    changes: tuple[Change, ...]


@dataclass(frozen=True)
class RecordView:
    """A record as a page shows it. `values` are register → value; masked, what is personal is
    replaced by its masked text or left out."""

    record: bytes
    channel: bytes
    kind: str
    form_version: int
    station_code: str
    station_name: str
    values: Mapping[str, Any]
    conflicts: int
    masked: bool
    version: str
    history: tuple[HistoryLine, ...]


def show_record(
    hub: Hub, account: Account, record: bytes, channel: bytes | None = None
) -> RecordView:
    """A record of the account's region, masked. HubError `case.unknown`, `record.ambiguous`."""
    return _view(hub, _find(hub, account, record, channel), masked=True)


def reveal(
    hub: Hub, account: Account, record: bytes, reason: str, channel: bytes | None = None
) -> RecordView:
    """The same in full: one record, a reason, a line in the audit. HubError `ledger.no_reason`."""
    demand(account, "record.reveal")
    if not reason.strip():
        raise HubError("ledger.no_reason")
    found = _find(hub, account, record, channel)
    with hub.store.writing():
        note(hub, account, "record.reveal", record.hex(), found.region, reason=reason.strip()[:200])
    return _view(hub, found, masked=False)


def show_history(
    hub: Hub, account: Account, record: bytes, channel: bytes | None = None
) -> tuple[HistoryLine, ...]:
    """The history of a record: an application's in full, anything else masked."""
    found = _find(hub, account, record, channel)
    return _history(hub, found, masked=found.kind not in APPLICATIONS)


def _find(hub: Hub, account: Account, record: bytes, channel: bytes | None) -> StoredRecord:
    found = hub.store.records.find(record, account.region, channel)
    if found is None:
        raise HubError("case.unknown")
    demand(account, "application.list" if found.kind in APPLICATIONS else "ledger.read")
    return found


def _view(hub: Hub, found: StoredRecord, *, masked: bool) -> RecordView:
    form = _form(hub, found)
    station = hub.store.stations.get(found.station_code) if found.station_code else None
    return RecordView(
        record=found.record,
        channel=found.channel,
        kind=found.kind,
        form_version=found.form_version,
        station_code=found.station_code or "",
        station_name=station.name if station else "",
        values=mask_values(form, found.values) if masked else found.values,
        conflicts=found.conflicts,
        masked=masked,
        version=hub.shown(found.version),
        history=_history(hub, found, masked=masked),
    )


def _form(hub: Hub, found: StoredRecord) -> Form:
    """What a record is read by. HubError `case.unknown` for a kind that a later program made."""
    form = known_form(hub.forms, found.kind, found.form_version)
    if form is None:
        raise HubError("case.unknown")
    return form


def mask_values(form: Form, values: Mapping[str, Any]) -> dict[str, Any]:
    """Register → value with nothing personal in full, and nothing of a field not known here."""
    masked = {
        register: value if register == ALIVE else _mask(form, form.find(register), value)
        for register, value in values.items()
    }
    return {register: value for register, value in masked.items() if value is not None}


def _mask(form: Form, field: Field | None, value: Any) -> Any:
    if field is None:
        return None
    if field.type == "list" and isinstance(value, Mapping):
        columns = {sub.id: sub for sub in field.fields}
        return {name: _mask(form, columns.get(name), cell) for name, cell in value.items()}
    if field.type in _TEXTS:
        return mask_value(form, field, value)
    return None if field.personal else value


# --- history -------------------------------------------------------------------------------------


def _history(hub: Hub, found: StoredRecord, *, masked: bool) -> tuple[HistoryLine, ...]:
    placed = hub.store.operations.of_records(found.channel, [found.record])[found.record]
    form = _form(hub, found)
    names = clerks_of(hub, found.channel, placed)
    known: dict[tuple[bytes, str], tuple[int, Any]] = {}
    lines: list[HistoryLine] = []
    for each in placed:
        writes = writes_of(each)
        lines.append(
            HistoryLine(
                at=each.operation.header.stamp,
                who=names.get(each.operation.header.clerk, ""),
                by_hub=each.by_hub,
                standing=_standing(each),
                changes=tuple(_changes(form, known, writes, masked=masked)),
            )
        )
        if each.verdict is Verdict.ACCEPTED:
            name = each.operation.identity
            known |= {(name, write.field): (each.position, write.value) for write in writes}
    return tuple(lines)


def writes_of(placed: Placed) -> tuple[Write, ...]:
    """What an operation writes; nothing, where it was refused because nobody can read it."""
    try:
        return placed.operation.writes()
    except PeerFault:
        return ()


def clerks_of(hub: Hub, channel: bytes, placed: Sequence[Placed]) -> dict[bytes, str]:
    """Who stands behind the ids of clerks and accounts in these headers."""
    names: dict[bytes, str] = {}
    for each in placed:
        header = each.operation.header
        if header.flags & operations.ON_BEHALF or header.clerk == OUTSIDER:
            names[header.clerk] = _APPLICANT
        elif header.clerk not in names:
            names[header.clerk] = _name_of(hub, channel, header.clerk)
    return names


def _name_of(hub: Hub, channel: bytes, clerk: bytes) -> str:
    account = hub.store.people.by_id(clerk)
    if account is not None:
        return account.account.name
    record = hub.store.records.get(channel, clerk)
    return str(record.values.get("name", "")) if record else ""


def _standing(placed: Placed) -> str:
    if placed.verdict is Verdict.ACCEPTED:
        return ""
    code, reason = placed.code.partition(":")[0], county_reason(placed.code)
    words = HELD_CODES.get(code) or REFUSED_CODES.get(code) or placed.code
    return f"{words}：{reason}" if reason else words


def _changes(
    form: Form,
    known: Mapping[tuple[bytes, str], tuple[int, Any]],
    writes: Sequence[Write],
    *,
    masked: bool,
) -> Iterator[Change]:
    """What each write made of the value that its author saw: of those it replaces the last."""
    for write in writes:
        replaced = [known[at] for name in write.replaces if (at := (name, write.field)) in known]
        old = max(replaced, key=itemgetter(0))[1] if replaced else None
        if write.field == ALIVE:
            if write.value or old:
                yield Change(_VOID_LABEL, str(old or ""), str(write.value))
            continue
        was, now = (
            register_words(form, write.field, value, masked=masked) for value in (old, write.value)
        )
        if was != now:
            yield Change(form.label(write.field), was, now)


def register_words(form: Form, register: str, value: Any, *, masked: bool) -> str:
    """A register's value as text; masked, with nothing personal in full."""
    field = form.find(register)
    if field is None or value is None:
        return ""
    if field.type == "list" and isinstance(value, Mapping):
        cells = ((sub, value.get(sub.id)) for sub in field.fields)
        return "；".join(_text(form, sub, cell, masked=masked) for sub, cell in cells if cell)
    return _text(form, field, value, masked=masked)


def _text(form: Form, field: Field, value: Any, *, masked: bool) -> str:
    if field.type in ("image", "reference", "source"):
        return "（有）" if value else ""
    try:
        return mask_value(form, field, value) if masked else show(form, field, value)
    except (KeyError, TypeError, ValueError):  # a refused operation may hold anything
        return "（无法显示）"
