"""A hub that was put back from a backup notices it, and its stations bring back what it lost."""

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec
import pytest

from hub_server.app import open_hub
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.outside_journal import Erasure, Successor
from hub_server.services.answer_exchange import answer_exchange
from hub_server.services.back_up import back_up
from hub_server.services.check_history import journal_faults, record_faults
from hub_server.services.decide_replica import admit_replica
from hub_server.services.draw_epoch import declare_restored
from hub_server.services.issue_code import issue_code
from hub_server.services.list_losses import all_losses
from hub_server.services.publish_catalogue import publish_catalogue
from hub_server.services.review_case import review_case
from hub_server.services.submit_application import submit_application
from hub_server.services.withdraw import erase_record, revoke_enrolment
from hub_server.services.write_records import append_word
from sync_protocol import channel as protocol
from sync_protocol import envelope, lost, mint, operations, pull
from sync_protocol.channel import EpochEntry, Verdict
from sync_protocol.exchange import Rare, Request
from sync_protocol.lost import Stretch
from tests.hub_server.conftest import Desk, an_opening
from tests.hub_server.test_forks import freeze


def is_sound(hub) -> bool:
    return not [*journal_faults(hub, None), *record_faults(hub, None), *journal_faults(hub, 3)]


class Past:
    """A hub's database as it was, to be put back; witness and journal stay as they are."""

    def __init__(self, county, folder: Path) -> None:
        self.county, self.folder = county, folder
        county.hub.store._database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self.copy = folder / "then.db"
        shutil.copy(county.hub.home / "hub.db", self.copy)

    def put_back(self):
        home = self.county.hub.home
        self.county.hub.store.close()
        for each in home.glob("hub.db*"):
            each.unlink()
        shutil.copy(self.copy, home / "hub.db")
        hub = open_hub(home, self.county.clock, {})
        self.county = replace(self.county, hub=hub)
        return hub


@pytest.fixture
def past(county, tmp_path):
    made = []

    def now():
        made.append(Past(county, tmp_path))
        return made[-1]

    yield now
    for each in made:
        each.county.hub.store.close()


@dataclass
class Setback:
    """A desk, a case of it, and its hub, put back to what it was `then`: before the case."""

    desk: Desk
    record: bytes
    then: Past
    hub: Hub


@pytest.fixture
def setback(county, entry, past):
    desk = county.desk()
    desk.synchronise()
    then = past()
    record = desk.write("intake_case", entry())
    desk.synchronise()
    desk.hub = then.put_back()
    return Setback(desk, record, then, desk.hub)


def go_on(desk, hub):
    """The desk meets the restored hub as a station does: shows receipts, goes back, offers."""
    desk.hub = hub
    receipts = [
        max((r for r in desk.receipts if r.cursor.end == cursor.end), key=lambda r: r.hub_time)
        for cursor in desk.cursors
        if cursor.position
    ]
    reply = desk.ask(rare=Rare(receipts=receipts, introduction=desk.introduction()))
    stretches = []
    for page in reply.pages:
        if not page.parted:
            continue
        assert page.parted == pull.LOST
        at = next(i for i, c in enumerate(desk.cursors) if c.channel == page.base.channel)
        digests = {e.position: e.digest for e in desk.log(at)}
        digests[0] = protocol.first_digest(page.base.channel)
        kept = lost.common_position(digests.get, desk.cursors[at].position, page.epochs)
        assert kept is not None
        stretches += desk.go_back(kept, page.base.channel)
    reply = desk.exchange(rare=Rare(stretches=stretches))
    assert reply.taken == [each.receipt.cursor for each in stretches]
    desk.synchronise()
    return stretches


def test_a_start_after_a_clean_end_draws_no_epoch(county, entry):
    desk = county.desk()
    desk.write("intake_case", entry())
    desk.synchronise()
    epoch = county.hub.epoch
    again = county.reopened()
    assert again.hub.epoch == epoch
    again.hub.store.close()


