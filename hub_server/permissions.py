"""Which role may do what. A table and a question about it; knows no store and no page.

An action that stands in no row is allowed to nobody. Where somebody may act is the account's region
prefix; the queries hold that.
"""

from __future__ import annotations

from hub_server.accounts import Account
from hub_server.errors import HubError

_REGISTER = frozenset({"station.list", "undecided.list", "courier.answer"})
_CASEWORK = frozenset(
    {
        "application.list",
        "application.decide",
        "agreement.record",
        "case.review",
        "code.issue",  # a PC that enrols reads its station's whole ledger
        "catalogue.publish",
        "ledger.read",
        "record.reveal",
        "record.erase",
        "replica.decide",
        "undecided.decide",
    }
)
_WATCHING = frozenset({"station.watch"})
_RUNNING = frozenset(
    {"account.manage", "audit.read", "backup.gone", "hub.restored", "station.export"}
)

ACTIONS: dict[str, frozenset[str]] = {
    "reviewer": _REGISTER | _CASEWORK,
    "operator": _REGISTER | _WATCHING,  # no personal data at all, not even masked
    "admin": _REGISTER | _CASEWORK | _WATCHING | _RUNNING,
}


def allows(role: str, action: str) -> bool:
    """Whether the role may do this anywhere."""
    return action in ACTIONS.get(role, frozenset())


def demand(account: Account, action: str, region: str | None = None) -> None:
    """HubError `account.not_permitted` or `account.other_region`; passes silently."""
    if not allows(account.role, action):
        raise HubError("account.not_permitted", action=action)
    if region is not None and not account.sees(region):
        raise HubError("account.other_region")
