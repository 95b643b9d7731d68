"""A damaged file of a station is noticed, never believed: its database, the write-ahead log beside
it, a backup, the vault, the tail witness.

Noticed is: the start refuses it by a code; or the station goes on under a new replica, because the
witness saw more than the store holds. The engine alone opens a log that lost its end, and says
nothing.
"""

import os
import pickle
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from random import Random
from time import perf_counter

import pytest

from station_client.app import station_of
from station_client.errors import StationError
from station_client.home import Home
from station_client.services.back_up import back_up
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.record_entry import record_entry
from station_client.station import Station
from station_client.store.connection import Database
from station_client.vault import Vault
from tests.disk.adding_up import Fact, facts_of_store, faults_between, faults_of_store
from tests.disk.stage import DESK, Stage, placed
from tests.figures import note, volume
from tests.simulation.cast import Cast
from tests.station_client.desk import a_helper_case

PAGE, SECTOR = 4096, 512
CASES = volume(12, 100)
"""Of each kind of harm to each file."""
CASES_OF_A_CONTROL = 12

Harm = Callable[[bytes, Random], bytes]

SHARED_MEMORY = shutil.ignore_patterns("*-shm")  # no power cut leaves it


def a_bit_flips(content: bytes, dice: Random) -> bytes:
    at, changed = dice.randrange(len(content)), bytearray(content)
    changed[at] ^= 1 << dice.randrange(8)
    return bytes(changed)


