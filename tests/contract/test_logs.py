"""One contract for both ends' stores: a channel's log only grows, without gaps, all or nothing.

The hub appends entries to its journal; a station applies pages of them. Real encrypted stores.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from typing import Any, Protocol

import pytest

from hub_server.app import make_hub, open_hub
from hub_server.errors import HubError
from hub_server.services.enrol_station import new_channel
from hub_server.store import NewEntry
from station_client.errors import StationError
from station_client.services.apply_page import apply_page
from station_client.store import open_store
from sync_protocol import agree
from sync_protocol.channel import Cursor, FreezeEntry, entry_bytes, next_digest
from sync_protocol.pull import EntryItem, Page
from tests.simulation import recompute
from tests.simulation.crashes import Fault, PowerCut, full_disk, struck_by
from tests.station_client import desk


class Log(Protocol):
    """One channel at one end."""

    def append(self, entries: Sequence[bytes]) -> None: ...

    def rows(self) -> list[tuple[int, bytes, bytes]]: ...

    def cursor(self) -> Cursor: ...

    def database(self) -> Any: ...

    def reopen(self) -> None: ...


class HubLog:
    """A region's channel at the hub."""

    def __init__(self, folder: Path) -> None:
        self.hub = make_hub(folder / "hub", "示例县", desk.COUNTY, desk.Clock(), {})
        with self.hub.store.writing():
            self.channel = new_channel(self.hub, "region", f"{desk.COUNTY}9").id

    def append(self, entries: Sequence[bytes]) -> None:
        with self.hub.store.writing():
            locked = self.hub.store.journal.lock_channel(self.channel)
            self.hub.store.journal.append(locked, [NewEntry(each) for each in entries])

    def rows(self) -> list[tuple[int, bytes, bytes]]:
        stored = self.hub.store.journal.entries_after(self.channel, 0)
        return [(each.position, each.data, each.digest) for each in stored]

    def cursor(self) -> Cursor:
        found = self.hub.store.journal.channel(self.channel)
        assert found is not None
        return found.cursor

    def database(self) -> Any:
        return self.hub.store._database

    def reopen(self) -> None:
        self.hub.store.close()
        self.hub = open_hub(self.hub.home, desk.Clock(), {})


class StationLog:
    """The station's own channel on its PC; a hub that only signs."""

    def __init__(self, folder: Path) -> None:
        self.keys = desk.new_hub_keys()
        self.station = desk.a_station(folder / "station", hub=self.keys)

    def append(self, entries: Sequence[bytes]) -> None:
        base = end = self.cursor()
        for each in entries:
            digest = next_digest(end.digest, each)
            end = Cursor(base.channel, base.epoch, end.position + 1, digest)
        receipt = agree.sign_receipt(self.keys.signing, end, desk.NOON)
        apply_page(
            self.station, Page(base, [EntryItem(each) for each in entries], receipt, end.position)
        )

    def rows(self) -> list[tuple[int, bytes, bytes]]:
        sql = "SELECT position, data, digest FROM entry WHERE channel = ? ORDER BY position"
        found = self.station.store.database.rows(sql, self.station.channel)
        return [(row["position"], row["data"], row["digest"]) for row in found]

    def cursor(self) -> Cursor:
        return self.station.store.channels.own().cursor

    def database(self) -> Any:
        return self.station.store.database

    def reopen(self) -> None:
        self.station.close()
        key = self.station.unlocked.data_key
        self.station.store = open_store(self.station.home.database, key)


@pytest.fixture(params=[HubLog, StationLog])
def log(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Log]:
    made = request.param(tmp_path)
    yield made
    made.database().close()


def words(*numbers: int) -> list[bytes]:
    """Entries that are the hub's own words, each different."""
    return [entry_bytes(FreezeEntry(bytes(16), str(n), desk.NOON)) for n in numbers]


def test_positions_follow_one_another_from_one_without_a_gap(log: Log) -> None:
    for size in (1, 3, 2):
        log.append(words(*range(size)))
    assert [position for position, _, _ in log.rows()] == [1, 2, 3, 4, 5, 6]
    assert log.cursor().position == 6


def test_the_cursor_holds_the_digest_of_all_entries_so_far(log: Log) -> None:
    log.append(words(1, 2))
    log.append(words(3))
    expected = recompute.digests(log.cursor().channel, words(1, 2, 3))
    assert [digest for _, _, digest in log.rows()] == expected
    assert log.cursor().digest == expected[-1]


def test_what_has_a_place_keeps_its_bytes_and_its_place(log: Log) -> None:
    log.append(words(1, 2))
    before = log.rows()
    log.append(words(3, 4))
    assert log.rows()[:2] == before


def test_nothing_to_append_changes_nothing(log: Log) -> None:
    log.append(words(1))
    before = log.rows(), log.cursor()
    log.append([])
    assert (log.rows(), log.cursor()) == before


def test_a_log_that_was_closed_holds_the_same_and_goes_on(log: Log) -> None:
    log.append(words(1, 2))
    before = log.rows(), log.cursor()
    log.reopen()
    assert (log.rows(), log.cursor()) == before
    log.append(words(3))
    assert [data for _, data, _ in log.rows()] == words(1, 2, 3)


@pytest.mark.parametrize(
    "fault",
    [
        lambda at: Fault(at, PowerCut),
        lambda at: Fault(at, PowerCut, after=True),
        full_disk,
    ],
    ids=["power", "power after", "full disk"],
)
def test_an_error_at_any_statement_leaves_all_or_nothing_and_the_next_goes_on(
    log: Log, fault: Callable[[int], Fault]
) -> None:
    written: list[bytes] = []
    for at in count(1):
        new = words(at, -at)
        struck = fault(at)
        try:
            with struck_by(struck, log.database()):
                log.append(new)
        except (PowerCut, HubError, StationError):
            log.reopen()
        there = [data for _, data, _ in log.rows()]
        assert there in (written, written + new)
        written = there
        assert log.cursor().position == len(there)
        digests = recompute.digests(log.cursor().channel, there)
        assert not there or log.cursor().digest == digests[-1]
        if not struck.fired:
            break
    assert at > 3
    assert written[-2:] == words(at, -at)
