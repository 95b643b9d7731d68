"""A station closes while it is offline, both programs real: what came late waits for the county, is
accepted or sent back, corrected and sent again, by wire and by stick; then the PC is erased."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import forms
from hub_server.services.answer_courier import take_courier
from hub_server.services.answer_exchange import answer_exchange
from hub_server.services.back_up import back_up
from hub_server.services.decide_held import decide_held
from hub_server.services.enrol_station import enrol_station as enrol_at_hub
from hub_server.services.enrol_station import hub_card
from hub_server.services.list_undecided import list_undecided
from hub_server.services.review_case import review_case
from station_client.device_secret import DeviceSecret
from station_client.home import Home
from station_client.services.amend_entry import amend_entry, operations_of
from station_client.services.carry_courier import read_reply, write_request
from station_client.services.enrol_station import enrol_station
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.list_inbox import list_inbox
from station_client.services.merged import merged
from station_client.services.record_entry import record_entry
from station_client.services.retire import erase_store, may_retire
from station_client.services.writing import save_change
from station_client.station import Station
from tests.hub_server.pages.county import County, a_county
from tests.hub_server.test_decide_held import closed
from tests.station_client import desk as builders


class Wire:
    """The hub in this process, as a transport sees it."""

    def __init__(self, county: County) -> None:
        self._hub = county.hub

    def fetch_card(self) -> bytes:
        return hub_card(self._hub)

    def enrol(self, data: bytes) -> bytes:
        return enrol_at_hub(self._hub, data)

    def exchange(self, data: bytes) -> bytes:
        return answer_exchange(self._hub, data)


@pytest.fixture
def county(tmp_path: Path) -> Iterator[County]:
    made = a_county(tmp_path / "hub")
    yield made
    made.hub.store.close()


@pytest.fixture
def station(tmp_path: Path, county: County) -> Iterator[Station]:
    code = county.open_station().code
    assert code is not None
    made = enrol_station(
        Home.open(tmp_path / "desk"),
        builders.PIN,
        "http://hub.invalid",
        code,
        "李娟",
        device=DeviceSecret("insecure"),
        device_name="柜台一",
        forms=forms.builtin(),
        now_ms=county.clock,
        connect=lambda url: Wire(county),
    )
    exchange_with_hub(made)
    yield made
    made.close()


def carried(county: County, station: Station) -> None:
    """One exchange on a stick, by hand of the operator."""
    answer = take_courier(county.hub, county.account("operator"), write_request(station))
    read_reply(station, answer.reply)


def decided(county: County, station: Station, verdict: str, *, nth: int = 0) -> None:
    reviewer = county.account("reviewer")
    waiting, _ = list_undecided(county.hub, reviewer, station.certificate.station_code)
    chosen = [each for each in waiting if each.waits_for_county][nth]
    decide_held(county.hub, reviewer, chosen.channel, [chosen.identity], verdict, "已与站点核对")


def matters(station: Station) -> list[tuple[str, str]]:
    return [(each.matter, each.title) for each in list_inbox(station)]


def test_what_came_after_the_closing_is_decided_corrected_and_the_pc_erased(
    county: County, station: Station, tmp_path: Path
) -> None:
    closed(county, station)
    carried(county, station)
    assert station.is_closed
    county.clock.forward(86_400)
    first = record_entry(station, "intake_case", builders.a_case(applicant_name="赵永胜"))
    county.clock.forward(60)
    record_entry(station, "intake_case", builders.a_case(applicant_name="钱小红"))
    carried(county, station)
    held = [("held", "社会保障卡申领（赵永胜）"), ("held", "社会保障卡申领（钱小红）")]
    assert sorted(matters(station)) == sorted(held)

    decided(county, station, "accepted", nth=1)
    decided(county, station, "refused")
    exchange_with_hub(station)
    [item] = list_inbox(station)
    assert (item.matter, item.record) == ("refused", first)
    assert item.reason == "县级退回：已与站点核对"

    county.clock.forward(60)
    amend_entry(station, first, {"remark": "有当日收件凭证"})
    carried(county, station)
    assert [each.code for each in may_retire(station)] == ["held"]
    decided(county, station, "accepted")
    exchange_with_hub(station)
    assert matters(station) == []
    line = county.hub.store.records.get(station.channel, first)
    assert line is not None
    assert line.values["remark"] == "有当日收件凭证"

    assert [each.code for each in may_retire(station)] == ["not_covered"]
    back_up(county.hub, tmp_path / "backup.db")
    exchange_with_hub(station)
    assert may_retire(station) == ()
    assert erase_store(station, station.certificate.station_code).is_told
    replica = county.hub.store.stations.replica(station.keys.replica)
    assert replica is not None
    assert replica.standing == "retired"
    assert not station.home.database.exists()


DAYS_MS = 10 * 24 * 60 * 60 * 1000


def returned(county: County, station: Station, record: bytes) -> None:
    reviewer = county.account("reviewer")
    review_case(county.hub, reviewer, station.channel, record, "returned", "请补材料", {})
    exchange_with_hub(station)


def test_a_refusal_is_seen_at_a_desk_whose_clock_was_put_right_before(
    county: County, station: Station
) -> None:
    """What was written after is not older for that."""
    station.now_ms = lambda: county.clock() + DAYS_MS
    record = record_entry(station, "helper_case", builders.a_helper_case())
    exchange_with_hub(station)  # from here on it knows the county's time
    with station.store.writing():  # a program that writes what only the county may
        stored = operations_of(station, record)
        save_change(station, stored, merged(station.forms, stored), {"county_opinion": "同意"})
    exchange_with_hub(station)
    assert [each.matter for each in list_inbox(station)] == ["refused"]


def test_a_return_is_seen_at_a_desk_whose_clock_is_fast(county: County, station: Station) -> None:
    station.now_ms = lambda: county.clock() + DAYS_MS
    record = record_entry(station, "helper_case", builders.a_helper_case())
    exchange_with_hub(station)
    returned(county, station, record)
    assert [each.matter for each in list_inbox(station)] == ["returned"]


def test_what_is_mended_after_a_return_is_mended_whatever_the_clock_says(
    county: County, station: Station
) -> None:
    record = record_entry(station, "helper_case", builders.a_helper_case())
    exchange_with_hub(station)
    returned(county, station, record)
    station.now_ms = lambda: county.clock() - DAYS_MS
    amend_entry(station, record, {"applicant_name": "补过"})
    assert not list_inbox(station)
    exchange_with_hub(station)
    assert not list_inbox(station)


def test_a_return_stays_in_the_inbox_where_a_desk_wrote_without_having_seen_it(
    county: County, station: Station
) -> None:
    record = record_entry(station, "helper_case", builders.a_helper_case())
    exchange_with_hub(station)
    amend_entry(station, record, {"applicant_name": "同时"})
    returned(county, station, record)
    assert [each.matter for each in list_inbox(station)] == ["returned"]
    county.clock.forward(60)
    returned(county, station, record)  # once more
    assert [each.matter for each in list_inbox(station)] == ["returned"]


@pytest.mark.parametrize("chosen", ["the last", "all"])
def test_the_county_accepts_what_a_closed_desk_began_under_one_name_and_amended_under_another(
    county: County, station: Station, chosen: str
) -> None:
    closed(county, station)
    exchange_with_hub(station)
    for _ in range(3):
        record_entry(station, "helper_case", builders.a_helper_case())
    record = record_entry(station, "helper_case", builders.a_helper_case())
    exchange_with_hub(station)
    station.mint()  # its numbers begin anew
    amend_entry(station, record, {"applicant_name": "后来"})
    exchange_with_hub(station)
    reviewer = county.account("reviewer")
    waiting, _ = list_undecided(county.hub, reviewer)
    names = [each.identity for each in waiting if each.record == record]
    wanted = names if chosen == "all" else names[-1:]
    decide_held(county.hub, reviewer, station.channel, wanted, "accepted", "已与站点核对")
    found = county.hub.store.records.get(station.channel, record)
    assert found is not None
    assert found.values["applicant_name"] == "后来"
