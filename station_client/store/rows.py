"""What the store gives and takes: plain values, never a row of the database.

Knows the protocol's types and no SQL.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from sync_protocol import mint
from sync_protocol.channel import Cursor, start_of
from sync_protocol.enrol import HubPublic, ReplicaKeys
from sync_protocol.mint import Introduction
from sync_protocol.pull import LOST, SHOW_RECEIPT


class StoredOperation(msgspec.Struct, frozen=True, gc=False):
    """An operation with its standing. `verdict` is None while no entry has spoken of it.

    `stamp`, `effective` and `at` (the hub's time of its latest verdict) are ms since 1970 UTC.
    `own` means written on this PC, under whichever of its replicas. `remembered` stands on one
    operation of a record: register → names that those replaced which a snapshot left out.
    """

    name: bytes
    identity: bytes
    record: bytes
    replica: bytes
    seq: int
    kind: str
    form_version: int
    stamp: int
    clerk: bytes
    body: bytes | None
    by_hub: bool
    position: int | None
    verdict: int | None
    code: str
    effective: int | None
    at: int | None
    own: bool = False
    remembered: Mapping[str, frozenset[bytes]] | None = None

    @property
    def order(self) -> tuple[bool, int, int, int]:
        """Sorts by the places in the channel; what has none yet comes last, as it was written. Not
        by the stamp alone: a clock that was put right would make what came after it older."""
        return self.position is None, self.position or 0, self.stamp, self.seq


class RecordRow(msgspec.Struct, frozen=True, gc=False):
    """What a record's operations add up to, as pages list and search it.

    `cells` are the 16 cells of its ledger line, None for what is no case; `day` is the line's date
    (ISO), "" for what is no case; `conflicts` counts the registers that this desk must settle,
    `held` and `refused` operations; `returned`: sent back by the county, and nobody here has
    written since; `status` is the line's 办件状态, or 已作废; `marked` counts what an imported
    line says against the rules of the form, and nobody has mended yet. `pending` operations are
    counted by the store that reads the row.
    """

    channel: bytes
    id: bytes
    kind: str
    form_version: int
    alive: str
    values: dict[str, Any]
    cells: tuple[str, ...] | None
    day: str
    title: str
    case_no: str
    search: str
    created_at: int
    changed_at: int
    conflicts: int = 0
    held: int = 0
    refused: int = 0
    returned: bool = False
    status: str = ""
    marked: int = 0
    pending: int = 0


@dataclass(frozen=True, slots=True)
class ItemRow:
    """A catalogue item as the search finds it; `initials` are those of its name's pinyin."""

    record: bytes
    code: str
    name: str
    department: str
    initials: str
    values: dict[str, Any]


class Bootstrap(msgspec.Struct, frozen=True):
    """How far the snapshot of a channel has come: taken at `position` (0: the hub chooses), where
    the history has `digest`, to go on after record id `after`, `done` of `total` records; `is_over`
    once it is applied whole, or the hub has none. `closing`: the entry's bytes, if it knows one."""

    position: int = 0
    digest: bytes = b""
    after: bytes = b""
    done: int = 0
    total: int = 0
    is_over: bool = False
    closing: bytes = b""


@dataclass(frozen=True, slots=True)
class ChannelRow:
    """A channel and how far it is applied. `head`: how long the hub said it is.

    `receipt_at`: the hub's time when it last said so (ms). `parted` is not empty when its history
    does not continue ours. Once the closing of the station was applied, `closed_at` is the county's
    time of it and `closed_until` the end of the time for late arrivals (ms). `base` is where a
    snapshot was taken that the entries here come after, `bootstrap` how far that came; None where
    none was asked for.
    """

    kind: str
    region: str
    cursor: Cursor
    head: int
    covered: int
    receipt_at: int | None
    parted: str
    closed_at: int | None
    closed_until: int | None
    base: Cursor | None = None
    bootstrap: Bootstrap | None = None

    @property
    def start(self) -> Cursor:
        """What the entries here come after: a snapshot, or nothing."""
        return self.base or start_of(self.cursor.channel, self.cursor.epoch)

    @property
    def is_given_up(self) -> bool:
        """Whether the hub could not say why it parted from our cursor: not a bad page, which the
        next one may mend."""
        return self.parted in (SHOW_RECEIPT, LOST)

    @property
    def is_starting(self) -> bool:
        """Whether a snapshot is under way."""
        return self.bootstrap is not None and not self.bootstrap.is_over


class Identity(msgspec.Struct, frozen=True):
    """Who this PC is. Without a certificate it has asked to be enrolled and has no answer yet.

    Kept inside the encrypted database only. Ids are 16, keys 32 raw bytes. `certificate` is that of
    `replica`, or of `parent` (id and private keys) where `replica` was minted since; `past` are the
    replicas before, oldest first. `known`: a genuine reply came to this replica; `witnessed`: there
    is a tail witness.
    """

    replica: bytes
    signing: bytes
    sealing: bytes
    hub_url: str
    hub_signing: bytes
    hub_sealing: bytes
    code_id: bytes
    certificate: bytes = b""
    signature: bytes = b""
    parent: tuple[bytes, bytes, bytes] | None = None
    past: tuple[bytes, ...] = ()
    known: bool = False
    witnessed: bool = False

    def certified(self, certificate: bytes, signature: bytes) -> "Identity":
        return msgspec.structs.replace(
            self, certificate=certificate, signature=signature, parent=None
        )

    def minted(self, child: ReplicaKeys) -> "Identity":
        """Under a new replica, which the hub knows only by the word of the certified one."""
        return msgspec.structs.replace(
            self,
            replica=child.replica,
            signing=child.signing,
            sealing=child.sealing,
            parent=self.parent or (self.replica, self.signing, self.sealing),
            past=(*self.past, self.replica),
            known=False,
        )

    def introduction(self, enrolment: bytes) -> Introduction:
        """Who this replica is, for a hub that may not know it."""
        minted = None
        if self.parent is not None:
            minted = mint.mint(ReplicaKeys(*self.parent), enrolment, self.keys.public)
        return Introduction(self.certificate, self.signature, minted)

    @property
    def keys(self) -> ReplicaKeys:
        return ReplicaKeys(self.replica, self.signing, self.sealing)

    @property
    def hub(self) -> HubPublic:
        return HubPublic(self.hub_signing, self.hub_sealing)


class ExchangeState(msgspec.Struct, frozen=True):
    """How the exchanges went so far: what the status page and the next report say.

    Times are ms since 1970 UTC by this device, except `hub_time`; the offset is hub minus device.
    `number` is the newest request's; a program that was started goes on behind those `reserved`, of
    which a power cut may have made it forget some. `heard` is the highest one under our name that
    the hub has told of. For the next request: `lacks` are digests of bodies that the hub asked for,
    `shows_receipts` whether it wants to see the receipts of our cursors; `agreed` are cursors whose
    receipt is here and whose countersignature is there.
    """

    number: int = 0
    batch_bytes: int = 0
    clock_offset_ms: int | None = None
    hub_time: int | None = None
    last_success_at: int | None = None
    last_attempt_at: int | None = None
    last_error: str = ""
    failed_attempts: int = 0
    standing: str = ""
    synchronised: bool = False
    lacks: tuple[bytes, ...] = ()
    shows_receipts: bool = False
    agreed: tuple[Cursor, ...] = ()
    reserved: int = 0
    heard: int = 0

    def measured(self, offset_ms: int) -> "ExchangeState":
        return msgspec.structs.replace(self, clock_offset_ms=offset_ms)


@dataclass(frozen=True, slots=True)
class Totals:
    """What waits or needs a person, counted."""

    pending: int
    oldest_unsent_at: int | None
    held: int
    refused: int
    in_conflict: int
    returned: int
