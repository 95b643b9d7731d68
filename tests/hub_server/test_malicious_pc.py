"""A PC that belongs here and means harm: what it cannot do to the hub, to the desk's other PC and
to the county."""

from dataclasses import replace

import msgspec
import pytest

from hub_server.errors import HubError
from hub_server.outside_journal import EpochDrawn, NumberGiven
from hub_server.services.answer_exchange import answer_exchange
from hub_server.services.introduce import introduce
from hub_server.services.issue_code import issue_code
from hub_server.services.take_stretches import take_stretches
from sync_protocol import channel as protocol
from sync_protocol import envelope, exchange, limits
from sync_protocol.errors import PeerFault
from sync_protocol.exchange import Loss, Rare
from sync_protocol.mint import read_introduction
from tests.hub_server.test_restores import Past, close, go_on


def with_broken_run(desk, rare):
    """Sends a request that says this, and brings a run that is none."""
    payload = desk.payload(rare=rare)
    request = envelope.unpack(payload, exchange.Request)
    run = exchange.Run(bytes(32), [], bytes(64))
    broken = envelope.pack(msgspec.structs.replace(request, runs=[run]))
    with pytest.raises(PeerFault):
        answer_exchange(desk.hub, desk.seal(broken))


def lines_of(hub, kind):
    return [each for each in hub.outside.read() if isinstance(each, kind)]


def test_an_enrolment_mints_so_many_replicas_and_no_more(county, monkeypatch):
    monkeypatch.setattr(limits, "REPLICAS_PER_ENROLMENT", 3)
    desk = county.desk()
    for _ in range(2):
        last = desk.minted()
        last.ask()
    with pytest.raises(HubError) as refused:
        desk.minted().ask()
    assert refused.value.code == "replica.too_many"
    assert last.ask().standing == ""
    assert len(county.hub.store.stations.replicas_of(desk.certificate.station_code)) == 3


def test_who_is_introduced_in_vain_again_and_again_uses_up_one_number(county):
    desk = county.desk()
    before = len(lines_of(county.hub, NumberGiven))
    child = desk.minted()
    for _ in range(3):
        with_broken_run(child, child.rare)
    assert len(lines_of(county.hub, NumberGiven)) == before + 1
    assert child.ask().standing == ""


def test_what_a_receipt_shows_is_kept_whatever_else_a_request_brings(county, entry, tmp_path):
    desk = county.desk()
    desk.synchronise()
    home = county.hub.home
    outside = {name: (home / name).read_bytes() for name in ("hub.witness", "hub.journal")}
    then = Past(county, tmp_path)
    desk.write("intake_case", entry())
    desk.synchronise()
    for name, data in outside.items():  # the whole machine went back
        (home / name).write_bytes(data)
    old, hub = county.hub.epoch, then.put_back()
    desk.hub = hub
    for _ in range(3):
        with_broken_run(desk, Rare(receipts=desk.receipts))
    assert hub.epoch != old
    assert [each.epoch for each in lines_of(hub, EpochDrawn)] == [old, old, hub.epoch]
    go_on(desk, hub)
    hub.store.close()


def test_nobody_mints_a_replica_that_is_the_hubs(county, keys):
    desk = county.desk()
    desk.synchronise()
    before = lines_of(county.hub, NumberGiven)
    for channel in (each.channel for each in desk.certificate.grants):
        own = county.hub.replica_of(channel, county.hub.epoch)
        with pytest.raises(PeerFault) as refused:
            desk.minted(replace(keys(), replica=own)).ask()
        assert refused.value.code == "enrol.certificate"
    assert lines_of(county.hub, NumberGiven) == before


def test_nobody_enrols_as_a_replica_that_is_the_hubs(county, keys):
    desk = county.desk()
    for channel in (each.channel for each in desk.certificate.grants):
        code = issue_code(county.hub, county.reviewer, desk.certificate.station_code)
        own = county.hub.replica_of(channel, county.hub.epoch)
        with pytest.raises(HubError) as refused:
            county.enrol(code, replace(keys(), replica=own))
        assert refused.value.code == "enrol.replica_known"


