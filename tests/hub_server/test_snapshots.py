"""A replacement PC starts from the records as they were where every backup reaches."""

import msgspec
import pytest

import forms
from hub_server.services.answer_exchange import answer_exchange
from hub_server.services.back_up import back_up
from hub_server.services.issue_code import issue_code
from hub_server.services.projection import rules_of
from hub_server.services.review_case import review_case
from hub_server.services.withdraw import erase_record
from sync_protocol import envelope, exchange, merge, snapshot
from sync_protocol.channel import Verdict
from sync_protocol.exchange import Rare
from sync_protocol.merge import Act, Counts
from sync_protocol.snapshot import SnapshotAsk


@pytest.fixture
def second(county):
    """A second PC of a desk, which has seen nothing yet."""

    def enrolled(desk):
        code = issue_code(county.hub, county.reviewer, desk.certificate.station_code)
        return county.enrol(code)

    return enrolled


def ask(desk, position=0, after=b"", batch_bytes=1 << 20):
    wanted = SnapshotAsk(desk.channel, position, after)
    reply = desk.ask(batch_bytes, rare=Rare(snapshot=wanted))
    return reply, wanted


def whole(desk, batch_bytes=1 << 20):
    """Every record of a snapshot, and the parts it came in."""
    reply, wanted = ask(desk, batch_bytes=batch_bytes)
    parts, records = [], []
    while True:
        part = reply.snapshot
        read = snapshot.read_part(part, wanted, desk.hub_public.signing)
        assert read is not None
        parts.append(part)
        records += read
        if not part.last:
            return parts, records
        reply, wanted = ask(desk, part.receipt.cursor.position, part.last, batch_bytes)


def values_of(record, by_hub):
    """What a station makes of a record of a part."""
    form = forms.builtin().latest(record.operations[0][0].header.kind)
    acts = [
        Act(
            operation.identity,
            place.effective,
            operation.header.replica in by_hub,
            Counts.ACCEPTED if place.verdict == Verdict.ACCEPTED else Counts.NO,
            operation.writes(),
        )
        for operation, place in record.operations
    ]
    return merge.fold(acts, rules_of(form), remembered=record.replaced).values


def test_without_a_backup_there_is_none_and_the_pages_begin_at_the_first_entry(county, second):
    desk = county.desk()
    desk.synchronise()
    reply, _ = ask(second(desk))
    assert reply.snapshot is None
    assert [page.base.position for page in reply.pages] == [0, 0]


def test_it_gives_the_records_that_the_entries_make(county, entry, tmp_path, second):
    desk = county.desk()
    record = desk.write("intake_case", entry())
    desk.synchronise()
    for remark in ("一", "二", "三"):
        desk.write("intake_case", {"remark": remark}, record)
    review_case(county.hub, county.reviewer, desk.channel, record, "returned", "请补充材料", {})
    desk.synchronise()
    back_up(county.hub, tmp_path / "hub-1.db")
    parts, records = whole(second(desk))
    (mine,) = [each for each in records if each.record == record]
    stored = county.hub.store.records.get(desk.channel, record)
    assert values_of(mine, desk.hub_replicas) == dict(stored.values)
    assert len(mine.spent) == 2  # the first two remarks: nothing of them is live
    assert parts[0].total == len(records)
    assert parts[0].receipt.cursor.end == county.hub.store.journal.channel(desk.channel).cursor.end


def test_it_names_what_it_leaves_out_and_every_copy_of_it(county, entry, tmp_path, second):
    desk = county.desk()
    record = desk.write("intake_case", entry())
    desk.write("intake_case", {"remark": "一"}, record)
    desk.synchronise()
    child = desk.minted()
    child.issue_again(desk.written[1])
    child.synchronise()
    desk.write("intake_case", {"remark": "二"}, record)
    desk.synchronise()
    back_up(county.hub, tmp_path / "hub-1.db")
    _, records = whole(second(desk))
    (mine,) = [each for each in records if each.record == record]
    first, copy = desk.written[1], child.written[0]
    assert mine.spent == ((first.name, first.name), (copy.name, first.name))


