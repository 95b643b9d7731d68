"""Accounts of the county, and the audit line that stands beside every write.

Passwords come hashed; audit facts come without anything about a citizen.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from peewee import Database, fn

from hub_server.accounts import Account
from hub_server.store.tables import table, within


@dataclass(frozen=True)
class StoredAccount:
    """An account with what guards it: the failures from networks that it is not used from, and
    until when (ms since 1970 UTC) it is closed to these."""

    account: Account
    password: str
    failures: int
    locked_until: int


@dataclass(frozen=True)
class Guesses:
    """Passwords tried for one account from one network; times are ms since 1970 UTC, 0 is never."""

    failures: int = 0
    locked_until: int = 0
    failed_at: int = 0
    signed_in_at: int = 0


@dataclass(frozen=True)
class AuditLine:
    """Who did what to what, when (ms since 1970 UTC)."""

    at: int
    account: bytes
    account_name: str
    region: str
    action: str
    target: str
    facts: Mapping[str, Any]


class People:
    """Accounts and the audit trail."""

    def __init__(self, database: Database) -> None:
        self._accounts = table(database, "account")
        self._guesses = table(database, "guess")
        self._audit = table(database, "audit")

    def add(self, account: Account, password: str, at: int) -> None:
        self._accounts.insert(
            **vars(account), password=password, failures=0, locked_until=0, created_at=at
        ).execute()

    def by_name(self, name: str) -> StoredAccount | None:
        return self._one(self._accounts.name == name)

    def by_id(self, account: bytes) -> StoredAccount | None:
        return self._one(self._accounts.id == account)

    def accounts(self, region: str) -> list[Account]:
        a = self._accounts
        query = a.select().where(within(a.region, region)).order_by(a.name)
        return [_account(row) for row in query]

    def first_of_role(self, role: str) -> Account | None:
        """The oldest account of a role that has not ended."""
        a = self._accounts
        query = a.select().where((a.role == role) & a.disabled_at.is_null())
        row = query.order_by(a.created_at, a.id).first()
        return _account(row) if row is not None else None

    def disable(self, account: bytes, at: int) -> None:
        a = self._accounts
        a.update(disabled_at=at).where(a.id == account).execute()

    def set_failures(self, account: bytes, failures: int, locked_until: int) -> None:
        a = self._accounts
        query = a.update(failures=failures, locked_until=locked_until)
        query.where(a.id == account).execute()

    def guesses(self, account: bytes, network: str) -> Guesses:
        g = self._guesses
        row = g.select().where((g.account == account) & (g.network == network)).first()
        return Guesses(**{n: row[n] for n in Guesses.__dataclass_fields__}) if row else Guesses()

    def keep_guesses(self, account: bytes, network: str, guesses: Guesses) -> None:
        g = self._guesses
        g.delete().where((g.account == account) & (g.network == network)).execute()
        g.insert(account=account, network=network, **vars(guesses)).execute()

    def forget_guesses(self, account: bytes, failed_before: int, signed_in_before: int) -> None:
        """Forgets the networks from which nobody has tried and nobody signed in since then."""
        g = self._guesses
        idle = (g.failed_at < failed_before) & (g.signed_in_at < signed_in_before)
        g.delete().where((g.account == account) & idle).execute()

    def _one(self, condition: Any) -> StoredAccount | None:
        row = self._accounts.select().where(condition).first()
        if row is None:
            return None
        return StoredAccount(_account(row), row["password"], row["failures"], row["locked_until"])

    def write_audit(self, line: AuditLine) -> None:
        facts = msgspec.json.encode(line.facts).decode()
        self._audit.insert(**{**vars(line), "facts": facts}).execute()

    def count_audit(self, region: str) -> int:
        a = self._audit
        query = a.select(fn.count(a.id)).where(within(a.region, region))
        return int(query.scalar() or 0)

    def audit(self, region: str, limit: int, offset: int = 0) -> list[AuditLine]:
        """The trail within a region prefix, newest first."""
        a = self._audit
        query = a.select().where(within(a.region, region))
        query = query.order_by(a.id.desc()).limit(limit).offset(offset)
        return [_audit_line(row) for row in query]


def _account(row: Any) -> Account:
    return Account(row["id"], row["name"], row["role"], row["region"], row["disabled_at"])


def _audit_line(row: Any) -> AuditLine:
    known = {name: row[name] for name in row if name != "id"}
    return AuditLine(**{**known, "facts": msgspec.json.decode(row["facts"])})
