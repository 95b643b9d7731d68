"""Single facts under a name: who this PC is, how its exchanges went, the day's case numbers.

Knows how they are kept, not what they are for.
"""

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from station_client.store.connection import Database
from station_client.store.rows import ExchangeState, Identity
from sync_protocol.exchange import Loss

T = TypeVar("T")

_EPOCH = "(SELECT epoch FROM channel WHERE kind = 'station')"


class Facts:
    def __init__(self, database: Database) -> None:
        self._database = database

    def identity(self) -> Identity | None:
        return self._read("identity", Identity)

    def keep_identity(self, identity: Identity) -> None:
        self._keep("identity", identity)

    def exchange(self) -> ExchangeState:
        return self._read("exchange", ExchangeState) or ExchangeState()

    def keep_exchange(self, state: ExchangeState) -> None:
        self._keep("exchange", state)

    def declare(self, losses: Iterable[Loss]) -> None:
        """Keep which own operations this store has lost."""
        self._database.write_many(
            "INSERT OR REPLACE INTO loss (replica, first, last) VALUES (?, ?, ?)",
            ((each.replica, each.first, each.last) for each in losses),
        )

    def losses(self, limit: int) -> list[Loss]:
        """What is declared and no genuine reply of the hub's epoch has answered yet: a hub that is
        put back has forgotten what it was told."""
        rows = self._database.rows(
            f"SELECT replica, first, last FROM loss WHERE told_in IS NOT {_EPOCH} LIMIT ?", limit
        )
        return [Loss(**row) for row in rows]

    def told_losses(self, told: Iterable[Loss]) -> None:
        """A genuine reply answered a request that declared these."""
        self._database.write_many(
            f"UPDATE loss SET told_in = {_EPOCH} WHERE replica = ? AND first = ? AND last = ?",
            ((each.replica, each.first, each.last) for each in told),
        )

    def sealed_at(self) -> int | None:
        """When this store was sealed (ms), None while it may be written."""
        return self._read("sealed_at", int)

    def seal(self, at: int) -> None:
        self._keep("sealed_at", at)

    def shown_by(self) -> str:
        """Which program and forms made the record rows; "" before any did."""
        return self._read("shown_by", str) or ""

    def keep_shown_by(self, maker: str) -> None:
        self._keep("shown_by", maker)

    def next_case_sequence(self, day: str) -> int:
        """The next number of that day (ISO), from 1; taken for good when the transaction ends."""
        with self._database.writing():
            self._database.write(
                "INSERT INTO case_sequence (day, last) VALUES (?, 1)"
                " ON CONFLICT (day) DO UPDATE SET last = last + 1",
                day,
            )
            [row] = self._database.rows("SELECT last FROM case_sequence WHERE day = ?", day)
        return int(row["last"])

    def _read(self, name: str, kind: type[T]) -> T | None:
        row = self._database.row("SELECT value FROM fact WHERE name = ?", name)
        return msgspec.msgpack.decode(row["value"], type=kind) if row else None

    def _keep(self, name: str, value: object) -> None:
        with self._database.writing():
            self._database.write(
                "INSERT INTO fact (name, value) VALUES (?, ?)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                name,
                msgspec.msgpack.encode(value),
            )
