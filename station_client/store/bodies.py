"""Bodies of operations apart from their headers: which are missing, which either end is given, and
which are erased for good.

*Missing* is healed, *erased* never (PROTOCOL.md, section 15). Whoever writes does so within
`Database.writing`.
"""

from collections.abc import Iterable, Sequence

from station_client.store.connection import Database
from sync_protocol.channel import Verdict

_IS_LACKING = (
    "body IS NULL AND NOT EXISTS"
    " (SELECT 1 FROM erased WHERE channel = o.channel AND record = o.record)"
)


class Bodies:
    def __init__(self, database: Database) -> None:
        self._database = database

    def lacking(self, limit: int) -> list[bytes]:
        """Digests of bodies that are missing here and not erased, of accepted operations first."""
        rows = self._database.rows(
            f"SELECT body_digest FROM operation AS o WHERE {_IS_LACKING}"
            " GROUP BY body_digest ORDER BY max(verdict) DESC LIMIT ?",
            limit,
        )
        return [row["body_digest"] for row in rows]

    def count_lacking(self) -> int:
        """How many accepted or own operations lack their body. Of another one there may never have
        been any: whoever writes such ones must not keep this PC from being synchronised."""
        rows = self._database.rows(
            f"SELECT count(*) AS lacking FROM operation AS o WHERE {_IS_LACKING}"
            " AND (verdict = ? OR link IS NOT NULL)",
            int(Verdict.ACCEPTED),
        )
        return int(rows[0]["lacking"])

    def give(self, bodies: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """(digest, body) of what was missing; gives the (channel, record) that they belong to."""
        given = dict(bodies)
        rows = self._database.rows_of(
            f"SELECT name, channel, record, body_digest FROM operation AS o WHERE {_IS_LACKING}"
            " AND body_digest IN (?*)",
            list(given),
        )
        self._database.write_many(
            "UPDATE operation SET body = ? WHERE name = ?",
            ((given[row["body_digest"]], row["name"]) for row in rows),
        )
        return [(row["channel"], row["record"]) for row in rows]

    def here(self, digests: Sequence[bytes]) -> list[bytes]:
        """Those of these digests whose body is here."""
        rows = self._database.rows_of(
            "SELECT DISTINCT body_digest FROM operation"
            " WHERE body IS NOT NULL AND body_digest IN (?*)",
            digests,
        )
        return [row["body_digest"] for row in rows]

    def of(self, digests: Sequence[bytes], budget_bytes: int) -> list[bytes]:
        """Those of them that are here, as many as fit, at least one."""
        rows = self._database.rows_of(
            "SELECT DISTINCT body FROM operation WHERE body IS NOT NULL AND body_digest IN (?*)",
            digests,
        )
        found: list[bytes] = []
        for row in rows:
            budget_bytes -= len(row["body"])
            if found and budget_bytes < 0:
                break
            found.append(row["body"])
        return found

    def erase(self, channel: bytes, records: Sequence[bytes]) -> None:
        """For good: of all operations about these records, own unsent ones and later ones too. What
        stood in the requests that wait for a reply goes with them."""
        if not records:
            return
        both = [(channel, record) for record in records]
        self._database.write_many(
            "INSERT OR IGNORE INTO erased (channel, record) VALUES (?, ?)", both
        )
        self._database.write_many(
            "UPDATE operation SET body = NULL WHERE channel = ? AND record = ?", both
        )
        self._database.write("UPDATE request SET payload = x''")

    def is_erased(self, channel: bytes, record: bytes) -> bool:
        sql = "SELECT 1 FROM erased WHERE channel = ? AND record = ?"
        return self._database.row(sql, channel, record) is not None
