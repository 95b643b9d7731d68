"""A PC whose chain cannot go on mints a new replica; what it issues again is one with the first."""

from dataclasses import replace

import msgspec
import pytest
from peewee import OperationalError

from hub_server.errors import HubError
from hub_server.services.answer_courier import take_courier
from hub_server.services.answer_exchange import answer_exchange
from hub_server.services.check_history import journal_faults, record_faults
from hub_server.services.decide_replica import admit_replica, list_replicas
from hub_server.services.withdraw import revoke_enrolment
from hub_server.store import stations
from sync_protocol import courier, envelope, exchange
from sync_protocol.channel import Verdict
from sync_protocol.enrol import Certificate
from sync_protocol.errors import PeerFault


def is_sound(county) -> bool:
    hub = county.hub
    return not [*journal_faults(hub, None), *record_faults(hub, None), *journal_faults(hub, 3)]


def freeze(desk) -> None:
    """Two requests under one number."""
    desk.exchange()
    desk.number -= 1
    desk.write("clerk", {"name": "张三"})
    assert desk.exchange().standing == "frozen"


def standing_here(county, desk, identity) -> tuple[Verdict, str]:
    found = county.hub.store.operations.standings(desk.channel, [identity])[identity]
    return found.verdict, found.code


def ask(desk, number: int, heard: int) -> tuple[str, int]:
    """What a machine is told that counts for itself and has nothing new: its standing, and the
    newest number under its name."""
    desk.number = number - 1
    payload = desk.payload(backlog=number, heard=heard)
    reply = desk.open(answer_exchange(desk.hub, desk.seal(payload)), payload)
    return reply.standing, reply.newest


def test_two_machines_that_count_apart_are_found_once_one_has_heard_of_the_other(county):
    desk = county.desk()
    assert ask(desk, 20, 0) == ("", 20)
    assert ask(desk, 65, 20) == ask(desk, 65, 20) == ("", 65)  # a copy, behind those reserved
    assert ask(desk, 21, 20) == ("", 65)
    assert ask(desk, 22, 65) == ("frozen", 65)


def test_who_only_reads_under_a_name_that_another_machine_has_is_found_too(county):
    desk = county.desk()
    desk.synchronise()
    desk.exchange()
    payload = desk.payload(agreed=desk.cursors, heard=99)
    assert desk.open(answer_exchange(desk.hub, desk.seal(payload)), payload).standing == "frozen"


def test_requests_that_come_late_are_no_fork(county):
    desk = county.desk()
    # Three is on a stick, two a proxy held back; then the power went at the desk.
    told = [ask(desk, *each) for each in [(1, 0), (4, 1), (3, 1), (2, 1), (65, 4), (5, 4)]]
    assert told == [("", 1), ("", 4), ("", 4), ("", 4), ("", 65), ("", 65)]


def test_the_hub_remembers_a_thousand_requests_however_far_apart_their_numbers(county, monkeypatch):
    monkeypatch.setattr(stations, "REQUESTS_KEPT", 3)
    desk = county.desk()
    for number in (1, 65, 129, 193, 257):
        ask(desk, number, 0)
    sql = "SELECT number FROM request WHERE replica = ? ORDER BY number"
    kept = county.hub.store._database.execute_sql(sql, (desk.keys.replica,))
    assert [number for (number,) in kept] == [129, 193, 257]


def test_a_minted_replica_is_introduced_and_gets_a_certificate_of_its_own(county):
    desk = county.desk()
    desk.synchronise()
    child = desk.minted()
    reply = child.ask()
    data, _ = reply.certificate
    told = envelope.unpack(data, Certificate)
    assert told.keys == child.keys.public
    assert told.enrolment == desk.certificate.enrolment
    assert (told.device_number, reply.standing) == (2, "")
    replica = county.hub.store.stations.replica(child.keys.replica)
    assert replica.parent == desk.keys.replica
    assert envelope.unpack(replica.introduction, exchange.Introduction) == child.rare.introduction