def a_page_is_zeros(content: bytes, dice: Random) -> bytes:
    at = dice.randrange(-(-len(content) // PAGE)) * PAGE
    return (content[:at] + bytes(PAGE) + content[at + PAGE :])[: len(content)]


def a_sector_is_noise(content: bytes, dice: Random) -> bytes:
    at = dice.randrange(-(-len(content) // SECTOR)) * SECTOR
    return (content[:at] + dice.randbytes(SECTOR) + content[at + SECTOR :])[: len(content)]


def the_end_is_cut(content: bytes, dice: Random) -> bytes:
    return content[: dice.randrange(len(content))]


def two_pages_change_places(content: bytes, dice: Random) -> bytes:
    one, other = sorted(dice.sample(range(len(content) // PAGE), 2))
    pages = [content[at : at + PAGE] for at in range(0, len(content), PAGE)]
    pages[one], pages[other] = pages[other], pages[one]
    return b"".join(pages)


HARMS: list[Harm] = [
    a_bit_flips, a_page_is_zeros, a_sector_is_noise, the_end_is_cut, two_pages_change_places
]  # fmt: skip


FILES = {
    "database": HARMS,
    "write-ahead log": HARMS,
    "backup": HARMS,
    "vault": HARMS[:-1],  # it is smaller than two pages
}


@dataclass
class Scene:
    """A desk's folder as some accident finds it, and the file that is harmed in it."""

    cast: Cast
    folder: Path
    file: str

    def harmed(self, folder: Path, harm: Harm, dice: Random) -> Path:
        """A copy of it with that harm."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder, folder)
        path = folder / self.file
        path.write_bytes(harm(path.read_bytes(), dice))
        return folder

    def outcome(self, folder: Path) -> tuple[str, list[Fact]]:
        """What its start says, and how far its store reaches: nowhere, if it is met only then."""
        home = Home(folder, "0" * 32)
        try:
            station = station_of(home, Vault.open(home), self.cast.keys[DESK])
        except StationError as told:
            return told.code, []
        try:
            minted = "a new replica" if station.identity.past else ""
            return minted, facts_of_store(station.store)
        except StationError:
            return minted, []
        finally:
            station.close()


@pytest.fixture(scope="module")
def scenes(cast: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Scene]:
    """A desk that was switched off; one whose power went, so that its newest entries are in the log
    alone; and one into which a backup was put back."""
    made: Cast = pickle.loads(cast.read_bytes())
    folder = tmp_path_factory.mktemp("damage")
    stage = placed(made, folder / "busy")
    stage.other_writes(4)
    record(stage, 12)
    exchange_with_hub(stage.station())
    stage.switch_off(DESK)
    off = shutil.copytree(stage.folder / DESK, folder / "off")
    record(stage, 12)
    power_gone = shutil.copytree(stage.folder / DESK, folder / "gone", ignore=SHARED_MEMORY)
    back_up(stage.station(), folder / "copy.db")
    stage.switch_off()
    restored = shutil.copytree(stage.folder / DESK, folder / "restored")
    shutil.copy(folder / "copy.db", restored / "station.db")
    return {
        "database": Scene(made, off, "station.db"),
        "write-ahead log": Scene(made, power_gone, "station.db-wal"),
        "backup": Scene(made, restored, "station.db"),
        "vault": Scene(made, off, "vault.json"),
        "witness": Scene(made, off, "witness"),
    }


def record(stage: Stage, count: int) -> None:
    for _ in range(count):
        record_entry(stage.station(), "helper_case", a_helper_case())


@pytest.fixture(scope="module")
def tally() -> Iterator[Counter[str]]:
    counted, start = Counter[str](), perf_counter()
    yield counted
    note("damaged files", **counted, seconds=round(perf_counter() - start))


@pytest.mark.parametrize("file", [*FILES, "witness"])
def test_nothing_is_noticed_where_nothing_is_harmed(
    scenes: dict[str, Scene], tmp_path: Path, file: str
) -> None:
    whole = scenes[file].harmed(tmp_path / "case", lambda content, dice: content, Random(0))
    said, reached = scenes[file].outcome(whole)
    assert said == ""
    assert reached != []


@pytest.mark.timeout(0)
@pytest.mark.parametrize(("file", "harm"), [(file, harm) for file in FILES for harm in FILES[file]])
def test_a_harmed_file_is_noticed_at_the_next_start(
    scenes: dict[str, Scene], tmp_path: Path, tally: Counter[str], file: str, harm: Harm
) -> None:
    found = outcomes(scenes[file], harm, tmp_path, CASES)
    tally["cases"] += CASES
    tally["noticed"] += CASES - found[""]
    assert found[""] == 0
    expected = {"a new replica"} if file == "write-ahead log" else {"a code"}
    assert set(found) <= expected | {"a code"}


def outcomes(scene: Scene, harm: Harm, folder: Path, cases: int) -> Counter[str]:
    """What so many starts said: "" for nothing."""
    found = Counter[str]()
    for case in range(cases):
        said, _ = scene.outcome(scene.harmed(folder / "case", harm, Random(case)))
        found["a code" if "." in said else said] += 1
    return found


@pytest.mark.timeout(0)
@pytest.mark.parametrize("harm", HARMS[:4])
def test_a_harmed_witness_costs_no_entry(
    scenes: dict[str, Scene], tmp_path: Path, harm: Harm
) -> None:
    scene = scenes["witness"]
    _, before = scene.outcome(scene.harmed(tmp_path / "case", lambda content, _: content, Random()))
    for case in range(CASES):
        _, after = scene.outcome(scene.harmed(tmp_path / "case", harm, Random(case)))
        assert after == before


def test_a_log_that_lost_that_the_desk_goes_on_as_another_is_noticed(
    cast: Path, tmp_path: Path
) -> None:
    stage = placed(pickle.loads(cast.read_bytes()), tmp_path / "busy")
    record(stage, 2)
    back_up(stage.station(), tmp_path / "copy.db")
    record(stage, 2)
    exchange_with_hub(stage.station())
    stage.switch_off()
    shutil.copy(tmp_path / "copy.db", stage.home().database)
    assert stage.station().identity.past
    no_log = shutil.ignore_patterns("*-shm", "*-wal")
    lost = shutil.copytree(stage.folder / DESK, tmp_path / "lost", ignore=no_log)
    stage.switch_off()
    said, _ = Scene(stage.cast, lost, "").outcome(lost)
    assert said == "a new replica"


def test_a_log_that_lost_an_exchange_alone_is_noticed_by_the_next_one(
    cast: Path, tmp_path: Path
) -> None:
    """No entry is lost with it, so the witness is content; the hub knows the request's number."""
    stage = placed(pickle.loads(cast.read_bytes()), tmp_path / "busy")
    record(stage, 2)
    log = stage.home().database.with_name("station.db-wal")
    recorded = log.stat().st_size
    exchange_with_hub(stage.station())
    gone = shutil.copytree(stage.folder / DESK, tmp_path / "gone", ignore=SHARED_MEMORY)
    stage.switch_off()
    shutil.rmtree(stage.folder / DESK)
    gone.rename(stage.folder / DESK)
    os.truncate(log, recorded)
    assert not stage.station().identity.past
    assert exchange_with_hub(stage.station()).synchronised
    assert stage.station().identity.past
    assert faults_of_store(stage.station().store, []) == []
    assert faults_between(stage.hub, stage.station()) == []
    stage.switch_off()


def test_without_the_witness_a_log_that_lost_its_end_is_believed(
    scenes: dict[str, Scene], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Station, "_compare_witness", lambda station: None)
    found = outcomes(scenes["write-ahead log"], the_end_is_cut, tmp_path, CASES_OF_A_CONTROL)
    assert found[""] > CASES_OF_A_CONTROL // 2


def test_without_a_look_at_every_page_some_damage_waits_to_be_met(
    scenes: dict[str, Scene], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Database, "demand_whole_pages", lambda database: None)
    found = outcomes(scenes["database"], a_bit_flips, tmp_path, CASES_OF_A_CONTROL)
    assert found[""] > 0
