"""The open station: what every service takes as its first argument.

Knows no page and no command line; `app.py` puts it together.
"""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Protocol

from msgspec.structs import replace

from forms import Forms
from station_client.errors import StationError
from station_client.home import Home
from station_client.store import Store
from station_client.store.journal import Journal
from station_client.store.rows import ExchangeState, Identity
from station_client.vault import Unlocked, Vault
from station_client.witness import Witness
from sync_protocol import crypto, enrol, limits, mint
from sync_protocol.enrol import Certificate, HubPublic, ReplicaKeys
from sync_protocol.errors import PeerFault
from sync_protocol.exchange import Loss
from sync_protocol.mint import Introduction
from sync_protocol.operations import ID_BYTES, Head

EXCHANGE_WAIT_SECONDS = 3.0
COPIES_AT_ONCE = 2_500
"""Operations that are in memory together while they are issued again."""


class Transport(Protocol):
    """Carries bytes to the hub and back. Errors: transport.*"""

    def fetch_card(self) -> bytes: ...

    def enrol(self, data: bytes) -> bytes: ...

    def exchange(self, data: bytes) -> bytes: ...


@dataclass
class Station:
    """One unlocked, enrolled station PC. Threads may share it.

    `name`, `is_closed`, `is_sealed` and `clock_offset_ms` (hub minus device) are what stands in the
    store, held here because every saved entry needs them; `refresh` reads them again. `has_minted`:
    since it was opened, or while it was; `has_asked`: a request was numbered since then.
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
    witness: Witness
    name: str = ""
    is_closed: bool = False
    is_sealed: bool = False
    clock_offset_ms: int = 0
    has_minted: bool = False
    has_asked: bool = False
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
        witness = Witness(home.witness)
        parts = (forms, now_ms, identity, certificate, transport, witness)
        station = cls(home, vault, unlocked, store, *parts)
        store.journal.on_appended = station._note_saved
        try:
            station._compare_witness()
            station.refresh()
        except BaseException:
            witness.close()
            raise
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
        cards = self.store.records.of_kind(["station_card"])
        named = [str(card.values["name"]) for card in cards if card.values.get("name")]
        self.name = named[0] if named else self.certificate.station_name
        self.is_closed = self.store.channels.own().closed_until is not None
        self.is_sealed = self.store.facts.sealed_at() is not None
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

    def mint(self, lost: Sequence[Loss] = ()) -> None:
        """Go on under a new replica of the same enrolment: the chain cannot. The old one is closed
        by nobody; `lost` are operations of it that are declared. PROTOCOL.md, section 12."""
        keys = (os.urandom(ID_BYTES), crypto.new_signing_key(), crypto.new_sealing_key())
        minted = self.identity.minted(ReplicaKeys(*keys))
        with self.store.writing():
            self.store.facts.keep_identity(minted)
            self.store.facts.declare(lost)
            self.store.channels.forget_requests()
            state = self.store.facts.exchange()
            anew = replace(state, number=0, reserved=0, heard=0, synchronised=False, agreed=())
            self.store.facts.keep_exchange(anew)
            # Before anything is written on top of them: the hub must meet what creates a record
            # before what amends it.
            head = _issue_again(self.store.journal, self.channel, minted.replica)
            # Before anybody else may write, and also where the witness fails.
            self.store.database.once_durable(lambda: self._go_on_as(minted, head))

    def _go_on_as(self, minted: Identity, head: Head) -> None:
        self.identity = minted
        self.has_minted = True
        self.witness.note(head)

    def _note_saved(self, head: Head) -> None:
        """What is in the store is saved, whatever becomes of the file beside it: told of an error,
        a clerk would save it again."""
        with suppress(StationError):
            self.witness.note(head)

    def demand_witness(self, head: Head) -> None:
        """The witness has seen the chain's end: what it could not be told at once it is told before
        more is sent. Within `store.writing`. Errors: home.disk_full, home.file_refused"""
        if self.witness.seen != head:
            self.witness.note(head)

    def issue_again(self) -> None:
        """Write again, under the chain of now, what older chains of this PC hold and nobody has
        decided. Within `store.writing`. PROTOCOL.md, section 12."""
        if self.identity.past:
            _issue_again(self.store.journal, self.channel, self.keys.replica)

    def has_to_issue_again(self) -> bool:
        """Whether the next exchange issues something again."""
        codes, replica = mint.ISSUED_AGAIN, self.keys.replica
        return bool(self.identity.past and self.store.journal.issued_again(replica, codes, 1))

    def introduction(self) -> Introduction:
        """Who this PC is, for a hub that may not know its replica."""
        return self.identity.introduction(self.certificate.enrolment)

    def is_certified(self, certificate: bytes, signature: bytes) -> None:
        """Keep what the hub certified of this very replica. PeerFault enrol.certificate."""
        read = enrol.read_certificate(certificate, signature, self.hub)
        is_ours = (read.keys, read.enrolment) == (self.keys.public, self.certificate.enrolment)
        if not is_ours or read.grants[:1] != self.certificate.grants[:1]:
            raise PeerFault("enrol.certificate")
        self.keep_identity(self.identity.certified(certificate, signature))
        self.certificate = read

    def keep_identity(self, identity: Identity) -> None:
        with self.store.writing():
            self.store.facts.keep_identity(identity)
        self.identity = identity

    def _compare_witness(self) -> None:
        """Mint where the store lacks what the witness saw saved, or the witness is gone; or where
        the program was cut off between hearing of a fork and minting."""
        journal, replica = self.store.journal, self.keys.replica
        lost = self._lost(self.witness.seen) if self.identity.witnessed else None
        if lost is not None or journal.is_told_its_own(replica):
            self.mint(lost or ())
        else:  # what cannot be written is told now, and not of every entry after it was saved
            self.witness.note(journal.own_head(replica))
        if not self.identity.witnessed:
            self.keep_identity(replace(self.identity, witnessed=True))

    def _lost(self, seen: Head | None) -> list[Loss] | None:
        """What the store lacks of what was seen saved; None where all is as it should be."""
        if seen is None:
            return []
        is_here = self.store.journal.own_link(seen.replica, seen.seq) == seen.link
        if seen.replica == self.keys.replica and is_here:
            return None
        if seen.replica in self.identity.past and (is_here or self._is_declared(seen)):
            return None  # minted, and cut off before the witness was told
        # Else the store lost that it was minted, or is of another branch of the chain.
        had = self.store.journal.own_head(seen.replica).seq
        return [Loss(seen.replica, min(had + 1, seen.seq), seen.seq)] if seen.seq else []

    def _is_declared(self, seen: Head) -> bool:
        """Whether the replica was minted since the store lacks what was seen."""
        losses = self.store.facts.losses(limits.LOSSES_PER_REQUEST)
        return any(each.replica == seen.replica and each.last == seen.seq for each in losses)

    def close(self) -> None:
        self.witness.close()
        self.store.close()


def _issue_again(journal: Journal, channel: bytes, replica: bytes) -> Head:
    """The chain's new end. A copy is the same act under another name: nothing that a page shows
    changes."""
    head = journal.own_head(replica)
    while due := journal.issued_again(replica, mint.ISSUED_AGAIN, COPIES_AT_ONCE):
        copies = []
        for operation in due:
            copies.append(mint.issue_again(operation, head))
            head = journal.append_own(channel, head, copies[-1])
        journal.share_verdicts(copies)
    return head