def test_the_same_introduction_again_gets_the_same_certificate(county):
    child = county.desk().minted()
    first = child.ask().certificate
    assert child.ask().certificate == first
    assert len(county.hub.store.stations.replicas_of_enrolment(child.certificate.enrolment)) == 2


def test_a_stranger_is_not_believed(county, keys):
    desk = county.desk()
    child = desk.minted()
    child.rare = None
    with pytest.raises(HubError) as refused:
        child.ask()
    assert refused.value.code == "replica.unknown"
    stranger = desk.minted()
    stranger.keys = replace(keys(), replica=stranger.keys.replica)
    with pytest.raises(HubError) as refused:
        stranger.ask()
    assert refused.value.code == "replica.unknown"


def test_of_a_frozen_replica_the_first_successor_goes_on_and_the_second_waits(county):
    desk = county.desk()
    freeze(desk)
    first, second = desk.minted(), desk.minted()
    assert first.ask().standing == ""
    reply = second.ask()
    assert (reply.standing, reply.pages) == ("waiting", [])
    third = second.minted()
    third.certificate = envelope.unpack(reply.certificate[0], Certificate)
    third.rare = exchange.Rare(
        introduction=replace_introduction(second, reply.certificate, third.keys)
    )
    assert third.ask().standing == "waiting"


def replace_introduction(parent, certificate, keys):
    made = parent.introduction(keys)
    data, signature = certificate
    return msgspec.structs.replace(made, certificate=data, signature=signature)


