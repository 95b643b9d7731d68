"""The catalogue of service items, published through the region's channel to every station (5.2.4).

An item is known by its code: the same file again changes nothing, a changed row amends its item.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from forms import Form
from forms.reading import Unreadable, read_value
from hub_server.accounts import Account
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.permissions import demand
from hub_server.services.audit import note
from hub_server.services.enrol_station import region_channel
from hub_server.services.write_records import HubWrite, check, write_records
from sync_protocol import crypto

KIND = "catalogue_item"
_OTHER_HEADINGS = {"item_code_raw": "item_code", "area_code12": "area_code"}


@dataclass(frozen=True)
class Published:
    """How many rows there were, and how many items are new or different."""

    rows: int
    written: int


def publish_catalogue(
    hub: Hub, account: Account, rows: Iterable[Mapping[str, str]], region: str = ""
) -> Published:
    """Publishes rows (heading → text; headings are field ids or labels) to a county's stations.

    All or nothing. HubError `catalogue.columns|duplicate|empty|row`.
    """
    region = (region or hub.region)[:6]
    demand(account, "catalogue.publish", region)
    form = hub.forms.latest(KIND)
    items = _items(form, rows)
    with hub.store.writing():
        region_channel(hub, region)
        channels = hub.store.journal.channels_of_region("region", region)
        written = max(_write(hub, account, each.id, items) for each in channels)
        note(hub, account, "catalogue.publish", region, region, rows=len(items), written=written)
    return Published(len(items), written)


def _write(
    hub: Hub, account: Account, channel: bytes, items: Mapping[str, Mapping[str, Any]]
) -> int:
    """How many of these were written, because they are new or changed."""
    writes = [
        HubWrite(_record(channel, code), KIND, values, account.id) for code, values in items.items()
    ]
    return len(write_records(hub, channel, writes))


def _items(form: Form, rows: Iterable[Mapping[str, str]]) -> dict[str, dict[str, Any]]:
    """Item code → values, in the order of the rows; blank ones are none."""
    items: dict[str, dict[str, Any]] = {}
    first: dict[str, int] = {}
    for number, row in enumerate(rows, start=2):  # row 1 holds the headings
        if not any(text.strip() for text in row.values()):
            continue
        values = _read(form, row, number)
        code = str(values["item_code"])
        if code in items:
            raise HubError("catalogue.duplicate", first=first[code], row=number, item_code=code)
        items[code], first[code] = values, number
    if not items:
        raise HubError("catalogue.empty")
    return items


def _record(channel: bytes, code: str) -> bytes:
    return crypto.digest(b"bianmin/catalogue-item", channel, code.encode())[:16]


def _read(form: Form, row: Mapping[str, str], number: int) -> dict[str, Any]:
    headings = {field.label: field.id for field in form.fields} | _OTHER_HEADINGS
    cells = {headings.get(name, name): text for name, text in row.items()}
    for field in form.fields:
        if field.required == "always" and field.id not in cells:
            raise HubError("catalogue.columns", column=field.label)
    values: dict[str, Any] = {}
    try:
        for field in form.fields:
            if text := cells.get(field.id, "").strip():
                values[field.id] = read_value(form, field, text)
        check(form, values, on_behalf=False, creates=True)
    except Unreadable as unreadable:
        words = f"“{form.label(field.id)}”无法识别。"
        raise HubError("catalogue.row", row=number, words=words) from unreadable
    except HubError as refused:
        raise HubError("catalogue.row", row=number, words=refused.facts["words"]) from refused
    return values
