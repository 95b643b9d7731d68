"""A hub restored from a backup: its stations go back, show no less than before, and give it back
what it lost. And what is no restore raises the alarm."""

import pytest
from msgspec.structs import replace

from station_client.errors import StationError
from station_client.services import absorb_reply
from station_client.services.amend_entry import amend_entry
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.read_status import read_status
from station_client.services.record_entry import record_entry
from station_client.station import Station
from station_client.store import lost as store_lost
from sync_protocol import agree, channel, operations
from sync_protocol.agree import Countersigned
from sync_protocol.channel import (
    ClosingEntry,
    ErasureEntry,
    OperationEntry,
    PlaceEntry,
    Verdict,
)
from sync_protocol.exchange import Opened, Rare
from sync_protocol.operations import Header, Write
from sync_protocol.pull import Page, StoredEntry
from tests.station_client import desk
from tests.station_client.fake_hub import REGION, STATION, FakeHub


def names_in(hub: FakeHub) -> list[bytes]:
    entries = (channel.read_entry(each.data) for each in hub.logs[STATION])
    return [each.name for each in entries if isinstance(each, PlaceEntry)]


def test_a_lost_stretch_is_offered_before_anything_is_pushed_and_comes_back_with_its_verdicts(
    station: Station, hub: FakeHub
) -> None:
    first = record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    record = record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    hub.write("intake_case", record, [Write("county_opinion", "同意"), Write("alive", "")])
    exchange_with_hub(station)
    before = names_in(hub)
    hub.restore(STATION, 1)
    hub.judge = lambda operation, writes, creates: (Verdict.REFUSED, "county")
    outcome = exchange_with_hub(station)
    assert outcome.synchronised
    offering = [each for each in hub.requests if each.said.stretches]
    assert [(len(each.said.stretches), each.runs) for each in offering] == [(2, [])]
    assert names_in(hub) == before
    for each in (first, record):
        row = station.store.records.find(each)
        assert row is not None
        assert (row.refused, row.pending) == (0, 0)
    row = station.store.records.find(record)
    assert row is not None
    assert row.values["county_opinion"] == "同意"
    assert exchange_with_hub(station).synchronised
    assert not station.store.lost.keeps()


def test_the_page_does_not_go_back_while_the_hub_is_behind(station: Station, hub: FakeHub) -> None:
    record = record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    amend_entry(station, record, {"applicant_name": "王晓明"})
    exchange_with_hub(station)
    hub.restore(STATION, 1)
    hub.page_budget = 1
    original = hub.exchange
    shown = []

    def watched(data: bytes) -> bytes:
        row = station.store.records.find(record)
        assert row is not None
        shown.append((row.values["applicant_name"], row.pending))
        return original(data)

    hub.exchange = watched  # type: ignore[method-assign]
    exchange_with_hub(station)
    assert set(shown) == {("王晓明", 0)}
    assert len(shown) > 2


def test_while_something_is_offered_nothing_is_called_synchronised(
    station: Station, hub: FakeHub
) -> None:
    for _ in range(2):
        record_entry(station, "intake_case", desk.a_case())
        exchange_with_hub(station)
    assert read_status(station).synchronised
    hub.restore(STATION, 1)
    genuine = hub._page
    hub._page = lambda opened, cursor: replace(  # type: ignore[method-assign]
        genuine(opened, cursor), head=99
    )
    exchange_with_hub(station)
    assert not read_status(station).synchronised
    assert station.store.lost.keeps()
    hub._page = genuine  # type: ignore[method-assign]
    assert exchange_with_hub(station).synchronised


def test_what_the_hub_does_not_believe_is_pushed_and_judged_anew(
    station: Station, hub: FakeHub
) -> None:
    for _ in range(2):
        record = record_entry(station, "intake_case", desk.a_case())
        exchange_with_hub(station)
    hub.restore(STATION, 1)
    hub._read = lambda stretch: stretch.base  # type: ignore[method-assign]
    hub.judge = lambda operation, writes, creates: (Verdict.REFUSED, "county")
    assert exchange_with_hub(station).synchronised
    row = station.store.records.find(record)
    assert row is not None
    assert (row.refused, row.pending) == (1, 0)


