"""How reporting to the county stands, in a clerk's words; an exchange now."""

from collections.abc import Iterator

from flask import Response, flash, jsonify, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from station_client.errors import StationError
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.read_status import Status, read_status
from station_client.station import Station
from station_client.ui.desk import Desk
from station_client.ui.lamp import lamp_for, lamp_of

MINUTES_WORTH_TELLING = 3
"""A clock that is off by less is no matter for a ledger."""


def show(desk: Desk, station: Station) -> str:
    found = read_status(station)
    minutes_off = round((found.clock_offset_ms or 0) / 60_000)
    return render_template(
        "status.html",
        status=found,
        advice=lamp_for(found).advice,
        recovering=list(_recovering(found)),
        minutes_off=minutes_off if abs(minutes_off) >= MINUTES_WORTH_TELLING else 0,
    )


def _recovering(status: Status) -> Iterator[str]:
    """What a replacement, a restore or a damaged disk has left to be brought here or told."""
    if status.starting is not None:
        done, total = status.starting
        yield (
            f"正在接收县级已有的记录：{done} / {total or '…'} 条。可以照常登记，"
            "以前的记录收齐后显示；中断了会接着收。"
        )
    elif status.last_success_at is None:
        yield "本机还没有与县级平台同步过：县级已有的记录第一次同步后显示。可以照常登记。"
    if status.lost:
        count = sum(each.last - each.first + 1 for each in status.lost)
        yield (
            f"本机有 {count} 条已保存的内容不见了（磁盘损坏或数据文件被换成旧的），"
            "下次同步时告知县级。县级有的会自动取回；取不回的，请对照纸质材料补登。"
        )
    if status.offering:
        yield "县级平台恢复过备份，本机正在把它缺少的记录送回。不用做什么。"
    if status.lacking:
        yield f"还有 {status.lacking} 条内容没有收到，下次同步时取回。不用做什么。"


def lamp(desk: Desk, station: Station) -> Response:
    """The lamp's colour and words, asked by the page's timer."""
    found = lamp_of(station)
    return jsonify({"colour": found.colour, "words": found.words})


def sync_now(desk: Desk, station: Station) -> ResponseReturnValue:
    try:
        done = exchange_with_hub(station)
    except StationError as error:
        kind = "info" if error.code == "exchange.under_way" else "danger"
        flash(f"{error.words()}已登记的内容都在本机，不会丢失。", kind)
    else:
        flash(f"同步完成：上报 {done.pushed} 条，收到 {done.pulled} 条。", "success")
    return redirect(url_for("status"))
