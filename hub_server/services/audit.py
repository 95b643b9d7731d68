"""The audit line beside a write, in its transaction: who, what, when, to what. Nothing personal."""

from __future__ import annotations

from hub_server.accounts import Account
from hub_server.hub import Hub
from hub_server.permissions import demand
from hub_server.store import AuditLine

OUTSIDER = bytes(16)
"""The account of whoever has none: an applicant, a PC that enrols, the command line of `init`."""


def note(
    hub: Hub, account: Account | None, action: str, target: str, region: str, **facts: object
) -> None:
    """Writes the line; `account` None is somebody outside. Runs inside the write's transaction."""
    who = account or Account(OUTSIDER, "", "", "")
    line = AuditLine(hub.now_ms(), who.id, who.name, region, action, target, facts)
    hub.store.people.write_audit(line)


def count_audit(hub: Hub, account: Account) -> int:
    """How many lines `read_audit` can give."""
    demand(account, "audit.read")
    return hub.store.people.count_audit(account.region)


def read_audit(hub: Hub, account: Account, limit: int = 100, offset: int = 0) -> list[AuditLine]:
    """The trail of the account's region, newest first."""
    demand(account, "audit.read")
    return hub.store.people.audit(account.region, limit, offset)
