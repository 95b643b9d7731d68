"""The signed agreement (or commitment) that must lie before a station opens (YS 5.2.4.1)."""

from __future__ import annotations

from datetime import date

from hub_server.accounts import Account
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.permissions import demand
from hub_server.services.applications import load_application
from hub_server.services.audit import note
from hub_server.store import Agreement

KINDS = ("agreement", "commitment")


def record_agreement(
    hub: Hub,
    account: Account,
    application: bytes,
    no: str,
    kind: str,
    signed_on: str,
    valid_to: str = "",
) -> Agreement:
    """Records it; dates are ISO. HubError `agreement.values`, `application.kind|state`."""
    demand(account, "agreement.record")
    no, signed, ends = _read(no.strip(), kind, signed_on, valid_to)
    with hub.store.writing():
        found = load_application(hub, application, account.region)
        if found.kind != "station_open":
            raise HubError("application.kind")
        if found.state != "submitted":
            raise HubError("application.state", state=found.state, act="agree")
        agreement = Agreement(application, no, kind, signed, ends, account.id, hub.now_ms())
        hub.store.applications.keep_agreement(agreement)
        note(hub, account, "agreement.record", found.number, found.region, no=no)
    return agreement


def _read(no: str, kind: str, signed_on: str, valid_to: str) -> tuple[str, str, str]:
    """Number and dates, these as the card writes them: `fromisoformat` reads 20261101, too."""
    try:
        signed = date.fromisoformat(signed_on)
        ends = date.fromisoformat(valid_to) if valid_to else None
    except ValueError as wrong:
        raise HubError("agreement.values") from wrong
    if not no or len(no) > 50 or kind not in KINDS or (ends and ends < signed):
        raise HubError("agreement.values")
    return no, signed.isoformat(), ends.isoformat() if ends else ""
