"""Signing in, and slowing down whoever guesses, without shutting out whose account it is.

Wrong passwords are counted twice: by account and network, and more slowly by account for all the
networks that it is not used from. So many strangers together are bounded too, and the desk from
which somebody signs in every day stays open to him.
"""

from __future__ import annotations

import os
from dataclasses import replace
from ipaddress import IPv6Address, ip_address, ip_network

from hub_server.accounts import Account, hash_password, password_matches
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.services.audit import note
from hub_server.store import Guesses, StoredAccount

FREE_TRIES = 5
LOCK_MINUTES = 15
STRANGERS_TRIES = 50
STRANGERS_LOCK_MINUTES = 60
KNOWN_DAYS = 90

_MINUTE_MS = 60_000
_DAY_MS = 24 * 60 * _MINUTE_MS
_KNOWN_MS = KNOWN_DAYS * _DAY_MS
_IPV6_PREFIX = 64  # one household or office has them all

_decoy: list[str] = []


def sign_in(hub: Hub, name: str, password: str, address: str) -> Account:
    """Who this is. HubError `account.wrong_password`, `account.locked`."""
    found = hub.store.people.by_name(name.strip())
    if found is None or found.account.disabled_at is not None:
        password_matches(password, _a_hash())  # as slow as for an account that exists
        raise HubError("account.wrong_password")
    now, network, account = hub.now_ms(), network_of(address), found.account
    rests = _rests_until(found, hub.store.people.guesses(account.id, network), now)
    if rests > now:
        raise HubError("account.locked", minutes=-(-(rests - now) // _MINUTE_MS))
    right = password_matches(password, found.password)
    with hub.store.writing():
        _count(hub, account, network, now, right=right)
        action = "account.sign_in" if right else "account.sign_in_failed"
        note(hub, account, action, account.name, account.region)
    if not right:
        raise HubError("account.wrong_password")
    return account


def network_of(address: str) -> str:
    """What counts as one place that asks: an address, of IPv6 all that one line has."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address[:100]
    if isinstance(found, IPv6Address) and found.ipv4_mapped is None:
        return str(ip_network((found, _IPV6_PREFIX), strict=False))
    return str(getattr(found, "ipv4_mapped", None) or found)


def _rests_until(found: StoredAccount, here: Guesses, now: int) -> int:
    return here.locked_until if _is_known(here, now) else max(here.locked_until, found.locked_until)


def _is_known(here: Guesses, now: int) -> bool:
    return bool(here.signed_in_at) and now - here.signed_in_at <= _KNOWN_MS


def _count(hub: Hub, account: Account, network: str, now: int, *, right: bool) -> None:
    """Counts what was tried, from what stands now: others may guess meanwhile."""
    people = hub.store.people
    here = people.guesses(account.id, network)
    people.forget_guesses(account.id, now - _DAY_MS, now - _KNOWN_MS)
    if right:
        people.keep_guesses(account.id, network, Guesses(signed_in_at=now))
        return
    failures, until = _next(here.failures, now, FREE_TRIES, LOCK_MINUTES, here.locked_until)
    failed = replace(here, failures=failures, locked_until=until, failed_at=now)
    people.keep_guesses(account.id, network, failed)
    current = people.by_id(account.id)
    if current is not None and not _is_known(here, now):
        before, tries = current.failures, STRANGERS_TRIES
        people.set_failures(
            account.id, *_next(before, now, tries, STRANGERS_LOCK_MINUTES, current.locked_until)
        )


def _next(failures: int, now: int, tries: int, minutes: int, locked_until: int) -> tuple[int, int]:
    """(failures, locked until) after one more: at so many a rest, and the count begins anew."""
    if failures + 1 < tries:
        return failures + 1, locked_until
    return 0, now + minutes * _MINUTE_MS


def _a_hash() -> str:
    """The hash of a password nobody has, made once."""
    if not _decoy:
        _decoy.append(hash_password(os.urandom(16).hex()))
    return _decoy[0]
