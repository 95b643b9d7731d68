"""What the held and refused operations about one record say: masked, or in full with a reason that
is audited. The record itself may not exist yet."""

from __future__ import annotations

from dataclasses import dataclass

from forms import ALIVE
from hub_server.accounts import Account
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.permissions import demand
from hub_server.services.audit import note
from hub_server.services.list_undecided import UndecidedItem, item_of
from hub_server.services.projection import known_form
from hub_server.services.show_record import clerks_of, register_words, writes_of
from hub_server.store import OpenOperation, Placed

REASON_CHARACTERS = 200
SHOWN_CHARACTERS = 500
HIDDEN = "（已隐去）"


@dataclass(frozen=True)
class Contents:
    """One operation with what it writes: (label, text); `stamp` is the desk's time of writing."""

    item: UndecidedItem
    who: str
    stamp: int
    writes: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class UndecidedView:
    """`exists`: whether there is a record already, which has a page of its own."""

    record: bytes
    channel: bytes
    station_name: str
    masked: bool
    exists: bool
    operations: tuple[Contents, ...]


def show_undecided(
    hub: Hub, account: Account, record: bytes, channel: bytes | None = None
) -> UndecidedView:
    """HubError `undecided.unknown`, `record.ambiguous`."""
    demand(account, "ledger.read")
    return _view(hub, _find(hub, account, record, channel), masked=True)


def reveal_undecided(
    hub: Hub, account: Account, record: bytes, reason: str, channel: bytes | None = None
) -> UndecidedView:
    """The same in full, with a line in the audit. HubError `ledger.no_reason`."""
    demand(account, "record.reveal")
    if not reason.strip():
        raise HubError("ledger.no_reason")
    found = _find(hub, account, record, channel)
    said = reason.strip()[:REASON_CHARACTERS]
    with hub.store.writing():
        note(hub, account, "record.reveal", record.hex(), found[0].region, reason=said)
    return _view(hub, found, masked=False)


def _find(hub: Hub, account: Account, record: bytes, channel: bytes | None) -> list[OpenOperation]:
    with hub.store.reading():
        found = hub.store.undecided.of_record(record, account.region, channel)
    if not found:
        raise HubError("undecided.unknown")
    if len({each.channel for each in found}) > 1:
        raise HubError("record.ambiguous")
    return found


def _view(hub: Hub, found: list[OpenOperation], *, masked: bool) -> UndecidedView:
    first = found[0]
    record, channel = first.placed.operation.header.record, first.channel
    names = clerks_of(hub, channel, [each.placed for each in found])
    return UndecidedView(
        record=record,
        channel=channel,
        station_name=first.station_name,
        masked=masked,
        exists=hub.store.records.get(channel, record) is not None,
        operations=tuple(_contents(hub, each, names, masked=masked) for each in found),
    )


def _contents(hub: Hub, found: OpenOperation, names: dict[bytes, str], *, masked: bool) -> Contents:
    header = found.placed.operation.header
    return Contents(
        item=item_of(hub, found),
        who=names.get(header.clerk, ""),
        stamp=header.stamp,
        writes=tuple(_texts(hub, found.placed, masked=masked)),
    )


def _texts(hub: Hub, placed: Placed, *, masked: bool) -> list[tuple[str, str]]:
    """Of a field that no form here knows nobody can say whether it is personal: hidden, masked."""
    header = placed.operation.header
    form = known_form(hub.forms, header.kind, header.form_version)
    texts: list[tuple[str, str]] = []
    for write in writes_of(placed):
        if write.field == ALIVE:
            if write.value:
                texts.append(("作废原因", HIDDEN if masked else str(write.value)))
        elif form is not None and form.find(write.field) is not None:
            said = register_words(form, write.field, write.value, masked=masked)
            texts.append((form.label(write.field), said))
        else:
            hidden = ("未知栏目", HIDDEN)
            texts.append(hidden if masked else (write.field, str(write.value)[:SHOWN_CHARACTERS]))
    return texts