def test_the_region_is_given_back_too(station: Station, hub: FakeHub) -> None:
    hub.publish(3)
    exchange_with_hub(station)
    hub.restore(REGION, 1)
    assert len(station.store.items.find("社会", 5)) == 3
    assert exchange_with_hub(station).synchronised
    assert len(station.store.items.find("社会", 5)) == 3
    assert len(hub.logs[REGION]) == 4


def test_an_item_that_the_hub_lost_and_nobody_proved_is_found_no_more(
    station: Station, hub: FakeHub
) -> None:
    hub.publish(3)
    exchange_with_hub(station)
    hub.restore(REGION, 1)
    hub._read = lambda stretch: stretch.receipt.cursor  # type: ignore[method-assign]
    assert exchange_with_hub(station).synchronised
    assert len(station.store.records.all(REGION)) == 1
    assert len(station.store.items.find("社会", 5)) == 1


def test_a_hub_that_is_restored_twice_gets_everything_back(station: Station, hub: FakeHub) -> None:
    for _ in range(4):
        record_entry(station, "intake_case", desk.a_case())
        exchange_with_hub(station)
    before = set(names_in(hub))
    hub.restore(STATION, 3)
    exchange_with_hub(station)
    hub.restore(STATION, 1)
    assert exchange_with_hub(station).synchronised
    assert set(names_in(hub)) == before


def test_a_rewritten_history_raises_the_alarm_and_it_ends_when_ours_is_back(
    station: Station, hub: FakeHub
) -> None:
    record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    genuine = list(hub.logs[STATION])
    hub.logs[STATION] = []
    hub.write("intake_case", b"x" * 16, [Write("alive", "")])
    assert not exchange_with_hub(station).synchronised
    assert read_status(station).alarms
    record_entry(station, "intake_case", desk.a_case())
    hub.logs[STATION] = genuine
    assert exchange_with_hub(station).synchronised
    assert not read_status(station).alarms


def test_the_alarm_about_one_channel_holds_nothing_up_that_goes_into_another(
    station: Station, hub: FakeHub
) -> None:
    hub.publish(2)
    exchange_with_hub(station)
    hub.logs[REGION] = []
    hub.publish(1)
    exchange_with_hub(station)
    assert read_status(station).alarms
    record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    assert len(names_in(hub)) == 1
    assert not read_status(station).pending


def test_after_a_bad_page_a_restored_hub_is_met_as_after_a_good_one(
    station: Station, hub: FakeHub
) -> None:
    """Of who shows its receipts unasked the hub takes what amends a record that it lost."""
    record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    record = record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    page = hub._page
    stranger = desk.new_hub_keys().signing

    def badly(opened: Opened, signed: Countersigned) -> Page:
        genuine = page(opened, signed)
        return replace(genuine, receipt=agree.sign_receipt(stranger, signed.cursor, hub.clock()))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(hub, "_page", badly)
        exchange_with_hub(station)
    assert read_status(station).alarms
    hub.restore(STATION, 1)
    amend_entry(station, record, {"applicant_name": "王晓明"})
    asked = len(hub.requests)
    assert exchange_with_hub(station).synchronised
    assert hub.requests[asked].said.receipts == []
    assert not read_status(station).alarms


def test_an_epoch_whose_digest_is_not_ours_explains_nothing(station: Station, hub: FakeHub) -> None:
    for _ in range(2):
        record_entry(station, "intake_case", desk.a_case())
        exchange_with_hub(station)
    hub.logs[STATION] = []
    hub.write("intake_case", b"x" * 16, [Write("alive", "")])
    hub.restore(STATION, 1)
    assert not exchange_with_hub(station).synchronised
    assert station.store.channels.own().parted == "lost"
    assert station.store.channels.own().cursor.position == 2


def test_local_damage_is_fetched_again_from_the_last_sound_position(
    station: Station, hub: FakeHub
) -> None:
    for _ in range(3):
        record_entry(station, "intake_case", desk.a_case())
        exchange_with_hub(station)
    with station.store.writing():
        station.store.database.write(
            "UPDATE channel SET digest = zeroblob(32) WHERE id = ?", STATION
        )
        station.store.database.write(
            "UPDATE entry SET digest = zeroblob(32) WHERE channel = ? AND position = 2", STATION
        )
    assert exchange_with_hub(station).synchronised
    assert station.store.channels.own().cursor.digest == hub.logs[STATION][2].digest
    assert not read_status(station).alarms


