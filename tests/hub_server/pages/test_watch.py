"""The operator's page: colours with words, the worst first, and nothing about any person."""

import re
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from hub_server.admin import watch
from hub_server.admin.watch import LAMPS
from hub_server.permissions import ACTIONS
from hub_server.services.answer_exchange import answer_exchange
from hub_server.services.watch_stations import StationWatch, watch_stations
from sync_protocol import exchange, limits
from sync_protocol.operations import Head
from tests.hub_server.conftest import Desk, an_entry
from tests.hub_server.pages.county import NOON, Browser, County, text_of

HOUR, DAY = 3_600_000, 86_400_000


def a_watch(**changed: Any) -> StationWatch:
    quiet = StationWatch(
        station_code="140502001",
        name="邮储银行便民服务站",
        region="140502",
        state="open",
        last_contact=NOON - 60_000,
        backlog=0,
        oldest_unsent_at=None,
        open_conflicts=0,
        clock_offset_ms=300,
        free_disk_bytes=80_000_000_000,
        failed_attempts=0,
        last_error="",
        standing="",
        program="0.1.0",
        entries=12,
        held=0,
        refused=0,
        computers=(),
    )
    return replace(quiet, **changed)


@pytest.mark.parametrize(
    ("changed", "colour", "words"),
    [
        ({}, "green", ""),
        ({"last_contact": None}, "yellow", "尚未启用或尚未联系"),
        ({"last_contact": NOON - DAY}, "yellow", "1 天没有联系"),
        ({"last_contact": NOON - 3 * DAY}, "red", "3 天没有联系"),
        ({"backlog": 3, "oldest_unsent_at": NOON - 4 * DAY}, "red", "4 天有条目未上报"),
        ({"backlog": 3, "oldest_unsent_at": NOON - HOUR}, "green", ""),
        ({"refused": 2}, "red", "2 项被拒收"),
        ({"held": 1}, "yellow", "1 项待核"),
        ({"open_conflicts": 1}, "yellow", "1 处冲突待处理"),
        ({"clock_offset_ms": -5 * 60_000}, "yellow", "时钟偏差 5 分钟"),
        ({"clock_offset_ms": 3 * HOUR}, "red", "时钟偏差 3 小时"),
        ({"free_disk_bytes": 100_000_000}, "red", "磁盘只剩 100 MB"),
        ({"last_error": "transport.down", "failed_attempts": 4}, "yellow", "连不上平台"),
        ({"standing": "本机的操作链已冻结"}, "red", "本机的操作链已冻结"),
        ({"state": "closed", "last_contact": NOON - 90 * DAY}, "grey", ""),
    ],
)
def test_a_station_has_a_colour_and_the_reason_in_words(
    county: County, monkeypatch: pytest.MonkeyPatch, changed: Any, colour: str, words: str
) -> None:
    monkeypatch.setattr(watch, "watch_stations", lambda hub, account: [a_watch(**changed)])
    page = county.signed_in("operator").get("/county/watch").text
    row = page[page.index("<tbody>") : page.index("</tbody>")]
    assert f'<span class="tag tag-{colour}">{LAMPS[colour]}</span>' in row
    assert words in row


def test_the_worst_station_stands_first(county: County, monkeypatch: pytest.MonkeyPatch) -> None:
    four = [
        a_watch(station_code="140502001"),
        a_watch(station_code="140502002", state="closed"),
        a_watch(station_code="140502003", held=1),
        a_watch(station_code="140502004", refused=1),
    ]
    monkeypatch.setattr(watch, "watch_stations", lambda hub, account: four)
    page = county.signed_in("operator").get("/county/watch").text
    order = re.findall(r'href="/county/stations/(\d+)"', page)
    assert order == ["140502004", "140502003", "140502001", "140502002"]


def codes_on(page: str) -> list[str]:
    return re.findall(r'href="/county/stations/(\d+)"', page)


