"""How the station stands with the county, truthfully and in a clerk's words (promise 6)."""

from dataclasses import dataclass

from station_client.errors import words_for
from station_client.services.standing_words import why_nothing_comes
from station_client.station import Station


@dataclass(frozen=True)
class Attempt:
    """The last exchange that was begun: when (ms), and what was in its way; "" for nothing."""

    at: int
    code: str
    words: str


@dataclass(frozen=True)
class Status:
    """Counts of operations and records; times in ms since 1970 UTC, by this PC's clock but for
    `last_receipt_hub_time`. `standing` is "" or why the county delivers nothing; `alarms` are
    words about channels whose history does not agree with the county's.

    `synchronised` is said only while the newest reply said so and nothing was written since.
    """

    pending: int
    oldest_unsent_at: int | None
    refused: int
    returned: int
    held: int
    open_conflicts: int
    last_receipt_hub_time: int | None
    last_success_at: int | None
    last_attempt: Attempt | None
    failed_attempts: int
    clock_offset_ms: int | None
    synchronised: bool
    standing: str
    standing_words: str
    alarms: tuple[str, ...]
    entries: int


PARTED = (
    "县级平台的记录与本机不一致（{region}），已停止接收该部分数据。请继续正常登记，并联系运维人员。"
)


def read_status(station: Station) -> Status:
    """What stands now, without asking anybody."""
    store = station.store
    totals = store.journal.totals(station.keys.replica)
    state = store.facts.exchange()
    channels = store.channels.all()
    receipts = [each.receipt_at for each in channels if each.receipt_at is not None]
    attempt = None
    if state.last_attempt_at is not None:
        words = words_for(state.last_error) if state.last_error else ""
        attempt = Attempt(state.last_attempt_at, state.last_error, words)
    return Status(
        pending=totals.pending,
        oldest_unsent_at=totals.oldest_unsent_at,
        refused=totals.refused,
        returned=totals.returned,
        held=totals.held,
        open_conflicts=totals.in_conflict,
        last_receipt_hub_time=max(receipts, default=None),
        last_success_at=state.last_success_at,
        last_attempt=attempt,
        failed_attempts=state.failed_attempts,
        clock_offset_ms=state.clock_offset_ms,
        synchronised=state.synchronised and not totals.pending,
        standing=state.standing,
        standing_words=why_nothing_comes(state.standing),
        alarms=tuple(PARTED.format(region=each.region) for each in channels if each.parted),
        entries=store.channels.entry_count(),
    )
