"""How the station stands with the county, truthfully and in a clerk's words (promise 6)."""

from dataclasses import dataclass

from station_client.errors import words_for
from station_client.services.standing_words import why_nothing_comes
from station_client.station import Station
from station_client.store.rows import ChannelRow
from sync_protocol import limits
from sync_protocol.exchange import Loss


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

    `offering` counts stretches that a restored hub has not read yet, `lacking` bodies that are
    missing here; `lost` are own operations that this PC lost and has not declared yet; `starting`:
    how many records of how many a snapshot has brought, None where none is under way; `is_minted`:
    this PC goes on as a new replica that the hub has not certified yet.

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
    offering: int = 0
    lacking: int = 0
    lost: tuple[Loss, ...] = ()
    starting: tuple[int, int] | None = None
    is_minted: bool = False


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
        offering=store.lost.count_stretches(),
        lacking=len(store.journal.lacking(limits.WANTS_PER_REQUEST)),
        lost=tuple(store.facts.losses(limits.LOSSES_PER_REQUEST)),
        starting=_starting(channels),
        is_minted=station.identity.parent is not None,
    )


def _starting(channels: list[ChannelRow]) -> tuple[int, int] | None:
    under_way = [each.bootstrap for each in channels if each.bootstrap and each.is_starting]
    if not under_way:
        return None
    return sum(each.done for each in under_way), sum(each.total for each in under_way)
