"""County accounts and their passwords: who somebody is, and how a password is kept and checked.

Knows no store and no page. Argon2id needs memory by design, so at most two hashes run at a time:
guessing passwords cannot exhaust the server.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from threading import BoundedSemaphore

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from hub_server.errors import HubError

ROLES = ("reviewer", "operator", "admin")
SHORTEST_PASSWORD = 10
LONGEST_PASSWORD = 128

_MEMORY_KIB = 64 * 1024
_PASSES = 3
_hashing = BoundedSemaphore(2)


@dataclass(frozen=True)
class Account:
    """One person of the county. `region` is the division-code prefix that the account may see.

    `disabled_at` is when the account ended (ms since 1970 UTC), None while it stands.
    """

    id: bytes
    name: str
    role: str
    region: str
    disabled_at: int | None = None

    def sees(self, region: str) -> bool:
        return region.startswith(self.region)


def hash_password(password: str) -> str:
    """The text to store. HubError `account.password_weak`."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD or len(set(password)) < 5:
        raise HubError("account.password_weak", shortest=SHORTEST_PASSWORD)
    kdf = Argon2id(
        salt=os.urandom(16), length=32, iterations=_PASSES, lanes=1, memory_cost=_MEMORY_KIB
    )
    with _hashing:
        return kdf.derive_phc_encoded(password.encode())


def password_matches(password: str, stored: str) -> bool:
    """Whether this is the password that was stored."""
    if len(password) > LONGEST_PASSWORD:
        return False
    with _hashing:
        try:
            Argon2id.verify_phc_encoded(password.encode(), stored)
        except InvalidKey:
            return False
    return True
