"""A replacement PC starts from a snapshot, part by part, then the tail; it records meanwhile."""

import pytest
from msgspec.structs import replace

from station_client.errors import StationError
from station_client.services.amend_entry import amend_entry
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.read_status import read_status
from station_client.services.record_entry import record_entries, record_entry
from station_client.station import Station
from station_client.store import lost
from sync_protocol import mint, operations, snapshot
from sync_protocol.channel import (
    ClosingEntry,
    CopyEntry,
    OperationEntry,
    RevocationEntry,
    Verdict,
    entry_bytes,
)
from sync_protocol.operations import Write
from sync_protocol.snapshot import SnapshotPart
from tests.station_client import desk
from tests.station_client.fake_hub import REGION, STATION, FakeHub


@pytest.fixture
def replacement(colleague: Station) -> Station:
    return colleague


def test_a_replacement_gets_parts_then_the_tail_and_shows_the_same(
    station: Station, replacement: Station, hub: FakeHub
) -> None:
    records = record_entries(station, "intake_case", [desk.a_case()] * 5)
    exchange_with_hub(station)
    hub.covered = 5
    amend_entry(station, records[0], {"applicant_name": "王晓明"})
    exchange_with_hub(station)
    outcome = exchange_with_hub(replacement)
    assert outcome.synchronised
    assert [each.said.snapshot is not None for each in hub.requests[-4:]] == [True] * 3 + [False]
    assert outcome.pulled == 1
    for each in records:
        here, there = station.store.records.find(each), replacement.store.records.find(each)
        assert here is not None
        assert there is not None
        assert (there.values, there.pending) == (here.values, 0)
    assert exchange_with_hub(replacement).synchronised
    assert hub.requests[-1].rare is None


def test_it_goes_on_where_it_was_cut_off_and_says_how_far_it_is(
    station: Station, replacement: Station, hub: FakeHub
) -> None:
    record_entries(station, "intake_case", [desk.a_case()] * 5)
    exchange_with_hub(station)
    hub.covered = 5
    with hub.cut_off(hub.after(1)), pytest.raises(StationError):
        exchange_with_hub(replacement)
    assert read_status(replacement).starting == (2, 5)
    assert not read_status(replacement).synchronised
    mine = record_entry(replacement, "intake_case", desk.a_case(applicant_name="先登记"))
    assert exchange_with_hub(replacement).synchronised
    assert read_status(replacement).starting is None
    assert len(replacement.store.records.all(STATION)) == 6
    row = replacement.store.records.find(mine)
    assert row is not None
    assert row.pending == 0


def test_a_small_channel_is_pulled_and_a_long_one_comes_as_a_snapshot(
    station: Station, hub: FakeHub
) -> None:
    hub.publish(40)
    hub.page_budget = 2000
    hub.covered = 40
    hub.parts_of = 100
    outcome = exchange_with_hub(station)
    assert outcome.synchronised
    assert outcome.pulled == 0
    assert len(station.store.items.find("社会", 50)) == 40
    row = station.store.channels.find(REGION)
    assert row is not None
    assert row.cursor.position == 40


def test_a_hub_without_a_backup_is_pulled_from_the_start(station: Station, hub: FakeHub) -> None:
    hub.publish(40)
    hub.page_budget = 2000
    assert exchange_with_hub(station).synchronised
    assert len(station.store.items.find("社会", 50)) == 40