def test_the_hub_of_an_earlier_epoch_is_still_the_hub(station: Station, hub: FakeHub) -> None:
    record = record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    hub.restore(STATION, 1)
    exchange_with_hub(station)
    hub.write("intake_case", record, [Write("county_opinion", "同意"), Write("alive", "")])
    exchange_with_hub(station)
    stored = station.store.journal.operations_of(STATION, [record])[record]
    assert sorted(each.by_hub for each in stored) == [0, 1]


def test_a_closing_that_the_hub_lost_and_nobody_proved_is_undone(
    station: Station, hub: FakeHub
) -> None:
    record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    hub.append(STATION, ClosingEntry(hub.clock() + 1000, hub.clock()))
    exchange_with_hub(station)
    assert station.is_closed
    hub.restore(STATION, 1)
    assert exchange_with_hub(station).synchronised
    assert not station.is_closed


def test_what_is_erased_is_gone_with_what_was_not_sent_yet_and_comes_back_from_nowhere(
    station: Station, hub: FakeHub
) -> None:
    record = record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    hub.append(STATION, ErasureEntry(record, hub.clock()))
    amend_entry(station, record, {"applicant_name": "王晓明"})
    exchange_with_hub(station)
    assert station.store.records.find(record) is None
    bodies = station.store.database.rows("SELECT body FROM operation WHERE record = ?", record)
    assert [each["body"] for each in bodies] == [None, None]
    assert station.store.bodies.lacking(9) == []
    hub.write("intake_case", record, [Write("county_opinion", "同意"), Write("alive", "")])
    exchange_with_hub(station)
    assert station.store.records.find(record) is None


def test_a_body_that_nobody_ever_had_keeps_no_pc_from_being_synchronised(
    station: Station, hub: FakeHub
) -> None:
    header = Header(1, b"o" * 16, 1, hub.clock(), b"c" * 16, b"r" * 16, "intake_case", 1)
    told = operations.received(operations.header_bytes(header), None, b"d" * 32)
    entry = OperationEntry(told.name, int(Verdict.REFUSED), "body", hub.clock(), hub.clock())
    hub.append(STATION, entry, told)
    assert exchange_with_hub(station).synchronised
    assert station.store.bodies.lacking(9) == [b"d" * 32]
    assert read_status(station).lacking == 0


def test_a_hub_restored_again_before_the_first_was_met_gets_everything_back(
    station: Station, hub: FakeHub
) -> None:
    """Where the station went back to there is no receipt: it goes on back to where there is one."""
    record = record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    amend_entry(station, record, {"applicant_name": "王二"})
    hub.write("intake_case", record, [Write("county_opinion", "同意"), Write("alive", "")])
    exchange_with_hub(station)
    before = set(names_in(hub))
    hub.restore(STATION, 2)
    with hub.cut_off(station.store.lost.count_stretches), pytest.raises(StationError):
        exchange_with_hub(station)
    hub.restore(STATION, 1)
    outcome = exchange_with_hub(station)
    assert outcome.synchronised
    assert outcome.requests < 9
    assert set(names_in(hub)) == before
    assert station.store.journal.totals(station.keys.replica).refused == 0


