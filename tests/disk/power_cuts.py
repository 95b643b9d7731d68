"""The worker of the power cuts: records what a day at one end writes, then cuts the power at random
instants of it, rebuilds a disk that may be left each time, and opens it.

It works under storage_calls.so, for `shim.run_under`. The day is the programs' own, with a
small write-ahead log, so that many cuts fall into the moments in which it is emptied.
"""

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random

from hub_server.errors import HubError
from hub_server.store import as_hub_errors
from station_client.errors import StationError
from station_client.home import Home
from station_client.services.amend_entry import amend_entry
from station_client.services.change_secret import change_secret
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.record_entry import record_entry
from station_client.store import open_store
from station_client.vault import Vault
from station_client.witness import Witness
from tests.disk import shim
from tests.disk.adding_up import Fact, facts_of_hub, facts_of_store, faults_of_hub, faults_of_store
from tests.disk.rebuilt import Disk, read_calls
from tests.disk.stage import DESK, Stage, open_vaults_cheaply, placed
from tests.disk.strikes import in_child
from tests.simulation.cast import PIN, Cast
from tests.station_client.desk import a_helper_case

TURNS = 24
SMALL_LOG_PAGES = 25

Say = Callable[[Sequence[Fact]], None]


def day_at_the_desk(stage: Stage, say: Say) -> None:
    secret = PIN
    for turn in range(TURNS):
        made = record_entry(stage.station(), "helper_case", a_helper_case())
        say(facts_of_store(stage.station().store))
        amend_entry(stage.station(), made, {"applicant_name": f"钱小英{turn}"})
        say(facts_of_store(stage.station().store))
        if turn % 3 == 1:
            stage.other_writes(3)
            for _ in range(4):  # from the second on with nothing to say
                exchange_with_hub(stage.station())
                number = stage.station().store.facts.exchange().number
                say([["asked", number], *facts_of_store(stage.station().store)])
        if turn % 7 == 4:
            say([["may open", secret, f"{PIN}{turn}"]])
            change_secret(stage.station(), secret, f"{PIN}{turn}")
            secret = f"{PIN}{turn}"
            say([["may open", secret]])
        if turn % 7 == 6:
            stage.switch_off(DESK)


def day_at_the_county(stage: Stage, say: Say) -> None:
    for turn in range(TURNS):
        stage.other_writes(2)
        say(facts_of_hub(stage.hub))
        if turn % 3 == 1:
            record_entry(stage.station(), "helper_case", a_helper_case())
            for _ in range(4):
                exchange_with_hub(stage.station())
                say(facts_of_hub(stage.hub))
        if turn % 7 == 6:
            stage.switch_off()


def faults_at_the_desk(stage: Stage, said: Sequence[Fact]) -> list[str]:
    folder = stage.folder / DESK
    secrets = [secret for kind, *known in said if kind == "may open" for secret in known] or [PIN]
    store = open_store(folder / "station.db", stage.cast.keys[DESK].data_key)
    try:
        found = faults_of_store(
            store, [fact for fact in said if fact[0] not in ("may open", "asked")]
        )
        asked = max((fact[1] for fact in said if fact[0] == "asked"), default=0)
        state = store.facts.exchange()
        if max(state.number, state.reserved) < asked:
            found.append(f"request {asked} would be numbered again")
        seen = Witness(folder / "witness").seen
        if seen and store.journal.own_link(seen.replica, seen.seq) != seen.link:
            found.append(f"the witness saw {seen.seq}")
    finally:
        store.close()
    slots = (folder / "vault.json").read_bytes()
    return (
        found if any(_opens(folder, slots, each) for each in secrets) else [*found, "vault: shut"]
    )


@cache
def _opens(folder: Path, slots: bytes, secret: str) -> bool:
    """Asked once for the same slots: nothing else decides it."""
    try:
        Vault.open(Home.open(folder), now=lambda: 0.0).unlock(secret)
    except StationError:
        return False
    return True


def faults_at_the_county(stage: Stage, said: Sequence[Fact]) -> list[str]:
    try:
        with as_hub_errors():
            return faults_of_hub(stage.hub, said)
    finally:
        stage.switch_off()


@dataclass
class Report:
    """`calls`: what was recorded, by kind; `lost`: disks without something that was said to be
    saved; `faults`: all that was found."""

    disks: int = 0
    lost: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


ENDS = {
    "desk": (DESK, day_at_the_desk, faults_at_the_desk),
    "county": ("hub", day_at_the_county, faults_at_the_county),
}


@dataclass
class Cuts:
    cast: Cast
    folder: Path
    end: str
    synchronous: str
    lies_about: tuple[str, ...]
    report: Report = field(default_factory=Report)

    def run(self, disks: int, seed: int) -> Report:
        watched, day, faults_at = ENDS[self.end]
        stage = placed(
            self.cast,
            self.folder / "day",
            autocheckpoint=SMALL_LOG_PAGES,
            synchronous=self.synchronous,
        )
        disk = Disk(stage.folder / watched, self.lies_about)
        heard, _ = in_child(lambda say: self._record(stage, watched, day))
        if heard:
            raise AssertionError(heard)
        calls = read_calls(self.folder / "log")
        self.report.calls.update(call.what for call in calls)
        dice, said, done = Random(seed), dict[object, Fact](), 0
        for at in sorted(dice.randrange(1, len(calls) + 1) for _ in range(disks)):
            for call in calls[done:at]:
                if call.what == "M":
                    said.update(_by_subject(json.loads(call.data)))
                else:
                    disk.apply(call)
            done = at
            left = self._left(disk.after_cut(dice), watched)
            self._note(at, faults_or_refusal(left, list(said.values()), faults_at))
        return self.report

    def _record(self, stage: Stage, watched: str, day: Callable[[Stage, Say], None]) -> None:
        shim.watch(stage.folder / watched)
        shim.record(self.folder / "log")
        day(stage, lambda facts: shim.mark(json.dumps(facts)))
        stage.switch_off()

    def _left(self, files: dict[str, bytes], watched: str) -> Stage:
        place = self.folder / "cut" / watched
        for path in place.rglob("*"):
            if path.is_file() and str(path.relative_to(place)) not in files:
                path.unlink()
        for name, content in files.items():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(content)
        return Stage(self.cast, self.folder / "cut")

    def _note(self, at: int, found: list[str]) -> None:
        self.report.disks += 1
        self.report.lost += any("lost" in each for each in found)
        self.report.faults += [f"after call {at}: {each}" for each in found]


def _by_subject(facts: Sequence[Fact]) -> dict[object, Fact]:
    """The newest of each kind and whose it is counts: all before hangs on it."""
    return {(fact[0], fact[1] if len(fact) == 4 else ""): fact for fact in facts}


def faults_or_refusal(
    stage: Stage, said: list[Fact], faults_at: Callable[[Stage, Sequence[Fact]], list[str]]
) -> list[str]:
    try:
        return faults_at(stage, said)
    except (HubError, StationError) as told:
        return [f"lost: it does not open: {told}" if said else f"it does not open: {told}"]


def work(
    cast: Cast,
    folder: Path,
    end: str,
    disks: int,
    seed: int = 1,
    synchronous: str = "FULL",
    lies_about: Sequence[str] = (),
) -> Report:
    """One job: a day at one end, and so many disks that a cut may leave of it."""
    open_vaults_cheaply()
    return Cuts(cast, folder, end, synchronous, tuple(lies_about)).run(disks, seed)


if __name__ == "__main__":
    shim.serve(work)
