"""The exchange on a stick: what comes back, what is still open, and which files are refused."""

from collections.abc import Callable
from pathlib import Path

import pytest

from station_client.errors import StationError
from station_client.services.carry_courier import read_courier, read_reply, write_request
from station_client.services.exchange_with_hub import (
    exchange_with_hub,
    note_failure,
    prepare_request,
)
from station_client.services.read_status import read_status
from station_client.services.record_entry import record_entry
from station_client.station import Station
from station_client.store.channels import REQUESTS_KEPT
from sync_protocol import courier
from tests.station_client import desk
from tests.station_client.fake_hub import FakeHub


@pytest.fixture
def hub() -> FakeHub:
    return FakeHub(desk.Clock())


@pytest.fixture
def station(tmp_path: Path, hub: FakeHub) -> Station:
    return a_pc(tmp_path / "a", hub, b"1" * 16)


def a_pc(folder: Path, hub: FakeHub, replica: bytes) -> Station:
    station = desk.a_station(folder, hub=hub.keys, replica=replica, clock=hub.clock)
    hub.know(station)
    return station


def answered(hub: FakeHub, file: bytes) -> bytes:
    return courier.frame(hub.exchange(courier.unframe(file)))


def test_a_reply_brings_receipts_and_verdicts_like_a_network(
    station: Station, hub: FakeHub
) -> None:
    record_entry(station, "intake_case", desk.a_case())
    file = write_request(station)
    waiting = read_courier(station)
    assert (waiting.awaited, waiting.unconfirmed) == ((desk.NOON,), 1)
    done = read_reply(station, answered(hub, file))
    assert (done.pushed, done.refused, done.synchronised) == (1, 0, True)
    state = read_courier(station)
    assert (state.awaited, state.is_complete) == ((), True)
    assert read_status(station).last_receipt_hub_time == desk.NOON


def test_a_desk_that_has_received_nothing_yet_does_not_call_that_complete(
    station: Station, hub: FakeHub
) -> None:
    assert read_courier(station).is_starting
    for _ in range(3):
        read_reply(station, answered(hub, write_request(station)))
    assert read_courier(station).is_complete


def test_a_desk_that_the_county_keeps_waiting_does_not_call_that_complete(
    station: Station, hub: FakeHub
) -> None:
    for _ in range(3):
        read_reply(station, answered(hub, write_request(station)))
    hub.standing = "waiting"
    read_reply(station, answered(hub, write_request(station)))
    assert read_courier(station).is_at_odds
    assert not read_courier(station).is_complete


def test_a_desk_that_was_put_back_does_not_call_complete_what_was_so_then(
    station: Station, hub: FakeHub
) -> None:
    for _ in range(3):
        read_reply(station, answered(hub, write_request(station)))
    station.mint()
    assert not read_courier(station).is_complete
    read_reply(station, answered(hub, write_request(station)))
    assert read_courier(station).is_complete


def test_what_was_written_since_is_still_open(station: Station, hub: FakeHub) -> None:
    file = write_request(station)
    record_entry(station, "intake_case", desk.a_case())
    read_reply(station, answered(hub, file))
    assert read_courier(station).unconfirmed == 1
    assert not read_courier(station).is_complete


def test_a_reply_that_holds_only_a_part_says_that_more_is_there(
    station: Station, hub: FakeHub
) -> None:
    station.transport = hub
    hub.publish(1)
    exchange_with_hub(station)
    hub.publish(40)
    hub.page_budget = 4000
    read_reply(station, answered(hub, write_request(station)))
    behind = read_courier(station).behind
    assert 0 < behind < 40
    hub.page_budget = 1024 * 1024
    read_reply(station, answered(hub, write_request(station)))
    assert read_courier(station).behind == 0


def test_an_older_reply_that_comes_late_is_read_too(station: Station, hub: FakeHub) -> None:
    record_entry(station, "intake_case", desk.a_case())
    first = answered(hub, write_request(station))
    second = write_request(station)
    read_reply(station, first)
    read_reply(station, answered(hub, second))
    assert read_courier(station).awaited == ()


def test_a_reply_is_read_however_often_the_line_was_tried_meanwhile(
    station: Station, hub: FakeHub
) -> None:
    record_entry(station, "intake_case", desk.a_case())
    file = write_request(station)
    for _ in range(2):
        station.has_asked = False  # as after a start: the numbers that were reserved are passed by
        prepare_request(station, "http")
    for _ in range(REQUESTS_KEPT):
        prepare_request(station, "http")
    assert read_reply(station, answered(hub, file)).pushed == 1


