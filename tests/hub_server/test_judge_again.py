"""What was held for a form or for a creation is judged when the cause has ended, and only then."""

from dataclasses import replace

import msgspec
import pytest
from click.testing import CliRunner

import forms
from hub_server.cli import main
from hub_server.services.answer_exchange import answer_exchange
from hub_server.services.check_history import record_faults
from hub_server.services.issue_code import issue_code
from hub_server.services.judge_again import judge_new_forms
from hub_server.services.show_record import show_record
from hub_server.services.take_runs import freeze
from hub_server.services.write_records import append_word
from sync_protocol import operations
from sync_protocol.channel import (
    ClosingEntry,
    EpochEntry,
    Verdict,
    VerdictEntry,
    entry_bytes,
    read_entry,
)
from sync_protocol.exchange import Rare
from tests.hub_server.test_decide_held import closed, frozen
from tests.hub_server.test_restores import Past, go_on, push_run

ACCEPTED, HELD = (Verdict.ACCEPTED, ""), (Verdict.HELD, "form")


@pytest.fixture
def newer_forms():
    """The shipped definitions, and two that come with the next program: of a plain line, and of
    another kind."""
    shipped = forms.builtin()
    plain = shipped.latest("intake_case")
    another = msgspec.structs.replace(plain, name="seal_log")
    field = msgspec.structs.replace(plain.find("remark"), id="brand_new")
    newer = msgspec.structs.replace(plain, version=9, fields=(*plain.fields, field))
    return shipped.with_forms([newer, another])


def upgraded(hub, newer_forms):
    newer = replace(hub, forms=newer_forms)
    judge_new_forms(newer)
    return newer


def verdict_entries(desk):
    entries = desk.hub.store.journal.entries_after(desk.channel, 0)
    return [e for each in entries if isinstance(e := read_entry(each.data), VerdictEntry)]


def test_a_form_that_becomes_known_releases_what_waited_for_it(county, entry, newer_forms):
    desk = county.desk()
    record = desk.write("intake_case", entry(), form_version=9)
    desk.synchronise()
    assert desk.verdict(1) == HELD
    desk.hub = upgraded(county.hub, newer_forms)
    desk.synchronise()
    assert desk.verdict(1) == ACCEPTED
    assert county.hub.store.records.get(desk.channel, record).cells[5] == "李兰"


def test_a_declared_restore_is_in_the_log_before_what_a_newer_program_judges(
    county, entry, newer_forms, monkeypatch
):
    desk = county.desk()
    desk.write("intake_case", entry(), form_version=9)
    desk.synchronise()
    end = county.hub.store.journal.channel(desk.channel).position
    monkeypatch.setattr(forms, "builtin", lambda: newer_forms)
    told = CliRunner().invoke(main, ["restored", "--yes", "--home", str(county.hub.home)])
    assert told.exit_code == 0
    written = county.hub.store.journal.entries_after(desk.channel, end)
    epoch, verdict = (read_entry(each.data) for each in written)
    assert (type(epoch), epoch.kept) == (EpochEntry, end)
    assert (type(verdict), verdict.verdict) == (VerdictEntry, Verdict.ACCEPTED)


def test_what_a_later_format_says_waits_for_the_program_that_reads_it(county, entry, monkeypatch):
    desk = county.desk()
    record = desk.write("intake_case", entry(), version=operations.FORMAT + 1)
    desk.synchronise()
    assert desk.verdict(1) == HELD
    judge_new_forms(county.hub)
    assert desk.verdict(1) == HELD
    monkeypatch.setattr(operations, "FORMAT", operations.FORMAT + 1)
    judge_new_forms(county.hub)
    desk.synchronise()
    assert desk.verdict(1) == ACCEPTED
    assert county.hub.store.records.get(desk.channel, record).cells[5] == "李兰"


def test_a_form_that_becomes_known_may_also_refuse(county, entry, newer_forms):
    desk = county.desk()
    desk.write("intake_case", entry(applicant_name=""), form_version=9)
    desk.synchronise()
    desk.hub = upgraded(county.hub, newer_forms)
    desk.synchronise()
    assert desk.verdict(1) == (Verdict.REFUSED, "check:applicant_name:required")


