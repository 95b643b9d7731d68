"""Forks: a PC whose chain cannot go on mints a replica, and what nobody decided goes up again."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

import forms
from station_client.errors import StationError
from station_client.services.amend_entry import amend_entry
from station_client.services.carry_courier import read_reply, write_request
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.record_entry import record_entry
from station_client.station import Station
from station_client.store import open_store
from station_client.vault import Unlocked, Vault
from sync_protocol import courier, exchange
from sync_protocol.channel import HELD_CODES, Verdict, VerdictEntry
from sync_protocol.exchange import Loss
from tests.simulation.crashes import Fault, PowerCut, struck_by
from tests.station_client import desk
from tests.station_client.fake_hub import STATION, FakeHub

OLD = b"1" * 16
ACCEPTED = (Verdict.ACCEPTED, "")


def started_from(station: Station, folder: Path, hub: FakeHub) -> Station:
    """The program started in this folder, a copy of the station's."""
    home = type(station.home)(folder, station.home.id)
    store = open_store(home.database, station.unlocked.data_key)
    unlocked = Unlocked(b"k" * 16, station.unlocked.data_key)
    return Station.open(
        home, Vault.open(station.home), unlocked, store, forms.builtin(), hub.clock, lambda _: hub
    )


@pytest.fixture
def cloned(station: Station, tmp_path: Path, hub: FakeHub) -> Callable[[], Station]:
    """A disk image of the PC as it is now, in another machine."""

    def clone() -> Station:
        station.store.database.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        shutil.copytree(station.home.folder, tmp_path / "clone")
        return started_from(station, tmp_path / "clone", hub)

    return clone


def test_a_frozen_pc_goes_on_as_another_replica_and_everything_reaches_the_county_once(
    station: Station, colleague: Station, hub: FakeHub
) -> None:
    sent = record_entry(station, "intake_case", desk.a_case(applicant_name="王一"))
    exchange_with_hub(station)
    unsent = record_entry(station, "intake_case", desk.a_case(applicant_name="王二"))
    hub.frozen.add(OLD)
    outcome = exchange_with_hub(station)
    assert outcome.synchronised
    assert station.keys.replica != OLD
    assert station.identity.past == (OLD,)
    exchange_with_hub(colleague)
    for each in (station, colleague):
        for record in (sent, unsent):
            row = each.store.records.find(record)
            assert row is not None
            assert (row.pending, row.held, row.refused, row.conflicts) == (0, 0, 0, 0)
    names = [each.operation.identity for each in hub.logs[STATION] if each.operation is not None]
    assert len(set(names)) == 2


def test_the_county_gives_the_new_replica_a_certificate_and_numbers_start_again(
    station: Station, hub: FakeHub
) -> None:
    exchange_with_hub(station)
    hub.frozen.add(OLD)
    exchange_with_hub(station)
    assert station.certificate.keys.replica == station.keys.replica
    assert station.certificate.device_number == 2
    assert station.identity.parent is None
    assert [each.number for each in hub.requests] == [1, 2, 1]
    assert exchange_with_hub(station).synchronised
    assert hub.requests[-1].rare is None


@pytest.mark.parametrize("commit", range(1, 7))
def test_a_power_cut_after_any_commit_does_not_leave_the_new_replica_without_its_certificate(
    station: Station, cloned: Callable[[], Station], hub: FakeHub, commit: int
) -> None:
    exchange_with_hub(station)
    station.mint()
    fault = Fault(commit, PowerCut, after=True)
    with struck_by(fault, station.store.database, ("commit",)), pytest.raises(PowerCut):
        exchange_with_hub(station)
    again = cloned()  # what its disk holds
    station.store.close()
    assert exchange_with_hub(again).synchronised
    assert again.certificate.keys.replica == again.keys.replica


def test_several_new_replicas_before_any_answer_are_introduced_by_the_certified_one(
    station: Station, hub: FakeHub
) -> None:
    record = record_entry(station, "intake_case", desk.a_case())
    station.mint()
    station.mint()
    assert exchange_with_hub(station).synchronised
    row = station.store.records.find(record)
    assert row is not None
    assert row.pending == 0
    assert len(hub.logs[STATION]) == 1


def test_a_clone_is_noticed_by_what_it_lacks_and_both_machines_work_on(
    station: Station, cloned: Callable[[], Station], hub: FakeHub
) -> None:
    exchange_with_hub(station)
    clone = cloned()
    record_entry(station, "intake_case", desk.a_case(applicant_name="本机"))
    exchange_with_hub(station)
    assert exchange_with_hub(clone).synchronised
    assert clone.keys.replica != OLD
    record_entry(clone, "intake_case", desk.a_case(applicant_name="副本"))
    assert exchange_with_hub(clone).synchronised
    assert exchange_with_hub(station).synchronised
    for each in (station, clone):
        shown = {row.values["applicant_name"] for row in each.store.records.all(STATION)}
        assert shown == {"本机", "副本"}


