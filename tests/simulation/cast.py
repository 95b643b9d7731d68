"""Who plays: one hub, two stations in two regions, their PCs.

Made once and copied for each history, since applications, approvals, codes and vaults take a
while. Knows the programs' own services and builders; knows no story.
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

import forms
from hub_server import keys
from hub_server.accounts import Account
from hub_server.app import make_hub, open_hub
from hub_server.hub import Hub
from hub_server.services import submit_application as submitting
from hub_server.services.applications import find_by_number
from hub_server.services.decide_application import decide_application
from hub_server.services.enrol_station import enrol_station as answer_enrolment
from hub_server.services.enrol_station import hub_card
from hub_server.services.issue_code import issue_code
from hub_server.services.judge_again import judge_new_forms
from hub_server.services.publish_catalogue import publish_catalogue
from hub_server.services.record_agreement import record_agreement
from station_client import key_slot
from station_client.device_secret import DeviceSecret
from station_client.home import Home
from station_client.services.enrol_station import enrol_station
from station_client.services.renew_records import renew_records
from station_client.station import Station, Transport
from station_client.store import open_store
from station_client.vault import Unlocked, Vault
from sync_protocol import crypto
from sync_protocol.enrol import ReplicaKeys
from tests.simulation.casework import FORMS
from tests.simulation.disks import Disks

COUNTY, NEIGHBOUR = "140581", "140582"
MARKS = {COUNTY: "甲河乡", NEIGHBOUR: "乙山乡"}
"""In every text that a region's people write: where it is found, they are read. Long enough that
no random bytes look like it."""
PCS = ((COUNTY, 0), (COUNTY, 1), (NEIGHBOUR, 0), (COUNTY, 2))
PCS_AT_MOST = 5
START_MS = 1_795_150_800_000  # 2026-11-20 13:00 in China
PIN = "太行山上便民服务站一号"


class DirectLine:
    """To a hub in this process, with nothing in between."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    def fetch_card(self) -> bytes:
        return hub_card(self.hub)

    def enrol(self, data: bytes) -> bytes:
        return answer_enrolment(self.hub, data)

    def exchange(self, data: bytes) -> bytes:
        raise AssertionError("nobody exchanges yet")


@dataclass(eq=False)
class Pc:
    """One PC: its folder and key, its clock's error, its program; `station` while it runs.

    Besides, what an onlooker remembers of it: `told`, the records said to be saved; `accepted`, the
    facts said to be accepted; `newest`, a mark of its newest request; `claimed`, whether its lamp
    was weighed since; `noted`, how far its operations were noted; `was_copied`, whether there was
    ever another one of it; `page`, what it showed when the hub was put back, until it heard of
    that; `reached`, how far it had the own channel then; `lost`, the facts
    that a restore took from it, with replica and seq; `was_closed`, whether it knew before its last
    act that the station is closed; `lost_body`, whether one of its unsent operations went bad.
    """

    home: Home
    unlocked: Unlocked
    region: str
    clock_error_ms: int = 0
    is_newer: bool = False
    told: list[bytes] = field(default_factory=list)
    accepted: set[bytes] = field(default_factory=set)
    newest: bytes = b""
    claimed: bool = False
    noted: int = 0
    was_copied: bool = False
    page: set[tuple[bytes, str, bytes]] | None = None
    reached: int = 0
    was_closed: bool = False
    lost: dict[bytes, tuple[bytes, int]] = field(default_factory=dict)
    lost_body: bool = False
    _keys: dict[bytes, ReplicaKeys] = field(default_factory=dict, repr=False)
    _station: Station | None = field(default=None, repr=False)

    @property
    def station(self) -> Station:
        assert self._station is not None
        return self._station

    def saw_more_than(self, hub: Hub) -> bool:
        """Whether it followed a channel to where this hub is not, or is otherwise."""
        store = self.station.store
        ends = [store.lost.sound_end(row) for row in store.channels.all()]
        return any(hub.store.journal.digest_at(e.channel, e.position) != e.digest for e in ends)

    def keys_of(self, replica: bytes) -> ReplicaKeys:
        """Its keys under the name it has now, or had."""
        now = self.station.keys
        self._keys[now.replica] = now
        return self._keys[replica]

    @property
    def channels(self) -> set[bytes]:
        """Those that it may read."""
        return {grant.channel for grant in self.station.certificate.grants}

    @property
    def enrolment(self) -> bytes:
        return self.station.certificate.enrolment

    def remember(self, other: "Pc") -> None:
        """What an onlooker knows of a PC that was put back, or is a copy of another."""
        self.told, self.accepted = list(other.told), set(other.accepted)
        self.newest, self.claimed, self.noted = other.newest, other.claimed, other.noted
        self._keys |= other._keys

    def copied_to(self, folder: Path) -> "Pc":
        copy = Pc(Home.open(folder), self.unlocked, self.region, is_newer=self.is_newer)
        copy.remember(self)
        copy.was_copied = self.was_copied = True
        return copy

    def start(self, now_ms: Callable[[], int], transport: Transport) -> None:
        self._station = Station.open(
            self.home,
            Vault.open(self.home),
            self.unlocked,
            open_store(self.home.database, self.unlocked.data_key),
            FORMS if self.is_newer else forms.builtin(),
            lambda: now_ms() + self.clock_error_ms,
            lambda url: transport,
        )
        renew_records(self._station)

    def stop(self) -> None:
        if self._station is not None:
            self._station.close()
        self._station = None