def test_what_was_taken_is_offered_again_to_a_hub_that_was_restored_before_its_page_came(
    station: Station, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    hub.write("intake_case", record, [Write("county_opinion", "同意"), Write("alive", "")])
    exchange_with_hub(station)
    before = set(names_in(hub))
    hub.restore(STATION, 1)
    genuine = absorb_reply._apply

    def power_cut_before_the_page(station: Station, page: Page, said: Rare) -> object:
        if said.stretches:
            raise StationError("transport.down")
        return genuine(station, page, said)

    with monkeypatch.context() as patch:
        patch.setattr(absorb_reply, "_apply", power_cut_before_the_page)
        with pytest.raises(StationError):
            exchange_with_hub(station)
    assert station.store.lost.count_stretches() == 0
    hub.restore(STATION, 1)
    assert exchange_with_hub(station).synchronised
    assert set(names_in(hub)) == before


def test_nothing_is_pushed_before_what_was_taken_has_come_back(
    station: Station, colleague: Station, hub: FakeHub
) -> None:
    """A hub that was restored in between would judge it without what it builds on."""
    record = record_entry(colleague, "intake_case", desk.a_case())
    exchange_with_hub(colleague)
    exchange_with_hub(station)
    hub.restore(STATION, 0)
    hub.page_budget = 1
    held = station.store.lost

    def was_taken() -> bool:
        return held.keeps() and not held.count_stretches()

    with hub.cut_off(was_taken), pytest.raises(StationError):
        exchange_with_hub(station)
    hub.restore(STATION, 1)
    amend_entry(station, record, {"applicant_name": "王晓明"})
    hub.judge = lambda operation, writes, creates: (
        (Verdict.REFUSED, "check") if creates else (Verdict.ACCEPTED, "")
    )
    assert exchange_with_hub(station).synchronised
    row = station.store.records.find(record)
    assert row is not None
    assert (row.refused, row.pending, row.values["applicant_name"]) == (0, 0, "王晓明")


def test_what_stood_above_local_damage_is_not_believed_for_ever_of_a_hub_that_lost_it(
    station: Station, colleague: Station, hub: FakeHub
) -> None:
    mine = record_entry(station, "intake_case", desk.a_case())
    theirs = record_entry(colleague, "intake_case", desk.a_case())
    for each in (colleague, station):
        exchange_with_hub(each)
    station.mint()
    with station.store.writing():
        station.store.database.write("UPDATE entry SET digest = zeroblob(32)")
    hub.restore(STATION, 0)
    assert exchange_with_hub(station).synchronised
    shown = {each.id: each.pending for each in station.store.records.all(STATION)}
    assert shown == {mine: 0}
    assert mine in {each.operation.header.record for each in hub.logs[STATION] if each.operation}
    exchange_with_hub(colleague)
    exchange_with_hub(station)
    assert station.store.records.find(theirs) is not None


def test_the_stamp_of_a_place_that_nobody_brought_back_counts_no_more(
    station: Station, hub: FakeHub, clock: desk.Clock
) -> None:
    station.clock_offset_ms = 24 * 3_600_000
    record = record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    station.mint()
    hub.restore(STATION, 0)
    hub._read = lambda stretch: stretch.receipt.cursor  # type: ignore[method-assign]
    clock.ms += 3_600_000
    assert exchange_with_hub(station).synchronised
    [place] = [e for e in map(read_place, hub.logs[STATION]) if e is not None]
    [stored] = station.store.journal.operations_of(STATION, [record])[record]
    assert stored.effective == place.effective


def read_place(stored: StoredEntry) -> PlaceEntry | None:
    entry = channel.read_entry(stored.data)
    return entry if isinstance(entry, PlaceEntry) else None


def test_a_backup_that_nobody_thought_of_any_more_gets_stretches_that_a_request_can_carry(
    station: Station, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_lost, "ENTRIES_A_RECEIPT", 2)
    monkeypatch.setattr(store_lost, "BODY_BYTES_HIGHEST", 0)
    for _ in range(7):
        record_entry(station, "intake_case", desk.a_case())
        exchange_with_hub(station)
        hub.covered += 1
    sql = "SELECT position FROM receipt WHERE channel = ? ORDER BY position"
    rows = station.store.database.rows(sql, STATION)
    assert [each["position"] for each in rows] == [1, 3, 5, 6, 7]
    hub.restore(STATION, 0)
    assert exchange_with_hub(station).synchronised
    stretches = [each for request in hub.requests for each in request.said.stretches]
    assert [len(each.entries) for each in stretches] == [1, 2, 2, 1, 1]
    assert {body for each in stretches for _, body, _ in each.operations} == {None}
    assert exchange_with_hub(station).synchronised
    assert None not in {each.operation.body for each in hub.logs[STATION] if each.operation}