def test_a_database_that_was_put_back_is_noticed_at_the_start(county, entry, past):
    desk = county.desk()
    then = past()
    desk.write("intake_case", entry())
    desk.synchronise()
    old = county.hub.epoch
    before = county.hub.store.journal.channel(desk.channel)
    hub = then.put_back()
    assert hub.epoch != old
    for channel in hub.store.journal.channels():
        assert channel.epoch == hub.epoch
        (data,) = hub.store.epochs.of(channel.id)
        assert protocol.read_entry(data).old_epoch == old
    (missing,) = [e for e in all_losses(hub).entries if e.channel == desk.channel]
    assert (missing.epoch, missing.last) == (old, before.position)
    now = hub.store.journal.channel(desk.channel)
    assert hub.replica_in(now) != hub.replica_of(desk.channel, old)
    hub.store.close()
    again = open_hub(hub.home, county.clock, {})
    assert again.epoch == hub.epoch
    again.store.close()


def test_a_backup_that_was_put_back_says_so_itself(county, entry, tmp_path):
    desk = county.desk()
    desk.synchronise()
    back_up(county.hub, tmp_path / "hub-1.db")
    old, home = county.hub.epoch, tmp_path / "new machine"
    home.mkdir()
    shutil.copytree(county.hub.home / "keys", home / "keys")
    shutil.copy(tmp_path / "hub-1.db", home / "hub.db")
    hub = open_hub(home, county.clock, {})
    assert hub.epoch != old
    again = open_hub(home, county.clock, {})
    assert again.epoch == hub.epoch
    again.store.close()
    hub.store.close()


def test_a_witness_that_is_gone_counts_as_a_restore(county):
    old = county.hub.epoch
    county.hub.store.witness.path.unlink()
    again = county.reopened()
    assert again.hub.epoch != old
    again.hub.store.close()


def test_a_station_brings_back_what_was_lost_with_the_verdicts_it_had(county, entry, past):
    desk = county.desk()
    desk.synchronise()
    then = past()
    record = desk.write("intake_case", entry())
    refused = desk.write("intake_case", entry(applicant_name=""))
    held = desk.write("intake_case", entry(), form_version=99)
    desk.synchronise()
    review_case(county.hub, county.reviewer, desk.channel, record, "returned", "请补充材料", {})
    desk.synchronise()
    before = county.hub.store.records.get(desk.channel, record)
    verdicts = dict(desk.verdicts)
    hub = then.put_back()
    assert hub.store.records.get(desk.channel, record) is None
    go_on(desk, hub)
    after = hub.store.records.get(desk.channel, record)
    assert (after.values, after.version) == (before.values, before.version)
    assert hub.store.records.get(desk.channel, refused) is None
    assert hub.store.records.get(desk.channel, held) is None
    assert desk.verdicts == verdicts
    assert all_losses(hub).entries == ()
    assert is_sound(hub)
    desk.write("intake_case", {"remark": "恢复之后"}, record)
    desk.synchronise()
    assert hub.store.records.get(desk.channel, record).values["remark"] == "恢复之后"


def test_what_came_back_twice_came_back_once(setback):
    desk, hub = setback.desk, setback.hub
    stretches = go_on(desk, hub)
    before = hub.store.journal.channel(desk.channel)
    reply = desk.ask(rare=Rare(stretches=stretches))
    assert reply.taken == [each.receipt.cursor for each in stretches]
    assert hub.store.journal.channel(desk.channel) == before


def test_what_no_receipt_proves_is_not_taken(setback):
    desk, hub = setback.desk, setback.hub
    kept = hub.store.journal.channel(desk.channel).position - 1
    (stretch, *_) = desk.go_back(kept)
    forged = protocol.OperationEntry(bytes(32), 2, "", 0, 0)
    bent = type(stretch)(
        stretch.base,
        [protocol.entry_bytes(forged), *stretch.entries[1:]],
        stretch.receipt,
        stretch.operations,
    )
    assert desk.ask(rare=Rare(stretches=[bent])).taken == []
    desk.synchronise()
    assert desk.verdict(1) == (Verdict.ACCEPTED, "")


def test_a_station_opened_after_the_backup_is_entered_again(county, entry, past):
    then = past()
    desk = county.desk()
    record = desk.write("intake_case", entry())
    desk.synchronise()
    station = county.hub.store.stations.get(desk.certificate.station_code)
    hub = then.put_back()
    assert hub.store.stations.get(station.code) is None
    go_on(desk, hub)
    again = hub.store.stations.get(station.code)
    assert (again.channel, again.card, again.name) == (station.channel, station.card, station.name)
    assert hub.store.records.get(desk.channel, record) is not None
    assert [e for e in all_losses(hub).entries if e.channel == desk.channel] == []
    assert is_sound(hub)