def test_what_is_spent_stays_dead_and_what_it_replaced_stays_replaced(
    station: Station, replacement: Station, hub: FakeHub
) -> None:
    record = record_entry(station, "intake_case", desk.a_case(applicant_name="王一"))
    amend_entry(station, record, {"applicant_name": "王二"})
    amend_entry(station, record, {"applicant_name": "王三"})
    exchange_with_hub(station)
    first, second, _ = [each.operation for each in hub.logs[STATION]]
    assert first is not None
    assert second is not None
    hub.covered = 3
    whole = hub._part

    def without_the_second(ask: snapshot.SnapshotAsk | None) -> SnapshotPart | None:
        part = whole(ask)
        if part is None:
            return None
        [one] = part.records
        kept = [each for each in one.operations if each.position != 2]
        left_out = snapshot.SnapshotRecord(
            record, kept, [(second.name, second.identity)], [("applicant_name", [first.name])]
        )
        return SnapshotPart(
            part.receipt, part.after, [left_out], part.last, part.total, part.epochs, part.closing
        )

    hub._part = without_the_second  # type: ignore[method-assign]
    assert exchange_with_hub(replacement).synchronised
    row = replacement.store.records.find(record)
    assert row is not None
    assert (row.values["applicant_name"], row.conflicts) == ("王三", 0)
    station.mint()
    hub.names.clear()
    copy = station.store.journal.issued_again(station.keys.replica, ("form",), 9)
    assert copy == []


def test_what_was_held_when_it_was_taken_is_raised_by_the_tail(
    station: Station, replacement: Station, hub: FakeHub
) -> None:
    hub.judge = lambda operation, writes, creates: (Verdict.HELD, "form")
    record = record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    hub.covered = 1
    exchange_with_hub(replacement)
    assert read_status(replacement).held == 1
    station.mint()
    hub.judge = lambda operation, writes, creates: (Verdict.ACCEPTED, "")
    exchange_with_hub(station)
    exchange_with_hub(replacement)
    assert read_status(replacement).held == 0
    assert replacement.store.records.find(record) is not None


def test_a_base_that_the_hub_lost_is_replaced_and_our_own_is_offered(
    station: Station, replacement: Station, hub: FakeHub
) -> None:
    record_entries(station, "intake_case", [desk.a_case()] * 4)
    exchange_with_hub(station)
    hub.covered = 4
    exchange_with_hub(replacement)
    mine = record_entry(replacement, "intake_case", desk.a_case(applicant_name="本机"))
    exchange_with_hub(replacement)
    hub.covered = 2
    hub.restore(STATION, 2)
    assert exchange_with_hub(replacement).synchronised
    row = replacement.store.records.find(mine)
    assert row is not None
    assert row.pending == 0
    assert mine in {e.operation.header.record for e in hub.logs[STATION] if e.operation}
    assert exchange_with_hub(station).synchronised
    assert len(station.store.records.all(STATION)) == 5


def test_what_a_lost_base_brought_goes_with_it_until_somebody_who_can_prove_it_is_there(
    station: Station, replacement: Station, hub: FakeHub
) -> None:
    lost = record_entries(station, "intake_case", [desk.a_case()] * 4)[-1]
    exchange_with_hub(station)
    hub.covered = 4
    exchange_with_hub(replacement)
    assert replacement.store.records.find(lost) is not None
    hub.covered = 2
    hub.restore(STATION, 2)
    assert exchange_with_hub(replacement).synchronised
    assert replacement.store.journal.operations_of(STATION, [lost]) == {}
    assert replacement.store.records.find(lost) is None
    exchange_with_hub(station)
    exchange_with_hub(replacement)
    assert replacement.store.records.find(lost) == station.store.records.find(lost)


def leaves_out(hub: FakeHub, *positions: int) -> None:
    """The snapshots of this hub only name what has these places."""
    genuine = hub._part

    def left_out(ask: snapshot.SnapshotAsk | None) -> SnapshotPart | None:
        part = genuine(ask)
        if part is None:
            return None
        [one] = part.records
        kept = [each for each in one.operations if each.position not in positions]
        placed = [hub.logs[STATION][position - 1].operation for position in positions]
        spent = [(each.name, each.identity) for each in placed if each is not None]
        return replace(part, records=[replace(one, operations=kept, spent=spent)])

    hub._part = left_out  # type: ignore[method-assign]


