"""Builders: a hub on real SQLCipher with its pages, browsers that behave, valid applications."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from html import unescape
from pathlib import Path
from typing import Any

from flask import Flask
from werkzeug.test import Client, TestResponse

from hub_server.accounts import Account, hash_password
from hub_server.app import create_app, make_hub
from hub_server.hub import Hub
from hub_server.services.applications import find_by_number
from hub_server.services.decide_application import Decided, decide_application
from hub_server.services.record_agreement import record_agreement
from hub_server.services.submit_application import submit_application
from tests.hub_server.conftest import Desk, enrol_desk

NOON = 1_772_424_000_000  # 2026-03-02 12:00 in China
COUNTY = "140502"
TOWN = "140502101"  # a part of the county, and another one: what one account may see and not
ELSEWHERE = "140502102"
PASSWORD = "correct horse battery 42"
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63f8cfc0000003010100c9fe92ef0000000049454e44ae426082"
)
NAMES = {"reviewer": "王审核", "operator": "李运维", "admin": "赵管理"}
_TOKEN = re.compile(r'name="csrf_token" value="([^"]+)"')


@cache
def hashed() -> str:
    """The one password of all these accounts, hashed once."""
    return hash_password(PASSWORD)


@dataclass
class Clock:
    ms: int = NOON

    def __call__(self) -> int:
        return self.ms

    def forward(self, seconds: float) -> None:
        self.ms += int(seconds * 1000)


@dataclass
class Browser:
    """Keeps cookies, sends the token of the page it last saw."""

    client: Client
    token: str = ""

    def get(self, path: str, **more: Any) -> TestResponse:
        return self._seen(self.client.get(path, **more))

    def post(self, path: str, data: Mapping[str, Any] | None = None, **more: Any) -> TestResponse:
        return self._seen(
            self.client.post(path, data={"csrf_token": self.token, **(data or {})}, **more)
        )

    def follow(self, answer: TestResponse) -> TestResponse:
        return self.get(answer.headers["Location"])

    def _seen(self, answer: TestResponse) -> TestResponse:
        found = _TOKEN.search(answer.text) if answer.mimetype == "text/html" else None
        if found:
            self.token = found[1]
        return answer


@dataclass
class County:
    """One hub and its pages. Accounts are made when they are first asked for."""

    hub: Hub
    app: Flask
    clock: Clock
    accounts: dict[tuple[str, str], Account] = field(default_factory=dict)

    def account(self, role: str, region: str = COUNTY) -> Account:
        key = role, region
        if key not in self.accounts:
            name = NAMES[role] + ("" if region == COUNTY else region)
            made = Account(os.urandom(16), name, role, region)
            with self.hub.store.writing():
                self.hub.store.people.add(made, hashed(), self.clock())
            self.accounts[key] = made
        return self.accounts[key]

    def desk(self, region: str = COUNTY, **changed: Any) -> Desk:
        """A PC of a freshly opened station."""
        code = self.open_station(region, **changed).code
        assert code is not None
        return enrol_desk(self.hub, code)

    def stranger(self, address: str = "192.0.2.1") -> Browser:
        client = self.app.test_client()
        client.environ_base["REMOTE_ADDR"] = address
        return Browser(client)

    def signed_in(self, role: str, region: str = COUNTY) -> Browser:
        browser = self.stranger()
        browser.get("/login")
        name = self.account(role, region).name
        answer = browser.post("/login", {"name": name, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        browser.get("/county/stations")
        return browser

    def apply(self, **changed: Any) -> tuple[str, str]:
        return submit_application(self.hub, an_application(**changed))

    def record_of(self, number: str) -> bytes:
        return find_by_number(self.hub, self.account("reviewer"), number).record

    def open_station(self, region: str = COUNTY, **changed: Any) -> Decided:
        """Applied, agreed, approved: a station with its code."""
        number, _ = self.apply(**{"region_code": full_code(region), **changed})
        reviewer = self.account("reviewer")
        found = find_by_number(self.hub, reviewer, number)
        agreed = ("协〔2026〕1号", "agreement", "2026-03-01", "2028-02-29")
        record_agreement(self.hub, reviewer, found.record, *agreed)
        found = find_by_number(self.hub, reviewer, number)
        return decide_application(
            self.hub, reviewer, found.record, "approve", "同意", None, found.version
        )


def a_county(home: Path, **more: Any) -> County:
    clock = Clock()
    hub = make_hub(home, "城区政务服务中心", COUNTY, clock, {})
    return County(hub, create_app(hub, **more), clock)


def full_code(region: str) -> str:
    """A division code as a form writes it: 6 or 12 digits."""
    return region if len(region) == 6 else region.ljust(12, "0")


def an_application(**changed: Any) -> dict[str, Any]:
    values = {
        "applicant_unit": "中国邮政储蓄银行城区支行",
        "contact_phone": "13812345678",
        "county": "城区",
        "site": "凤台西街100号",
        "conditions": "临街一层，日均人流量三百余人，配备工作人员2名。",
        "region_code": COUNTY,
        "host_type": "bank",
    }
    return {name: value for name, value in {**values, **changed}.items() if value is not None}


def text_of(answer: TestResponse) -> str:
    """What a person reads of a page."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", answer.text)))