def test_a_station_code_that_was_given_is_never_given_again(county, past):
    then = past()
    first = county.open_station().station_code
    hub = then.put_back()
    other = type(county)(hub, county.clock, county.admin, county.reviewer, county.operator)
    assert other.open_station().station_code == f"{int(first) + 1}"


def test_nothing_is_taken_from_who_has_seen_more_of_any_channel_before_that_is_explained(
    county, entry
):
    desk = county.desk()
    desk.synchronise()
    known = desk.cursors[1]
    end = {"position": known.position + 1, "digest": bytes(32)}
    desk.cursors[1] = msgspec.structs.replace(known, **end)
    desk.write("intake_case", entry())
    desk.ask()
    assert desk.stored == 0
    desk.cursors[1] = known
    desk.ask()
    assert desk.stored == 1


def test_codes_issued_before_a_restore_are_void(county):
    code = county.open_station().code
    declare_restored(county.hub, county.admin)
    with pytest.raises(HubError) as refused:
        county.enrol(code)
    assert refused.value.code == "enrol.code_unknown"


def test_the_receipt_of_a_lost_future_draws_one_epoch_and_no_more(county, entry, past):
    desk = county.desk()
    code = issue_code(county.hub, county.reviewer, desk.certificate.station_code)
    other = county.enrol(code)
    desk.synchronise()
    other.synchronise()
    home = county.hub.home
    outside = {name: (home / name).read_bytes() for name in ("hub.witness", "hub.journal")}
    then = past()
    desk.write("intake_case", entry())
    desk.synchronise()
    other.synchronise()
    county.hub.store.close()
    for name, data in outside.items():  # the whole machine went back
        (home / name).write_bytes(data)
    old = county.hub.epoch
    hub = then.put_back()
    assert hub.epoch == old
    desk.hub = other.hub = hub
    assert desk.ask().pages[0].parted == pull.SHOW_RECEIPT
    go_on(desk, hub)
    drawn = hub.epoch
    assert drawn != old
    go_on(other, hub)
    assert hub.epoch == drawn
    assert desk.cursors == other.cursors
    assert all_losses(hub).entries == ()
    assert is_sound(hub)


def test_the_receipt_of_a_stretch_shows_a_lost_future_too(county, entry, past):
    """Whoever went back already shows no other: its cursor is known to the hub."""
    desk = county.desk()
    desk.synchronise()
    home = county.hub.home
    outside = {name: (home / name).read_bytes() for name in ("hub.witness", "hub.journal")}
    then = past()
    desk.write("intake_case", entry())
    desk.synchronise()
    county.hub.store.close()
    for name, data in outside.items():  # the whole machine went back
        (home / name).write_bytes(data)
    old = county.hub.epoch
    desk.hub = then.put_back()
    stretches = desk.go_back(desk.hub.store.journal.channel(desk.channel).position)
    desk.exchange(rare=Rare(stretches=stretches))
    assert desk.hub.epoch != old
    desk.synchronise()
    assert desk.verdict(1) == (Verdict.ACCEPTED, "")
    assert all_losses(desk.hub).entries == ()
    assert is_sound(desk.hub)


def test_a_cursor_without_its_receipt_is_asked_for_it(setback):
    page = setback.desk.ask().pages[0]
    assert (page.parted, page.items, page.epochs) == (pull.SHOW_RECEIPT, [], [])


def test_whoever_starts_from_the_first_entry_is_told_the_epochs(county, entry):
    desk = county.desk()
    desk.synchronise()
    declare_restored(county.hub, county.admin)
    code = issue_code(county.hub, county.reviewer, desk.certificate.station_code)
    other = county.enrol(code)
    (page, _) = other.exchange().pages
    assert [type(protocol.read_entry(e)) for e in page.epochs] == [EpochEntry]
    desk.synchronise()
    other.synchronise()
    assert desk.cursors == other.cursors


