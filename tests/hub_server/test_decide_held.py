"""The county's choice about what is held for it, and the list that it chooses from."""

from dataclasses import replace

import msgspec
import pytest

from hub_server.errors import HubError
from hub_server.permissions import ACTIONS
from hub_server.services.answer_exchange import answer_exchange
from hub_server.services.check_health import check_health
from hub_server.services.decide_held import decide_held
from hub_server.services.issue_code import issue_code
from hub_server.services.list_undecided import WAIT_FOR_COUNTY, list_undecided
from hub_server.services.show_record import show_history
from hub_server.services.show_undecided import reveal_undecided, show_undecided
from hub_server.services.take_runs import freeze
from hub_server.services.watch_stations import watch_stations
from hub_server.services.write_records import append_word
from sync_protocol import operations
from sync_protocol.channel import HELD_CODES, ClosingEntry, Verdict, entry_bytes

ACCEPTED = (Verdict.ACCEPTED, "")
REFUSED = (Verdict.REFUSED, "county:已核实")


def closed(county, desk, days=30):
    """The station's channel is closed from now on."""
    hub, now = county.hub, county.clock()
    closing = ClosingEntry(until=now + days * 86_400_000, at=now)
    with hub.store.writing():
        append_word(hub, hub.store.journal.lock_channel(desk.channel), closing)
        hub.store.journal.set_closing(desk.channel, entry_bytes(closing))


def frozen(county, desk):
    hub = county.hub
    with hub.store.writing():
        locked = hub.store.journal.lock_channel(desk.channel)
        freeze(hub, locked, hub.store.stations.replica(desk.keys.replica), "fork")


def pushed(desk):
    """Sent, and nothing awaited: a frozen desk is told nothing."""
    payload = desk.payload()
    answer_exchange(desk.hub, desk.seal(payload))


def standing(county, desk, seq):
    """What the hub holds of an operation."""
    identity = desk.written[seq - 1].identity
    [placed] = county.hub.store.undecided.identified(desk.channel, [identity])
    return placed.verdict, placed.code


def decide(county, desk, seqs, verdict="accepted", reason="已核实", account=None):
    chosen = [desk.written[seq - 1].identity for seq in seqs]
    account = account or county.reviewer
    return decide_held(county.hub, account, desk.channel, chosen, verdict, reason)


def a_late_case(county, entry, **changes):
    """A desk whose station is closed, and a case it recorded afterwards."""
    desk = county.desk()
    desk.synchronise()
    closed(county, desk)
    county.clock.forward(days=1)
    record = desk.write("intake_case", entry(**changes))
    desk.synchronise()
    assert desk.verdict(1) == (Verdict.HELD, "closed")
    return desk, record


def test_what_the_county_accepts_takes_effect_and_reaches_the_desk(county, entry):
    desk, record = a_late_case(county, entry)
    assert decide(county, desk, [1]) == 1
    desk.synchronise()
    assert desk.verdict(1) == ACCEPTED
    assert county.hub.store.records.get(desk.channel, record).cells[5] == "李兰"


def test_what_the_county_refuses_carries_its_code_and_no_record(county, entry):
    desk, record = a_late_case(county, entry)
    decide(county, desk, [1], "refused")
    desk.synchronise()
    assert desk.verdict(1) == REFUSED
    assert county.hub.store.records.get(desk.channel, record) is None


def test_the_desk_is_told_the_reason_in_one_line_and_no_longer_than_may_travel(county, entry):
    desk, _ = a_late_case(county, entry)
    decide(county, desk, [1], "refused", f" 与凭证\n不符 {'。' * 300}")
    desk.synchronise()
    assert desk.verdict(1) == (Verdict.REFUSED, f"county:与凭证 不符 {'。' * 193}")


def test_operators_do_not_read_what_the_county_wrote_to_the_desk(county, entry):
    desk, _ = a_late_case(county, entry)
    decide(county, desk, [1], "refused", "remark")  # also the name of a field
    [item], _ = list_undecided(county.hub, county.operator)
    assert (item.code, item.words) == ("county", "县级退回")


