"""The entries that name an epoch of this hub, as a station asks for them."""

from __future__ import annotations

from hub_server.store.database import HubDatabase, run


class Epochs:
    def __init__(self, database: HubDatabase) -> None:
        self._database = database

    def of(self, channel: bytes, until: int | None = None) -> list[bytes]:
        """The bytes of a channel's epoch entries, in order, up to a position or all."""
        sql = "SELECT data FROM epoch WHERE channel = ? AND position <= ? ORDER BY position"
        last = 1 << 62 if until is None else until
        return [data for (data,) in run(self._database, sql, channel, last)]

    def after(self, channel: bytes, position: int) -> list[bytes]:
        """The bytes of those after a position, in order."""
        sql = "SELECT data FROM epoch WHERE channel = ? AND position > ? ORDER BY position"
        return [data for (data,) in run(self._database, sql, channel, position)]
