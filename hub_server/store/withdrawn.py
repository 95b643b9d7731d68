"""What is taken back for good: the bodies of erased records, the enrolments that were revoked."""

from __future__ import annotations

from collections.abc import Sequence

from hub_server.store.database import HubDatabase, run, run_in

_DROP_BODIES = "UPDATE operation SET body = NULL WHERE channel = ? AND record = ?"
_DROP_LINE = "DELETE FROM record WHERE channel = ? AND record = ?"


class Withdrawn:
    def __init__(self, database: HubDatabase) -> None:
        self._database = database

    def erase(self, channel: bytes, record: bytes, at: int) -> None:
        """No body of the record stays, nor what was made of them; the freed pages are wiped."""
        run(self._database, "PRAGMA secure_delete = ON").fetchall()
        run(self._database, _DROP_BODIES, channel, record)
        run(self._database, _DROP_LINE, channel, record)
        noted = "INSERT OR IGNORE INTO erased (channel, record, at) VALUES (?, ?, ?)"
        run(self._database, noted, channel, record, at)

    def erased(self, channel: bytes, records: Sequence[bytes]) -> set[bytes]:
        """Those of these records that are erased."""
        if (
            run(self._database, "SELECT 1 FROM erased WHERE channel = ?", channel).fetchone()
            is None
        ):
            return set()
        sql = "SELECT record FROM erased WHERE channel = ? AND record IN (?*)"
        return {record for (record,) in run_in(self._database, sql, records, channel)}

    def all_erased(self) -> set[tuple[bytes, bytes]]:
        """(channel, record) of each."""
        return set(run(self._database, "SELECT channel, record FROM erased"))

    def revoke(self, enrolment: bytes, reason: str, at: int) -> None:
        noted = "INSERT OR IGNORE INTO revoked (enrolment, reason, at) VALUES (?, ?, ?)"
        run(self._database, noted, enrolment, reason, at)

    def is_revoked(self, enrolment: bytes) -> bool:
        sql = "SELECT 1 FROM revoked WHERE enrolment = ?"
        return run(self._database, sql, enrolment).fetchone() is not None

    def all_revoked(self) -> dict[bytes, str]:
        """Enrolment → reason."""
        return dict(run(self._database, "SELECT enrolment, reason FROM revoked"))