def test_what_is_held_is_found_and_decided_without_a_walk_through_all_operations(
    county, entry, monkeypatch
):
    desk, _ = a_late_case(county, entry)
    database, plans = county.hub.store._database, []
    ask = database.execute_sql

    def explained(sql, params=None, *more):
        if not sql.startswith(("BEGIN", "PRAGMA")):
            plans.extend(str(row[3]) for row in ask(f"EXPLAIN QUERY PLAN {sql}", params))
        return ask(sql, params, *more)

    monkeypatch.setattr(database, "execute_sql", explained)
    list_undecided(county.hub, county.operator)
    decide(county, desk, [1])
    desk.synchronise()
    assert any("INDEX operation_name (channel=? AND name=?)" in plan for plan in plans)
    walks = ("SCAN operation", "SCAN o", "SCAN first", "SCAN earlier", "SCAN later")
    assert [plan for plan in plans if plan in walks] == []


def test_a_refused_case_can_be_written_again_in_full(county, entry):
    desk, record = a_late_case(county, entry)
    decide(county, desk, [1], "refused")
    desk.write("intake_case", entry(applicant_name="李蓝"), record)
    desk.synchronise()
    decide(county, desk, [2])
    desk.synchronise()
    assert desk.verdict(2) == ACCEPTED
    assert county.hub.store.records.get(desk.channel, record).cells[5] == "李蓝"
    told = [line.standing for line in show_history(county.hub, county.reviewer, record)]
    assert told == ["县级退回：已核实", ""]


def test_accepting_an_amendment_accepts_the_held_creation_of_its_record_too(county, entry):
    desk, record = a_late_case(county, entry)
    desk.write("intake_case", {"remark": "补充"}, record)
    desk.synchronise()
    assert standing(county, desk, 2) == (Verdict.HELD, "closed")
    assert decide(county, desk, [2]) == 2
    desk.synchronise()
    assert [desk.verdict(1), desk.verdict(2)] == [ACCEPTED, ACCEPTED]
    values = county.hub.store.records.get(desk.channel, record).values
    assert (values["applicant_name"], values["remark"]) == ("李兰", "补充")


def test_what_waited_for_the_decided_creation_is_judged(county, entry):
    desk = county.desk()
    other = county.enrol(issue_code(county.hub, county.admin, desk.certificate.station_code))
    record = desk.write("intake_case", entry())
    frozen(county, desk)
    pushed(desk)
    other.write("intake_case", {"remark": "补充"}, record)
    other.synchronise()
    assert other.verdict(1) == (Verdict.HELD, "record")
    decide(county, desk, [1])
    other.synchronise()
    assert other.verdict(1) == ACCEPTED
    assert county.hub.store.records.get(desk.channel, record).values["remark"] == "补充"


def test_refusing_a_creation_refuses_what_waited_for_it(county, entry):
    desk, record = a_late_case(county, entry)
    desk.write("intake_case", {"remark": "补充"}, record)
    desk.synchronise()
    decide(county, desk, [1, 2], "refused")
    desk.synchronise()
    assert [desk.verdict(1), desk.verdict(2)] == [REFUSED] * 2


def test_both_branches_of_a_fork_wait_and_may_be_accepted(county, entry, run_of):
    desk = county.desk()
    desk.write("intake_case", entry())
    desk.synchronise()
    twin = replace(desk, written=list(desk.written), acts=dict(desk.acts))
    first = desk.write("intake_case", entry(applicant_name="甲"))
    desk.synchronise()
    second = twin.write("intake_case", entry(applicant_name="乙"))
    twin.number += 10
    pushed(twin)
    assert standing(county, twin, 2) == (Verdict.HELD, "fork")
    decide(county, twin, [2])
    names = {county.hub.store.records.get(desk.channel, r).cells[5] for r in (first, second)}
    assert names == {"甲", "乙"}