def test_a_copy_and_its_first_one_are_one_act_with_the_higher_verdict(
    station: Station, hub: FakeHub
) -> None:
    hub.judge = lambda operation, writes, creates: (Verdict.HELD, "form")
    record = record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    hub.frozen.add(OLD)
    hub.judge = lambda operation, writes, creates: (Verdict.ACCEPTED, "")
    assert exchange_with_hub(station).synchronised
    [stored] = station.store.journal.operations_of(STATION, [record])[record]
    assert (stored.verdict, stored.code, stored.position) == (Verdict.ACCEPTED, "", 1)
    amend_entry(station, record, {"applicant_name": "王晓明"})
    exchange_with_hub(station)
    row = station.store.records.find(record)
    assert row is not None
    assert (row.values["applicant_name"], row.conflicts, row.held) == ("王晓明", 0, 0)


def test_what_was_never_sent_and_cannot_be_read_any_more_goes_up_again_without_its_body(
    station: Station, hub: FakeHub
) -> None:
    record_entry(station, "intake_case", desk.a_case())
    with station.store.writing():
        station.store.database.write("UPDATE operation SET body = NULL")
    station.mint()
    exchange_with_hub(station)
    [sent] = [each.operation for each in hub.logs[STATION]]
    assert sent is not None
    assert (sent.header.replica, sent.body) == (station.keys.replica, None)
    assert station.store.journal.all_sent(station.keys.replica)


@pytest.mark.parametrize(
    "verdict",
    [*((Verdict.HELD, code) for code in HELD_CODES), (Verdict.REFUSED, "county:不符"), ACCEPTED],
)
def test_only_what_is_not_decided_and_does_not_wait_for_the_county_is_issued_again(
    station: Station, hub: FakeHub, verdict: tuple[Verdict, str]
) -> None:
    hub.judge = lambda operation, writes, creates: verdict
    record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    station.mint()
    exchange_with_hub(station)
    again = verdict[0] is Verdict.HELD and verdict[1] not in ("revoked", "closed", "late")
    assert len(hub.logs[STATION]) == 1 + again


def test_a_verdict_on_the_first_one_is_of_its_copy_too(station: Station, hub: FakeHub) -> None:
    hub.judge = lambda operation, writes, creates: (Verdict.HELD, "form")
    record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    station.mint()
    exchange_with_hub(station)
    first = hub.logs[STATION][0].operation
    assert first is not None
    assert len(hub.logs[STATION]) == 2
    hub.append(STATION, VerdictEntry(first.name, int(Verdict.ACCEPTED), "", hub.clock()))
    exchange_with_hub(station)
    assert station.store.journal.totals(station.keys.replica).held == 0


def test_a_courier_request_always_introduces_its_sender(station: Station, hub: FakeHub) -> None:
    exchange_with_hub(station)
    hub.replicas.clear()
    hub.exchange(courier.unframe(write_request(station)))
    assert hub.requests[-1].said.introduction is not None


def test_a_hub_that_forgot_this_pc_learns_who_it_is(station: Station, hub: FakeHub) -> None:
    exchange_with_hub(station)
    record_entry(station, "intake_case", desk.a_case())
    hub.replicas.clear()
    hub.unknown = [StationError("transport.refused", hub_code="replica.unknown", message="")]
    assert exchange_with_hub(station).synchronised
    assert station.keys.replica == OLD


def test_what_is_lost_is_declared_until_it_was_heard(station: Station, hub: FakeHub) -> None:
    station.mint([Loss(OLD, 3, 5)])
    hub.lose_reply = True
    with pytest.raises(StationError):
        exchange_with_hub(station)
    exchange_with_hub(station)
    exchange_with_hub(station)
    assert [each.said.losses for each in hub.requests] == [[Loss(OLD, 3, 5)]] * 2 + [[]]


def test_a_hub_that_freezes_whoever_asks_is_left_alone(station: Station, hub: FakeHub) -> None:
    hub.standing = "frozen"
    outcome = exchange_with_hub(station)
    assert not outcome.synchronised
    assert outcome.requests == 2


def test_a_body_that_is_missing_is_asked_for_at_either_end(
    station: Station, colleague: Station, hub: FakeHub
) -> None:
    record = record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    body = hub.lose_body(STATION, 1)
    outcome = exchange_with_hub(colleague)
    assert not outcome.synchronised
    assert colleague.store.records.find(record) is None
    exchange_with_hub(station)
    assert hub.requests[-1].said.bodies == [body]
    assert exchange_with_hub(colleague).synchronised
    assert colleague.store.records.find(record) is not None


def test_a_reply_to_a_request_that_declared_nothing_ends_no_declaration(
    station: Station, hub: FakeHub
) -> None:
    """A stick that left before the loss was known brings its answer after."""
    file = write_request(station)
    with station.store.writing():
        station.store.facts.declare([Loss(OLD, 3, 5)])
    reply = courier.frame(hub.exchange(courier.unframe(file)))
    read_reply(station, reply)
    assert station.store.facts.losses(9) == [Loss(OLD, 3, 5)]
    exchange_with_hub(station)
    assert station.store.facts.losses(9) == []


def test_bodies_that_nobody_asked_for_are_no_reason_to_ask_again(
    station: Station, hub: FakeHub
) -> None:
    exchange_with_hub(station)
    genuine = exchange.seal_reply
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            exchange,
            "seal_reply",
            lambda reply, *to: genuine(replace(reply, bodies=[b"x"], pages=[]), *to),
        )
        assert exchange_with_hub(station).requests == 1
