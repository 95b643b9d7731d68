"""The operator's page: how every station stands, worst first. Counts, ages, codes; no person."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from hub_server.accounts import Account
from hub_server.admin.paging import OF_STATIONS, Page, asked_number, asked_size
from hub_server.hub import Hub
from hub_server.pages.words import disk, duration
from hub_server.services.watch_stations import StationWatch, watch_stations
from sync_protocol import errors as protocol_errors

LAMPS = {"red": "需处理", "yellow": "需关注", "green": "正常", "grey": "已注销"}
_ORDER = list(LAMPS)

_MINUTE_MS = 60 * 1000
_DAY_MS = 24 * 60 * _MINUTE_MS
SILENT_YELLOW_MS, SILENT_RED_MS = _DAY_MS, 3 * _DAY_MS
UNSENT_YELLOW_MS, UNSENT_RED_MS = _DAY_MS, 3 * _DAY_MS
CLOCK_YELLOW_MS, CLOCK_RED_MS = 2 * _MINUTE_MS, 10 * _MINUTE_MS
DISK_YELLOW, DISK_RED = 2_000_000_000, 500_000_000


ERRORS = {
    "transport.bad_address": "平台地址不正确",
    "transport.bad_proxy": "电脑的网络代理设置不正确",
    "transport.bad_status": "平台没有正常应答",
    "transport.captive_portal": "网络要求先登录",
    "transport.cut_short": "传输中断",
    "transport.down": "连不上平台",
    "transport.not_trusted": "平台的安全证书不可信",
    "transport.refused": "平台没有接受请求",
    "transport.timeout": "平台太久没有应答",
    "transport.too_large": "收到的数据过大",
    "transport.too_slow": "传输太慢",
    "reply.digest": "校验值不一致，已停止接收",
    "reply.receipt": "回执签名不正确",
    "store.disk_failed": "磁盘读写出错",
    "store.disk_full": "磁盘已满",
}
_PROGRAM = re.compile(r"[0-9A-Za-z.+ -]{1,40}", re.ASCII)


@dataclass(frozen=True)
class Lamp:
    """One station with its colour and the reasons for it, in words."""

    watch: StationWatch
    colour: str
    reasons: tuple[str, ...]
    oldest: str
    offset: str
    disk: str
    program: str


def watch(hub: Hub, account: Account) -> ResponseReturnValue:
    now = hub.now_ms()
    every = sorted((_lamp(each, now) for each in watch_stations(hub, account)), key=_urgency)
    chosen = {name: request.args.get(name, "").strip()[:50] for name in ("colour", "text")}
    lines = [line for line in every if _is_wanted(line, chosen["colour"], chosen["text"])]
    page = Page("admin.watch", chosen, len(lines), asked_size(OF_STATIONS), asked_number())
    return render_template(
        "admin/watch.html",
        lines=page.cut(lines),
        page=page,
        chosen=chosen,
        counts=Counter(line.colour for line in every),
        lamps=LAMPS,
        now=now,
        again=_again(),
    )


def _again() -> str:
    """The address from which the page refreshes itself: the same choice, and no activity."""
    names = ("colour", "text", "size", "number")
    asked: dict[str, Any] = {name: request.args[name] for name in names if request.args.get(name)}
    return url_for("admin.watch", auto="yes", **asked)


def _is_wanted(line: Lamp, colour: str, text: str) -> bool:
    """Whether a line has this colour and this text in its station's name or code."""
    watched = line.watch
    return colour in ("", line.colour) and (text in watched.name or text in watched.station_code)


def _urgency(line: Lamp) -> tuple[int, int, str]:
    return _ORDER.index(line.colour), -len(line.reasons), line.watch.station_code


def _lamp(watch: StationWatch, now: int) -> Lamp:
    found = [] if watch.state == "closed" else list(_findings(watch, now))
    colour = min((c for c, _ in found), key=_ORDER.index, default="green")
    found.sort(key=lambda each: _ORDER.index(each[0]))
    return Lamp(
        watch=watch,
        colour="grey" if watch.state == "closed" else colour,
        reasons=tuple(words for _, words in found),
        oldest=duration(now - watch.oldest_unsent_at) if watch.oldest_unsent_at else "—",
        offset=_offset(watch.clock_offset_ms),
        disk="—" if watch.free_disk_bytes is None else disk(watch.free_disk_bytes),
        program=watch.program if _PROGRAM.fullmatch(watch.program) else "—",
    )


def _findings(watch: StationWatch, now: int) -> Iterator[tuple[str, str]]:
    """(colour, words) of everything that is not as it should be."""
    if watch.last_contact is None:
        yield "yellow", "电脑尚未启用或尚未联系"
        return
    yield from _grade(now - watch.last_contact, SILENT_YELLOW_MS, SILENT_RED_MS, "没有联系")
    if watch.oldest_unsent_at is not None:
        age = now - watch.oldest_unsent_at
        yield from _grade(age, UNSENT_YELLOW_MS, UNSENT_RED_MS, "有条目未上报")
    if watch.standing:
        yield "red", watch.standing
    if watch.refused:
        yield "red", f"{watch.refused} 项被拒收"
    if watch.held:
        yield "yellow", f"{watch.held} 项待核"
    if watch.open_conflicts:
        yield "yellow", f"{watch.open_conflicts} 处冲突待处理"
    yield from _clock(watch.clock_offset_ms)
    yield from _space(watch.free_disk_bytes)
    if watch.failed_attempts:
        yield "yellow", f"此前 {watch.failed_attempts} 次同步失败"
    if watch.last_error:
        yield "yellow", _error_words(watch.last_error)


def _error_words(code: str) -> str:
    """A station sends a code. Whatever else stands there is not shown: it could name a person."""
    return ERRORS.get(code, f"其他错误（{code}）" if code in protocol_errors.WORDS else "其他错误")


def _grade(age_ms: int, yellow_ms: int, red_ms: int, words: str) -> Iterator[tuple[str, str]]:
    if age_ms >= yellow_ms:
        yield ("red" if age_ms >= red_ms else "yellow"), f"{duration(age_ms)}{words}"


def _clock(offset_ms: int | None) -> Iterator[tuple[str, str]]:
    off = abs(offset_ms or 0)
    if off >= CLOCK_YELLOW_MS:
        yield ("red" if off >= CLOCK_RED_MS else "yellow"), f"时钟偏差 {duration(off)}"


def _space(free: int | None) -> Iterator[tuple[str, str]]:
    if free is not None and free < DISK_YELLOW:
        yield ("red" if free < DISK_RED else "yellow"), f"磁盘只剩 {disk(free)}"


def _offset(offset_ms: int | None) -> str:
    """Hub time minus device time, as somebody says it of the clock on the wall."""
    if offset_ms is None:
        return "—"
    if abs(offset_ms) < 1000:
        return "准"
    return f"{'慢' if offset_ms > 0 else '快'} {duration(abs(offset_ms))}"
