"""A liar with a good key, at either end of the exchange: the real programs on their real stores.

Nothing but coded refusals comes out, and afterwards the hub's books are in order.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hub_server.accounts import Account
from hub_server.app import make_hub
from hub_server.services import enrol_station
from hub_server.services.check_history import journal_faults, record_faults
from station_client import key_slot
from sync_protocol import channel
from tests import figures
from tests.fuzz import at_the_hub, at_the_station
from tests.fuzz.leaks import feed, told
from tests.fuzz.protocol_readers import ENTRIES
from tests.hub_server.conftest import COUNTY, Clock, County


@pytest.fixture
def county(tmp_path: Path) -> Iterator[County]:
    clock = Clock()
    people = [
        Account(name.encode().ljust(16), name, name, COUNTY)
        for name in ("admin", "reviewer", "operator")
    ]
    hub = make_hub(tmp_path / "hub", "高平市政务服务平台", COUNTY, clock, {})
    with closing(hub.store):
        with hub.store.writing():
            for each in people:
                hub.store.people.add(each, "no password", clock())
        yield County(hub, clock, *people)


@pytest.mark.timeout(1200)
def test_no_request_makes_the_hub_say_anything_but_a_code(
    county: County, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(enrol_station, "FAILURES_ALLOWED", 10**9)  # one code is guessed at
    readers = list(at_the_hub.readers(at_the_hub.Office(county)))
    found = sum((feed(each, each.mutations) for each in readers), Counter[str]())
    assert list(journal_faults(county.hub, None)) == []
    assert list(record_faults(county.hub, None)) == []
    figures.note("mutated requests at the hub", readers=len(readers), **told(found))


@pytest.mark.timeout(1200)
def test_nothing_that_is_rarely_said_makes_the_hub_say_anything_but_a_code(county: County) -> None:
    readers = list(at_the_hub.rare_readers(at_the_hub.Office(county)))
    found = sum((feed(each, each.mutations) for each in readers), Counter[str]())
    figures.note("mutated claims at the hub", readers=len(readers), **told(found))


@pytest.mark.timeout(1200)
def test_no_reply_stops_a_station_with_anything_but_a_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_slot, "ARGON2_MEMORY_KIB", 64)
    entries = [channel.entry_bytes(each) for each in ENTRIES]
    with closing(at_the_station.Place(tmp_path)) as place:
        readers = list(at_the_station.readers(place, entries))
        found = sum((feed(each, each.mutations) for each in readers), Counter[str]())
    figures.note("mutated replies at the station", readers=len(readers), **told(found))