@pytest.fixture
def of_a_later_program(county, newer_forms, tmp_path):
    """What a hub of the next program accepted comes back to one of this program, which was put back
    without it."""

    def go_back(write):
        desk = county.desk()
        desk.synchronise()
        then = Past(county, tmp_path)
        desk.hub = upgraded(county.hub, newer_forms)
        record = write(desk)
        desk.synchronise()
        hub = then.put_back()
        go_on(desk, hub)
        return desk, hub, record

    return go_back


def test_what_a_later_program_accepted_is_read_as_far_as_it_is_known(
    county, entry, of_a_later_program, newer_forms
):
    def write(desk):
        record = desk.write("intake_case", entry())
        desk.write("intake_case", {"remark": "补充", "brand_new": "新"}, record, form_version=9)
        return record

    desk, hub, record = of_a_later_program(write)
    found = hub.store.records.get(desk.channel, record)
    assert (found.values["remark"], found.values["brand_new"]) == ("补充", "新")
    assert found.form_version == hub.forms.latest("intake_case").version
    shown = show_record(hub, county.reviewer, record).values
    assert (shown["remark"], "brand_new" in shown) == ("补充", False)
    desk.write("intake_case", {"remark": "再补充"}, record)
    desk.synchronise()
    assert hub.store.records.get(desk.channel, record).values["remark"] == "再补充"
    assert not list(record_faults(hub, None))
    later = upgraded(hub, newer_forms)
    found = later.store.records.get(desk.channel, record)
    assert (found.values["remark"], found.form_version) == ("再补充", 9)
    assert not list(record_faults(later, None))
    hub.store.close()


def test_a_record_of_a_kind_that_is_not_known_is_left_out_until_it_is(
    entry, of_a_later_program, newer_forms
):
    def write(desk):
        record = desk.write("intake_case", entry())
        header = msgspec.structs.replace(desk.written[-1].header, kind="seal_log")
        data = operations.header_bytes(header)
        written = msgspec.structs.replace(desk.written[-1], header=header, header_bytes=data)
        desk.written[-1] = written
        return record

    desk, hub, record = of_a_later_program(write)
    assert desk.verdict(1) == ACCEPTED
    assert hub.store.records.get(desk.channel, record) is None
    assert not list(record_faults(hub, None))
    desk.write("intake_case", entry())
    desk.synchronise()
    assert desk.verdict(2) == ACCEPTED
    later = upgraded(hub, newer_forms)
    assert later.store.records.get(desk.channel, record).kind == "seal_log"
    hub.store.close()


def test_what_waited_for_the_creation_is_judged_after_it(county, entry, newer_forms):
    desk = county.desk()
    record = desk.write("intake_case", entry(), form_version=9)
    desk.write("intake_case", {"remark": "补充"}, record)
    desk.synchronise()
    assert [desk.verdict(1), desk.verdict(2)] == [HELD, (Verdict.HELD, "record")]
    desk.hub = upgraded(county.hub, newer_forms)
    desk.synchronise()
    assert [desk.verdict(1), desk.verdict(2)] == [ACCEPTED, ACCEPTED]
    assert county.hub.store.records.get(desk.channel, record).values["remark"] == "补充"


def test_a_correction_of_a_held_creation_releases_what_waited_in_the_same_exchange(county, entry):
    desk = county.desk()
    record = desk.write("intake_case", entry(), form_version=9)
    desk.write("intake_case", {"remark": "补充"}, record)
    desk.synchronise()
    desk.write("intake_case", entry(applicant_name="李蓝"), record)
    desk.synchronise()
    assert [desk.verdict(seq) for seq in (1, 2, 3)] == [HELD, ACCEPTED, ACCEPTED]
    values = county.hub.store.records.get(desk.channel, record).values
    assert (values["applicant_name"], values["remark"]) == ("李蓝", "补充")


def test_creation_wait_and_correction_in_one_run_end_the_same(county, entry):
    desk = county.desk()
    record = desk.write("intake_case", entry(), form_version=9)
    desk.write("intake_case", {"remark": "补充"}, record)
    desk.write("intake_case", entry(), record)
    desk.synchronise()
    assert [desk.verdict(seq) for seq in (1, 2, 3)] == [HELD, ACCEPTED, ACCEPTED]


