"""A county on a disk: one hub and two PCs of one station, with everything as it is in service.

Made once by tests/simulation/cast.py; a stage is a copy of it in a folder of its own. Knows how the
programs are started; no fault and no check.
"""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

from hub_server.app import open_hub
from hub_server.hub import Hub
from hub_server.services.answer_exchange import answer_exchange
from hub_server.store import database
from station_client import key_slot
from station_client.app import station_of
from station_client.home import Home
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.record_entry import record_entry
from station_client.station import Station
from station_client.vault import Vault
from tests.simulation.cast import START_MS, Cast, DirectLine
from tests.station_client.desk import a_helper_case

DESK, OTHER = "pc0", "pc1"


def open_vaults_cheaply() -> None:
    """As those of the cast were made. For a process of its own."""
    key_slot.ARGON2_MEMORY_KIB = 64


class Line(DirectLine):
    def exchange(self, data: bytes) -> bytes:
        return answer_exchange(self.hub, data)


@dataclass
class Stage:
    """The programs run while they are used; `switch_off` ends them."""

    cast: Cast
    folder: Path
    autocheckpoint: int = 1000
    synchronous: str = "FULL"
    _hub: Hub | None = field(default=None, repr=False)
    _stations: dict[str, Station] = field(default_factory=dict, repr=False)

    @property
    def hub(self) -> Hub:
        if self._hub is None:
            told = {"wal_autocheckpoint": self.autocheckpoint, "synchronous": self.synchronous}
            with patch.dict(database._PRAGMAS, told):  # of every connection that is made
                self._hub = open_hub(self.folder / "hub", lambda: START_MS, {})
        return self._hub

    def home(self, name: str = DESK) -> Home:
        return Home.open(self.folder / name)

    def station(self, name: str = DESK) -> Station:
        if name not in self._stations:
            home = self.home(name)
            station = station_of(home, Vault.open(home), self.cast.keys[name])
            station.now_ms = lambda: START_MS
            station.transport = Line(self.hub)
            self._set_up(station.store.database)
            self._stations[name] = station
        return self._stations[name]

    def stations(self) -> list[Station]:
        """Those that run now."""
        return list(self._stations.values())

    def _set_up(self, database) -> None:  # type: ignore[no-untyped-def]
        database.execute_sql(f"PRAGMA wal_autocheckpoint={self.autocheckpoint}")
        if self.synchronous != "FULL":
            database.execute_sql(f"PRAGMA synchronous={self.synchronous}")

    def switch_off(self, name: str = "") -> None:
        """This program, or all of them."""
        for each in [name] if name else list(self._stations):
            if each in self._stations:
                self._stations.pop(each).close()
        if not name and self._hub is not None:
            self._hub.store.close()
            self._hub = None

    def other_writes(self, count: int = 1) -> None:
        """The station's other PC records, and the hub has it: a page waits for the desk."""
        for _ in range(count):
            record_entry(self.station(OTHER), "helper_case", a_helper_case())
        exchange_with_hub(self.station(OTHER))


def placed(cast: Cast, folder: Path, **settings: object) -> Stage:
    """A fresh copy of the county in this folder."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("hub", DESK, OTHER):
        shutil.copytree(cast.folder / name, folder / name)
    return Stage(cast, folder, **settings)  # type: ignore[arg-type]
