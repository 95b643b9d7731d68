"""Apply a reply: who we are to the hub, bodies, what it read of a lost stretch, a part of a
snapshot, and page by page its entries, each in a transaction of its own.

What is applied twice, late or out of order changes nothing (promise 5).
"""

import dataclasses
from dataclasses import dataclass

from msgspec.structs import replace

from station_client.services.apply_page import apply_page, show_again
from station_client.services.go_back import forget_kept, meet_difference, meet_parted
from station_client.services.prepare_request import Prepared
from station_client.services.start_from_snapshot import take_part, wants_snapshot
from station_client.station import Station
from station_client.store.rows import Bootstrap, ExchangeState
from sync_protocol import envelope, exchange, limits, operations
from sync_protocol.channel import Cursor, PlaceEntry, Verdict
from sync_protocol.enrol import AGREED_SINCE, LOST_SINCE
from sync_protocol.errors import PeerFault
from sync_protocol.exchange import Rare, Reply, Request
from sync_protocol.pull import SHOW_RECEIPT, Applied, Page


@dataclass(frozen=True)
class Outcome:
    """What one call did. `pushed` counts own operations that have a place at the hub now, `refused`
    those of them that the county refused; `pulled` counts entries; `hub_time` is ms since 1970 UTC.
    `more`: something came that the next request has to answer.
    """

    pushed: int = 0
    pulled: int = 0
    requests: int = 0
    bytes_out: int = 0
    bytes_in: int = 0
    synchronised: bool = False
    hub_time: int | None = None
    refused: int = 0
    more: bool = False

    def then(self, later: "Outcome") -> "Outcome":
        return Outcome(
            self.pushed + later.pushed,
            self.pulled + later.pulled,
            self.requests + later.requests,
            self.bytes_out + later.bytes_out,
            self.bytes_in + later.bytes_in,
            later.synchronised,
            later.hub_time,
            self.refused + later.refused,
            later.more,
        )


def absorb_reply(station: Station, prepared: Prepared, data: bytes, took_ms: int | None) -> Outcome:
    """Apply a reply to one of our requests.

    `took_ms`: how long the answer took, None where that says nothing about the clock (a courier).
    PeerFault where the bytes are not the genuine reply to this request: nothing is applied then.
    """
    reply = exchange.open_reply(data, station.keys, station.hub, prepared.digest)
    if _changes_nothing(station, reply):
        with station.store.noting():  # lost, it is as a reply that never came
            outcome = _absorb(station, prepared, reply, took_ms)
    else:
        outcome = _absorb(station, prepared, reply, took_ms)
        station.refresh()
    return dataclasses.replace(outcome, bytes_out=len(prepared.data), bytes_in=len(data))


def _changes_nothing(station: Station, reply: Reply) -> bool:
    """As most replies: both ends hold the same, and nothing changes who we are."""
    rare = reply.standing or reply.bodies or reply.lacks or reply.certificate or reply.snapshot
    if rare or not station.identity.known or any(p.items or p.parted for p in reply.pages):
        return False
    told = station.store.journal.is_told_its_own(station.keys.replica)
    return not told and not station.store.lost.keeps()


def _absorb(station: Station, prepared: Prepared, reply: Reply, took_ms: int | None) -> Outcome:
    said = _said(station, prepared)
    more = _hear(station, said, reply)
    more |= take_part(station, said, reply)
    applied: list[Applied | None] = []
    for page in reply.pages:
        done, again = _apply(station, page, said)
        applied.append(done)
        more |= again
    forget_kept(station, applied)
    more |= _mint_if_forked(station, reply)
    verdicts = [entry.verdict for each in applied if each for entry in _own_entries(each)]
    return Outcome(
        pushed=len(verdicts),
        pulled=sum(len(each.entries) for each in applied if each),
        requests=1,
        synchronised=_note_success(station, prepared, reply, applied, took_ms),
        hub_time=reply.hub_time,
        refused=verdicts.count(Verdict.REFUSED),
        more=more,
    )


def _said(station: Station, prepared: Prepared) -> Rare:
    """What the request rarely said; empty where nothing is kept of it any more."""
    if prepared.said is not None:
        return prepared.said
    payload = station.store.channels.payload(prepared.number)
    return envelope.unpack(payload, Request).said if payload else Rare()


def _hear(station: Station, said: Rare, reply: Reply) -> bool:
    """What the reply says beside its pages; whether the next request goes on with it."""
    store = station.store
    if reply.certificate is not None:
        station.is_certified(*reply.certificate)
    if not station.identity.known:  # last: who is known does not ask for a certificate any more
        station.keep_identity(replace(station.identity, known=True))
    with store.writing():
        if said.losses and reply.version >= LOST_SINCE:
            store.facts.told_losses(said.losses)
        given = [(operations.digest_of_body(body), body) for body in reply.bodies]
        healed = dict.fromkeys(store.bodies.give(given))
        for channel, record in healed:
            show_again(station, channel, [record])
        state = store.facts.exchange()
        lacks = store.bodies.here(reply.lacks[: limits.WANTS_PER_REQUEST])
        heard = max(state.heard, reply.newest)
        # Another machine numbers under our name: the hub has to hear that, and freezes both.
        more = heard > max(state.heard, state.number, state.reserved)
        store.facts.keep_exchange(replace(state, lacks=tuple(lacks), heard=heard))
        # What was given already and is asked for again is no reason to go on.
        asked = set(lacks) - set(state.lacks)
        read = store.lost.taken(_ends_read(said, reply), reply.epoch)
        return read or more or bool(asked or healed)


