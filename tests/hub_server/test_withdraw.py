"""What is taken back for good: erased contents and revoked enrolments, at every end."""

from contextlib import suppress
from dataclasses import replace
from threading import Barrier, BrokenBarrierError, Thread

import pytest

from hub_server.app import open_hub
from hub_server.errors import HubError
from hub_server.outside_journal import OutsideJournal
from hub_server.services.check_history import journal_faults, record_faults
from hub_server.services.list_undecided import list_undecided
from hub_server.services.withdraw import erase_record, revoke_enrolment
from sync_protocol import channel as protocol
from sync_protocol.channel import ErasureEntry, RevocationEntry, Verdict


def code_of(act) -> str:
    with pytest.raises(HubError) as told:
        act()
    return told.value.code


def words(county, desk, kind):
    entries = county.hub.store.journal.entries_after(desk.channel, 0)
    found = (protocol.read_entry(each.data) for each in entries)
    return [each for each in found if isinstance(each, kind)]


def test_an_erased_record_leaves_names_and_places_and_nothing_of_its_contents(county, entry):
    desk = county.desk()
    record = desk.write("intake_case", entry(applicant_name="赵敏"))
    desk.write("intake_case", entry())
    desk.synchronise()
    erase_record(county.hub, county.reviewer, record, "保存期满")
    assert county.hub.store.records.get(desk.channel, record) is None
    (placed,) = county.hub.store.operations.of_records(desk.channel, [record])[record]
    assert (placed.operation.name, placed.operation.body) == (desk.written[0].name, None)
    assert [each.record for each in words(county, desk, ErasureEntry)] == [record]
    assert [*journal_faults(county.hub, None), *record_faults(county.hub, None)] == []


def test_a_second_pc_gets_an_erased_operation_without_its_body(county, entry):
    desk = county.desk()
    record = desk.write("intake_case", entry())
    desk.synchronise()
    erase_record(county.hub, county.reviewer, record, "保存期满")
    child = desk.minted()
    child.synchronise()
    name = desk.written[0].name
    (placed,) = [e.operation for e in child.entries if e.operation and e.operation.name == name]
    assert (placed.body, placed.body_digest) == (None, desk.written[0].body_digest)


def test_a_copy_brings_no_erased_body_back(county, entry):
    desk = county.desk()
    record = desk.write("intake_case", entry())
    desk.synchronise()
    erase_record(county.hub, county.reviewer, record, "保存期满")
    child = desk.minted()
    child.issue_again(desk.written[0])
    child.synchronise()
    assert child.verdict(1) == (Verdict.ACCEPTED, "")
    placed = county.hub.store.operations.of_records(desk.channel, [record])[record]
    assert [each.operation.body for each in placed] == [None, None]
    assert county.hub.store.records.get(desk.channel, record) is None


def test_what_is_held_is_erased_by_naming_its_station(county, entry):
    desk = county.desk()
    record = desk.write("intake_case", entry(), form_version=99)
    desk.synchronise()
    act = (county.hub, county.reviewer, record, "误录")
    assert code_of(lambda: erase_record(*act)) == "case.unknown"
    erase_record(*act, station_code=desk.certificate.station_code)
    (placed,) = county.hub.store.operations.of_records(desk.channel, [record])[record]
    assert placed.operation.body is None
    desk.write("intake_case", {"remark": "后来"}, record)
    desk.synchronise()
    assert desk.verdict(2) == (Verdict.REFUSED, "erased")
    assert list_undecided(county.hub, county.operator) == ([], 0)  # nobody is to do anything
    again = code_of(lambda: erase_record(*act, station_code=desk.certificate.station_code))
    assert again == "record.erased"


def test_erasing_and_revoking_say_why_and_ask_who(county, entry):
    desk = county.desk()
    record = desk.write("intake_case", entry())
    desk.synchronise()
    hub, replica = county.hub, desk.keys.replica
    assert code_of(lambda: erase_record(hub, county.reviewer, record, " ")) == "erase.no_reason"
    assert (
        code_of(lambda: revoke_enrolment(hub, county.reviewer, replica, "")) == "revoke.no_reason"
    )
    refused = code_of(lambda: erase_record(hub, county.operator, record, "x"))
    assert refused == "account.not_permitted"
    unknown = code_of(lambda: revoke_enrolment(hub, county.reviewer, bytes(16), "x"))
    assert unknown == "replica.not_here"


def test_a_revocation_is_said_once_in_the_channel(county):
    desk = county.desk()
    desk.synchronise()
    for _ in range(2):
        revoke_enrolment(county.hub, county.reviewer, desk.keys.replica, "电脑被盗")
    (said,) = words(county, desk, RevocationEntry)
    assert (said.enrolment, said.reason) == (desk.certificate.enrolment, "电脑被盗")


def test_a_journal_whose_disk_was_lost_is_written_again_from_the_database(county, entry):
    desk = county.desk()
    record = desk.write("intake_case", entry())
    desk.synchronise()
    erase_record(county.hub, county.reviewer, record, "保存期满")
    before = {type(each) for each in county.hub.outside.read()}
    county.hub.outside.path.unlink()
    again = county.reopened()
    assert {type(each) for each in again.hub.outside.read()} == before
    again.hub.store.close()


class Slow(OutsideJournal):
    """While a line is added to it, something else happens, for a second at most."""

    def __init__(self, path, meanwhile):
        super().__init__(path)
        self.meanwhile = meanwhile

    def add(self, *lines):
        super().add(*lines)
        self.meanwhile()


def test_two_officers_who_erase_a_record_at_once_erase_it_once(county, entry):
    desk = county.desk()
    record = desk.write("intake_case", entry())
    desk.synchronise()
    both = Barrier(2)

    def wait_for_the_other():
        with suppress(BrokenBarrierError):
            both.wait(1)

    hub = replace(county.hub, outside=Slow(county.hub.outside.path, wait_for_the_other))
    told = []

    def officer():
        try:
            erase_record(hub, county.reviewer, record, "保存期满")
        except HubError as refused:
            told.append(refused.code)
        hub.store.close()

    officers = [Thread(target=officer) for _ in range(2)]
    for each in officers:
        each.start()
    for each in officers:
        each.join()
    assert told == ["case.unknown"]  # for the second nothing is there any more
    assert [each.record for each in words(county, desk, ErasureEntry)] == [record]


def test_a_command_that_starts_while_a_record_is_erased_takes_the_hub_for_no_restored_one(
    county, entry
):
    desk = county.desk()
    record = desk.write("intake_case", entry())
    desk.synchronise()
    epoch, here = county.hub.epoch, county.hub
    command = Thread(target=lambda: open_hub(here.home, county.clock, {}).store.close())

    def start_the_command():
        command.start()
        command.join(1)

    erase_record(
        replace(here, outside=Slow(here.outside.path, start_the_command)),
        county.reviewer,
        record,
        "保存期满",
    )
    command.join()
    assert here.epoch == epoch
    assert [each.record for each in words(county, desk, ErasureEntry)] == [record]
