"""The hub that every service takes as its first argument: what it holds, nothing it does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from forms import Forms
from hub_server.store import Store
from sync_protocol import crypto
from sync_protocol.enrol import HubKeys


@dataclass(frozen=True)
class Hub:
    """One county's hub. `region` is its division code; `now_ms` gives ms since 1970 UTC."""

    home: Path
    store: Store
    keys: HubKeys
    forms: Forms
    now_ms: Callable[[], int]
    epoch: bytes
    name: str
    region: str

    def replica_in(self, channel: bytes) -> bytes:
        """The id of the replica that the hub writes as in a channel, in this epoch."""
        hub = self.keys.public.id
        return crypto.digest(b"bianmin/hub-replica", hub, channel, self.epoch)[:16]