def test_the_pages_of_its_channel_wait_for_the_last_part(county, tmp_path, second):
    desk = county.desk()
    desk.synchronise()
    back_up(county.hub, tmp_path / "hub-1.db")
    reply, _ = ask(second(desk))
    assert desk.channel not in [page.base.channel for page in reply.pages]


def test_it_is_cut_into_parts_and_each_may_be_asked_for_again(county, entry, tmp_path, second):
    desk = county.desk()
    for _ in range(12):
        desk.write("intake_case", entry())
    desk.synchronise()
    back_up(county.hub, tmp_path / "hub-1.db")
    other = second(desk)
    parts, records = whole(other, batch_bytes=2048)
    assert len(parts) > 3
    ids = [each.record for each in records]
    assert ids == sorted(set(ids))
    assert len(ids) == parts[0].total == 13
    position = parts[0].receipt.cursor.position
    again, _ = ask(other, position, parts[0].last, 2048)
    assert again.snapshot.records == parts[1].records


def test_it_shows_what_was_so_at_its_position_and_not_what_came_later(
    county, entry, tmp_path, second, run_of
):
    desk = county.desk()
    desk.exchange()
    first = desk.write("intake_case", entry())
    waiting = desk.write("intake_case", entry())
    send(desk, [run_of(desk, 2, 2)])
    back_up(county.hub, tmp_path / "hub-1.db")
    desk.synchronise()
    assert desk.verdict(2) == (Verdict.ACCEPTED, "")
    _, records = whole(second(desk))
    found = {each.record: each for each in records}
    assert first not in found
    ((_, place),) = found[waiting].operations
    assert (place.verdict, place.code) == (Verdict.HELD, "gap")


def send(desk, runs):
    request = envelope.unpack(desk.payload(), exchange.Request)
    payload = envelope.pack(msgspec.structs.replace(request, runs=runs))
    return desk.open(answer_exchange(desk.hub, desk.seal(payload)), payload)


def test_an_erased_record_is_named_and_brings_no_contents(county, entry, tmp_path, second):
    desk = county.desk()
    record = desk.write("intake_case", entry())
    desk.synchronise()
    back_up(county.hub, tmp_path / "hub-1.db")
    erase_record(county.hub, county.reviewer, record, "保存期满")
    _, records = whole(second(desk))
    (mine,) = [each for each in records if each.record == record]
    assert (mine.erased, [o.body for o, _ in mine.operations]) == (True, [None])


def test_a_record_that_no_reply_could_hold_comes_without_some_bodies(
    county, entry, tmp_path, second, monkeypatch
):
    desk = county.desk()
    record = desk.write("intake_case", entry())
    desk.write("intake_case", {"remark": "补充"}, record)
    desk.synchronise()
    back_up(county.hub, tmp_path / "hub-1.db")
    first, later = desk.written
    most = "hub_server.services.make_snapshot_part.RECORD_BYTES_HIGHEST"
    monkeypatch.setattr(most, len(first.body))
    _, records = whole(second(desk))
    (mine,) = [each.operations for each in records if each.record == record]
    assert [(o.body, place.body_digest) for o, place in mine] == [
        (first.body, None),
        (None, later.body_digest),
    ]


def test_no_desk_gets_a_snapshot_of_another_stations_channel(county, tmp_path):
    one, other = county.desk(), county.desk(applicant_unit="邮政局")
    back_up(county.hub, tmp_path / "hub-1.db")
    wanted = SnapshotAsk(other.channel, 0, b"")
    assert one.ask(rare=Rare(snapshot=wanted)).snapshot is None


def test_a_position_that_no_backup_covers_is_not_given(county, entry, tmp_path, second):
    desk = county.desk()
    desk.synchronise()
    back_up(county.hub, tmp_path / "hub-1.db")
    desk.write("intake_case", entry())
    desk.synchronise()
    head = county.hub.store.journal.channel(desk.channel).position
    assert ask(second(desk), head)[0].snapshot is None