def test_what_waited_for_a_creation_that_is_refused_is_judged_by_itself(county, entry, newer_forms):
    desk = county.desk()
    record = desk.write("intake_case", entry(applicant_name=""), form_version=9)
    desk.write("intake_case", {"remark": "补充"}, record)
    desk.synchronise()
    desk.hub = upgraded(county.hub, newer_forms)
    desk.synchronise()
    assert [desk.verdict(seq)[0] for seq in (1, 2)] == [Verdict.REFUSED, Verdict.REFUSED]


def test_a_form_that_stays_unknown_gives_no_new_entry(county, entry):
    desk = county.desk()
    desk.write("intake_case", entry(), form_version=99)
    desk.synchronise()
    before = county.hub.store.journal.channel(desk.channel)
    judge_new_forms(county.hub)
    assert county.reopened().hub.store.journal.channel(desk.channel) == before


def test_the_second_start_with_the_same_forms_judges_nothing(county, entry, newer_forms):
    desk = county.desk()
    desk.write("intake_case", entry(), form_version=9)
    desk.synchronise()
    upgraded(upgraded(county.hub, newer_forms), newer_forms)
    assert [each.verdict for each in verdict_entries(desk)] == [Verdict.ACCEPTED]


def test_a_frozen_chain_waits_for_the_county_whatever_form_arrives(county, entry, newer_forms):
    desk = county.desk()
    desk.write("intake_case", entry(), form_version=9)
    desk.synchronise()
    hub = county.hub
    with hub.store.writing():
        locked = hub.store.journal.lock_channel(desk.channel)
        freeze(hub, locked, hub.store.stations.replica(desk.keys.replica), "fork")
    upgraded(hub, newer_forms)
    assert [(each.verdict, each.code) for each in verdict_entries(desk)] == [
        (Verdict.HELD, "frozen")
    ]


def test_a_closing_asked_when_the_operation_came_and_does_not_ask_again(county, entry, newer_forms):
    desk = county.desk()
    desk.write("intake_case", entry(), form_version=9)
    desk.synchronise()
    hub, now = county.hub, county.clock()
    closing = ClosingEntry(until=now + 1, at=now)
    with hub.store.writing():
        append_word(hub, hub.store.journal.lock_channel(desk.channel), closing)
        hub.store.journal.set_closing(desk.channel, entry_bytes(closing))
    county.clock.forward(days=1)
    desk.hub = upgraded(hub, newer_forms)
    desk.synchronise()
    assert desk.verdict(1) == ACCEPTED


def test_a_closing_is_asked_where_what_came_back_closes_a_gap(county, entry, run_of, tmp_path):
    desk = county.desk()
    other = county.enrol(issue_code(county.hub, county.reviewer, desk.certificate.station_code))
    for each in (desk, other):
        each.synchronise()
    then = Past(county, tmp_path)
    for _ in range(2):
        desk.write("intake_case", entry())
    push_run(desk, run_of(desk, 1, 1))
    other.synchronise()
    desk.hub = hub = then.put_back()
    push_run(desk, run_of(desk, 2, 2))
    closed(replace(county, hub=hub), desk, days=1)
    county.clock.forward(days=2)
    go_on(other, hub)
    identities = [each.identity for each in desk.written]
    found = hub.store.operations.standings(desk.channel, identities)
    codes = [(found[each].verdict, found[each].code) for each in identities]
    hub.store.close()
    assert codes == [ACCEPTED, (Verdict.HELD, "late")]


def waits_still(child, newer_forms):
    """A copy that was held for its form; the program comes that knows it."""
    child.synchronise()
    assert child.verdict(1) == HELD
    child.hub = upgraded(child.hub, newer_forms)
    child.synchronise()
    assert child.verdict(1) == ACCEPTED


def copied_once_frozen(county, desk):
    """The PC that goes on with a copy of what a stick carried until the chain was frozen: the first
    one comes last."""
    stick = desk.payload()
    frozen(county, desk)
    child = desk.minted()
    child.issue_again(desk.written[0])
    child.synchronise()
    answer_exchange(desk.hub, desk.seal(stick))
    return child