def test_an_erasure_and_a_revocation_outlive_the_backup(county, entry, past):
    desk = county.desk()
    record = desk.write("intake_case", entry())
    desk.synchronise()
    then = past()
    erase_record(county.hub, county.reviewer, record, "保存期满")
    revoke_enrolment(county.hub, county.reviewer, desk.keys.replica, "电脑被盗")
    hub = then.put_back()
    assert hub.store.records.get(desk.channel, record) is None
    (placed,) = hub.store.operations.of_records(desk.channel, [record])[record]
    assert placed.operation.body is None
    assert hub.store.stations.replica(desk.keys.replica).standing == "revoked"
    assert is_sound(hub)


def test_what_is_erased_again_comes_after_the_epoch_that_explains_it(county, entry, past):
    desk = county.desk()
    record = desk.write("intake_case", entry())
    desk.synchronise()
    then = past()
    witness = (county.hub.home / "hub.witness").read_bytes()
    erase_record(county.hub, county.admin, record, "保存期满")
    desk.synchronise()
    (county.hub.home / "hub.witness").write_bytes(witness)  # the whole machine was put back
    hub = then.put_back()
    go_on(desk, hub)
    assert is_sound(hub)


def test_an_erasure_that_only_a_station_remembers_is_in_the_journal_again(county, entry, past):
    desk = county.desk()
    record = desk.write("intake_case", entry())
    desk.synchronise()
    then = past()
    erase_record(county.hub, county.reviewer, record, "保存期满")
    desk.synchronise()
    (county.hub.home / "hub.journal").unlink()
    hub = then.put_back()
    go_on(desk, hub)
    assert hub.store.withdrawn.erased(desk.channel, [record]) == {record}
    told = [each for each in hub.outside.read() if isinstance(each, Erasure)]
    assert [(each.channel, each.record) for each in told] == [(desk.channel, record)]


def test_a_page_that_was_opened_before_a_restore_commits_nothing(county, entry):
    desk = county.desk()
    record = desk.write("intake_case", entry())
    desk.synchronise()
    seen = county.hub.shown(county.hub.store.records.get(desk.channel, record).version)
    declare_restored(county.hub, county.admin)
    with pytest.raises(HubError) as refused:
        review_case(
            county.hub, county.reviewer, desk.channel, record, "returned", "请补充", {}, seen
        )
    assert refused.value.code == "page.before_restore"


def test_a_closing_that_was_lost_is_repeated_with_its_moment(county, entry, past):
    desk = county.desk()
    desk.synchronise()
    then = past()
    close(county, desk)
    desk.synchronise()
    closing = county.hub.store.journal.channel(desk.channel).closing
    hub = then.put_back()
    assert hub.store.journal.channel(desk.channel).closing is None
    go_on(desk, hub)
    assert hub.store.journal.channel(desk.channel).closing == closing
    assert hub.store.stations.get(desk.certificate.station_code).state == "closed"


def close(county, desk):
    with county.hub.store.writing():
        now = county.hub.now_ms()
        entry = protocol.ClosingEntry(now + 1000, now)
        append_word(county.hub, county.hub.store.journal.lock_channel(desk.channel), entry)
        county.hub.store.journal.set_closing(desk.channel, protocol.entry_bytes(entry))


def test_a_closed_station_that_has_sent_and_seen_all_is_retired(county, entry, tmp_path):
    desk = county.desk()
    desk.write("intake_case", entry())
    desk.synchronise()
    assert desk.ask(rare=Rare(farewell=True)).standing == ""
    close(county, desk)
    assert desk.ask(rare=Rare(farewell=True)).standing == ""
    desk.synchronise()
    reply = desk.ask(rare=Rare(farewell=True))
    assert (reply.standing, [p.items for p in reply.pages]) == ("retired", [[]])
    assert reply.pages[0].covered == 0
    back_up(county.hub, tmp_path / "hub-1.db")
    (page,) = desk.ask().pages
    assert page.covered == page.head == desk.cursors[0].position
    desk.write("intake_case", entry())
    desk.ask()
    late = desk.written[-1].name
    standing = county.hub.store.operations.standings(desk.channel, [late])[late]
    assert (standing.verdict, standing.code) == (Verdict.HELD, "closed")