def test_a_base_that_names_another_epoch_makes_nobodys_words_the_hubs(
    county, entry, tmp_path, keys
):
    desk = county.desk()
    desk.synchronise()
    invented = bytes(range(16))
    own = county.hub.replica_of(desk.channel, invented)
    child = desk.minted(replace(keys(), replica=own))
    child.synchronise()
    then = Past(county, tmp_path)
    child.write("intake_case", entry())
    child.synchronise()
    hub = then.put_back()
    kept = hub.store.journal.channel(desk.channel).position - 1
    (stretch,) = child.go_back(kept)
    base = msgspec.structs.replace(stretch.base, epoch=invented)
    with hub.store.writing():
        take_stretches(hub, [desk.channel], [msgspec.structs.replace(stretch, base=base)])
    (placed,) = hub.store.operations.of_records(
        desk.channel, [child.written[0].header.record]
    ).values()
    assert [each.by_hub for each in placed] == [False]
    hub.store.close()


def test_of_two_that_come_at_once_under_one_id_the_second_is_unknown(county, keys):
    desk = county.desk()
    child = desk.minted()
    child.ask()
    thief = desk.minted(replace(keys(), replica=child.keys.replica))
    hub_public = county.hub.keys.public
    opened = exchange.Opened(
        child.keys.replica,
        envelope.unpack(thief.payload(), exchange.Request),
        bytes(32),
        read_introduction(thief.rare.introduction, hub_public),
    )
    with pytest.raises(HubError) as refused, county.hub.store.writing():
        introduce(county.hub, opened)
    assert refused.value.code == "replica.unknown"


def test_what_a_retired_replica_mints_is_retired(county, entry):
    desk = county.desk()
    desk.synchronise()
    close(county, desk)
    desk.synchronise()
    assert desk.ask(rare=Rare(farewell=True)).standing == "retired"
    child = desk.minted()
    reply = child.ask()
    assert (reply.standing, [page.items for page in reply.pages]) == ("retired", [[]])


def test_who_has_left_gets_no_receipt_in_an_epoch_of_its_own_making(county):
    desk = county.desk()
    desk.synchronise()
    close(county, desk)
    desk.synchronise()
    desk.ask(rare=Rare(farewell=True))
    honest = desk.cursors[0]
    desk.cursors[0] = protocol.Cursor(honest.channel, bytes(16), honest.position, honest.digest)
    (page,) = desk.ask().pages
    assert page.receipt.cursor == honest


def test_losses_of_replicas_that_never_were_are_bounded(county, monkeypatch):
    monkeypatch.setattr("hub_server.store.losses.DECLARED_PER_REPLICA", 3)
    desk = county.desk()
    invented = [Loss(bytes([n]) * 16, 1, 1) for n in range(1, 9)]
    desk.ask(rare=Rare(losses=[*invented, Loss(desk.keys.replica, 1, 1)]))
    told = [each.replica for each in county.hub.store.losses.missing()]
    assert desk.keys.replica in told
    assert len(told) == 4


def test_bodies_that_nobody_ever_had_do_not_hide_that_an_accepted_one_is_missing(
    county, entry, monkeypatch
):
    monkeypatch.setattr("hub_server.services.answer_exchange.LACKS_PER_REPLY", 1)
    desk = county.desk()
    for _ in range(3):
        desk.write("intake_case", entry())
        desk.written[-1] = msgspec.structs.replace(desk.written[-1], body=None)
    desk.write("intake_case", entry())
    desk.synchronise()
    gone = desk.written[-1]
    with county.hub.store.writing():
        county.hub.store._database.execute_sql(
            "UPDATE operation SET body = NULL WHERE name = ?", (gone.name,)
        )
    assert desk.ask().lacks == [gone.body_digest]