def test_what_waits_for_its_form_goes_on_though_the_first_one_comes_on_a_frozen_chain(
    county, entry, newer_forms
):
    desk = county.desk()
    desk.synchronise()
    desk.write("intake_case", entry(), form_version=9)
    waits_still(copied_once_frozen(county, desk), newer_forms)


def test_what_waits_for_its_form_goes_on_though_its_copy_comes_too_late(county, entry, newer_forms):
    desk = county.desk()
    desk.write("intake_case", entry(), form_version=9)
    desk.synchronise()
    closed(county, desk, days=1)
    county.clock.forward(days=2)
    child = desk.minted()
    child.issue_again(desk.written[0])
    waits_still(child, newer_forms)


def test_a_body_that_came_before_its_form_is_known_is_judged_then(county, entry, newer_forms):
    desk = county.desk()
    desk.write("intake_case", entry(), form_version=9)
    whole = desk.written[0]
    desk.written[0] = msgspec.structs.replace(whole, body=None)
    desk.synchronise()
    desk.exchange(rare=Rare(bodies=[whole.body]))
    assert desk.verdict(1) == (Verdict.REFUSED, "body")
    desk.hub = upgraded(county.hub, newer_forms)
    desk.synchronise()
    assert desk.verdict(1) == ACCEPTED


def test_a_body_that_came_before_the_creation_is_known_is_judged_after_it(
    county, entry, newer_forms
):
    desk = county.desk()
    record = desk.write("intake_case", entry(), form_version=9)
    desk.write("intake_case", {"remark": "补充"}, record)
    whole = desk.written[1]
    desk.written[1] = msgspec.structs.replace(whole, body=None)
    desk.synchronise()
    desk.exchange(rare=Rare(bodies=[whole.body]))
    desk.hub = upgraded(county.hub, newer_forms)
    desk.synchronise()
    assert [desk.verdict(seq) for seq in (1, 2)] == [ACCEPTED] * 2


def test_what_lacked_its_body_and_what_waits_are_judged_in_the_order_of_their_chain(
    county, entry, newer_forms
):
    desk = county.desk()
    record = desk.write("intake_case", entry(), form_version=9)
    desk.write("intake_case", {"remark": "补充"}, record, form_version=9)
    whole = desk.written[0]
    desk.written[0] = msgspec.structs.replace(whole, body=None)
    desk.synchronise()
    assert desk.verdict(2) == HELD
    desk.exchange(rare=Rare(bodies=[whole.body]))
    desk.hub = upgraded(county.hub, newer_forms)
    desk.synchronise()
    assert [desk.verdict(seq) for seq in (1, 2)] == [ACCEPTED] * 2


def test_what_waits_behind_a_gap_is_not_taken_for_the_creation(county, entry, run_of, newer_forms):
    """Its copy comes on a chain without gaps, behind the creation, which waits for its form."""
    desk = county.desk()
    record = desk.write("intake_case", entry(), form_version=9)
    desk.write("intake_case", {"remark": "补充"}, record)
    child = desk.minted()
    for each in desk.written:
        child.issue_again(each)
    push_run(desk, run_of(desk, 2, 2))
    child.synchronise()
    child.hub = upgraded(county.hub, newer_forms)
    child.synchronise()
    assert [child.verdict(seq) for seq in (1, 2)] == [ACCEPTED] * 2


def test_what_waits_for_the_county_goes_on_though_the_first_one_comes_on_a_frozen_chain(
    county, entry
):
    desk = county.desk()
    desk.synchronise()
    closed(county, desk)
    county.clock.forward(days=1)
    desk.write("intake_case", entry())
    child = copied_once_frozen(county, desk)
    child.synchronise()
    assert child.verdict(1) == (Verdict.HELD, "closed")


def test_opening_a_hub_judges_by_the_forms_of_its_program(county, entry, newer_forms, monkeypatch):
    desk = county.desk()
    desk.write("intake_case", entry(), form_version=9)
    desk.synchronise()
    county.reopened()
    assert verdict_entries(desk) == []
    monkeypatch.setattr(forms, "builtin", lambda: newer_forms)
    desk.hub = county.reopened().hub
    desk.synchronise()
    assert desk.verdict(1) == ACCEPTED
