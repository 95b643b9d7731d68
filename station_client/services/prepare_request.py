"""The next request: what is unsent, what we lack, and what is rarely said. Its number is taken
before a byte of it leaves, and what a stick carries is kept until its reply comes.

Knows no carrier's ways; a request reads the same on a stick.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from station_client import __version__
from station_client.services.start_from_snapshot import next_ask
from station_client.station import Station
from station_client.store.rows import ChannelRow, ExchangeState
from sync_protocol import exchange, limits, push
from sync_protocol.channel import Cursor, Receipt
from sync_protocol.exchange import Outbox, Rare, Report
from sync_protocol.lost import Stretch

MOST_OPERATIONS = 2_500
"""Of one request. They come back as one page, applied in one transaction, for which a clerk who
saves meanwhile has to wait: a third of a second on a good PC, more on an old one."""


NUMBERS_RESERVED = 64
"""At once: the disk is waited for once in so many exchanges that have nothing to say."""


@dataclass(frozen=True)
class Prepared:
    """A request that is numbered, its bytes, the cursors that it countersigns, and what it rarely
    says; None where that stands in the store, as of a request that was on a stick."""

    number: int
    digest: bytes
    data: bytes
    countersigned: tuple[Cursor, ...] = ()
    said: Rare | None = None


def prepare_request(station: Station, carrier: str) -> Prepared:
    """The next request, by "http" or "courier". A sealed PC says farewell, once all is sent."""
    store, keys = station.store, station.keys
    state = store.facts.exchange()
    number = _next_number(station, state)
    # Lost with the power, a request is as one whose reply never came; unless it is on a stick.
    has_to_last = carrier != "http" or number > state.reserved or station.has_to_issue_again()
    with store.writing() if has_to_last else store.noting():
        state = store.facts.exchange()
        budget = _budget(state, carrier)
        channels = store.channels.all()
        stretches = store.lost.stretches(budget, limits.STRETCHES_PER_REQUEST)
        # While a snapshot is under way there is nothing to continue; the own channel is named.
        cursors = [row.cursor for at, row in enumerate(channels) if not at or not row.is_starting]
        own_head = store.journal.own_head(keys.replica)
        station.demand_witness(own_head)
        outbox = _outbox(station, state, channels[0], budget, is_offering=bool(stretches))
        rare = _rarely_said(station, state, carrier, channels, stretches, budget)
        plan = exchange.plan(
            keys,
            number,
            own_head,
            outbox,
            cursors,
            _report(station, state),
            station.now_ms(),
            budget,
            wants=store.bodies.lacking(limits.WANTS_PER_REQUEST),
            rare=None if rare == Rare() else rare,
            agreed=state.agreed,
            heard=state.heard,
        )
        store.facts.keep_exchange(
            replace(
                state,
                number=number,
                reserved=_reserved(state, number),
                last_attempt_at=station.now_ms(),
                synchronised=False,
            )
        )
        if carrier == "courier":  # its reply may come to a program that was started since
            made_at = station.now_ms()
            store.channels.keep_request(number, plan.digest, plan.payload, carrier, made_at)
    station.has_asked = True
    data = exchange.seal_request(plan.payload, keys, station.hub)
    countersigned = tuple(each for each in cursors if each not in state.agreed)
    return Prepared(number, plan.digest, data, countersigned, rare)


def _budget(state: ExchangeState, carrier: str) -> int:
    """How much goes each way: over a line what that bore, which says nothing of a stick."""
    proven = state.batch_bytes if carrier == "http" else None
    return proven or limits.BATCH_BYTES


def _next_number(station: Station, state: ExchangeState) -> int:
    """Never one that was taken: a program that was started does not know which of those reserved
    were, if the power went."""
    newest = state.number if station.has_asked else max(state.number, state.reserved)
    return newest + 1


def _reserved(state: ExchangeState, number: int) -> int:
    is_left = number <= state.reserved
    return state.reserved if is_left else number + NUMBERS_RESERVED - 1


def _outbox(
    station: Station, state: ExchangeState, own: ChannelRow, budget: int, *, is_offering: bool
) -> Outbox:
    """What the hub has no place for yet. Nothing while it has to hear first what it lost: it must
    not judge anew what it judged once, nor what amends a record before the record is there."""
    journal, replica = station.store.journal, station.keys.replica
    is_asked = state.shows_receipts and not own.is_given_up
    if is_asked or is_offering or _awaits_what_was_taken(station, state, own):
        return Outbox(journal.outbox(replica, 0)[0], ())
    station.issue_again()
    base, unsent = journal.outbox(replica, MOST_OPERATIONS)
    return Outbox(base, push.cut_batch(unsent, budget))


def _awaits_what_was_taken(station: Station, state: ExchangeState, own: ChannelRow) -> bool:
    """Whether what the hub took has still to come back: put back meanwhile, it took it for nothing,
    and is offered it again first. Who gets no pages of the channel waits for none."""
    gets_pages = not (own.parted or own.is_starting or state.standing in ("waiting", "revoked"))
    return gets_pages and station.store.lost.keeps(own.cursor.channel)


def _rarely_said(
    station: Station,
    state: ExchangeState,
    carrier: str,
    channels: Sequence[ChannelRow],
    stretches: list[Stretch],
    budget: int,
) -> Rare:
    store = station.store
    is_known = station.identity.known and carrier != "courier"
    return Rare(
        introduction=None if is_known else station.introduction(),
        receipts=_shown_receipts(station, state, channels),
        stretches=stretches,
        bodies=store.bodies.of(state.lacks, budget) if state.lacks else [],
        losses=store.facts.losses(limits.LOSSES_PER_REQUEST),
        snapshot=next_ask(channels),
        farewell=station.is_sealed and _owes_nothing(station, state),
    )


def _owes_nothing(station: Station, state: ExchangeState) -> bool:
    """Who has left hears of no verdict any more, and is asked for no body."""
    journal = station.store.journal
    return journal.all_sent(station.keys.replica) and not (journal.own_held() or state.lacks)


def _shown_receipts(
    station: Station, state: ExchangeState, channels: Sequence[ChannelRow]
) -> list[Receipt]:
    """All where the hub asked for them; else of those channels for which it could not say why it
    parted: it may be able to later."""
    parted = {each.cursor.channel for each in channels if each.is_given_up}
    if not parted and not state.shows_receipts:
        return []
    found = station.store.channels.receipts()
    return [each for each in found if state.shows_receipts or each.cursor.channel in parted]


def _report(station: Station, state: ExchangeState) -> Report:
    """What an operator must see: counts, ages and codes, nothing personal."""
    totals = station.store.journal.totals(station.keys.replica)
    return Report(
        program=__version__,
        backlog=totals.pending,
        oldest_unsent_at=totals.oldest_unsent_at,
        open_conflicts=totals.in_conflict,
        clock_offset_ms=state.clock_offset_ms,
        free_disk_bytes=shutil.disk_usage(station.home.folder).free,
        failed_attempts=state.failed_attempts,
        last_error=state.last_error,
    )
