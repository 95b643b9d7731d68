"""The tail witness: a store that lost its end is noticed at the start; what is lost is declared."""

import shutil
from pathlib import Path

import pytest

import forms
from station_client.errors import StationError
from station_client.services.carry_courier import write_request
from station_client.services.record_entry import record_entry
from station_client.services.writing import compose
from station_client.station import Station
from station_client.store import open_store
from station_client.vault import Unlocked, Vault
from station_client.witness import SLOT_BYTES, Witness
from sync_protocol import operations
from sync_protocol.exchange import Loss
from sync_protocol.operations import Head, Write
from tests.station_client import desk


def open_again(station: Station) -> Station:
    """The same folder, after the program has ended."""
    station.close()
    store = open_store(station.home.database, station.unlocked.data_key)
    vault, unlocked = Vault.open(station.home), Unlocked(b"k" * 16, station.unlocked.data_key)
    return Station.open(
        station.home,
        vault,
        unlocked,
        store,
        forms.builtin(),
        desk.Clock(),
        lambda _: desk.NoNetwork(),
    )


@pytest.fixture
def station(tmp_path: Path) -> Station:
    return desk.a_station(tmp_path)


def put_back(station: Station, copy: Path) -> None:
    """The store as it was when `copy` was made; the witness stays as it is."""
    station.store.close()
    for each in station.home.folder.glob("station.db*"):
        each.unlink()
    shutil.copy(copy, station.home.database)


def test_every_save_is_seen_by_the_witness_before_it_returns(station: Station) -> None:
    for _ in range(3):
        record_entry(station, "intake_case", desk.a_case())
        head = station.store.journal.own_head(station.keys.replica)
        assert Witness(station.home.witness).seen == head


def test_a_store_that_kept_everything_goes_on_as_it_was(station: Station) -> None:
    record_entry(station, "intake_case", desk.a_case())
    again = open_again(station)
    assert again.keys == station.keys
    assert again.store.facts.losses(9) == []


def test_a_store_that_lost_its_end_goes_on_under_a_new_replica_and_says_what_is_lost(
    station: Station, tmp_path: Path
) -> None:
    record_entry(station, "intake_case", desk.a_case())
    station.store.copied_into(tmp_path / "earlier", station.store.extent())
    for _ in range(2):
        record_entry(station, "intake_case", desk.a_case())
    put_back(station, tmp_path / "earlier")
    again = open_again(station)
    assert again.keys.replica != b"1" * 16
    assert again.identity.past == (b"1" * 16,)
    assert again.store.facts.losses(9) == [Loss(b"1" * 16, 2, 3)]
    record_entry(again, "intake_case", desk.a_case())
    assert again.store.journal.own_head(again.keys.replica).seq == 2  # after the copy of the first
    assert open_again(again).keys == again.keys


def test_what_was_written_under_a_name_that_another_copy_of_the_store_has_left_is_declared(
    station: Station, tmp_path: Path
) -> None:
    record_entry(station, "intake_case", desk.a_case())
    station.store.copied_into(tmp_path / "image", station.store.extent())
    witness = shutil.copy(station.home.witness, tmp_path / "seen")
    station.mint()
    station.store.copied_into(tmp_path / "minted", station.store.extent())
    station.close()
    put_back(station, tmp_path / "image")  # the whole machine: nothing on it shows that
    shutil.copy(witness, station.home.witness)
    branch = open_again(station)
    for _ in range(2):
        record_entry(branch, "intake_case", desk.a_case())
    branch.close()
    put_back(branch, tmp_path / "minted")
    again = open_again(branch)
    assert again.store.facts.losses(9) == [Loss(b"1" * 16, 2, 3)]
    assert open_again(again).keys == again.keys


def test_a_pc_that_minted_and_was_cut_off_before_the_witness_was_told_goes_on(
    station: Station, tmp_path: Path
) -> None:
    record_entry(station, "intake_case", desk.a_case())
    station.store.copied_into(tmp_path / "earlier", station.store.extent())
    record_entry(station, "intake_case", desk.a_case())
    witness = shutil.copy(station.home.witness, tmp_path / "seen")
    put_back(station, tmp_path / "earlier")
    minted = open_again(station)
    minted.close()
    shutil.copy(witness, station.home.witness)
    again = open_again(minted)
    assert again.keys == minted.keys
    assert again.store.facts.losses(9) == [Loss(b"1" * 16, 2, 2)]