def test_a_body_that_the_hub_lacks_is_asked_for_and_judged_when_it_comes(county, entry):
    desk = county.desk()
    record = desk.write("intake_case", entry())
    whole = desk.written[0]
    desk.written[0] = msgspec.structs.replace(whole, body=None)
    reply = desk.exchange()
    assert reply.lacks == [whole.body_digest]
    assert desk.verdict(1) == (Verdict.REFUSED, "body")
    reply = desk.exchange(rare=Rare(bodies=[b"something else", whole.body]))
    assert reply.lacks == []
    assert desk.verdict(1) == (Verdict.ACCEPTED, "")
    assert county.hub.store.records.get(desk.channel, record) is not None
    assert is_sound(county.hub)


@pytest.fixture
def bodiless(county, entry):
    """Six desks: what each wrote, a case and two amendments, came without bodies."""
    desks = [county.desk(applicant_unit=f"第{n}支行") for n in range(6)]
    for desk in desks:
        record = desk.write("intake_case", entry())
        desk.write("intake_case", {"remark": "补充"}, record)
        desk.write("intake_case", {"remark": "再补充"}, record)
        desk.whole = list(desk.written)
        desk.written = [msgspec.structs.replace(each, body=None) for each in desk.whole]
        desk.exchange()
    return desks


def verdicts_of(desk):
    return [desk.verdict(seq) for seq in range(1, len(desk.written) + 1)]


def test_bodies_that_come_at_once_are_judged_in_the_order_of_what_they_belong_to(county, bodiless):
    for desk in bodiless:
        desk.exchange(rare=Rare(bodies=[each.body for each in desk.whole]))
        assert verdicts_of(desk) == [(Verdict.ACCEPTED, "")] * 3
    assert is_sound(county.hub)


def test_a_body_that_comes_before_that_of_the_creation_is_judged_with_it(county, bodiless):
    desk = bodiless[0]
    for each in reversed(desk.whole):
        desk.exchange(rare=Rare(bodies=[each.body]))
    assert verdicts_of(desk) == [(Verdict.ACCEPTED, "")] * 3
    assert is_sound(county.hub)


def test_what_is_sent_again_brings_the_body_that_it_lacked(county, bodiless):
    """From a stick, or from a disk that was put back; what comes with it for the first time builds
    on it."""
    desk = bodiless[0]
    desk.written, desk.acknowledged = desk.whole, operations.empty_head(desk.keys.replica)
    desk.write("intake_case", {"remark": "后来"}, desk.whole[0].header.record)
    desk.exchange()
    assert verdicts_of(desk) == [(Verdict.ACCEPTED, "")] * 4
    assert is_sound(county.hub)


def test_an_erased_body_is_neither_asked_for_nor_taken(county, entry):
    desk = county.desk()
    record = desk.write("intake_case", entry())
    desk.synchronise()
    erase_record(county.hub, county.reviewer, record, "保存期满")
    reply = desk.exchange(rare=Rare(bodies=[desk.written[0].body]))
    assert reply.lacks == []
    desk.write("intake_case", {"remark": "后来"}, record)
    desk.synchronise()
    assert desk.verdict(2) == (Verdict.REFUSED, "erased")
    placed = county.hub.store.operations.of_records(desk.channel, [record])[record]
    assert [each.operation.body for each in placed] == [None, None]
    with pytest.raises(HubError) as refused:
        review_case(county.hub, county.reviewer, desk.channel, record, "returned", "补充", {})
    assert refused.value.code == "case.unknown"
    assert is_sound(county.hub)


def test_two_restores_to_the_same_copy_lose_nothing_that_a_station_has(entry, setback):
    desk, first = setback.desk, setback.record
    go_on(desk, setback.hub)
    second = desk.write("intake_case", entry())
    desk.synchronise()
    middle = desk.hub.epoch
    hub = setback.then.put_back()
    assert hub.epoch != middle
    go_on(desk, hub)
    drawn = hub.epoch
    assert set(hub.store.records.kinds(desk.channel, [first, second])) == {first, second}
    desk.synchronise()
    assert hub.epoch == drawn
    assert [e for e in all_losses(hub).entries if e.channel == desk.channel] == []
    assert is_sound(hub)