def test_the_first_successor_goes_on_though_the_hub_failed_to_keep_it_and_met_the_second(
    county, monkeypatch
):
    desk = county.desk()
    freeze(desk)
    first, second = desk.minted(), desk.minted()

    def fails(*_):
        raise OperationalError("database or disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(county.hub.store.journal, "lock_channel", fails)  # it is introduced by then
        with pytest.raises(HubError) as told:
            first.ask()
    assert told.value.code == "hub.disk_full"
    assert county.hub.store.stations.replica(first.keys.replica) is None
    assert [second.ask().standing, first.ask().standing] == ["waiting", ""]
    numbers = [each.device_number for each in list_replicas(county.hub, county.reviewer)]
    assert numbers == [1, 3, 4]  # of what was undone no number is given again


def test_who_waits_for_the_county_does_not_get_away_by_a_fork(county):
    desk = county.desk()
    freeze(desk)
    desk.minted().ask()
    second = desk.minted()
    reply = second.ask()
    second.number -= 1
    second.write("clerk", {"name": "李四"})
    assert second.ask().standing == "waiting"
    third = second.minted()
    third.rare = exchange.Rare(
        introduction=replace_introduction(second, reply.certificate, third.keys)
    )
    assert third.ask().standing == "waiting"


def test_the_county_admits_the_one_that_waits(county):
    desk = county.desk()
    freeze(desk)
    desk.minted().ask()
    second = desk.minted()
    second.ask()
    admit_replica(county.hub, county.reviewer, second.keys.replica)
    assert second.ask().standing == ""
    lines = list_replicas(county.hub, county.reviewer)
    assert [each.standing for each in lines] == ["frozen", "", ""]
    with pytest.raises(HubError) as refused:
        admit_replica(county.hub, county.reviewer, second.keys.replica)
    assert refused.value.code == "replica.not_waiting"


def test_what_a_revoked_enrolment_mints_is_revoked(county, entry):
    desk = county.desk()
    desk.write("intake_case", entry())
    desk.synchronise()
    assert revoke_enrolment(county.hub, county.reviewer, desk.keys.replica, "电脑被盗") == 1
    desk.write("intake_case", entry())
    assert desk.ask().standing == "revoked"
    assert standing_here(county, desk, desk.written[1].name) == (Verdict.HELD, "revoked")
    child = desk.minted()
    child.issue_again(desk.written[1])
    assert child.ask().standing == "revoked"
    assert standing_here(county, desk, desk.written[1].name) == (Verdict.HELD, "revoked")
    assert is_sound(county)


def test_a_copy_of_what_was_held_is_accepted_and_the_first_one_with_it(county, entry):
    desk = county.desk()
    freeze(desk)
    record = desk.write("intake_case", entry())
    desk.ask()
    held = desk.written[-1]
    assert standing_here(county, desk, held.name) == (Verdict.HELD, "frozen")
    child = desk.minted()
    child.issue_again(held)
    child.synchronise()
    assert child.verdict(1) == (Verdict.ACCEPTED, "")
    assert standing_here(county, desk, held.name) == (Verdict.ACCEPTED, "")
    assert county.hub.store.records.get(desk.channel, record).values["task_name"] == "失业登记"
    assert is_sound(county)


def test_a_copy_without_its_body_is_judged_with_the_one_that_is_here(county, entry):
    """The disk lost it, after it was sent: what builds on it is no worse for that."""
    desk = county.desk()
    freeze(desk)
    record = desk.write("intake_case", entry())
    desk.write("intake_case", {"remark": "补充"}, record)
    desk.ask()
    first, second = desk.written[-2:]
    child = desk.minted()
    child.issue_again(msgspec.structs.replace(first, body=None))
    child.issue_again(second)
    child.synchronise()
    assert [child.verdict(seq) for seq in (1, 2)] == [(Verdict.ACCEPTED, "")] * 2
    assert county.hub.store.records.get(desk.channel, record).values["remark"] == "补充"
    assert is_sound(county)


def test_a_copy_of_what_is_accepted_is_accepted(county, entry):
    desk = county.desk()
    record = desk.write("intake_case", entry())
    desk.synchronise()
    desk.write("intake_case", {"remark": "后来"}, record)
    desk.synchronise()
    child = desk.minted()
    child.issue_again(desk.written[0])
    child.synchronise()
    assert child.verdict(1) == (Verdict.ACCEPTED, "")
    stored = county.hub.store.records.get(desk.channel, record)
    assert (stored.values["remark"], stored.conflicts) == ("后来", 0)
    assert is_sound(county)


def test_the_first_one_that_arrives_after_its_copy_is_accepted_with_it(county, entry):
    desk = county.desk()
    desk.exchange()
    record = desk.write("intake_case", entry())
    child = desk.minted()
    child.issue_again(desk.written[0])
    child.synchronise()
    desk.write("intake_case", {"remark": "补充"}, record)
    desk.synchronise()
    assert desk.verdict(1) == (Verdict.ACCEPTED, "")
    stored = county.hub.store.records.get(desk.channel, record)
    assert (stored.values["remark"], stored.conflicts) == ("补充", 0)
    assert is_sound(county)


def test_a_copy_that_was_accepted_does_not_keep_a_gap_of_the_first_chain_open(
    county, entry, run_of
):
    desk = county.desk()
    for _ in range(3):
        desk.write("intake_case", entry())
    _send(desk, [run_of(desk, 2, 2)])
    child = desk.minted()
    child.issue_again(desk.written[1])
    child.synchronise()
    assert standing_here(county, desk, desk.written[1].name) == (Verdict.ACCEPTED, "")
    _send(desk, [run_of(desk, 1, 1)])
    _send(desk, [run_of(desk, 3, 3)])
    assert county.hub.store.chains.chain(desk.keys.replica).head == desk.head
    assert standing_here(county, desk, desk.written[2].name) == (Verdict.ACCEPTED, "")
    assert is_sound(county)


def test_a_branch_that_was_accepted_as_a_copy_does_not_keep_what_is_behind_a_gap(
    county, entry, run_of
):
    desk = county.desk()
    for _ in range(3):
        desk.write("intake_case", entry())
    twin = replace(desk, written=desk.written[:1], acts={}, number=100)
    twin.write("intake_case", entry())
    _send(desk, [run_of(desk, 2, 3)])
    _send(twin, [run_of(twin, 2, 2)])
    child = desk.minted()
    child.issue_again(twin.written[1])
    child.synchronise()
    assert standing_here(county, desk, twin.written[1].name) == (Verdict.ACCEPTED, "")
    _send(desk, [run_of(desk, 1, 1)])
    found = [standing_here(county, desk, each.name) for each in desk.written]
    assert found == [(Verdict.HELD, "frozen")] * 3
    assert is_sound(county)


def test_what_is_behind_a_gap_is_judged_though_its_first_copy_is_on_a_branch(county, entry, run_of):
    desk = county.desk()
    twin = replace(desk, written=[], acts={}, number=100)
    for each in (twin, desk, desk):
        each.write("intake_case", entry())
    child = desk.minted()
    for each in desk.written:
        child.issue_again(each)
    _send(child, [run_of(child, 2, 2)])
    twin.exchange()
    desk.ask()
    assert standing_here(county, desk, desk.written[1].name) == (Verdict.HELD, "fork")
    child.synchronise()
    assert [child.verdict(seq) for seq in (1, 2)] == [(Verdict.ACCEPTED, "")] * 2
    assert is_sound(county)


def _send(desk, runs):
    request = envelope.unpack(desk.payload(), exchange.Request)
    payload = envelope.pack(msgspec.structs.replace(request, runs=runs))
    return desk.open(answer_exchange(desk.hub, desk.seal(payload)), payload)


def test_no_copy_changes_whether_it_was_marked_after_the_closing(county, entry):
    desk = county.desk()
    desk.write("intake_case", entry())
    desk.synchronise()
    child = desk.minted()
    child.issue_again(marked(desk.written[0]))
    with pytest.raises(PeerFault) as refused:
        child.ask()
    assert refused.value.code == "operation.header"


def marked(operation):
    header = msgspec.structs.replace(operation.header, flags=1, origin=operation.header_bytes)
    return msgspec.structs.replace(operation, header=header)


def test_a_loss_that_was_declared_is_struck_out_when_somebody_brings_it(county, entry):
    desk = county.desk()
    for _ in range(3):
        desk.write("intake_case", entry())
    _send(desk, [])
    child = desk.minted()
    introduction = child.rare.introduction
    losses = [exchange.Loss(desk.keys.replica, 1, 3)]
    child.ask(rare=exchange.Rare(introduction=introduction, losses=losses))
    (declared,) = county.hub.store.losses.missing()
    assert (declared.first, declared.last, declared.missing) == (1, 3, 3)
    desk.synchronise()
    assert county.hub.store.losses.missing() == []


def test_nobody_declares_what_another_station_lost(county):
    one, other = county.desk(), county.desk(applicant_unit="邮政局")
    one.ask(rare=exchange.Rare(losses=[exchange.Loss(other.keys.replica, 1, 9)]))
    assert county.hub.store.losses.missing() == []


def test_a_minted_replica_that_comes_on_a_stick_is_known_from_then_on(county, entry):
    desk = county.desk()
    desk.synchronise()
    child = desk.minted()
    child.write("intake_case", entry())
    payload = child.payload()
    answer = take_courier(county.hub, county.operator, courier.frame(child.seal(payload)))
    assert (answer.device_number, answer.placed, answer.standing) == (2, 1, "")
    child.apply(child.open(courier.unframe(answer.reply), payload))
    assert child.verdict(1) == (Verdict.ACCEPTED, "")


def test_nobody_answers_the_stick_of_a_minted_replica_of_another_region(county):
    child = county.desk().minted()
    elsewhere = replace(county.operator, region="140502")
    with pytest.raises(HubError) as refused:
        take_courier(county.hub, elsewhere, courier.frame(child.seal(child.payload())))
    assert refused.value.code == "account.other_region"
    assert county.hub.store.stations.replica(child.keys.replica) is None
