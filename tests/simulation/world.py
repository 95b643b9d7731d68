"""The world of one history: real stores and services, joined by a line that does what lines do.

Holds what is where; what happens in it are the steps in the files beside this one.
"""

import hashlib
import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
import uuid_utils

from hub_server.errors import HubError
from hub_server.services.answer_exchange import answer_exchange
from hub_server.services.applications import Application
from hub_server.witness import FILE as WITNESS
from station_client import key_slot
from station_client.services.list_conflicts import Conflict
from sync_protocol import crypto, limits
from sync_protocol.errors import PeerFault
from tests.simulation.cast import PCS, START_MS, Cast, Pc, start_hub
from tests.simulation.line import Line
from tests.simulation.onlooker import Onlooker, Page
from tests.simulation.promises import Violation, require
from tests.simulation.rest_of_hub import rows


@dataclass(frozen=True)
class Image:
    """A PC's folder as it once was, and what an onlooker knew of it then."""

    folder: Path
    of: Pc


@dataclass(frozen=True)
class HubImage:
    """An image of the hub's machine: how many backups there were by then, and which program."""

    folder: Path
    backups_before: int
    is_upgraded: bool


@dataclass(frozen=True)
class CountyPage:
    """What an officer had on the screen: a case or an application, its version as the page names
    it, and the hub's epoch then."""

    shown: Any
    version: str
    epoch: bytes

    @property
    def is_application(self) -> bool:
        return isinstance(self.shown, Application)