def test_what_was_judged_lower_meanwhile_is_raised_by_what_is_proven(setback):
    desk, hub = setback.desk, setback.hub
    other = desk.minted()
    other.rare = Rare(introduction=desk.introduction(other.keys))
    other.written = [
        msgspec.structs.replace(mint.issue_again(desk.written[0], other.head), body=None)
    ]
    other.synchronise()
    assert other.verdict(1) == (Verdict.REFUSED, "body")
    go_on(desk, hub)
    other.synchronise()
    assert other.verdict(1) == (Verdict.ACCEPTED, "")
    assert hub.store.records.get(desk.channel, setback.record).values["task_name"] == "失业登记"
    assert is_sound(hub)


def test_the_county_s_own_words_in_the_region_come_back_from_any_station(county, past):
    desk = county.desk()
    desk.synchronise()
    then = past()
    item = {"department": "人社局", "item_name": "社保查询", "task_type": "1"}
    rows = [{**item, "item_code_raw": "A1"}]
    publish_catalogue(county.hub, county.reviewer, rows)
    desk.synchronise()
    region = desk.cursors[1].channel
    before = [each.values for each in county.hub.store.records.in_channel(region)]
    hub = then.put_back()
    assert list(hub.store.records.in_channel(region)) == []
    go_on(desk, hub)
    assert [each.values for each in hub.store.records.in_channel(region)] == before
    assert is_sound(hub)


def test_a_region_that_was_made_anew_meanwhile_is_found_again_by_its_id(county, keys):
    desk, mine = county.desk(), keys()
    own, region = desk.certificate.grants
    certificate = msgspec.structs.replace(
        desk.certificate,
        keys=mine.public,
        enrolment=bytes(range(16)),
        grants=[own, msgspec.structs.replace(region, channel=bytes(range(16)))],
    )
    back = Desk(county.hub, desk.code, mine, desk.hub_public, certificate)
    back.rare = Rare(introduction=back.introduction())
    back.synchronise()
    item = {"department": "人社局", "item_name": "社保查询", "task_type": "1"}
    rows = [{**item, "item_code_raw": "A1"}]
    assert publish_catalogue(county.hub, county.reviewer, rows).written == 1
    for each in (desk, back):
        each.synchronise()
        names = [each.values(record, "catalogue_item").get("item_name") for record in each.acts]
        assert "社保查询" in names


def test_a_pc_whose_stations_code_was_given_again_is_told_so(county, past):
    then = past()
    desk = county.desk()
    desk.synchronise()
    (county.hub.home / "hub.journal").unlink()  # its disk is lost, too
    hub = then.put_back()
    other = replace(county, hub=hub)
    assert other.open_station().station_code == desk.certificate.station_code
    desk.hub = hub
    with pytest.raises(HubError) as refused:
        desk.ask(rare=Rare(introduction=desk.introduction()))
    assert refused.value.code == "replica.station_taken"


def test_a_chain_that_was_frozen_stays_frozen(county, entry, past):
    desk = county.desk()
    code = issue_code(county.hub, county.reviewer, desk.certificate.station_code)
    other = county.enrol(code)
    desk.synchronise()
    other.synchronise()
    then = past()
    freeze(desk)
    other.synchronise()
    hub = then.put_back()
    go_on(other, hub)
    desk.hub = hub
    assert desk.ask().standing == "frozen"


def certified(child):
    """A minted PC that was told its standing, and shows its own certificate from now on."""
    reply = child.ask()
    (data, signature), made = reply.certificate, child.introduction()
    child.rare = Rare(
        introduction=msgspec.structs.replace(made, certificate=data, signature=signature)
    )
    return reply.standing


@pytest.mark.parametrize("shown", ["the word of its parent", "a certificate of its own"])
def test_a_second_successor_waits_again_whoever_comes_first(county, past, shown):
    desk = county.desk()
    desk.synchronise()
    then = past()
    freeze(desk)
    first, second = desk.minted(), desk.minted()
    tell = certified if shown == "a certificate of its own" else lambda each: each.ask().standing
    assert [tell(first), tell(second)] == ["", "waiting"]
    hub = then.put_back()
    first.hub = second.hub = hub
    assert [second.ask().standing, first.ask().standing] == ["waiting", ""]
    admit_replica(hub, county.reviewer, second.keys.replica)
    again = then.put_back()
    first.hub = second.hub = again
    assert [second.ask().standing, first.ask().standing] == ["", ""]