def test_a_long_matrix_comes_in_pages_and_is_filtered(
    county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = [a_watch(station_code=f"140502{n:03d}", name=f"第{n}支行便民服务站") for n in range(120)]
    many[77] = replace(many[77], refused=1)
    monkeypatch.setattr(watch, "watch_stations", lambda hub, account: many)
    operator = county.signed_in("operator")
    first = operator.get("/county/watch").text
    assert (codes_on(first)[0], len(codes_on(first))) == ("140502077", 50)
    last = operator.get("/county/watch?number=3&colour=green&_scheme=x").text
    assert len(codes_on(last)) == 19
    assert 'content="30; url=/county/watch?auto=yes&amp;colour=green&amp;number=3"' in last
    assert "需处理 1" in last
    assert codes_on(operator.get("/county/watch?text=第42支行").text) == ["140502042"]
    assert codes_on(operator.get("/county/watch?text=140502007").text) == ["140502007"]
    assert "没有符合条件的站点" in operator.get("/county/watch?text=没有").text


def test_the_register_shows_what_ran_out_first_and_is_filtered(county: County) -> None:
    desk = county.desk()
    county.open_station(applicant_unit="邮政局")
    first = county.signed_in("reviewer").get("/county/stations").text
    waiting, busy = "140502002", desk.certificate.station_code
    assert codes_on(first) == [waiting, busy]
    county.clock.forward(3 * 365 * DAY / 1000)
    reviewer = county.signed_in("reviewer")
    assert reviewer.get("/county/stations").text.count("tag-red") == 2
    assert codes_on(reviewer.get("/county/stations?text=邮政局").text) == [waiting]
    assert codes_on(reviewer.get("/county/stations?colour=green").text) == []


def test_the_register_tells_a_reviewer_who_changed_a_card_and_an_operator_no_telephone(
    county: County,
) -> None:
    code = county.open_station().station_code
    reviewer = text_of(county.signed_in("reviewer").get(f"/county/stations/{code}"))
    assert "登记卡的变动" in reviewer
    assert "王审核 县级" in reviewer
    assert "13812345678" in reviewer
    operator = text_of(county.signed_in("operator").get(f"/county/stations/{code}"))
    assert "办公电话" not in operator
    assert "王审核" not in operator


def send_report(desk: Desk, **told: Any) -> None:
    """One exchange of a desk in trouble: it tells the hub, and sends none of its backlog."""
    report = exchange.Report("0.1.0", 0, None, 0, 0, 10**11, 0, "")
    desk.number += 1
    assert desk.acknowledged is not None
    planned = exchange.plan(
        desk.keys,
        desk.number,
        Head(desk.keys.replica, desk.head.seq + told.get("backlog", 0), desk.head.link),
        exchange.Outbox(desk.acknowledged, desk.written[desk.acknowledged.seq :]),
        desk.cursors,
        msgspec.structs.replace(report, **told),
        desk.hub.now_ms(),
        limits.BATCH_BYTES,
    )
    answer_exchange(desk.hub, desk.seal(planned.payload))


def test_what_a_station_tells_is_what_the_operator_reads(county: County) -> None:
    desk = county.desk()
    send_report(
        desk,
        backlog=7,
        oldest_unsent_at=county.clock.ms - 5 * HOUR,
        open_conflicts=2,
        clock_offset_ms=90_000,
        free_disk_bytes=12_300_000_000,
        failed_attempts=3,
        last_error="transport.timeout",
    )
    text = text_of(county.signed_in("operator").get("/county/watch"))
    for told in ("需关注", " 7 ", "5 小时", "慢 1 分钟", "12.3 GB", "2 处冲突", "平台太久没有应答"):
        assert told in text


def test_a_backlog_that_has_arrived_is_none(county: County) -> None:
    desk = county.desk()
    desk.write("clerk", {"name": "李四"})
    send_report(desk, backlog=1, oldest_unsent_at=county.clock.ms - 5 * HOUR)
    (watched,) = watch_stations(county.hub, county.account("operator"))
    assert (watched.backlog, watched.oldest_unsent_at) == (1, county.clock.ms - 5 * HOUR)
    answer_exchange(county.hub, desk.seal(desk.payload(backlog=1)))
    (watched,) = watch_stations(county.hub, county.account("operator"))
    assert (watched.backlog, watched.oldest_unsent_at) == (0, None)


def test_the_page_refreshes_itself(county: County) -> None:
    page = county.signed_in("operator").get("/county/watch").text
    assert '<meta http-equiv="refresh" content="30; url=/county/watch?auto=yes">' in page


CANARIES = {
    "applicant_name": "卡纳丽雀",
    "contact_phone": "13500009999",
    "handler_name": "雀守门",
    "remark": "雀在笼中 13500008888",
    "task_name": "雀事",
}


def test_no_page_of_an_operator_holds_anything_that_was_said_of_a_person(county: County) -> None:
    """Also not where a hostile station writes it into its report."""
    desk = county.desk(contact_phone="13500007777", conditions="雀条件")
    desk.write("clerk", {"name": "雀站员"}, desk.clerk)
    desk.write("intake_case", an_entry(**CANARIES))
    desk.synchronise()
    send_report(desk, program="卡纳丽雀 1.0", last_error="卡纳丽雀.13500009999", backlog=1)
    operator = county.signed_in("operator")
    code = desk.certificate.station_code
    pages = [
        operator.get(path).text
        for path in ("/county/watch", "/county/stations", f"/county/stations/{code}", "/county")
    ]
    assert "待上报" in pages[0]
    assert [page for page in pages if "雀" in page or "1350000" in page] == []


def test_an_operator_may_open_no_page_that_could_hold_a_person() -> None:
    sealed_or_counted = {"station.list", "station.watch", "undecided.list", "courier.answer"}
    assert ACTIONS["operator"] == sealed_or_counted


def test_only_who_watches_sees_the_matrix(county: County) -> None:
    browser: Browser = county.signed_in("reviewer")
    assert browser.get("/county/watch").status_code == 403
    assert "运行监控" not in browser.get("/county/stations").text
