"""The worker of the strikes: runs one flow again and again, each time in a child process of its own
on a fresh copy of the stage, and lets one storage call after another be the last one, or fail.

It works under storage_calls.so, for `shim.run_under`. The parent is never struck: it looks at what
a child left.
"""

import errno
import json
import os
import shutil
import signal
import traceback
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

from hub_server.errors import HubError
from station_client.errors import StationError
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.record_entry import record_entry
from tests.disk import shim
from tests.disk.adding_up import (
    Fact,
    facts_of_hub,
    facts_of_store,
    faults_between,
    faults_of_hub,
    faults_of_store,
)
from tests.disk.flows import FLOWS, Flow, Say
from tests.disk.planted import PLANTED
from tests.disk.stage import Stage, open_vaults_cheaply, placed
from tests.simulation.cast import Cast
from tests.station_client.desk import a_helper_case

KINDS: dict[str, dict[str, Any]] = {
    "killed": {"error": shim.KILLED},
    "EIO once": {"error": errno.EIO},
    "EIO from then on": {"error": errno.EIO, "lasts": True},
    "ENOSPC once": {"error": errno.ENOSPC, "halves": True},
    "ENOSPC from then on": {"error": errno.ENOSPC, "halves": True, "lasts": True},
}
TOLD = {
    "store.disk_full", "store.disk_failed", "home.disk_full", "home.file_refused", "hub.disk_full",
    "hub.disk_fault", "hub.database", "hub.file",
}  # fmt: skip
MOST_CALLS = 5_000


@dataclass
class Report:
    """`runs`: those that met their strike; `calls`: of a flow that meets none; `codes`: what the
    programs said of it, how often."""

    runs: int = 0
    calls: int = 0
    codes: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)


@dataclass
class Strikes:
    cast: Cast
    folder: Path
    flow: Flow
    kinds: list[str]
    plant: Callable[[], None]
    report: Report = field(default_factory=Report)

    def run(self, step: int) -> Report:
        said: list[Fact] = []
        prepared = placed(self.cast, self.folder / "prepared")
        self.flow.prepare(prepared, said.extend)
        prepared.switch_off()
        for at, kind in zip(range(1, MOST_CALLS, step), cycle(self.kinds)):
            if not self._strike(at, kind, list(said)):
                return self.report
        raise AssertionError("the flow never ended")

    def _strike(self, at: int, kind: str, said: list[Fact]) -> bool:
        """Whether there was so late a call."""
        struck = self.folder / "struck"
        shutil.rmtree(struck, ignore_errors=True)
        shutil.copytree(self.folder / "prepared", struck)
        act = self._act if kind == "killed" else self._act_and_recover
        heard, status = in_child(lambda say: act(Stage(self.cast, struck), at, kind, say))
        ended = [fact[1] for fact in heard if fact[0] == "ended"]
        self.report.codes.update(fact[1] for fact in heard if fact[0] == "told")
        found = [fact[1] for fact in heard if fact[0] == "problem"]
        if status not in (0, -signal.SIGKILL):
            found.append(f"the process ended with {status}")
        found += faults_left(Stage(self.cast, struck), self.flow, [*said, *heard])
        self.report.faults += [f"{kind} at call {at}: {each}" for each in found]
        if ended and ended[0] < at:
            self.report.calls = ended[0]
            return False
        self.report.runs += 1
        return True

    def _act(self, stage: Stage, at: int, kind: str, say: Say) -> None:
        self._arm(stage, at, kind)
        try:
            self.flow.act(stage, say)
        finally:
            say([["ended", shim.calls()]])

    def _act_and_recover(self, stage: Stage, at: int, kind: str, say: Say) -> None:
        """Told of a fault by its code, the same programs go on once the disk is well."""
        self._arm(stage, at, kind)
        try:
            told = run_told(lambda: self.flow.act(stage, say), say)
            for station in stage.stations():  # reading goes on, also while writing cannot
                station.store.records.count_lines("", "9", "")
        finally:
            say([["ended", shim.calls()]])
        shim.strike(0)
        if told:
            record_entry(stage.station(), "helper_case", a_helper_case())
            exchange_with_hub(stage.station())
            say([*facts_of_store(stage.station().store), *facts_of_hub(stage.hub)])

    def _arm(self, stage: Stage, at: int, kind: str) -> None:
        self.plant()
        shim.watch(stage.folder / self.flow.watched)
        shim.strike(at, **KINDS[kind])


def run_told(act: Callable[[], object], say: Say) -> bool:
    """Whether the program told of a fault; anything but a known code is a problem."""
    try:
        act()
    except (HubError, StationError) as told:
        say([["told", told.code]] if told.code in TOLD else [["problem", f"told {told.code}"]])
        return True
    except OSError as refused:  # as the hub's command line tells it
        say([["told", f"OSError {refused.errno}"]])
        return True
    return False


def in_child(act: Callable[[Say], None]) -> tuple[list[Fact], int]:
    """Act in a process of its own; what it said, and how it ended (as subprocess has it)."""
    reader, writer = os.pipe()
    child = os.fork()
    if not child:
        os.close(reader)
        try:
            act(lambda facts: _say(writer, facts))
        except BaseException:  # noqa: BLE001 - whatever it is, the parent reports it
            _say(writer, [["problem", traceback.format_exc()]])
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as heard:
        lines = [line for line in heard if line.endswith("\n")]
    _, status = os.waitpid(child, 0)
    return [fact for line in lines for fact in json.loads(line)], os.waitstatus_to_exitcode(status)


def _say(writer: int, facts: object) -> None:
    os.write(writer, json.dumps(facts).encode() + b"\n")


def faults_left(stage: Stage, flow: Flow, said: list[Fact]) -> list[str]:
    """What is wrong with the disks that a child left, and with going on from there."""
    try:
        found = faults_of_store(stage.station().store, of_kinds(said, "chain", "cursor", "record"))
        found += faults_of_hub(stage.hub, of_kinds(said, "channel", "epoch"))
        if bool(stage.station().identity.past) != flow.mints:
            found.append("minted, though nothing was lost" if not flow.mints else "never minted")
        found += flow.also(stage, said)
        record_entry(stage.station(), "helper_case", a_helper_case())
        exchange_with_hub(stage.station())
        return found + faults_between(stage.hub, stage.station())
    except (HubError, StationError) as told:
        return [f"does not go on: {told}"]
    finally:
        stage.switch_off()


def of_kinds(said: list[Fact], *kinds: str) -> list[Fact]:
    return [fact for fact in said if fact[0] in kinds]


def work(
    cast: Cast, folder: Path, flow: str, kinds: list[str], step: int, plant: str = ""
) -> Report:
    """One job: every `step`th call of a flow is struck, each with the next of the kinds."""
    open_vaults_cheaply()
    planted = PLANTED[plant] if plant else lambda: None
    return Strikes(cast, folder, FLOWS[flow], kinds, planted).run(step)


if __name__ == "__main__":
    shim.serve(work)
