"""This product as it is measured: a real `bianmin-hub serve` and the station's own services.

Everything is on: sealing, signatures, encryption at rest, `synchronous=FULL`, the form check, the
author rule, merge and verdicts. Only the vault's key derivation is made cheap, since nobody unlocks
a PC in what is measured here.
"""

import gc
import os
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from commands import Hub as HubProcess
from commands import free_port

import forms
from hub_server.accounts import Account
from hub_server.app import make_hub
from hub_server.hub import Hub
from hub_server.services.applications import find_by_number
from hub_server.services.decide_application import decide_application
from hub_server.services.enrol_station import enrol_station as answer_enrolment
from hub_server.services.enrol_station import hub_card
from hub_server.services.issue_code import issue_code
from hub_server.services.record_agreement import record_agreement
from hub_server.services.submit_application import submit_application
from station_client import key_slot
from station_client.device_secret import DeviceSecret
from station_client.home import Home
from station_client.services.enrol_station import enrol_station
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.record_entry import record_entries
from station_client.station import Station
from station_client.transport import HttpTransport

REGION = "140581"
PIN = "太行山上便民服务站一号"
DAY_MS = 24 * 60 * 60 * 1000
CASES_A_DAY = 5_000


class InThisProcess:
    """To a hub that does not serve yet."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    def fetch_card(self) -> bytes:
        return hub_card(self._hub)

    def enrol(self, data: bytes) -> bytes:
        return answer_enrolment(self._hub, data)

    def exchange(self, data: bytes) -> bytes:
        raise AssertionError("nobody exchanges yet")


class Clock:
    """The real time, some days off: a PC numbers at most 9,999 cases in one day."""

    def __init__(self) -> None:
        self.days = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.days * DAY_MS


@dataclass
class Cpu:
    """Processor seconds that something took: the hub's, and those of hub and stations."""

    server: float = 0.0
    both: float = 0.0


@dataclass
class County:
    """A running hub, and the PCs of each of its stations."""

    hub: HubProcess
    desks: list[list[Station]]

    @contextmanager
    def measured(self) -> Iterator[Cpu]:
        """What is done inside. What the bench itself holds is not counted through for cycles."""
        cpu = Cpu()
        gc.collect()
        gc.freeze()
        server, here = self._server_seconds(), time.process_time()
        yield cpu
        cpu.server = self._server_seconds() - server
        cpu.both = cpu.server + time.process_time() - here
        gc.unfreeze()

    def _server_seconds(self) -> float:
        assert self.hub.process is not None
        stat = Path(f"/proc/{self.hub.process.pid}/stat").read_text()
        user, system = stat.rpartition(")")[2].split()[11:13]  # proc(5): utime and stime, in ticks
        return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


@contextmanager
def a_county(folder: Path, stations: int = 1, pcs: int = 1) -> Iterator[County]:
    """Stations that are open and PCs that have had their first exchange, at a hub that serves."""
    process = HubProcess(folder / "hub", free_port(18420))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(key_slot, "ARGON2_MEMORY_KIB", 64)
        desks = _found(folder, process.url, stations, pcs)
    process.start(folder / "hub.log")
    try:
        for station in (each for desk in desks for each in desk):
            station.transport = HttpTransport(process.url)
            synchronise(station)
        yield County(process, desks)
    finally:
        for station in (each for desk in desks for each in desk):
            station.close()
        process.stop()


def _found(folder: Path, url: str, stations: int, pcs: int) -> list[list[Station]]:
    """Enrolled in this process: over HTTP a hub takes ten enrolments a minute from one address."""
    hub = make_hub(folder / "hub", "高平市政务服务平台", REGION, environment={})
    reviewer = Account(os.urandom(16), "reviewer", "reviewer", REGION)
    with hub.store.writing():
        hub.store.people.add(reviewer, "no password", hub.now_ms())
    desks = []
    for number in range(stations):
        code = _open_station(hub, reviewer, number)
        homes = [folder / f"pc{number}-{pc}" for pc in range(pcs)]
        desks.append([_enrol(hub, home, url, issue_code(hub, reviewer, code)) for home in homes])
    hub.store.close()
    return desks


def _open_station(hub: Hub, reviewer: Account, number: int) -> str:
    told, _ = submit_application(
        hub,
        {
            "applicant_unit": f"示例银行第{number}支行",
            "contact_phone": "0356-2025678",
            "county": "高平市",
            "site": f"商业街{number}号",
            "conditions": "人流量大，两名工作人员",
            "region_code": REGION,
        },
    )
    record = find_by_number(hub, reviewer, told).record
    record_agreement(hub, reviewer, record, f"协{number}", "agreement", "2026-01-01", "2028-12-31")
    version = find_by_number(hub, reviewer, told).version
    decided = decide_application(hub, reviewer, record, "approve", "同意", None, version)
    return decided.station_code


def _enrol(hub: Hub, home: Path, url: str, code: str) -> Station:
    return enrol_station(
        Home.open(home),
        PIN,
        url,
        code,
        "李娟",
        device=DeviceSecret("insecure"),
        device_name="柜台",
        forms=forms.builtin(),
        now_ms=Clock(),
        connect=lambda _: InThisProcess(hub),
    )


def synchronise(station: Station) -> int:
    """Exchanges until both ends hold the same; gives the bytes of all bodies, both ways."""
    outcome = exchange_with_hub(station)
    assert outcome.synchronised
    return outcome.bytes_out + outcome.bytes_in


def record_all(station: Station, cases: Sequence[dict[str, Any]]) -> list[bytes]:
    """Recorded offline, some on each of several days."""
    clock = station.now_ms
    assert isinstance(clock, Clock)
    parts = [cases[at : at + CASES_A_DAY] for at in range(0, len(cases), CASES_A_DAY)]
    records: list[bytes] = []
    for days, part in zip(range(1 - len(parts), 1), parts, strict=True):
        clock.days = days
        records += record_entries(station, "intake_case", part)
    return records
