"""County accounts: adding one, signing in, and slowing down whoever guesses."""

from __future__ import annotations

import os
import re

from hub_server.accounts import ROLES, Account, hash_password, password_matches
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.permissions import demand
from hub_server.services.audit import note

FREE_TRIES = 5
LOCK_MINUTES = 15
LONGEST_NAME = 50
_REGION = re.compile(r"[0-9]{2,12}", re.ASCII)

_decoy: list[str] = []


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


def sign_in(hub: Hub, name: str, password: str) -> Account:
    """Who this is. HubError `account.wrong_password`, `account.locked`."""
    found = hub.store.people.by_name(name.strip())
    if found is None or found.account.disabled_at is not None:
        password_matches(password, _a_hash())  # as slow as for an account that exists
        raise HubError("account.wrong_password")
    now = hub.now_ms()
    if found.locked_until > now:
        raise HubError("account.locked", minutes=-(-(found.locked_until - now) // 60_000))
    right = password_matches(password, found.password)
    with hub.store.writing():
        current = hub.store.people.by_id(found.account.id) or found  # others may guess meanwhile
        failures = 0 if right else current.failures + 1
        locked_until = now + LOCK_MINUTES * 60_000 if failures >= FREE_TRIES else 0
        hub.store.people.set_failures(found.account.id, failures, locked_until)
        action = "account.sign_in" if right else "account.sign_in_failed"
        note(hub, found.account, action, found.account.name, found.account.region)
    if not right:
        raise HubError("account.wrong_password")
    return found.account


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


def _a_hash() -> str:
    """The hash of a password nobody has, made once."""
    if not _decoy:
        _decoy.append(hash_password(os.urandom(16).hex()))
    return _decoy[0]
