"""The chains that wrote the operations: where each ends, and who signed that.

Knows no channel's order, no merge and no page.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub_server.store.database import HubDatabase, Row, first_row, run
from hub_server.store.tables import table
from sync_protocol import operations
from sync_protocol.operations import Head


@dataclass(frozen=True)
class Chain:
    """What the hub holds of one replica's chain."""

    replica: bytes
    channel: bytes
    is_hub: bool
    frozen: bool
    head: Head


class Chains:
    def __init__(self, database: HubDatabase) -> None:
        self._database = database
        self._chains = table(database, "chain")

    def add_chain(self, replica: bytes, channel: bytes, *, is_hub: bool) -> Chain:
        head = operations.empty_head(replica)
        self._chains.insert(
            replica=replica,
            channel=channel,
            is_hub=is_hub,
            frozen=False,
            head_seq=head.seq,
            head_link=head.link,
            signed_seq=0,
        ).execute()
        return Chain(replica, channel, is_hub, False, head)

    def chain(self, replica: bytes) -> Chain | None:
        row = first_row(self._database, "chain", "replica = ?", replica)
        if row is None:
            return None
        head = Head(replica, row["head_seq"], row["head_link"])
        return Chain(replica, row["channel"], bool(row["is_hub"]), bool(row["frozen"]), head)

    def move_chain(self, head: Head) -> None:
        sql = "UPDATE chain SET head_seq = ?, head_link = ? WHERE replica = ?"
        run(self._database, sql, head.seq, head.link, head.replica)

    def freeze_chain(self, replica: bytes) -> None:
        c = self._chains
        c.update(frozen=True).where(c.replica == replica).execute()

    def keep_signature(self, head: Head, signature: bytes) -> None:
        """Keeps the newest head signature of a chain: it covers everything before it."""
        sql = (
            "UPDATE chain SET signed_seq = ?, signed_link = ?, signature = ?"
            " WHERE replica = ? AND signed_seq <= ?"
        )
        run(self._database, sql, head.seq, head.link, signature, head.replica, head.seq)

    def ends(self) -> dict[bytes, int]:
        """Replica → the seq up to which its chain has come without a gap."""
        c = self._chains
        return dict(c.select(c.replica, c.head_seq).tuples())

    def signatures(self, channel: bytes) -> list[Row]:
        """Replica, seq, link and head signature of every chain of a channel."""
        c = self._chains
        columns = (c.replica, c.is_hub, c.frozen, c.head_seq, c.signed_seq, c.signed_link)
        query = c.select(*columns, c.signature).where(c.channel == channel)
        return list(query.order_by(c.replica))

    def link_before(self, chain: Chain, seq: int) -> bytes | None:
        """The link just before a seq, None where the operation before it has not come, or came back
        without its chain."""
        if seq == 1:
            return operations.first_link(chain.replica)
        if seq - 1 == chain.head.seq:
            return chain.head.link
        sql = "SELECT link FROM operation WHERE replica = ? AND seq = ? ORDER BY position LIMIT 1"
        row = run(self._database, sql, chain.replica, seq - 1).fetchone()
        return row[0] or None if row else None
