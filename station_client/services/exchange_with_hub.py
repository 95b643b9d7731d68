"""Exchange with the county until there is nothing left to say: push, pull, acknowledge, compare.

The same bytes travel over HTTP and, through carry_courier, on a stick. One exchange at a time; a
clerk goes on recording meanwhile.
"""

from collections.abc import Callable

from msgspec.structs import replace

from station_client.errors import StationError, told
from station_client.services.absorb_reply import Outcome, absorb_reply
from station_client.services.prepare_request import Prepared, prepare_request
from station_client.station import Station
from sync_protocol import limits
from sync_protocol.errors import ProtocolError

__all__ = [
    "Outcome",
    "Prepared",
    "absorb_reply",
    "exchange_with_hub",
    "note_failure",
    "prepare_request",
]

MOST_REQUESTS = 1000
"""Of one call: a peer that always has one more page must not hold the desk for ever."""

LONGEST_MS = 10 * 60 * 1000
"""That an answer may take: where it seems to have taken longer, the clock was set meanwhile."""


def exchange_with_hub(
    station: Station,
    on_step: Callable[[Outcome], None] = lambda outcome: None,
) -> Outcome:
    """Requests until both ends hold the same, or nothing moves any more.

    `on_step` is told after every request what was done so far. Whatever a request achieved stays,
    also when a later one fails. Errors: exchange.under_way, transport.*, those of the protocol,
    store.*
    """
    with station.exchanging():
        outcome = Outcome()
        replicas = len(station.identity.past)
        for _ in range(MOST_REQUESTS):
            step = _one_request(station)
            outcome = outcome.then(step)
            on_step(outcome)
            # What the hub takes comes back as entries: without any, asking again gains nothing.
            if step.synchronised or not (step.pulled or step.more):
                break
            if len(station.identity.past) > replicas + 1:  # a hub that freezes whoever asks
                break
        return outcome


def _one_request(station: Station) -> Outcome:
    try:
        prepared = prepare_request(station, "http")
        sent_at = station.now_ms()
        reply = station.transport.exchange(prepared.data)
        took_ms = station.now_ms() - sent_at
        is_measured = 0 <= took_ms <= LONGEST_MS
        return absorb_reply(station, prepared, reply, took_ms if is_measured else 0)
    except ProtocolError as fault:
        note_failure(station, fault.code)
        raise told(fault) from fault
    except StationError as error:
        if station.identity.known and error.facts.get("hub_code") == "replica.unknown":
            # Enrolled after the backup that the hub was restored from: it learns who we are.
            station.keep_identity(replace(station.identity, known=False))
            return Outcome(requests=1, bytes_out=len(prepared.data), more=True)
        note_failure(station, error.code)
        raise


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