class World:
    """One history as it goes.

    Under way are `late` requests, `sticks` to the county and `replies` on sticks; `requests` and
    `answered` remember what was sent; `pages` are conflicts that somebody left open, `county_pages`
    what the county did; `forged` are signatures of receipts that the hub did not make,
    `first_epoch` and `first_codes` the hub's epoch and unused codes at the beginning; `images`,
    `hub_images` and `backups` are what can be put back. `happened` counts every act of a desk, the
    hub, a carrier or a fault; `trace` is a hash over what was answered, opened: one seed gives one
    trace.
    """

    def __init__(self, cast: Cast, folder: Path, seed: int, pcs: int = len(PCS)) -> None:
        self.cast, self.disks, self.folder, self.dice = cast, cast.disks, folder, Random(seed)
        self.now, self.hub_error_ms, self.is_upgraded = START_MS, 0, False
        self.was_hub_set_back = False
        self.latest, self.was_put_back = START_MS, False
        self.happened: Counter[str] = Counter()
        self.trace = hashlib.sha256()
        self.pcs = cast.placed_in(folder, pcs)
        self.onlooker = Onlooker()
        self.late: list[tuple[Pc, bytes]] = []
        self.sticks: list[tuple[Pc, bytes]] = []
        self.replies: list[tuple[Pc, bytes]] = []
        self.requests: list[tuple[Pc, bytes]] = []
        self.answered: dict[Pc, list[bytes]] = {}
        self.pages: dict[Pc, Conflict] = {}
        self.county_pages: list[CountyPage] = []
        self.lost_pcs: list[Pc] = []
        self.images: dict[Pc, list[Image]] = {}
        self.hub_images: list[HubImage] = []
        self.backups: list[Path] = []
        self._folders = 0
        self.lines = [Line(self, pc, [], self.dice) for pc in self.pcs]
        self.forged: set[bytes] = set()
        self.start_hub()
        self.first_epoch = self.hub.epoch
        self.first_codes = set(rows(self.hub, "SELECT id FROM code WHERE used_by IS NULL"))
        for pc in self.pcs:
            self.start(pc)

    def _hub_time(self) -> int:
        self.latest = max(self.latest, self.now + self.hub_error_ms)
        return self.now + self.hub_error_ms

    def line_of(self, pc: Pc) -> Line:
        return self.lines[self.pcs.index(pc)]

    def count(self, what: str) -> None:
        self.happened[what] += 1

    def look_around(self, pc: Pc) -> None:
        """What must hold at this desk whenever nobody is in the middle of something."""
        self.note_saved(pc)
        self.onlooker.note_accepted(pc)
        pc.was_closed = pc.station.is_closed
        self._watch_page(pc)
        self.onlooker.check_desk(pc, self.line_of(pc).delivered)
        if self.forged:
            held = {each.signature for each in pc.station.store.channels.receipts()}
            require(not held & self.forged, 7, "a receipt that the hub did not sign is kept")

    def note_saved(self, pc: Pc, intent: str = "", page: Page | None = None) -> int:
        return self.onlooker.note_saved(pc, self.now, intent, page)

    def start(self, pc: Pc) -> None:
        pc.start(lambda: self.now, self.line_of(pc))

    def restart(self, pc: Pc) -> None:
        """What was not committed is gone, and so are open pages."""
        pc.stop()
        self.start(pc)
        self.forget_pages(pc)
        self.onlooker.check_told(pc)

    def forget_pages(self, pc: Pc) -> None:
        self.pages.pop(pc, None)

    def add(self, pc: Pc) -> None:
        """One more PC, switched off till now."""
        self.pcs.append(pc)
        self.lines.append(Line(self, pc, [], self.dice))
        self.start(pc)

    def remove(self, pc: Pc) -> None:
        """It is at no desk any more."""
        self.lines.pop(self.pcs.index(pc))
        self.pcs.remove(pc)

    def new_folder(self) -> Path:
        self._folders += 1
        return self.folder / f"copy{self._folders}"

    def start_hub(self) -> None:
        self.hub = start_hub(self.folder, self._hub_time, is_newer=self.is_upgraded)
        self.onlooker.note_hub(self.hub, self.now)

    def restart_hub(self) -> None:
        self.hub.store.close()
        self.start_hub()

    def restore_hub(self, backup: Path) -> None:
        """The hub's database put back; keys, witness and journal beside it stay."""
        self.was_put_back = True
        for pc in self.pcs:
            pc.page = self.onlooker.page_of(pc)
            pc.reached = pc.station.store.channels.own().cursor.position
        self.hub.store.close()
        self.disks.put_back(backup, self.hub.store.path)
        self.onlooker.hub_noted = 0
        self.start_hub()

    def restore_hub_image(self, folder: Path, *, witness: bool) -> None:
        self.onlooker.entrusted.clear()  # no backup that the hub knew of, when it said what it has
        if witness:
            shutil.copy(folder / WITNESS, self.hub.home / WITNESS)
        self.restore_hub(folder / self.hub.store.path.name)

    def _watch_page(self, pc: Pc) -> None:
        """What a PC shows that went back to what a restored hub still has."""
        if pc.page is not None and pc.station.store.channels.own().cursor.position < pc.reached:
            self.onlooker.check_page(pc, pc.page)
            pc.page = None

    def sent(self, pc: Pc, data: bytes) -> None:
        """A request left its PC."""
        self._watch_page(pc)
        self.count("request sent")
        self.requests.append((pc, data))
        self.onlooker.note_sent(pc, data)

    def at_hub(self, pc: Pc, data: bytes) -> bytes:
        """A genuine request answered: the hub must take it, whatever is in it. Raises HubError
        `replica.unknown`: a hub that was put back may ask who somebody is."""
        try:
            reply = answer_exchange(self.hub, data)
        except (PeerFault, HubError) as fault:
            if fault.code == "replica.unknown" and self.was_put_back:
                raise
            raise Violation(4, f"the hub refuses a whole genuine request: {fault}") from fault
        self.note_answer(pc, data, reply)
        return reply

    def arrives(self, pc: Pc, data: bytes) -> None:
        """A request to whose reply nobody listens."""
        with suppress(HubError):
            self.at_hub(pc, data)

    def note_answer(self, pc: Pc, data: bytes, reply: bytes) -> None:
        self.count("request answered")
        self.answered.setdefault(pc, []).append(reply)
        self.onlooker.note_hub(self.hub, self.now)
        self.trace.update(self.onlooker.note_answer(self.hub, pc, data, reply))

    def close(self) -> None:
        for pc in (*self.pcs, *self.lost_pcs):
            pc.stop()
        self.hub.store.close()


@contextmanager
def seeded(dice: Random) -> Iterator[None]:
    """Keys, ids and salts from the dice, so that one seed gives one history; and small batches, so
    that few cases fill several pages."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "urandom", dice.randbytes)
        patch.setattr(random, "_urandom", dice.randbytes)  # behind the module `secrets`
        patch.setattr(uuid_utils, "uuid7", lambda: uuid_utils.UUID(bytes=dice.randbytes(16)))
        for kind in ("signing", "sealing"):
            patch.setattr(crypto, f"new_{kind}_key", lambda: dice.randbytes(crypto.KEY_BYTES))
        patch.setattr(key_slot, "ARGON2_MEMORY_KIB", 64)
        patch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10**10))
        patch.setattr(limits, "BATCH_BYTES_LOWEST", 1_500)
        patch.setattr(limits, "BATCH_BYTES", 3_000)
        patch.setattr(limits, "BATCH_BYTES_HIGHEST", 12_000)
        yield