@dataclass(frozen=True)
class Cast:
    """What was made, switched off, in `folder`."""

    folder: Path
    reviewer: Account
    admin: Account
    keys: dict[str, Unlocked]
    codes: dict[str, str]
    disks: Disks = field(default_factory=Disks)

    def placed_in(self, folder: Path, pcs: int = len(PCS)) -> list[Pc]:
        """The hub and the first of the PCs in that folder: copied there, or as an earlier world
        left them."""
        names = list(self.keys)[:pcs]
        if not folder.exists():
            folder.mkdir()
            for name in ("hub", *names):
                self.disks.copy(self.folder / name, folder / name)
        return [
            Pc(Home.open(folder / name), self.keys[name], region)
            for name, (region, _) in zip(names, PCS, strict=False)
        ]


def start_hub(folder: Path, now_ms: Callable[[], int], *, is_newer: bool) -> Hub:
    hub = open_hub(folder / "hub", now_ms, {})
    if is_newer:
        hub = replace(hub, forms=FORMS)
        judge_new_forms(hub)
    return hub


def make_cast(folder: Path, patch: pytest.MonkeyPatch, disks: Disks | None = None) -> Cast:
    """The hub, its people, both stations open, all PCs enrolled and switched off."""
    disks = disks or Disks()
    patch.setitem(keys._MAKE, "signing", crypto.new_signing_key)
    patch.setitem(keys._MAKE, "sealing", crypto.new_sealing_key)
    # One hub, two regions: the public page takes openings of its own county only.
    patch.setattr(submitting, "check_region", lambda hub, values: None)
    patch.setattr(key_slot, "ARGON2_MEMORY_KIB", 64)
    with disks.in_use():
        return _made(folder, disks)


def _made(folder: Path, disks: Disks) -> Cast:
    hub = make_hub(folder / "hub", "高平市政务服务平台", COUNTY, lambda: START_MS, {})
    reviewer, admin = (Account(os.urandom(16), r, r, "1405") for r in ("reviewer", "admin"))
    with hub.store.writing():
        for account in (reviewer, admin):
            hub.store.people.add(account, "no password", START_MS)
    codes = {region: _open_station(hub, reviewer, region) for region in MARKS}
    unlocked: dict[str, Unlocked] = {}
    for number, (region, _) in enumerate(PCS):
        code = issue_code(hub, reviewer, codes[region])
        unlocked[f"pc{number}"] = enrolled(folder / f"pc{number}", hub, code)
    hub.store.close()
    return Cast(folder, reviewer, admin, unlocked, codes, disks)


def _open_station(hub: Hub, reviewer: Account, region: str) -> str:
    mark = MARKS[region]
    number, _ = submitting.submit_application(
        hub,
        {
            "applicant_unit": f"山西银行{region}支行",  # its name is told to whoever takes it over
            "contact_phone": "0356-2025678",
            "county": f"{mark}市",
            "site": f"{mark}商业街1号",
            "conditions": "人流量大，两名工作人员",
            "region_code": region,
            "host_type": "bank",
        },
    )
    application = find_by_number(hub, reviewer, number)
    record_agreement(
        hub, reviewer, application.record, "协1", "agreement", "2026-11-01", "2029-10-31"
    )
    version = find_by_number(hub, reviewer, number).version
    decided = decide_application(
        hub, reviewer, application.record, "approve", "同意", None, version
    )
    publish(hub, reviewer, region, 0)
    return decided.station_code


def publish(hub: Hub, reviewer: Account, region: str, issue: int) -> None:
    """Two items of a region's catalogue; with another issue number one of them is different."""
    mark = MARKS[region]
    rows = [
        {
            "department": f"{mark}市人社局",
            "item_name": f"{mark}申领{at * issue}",
            "item_code": str(at),
        }
        for at in (1000, 1001)
    ]
    publish_catalogue(hub, reviewer, rows, region)


def enrolled(folder: Path, hub: Hub, code: str) -> Unlocked:
    station = enrol_station(
        Home.open(folder),
        PIN,
        "http://hub.invalid",
        code,
        "李娟",
        device=DeviceSecret("insecure"),
        device_name="柜台",
        forms=forms.builtin(),
        now_ms=lambda: START_MS,
        connect=lambda url: DirectLine(hub),
    )
    unlocked = station.unlocked
    station.close()
    return unlocked