def test_who_was_admitted_since_the_backup_does_not_wait_again(county, past):
    desk = county.desk()
    desk.synchronise()
    freeze(desk)
    desk.minted().ask()
    second = desk.minted()
    assert second.ask().standing == "waiting"
    then = past()
    admit_replica(county.hub, county.reviewer, second.keys.replica)
    second.hub = then.put_back()
    assert second.ask().standing == ""


def test_a_journal_that_was_lost_is_told_again_who_waits(county):
    desk = county.desk()
    desk.synchronise()
    freeze(desk)
    first, second = desk.minted(), desk.minted()
    for each in (first, second):
        each.ask()
    (county.hub.home / "hub.journal").unlink()
    hub = county.reopened().hub
    told = {each.replica: each.waits for each in hub.outside.read() if isinstance(each, Successor)}
    assert told == {first.keys.replica: False, second.keys.replica: True}
    hub.store.close()


def test_what_nobody_brings_back_is_named(county, entry, past):
    desk = county.desk()
    desk.synchronise()
    then = past()
    county.application()
    hub = then.put_back()
    office = hub.store.journal.channel_of_region("office", hub.region)
    (missing,) = all_losses(hub).entries
    assert (missing.channel, missing.station_code) == (office.id, "")
    assert missing.count >= 1


def test_no_number_is_given_twice_by_a_hub_that_forgot_it(county, entry, past):
    desk = county.desk()
    then = past()
    code = issue_code(county.hub, county.reviewer, desk.certificate.station_code)
    lost_number = county.enrol(code).certificate.device_number
    lost_ticket, _ = submit_application(county.hub, an_opening())
    hub = then.put_back()
    code = issue_code(hub, county.reviewer, desk.certificate.station_code)
    assert replace(county, hub=hub).enrol(code).certificate.device_number == lost_number + 1
    assert submit_application(hub, an_opening())[0] == f"{int(lost_ticket) + 1}"


def test_what_came_back_without_what_it_follows_is_no_fork(county, entry, past):
    desk = county.desk()
    desk.synchronise()
    then = past()
    for _ in range(4):
        desk.write("intake_case", entry())
    desk.synchronise()
    hub = then.put_back()
    desk.hub = hub
    (stretch,) = desk.go_back(hub.store.journal.channel(desk.channel).position - 1)
    first = desk.written[0]
    fewer = [part for part in stretch.operations if part[0] != first.header_bytes]
    desk.ask(rare=Rare(stretches=[Stretch(stretch.base, stretch.entries, stretch.receipt, fewer)]))
    assert hub.store.chains.chain(desk.keys.replica).head.seq == 0
    assert is_sound(hub)
    desk.acknowledged = operations.empty_head(desk.keys.replica)
    desk.write("intake_case", entry())
    desk.synchronise()
    assert hub.store.chains.chain(desk.keys.replica).head == desk.head
    assert not hub.store.chains.chain(desk.keys.replica).frozen
    assert is_sound(hub)


def push_run(desk, run) -> None:
    """An exchange that brings this run and no other."""
    request = msgspec.structs.replace(envelope.unpack(desk.payload(), Request), runs=[run])
    payload = envelope.pack(request)
    desk.open(answer_exchange(desk.hub, desk.seal(payload)), payload)


@pytest.mark.parametrize("at_once", [True, False])
def test_a_branch_that_came_before_its_gap_closed_waits_for_the_county_again(
    county, entry, past, run_of, at_once
):
    """What closes the gap comes back before the word that it is a branch."""
    desk = county.desk()
    other = county.enrol(issue_code(county.hub, county.reviewer, desk.certificate.station_code))
    for each in (desk, other):
        each.synchronise()
    then = past()
    desk.write("intake_case", entry(applicant_name="副本"))
    desk.write("intake_case", entry(applicant_name="副本"))
    branch, behind = desk.written[1], run_of(desk, 2, 2)
    del desk.written[:]
    desk.write("intake_case", entry(applicant_name="本机"))
    push_run(desk, behind)
    if not at_once:
        other.synchronise()
    push_run(desk, run_of(desk, 1, 1))
    other.synchronise()
    hub = then.put_back()
    go_on(other, hub)
    standing = hub.store.operations.standings(desk.channel, [branch.identity])[branch.identity]
    assert (standing.verdict, standing.code) == (Verdict.HELD, "fork")
    assert is_sound(hub)
    length = hub.store.journal.channel(desk.channel).position
    go_on(other, hub)
    assert hub.store.journal.channel(desk.channel).position == length


