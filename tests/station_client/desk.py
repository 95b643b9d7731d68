"""Builders: an enrolled station on real SQLCipher, a clock that moves when told, valid cases."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import forms
from station_client.device_secret import DeviceSecret
from station_client.home import Home
from station_client.services.enrol_station import hub_replicas
from station_client.station import Station, Transport
from station_client.store import open_store
from station_client.store.rows import Identity
from station_client.vault import Unlocked, Vault
from sync_protocol import channel, crypto, enrol

NOON = 1_772_424_000_000  # 2026-03-02 12:00 in China
PIN = "太行山上便民服务站一号"
COUNTY = "140722"
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Clock:
    ms: int = NOON

    def __call__(self) -> int:
        return self.ms

    def forward(self, seconds: float) -> None:
        self.ms += int(seconds * 1000)


class NoNetwork:
    """A station alone: every use of the network is a mistake of the test."""

    def fetch_card(self) -> bytes:
        raise AssertionError("the network was used")

    def enrol(self, data: bytes) -> bytes:
        raise AssertionError("the network was used")

    def exchange(self, data: bytes) -> bytes:
        raise AssertionError("the network was used")


def a_certificate(hub: enrol.HubKeys, keys: enrol.ReplicaKeys, **changes: Any) -> enrol.Certificate:
    parts: dict[str, Any] = {
        "version": 1,
        "hub": hub.public.id,
        "enrolment": b"e" * 16,
        "keys": keys.public,
        "station_code": f"{COUNTY}001",
        "station_name": "示例镇便民服务站",
        "grants": [
            enrol.Grant(b"c" * 16, "station", COUNTY),
            enrol.Grant(b"r" * 16, "region", COUNTY),
        ],
        "epoch": b"p" * 16,
        "issued_at": NOON,
        "device_number": 1,
    }
    return enrol.Certificate(**{**parts, **changes})


def new_hub_keys() -> enrol.HubKeys:
    return enrol.HubKeys(crypto.new_signing_key(), crypto.new_sealing_key())


def a_station(
    folder: Path,
    *,
    hub: enrol.HubKeys | None = None,
    replica: bytes = b"1" * 16,
    device_number: int = 1,
    clock: Callable[[], int] | None = None,
    transport: Transport | None = None,
) -> Station:
    """A station PC that is enrolled already, with a clerk who has unlocked it."""
    hub = hub or new_hub_keys()
    home = Home.open(folder)
    vault, data_key = Vault.create(home, b"k" * 16, PIN, DeviceSecret("insecure"))
    store = open_store(home.database, data_key, create=True)
    keys = enrol.ReplicaKeys(replica, crypto.new_signing_key(), crypto.new_sealing_key())
    certificate = a_certificate(hub, keys, device_number=device_number)
    body = enrol.envelope.pack(certificate)
    with store.writing():
        store.facts.keep_identity(
            Identity(
                replica=keys.replica,
                signing=keys.signing,
                sealing=keys.sealing,
                hub_url="http://hub.invalid",
                hub_signing=hub.public.signing,
                hub_sealing=hub.public.sealing,
                code_id=b"",
                certificate=body,
                signature=crypto.sign(hub.signing, b"bianmin/certificate", body),
            )
        )
        starts = [channel.start_of(each.channel, certificate.epoch) for each in certificate.grants]
        store.channels.add(certificate.grants, starts)
        store.channels.add_hub_replicas(hub_replicas(certificate, certificate.epoch))
    return Station.open(
        home,
        vault,
        Unlocked(b"k" * 16, data_key),
        store,
        forms.builtin(),
        clock or Clock(),
        lambda url: transport or NoNetwork(),
    )


def a_case(**changes: Any) -> dict[str, Any]:
    """A valid plain line of the ledger (intake_case)."""
    values: dict[str, Any] = {
        "ledger_date": "2026-03-02",
        "station_name": "示例镇便民服务站",
        "window_name": "1号窗口",
        "dept_name": "县人社局",
        "applicant_name": "王小明",
        "contact_phone": "13812345678",
        "task_name": "社会保障卡申领",
        "is_accepted": "yes",
        "promised_limit": 0,
        "case_status": "handling",
        "received_at": "09:15",
        "handler_name": "李娟",
    }
    return {**values, **changes}


def a_helper_case(**changes: Any) -> dict[str, Any]:
    """A valid helper case (Annex E)."""
    values: dict[str, Any] = {
        "station_name": "示例镇便民服务站",
        "registered_at": "2026-03-02T09:10:00+08:00",
        "channel": "visit",
        "applicant_name": "赵秀兰",
        "contact_phone": "13900001111",
        "task_name": "养老保险待遇领取资格认证",
        "dept_name": "县人社局",
        "window_name": "1号窗口",
        "is_accepted": "yes",
        "promised_limit": 0,
        "case_status": "handling",
        "helper_name": "李娟",
    }
    return {**values, **changes}
