"""How the station stands with the county, truthfully and in a clerk's words (promise 6)."""

from dataclasses import dataclass

from station_client.errors import words_for
from station_client.services import china_time
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

    `closed_at` and `closed_until` are set once the closing of the station was applied, `sealed_at`
    once this PC was; `notice` says in words what that means for the clerk.

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
    offering: int = 0
    lacking: int = 0
    lost: tuple[Loss, ...] = ()
    starting: tuple[int, int] | None = None
    is_minted: bool = False
    closed_at: int | None = None
    closed_until: int | None = None
    sealed_at: int | None = None
    notice: str = ""


PARTED = (
    "县级平台的记录与本机不一致（{region}），已停止接收该部分数据。请继续正常登记，并联系运维人员。"
)


CLOSED = "本站已于 {day} 注销。"
IN_GRACE = "注销前登记的请在 {until} 前上报；"
AFTER_GRACE = "补报期已于 {until} 结束，之后送达的由县级核对；"
STILL_OPEN = "手上的办件可以继续办完，现在保存的内容由县级核对后才生效。"
SEALED = "本机已于 {day} 封存，只能查看，不能再登记。"


def read_status(station: Station) -> Status:
    """What stands now, without asking anybody."""
    store = station.store
    totals = store.journal.totals(station.keys.replica)
    state = store.facts.exchange()
    channels = store.channels.all()
    own = channels[0]
    sealed_at = store.facts.sealed_at()
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
        offering=store.lost.count_stretches(),
        lacking=store.bodies.count_lacking(),
        lost=tuple(store.facts.losses(limits.LOSSES_PER_REQUEST)),
        starting=_starting(channels),
        is_minted=station.identity.parent is not None,
        closed_at=own.closed_at,
        closed_until=own.closed_until,
        sealed_at=sealed_at,
        notice=_notice(own, sealed_at, station.stamp()),
    )


def _notice(own: ChannelRow, sealed_at: int | None, now: int) -> str:
    if sealed_at is not None:
        return SEALED.format(day=china_time.day(sealed_at))
    if own.closed_until is None:
        return ""
    # A store that applied its closing with an earlier program did not keep the day.
    day = china_time.day(own.closed_at) if own.closed_at is not None else "此前"
    grace = IN_GRACE if now <= own.closed_until else AFTER_GRACE
    return (
        CLOSED.format(day=day) + grace.format(until=china_time.day(own.closed_until)) + STILL_OPEN
    )


def _starting(channels: list[ChannelRow]) -> tuple[int, int] | None:
    under_way = [each.bootstrap for each in channels if each.bootstrap and each.is_starting]
    if not under_way:
        return None
    return sum(each.done for each in under_way), sum(each.total for each in under_way)
