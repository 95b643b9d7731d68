"""The open station: what every service takes as its first argument.

Knows no page and no command line; `app.py` puts it together.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from forms import Forms
from station_client.errors import StationError
from station_client.home import Home
from station_client.store import Store
from station_client.store.rows import ExchangeState, Identity
from station_client.vault import Unlocked, Vault
from sync_protocol import enrol
from sync_protocol.enrol import Certificate, HubPublic, ReplicaKeys

EXCHANGE_WAIT_SECONDS = 3.0


class Transport(Protocol):
    """Carries bytes to the hub and back. Errors: transport.*"""

    def fetch_card(self) -> bytes: ...

    def enrol(self, data: bytes) -> bytes: ...

    def exchange(self, data: bytes) -> bytes: ...


@dataclass
class Station:
    """One unlocked, enrolled station PC. Threads may share it.

    `name`, `is_closed` and `clock_offset_ms` (hub minus device) are what the last exchange left
    in the store, held here because every saved entry needs them; `refresh` reads them again.
    """

    home: Home
    vault: Vault
    unlocked: Unlocked
    store: Store
    forms: Forms
    now_ms: Callable[[], int]
    identity: Identity
    certificate: Certificate
    transport: Transport
    name: str = ""
    is_closed: bool = False
    clock_offset_ms: int = 0
    _exchanging: threading.Lock = field(default_factory=threading.Lock, repr=False)

    @classmethod
    def open(
        cls,
        home: Home,
        vault: Vault,
        unlocked: Unlocked,
        store: Store,
        forms: Forms,
        now_ms: Callable[[], int],
        connect: Callable[[str], Transport],
    ) -> "Station":
        """The station of an unlocked store. Error: station.not_enrolled."""
        identity = store.facts.identity()
        if identity is None or not identity.certificate:
            raise StationError("station.not_enrolled")
        certificate = enrol.read_certificate(identity.certificate, identity.signature, identity.hub)
        transport = connect(identity.hub_url)
        station = cls(home, vault, unlocked, store, forms, now_ms, identity, certificate, transport)
        station.refresh()
        return station

    @property
    def clerk(self) -> bytes:
        return self.unlocked.clerk_id

    @property
    def keys(self) -> ReplicaKeys:
        return self.identity.keys

    @property
    def hub(self) -> HubPublic:
        return self.identity.hub

    @property
    def hub_url(self) -> str:
        return self.identity.hub_url

    @property
    def channel(self) -> bytes:
        """The channel this station writes in."""
        return self.certificate.grants[0].channel

    def stamp(self) -> int:
        """The best estimate of the hub's time, ms since 1970 UTC."""
        return self.now_ms() + self.clock_offset_ms

    def refresh(self) -> None:
        """Read again what an exchange may have changed."""
        state: ExchangeState = self.store.facts.exchange()
        cards = self.store.journal.records_of_kind(["station_card"])
        named = [str(card.values["name"]) for card in cards if card.values.get("name")]
        self.name = named[0] if named else self.certificate.station_name
        self.is_closed = self.store.channels.own().closed_until is not None
        self.clock_offset_ms = state.clock_offset_ms or 0

    @contextmanager
    def exchanging(self) -> Iterator[None]:
        """One exchange at a time. Error: exchange.under_way, after a short wait.

        A hub that hangs holds one exchange for minutes: pages that waited for it, each in a thread
        of the server, would leave none for a clerk who only wants to record.
        """
        if not self._exchanging.acquire(timeout=EXCHANGE_WAIT_SECONDS):
            raise StationError("exchange.under_way")
        try:
            yield
        finally:
            self._exchanging.release()

    def close(self) -> None:
        self.store.close()
