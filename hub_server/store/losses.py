"""What stations declared as lost, until it is here."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hub_server.store.database import HubDatabase, run

DECLARED_PER_REPLICA = 1000
"""So many of each, and of all replicas together that nothing is known of."""

_DECLARE = """
    INSERT OR IGNORE INTO loss (replica, first, last, at) SELECT ?1, ?2, ?3, ?4
    WHERE (SELECT count(*) FROM loss WHERE replica = ?1) < ?5
    AND NOT EXISTS (SELECT 1 FROM chain WHERE replica = ?1 AND channel <> ?6)
    AND (EXISTS (SELECT 1 FROM chain WHERE replica = ?1)
        OR (SELECT count(*) FROM loss WHERE replica NOT IN (SELECT replica FROM chain)) < ?5)
"""
_MISSING = """
    SELECT l.replica, l.first, l.last, l.at,
        (SELECT count(DISTINCT o.seq) FROM operation o
         WHERE o.replica = l.replica AND o.seq BETWEEN l.first AND l.last)
    FROM loss l ORDER BY l.at, l.replica, l.first
"""


@dataclass(frozen=True)
class DeclaredLoss:
    """Operations `first` to `last` of a chain; so many of them are `missing` here, too."""

    replica: bytes
    first: int
    last: int
    at: int
    missing: int


class Losses:
    def __init__(self, database: HubDatabase) -> None:
        self._database = database

    def declare(self, channel: bytes, lost: Iterable[tuple[bytes, int, int]], at: int) -> None:
        """(replica, first, last) of each; nobody speaks of another channel's replicas."""
        for each in lost:
            run(self._database, _DECLARE, *each, at, DECLARED_PER_REPLICA, channel)

    def missing(self) -> list[DeclaredLoss]:
        """Those of which nobody has brought all, oldest first."""
        found = run(self._database, _MISSING)
        losses = [
            DeclaredLoss(replica, first, last, at, last - first + 1 - here)
            for replica, first, last, at, here in found
        ]
        return [each for each in losses if each.missing > 0]
