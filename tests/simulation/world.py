"""The world of one history: real stores and services, joined by a line that does what lines do.

Holds what is where; what happens in it are the steps in the files beside this one.
"""

import hashlib
import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from types import SimpleNamespace

import pytest
import uuid_utils

from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.services.answer_exchange import answer_exchange
from station_client.services.list_conflicts import Conflict
from sync_protocol import crypto, limits
from sync_protocol.errors import PeerFault
from tests.simulation.cast import PCS, START_MS, Cast, Pc, start_hub
from tests.simulation.line import Line
from tests.simulation.onlooker import Onlooker
from tests.simulation.promises import Violation


class World:
    """One history as it goes.

    Under way are `late` requests, `sticks` to the county and `replies` on sticks; `requests` and
    `answered` remember what was sent; `pages` are conflicts that somebody left open. `happened`
    counts every act of a desk, the hub, a carrier or a fault; `trace` is a hash over what was
    answered, opened: one seed gives one trace.
    """

    def __init__(self, cast: Cast, folder: Path, seed: int, pcs: int = len(PCS)) -> None:
        self.cast, self.folder, self.dice = cast, folder, Random(seed)
        self.now, self.hub_error_ms, self.is_upgraded = START_MS, 0, False
        self.happened: Counter[str] = Counter()
        self.trace = hashlib.sha256()
        self.pcs = cast.placed_in(folder, pcs)
        self.onlooker = Onlooker()
        self.late: list[tuple[Pc, bytes]] = []
        self.sticks: list[tuple[Pc, bytes]] = []
        self.replies: list[tuple[Pc, bytes]] = []
        self.requests: list[tuple[Pc, bytes]] = []
        self.answered: dict[int, list[bytes]] = {}
        self.pages: dict[int, Conflict] = {}
        self.lines = [Line(self, pc, [], self.dice) for pc in self.pcs]
        self.hub = self._started_hub()
        self.onlooker.note_hub(self.hub, self.now)
        for pc in self.pcs:
            pc.start(lambda: self.now, self.line_of(pc))

    def _started_hub(self) -> Hub:
        return start_hub(self.folder, self._hub_time, is_newer=self.is_upgraded)

    def _hub_time(self) -> int:
        return self.now + self.hub_error_ms

    def line_of(self, pc: Pc) -> Line:
        return self.lines[self.pcs.index(pc)]

    def count(self, what: str) -> None:
        self.happened[what] += 1

    def look_around(self, pc: Pc) -> None:
        """What must hold at this desk whenever nobody is in the middle of something."""
        self.note_saved(pc)
        self.onlooker.note_accepted(pc)
        self.onlooker.check_desk(pc, self.line_of(pc).delivered)

    def note_saved(self, pc: Pc, intent: str = "") -> int:
        return self.onlooker.note_saved(pc, self.now, intent)

    def restart(self, pc: Pc) -> None:
        """What was not committed is gone, and so are open pages."""
        pc.stop()
        pc.start(lambda: self.now, self.line_of(pc))
        self.pages.pop(id(pc), None)
        self.onlooker.check_told(pc)

    def restart_hub(self) -> None:
        self.hub.store.close()
        self.hub = self._started_hub()

    def sent(self, pc: Pc, data: bytes) -> None:
        """A request left its PC."""
        self.count("request sent")
        self.requests.append((pc, data))
        self.onlooker.note_sent(pc, data)

    def at_hub(self, pc: Pc, data: bytes) -> bytes:
        """A genuine request answered: the hub must take it, whatever is in it."""
        try:
            reply = answer_exchange(self.hub, data)
        except (PeerFault, HubError) as fault:
            raise Violation(4, f"the hub refuses a whole genuine request: {fault}") from fault
        self.note_answer(pc, data, reply)
        return reply

    def note_answer(self, pc: Pc, data: bytes, reply: bytes) -> None:
        self.count("request answered")
        self.answered.setdefault(id(pc), []).append(reply)
        self.onlooker.note_hub(self.hub, self.now)
        self.trace.update(self.onlooker.note_answer(self.hub, pc, data, reply))

    def close(self) -> None:
        for pc in self.pcs:
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
        patch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=10**10))
        patch.setattr(limits, "BATCH_BYTES_LOWEST", 1_500)
        patch.setattr(limits, "BATCH_BYTES", 3_000)
        patch.setattr(limits, "BATCH_BYTES_HIGHEST", 12_000)
        yield
