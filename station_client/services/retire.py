"""The end of a closed station's PC: sealed, so that it is only read from then on, or erased, so
that nobody ever reads it again.

Only once the county holds everything: what is refused here loses nothing by waiting. PROTOCOL.md,
section 16.
"""

from contextlib import suppress
from dataclasses import dataclass
from typing import Literal

from station_client.device_secret import forget
from station_client.errors import StationError
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.station import Station

WORDS = {
    "not_closed": "本站没有注销，或注销决定还没有送到本机。",
    "unsent": "还有 {count} 条没有上报，请联网同步，或用离线同步包送到县级。",
    "not_confirmed": "还没有收到覆盖全部内容的县级回执，请再同步一次。",
    "held": "本机登记的还有 {count} 条等县级处理，请等县级决定后再同步一次。",
    "not_covered": (
        "县级保留的备份还没有都包含本站最后的内容（最早的一份只到第 {covered} 条，共 {end} 条）。"
        "请联系县级运维人员再备份，等较早的备份按保留份数删去后，再同步一次。"
    ),
}


@dataclass(frozen=True)
class Obstacle:
    """Why this PC's data may not go yet, and what to do. What `allows_sealing` stands only against
    erasing."""

    code: str
    words: str
    allows_sealing: bool = False


@dataclass(frozen=True)
class Ended:
    """`is_told`: the county knows of it; `is_forgotten`: nothing is left in the key store;
    `is_gone`: no file is left. A sealed PC keeps both."""

    is_told: bool
    is_forgotten: bool = False
    is_gone: bool = False


def ended_words(how: Literal["seal", "erase"], done: Ended) -> list[str]:
    """What was done, and what is left to do, in a clerk's words."""
    said = ["本机已封存，从现在起只能查看。" if how == "seal" else "本机数据已销毁，不能恢复。"]
    if not done.is_told:
        later = "以后同步时会再告知" if how == "seal" else "请告知县级运维人员"
        said.append(f"县级平台还没有记下这台电脑已停用，{later}。")
    if how == "erase" and not done.is_forgotten:
        said.append("系统密钥库里的本站密钥没有删掉，它单独打不开任何内容；请由运维人员删除。")
    if how == "erase" and not done.is_gone:
        said.append("有文件正在使用，下次启动本程序时会清除。")
    return said


def may_retire(station: Station) -> tuple[Obstacle, ...]:
    """What stands against sealing or erasing, without asking anybody; () for nothing."""
    return tuple(_obstacles(station))


def seal_store(station: Station, confirmation: str) -> Ended:
    """Make this PC read-only for good; its database stays. `confirmation`: the station's code.

    Errors: retire.confirm, retire.not_yet (nothing is changed then), store.*
    """
    _seal(station, confirmation, is_sealing=True)
    return Ended(_say_farewell(station))


def erase_store(station: Station, confirmation: str) -> Ended:
    """Destroy the keys of this PC's data, then its files. The station is closed when this returns.

    Sealed first, so that nothing is saved any more; then the keys, so that a PC that is cut off in
    the middle holds nothing readable, and the next start removes the rest. Errors: as `seal_store`;
    retire.sealed, exchange.under_way, home.*: it stays sealed then.
    """
    _seal(station, confirmation, is_sealing=False)
    is_told = _say_farewell(station)
    with station.exchanging():
        # A hub that was restored may want it back; what others wrote no backup may hold yet.
        _demand_no_obstacle(station, "retire.sealed", is_sealing=False)
        station.home.begin_erasing()
        station.vault.destroy()
        is_forgotten = station.vault.mode == "passphrase" or forget(station.home.id)
        station.close()
        return Ended(is_told, is_forgotten, station.home.erase())


def _seal(station: Station, confirmation: str, *, is_sealing: bool) -> None:
    """From here on nothing is recorded; what was saved up to now stands against it."""
    code = station.certificate.station_code
    if confirmation.strip() != code:
        raise StationError("retire.confirm", station=code)
    with station.store.writing():
        _demand_no_obstacle(station, "retire.not_yet", is_sealing=is_sealing)
        if not station.is_sealed:
            station.store.facts.seal(station.now_ms())
            station.store.database.once_durable(station.refresh)


def _demand_no_obstacle(station: Station, code: str, *, is_sealing: bool) -> None:
    found = [each for each in may_retire(station) if not (is_sealing and each.allows_sealing)]
    if found:
        raise StationError(code, reasons="".join(each.words for each in found))


def _say_farewell(station: Station) -> bool:
    """Whether the county knows. A PC without a network need not wait for one: the county holds
    everything and misses nothing but the word, which every later exchange says again."""
    with suppress(StationError):
        exchange_with_hub(station)
        if not _has_left(station):  # what others wrote meanwhile came first
            exchange_with_hub(station)
    return _has_left(station)


def _has_left(station: Station) -> bool:
    return station.store.facts.exchange().standing == "retired"


def _obstacles(station: Station) -> list[Obstacle]:
    totals = station.store.journal.totals(station.keys.replica)
    own = station.store.channels.own()
    held = station.store.journal.own_held()
    state = station.store.facts.exchange()
    end = own.cursor.position
    # Once the county has heard its farewell, what others write is not delivered to it any more.
    is_level = own.head == end or _has_left(station)
    is_agreed = own.receipt_at is not None and is_level and not own.parted
    # A hub that was put back may lack what is here, and says so before it is offered.
    is_asked = state.lacks or state.shows_receipts or station.store.lost.count_stretches()
    found: list[Obstacle] = []
    if own.closed_until is None:
        found.append(_obstacle("not_closed"))
    if totals.pending:
        found.append(_obstacle("unsent", count=totals.pending))
    elif not is_agreed or is_asked or station.store.facts.losses(1):
        found.append(_obstacle("not_confirmed"))
    if held:
        found.append(_obstacle("held", count=held))
    if own.covered < end and not found:
        words = WORDS["not_covered"].format(covered=own.covered, end=end)
        found.append(Obstacle("not_covered", words, allows_sealing=True))
    return found


def _obstacle(code: str, **facts: object) -> Obstacle:
    return Obstacle(code, WORDS[code].format_map(facts))
