"""Whether the journal is what stations and county once wrote, and the records what it adds up to.

Recomputes every digest, name and link from the stored bytes: whoever alters, drops or adds a row
would have to compute them all anew, and the receipts that stations hold would still not fit.
Checks the last entries of every channel, or everything. PROTOCOL.md, sections 3 to 6.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

from msgspec import structs

from hub_server.hub import Hub
from hub_server.services.projection import accepted_of, form_of, is_known, projected_one
from hub_server.store import Channel, KeptEntry, Row, Station, StoredRecord, placed_of
from sync_protocol import channel as protocol
from sync_protocol import operations
from sync_protocol.channel import PlaceEntry, Verdict, VerdictEntry
from sync_protocol.errors import PeerFault

_UNLINKED = frozenset({"gap", "fork"})  # held there: their chain goes another way, or not yet


@dataclass(frozen=True)
class Fault:
    """Where something is not as it was written: a place in a channel, or one of its records."""

    channel: bytes
    position: int = 0
    record: bytes = b""


def journal_faults(hub: Hub, last: int | None) -> Iterator[Fault]:
    """The first place in each channel at which the journal does not add up."""
    ends = {each.id: each for each in hub.store.journal.channels()}
    for channel, entries in groupby(hub.store.history.entries(last), key=attrgetter("channel")):
        found = _Walk(hub, ends.pop(channel), last).first_fault(entries)
        if found:
            yield Fault(channel, found)
    yield from (Fault(each.id, 1) for each in ends.values() if each.position)


def record_faults(hub: Hub, last: int | None) -> Iterator[Fault]:
    """The records that are not what their operations make now."""
    channels = {each.id: each for each in hub.store.journal.channels()}
    erased = hub.store.withdrawn.all_erased()
    stations = {each.channel: each for each in hub.store.stations.within("")}
    kept = hub.store.history.records(last)
    stored = next(kept, None)
    for (channel, record), rows in hub.store.history.operations(last):
        while stored is not None and (stored.channel, stored.record) < (channel, record):
            yield Fault(stored.channel, record=stored.record)
            stored = next(kept, None)
        own = stored if stored and (stored.channel, stored.record) == (channel, record) else None
        if (channel, record) in erased:
            is_sound = own is None and all(row["body"] is None for row in rows)
        else:
            is_sound = _adds_up(hub, channels[channel], stations.get(channel), rows, own)
        if not is_sound:
            yield Fault(channel, record=record)
        if own is not None:
            stored = next(kept, None)
    yield from (Fault(each.channel, record=each.record) for each in _rest(stored, kept))


def _rest(stored: StoredRecord | None, kept: Iterator[StoredRecord]) -> Iterator[StoredRecord]:
    if stored is not None:
        yield stored
        yield from kept


def _adds_up(
    hub: Hub,
    channel: Channel,
    station: Station | None,
    rows: Iterable[Row],
    stored: StoredRecord | None,
) -> bool:
    if not all(_is_as_named(row) for row in rows):
        return False
    accepted = accepted_of(placed_of(row) for row in rows)
    if not accepted:
        return stored is None
    form = form_of(hub.forms, accepted)
    if form is None or not is_known(hub.forms, accepted):
        return True  # of a later program: it alone can say
    if stored is None:
        return False
    region = station.region if station else channel.region
    # A line may show the name that the station had when it was made.
    name = stored.cells[2] if stored.cells else ""
    made = projected_one(hub, channel, form, accepted, region, name)
    # When it was made, and how the program that made it names what a page showed, prove nothing.
    kept = {"changed_at": stored.changed_at, "version": stored.version}
    return structs.replace(made, **kept, cells=list(made.cells)) == stored


def _is_as_named(row: Row) -> bool:
    """Whether header, body and the columns beside them are those that the name was made of."""
    try:
        found = placed_of(row).operation
    except (PeerFault, ValueError):
        return False
    header = found.header
    if found.body is not None and operations.digest_of_body(found.body) != found.body_digest:
        return False
    columns = (row["name"], row["identity"], row["replica"], row["seq"], row["record"])
    return columns == (found.name, found.identity, header.replica, header.seq, header.record)


@dataclass
class _Walk:
    """One channel walked through from the first entry that is read to its end."""

    hub: Hub
    channel: Channel
    last: int | None
    position: int = 0
    digest: bytes = b""
    told: dict[bytes, int] = field(default_factory=dict)
    judged: dict[bytes, list[tuple[int, int]]] = field(default_factory=dict)

    def first_fault(self, entries: Iterable[KeptEntry]) -> int:
        """The position of the first thing that does not add up, 0 where all does."""
        start = 0 if self.last is None else max(0, self.channel.position - self.last)
        self.position, self.digest = 0, protocol.first_digest(self.channel.id)
        for entry in entries:
            if start and not self.position:  # the one before those that are looked at
                if entry.position != start:
                    return start
                self.position, self.digest = start, entry.digest
            elif not self._follows(entry):
                return self.position + 1
        if (self.position, self.digest) != (self.channel.position, self.channel.digest):
            return self.position + 1
        return self._first_misjudged()

    def _follows(self, entry: KeptEntry) -> bool:
        digest = protocol.next_digest(self.digest, entry.data)
        if (entry.position, entry.digest) != (self.position + 1, digest):
            return False
        word = protocol.read_entry(entry.data)
        if isinstance(word, PlaceEntry):
            self.told[word.identity] = max(self.told.get(word.identity, 0), word.verdict)
        elif isinstance(word, VerdictEntry):
            self.told[word.name] = max(self.told.get(word.name, 0), word.verdict)
        if isinstance(word, PlaceEntry) != (entry.name is not None):
            return False
        if isinstance(word, PlaceEntry) and not self._is_kept(entry, word):
            return False
        self.position, self.digest = entry.position, digest
        return True

    def _is_kept(self, entry: KeptEntry, word: PlaceEntry) -> bool:
        """Whether the operation that this entry placed is there as it was sent."""
        row = entry.operation
        if row is None or not _is_as_named(row) or row["identity"] != word.identity:
            return False
        placed = (row["channel"], row["position"], row["effective"])
        if placed != (entry.channel, entry.position, word.effective):
            return False
        self.judged.setdefault(word.identity, []).append((entry.position, row["verdict"]))
        return _is_linked(entry, row)

    def _first_misjudged(self) -> int:
        """All copies have the highest verdict that any entry gave one of them."""
        wrong = (
            position
            for name, places in self.judged.items()
            for position, verdict in places
            if verdict != self.told[name] and not self._was_told_before(name, verdict)
        )
        return min(wrong, default=0)

    def _was_told_before(self, identity: bytes, verdict: int) -> bool:
        """Whether another copy may have got the higher verdict before what is read."""
        is_higher = self.last is not None and verdict > self.told[identity]
        return is_higher and self.hub.store.operations.count_copies(self.channel.id, identity) > 1


def _is_linked(entry: KeptEntry, row: Row) -> bool:
    """Whether an operation follows the one before it in its chain, and the chain's head is it."""
    if entry.chain is None:
        return False
    is_hub, head_seq, head_link = entry.chain
    flags = operations.read_header(row["header"]).flags
    if bool(row["by_hub"]) != (is_hub and not flags & operations.ON_BEHALF):
        return False
    if (row["verdict"] == Verdict.HELD and row["code"] in _UNLINKED) or not row["link"]:
        return True
    before = entry.links_before
    if row["seq"] == 1:
        before = frozenset({operations.first_link(row["replica"])})
    elif row["base"] is not None:  # it came before those that it follows, or is on a branch
        before = frozenset({row["base"]})
    links = {operations.next_link(link, row["name"]) for link in before}
    is_head = row["seq"] == head_seq and row["base"] is None  # a branch may end at the same seq
    return row["link"] in links and (not is_head or row["link"] == head_link)
