"""What an archive is made of: entries, the bytes they place, the signatures that cover them.

Reads in portions, so that a channel of any length passes through. Believes nothing and checks
nothing: that is the business of whoever reads the archive.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hub_server.store.database import HubDatabase, run
from sync_protocol.operations import Head

ITEMS_PER_READ = 500

_ITEMS_AFTER = """
    SELECT e.position, e.data, e.digest, o.header, o.body, o.body_digest, o.base
    FROM entry e LEFT JOIN operation o ON o.channel = e.channel AND o.name = e.operation
    WHERE e.channel = ? AND e.position > ? ORDER BY e.position LIMIT ?
"""
_HEADS = """
    SELECT replica, signed_seq, signed_link, signature FROM chain
    WHERE channel = ? AND signature IS NOT NULL
    UNION SELECT b.replica, b.seq, b.link, b.signature FROM branch_head b
    JOIN chain c ON c.replica = b.replica AND c.channel = ?
    ORDER BY 1, 2, 3
"""
_REPLICAS = """
    SELECT id, certificate, introduction FROM replica
    WHERE id IN (SELECT replica FROM chain WHERE channel = ?)
    OR id IN (SELECT replica FROM countersignature WHERE channel = ?)
    ORDER BY id
"""


@dataclass(frozen=True)
class KeptItem:
    """An entry and, where it places an operation, that one: (header, body, digest of the body, link
    before it where it does not follow its chain)."""

    position: int
    data: bytes
    digest: bytes
    operation: tuple[bytes, bytes | None, bytes, bytes | None] | None


@dataclass(frozen=True)
class SignedHead:
    """A head and the signature of its replica."""

    head: Head
    signature: bytes


@dataclass(frozen=True)
class Member:
    """A replica that wrote or countersigned a channel, with its certificate and introduction."""

    replica: bytes
    certificate: bytes
    introduction: bytes | None


class Evidence:
    """Reads for an archive, and the signed heads that a chain's own row has no place for."""

    def __init__(self, database: HubDatabase) -> None:
        self._database = database

    def keep_branch_head(self, head: Head, signature: bytes) -> None:
        """Keeps the signature over a branch, or over what came behind a gap."""
        sql = (
            "INSERT OR IGNORE INTO branch_head (replica, seq, link, signature) VALUES (?, ?, ?, ?)"
        )
        run(self._database, sql, head.replica, head.seq, head.link, signature)

    def items(self, channel: bytes) -> Iterator[KeptItem]:
        """Every entry of a channel, in order."""
        position = 0
        while portion := self._items_after(channel, position):
            yield from portion
            position = portion[-1].position

    def _items_after(self, channel: bytes, position: int) -> list[KeptItem]:
        found = run(self._database, _ITEMS_AFTER, channel, position, ITEMS_PER_READ)
        return [
            KeptItem(at, data, digest, (header, body, body_digest, base) if header else None)
            for at, data, digest, header, body, body_digest, base in found
        ]

    def hub_replicas(self, channel: bytes) -> set[bytes]:
        """All that the hub wrote as in a channel."""
        sql = "SELECT replica FROM chain WHERE channel = ? AND is_hub"
        return {replica for (replica,) in run(self._database, sql, channel)}

    def heads(self, channel: bytes) -> list[SignedHead]:
        """The signed heads that cover the operations of every station's chain."""
        found = run(self._database, _HEADS, channel, channel)
        return [SignedHead(Head(replica, seq, link), made) for replica, seq, link, made in found]

    def members(self, channel: bytes) -> list[Member]:
        """The stations' replicas that a channel knows, by id."""
        return [Member(*row) for row in run(self._database, _REPLICAS, channel, channel)]