def test_what_was_written_here_and_is_spent_in_the_snapshot_waits_no_longer(
    station: Station, hub: FakeHub
) -> None:
    """Its replies were lost, and a backup covers it before anything came back."""
    record = record_entry(station, "intake_case", desk.a_case())
    for name in ("王晓明", "王小二"):
        hub.lose_reply = True
        with pytest.raises(StationError):
            exchange_with_hub(station)
        amend_entry(station, record, {"applicant_name": name})
    hub.covered = 2
    leaves_out(hub, 1)
    assert exchange_with_hub(station).synchronised
    row = station.store.records.find(record)
    assert row is not None
    assert (row.values["applicant_name"], row.pending, row.conflicts) == ("王小二", 0, 0)
    assert exchange_with_hub(station).synchronised
    assert hub.requests[-1].runs == []


def test_a_copy_that_is_spent_in_the_snapshot_waits_no_longer(
    station: Station, hub: FakeHub
) -> None:
    record = record_entry(station, "intake_case", desk.a_case())
    station.mint()
    amend_entry(station, record, {"applicant_name": "王晓明"})
    hub.lose_reply = True
    with pytest.raises(StationError):
        exchange_with_hub(station)
    hub.covered = 2
    leaves_out(hub, 1)
    assert exchange_with_hub(station).synchronised
    assert exchange_with_hub(station).synchronised
    assert hub.requests[-1].runs == []


def test_what_is_spent_as_a_copy_alone_is_not_left_out_of_its_own_chain(
    station: Station, hub: FakeHub
) -> None:
    """A machine put back from a backup of this one sent copies of what waits here. Passed over, the
    second would be a gap in this chain for ever."""
    record = record_entry(station, "intake_case", desk.a_case(remark="长" * 600))
    for name in ("王晓明", "王小二"):
        amend_entry(station, record, {"applicant_name": name})
    _, waiting = station.store.journal.outbox(station.keys.replica, 2)
    head = operations.empty_head(b"2" * 16)
    for each in waiting:
        copy = mint.issue_again(each, head)
        head = operations.Head(head.replica, head.seq + 1, copy.name)
        place = CopyEntry(copy.name, each.name, 2, "", each.header.stamp, hub.clock())
        hub.append(STATION, place, copy)
    hub.covered = 2
    leaves_out(hub, 2)
    with station.store.writing():
        state = station.store.facts.exchange()
        station.store.facts.keep_exchange(replace(state, batch_bytes=512))
    assert exchange_with_hub(station).synchronised
    assert list(hub.names[station.keys.replica]) == [1, 2, 3]


def test_what_is_spent_is_accepted_also_where_its_first_copy_comes_later_and_is_held(
    station: Station, replacement: Station, hub: FakeHub
) -> None:
    record = record_entry(station, "intake_case", desk.a_case())
    _, waiting = station.store.journal.outbox(station.keys.replica, 1)
    [first] = waiting
    station.mint()
    amend_entry(station, record, {"applicant_name": "王晓明"})
    exchange_with_hub(station)
    hub.covered = 2
    leaves_out(hub, 1)
    exchange_with_hub(replacement)
    hub.append(STATION, OperationEntry(first.name, 0, "fork", first.header.stamp, 1), first)
    assert exchange_with_hub(replacement).synchronised
    assert read_status(replacement).held == 0
    assert replacement.store.journal.undecided(STATION) == []
    row = replacement.store.records.find(record)
    assert row is not None
    assert (row.values["applicant_name"], row.conflicts) == ("王晓明", 0)