def test_what_the_county_refused_is_not_accepted_as_a_copy(county, entry):
    """The PC mints before it hears of that: the same act under another name is no other act."""
    desk = county.desk()
    desk.synchronise()
    frozen(county, desk)
    desk.write("intake_case", entry())
    pushed(desk)
    child = desk.minted()
    child.issue_again(desk.written[0])
    decide(county, desk, [1], verdict="refused")
    child.synchronise()
    assert child.verdict(1) == standing(county, desk, 1) == REFUSED
    child.write("intake_case", entry(), desk.written[0].header.record)
    child.synchronise()
    assert child.verdict(2) == ACCEPTED


@pytest.mark.parametrize("verdict", ["accepted", "refused"])
def test_what_fails_the_form_is_refused_but_never_accepted(county, entry, verdict):
    desk, _ = a_late_case(county, entry, applicant_name="")
    if verdict == "refused":
        decide(county, desk, [1], verdict)
        assert standing(county, desk, 1) == REFUSED
        return
    with pytest.raises(HubError) as told:
        decide(county, desk, [1], verdict)
    assert told.value.code == "undecided.check"
    assert "姓名" in told.value.words()
    assert standing(county, desk, 1) == (Verdict.HELD, "closed")


def test_of_several_that_are_chosen_all_or_none_is_decided(county, entry):
    desk, _ = a_late_case(county, entry)
    desk.write("intake_case", entry(applicant_name=""))
    desk.synchronise()
    before = county.hub.store.journal.channel(desk.channel)
    with pytest.raises(HubError):
        decide(county, desk, [1, 2])
    assert county.hub.store.journal.channel(desk.channel) == before


def test_what_an_arrival_will_end_is_not_for_the_county(county, entry):
    desk = county.desk()
    desk.write("intake_case", entry(), form_version=99)
    desk.synchronise()
    with pytest.raises(HubError) as told:
        decide(county, desk, [1])
    assert told.value.code == "undecided.not_waiting"
    assert set(HELD_CODES) - WAIT_FOR_COUNTY >= {"gap", "form", "record"}


def test_what_is_decided_is_not_decided_again(county, entry):
    desk, _ = a_late_case(county, entry)
    decide(county, desk, [1], "refused")
    with pytest.raises(HubError) as told:
        decide(county, desk, [1])
    assert told.value.code == "undecided.not_waiting"


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"verdict": "maybe"}, "undecided.verdict_unknown"),
        ({"reason": "  "}, "undecided.no_reason"),
        ({"seqs": []}, "undecided.none_chosen"),
    ],
)
def test_a_choice_without_its_parts_is_none(county, entry, more, code):
    desk, _ = a_late_case(county, entry)
    with pytest.raises(HubError) as told:
        decide(county, desk, **{"seqs": [1], **more})
    assert told.value.code == code


def test_another_regions_station_is_unknown(county, entry):
    desk, _ = a_late_case(county, entry)
    elsewhere = replace(county.reviewer, region="140599")
    with pytest.raises(HubError) as told:
        decide(county, desk, [1], account=elsewhere)
    assert told.value.code == "undecided.unknown"
    assert list_undecided(county.hub, elsewhere) == ([], 0)
    assert county.hub.store.journal.channel_of_region("office", "140581") is not None


def test_an_operator_sees_the_list_and_decides_nothing(county, entry):
    desk, record = a_late_case(county, entry)
    [item], count = list_undecided(county.hub, county.operator)
    assert (count, item.record, item.code) == (1, record, "closed")
    with pytest.raises(HubError) as told:
        decide(county, desk, [1], account=county.operator)
    assert told.value.code == "account.not_permitted"
    with pytest.raises(HubError) as told:
        show_undecided(county.hub, county.operator, record)
    assert told.value.code == "account.not_permitted"
    assert [role for role in ACTIONS if "undecided.decide" in ACTIONS[role]] == [
        "reviewer",
        "admin",
    ]


