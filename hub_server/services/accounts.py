"""County accounts: adding one, finding one, ending one."""

from __future__ import annotations

import os
import re

from hub_server.accounts import ROLES, Account, hash_password
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.permissions import demand
from hub_server.services.audit import note

LONGEST_NAME = 50
_REGION = re.compile(r"[0-9]{2,12}", re.ASCII)


def add_account(hub: Hub, by: Account, name: str, password: str, role: str, region: str) -> Account:
    """A new account. HubError `account.*`."""
    demand(by, "account.manage")
    account, hashed = new_account(name, password, role, region)
    demand(by, "account.manage", region)
    with hub.store.writing():
        if hub.store.people.by_name(account.name) is not None:
            raise HubError("account.exists", name=name)
        keep_account(hub, by, account, hashed)
    return account


def new_account(name: str, password: str, role: str, region: str) -> tuple[Account, str]:
    """An account and its hashed password, kept nowhere yet. HubError `account.*`."""
    name = name.strip()
    if not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
        raise HubError("account.name_form")
    if role not in ROLES:
        raise HubError("account.role_unknown", role=role)
    if _REGION.fullmatch(region) is None:
        raise HubError("account.region_form")
    return Account(os.urandom(16), name, role, region), hash_password(password)


def keep_account(hub: Hub, by: Account | None, account: Account, hashed: str) -> None:
    """Stores a new account; `by` is None for the first. Runs inside a write transaction."""
    hub.store.people.add(account, hashed, hub.now_ms())
    note(hub, by, "account.add", account.name, account.region, role=account.role)


def find_account(hub: Hub, account: bytes) -> Account | None:
    """The account with this id while it stands, for a session that names it."""
    found = hub.store.people.by_id(account)
    return found.account if found and found.account.disabled_at is None else None


def account_named(hub: Hub, name: str) -> Account:
    """HubError `account.unknown`."""
    found = hub.store.people.by_name(name)
    if found is None or found.account.disabled_at is not None:
        raise HubError("account.unknown", name=name)
    return found.account


def first_admin(hub: Hub) -> Account:
    """The oldest admin account that has not ended: who acts on the command line by default."""
    found = hub.store.people.first_of_role("admin")
    if found is None:
        raise HubError("account.unknown")
    return found


def disable_account(hub: Hub, by: Account, account: bytes) -> Account:
    """Ends another's account. HubError `account.unknown`, `account.own`."""
    demand(by, "account.manage")
    if account == by.id:
        raise HubError("account.own")
    with hub.store.writing():
        found = hub.store.people.by_id(account)
        if found is None or not by.sees(found.account.region):
            raise HubError("account.unknown")
        if found.account.disabled_at is None:
            hub.store.people.disable(account, hub.now_ms())
            note(hub, by, "account.disable", found.account.name, found.account.region)
    return found.account


def list_accounts(hub: Hub, by: Account) -> list[Account]:
    """The accounts of one's region."""
    demand(by, "account.manage")
    return hub.store.people.accounts(by.region)
