"""Exchange with the county until there is nothing left to say: push, pull, acknowledge, compare.

The same bytes travel over HTTP and, through carry_courier, on a stick. One exchange at a time; a
clerk goes on recording meanwhile.
"""

import shutil
from dataclasses import dataclass

from msgspec.structs import replace

from station_client import __version__
from station_client.errors import StationError, told
from station_client.services.apply_page import apply_page
from station_client.station import Station
from station_client.store.rows import ExchangeState
from sync_protocol import exchange, limits, push
from sync_protocol.channel import PlaceEntry, Verdict
from sync_protocol.errors import PeerFault, ProtocolError
from sync_protocol.exchange import Reply, Report
from sync_protocol.pull import Applied, Page

MOST_REQUESTS = 1000
"""Of one call: a peer that always has one more page must not hold the desk for ever."""

MOST_OPERATIONS = 2_500
"""Of one request. They come back as one page, applied in one transaction, for which a clerk who
saves meanwhile has to wait: a third of a second on a good PC, more on an old one."""


@dataclass(frozen=True)
class Outcome:
    """What one call did. `pushed` counts own operations that have a place at the hub now, `refused`
    those of them that the county refused; `pulled` counts entries; `hub_time` is ms since 1970 UTC.
    """

    pushed: int = 0
    pulled: int = 0
    requests: int = 0
    bytes_out: int = 0
    bytes_in: int = 0
    synchronised: bool = False
    hub_time: int | None = None
    refused: int = 0

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
        )


@dataclass(frozen=True)
class Prepared:
    """A request that is numbered and kept, and its bytes."""

    number: int
    digest: bytes
    data: bytes


def exchange_with_hub(station: Station) -> Outcome:
    """Requests until both ends hold the same, or nothing moves any more.

    Whatever a request achieved stays, also when a later one fails. Errors: exchange.under_way,
    transport.*, those of the protocol, store.*
    """
    with station.exchanging():
        outcome = Outcome()
        for _ in range(MOST_REQUESTS):
            step = _one_request(station)
            outcome = outcome.then(step)
            # What the hub takes comes back as entries: without any, asking again gains nothing.
            if step.synchronised or not step.pulled:
                break
        return outcome


def _one_request(station: Station) -> Outcome:
    try:
        prepared = prepare_request(station, "http")
        sent_at = station.now_ms()
        reply = station.transport.exchange(prepared.data)
        took_ms = max(0, station.now_ms() - sent_at)
        return absorb_reply(station, prepared, reply, took_ms)
    except ProtocolError as fault:
        note_failure(station, fault.code)
        raise told(fault) from fault
    except StationError as error:
        note_failure(station, error.code)
        raise


def prepare_request(station: Station, carrier: str) -> Prepared:
    """The next request; its number is taken for good before a byte of it leaves."""
    store, keys = station.store, station.keys
    with store.writing():
        state = store.facts.exchange()
        budget = state.batch_bytes or limits.BATCH_BYTES
        base, unsent = store.journal.outbox(keys.replica, MOST_OPERATIONS)
        plan = exchange.plan(
            keys,
            state.number + 1,
            store.journal.own_head(keys.replica),
            exchange.Outbox(base, push.cut_batch(unsent, budget)),
            [each.cursor for each in store.channels.all()],
            _report(station, state),
            station.now_ms(),
            budget,
        )
        store.facts.keep_exchange(
            replace(
                state,
                number=state.number + 1,
                last_attempt_at=station.now_ms(),
                synchronised=False,
            )
        )
        store.channels.keep_request(
            state.number + 1, plan.digest, plan.payload, carrier, station.now_ms()
        )
    data = exchange.seal_request(plan.payload, keys, station.hub)
    return Prepared(state.number + 1, plan.digest, data)


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


def absorb_reply(station: Station, prepared: Prepared, data: bytes, took_ms: int | None) -> Outcome:
    """Apply a reply to one of our requests, page by page, each in its own transaction.

    `took_ms`: how long the answer took, None where that says nothing about the clock (a courier).
    PeerFault where the bytes are not the genuine reply to this request: nothing is applied then.
    """
    reply = exchange.open_reply(data, station.keys, station.hub, prepared.digest)
    applied = [_apply(station, page) for page in reply.pages]
    verdicts = [entry.verdict for each in applied if each for entry in _own_entries(each)]
    outcome = Outcome(
        pushed=len(verdicts),
        pulled=sum(len(each.entries) for each in applied if each),
        requests=1,
        bytes_out=len(prepared.data),
        bytes_in=len(data),
        synchronised=_note_success(station, prepared, reply, applied, took_ms),
        hub_time=reply.hub_time,
        refused=verdicts.count(Verdict.REFUSED),
    )
    station.refresh()
    return outcome


def _apply(station: Station, page: Page) -> Applied | None:
    try:
        return apply_page(station, page)
    except PeerFault as fault:
        # The alarm stands on the status page; this channel waits, the desk goes on recording.
        with station.store.writing():
            station.store.channels.part(
                page.base.channel, str(fault.facts.get("parted", fault.code))
            )
        return None


def _own_entries(applied: Applied) -> list[PlaceEntry]:
    """Those about own operations: they come back without the bytes."""
    return [
        each.entry
        for each in applied.entries
        if each.operation is None and isinstance(each.entry, PlaceEntry)
    ]


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
        totals = store.journal.totals(station.keys.replica)
        complete = {
            each.cursor.channel for each in applied if each is not None and each.is_complete
        }
        synchronised = (
            prepared.number == state.number
            and not reply.standing
            and not totals.pending
            and complete >= {each.cursor.channel for each in store.channels.all()}
        )
        offset = state.clock_offset_ms
        if took_ms is not None:
            offset = reply.hub_time - (now - took_ms // 2)
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
            )
        )
        store.channels.forget_request(prepared.number)
    return synchronised


def _grown(batch_bytes: int) -> int:
    return min((batch_bytes or limits.BATCH_BYTES) * 2, limits.BATCH_BYTES_HIGHEST)


def note_failure(station: Station, code: str) -> None:
    """Count a failed attempt for the next report, and send less the next time.

    A store that cannot be written cannot count either; the error that led here is told instead.
    """
    if code.startswith("store."):
        return
    with station.store.writing():
        state = station.store.facts.exchange()
        less = max((state.batch_bytes or limits.BATCH_BYTES) // 2, limits.BATCH_BYTES_LOWEST)
        station.store.facts.keep_exchange(
            replace(
                state,
                last_error=code,
                failed_attempts=state.failed_attempts + 1,
                batch_bytes=less,
            )
        )
