"""Witness and journal: two files outside the database, damaged by crashes and by disks."""

import os

import pytest

from hub_server.errors import HubError
from hub_server.outside_journal import Found, Lost, NumberGiven, OutsideJournal
from hub_server.services.list_losses import news, still_lost
from hub_server.store import Channel
from hub_server.witness import Witness

HERE, EPOCH, LATER = bytes(16), bytes([1] * 16), bytes([2] * 16)


def a_channel(name: int, position: int) -> Channel:
    return Channel(bytes([name] * 16), "station", "140581", None, EPOCH, position, bytes(32))


def test_what_was_added_is_read_in_order(tmp_path):
    journal = OutsideJournal(tmp_path / "hub.journal")
    assert journal.read() == []
    journal.add(NumberGiven("140581001"), NumberGiven("140581002"))
    journal.add(Lost(HERE, EPOCH, 1, 9))
    assert journal.read() == [
        NumberGiven("140581001"),
        NumberGiven("140581002"),
        Lost(HERE, EPOCH, 1, 9),
    ]


def test_a_line_that_a_crash_cut_short_is_left_out_and_overwritten(tmp_path):
    journal = OutsideJournal(tmp_path / "hub.journal")
    journal.add(NumberGiven("140581001"))
    whole = journal.path.read_bytes()
    journal.path.write_bytes(whole + whole[:-9])
    assert journal.read() == [NumberGiven("140581001")]
    journal.add(NumberGiven("140581002"))
    assert journal.read() == [NumberGiven("140581001"), NumberGiven("140581002")]


def test_a_damaged_line_stops_the_hub_and_is_named(tmp_path):
    journal = OutsideJournal(tmp_path / "hub.journal")
    journal.add(NumberGiven("140581001"), NumberGiven("140581002"))
    journal.path.write_bytes(journal.path.read_bytes().replace(b"581001", b"581009"))
    with pytest.raises(HubError) as refused:
        journal.read()
    assert (refused.value.code, refused.value.facts["line"]) == ("hub.journal", 1)


def test_the_witness_says_where_each_channel_stood_last(tmp_path):
    path = tmp_path / "hub.witness"
    Witness(path).note([a_channel(1, 5), a_channel(2, 6)])
    other = Witness(path)  # another process
    other.note([a_channel(3, 1), a_channel(2, 7)])
    Witness(path).note([a_channel(1, 8)])
    stood = Witness(path).read()
    assert {name[0]: each.position for name, each in stood.items()} == {1: 8, 2: 7, 3: 1}


def test_a_damaged_slot_says_nothing_and_its_channel_gets_another(tmp_path):
    path = tmp_path / "hub.witness"
    Witness(path).note([a_channel(1, 5), a_channel(2, 6)])
    with path.open("r+b") as file:
        file.seek(20)
        file.write(os.urandom(8))
    assert [name[0] for name in Witness(path).read()] == [2]
    Witness(path).note([a_channel(1, 9)])
    assert {name[0]: each.position for name, each in Witness(path).read().items()} == {2: 6, 1: 9}


def test_a_witness_that_vanishes_while_the_hub_runs_is_made_again(tmp_path):
    witness = Witness(tmp_path / "hub.witness")
    witness.note([a_channel(1, 5)])
    witness.path.unlink()
    witness.note([a_channel(1, 6)])
    assert [each.position for each in witness.read().values()] == [6]


def test_what_was_found_is_struck_out_of_what_was_lost():
    lines = [
        Lost(HERE, EPOCH, 11, 20),
        Found(HERE, EPOCH, 13, 14),
        Found(HERE, EPOCH, 20, 25),
        Lost(HERE, EPOCH, 30, 31),
    ]
    assert still_lost(lines) == {(HERE, EPOCH): [(11, 12), (15, 19), (30, 31)]}


def test_what_an_earlier_epoch_signed_is_found_in_the_history_that_went_on_from_it():
    lines = [Lost(HERE, LATER, 11, 20), Found(HERE, EPOCH, 11, 12), Found(HERE, LATER, 13, 20)]
    assert still_lost(lines) == {}


def test_what_is_found_and_was_not_lost_is_no_news():
    lines = [Lost(HERE, EPOCH, 11, 20)]
    found = [Found(HERE, EPOCH, 1, 10), Found(HERE, EPOCH, 11, 12), Found(HERE, EPOCH, 11, 12)]
    assert news(lines, found) == [Found(HERE, EPOCH, 11, 12)]
