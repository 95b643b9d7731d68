"""An exchange from both ends: what a desk writes is placed, judged, signed and shown once."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier

import msgspec
import pytest

from hub_server.errors import HubError
from hub_server.services.answer_exchange import answer_exchange
from hub_server.services.issue_code import issue_code
from hub_server.services.review_case import review_case
from hub_server.services.take_runs import freeze
from sync_protocol import envelope, exchange, mint, operations
from sync_protocol.channel import FreezeEntry, Verdict, read_entry
from sync_protocol.errors import PeerFault


def test_an_entry_is_accepted_and_becomes_a_line_of_the_ledger(county, entry):
    desk = county.desk()
    record = desk.write("intake_case", entry())
    desk.synchronise()
    assert desk.verdict(1) == (Verdict.ACCEPTED, "")
    stored = county.hub.store.records.get(desk.channel, record)
    assert stored.cells[5] == "李兰"
    assert stored.values["task_name"] == "失业登记"
    assert stored.open_case


def test_the_desk_receives_its_card_and_the_hubs_receipt(county):
    desk = county.desk()
    desk.synchronise()
    own, region = (county.hub.store.journal.channel(c.channel) for c in desk.cursors)
    assert own.cursor == desk.cursors[0]
    assert region.cursor == desk.cursors[1]
    card = county.hub.store.stations.get(desk.certificate.station_code).card
    assert desk.values(card, "station_card")["state"] == "open"


def test_the_same_request_twice_changes_nothing(county, entry):
    desk = county.desk()
    desk.write("intake_case", entry())
    payload = desk.payload()
    first = desk.open(answer_exchange(county.hub, desk.seal(payload)), payload)
    before = county.hub.store.journal.channel(desk.channel)
    again = desk.open(answer_exchange(county.hub, desk.seal(payload)), payload)
    assert county.hub.store.journal.channel(desk.channel) == before
    assert [page.receipt.cursor for page in again.pages] == [
        page.receipt.cursor for page in first.pages
    ]


def _signed_anew(desk, agreed):
    """Of which channels the hub signs where they end, to who shows these cursors unsigned."""
    payload = desk.payload(agreed=agreed)
    reply = desk.open(answer_exchange(desk.hub, desk.seal(payload)), payload)
    assert all(page.items == [] and page.head == page.base.position for page in reply.pages)
    assert [page.base for page in reply.pages] == desk.cursors
    return [page.receipt is not None for page in reply.pages]


def test_where_each_end_holds_the_others_signature_nothing_is_signed_again(county, entry):
    desk = county.desk()
    desk.write("intake_case", entry())
    desk.synchronise()
    own, region = desk.cursors
    assert _signed_anew(desk, [own]) == [True, True]  # never countersigned: it was just applied
    desk.exchange()
    assert _signed_anew(desk, []) == [True, True]
    assert _signed_anew(desk, [region]) == [True, False]
    assert _signed_anew(desk, [own, region]) == [False, False]
    kept = {each.cursor for _, each, _ in county.hub.store.stations.countersigned(own.channel)}
    assert kept == {own}


def test_what_another_replica_countersigned_is_signed_again(county):
    desk = county.desk()
    desk.synchronise()
    desk.exchange()
    successor = desk.minted()
    successor.cursors = list(desk.cursors)
    assert _signed_anew(successor, desk.cursors) == [True, False]


def test_who_is_not_at_the_end_gets_what_is_new_under_a_receipt(county, entry):
    desk = county.desk()
    desk.synchronise()
    desk.exchange()
    desk.write("intake_case", entry())
    payload = desk.payload(agreed=desk.cursors)
    reply = desk.open(answer_exchange(county.hub, desk.seal(payload)), payload)
    assert [len(page.items) for page in reply.pages] == [1, 0]
    assert reply.pages[0].receipt.cursor.position == reply.pages[0].head
    desk.apply(reply)
    assert desk.cursors[0] == county.hub.store.journal.channel(desk.channel).cursor


def test_two_requests_under_one_number_freeze_the_replica(county, entry):
    desk = county.desk()
    desk.exchange()
    desk.number -= 1
    desk.write("intake_case", entry())
    reply = desk.exchange()
    assert (reply.standing, reply.pages) == ("frozen", [])
    assert desk.exchange().standing == "frozen"
    data = list(county.hub.store.journal.entries_after(desk.channel, 0))
    assert sum(isinstance(read_entry(each.data), FreezeEntry) for each in data) == 1


def test_two_requests_that_only_read_under_one_number_freeze_the_replica_too(county):
    desk = county.desk()
    desk.synchronise()
    desk.exchange()
    for standing in ("", "frozen"):
        payload = desk.payload(backlog=len(standing), agreed=desk.cursors)
        reply = desk.open(answer_exchange(county.hub, desk.seal(payload)), payload)
        assert reply.standing == standing
        desk.number -= 1


def test_who_only_shows_where_it_stands_waits_for_no_disk(county, monkeypatch):
    desk, store = county.desk(), county.hub.store
    desk.synchronise()
    desk.exchange()
    hurried = []
    monkeypatch.setattr(type(store), "noting", _noted_in(hurried, type(store).noting))
    for agreed in (desk.cursors, desk.cursors[:1], desk.cursors):
        payload = desk.payload(agreed=agreed)
        answer_exchange(county.hub, desk.seal(payload))
        answer_exchange(county.hub, desk.seal(payload))  # it may be another's under this number
    assert hurried == [1, 1]  # PRAGMA synchronous: normal
    assert store._database.pragma("synchronous") == 2


def _noted_in(found, noting):
    @contextmanager
    def watched(store):
        with noting(store):
            found.append(store._database.pragma("synchronous"))
            yield

    return watched


def test_what_others_count_on_is_not_left_to_the_next_commit(county, entry):
    desk, store = county.desk(), county.hub.store
    before = store.journal.channel(desk.channel)
    replica = store.stations.replica(desk.keys.replica)
    with pytest.raises(HubError) as refused, store.noting():
        freeze(county.hub, before, replica, "request")
    assert refused.value.code == "hub.busy"
    assert store.journal.channel(desk.channel) == before


def test_one_bad_operation_does_not_block_its_neighbours(county, entry):
    desk = county.desk()
    desk.write("intake_case", entry())
    desk.write("intake_case", entry(applicant_name=""))
    desk.write("intake_case", entry(county_opinion="我自己批"))
    desk.write("intake_case", entry(), form_version=99)
    desk.write("catalogue_item", {"item_name": "x"})
    desk.write("intake_case", entry())
    desk.synchronise()
    assert [desk.verdict(seq) for seq in range(1, 7)] == [
        (Verdict.ACCEPTED, ""),
        (Verdict.REFUSED, "check:applicant_name:required"),
        (Verdict.REFUSED, "author:county_opinion"),
        (Verdict.HELD, "form"),
        (Verdict.REFUSED, "channel"),
        (Verdict.ACCEPTED, ""),
    ]


def test_what_comes_before_its_predecessor_waits_and_is_judged_when_that_comes(
    county, entry, run_of
):
    desk = county.desk()
    records = [desk.write("intake_case", entry()) for _ in range(3)]
    late, early = run_of(desk, 2, 3), run_of(desk, 1, 1)
    _send(desk, [late])
    assert county.hub.store.records.kinds(desk.channel, records) == {}
    _send(desk, [early])
    assert county.hub.store.records.kinds(desk.channel, records).keys() == set(records)
    desk.synchronise()
    assert [desk.verdict(seq)[0] for seq in (1, 2, 3)] == [Verdict.ACCEPTED] * 3


def test_what_waited_is_judged_by_the_records_it_is_about(county, entry, run_of):
    desk = county.desk()
    record = desk.write("intake_case", entry())
    desk.synchronise()
    desk.write("intake_case", entry())
    desk.write("intake_case", {"remark": "补充"}, record)
    _send(desk, [run_of(desk, 3, 3)])
    _send(desk, [run_of(desk, 2, 2)])
    desk.synchronise()
    assert desk.verdict(3) == (Verdict.ACCEPTED, "")
    assert county.hub.store.records.get(desk.channel, record).values["remark"] == "补充"


def test_a_record_keeps_the_form_it_was_created_with(county, entry):
    desk = county.desk()
    desk.synchronise()
    station = county.hub.store.stations.get(desk.certificate.station_code)
    before = county.hub.store.records.get(desk.channel, station.card)
    desk.write("station_change", {"address": "另一条街1号"}, station.card)
    record = desk.write("intake_case", entry())
    desk.write("clerk", {"name": "李四"}, record)
    desk.synchronise()
    assert [desk.verdict(seq) for seq in (1, 2, 3)] == [
        (Verdict.REFUSED, "kind"),
        (Verdict.ACCEPTED, ""),
        (Verdict.REFUSED, "kind"),
    ]
    assert county.hub.store.records.get(desk.channel, station.card) == before


def _send(desk, runs):
    """A request with these very runs, its reply not applied."""
    request = envelope.unpack(desk.payload(), exchange.Request)
    payload = envelope.pack(msgspec.structs.replace(request, runs=runs))
    return desk.open(answer_exchange(desk.hub, desk.seal(payload)), payload)


def test_a_forked_chain_is_frozen_and_both_branches_are_kept(county, entry, run_of):
    desk = county.desk()
    desk.write("intake_case", entry())
    desk.synchronise()
    first = desk.written.pop()
    desk.write("intake_case", entry(applicant_name="另一台"))
    reply = _send(desk, [run_of(desk, 1, 1)])
    assert reply.standing == "frozen"
    names = county.hub.store.operations.names(desk.keys.replica, 1, 1)[1]
    assert set(names) == {first.name, desk.written[0].name}
    before = county.hub.store.journal.channel(desk.channel).position
    _send(desk, [run_of(desk, 1, 1)])
    assert county.hub.store.journal.channel(desk.channel).position == before


def test_no_desk_takes_the_name_of_a_countys_word(county, entry):
    desk = county.desk()
    record = desk.write("intake_case", entry())
    desk.synchronise()
    said = review_case(
        county.hub, county.reviewer, desk.channel, record, "returned", "请补充材料", {}
    )
    before = county.hub.store.records.get(desk.channel, record)
    taken = mint.issue_again(said, operations.Head(desk.keys.replica, 1, b""))
    desk.written.append(taken)
    with pytest.raises(PeerFault) as refused:
        desk.exchange()
    assert refused.value.code == "operation.header"
    assert county.hub.store.records.get(desk.channel, record) == before


def test_a_copy_of_an_act_is_the_same_act_and_nothing_else(county, entry):
    desk = county.desk()
    desk.write("intake_case", entry())
    desk.synchronise()
    (first,) = desk.written

    def copied(body, **header):
        told = msgspec.structs.replace(first.header, seq=2, origin=first.header_bytes, **header)
        desk.written[1:] = [
            operations.Operation(
                told, operations.header_bytes(told), body, operations.digest_of_body(body)
            )
        ]
        answer_exchange(county.hub, desk.seal(desk.payload()))

    with pytest.raises(PeerFault) as refused:
        copied(first.body, stamp=1)
    assert refused.value.code == "operation.header"
    copied(first.body)
    assert desk.stored == 2


def test_an_unknown_replica_is_told_so(county):
    desk = county.desk()
    with county.hub.store.writing():
        county.hub.store.stations._replicas.delete().execute()
    with pytest.raises(HubError) as refused:
        desk.exchange()
    assert refused.value.code == "replica.unknown"


def test_a_desk_never_reads_another_stations_channel(county, entry):
    one, other = county.desk(), county.desk(applicant_unit="邮政局")
    other.write("intake_case", entry())
    other.synchronise()
    one.cursors.append(other.cursors[0])
    reply = one.exchange()
    assert other.channel not in {page.base.channel for page in reply.pages}


def test_a_cursor_of_another_history_gets_a_parted_page_without_items(county, entry):
    desk = county.desk()
    desk.synchronise()
    desk.cursors[0] = msgspec.structs.replace(desk.cursors[0], digest=bytes(32))
    payload = desk.payload()
    reply = desk.open(answer_exchange(county.hub, desk.seal(payload)), payload)
    assert (reply.pages[0].parted, reply.pages[0].items) == ("receipt", [])


def test_two_pcs_of_one_station_see_each_others_entries(county, entry):
    one = county.desk()
    code = issue_code(county.hub, county.reviewer, one.certificate.station_code)
    two = county.enrol(code)
    assert (one.certificate.device_number, two.certificate.device_number) == (1, 2)
    record = one.write("intake_case", entry())
    one.synchronise()
    two.synchronise()
    one.write("intake_case", {"remark": "一号机", "case_status": "returned"}, record)
    two.write("intake_case", {"case_status": "finished"}, record)
    one.synchronise()
    two.synchronise()
    one.synchronise()
    assert one.values(record, "intake_case") == two.values(record, "intake_case")
    stored = county.hub.store.records.get(one.channel, record)
    assert dict(stored.values) == one.values(record, "intake_case")
    assert stored.conflicts == 1


def test_what_was_written_survives_a_restart(county, entry):
    desk = county.desk()
    record = desk.write("intake_case", entry())
    desk.synchronise()
    again = county.reopened()
    desk.hub = again.hub
    desk.write("intake_case", {"remark": "重启之后"}, record)
    desk.synchronise()
    assert again.hub.store.records.get(desk.channel, record).values["remark"] == "重启之后"
    again.hub.store.close()


def test_a_large_push_comes_in_several_requests_and_none_is_lost(county, entry):
    desk = county.desk()
    for _ in range(300):
        desk.write("intake_case", entry())
    desk.exchange(batch_bytes=16 * 1024)
    desk.synchronise()
    assert desk.stored == 300


def test_an_old_request_brought_late_does_not_put_back_the_report(county):
    desk = county.desk()
    old = desk.payload(backlog=7)
    desk.exchange()
    answer_exchange(county.hub, desk.seal(old))
    (replica,) = county.hub.store.stations.replicas_of(desk.certificate.station_code)
    assert replica.report.backlog == 0


def test_many_desks_at_once_lose_and_double_nothing(county, entry):
    stations = [county.open_station(applicant_unit=f"单位{n}") for n in range(3)]
    desks = [county.enrol(each.code) for each in stations]
    desks += [
        county.enrol(issue_code(county.hub, county.reviewer, each.station_code))
        for each in stations
    ]
    for desk in desks:
        for _ in range(40):
            desk.write("intake_case", entry())

    def synchronise(desk):
        try:
            while desk.acknowledged != desk.head:
                desk.exchange(batch_bytes=8 * 1024)
        finally:
            county.hub.store.close()  # this thread's connection

    with ThreadPoolExecutor(len(desks)) as threads:
        list(threads.map(synchronise, desks))
    for desk in desks:
        desk.synchronise()
    for station in stations:
        both = [each for each in desks if each.certificate.station_code == station.station_code]
        assert both[0].cursors == both[1].cursors
        channel = county.hub.store.journal.channel(both[0].channel)
        stored = list(county.hub.store.journal.entries_after(channel.id, 0))
        assert [each.position for each in stored] == list(range(1, channel.position + 1))
        names = [each.operation.identity for each in stored if each.operation]
        standings = county.hub.store.operations.standings(channel.id, names)
        assert [each.verdict for each in standings.values()] == [Verdict.ACCEPTED] * 81


def test_all_threads_write_over_one_connection_and_read_over_their_own(county):
    """Else each would read and decrypt again what another one wrote."""
    store, wrote, read = county.hub.store, [], []
    in_step = Barrier(3)

    def write(_: int) -> None:
        for writing in (store.writing, store.noting):
            with writing():
                wrote.append(id(store._database.connection()))
        read.append(id(store._database.connection()))
        in_step.wait()  # all connections are there at once

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(write, range(3)))
    assert (len(set(wrote)), len({*wrote, *read})) == (1, 4)


def test_a_full_disk_refuses_the_exchange_whole_and_the_next_one_succeeds(county, entry):
    desk = county.desk()
    database = county.hub.store._database
    with county.hub.store.writing():  # the bound is one of the writers' connection
        pages = database.execute_sql("PRAGMA page_count").fetchone()[0]
        database.execute_sql(f"PRAGMA max_page_count = {pages}")
    for _ in range(200):
        desk.write("intake_case", entry())
    with pytest.raises(HubError) as refused:
        desk.exchange()
    assert refused.value.code == "hub.disk_full"
    assert desk.stored == 0
    with county.hub.store.writing():
        database.execute_sql("PRAGMA max_page_count = 1000000")
    desk.synchronise()
    assert desk.stored == 200