def test_a_store_that_is_ahead_is_normal(station: Station, tmp_path: Path) -> None:
    record_entry(station, "intake_case", desk.a_case())
    earlier = shutil.copy(station.home.witness, tmp_path / "earlier")
    record_entry(station, "intake_case", desk.a_case())
    station.close()
    shutil.copy(earlier, station.home.witness)
    assert open_again(station).keys == station.keys


def test_a_witness_that_is_gone_is_noticed(station: Station) -> None:
    station.home.witness.unlink()
    again = open_again(station)
    assert again.keys.replica != station.keys.replica
    assert again.store.facts.losses(9) == []


@pytest.mark.parametrize("slot", [0, 1])
def test_one_slot_that_is_cut_leaves_the_other(tmp_path: Path, slot: int) -> None:
    heads = [Head(b"1" * 16, seq, bytes([seq]) * 32) for seq in (1, 2)]
    witness = Witness(tmp_path / "witness")
    for each in heads:
        witness.note(each)
    witness.close()
    content = bytearray((tmp_path / "witness").read_bytes())
    content[slot * SLOT_BYTES + 20 : slot * SLOT_BYTES + 60] = bytes(40)
    (tmp_path / "witness").write_bytes(content)
    assert Witness(tmp_path / "witness").seen == heads[slot]


def test_a_write_that_is_taken_back_is_not_witnessed(station: Station) -> None:
    record_entry(station, "intake_case", desk.a_case())
    seen = Witness(station.home.witness).seen

    def fail() -> None:
        with station.store.writing():
            record_entry(station, "intake_case", desk.a_case())
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    station.store.facts.keep_shown_by("somebody")
    assert Witness(station.home.witness).seen == seen


def test_a_pc_whose_witness_fails_while_it_mints_goes_on_as_what_its_store_says(
    station: Station,
) -> None:
    record_entry(station, "intake_case", desk.a_case())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(station.witness, "note", _refuse)
        with pytest.raises(StationError):
            station.mint()
    assert station.identity == station.store.facts.identity()
    record_entry(station, "intake_case", desk.a_case())
    assert station.store.journal.own_head(station.keys.replica).seq == 2
    assert open_again(station).keys == station.keys


def _refuse(head: Head) -> None:
    raise StationError("home.disk_full", file="witness")


def test_a_witness_that_cannot_be_written_is_told_at_the_start_and_not_after_each_save(
    station: Station,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Witness, "note", lambda witness, head: _refuse(head))
        with pytest.raises(StationError) as told:
            open_again(station)
    assert told.value.code == "home.disk_full"


def test_what_the_witness_could_not_be_told_is_saved_once_and_told_before_more_is_sent(
    station: Station,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(station.witness, "note", _refuse)
        record_entry(station, "intake_case", desk.a_case())
        with pytest.raises(StationError) as told:
            write_request(station)
    assert told.value.code == "home.disk_full"
    write_request(station)
    head = station.store.journal.own_head(station.keys.replica)
    assert (head.seq, Witness(station.home.witness).seen) == (1, head)


def test_a_pc_that_was_cut_off_between_hearing_of_a_fork_and_minting_mints_at_the_start(
    station: Station,
) -> None:
    """Else what is saved before the next exchange takes a seq that is taken."""
    head = operations.empty_head(station.keys.replica)
    form = station.forms.latest("intake_case")
    told = compose(station, head, form, b"t" * 16, [Write("alive", "")])
    with station.store.writing():
        station.store.journal.add_received(station.channel, [told], set())
    again = open_again(station)
    assert again.identity.past == (told.header.replica,)
    assert again.store.facts.losses(9) == []


def test_what_was_erased_before_it_was_sent_keeps_no_minted_pc_waiting(station: Station) -> None:
    record = record_entry(station, "intake_case", desk.a_case())
    with station.store.writing():
        station.store.bodies.erase(station.channel, [record])
    station.mint()
    assert not station.has_to_issue_again()
    assert station.store.journal.all_sent(station.keys.replica)
    assert station.store.journal.totals(station.keys.replica).pending == 0
