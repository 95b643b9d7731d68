"""Applications as county and applicant see them: opening, change, closing (Annexes A, B, C).

An opening comes from outside and lies in the office channel; change and closing come from a station
in its own channel. To read them is here; deciding is `decide_application`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hub_server.accounts import Account
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.permissions import demand
from hub_server.store import Agreement, Channel, Kinds, StoredRecord

__all__ = [
    "EVERY",
    "KINDS",
    "Application",
    "Kinds",
    "application_of",
    "count_applications",
    "find_by_number",
    "list_applications",
    "load_application",
    "office_channel",
    "show_application",
]

KINDS = ("station_open", "station_change", "station_close")
EVERY = Kinds(KINDS)


@dataclass(frozen=True)
class Application:
    """One application. `number` is "" for one that a station sent; `version` names what was shown.

    `values` are register → value as merged; `opinion` is the county's last one.
    """

    record: bytes
    channel: bytes
    number: str
    kind: str
    state: str
    region: str
    station_code: str
    values: Mapping[str, Any]
    conflicts: int
    version: str
    changed_at: int
    agreement: Agreement | None

    @property
    def opinion(self) -> str:
        return str(self.values.get("review_opinion") or "")


def list_applications(
    hub: Hub,
    account: Account,
    which: Kinds = EVERY,
    limit: int | None = None,
    offset: int = 0,
) -> list[Application]:
    """The inbox of the account's region, newest change first."""
    demand(account, "application.list")
    found = hub.store.records.of_kinds(which, account.region, limit, offset)
    numbers = hub.store.applications.numbers([each.record for each in found])
    return [application_of(hub, each, numbers) for each in found]


def count_applications(hub: Hub, account: Account, which: Kinds) -> int:
    """How many lines `list_applications` can give."""
    demand(account, "application.list")
    return hub.store.records.count_kinds(which, account.region)


def show_application(hub: Hub, account: Account, record: bytes) -> Application:
    """One application. HubError `application.unknown`, `application.kind`."""
    demand(account, "application.list")
    return load_application(hub, record, account.region)


def load_application(
    hub: Hub, record: bytes, region: str, channel: bytes | None = None
) -> Application:
    """An application within a region prefix. HubError `application.*`, `record.ambiguous`."""
    found = hub.store.records.find(record, region, channel)
    if found is None:
        raise HubError("application.unknown")
    if found.kind not in KINDS:
        raise HubError("application.kind")
    return application_of(hub, found, hub.store.applications.numbers([record]))


def application_of(hub: Hub, found: StoredRecord, numbers: Mapping[bytes, str]) -> Application:
    return Application(
        record=found.record,
        channel=found.channel,
        number=numbers.get(found.record, ""),
        kind=found.kind,
        state=found.state,
        region=found.region,
        station_code=found.station_code or "",
        values=found.values,
        conflicts=found.conflicts,
        version=hub.shown(found.version),
        changed_at=found.changed_at,
        agreement=hub.store.applications.agreement(found.record),
    )


def find_by_number(hub: Hub, account: Account, number: str) -> Application:
    """An application by the number its applicant got."""
    demand(account, "application.list")
    ticket = hub.store.applications.ticket(number.strip())
    if ticket is None:
        raise HubError("application.unknown")
    return load_application(hub, ticket.record, account.region, office_channel(hub).id)


def office_channel(hub: Hub) -> Channel:
    """The channel of the county's own papers."""
    office = hub.store.journal.channel_of_region("office", hub.region)
    if office is None:
        raise HubError("hub.missing", folder=hub.home)
    return office