def test_every_decision_stands_in_the_audit_with_its_reason(county, entry):
    desk, record = a_late_case(county, entry)
    decide(county, desk, [1], reason="电话核实")
    [line] = [
        each
        for each in county.hub.store.people.audit("", 50, 0)
        if each.action.startswith("undecided.")
    ]
    assert (line.action, line.account_name, line.target) == (
        "undecided.accepted",
        "reviewer",
        record.hex(),
    )
    assert (line.facts["held"], line.facts["reason"]) == ("closed", "电话核实")


def test_the_list_names_station_pc_form_cause_and_age_and_no_person(county, entry):
    desk, _ = a_late_case(county, entry)
    county.clock.forward(minutes=5)
    [item], _ = list_undecided(county.hub, county.operator, desk.certificate.station_code)
    assert (item.station_code, item.device_number, item.seq) == (
        desk.certificate.station_code,
        1,
        1,
    )
    assert (item.kind, item.verdict, item.waits_for_county) == ("intake_case", Verdict.HELD, True)
    assert county.clock() - item.since == 5 * 60_000
    assert "李兰" not in repr(item)
    assert "13812345678" not in repr(item)


def test_no_text_that_a_station_chose_is_shown_to_operators(county, entry):
    desk = county.desk()
    desk.write("intake_case", entry())
    plain = desk.written.pop()
    header = msgspec.structs.replace(plain.header, kind="李兰13812345678")
    desk.written.append(operations.compose(header, bytes(16), plain.writes()))
    desk.write("intake_case", entry(李兰13812345678="x"))
    desk.synchronise()
    assert "李兰" in desk.verdict(2)[1]
    items, count = list_undecided(county.hub, county.operator)
    assert count == 2
    assert "李兰" not in repr(items)


def test_a_refusal_leaves_the_list_and_the_counts_once_it_is_corrected(county, entry):
    desk = county.desk()
    record = desk.write("intake_case", entry(applicant_name=""))
    desk.synchronise()
    assert list_undecided(county.hub, county.operator)[1] == 1
    desk.write("intake_case", entry(), record)
    desk.synchronise()
    assert list_undecided(county.hub, county.operator) == ([], 0)
    [watched] = watch_stations(county.hub, county.operator)
    assert watched.refused == 0


def test_the_list_is_cut_into_pages_and_held_comes_first(county, entry):
    desk = county.desk()
    desk.write("intake_case", entry(applicant_name=""))
    desk.write("intake_case", entry(), form_version=99)
    desk.synchronise()
    (first,), count = list_undecided(county.hub, county.operator, limit=1)
    (second,), _ = list_undecided(county.hub, county.operator, limit=1, offset=1)
    assert count == 2
    assert [first.verdict, second.verdict] == [Verdict.HELD, Verdict.REFUSED]


def test_contents_are_masked_until_a_reason_is_given(county, entry):
    _, record = a_late_case(county, entry)
    masked = show_undecided(county.hub, county.reviewer, record)
    assert "13812345678" not in repr(masked)
    assert "李兰" not in repr(masked)
    with pytest.raises(HubError):
        reveal_undecided(county.hub, county.reviewer, record, " ")
    full = reveal_undecided(county.hub, county.reviewer, record, "核对补录")
    [contents] = full.operations
    assert ("姓名", "李兰") in contents.writes
    newest = county.hub.store.people.audit("", 1, 0)[0]
    assert (newest.action, newest.target) == ("record.reveal", record.hex())


def test_a_field_that_no_form_knows_is_hidden_from_a_masked_page(county, entry):
    _, record = a_late_case(county, entry, 身份证="140581198001010011")
    masked = show_undecided(county.hub, county.reviewer, record)
    assert "140581198001010011" not in repr(masked)
    full = reveal_undecided(county.hub, county.reviewer, record, "核对")
    assert "140581198001010011" in repr(full)


def test_the_history_is_sound_after_decisions(county, entry):
    desk, record = a_late_case(county, entry)
    desk.write("intake_case", {"remark": "补充"}, record)
    desk.write("intake_case", entry(applicant_name="王二"))
    desk.synchronise()
    decide(county, desk, [2])
    decide(county, desk, [3], "refused")
    assert [each.name for each in check_health(county.hub, None) if not each.is_sound] == []