def _ends_read(said: Rare, reply: Reply) -> list[Cursor]:
    """The ends of the stretches that need not be offered again: what the hub took, and what it was
    offered and passed over. It does not believe that; our own of it is pushed anyway. What it lost
    even more of is kept: there it is offered again, with what lies before it."""
    ends = list(reply.taken)
    if not reply.standing and reply.version >= LOST_SINCE:
        ends += [each.receipt.cursor for each in said.stretches]
    asked = {page.base.channel for page in reply.pages if page.parted == SHOW_RECEIPT}
    asked -= {each.cursor.channel for each in said.receipts}
    return [end for end in ends if end.channel not in asked]


def _apply(station: Station, page: Page, said: Rare) -> tuple[Applied | None, bool]:
    """What was applied, and whether there is something to say to this page at once."""
    store = station.store
    row = store.channels.find(page.base.channel)
    if row is None or row.is_starting:
        return None, False
    if wants_snapshot(row, page):
        with store.writing():
            store.snapshots.keep(page.base.channel, Bootstrap())
        return None, True
    if page.parted:
        return None, meet_parted(station, page, said)
    try:
        return apply_page(station, page), False
    except PeerFault as fault:
        why = str(fault.facts.get("parted", fault.code))
        return None, meet_difference(station, page, why)


def _own_entries(applied: Applied) -> list[PlaceEntry]:
    """Those about own operations: they come back without the bytes."""
    return [
        each.entry
        for each in applied.entries
        if each.operation is None and isinstance(each.entry, PlaceEntry)
    ]


def _mint_if_forked(station: Station, reply: Reply) -> bool:
    """Go on under a new replica where this one's chain was forked, or the hub has operations of it
    that were not written here; whether that was so."""
    told = station.store.journal.is_told_its_own(station.keys.replica)
    if reply.standing != "frozen" and not told:
        return False
    station.mint()
    return True


def _note_success(
    station: Station,
    prepared: Prepared,
    reply: Reply,
    applied: list[Applied | None],
    took_ms: int | None,
) -> bool:
    """Keep how it went; whether both ends now hold the same (promise 6)."""
    store = station.store
    now = station.now_ms()
    with store.writing():
        state = store.facts.exchange()
        complete = {
            each.cursor.channel for each in applied if each is not None and each.is_complete
        }
        synchronised = (
            prepared.number == state.number >= reply.newest
            and not reply.standing
            and complete >= {each.cursor.channel for each in store.channels.all()}
            and _lacks_nothing(station, state)
        )
        offset = state.clock_offset_ms
        if took_ms is not None:
            offset = station.clock_offset_ms = reply.hub_time - (now - took_ms // 2)
        store.facts.keep_exchange(
            replace(
                state,
                hub_time=max(reply.hub_time, state.hub_time or 0),
                clock_offset_ms=offset,
                last_success_at=now,
                last_error="",
                failed_attempts=0,
                standing=reply.standing,
                synchronised=synchronised,
                batch_bytes=_grown(state.batch_bytes),
                agreed=_agreed(prepared, reply, applied),
                shows_receipts=state.shows_receipts and _is_asked(station, reply),
            )
        )
        unchanged = [each for each in applied if each is not None and each.receipt is None]
        store.channels.confirm(unchanged, reply.hub_time)
        store.channels.forget_request(prepared.number)
    return synchronised


def _is_asked(station: Station, reply: Reply) -> bool:
    """Whether the hub has still to explain itself: of a channel where it could not that is over,
    and nothing else waits for it."""
    given_up = {each.cursor.channel for each in station.store.channels.all() if each.is_given_up}
    return any(each.parted and each.base.channel not in given_up for each in reply.pages)


def _agreed(prepared: Prepared, reply: Reply, applied: list[Applied | None]) -> tuple[Cursor, ...]:
    """Cursors that need no signature any more: the hub has said that it holds ours, or it answered
    a request that signed them. What a courier's request signed is signed once more."""
    return tuple(
        each.cursor
        for each in applied
        if reply.version >= AGREED_SINCE
        and each is not None
        and not each.entries
        and (each.receipt is None or each.cursor in prepared.countersigned)
    )


def _lacks_nothing(station: Station, state: ExchangeState) -> bool:
    """Whether all that was written here is sent, every body is here and nothing is kept, as is all
    that is offered."""
    store, replica = station.store, station.keys.replica
    return store.journal.all_sent(replica) and not (
        state.lacks
        or store.bodies.count_lacking()
        or store.lost.keeps()
        or station.has_to_issue_again()
    )


def _grown(batch_bytes: int) -> int:
    return min((batch_bytes or limits.BATCH_BYTES) * 2, limits.BATCH_BYTES_HIGHEST)
