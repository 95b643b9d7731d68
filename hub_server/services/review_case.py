"""The county corrects or returns a case, with an opinion that arrives at the desk (HLJ 7.2.3).

It is an operation in the station's channel like any other: the desk sees it in the case's history.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hub_server.accounts import Account
from hub_server.china_time import in_china
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.permissions import demand
from hub_server.services.audit import note
from hub_server.services.projection import CASES
from hub_server.services.write_records import HubWrite, write_record
from sync_protocol.operations import Operation

ACTIONS = ("corrected", "returned")


def review_case(
    hub: Hub,
    account: Account,
    channel: bytes,
    record: bytes,
    action: str,
    opinion: str,
    changes: Mapping[str, Any],
    seen_version: str = "",
) -> Operation:
    """Corrects (with changes) or returns a case; the operation that says so.

    HubError `case.*`, `record.values`. `seen_version`, where given: that of the page that was read.
    """
    demand(account, "case.review")
    _check(action, opinion, changes)
    with hub.store.writing():
        found = hub.store.records.get(channel, record)
        if found is None or found.kind not in CASES or not account.sees(found.region):
            raise HubError("case.unknown")
        if seen_version:
            hub.check_seen(hub.shown(found.version), seen_version, "case.changed")
        values = {
            **changes,
            "county_action": action,
            "county_opinion": opinion.strip(),
            "county_officer": account.name,
            "county_acted_at": _moment(hub),
        }
        operation = write_record(hub, channel, HubWrite(record, found.kind, values, account.id))
        note(hub, account, f"case.{action}", record.hex(), found.region)
    if operation is None:
        raise HubError("case.nothing_to_correct")
    return operation


def _check(action: str, opinion: str, changes: Mapping[str, Any]) -> None:
    if action not in ACTIONS:
        raise HubError("case.action_unknown", action=action)
    if not opinion.strip():
        raise HubError("case.no_opinion")
    if action == "corrected" and not changes:
        raise HubError("case.nothing_to_correct")


def _moment(hub: Hub) -> str:
    now = in_china(hub.now_ms())
    return now.isoformat(timespec="seconds")