def test_what_comes_back_behind_a_gap_that_has_closed_meanwhile_is_judged(
    county, entry, past, run_of
):
    desk = county.desk()
    other = county.enrol(issue_code(county.hub, county.reviewer, desk.certificate.station_code))
    for each in (desk, other):
        each.synchronise()
    then = past()
    for _ in range(3):
        desk.write("intake_case", entry())
    push_run(desk, run_of(desk, 2, 2))
    other.synchronise()
    hub = then.put_back()
    desk.hub = hub
    push_run(desk, run_of(desk, 1, 1))
    go_on(other, hub)
    push_run(desk, run_of(desk, 3, 3))
    names = [each.identity for each in desk.written]
    standings = hub.store.operations.standings(desk.channel, names)
    assert {each.verdict for each in standings.values()} == {Verdict.ACCEPTED}
    assert hub.store.chains.chain(desk.keys.replica).head == desk.head
    assert is_sound(hub)


def test_a_second_station_that_brings_the_same_does_not_bring_an_older_cause_back(county, past):
    desk = county.desk()
    other, third = (
        county.enrol(issue_code(county.hub, county.reviewer, desk.certificate.station_code))
        for _ in range(2)
    )
    for each in (desk, other, third):
        each.synchronise()
    then = past()
    freeze(desk)
    desk.write("intake_case", {}, form_version=99)
    desk.ask()
    operation = desk.written[-1]
    child = desk.minted()
    child.issue_again(operation)
    child.ask()
    for each in (other, third):
        each.synchronise()
    hub = then.put_back()
    for each in (other, third):
        go_on(each, hub)
        found = hub.store.operations.standings(desk.channel, [operation.identity])
        standing = found[operation.identity]
        assert (standing.verdict, standing.code) == (Verdict.HELD, "form")
    assert is_sound(hub)


def test_what_waits_for_its_form_comes_back_waiting_for_it(county, entry, past):
    """Its first copy came later, on a frozen chain."""
    desk = county.desk()
    other = county.enrol(issue_code(county.hub, county.reviewer, desk.certificate.station_code))
    for each in (desk, other):
        each.synchronise()
    then = past()
    freeze(desk)
    desk.write("intake_case", entry(), form_version=99)
    child = desk.minted()
    child.issue_again(desk.written[-1])
    child.ask()
    desk.ask()
    other.synchronise()
    identity = desk.written[-1].identity
    hub = then.put_back()
    go_on(other, hub)
    found = hub.store.operations.standings(desk.channel, [identity])[identity]
    assert (found.verdict, found.code) == (Verdict.HELD, "form")
    assert is_sound(hub)


def test_an_epoch_is_named_again_by_whoever_brings_what_the_hub_wrote_in_it(county, past, tmp_path):
    """Also by a station that got it as what came back, in a page that names no epoch."""
    desk = county.desk()
    other = county.enrol(issue_code(county.hub, county.reviewer, desk.certificate.station_code))
    first = past()
    county.desk()
    hub = first.put_back()
    lost_epoch, region = hub.epoch, desk.cursors[1].channel
    for each in (desk, other):
        each.hub, each.rare = hub, Rare(introduction=each.introduction())
        each.synchronise()
    (tmp_path / "second").mkdir()
    second = Past(first.county, tmp_path / "second")
    item = {"department": "人社局", "item_name": "社保查询", "task_type": "1"}
    publish_catalogue(hub, county.reviewer, [{**item, "item_code_raw": "A1"}])
    desk.synchronise()
    other.hub = second.put_back()
    other.synchronise()
    go_on(desk, other.hub)
    other.synchronise()
    other.hub.store.close()
    hub = first.put_back()
    go_on(other, hub)
    assert lost_epoch in protocol.former_epochs(hub.store.epochs.of(region))
    assert len(list(hub.store.records.in_channel(region))) == 1
    assert is_sound(hub)
