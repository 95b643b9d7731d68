"""Bodies found by their digest: what is missing here, and what arrives for it.

An erased record's bodies are not missing: they are asked for by nobody and taken from nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from hub_server.store.database import HubDatabase, portions, run, run_in
from hub_server.store.operations import PLACED, Placed, placed_from
from hub_server.store.tables import table

_IS_MISSING = """
    body IS NULL AND NOT EXISTS (
        SELECT 1 FROM erased e
        WHERE e.channel = operation.channel AND e.record = operation.record)
"""


class Bodies:
    def __init__(self, database: HubDatabase) -> None:
        self._database = database
        self._operations = table(database, "operation")

    def read(self, channels: Sequence[bytes], digests: Sequence[bytes]) -> Iterator[bytes]:
        """The bodies with these digests, of these channels only."""
        o = self._operations
        for part in portions(digests):
            query = o.select(o.body_digest, o.body).where(
                o.body_digest.in_(part) & o.channel.in_(list(channels)) & o.body.is_null(False)
            )
            seen: set[bytes] = set()
            for digest, body in query.tuples():
                if digest not in seen:
                    seen.add(digest)
                    yield body

    def lacking(self, channel: bytes, most: int) -> list[bytes]:
        """Digests of bodies that this channel's operations lack, so many at most: of accepted ones
        first, for of a refused one nobody may ever have had a body."""
        # Grouped by the column itself, SQLite would walk the whole channel in its order.
        sql = (
            f"SELECT body_digest FROM operation WHERE channel = ? AND {_IS_MISSING}"
            " GROUP BY +body_digest ORDER BY max(verdict) DESC LIMIT ?"
        )
        return [digest for (digest,) in run(self._database, sql, channel, most)]

    def missing(self, channel: bytes, digests: Sequence[bytes]) -> list[Placed]:
        """The operations of a channel that lack a body with one of these digests."""
        where = f"channel = ? AND {_IS_MISSING} AND body_digest IN (?*)"
        sql = f"SELECT {PLACED} FROM operation WHERE {where}"
        return [placed_from(*row) for row in run_in(self._database, sql, digests, channel)]

    def fill(self, channel: bytes, bodies: Mapping[bytes, bytes]) -> None:
        """Digest → body, for whatever lacks one of them."""
        sql = (
            f"UPDATE operation SET body = ? WHERE channel = ? AND body_digest = ? AND {_IS_MISSING}"
        )
        for digest, body in bodies.items():
            run(self._database, sql, body, channel, digest)