@pytest.mark.parametrize("has_grown", [False, True])
def test_a_snapshot_whose_position_the_hub_lost_under_way_is_asked_for_anew(
    station: Station, replacement: Station, hub: FakeHub, has_grown: bool
) -> None:
    """What came of it so far is of a history that nobody goes on with, also where another one is as
    long by now."""
    records = record_entries(station, "intake_case", [desk.a_case()] * 5)
    exchange_with_hub(station)
    hub.covered = 5
    with hub.cut_off(hub.after(1)), pytest.raises(StationError):
        exchange_with_hub(replacement)
    assert read_status(replacement).starting == (2, 5)
    hub.restore(STATION, 1)
    if has_grown:
        for number in range(5):
            hub.write("intake_case", bytes([number]) * 16, [Write("alive", "")])
    else:
        hub.covered = 1
    assert exchange_with_hub(replacement).synchronised
    shown = {each.id for each in replacement.store.records.all(STATION)}
    assert shown & set(records) == {records[0]}
    assert exchange_with_hub(station).synchronised
    assert exchange_with_hub(replacement).synchronised
    shown = {each.id for each in replacement.store.records.all(STATION)}
    assert shown >= set(records)
    assert not replacement.store.lost.keeps()


@pytest.mark.parametrize("closed_at_base", [False, True])
def test_a_closing_that_the_hub_lost_is_undone_after_a_snapshot_too(
    station: Station, replacement: Station, hub: FakeHub, closed_at_base: bool
) -> None:
    record_entries(station, "intake_case", [desk.a_case()] * 3)
    exchange_with_hub(station)
    closing = ClosingEntry(hub.clock() + 1000, hub.clock())
    if closed_at_base:
        says_closing(hub, closing)
    hub.covered = 3
    exchange_with_hub(replacement)
    hub.append(STATION, closing)
    exchange_with_hub(replacement)
    assert replacement.is_closed
    hub.covered = 2
    hub.restore(STATION, 2)
    assert exchange_with_hub(replacement).synchronised
    assert replacement.is_closed == closed_at_base


def says_closing(hub: FakeHub, closing: ClosingEntry) -> None:
    """The first part of a snapshot of this hub tells that the station was closed by then."""
    genuine = hub._part

    def closed(ask: snapshot.SnapshotAsk | None) -> SnapshotPart | None:
        part = genuine(ask)
        if part is None or part.after:
            return part
        return replace(part, closing=entry_bytes(closing))

    hub._part = closed  # type: ignore[method-assign]


def test_nobody_goes_back_below_the_base_of_a_snapshot_for_a_receipt(
    station: Station, hub: FakeHub, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the time before it, when the channel was empty, there may be one."""
    monkeypatch.setattr(lost, "ENTRIES_A_RECEIPT", 10)
    exchange_with_hub(station)
    hub.publish(40)
    hub.page_budget, hub.covered, hub.parts_of = 2000, 40, 100
    exchange_with_hub(station)
    for at in range(3):
        hub.append(REGION, RevocationEntry(bytes(16), "电脑失窃", at))
        hub.covered += 1
        exchange_with_hub(station)
    base = station.store.channels.find(REGION)
    assert base is not None
    assert base.start.position == 40
    hub.restore(REGION, 42)
    with hub.cut_off(station.store.lost.count_stretches), pytest.raises(StationError):
        exchange_with_hub(station)
    hub.restore(REGION, 41)
    assert exchange_with_hub(station).synchronised
    assert len(station.store.items.find("社会", 50)) == 40


def test_a_base_of_an_epoch_that_the_hub_never_heard_of_is_replaced(
    station: Station, replacement: Station, hub: FakeHub
) -> None:
    """Backups put back in another order than they were made: the later one is longer than the base,
    and of another history."""
    records = record_entries(station, "intake_case", [desk.a_case()] * 5)
    exchange_with_hub(station)
    later, hub.logs[STATION] = hub.logs[STATION], hub.logs[STATION][:2]
    first_epoch = hub.epoch
    hub.restore(STATION, 2)
    for number in range(2):
        hub.write("intake_case", bytes([number]) * 16, [Write("alive", "")])
    hub.covered = 5
    exchange_with_hub(replacement)
    hub.logs[STATION], hub.epoch = later, first_epoch
    hub.restore(STATION, 5)
    hub.epoch = b"q" * 16
    assert exchange_with_hub(replacement).synchronised
    assert not read_status(replacement).alarms
    assert {each.id for each in replacement.store.records.all(STATION)} >= set(records)
