"""Every step of both programs that writes is all or nothing, wherever an error strikes it.

An error is put at statement 1, 2, 3 … until the step runs through without meeting it. Before that
everything in the store is as it was, or as it is after the step; then the same call again works.
"""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.services.answer_exchange import answer_exchange
from station_client.errors import StationError
from station_client.services.amend_entry import amend_entry
from station_client.services.apply_page import apply_page
from station_client.services.exchange_with_hub import prepare_request
from station_client.services.record_entry import record_entry
from station_client.station import Station
from sync_protocol import exchange
from sync_protocol.pull import Page
from tests.simulation.cast import START_MS, Cast, DirectLine, Pc, make_cast, start_hub
from tests.simulation.crashes import Fault, PowerCut, full_disk, struck_by
from tests.station_client.desk import a_case, a_helper_case

FAULTS: dict[str, Callable[[int], Fault]] = {
    "power": lambda at: Fault(at, PowerCut),
    "power after the statement": lambda at: Fault(at, PowerCut, after=True),
    "full disk": full_disk,
}


class Line(DirectLine):
    def exchange(self, data: bytes) -> bytes:
        return answer_exchange(self.hub, data)


@pytest.fixture(scope="module")
def cast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cast]:
    with pytest.MonkeyPatch.context() as patch:
        yield make_cast(tmp_path_factory.mktemp("cast"), patch)


@pytest.fixture(params=FAULTS)
def fault(request: pytest.FixtureRequest) -> Callable[[int], Fault]:
    return FAULTS[request.param]


@pytest.fixture
def ends(cast: Cast, tmp_path: Path) -> Iterator[tuple[Hub, list[Pc]]]:
    """A hub and its PCs, switched on."""
    pcs = cast.placed_in(tmp_path / "world")
    hub = start_hub(tmp_path / "world", lambda: START_MS, is_newer=False)
    for pc in pcs:
        pc.start(lambda: START_MS, Line(hub))
    yield hub, pcs
    for pc in pcs:
        pc.stop()
    hub.store.close()


def contents(database: Any) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every table."""
    sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    tables = [name for (name,) in database.execute_sql(sql).fetchall()]
    return {t: database.execute_sql(f'SELECT * FROM "{t}"').fetchall() for t in tables}


def struck_everywhere(
    database: Any, fault: Callable[[int], Fault], step: Callable[[], object]
) -> list[tuple[Any, Any]]:
    """(contents before, contents after) each time an error struck; the last step meets none."""
    found: list[tuple[Any, Any]] = []
    for at in count(1):
        struck, before = fault(at), contents(database)
        try:
            with struck_by(struck, database):
                step()
        except PowerCut:
            database.close()  # what was not committed goes with the connection
        except (HubError, StationError):
            assert struck.fired
        if not struck.fired:
            return found
        found.append((before, contents(database)))
    raise AssertionError


def operations_and_records(there: dict[str, list[tuple[Any, ...]]]) -> tuple[int, int]:
    return len(there["operation"]), len(there["record"])


def test_recording_is_all_or_nothing(
    ends: tuple[Hub, list[Pc]], fault: Callable[[int], Fault]
) -> None:
    station = ends[1][0].station

    def step() -> None:
        record_entry(station, "intake_case", a_case())

    found = struck_everywhere(station.store.database, fault, step)
    assert len(found) > 2
    for before, after in found:
        operations, records = operations_and_records(before)
        assert after == before or operations_and_records(after) == (operations + 1, records + 1)
    _demand_whole(station)


def test_amending_is_all_or_nothing(
    ends: tuple[Hub, list[Pc]], fault: Callable[[int], Fault]
) -> None:
    station = ends[1][0].station
    record = record_entry(station, "intake_case", a_case())
    texts = (f"第{n}次" for n in count())

    def step() -> None:
        amend_entry(station, record, {"remark": next(texts)})

    found = struck_everywhere(station.store.database, fault, step)
    assert len(found) > 2
    for before, after in found:
        operations, records = operations_and_records(before)
        assert after == before or operations_and_records(after) == (operations + 1, records)
    _demand_whole(station)


def _demand_whole(station: Station) -> None:
    """Each operation stands in the outbox and in its record's row, and the chain goes on."""
    _, unsent = station.store.journal.outbox(station.keys.replica, 1000)
    sent = [operation.header for operation in unsent]
    assert [header.seq for header in sent] == list(range(1, len(sent) + 1))
    for row in station.store.records.all(station.channel):
        about = [header for header in sent if header.record == row.id]
        assert row.pending == len(about)


def test_a_page_is_applied_whole_or_not_at_all(
    ends: tuple[Hub, list[Pc]], fault: Callable[[int], Fault]
) -> None:
    hub, (first, second, _, third) = ends
    for _ in range(3):
        record_entry(first.station, "helper_case", a_helper_case())
    for each in (first, second, third):
        _push(hub, each.station)
    page, untroubled = _page(hub, second.station), third.station
    apply_page(untroubled, _page(hub, untroubled))
    database = second.station.store.database
    start = contents(database)
    found = struck_everywhere(database, fault, lambda: apply_page(second.station, page))
    end = contents(database)
    assert len(found) > 5
    assert all(each in (start, end) for struck in found for each in struck)
    assert _channel_contents(second.station) == _channel_contents(untroubled)
    assert apply_page(second.station, page) is None  # it does not continue from the cursor any more
    assert contents(database) == end


def test_a_request_is_answered_whole_or_not_at_all(
    ends: tuple[Hub, list[Pc]], fault: Callable[[int], Fault]
) -> None:
    hub, (first, *_) = ends
    for _ in range(3):
        record = record_entry(first.station, "intake_case", a_case())
        amend_entry(first.station, record, {"remark": "补充"})
    request = prepare_request(first.station, "http").data
    database = hub.store._database
    start = contents(database)
    found = struck_everywhere(database, fault, lambda: answer_exchange(hub, request))
    end = contents(database)
    assert len(found) > 5
    assert len(end["operation"]) == len(start["operation"]) + 7  # and the clerk's own card
    assert all(each in (start, end) for struck in found for each in struck)


def _push(hub: Hub, station: Station) -> None:
    answer_exchange(hub, prepare_request(station, "http").data)


def _page(hub: Hub, station: Station) -> Page:
    """The next page of the station's own channel."""
    prepared = prepare_request(station, "http")
    data = answer_exchange(hub, prepared.data)
    return exchange.open_reply(data, station.keys, station.hub, prepared.digest).pages[0]


def _channel_contents(station: Station) -> list[Any]:
    """What every PC of the station must hold of the channel."""
    queries = (
        "SELECT position, data, digest FROM entry ORDER BY channel, position",
        "SELECT name, position, verdict, code, effective FROM operation ORDER BY name",
        "SELECT * FROM record ORDER BY id",
    )
    return [station.store.database.rows(sql) for sql in queries]
