"""The hub that every service takes as its first argument: what it holds, nothing it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from forms import Forms
from hub_server.errors import HubError
from hub_server.outside_journal import OutsideJournal
from hub_server.store import Channel, Store
from sync_protocol.channel import hub_replica
from sync_protocol.enrol import HubKeys

EPOCH = "epoch"
"""The name of the fact."""


@dataclass(frozen=True)
class Hub:
    """One county's hub. `region` is its division code; `now_ms` gives ms since 1970 UTC."""

    home: Path
    store: Store
    keys: HubKeys
    forms: Forms
    now_ms: Callable[[], int]
    name: str
    region: str
    outside: OutsideJournal

    @property
    def epoch(self) -> bytes:
        """The epoch of the hub's log: another one once a restore was noticed."""
        return self.store.meta(EPOCH) or b""

    def replica_in(self, channel: Channel) -> bytes:
        """The id of the replica that the hub writes as in a channel, in the channel's epoch."""
        return self.replica_of(channel.id, channel.epoch)

    def replica_of(self, channel: bytes, epoch: bytes) -> bytes:
        """The same in any epoch."""
        return hub_replica(self.keys.public.id, channel, epoch)

    def shown(self, version: bytes) -> str:
        """A record's version as a page names it: pages do not outlive an epoch."""
        return version.hex() + self.epoch.hex()

    def check_seen(self, version: str, seen: str, code: str) -> None:
        """HubError `code`, or `page.before_restore`, unless what a page showed is what is here."""
        if seen == version:
            return
        epoch = self.epoch.hex()
        is_older = len(seen) == len(version) and not seen.endswith(epoch)
        raise HubError("page.before_restore" if is_older else code)