def test_a_stick_carries_everything_however_bad_the_line_is(station: Station, hub: FakeHub) -> None:
    for _ in range(5):
        record_entry(station, "intake_case", desk.a_case())
    for _ in range(20):
        note_failure(station, "transport.down")
    assert read_reply(station, answered(hub, write_request(station))).pushed == 5


def test_of_the_files_that_nobody_answered_so_many_are_awaited(station: Station) -> None:
    for _ in range(REQUESTS_KEPT + 2):
        write_request(station)
    assert len(read_courier(station).awaited) == REQUESTS_KEPT


CHANGES: dict[str, tuple[str, Callable[[bytes], bytes]]] = {
    "cut": ("courier.damaged", lambda file: file[:-1]),
    "cut in the head": ("courier.damaged", lambda file: file[:20]),
    "a flipped bit": (
        "courier.damaged",
        lambda file: file[:-9] + bytes([file[-9] ^ 1]) + file[-8:],
    ),
    "another program's": ("courier.foreign", lambda file: b"PK\3\4" + file),
    "empty": ("courier.damaged", lambda file: b""),
    "not an envelope": ("envelope.not_ours", lambda file: courier.frame(b"x" * 300)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_damaged_or_foreign_file_is_told_apart_and_changes_nothing(
    station: Station, hub: FakeHub, change: str
) -> None:
    code, made = CHANGES[change]
    reply = answered(hub, write_request(station))
    with pytest.raises(StationError) as told:
        read_reply(station, made(reply))
    assert told.value.code == code
    assert told.value.words().endswith("。")
    assert read_courier(station).awaited != ()
    read_reply(station, reply)


def test_ones_own_file_is_not_the_reply(station: Station) -> None:
    with pytest.raises(StationError) as told:
        read_reply(station, write_request(station))
    assert told.value.code == "courier.kind"
    assert "站点的同步包" in told.value.words()


@pytest.mark.parametrize("is_awaiting", [True, False])
def test_the_reply_to_another_pc_is_told_whether_or_not_one_is_awaited(
    station: Station, hub: FakeHub, tmp_path: Path, is_awaiting: bool
) -> None:
    other = a_pc(tmp_path / "b", hub, b"2" * 16)
    reply = answered(hub, write_request(other))
    if is_awaiting:
        write_request(station)
    with pytest.raises(StationError) as told:
        read_reply(station, reply)
    assert told.value.code == "envelope.receiver"


def test_a_forged_reply_is_refused(station: Station, hub: FakeHub) -> None:
    another_county = FakeHub(desk.Clock())
    another_county.know(station)
    file = write_request(station)
    data = courier.unframe(file)
    another_county.keys = hub.keys
    genuine = another_county.exchange(data)
    forged = genuine[:-1] + bytes([genuine[-1] ^ 1])
    with pytest.raises(StationError) as told:
        read_reply(station, courier.frame(forged))
    assert told.value.code == "envelope.signature"


def test_a_reply_that_is_read_again_changes_nothing_and_says_so(
    station: Station, hub: FakeHub
) -> None:
    record_entry(station, "intake_case", desk.a_case())
    reply = answered(hub, write_request(station))
    read_reply(station, reply)
    before = station.store.channels.all()
    with pytest.raises(StationError) as told:
        read_reply(station, reply)
    assert told.value.code == "courier.answered"
    assert station.store.channels.all() == before


def test_a_reply_to_whom_this_pc_was_before_says_what_to_do(station: Station, hub: FakeHub) -> None:
    record_entry(station, "intake_case", desk.a_case())
    reply = answered(hub, write_request(station))
    station.mint()
    with pytest.raises(StationError) as told:
        read_reply(station, reply)
    assert told.value.code == "courier.former"
    assert "请重新导出同步包" in told.value.words()
    assert read_reply(station, answered(hub, write_request(station))).synchronised


def test_a_network_that_came_meanwhile_does_no_harm(station: Station, hub: FakeHub) -> None:
    record_entry(station, "intake_case", desk.a_case())
    reply = answered(hub, write_request(station))
    station.transport = hub
    exchange_with_hub(station)
    assert read_reply(station, reply).pushed == 0
    assert read_courier(station).is_complete
