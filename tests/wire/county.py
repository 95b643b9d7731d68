"""A small county for the tests of the wire: its hub a process of its own, its desks real stations.

Made once and copied for each test. Knows no fault and no line.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import commands

import forms
from hub_server.accounts import Account
from hub_server.app import make_hub
from hub_server.hub import Hub
from hub_server.services.issue_code import issue_code
from station_client.app import open_station
from station_client.device_secret import DeviceSecret
from station_client.errors import StationError
from station_client.home import Home
from station_client.services.amend_entry import amend_entry
from station_client.services.enrol_station import enrol_station
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.read_status import read_status
from station_client.services.record_entry import record_entries, record_entry
from station_client.station import Station, Transport
from sync_protocol import channel
from tests.conftest import ROOT
from tests.hub_server.conftest import COUNTY, Clock, County
from tests.simulation.cast import DirectLine
from tests.station_client.desk import PIN, a_helper_case

DESKS = (("甲站", "李娟"), ("甲站", "王强"), ("乙站", "赵敏"))
"""Station and clerk of each PC: two share a channel, one has its own."""
HUB = "from hub_server.cli import main; main()"


def make_county(folder: Path) -> None:
    """A hub with two open stations and their PCs, in a folder; nothing runs when this returns."""
    clock = Clock()
    roles = ("admin", "reviewer", "operator")
    people = [Account(os.urandom(16), role, role, COUNTY) for role in roles]
    hub = make_hub(folder / "hub", "高平市政务服务平台", COUNTY, clock, {})
    with closing(hub.store):
        with hub.store.writing():
            for each in people:
                hub.store.people.add(each, "no password", clock())
        county = County(hub, clock, *people)
        stations = sorted({name for name, _ in DESKS})
        codes = {each: county.open_station(applicant_unit=each).station_code for each in stations}
        for number, (name, clerk) in enumerate(DESKS):
            code = issue_code(hub, county.reviewer, codes[name])
            _enrol(folder / f"pc{number}", hub, code, clerk)


def _enrol(folder: Path, hub: Hub, code: str, clerk: str) -> None:
    station = enrol_station(
        Home.open(folder),
        PIN,
        "http://hub.invalid",
        code,
        clerk,
        device=DeviceSecret("insecure"),
        device_name="柜台",
        forms=forms.builtin(),
        now_ms=hub.now_ms,
        connect=lambda url: DirectLine(hub),
    )
    station.close()


@contextmanager
def running(folder: Path, program: str = HUB) -> Iterator[int]:
    """The hub of this folder as a process; its port."""
    arguments = ["serve", "--home", str(folder / "hub"), "--port", "0"]
    command = [sys.executable, "-c", program, *arguments]
    with (
        (folder / "hub.log").open("ab") as log,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, cwd=ROOT, start_new_session=True
        ) as process,
    ):
        assert process.stdout is not None
        try:
            address = process.stdout.readline().decode()
            assert address, (folder / "hub.log").read_text(encoding="utf-8")
            yield int(address.rstrip("/\n").rpartition(":")[2])
        finally:
            commands.stop(process)


@dataclass
class Desk:
    """One PC at work. `expected`: record → the values that were typed last, `writes`: how often
    something about it was saved."""

    station: Station
    name: str
    expected: dict[str, dict[str, Any]] = field(default_factory=dict)
    writes: dict[str, int] = field(default_factory=dict)

    def record(self, dice: Random) -> None:
        self._wrote(record_entry(self.station, "helper_case", values := self._case(dice)), values)

    def record_many(self, dice: Random, count: int) -> None:
        cases = [self._case(dice) for _ in range(count)]
        for record, case in zip(
            record_entries(self.station, "helper_case", cases), cases, strict=True
        ):
            self._wrote(record, case)

    def amend(self, dice: Random) -> None:
        if self.expected:
            record = dice.choice(list(self.expected))
            values = {"answer": f"答复{dice.getrandbits(64):x}"}
            amend_entry(self.station, bytes.fromhex(record), values)
            self._wrote(bytes.fromhex(record), values)

    def exchange(self) -> str:
        """One call of the real service; the code of what was in its way, or ""."""
        try:
            exchange_with_hub(self.station)
        except StationError as error:
            return error.code
        return ""

    def is_synchronised(self) -> bool:
        status = read_status(self.station)
        return status.synchronised and not status.pending and not status.alarms

    def _case(self, dice: Random) -> dict[str, Any]:
        """A case that nothing compresses well, of one to some thousand characters."""
        text = f"{dice.getrandbits(4 * dice.choice([16, 200, 2000])):x}"
        return a_helper_case(station_name=self.name, question=text)

    def _wrote(self, record: bytes, values: dict[str, Any]) -> None:
        self.expected.setdefault(record.hex(), {}).update(values)
        self.writes[record.hex()] = self.writes.get(record.hex(), 0) + 1


def copied(made: Path, folder: Path) -> Path:
    return Path(shutil.copytree(made, folder))


@contextmanager
def at_work(folder: Path, lines: list[Transport]) -> Iterator[list[Desk]]:
    """The first PCs of the county, each on a line of its own."""
    desks: list[Desk] = []
    try:
        for number, line in enumerate(lines):
            station = open_station(Home.open(folder / f"pc{number}"), PIN)
            desks.append(Desk(station, DESKS[number][0]))
            station.transport = line
        yield desks
    finally:
        for desk in desks:
            desk.station.close()


def differences(folder: Path, desks: list[Desk]) -> list[str]:
    """What the hub does not hold as it was typed, exactly once; and what desks do not know of.

    Asked of the hub's export, a command of its own: no station's word about itself is believed.
    """
    file = folder / "export.jsonl"
    commands.Hub(folder / "hub", 0).run("export", file)
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    held = [line for line in lines if line["type"] == "record" and line["kind"] == "helper_case"]
    by_record = {line["record"]: line for line in held}
    found = ["a record stands twice"] if len(by_record) < len(held) else []
    for desk in desks:
        found += _unlike(desk, by_record)
        found += _unknown(desk, [each for each in desks if each.name == desk.name])
        found += _doubled(desk)
    typed = {record for desk in desks for record in desk.expected}
    return found + [f"{record}: nobody wrote this" for record in by_record.keys() - typed]


def _unlike(desk: Desk, by_record: dict[str, Any]) -> Iterator[str]:
    for record, values in desk.expected.items():
        line = by_record.get(record)
        if line is None:
            yield f"{record} is lost"
            continue
        for name, value in values.items():
            if line["values"].get(name) != value:
                yield f"{record}: {name} is not what was typed last"
        if len(line["operations"]) != desk.writes[record]:
            yield f"{record}: {len(line['operations'])} of {desk.writes[record]} operations"


def _unknown(desk: Desk, colleagues: list[Desk]) -> Iterator[str]:
    """What another PC of the station wrote and this one never heard of."""
    for record in (each for other in colleagues for each in other.expected):
        if desk.station.store.records.find(bytes.fromhex(record)) is None:
            yield f"{record} is not known at a desk of its station"


def _doubled(desk: Desk) -> Iterator[str]:
    """What stands in the channel, as the hub handed it out, more than once."""
    rows = desk.station.store.database.rows("SELECT data FROM entry")
    entries = [channel.read_entry(row["data"]) for row in rows]
    places = Counter(each.name for each in entries if isinstance(each, channel.PlaceEntry))
    yield from (f"{name.hex()} has two places" for name, count in places.items() if count > 1)
