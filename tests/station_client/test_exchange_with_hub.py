"""Exchanging: what arrives, what comes back, what survives a failure, and when it says so."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from station_client.errors import StationError
from station_client.services import absorb_reply, prepare_request
from station_client.services.amend_entry import amend_entry
from station_client.services.apply_page import show_again
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.read_ledger import read_ledger
from station_client.services.read_status import read_status
from station_client.services.record_entry import record_entries, record_entry
from station_client.station import Station
from station_client.store import Store
from station_client.store.rows import ExchangeState
from sync_protocol import channel
from sync_protocol.channel import Verdict
from sync_protocol.operations import AFTER_CLOSING, Write
from tests.station_client import desk
from tests.station_client.fake_hub import REGION, STATION, FakeHub


def test_an_entry_reaches_the_hub_and_the_other_pc(station: Station, colleague: Station) -> None:
    record = record_entry(station, "intake_case", desk.a_case())
    outcome = exchange_with_hub(station)
    assert (outcome.pushed, outcome.pulled, outcome.synchronised) == (1, 1, True)
    assert exchange_with_hub(colleague).pulled == 1
    here, there = station.store.records.find(record), colleague.store.records.find(record)
    assert here is not None
    assert there is not None
    assert there.values == here.values
    assert (here.pending, there.pending) == (0, 0)


@pytest.mark.parametrize("ahead_seconds", [0, 3600])
def test_what_is_accepted_looks_as_if_it_were_merged_anew(
    station: Station, colleague: Station, hub: FakeHub, clock: desk.Clock, ahead_seconds: int
) -> None:
    records = record_entries(station, "intake_case", [desk.a_case() for _ in range(3)])
    exchange_with_hub(station)
    exchange_with_hub(colleague)
    amend_entry(colleague, records[0], {"remark": "已电话告知", "applicant_name": "王晓明"})
    exchange_with_hub(colleague)
    now = hub.clock()
    hub.clock = lambda: now
    clock.forward(ahead_seconds)
    for remark in ("一", "二"):
        amend_entry(station, records[0], {"remark": remark, "applicant_name": f"王小{remark}"})
        amend_entry(station, records[1], {"remark": remark})
    assert exchange_with_hub(station).synchronised
    journal = station.store.journal
    shown = station.store.records.all(station.channel)
    assert [each.pending for each in shown] == [0] * len(shown)
    with station.store.writing():
        show_again(station, station.channel, journal.record_ids(station.channel))
    assert shown == station.store.records.all(station.channel)


def test_an_exchange_with_nothing_to_say_is_one_small_request(station: Station) -> None:
    exchange_with_hub(station)
    outcome = exchange_with_hub(station)
    assert (outcome.requests, outcome.pushed, outcome.pulled) == (1, 0, 0)
    exchange_with_hub(station)
    outcome = exchange_with_hub(station)
    assert outcome.synchronised
    assert outcome.bytes_out + outcome.bytes_in < 800


def signed(hub: FakeHub) -> list[bool]:
    """Which cursors the last request countersigned."""
    return [each.signature != b"" for each in hub.requests[-1].cursors]


def test_what_both_ends_have_signed_is_not_signed_again(
    station: Station, hub: FakeHub, clock: desk.Clock
) -> None:
    record_entry(station, "intake_case", desk.a_case())
    asked = []
    for _ in range(4):
        assert exchange_with_hub(station).synchronised
        asked.append(signed(hub))
    # The entry moved the own cursor; the region's is still where it was.
    assert asked == [[True, True], [True, False], [False, False], [False, False]]
    receipts = station.store.channels.receipts()
    clock.forward(60)
    assert exchange_with_hub(station).synchronised
    assert station.store.channels.receipts() == receipts
    assert read_status(station).last_receipt_hub_time == clock()
    hub.covered = 1
    assert exchange_with_hub(station).synchronised
    assert station.store.channels.own().covered == 1


def test_what_the_hub_has_lost_of_ours_is_signed_for_it_again(
    station: Station, hub: FakeHub
) -> None:
    for _ in range(3):
        exchange_with_hub(station)
    assert signed(hub) == [False, False]
    hub.countersigned.clear()
    asked = []
    for _ in range(3):
        assert exchange_with_hub(station).synchronised
        asked.append(signed(hub))
    assert asked == [[False, False], [True, True], [False, False]]


def test_a_hub_of_version_1_is_shown_every_cursor_signed(station: Station, hub: FakeHub) -> None:
    hub.version = 1
    for _ in range(3):
        exchange_with_hub(station)
        assert signed(hub) == [True, True]


def the_power_goes(station: Station, since: ExchangeState) -> Station:
    """What was only noted since then is gone; the program is started again."""
    with station.store.writing():
        station.store.facts.keep_exchange(since)
    again = replace(station, has_asked=False)
    again.refresh()
    return again


def test_no_number_is_taken_twice_though_no_exchange_waits_for_the_disk(
    station: Station, hub: FakeHub
) -> None:
    exchange_with_hub(station)
    before = station.store.facts.exchange()
    for _ in range(3):
        exchange_with_hub(station)
    again = the_power_goes(station, before)
    exchange_with_hub(again)
    exchange_with_hub(again)
    assert [each.number for each in hub.requests] == [1, 2, 3, 4, 65, 66]
    assert [each.heard for each in hub.requests] == [0, 1, 2, 3, 1, 65]


def test_a_copy_that_reads_along_is_told_of_in_the_same_exchange(
    station: Station, hub: FakeHub
) -> None:
    exchange_with_hub(station)
    hub.newest = 65  # of a copy of the disk, which goes on behind the numbers reserved
    outcome = exchange_with_hub(station)
    assert outcome.requests == 2
    assert [(each.number, each.heard) for each in hub.requests] == [(1, 0), (2, 1), (3, 65)]
    assert hub.requests[-1].is_not_alone


def test_the_disk_is_waited_for_when_the_numbers_are_used_up(
    station: Station, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited = []
    monkeypatch.setattr(prepare_request, "NUMBERS_RESERVED", 4)
    for _ in range(3):
        exchange_with_hub(station)
    monkeypatch.setattr(Store, "writing", _counted(waited, Store.writing))
    for _ in range(8):
        exchange_with_hub(station)
    # Number 5 and number 9; whatever is within one of both is part of it.
    assert sum(not within for within in waited) == 2


def _counted(found: list[bool], writing: Any) -> Any:
    @contextmanager
    def watched(store: Store) -> Iterator[None]:
        found.append(store.database.in_transaction())
        with writing(store):
            yield

    return watched


def test_a_request_on_a_stick_is_kept_whatever_happens(station: Station, hub: FakeHub) -> None:
    for _ in range(3):
        exchange_with_hub(station)
    levels: list[int] = []
    keep = type(station.store.facts).keep_exchange

    def kept(facts: Any, state: Any) -> None:
        levels.append(facts._database.pragma("synchronous"))
        keep(facts, state)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(station.store.facts), "keep_exchange", kept)
        for carrier in ("http", "courier"):
            prepare_request.prepare_request(station, carrier)
    assert levels == [1, 2]  # PRAGMA synchronous: normal, full
    kept_for_a_reply = station.store.database.rows("SELECT number, carrier FROM request")
    assert kept_for_a_reply == [{"number": 5, "carrier": "courier"}]


def test_a_new_replica_signs_for_itself(station: Station, hub: FakeHub) -> None:
    for _ in range(3):
        exchange_with_hub(station)
    station.mint()
    exchange_with_hub(station)
    assert signed(hub) == [True, True]


def test_a_lost_reply_costs_nothing(station: Station, hub: FakeHub) -> None:
    record_entry(station, "intake_case", desk.a_case())
    hub.lose_reply = True
    with pytest.raises(StationError):
        exchange_with_hub(station)
    assert station.store.journal.totals(station.keys.replica).pending == 1
    assert exchange_with_hub(station).synchronised
    assert len(hub.logs[STATION]) == 1


def test_failed_attempts_are_reported_by_the_next_that_succeeds(
    station: Station, hub: FakeHub
) -> None:
    hub.fail = ["transport.down", "transport.timeout"]
    for _ in range(2):
        with pytest.raises(StationError):
            exchange_with_hub(station)
    exchange_with_hub(station)
    assert hub.reports[0].failed_attempts == 2
    assert hub.reports[0].last_error == "transport.timeout"
    exchange_with_hub(station)
    assert hub.reports[-1].failed_attempts == 0


def test_no_request_number_is_used_twice_even_after_failures(
    station: Station, hub: FakeHub
) -> None:
    hub.lose_reply = True
    with pytest.raises(StationError):
        exchange_with_hub(station)
    exchange_with_hub(station)
    exchange_with_hub(station)
    assert [each.number for each in hub.requests] == [1, 2, 3]


def test_edits_of_different_fields_on_two_pcs_are_both_kept(
    station: Station, colleague: Station
) -> None:
    record = record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    exchange_with_hub(colleague)
    amend_entry(station, record, {"applicant_name": "王晓明"})
    amend_entry(colleague, record, {"dept_name": "县医保局"})
    for each in (station, colleague, station):
        exchange_with_hub(each)
    for each in (station, colleague):
        row = each.store.records.find(record)
        assert row is not None
        assert (row.values["applicant_name"], row.values["dept_name"]) == ("王晓明", "县医保局")
        assert row.conflicts == 0


def test_a_refused_entry_keeps_what_was_typed_and_goes_up_whole_when_corrected(
    station: Station, hub: FakeHub
) -> None:
    hub.judge = lambda operation, writes, creates: (Verdict.REFUSED, "check:contact_phone:format")
    record = record_entry(station, "intake_case", desk.a_case())
    assert exchange_with_hub(station).refused == 1
    row = station.store.records.find(record)
    assert row is not None
    assert (row.refused, row.values["applicant_name"]) == (1, "王小明")
    hub.judge = lambda operation, writes, creates: (Verdict.ACCEPTED, "")
    amend_entry(station, record, {"contact_phone": "13900002222"})
    last = station.store.journal.operations_of(STATION, [record])[record][-1]
    assert last.body is not None
    exchange_with_hub(station)
    row = station.store.records.find(record)
    assert row is not None
    assert (row.refused, row.values["applicant_name"]) == (0, "王小明")


def test_pages_are_fetched_until_the_channel_ends(station: Station, hub: FakeHub) -> None:
    hub.page_budget = 2000
    hub.publish(40)
    outcome = exchange_with_hub(station)
    assert outcome.pulled == 40
    assert outcome.requests > 2
    assert outcome.synchronised


def test_the_county_writes_in_the_stations_channel_and_it_shows(
    station: Station, hub: FakeHub
) -> None:
    record = record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    hub.write("intake_case", record, [Write("county_opinion", "请补充说明"), Write("alive", "")])
    exchange_with_hub(station)
    row = station.store.records.find(record)
    assert row is not None
    assert row.values["county_opinion"] == "请补充说明"


def test_a_parted_history_stops_that_channel_raises_the_alarm_and_recording_goes_on(
    station: Station, hub: FakeHub
) -> None:
    record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    hub.logs[STATION] = []
    hub.publish(1)
    outcome = exchange_with_hub(station)
    assert not outcome.synchronised
    assert station.store.channels.own().parted == "lost"
    assert len(station.store.items.find("社会", 5)) == 1
    record_entry(station, "intake_case", desk.a_case())


def test_a_revoked_pc_learns_why_and_is_never_called_synchronised(
    station: Station, hub: FakeHub
) -> None:
    hub.standing = "revoked"
    record_entry(station, "intake_case", desk.a_case())
    outcome = exchange_with_hub(station)
    assert not outcome.synchronised
    assert outcome.requests == 1
    assert station.store.facts.exchange().standing == "revoked"


def test_a_foreign_reply_changes_nothing(station: Station, hub: FakeHub) -> None:
    record_entry(station, "intake_case", desk.a_case())
    stranger = FakeHub(hub.clock)
    stranger.know(station)
    genuine = hub.exchange
    station.transport = hub
    hub.exchange = lambda data: genuine(data)[:-1]  # type: ignore[method-assign]
    with pytest.raises(StationError) as told:
        exchange_with_hub(station)
    assert told.value.code == "envelope.signature"
    assert station.store.journal.totals(station.keys.replica).pending == 1


def test_a_catalogue_is_found_by_name_code_and_initials(station: Station, hub: FakeHub) -> None:
    hub.publish(30)
    exchange_with_hub(station)
    assert len(station.store.items.find("shbzk", 50)) == 30
    assert station.store.items.find("000007", 5)[0].name == "社会保障卡申领7"
    assert station.store.channels.find(REGION) is not None


def test_many_entries_of_a_colleague_arrive_whole(station: Station, colleague: Station) -> None:
    record_entries(colleague, "intake_case", [desk.a_case()] * 1500)
    exchange_with_hub(colleague)
    exchange_with_hub(station)
    rows, count = read_ledger(station, text="王小明")
    assert (count, len(rows)) == (1500, 100)


def test_what_a_broken_hub_places_twice_is_here_once(station: Station, hub: FakeHub) -> None:
    exchange_with_hub(station)
    writes = [Write("item_name", "社会保障卡申领"), Write("alive", "")]
    placed = hub.write("catalogue_item", b"i" * 16, writes, to=REGION)
    hub.append(REGION, channel.read_entry(hub.logs[REGION][-1].data), placed)  # type: ignore[arg-type]
    assert exchange_with_hub(station).synchronised
    assert len(station.store.items.find("社会", 9)) == 1


def test_a_clock_that_is_set_while_the_hub_answers_is_measured_as_it_is_then(
    station: Station, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A PC with an empty battery gets its time from the network that it waited for, too."""
    answer, clock = hub.exchange, station.now_ms
    station.now_ms = lambda: clock() - 16 * 365 * 24 * 60 * 60 * 1000

    def set_meanwhile(data: bytes) -> bytes:
        reply = answer(data)
        station.now_ms = clock
        return reply

    monkeypatch.setattr(hub, "exchange", set_meanwhile)
    exchange_with_hub(station)
    assert station.clock_offset_ms == 0


def test_what_is_saved_once_the_closing_is_applied_is_marked_before_the_exchange_ends(
    station: Station, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange_with_hub(station)
    hub.append(STATION, channel.ClosingEntry(hub.clock() + 1_000, hub.clock()))
    applied = absorb_reply.forget_kept

    def a_clerk_saves(*args: Any) -> None:
        record_entry(station, "intake_case", desk.a_case())
        applied(*args)

    monkeypatch.setattr(absorb_reply, "forget_kept", a_clerk_saves)
    exchange_with_hub(station)
    _, unsent = station.store.journal.outbox(station.keys.replica, 10)
    saved = [each.operation for each in hub.logs[STATION] if each.operation] or list(unsent)
    assert {each.header.flags for each in saved} == {AFTER_CLOSING}
