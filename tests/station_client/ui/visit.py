"""Builders: a desk with its pages, and a browser of few words that visits them."""

import re
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from station_client.services.record_entry import record_clerk
from station_client.station import Station
from station_client.ui import Desk, Enrolment, Guard, create_app
from tests.station_client import desk as builders

PORT = 40_123
HOST = f"127.0.0.1:{PORT}"
HERE = f"http://{HOST}"
CLERK = b"k" * 16


@dataclass
class Program:
    """A running program without its server: what `app.serve` puts together."""

    station: Station
    clock: builders.Clock
    desk: Desk
    guard: Guard
    app: Flask
    asked_to_sync: list[int] = field(default_factory=list)


def a_program(folder: Path, port: int = PORT, **more: Any) -> Program:
    """An enrolled station on real SQLCipher, locked, with the clerk 李娟."""
    clock = builders.Clock()
    station = builders.a_station(folder, clock=clock, **more)
    record_clerk(station, CLERK, "李娟")

    def unlock(secret: str, clerk: bytes | None) -> Station:
        station.unlocked = station.vault.unlock(secret, clerk)
        return station

    def enrol(asked: Enrolment) -> Station:
        raise AssertionError("this station is enrolled")

    syncs: list[int] = []
    desk = Desk(station.home, unlock, enrol, clock, sync_soon=lambda: syncs.append(clock()))
    guard = Guard(port)
    app = create_app(desk, guard)
    app.testing = False  # errors become the page that a clerk would see
    return Program(station, clock, desk, guard, app, syncs)


@dataclass
class Visitor:
    """A browser: keeps its cookie, sends its origin, and puts the page's own token into forms."""

    client: FlaskClient

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.client.get(path, base_url=HERE, headers=headers)

    def post(self, path: str, data: dict[str, Any] | None = None, **headers: str) -> TestResponse:
        sent = {"csrf_token": self.token(), **(data or {})}
        return self.client.post(path, data=sent, base_url=HERE, headers={"Origin": HERE, **headers})

    def token(self) -> str:
        page = self.get("/clerks")  # any page has one
        if page.status_code == 302:
            page = self.get("/unlock")
        return unescape(re.findall(r'name="csrf-token" content="([^"]*)"', page.text)[0])


def a_visitor(program: Program) -> Visitor:
    """One who has come in through the launch token, and stands before the lock."""
    visitor = Visitor(program.app.test_client())
    assert visitor.get(f"/enter/{program.guard.mint()}").status_code == 302
    return visitor


def an_open_visitor(program: Program) -> Visitor:
    """One who has unlocked the desk."""
    visitor = a_visitor(program)
    assert visitor.post("/unlock", {"secret": builders.PIN}).status_code == 302
    return visitor


def typed(**changes: str) -> dict[str, str]:
    """What a clerk types into a new helper case, beside what the page fills in itself."""
    return {
        "station_name": "示例镇便民服务站",
        "registered_at": "2026-03-02 09:10",
        "channel": "visit",
        "applicant_name": "赵秀兰",
        "contact_phone": "13900001111",
        "task_name": "养老保险待遇领取资格认证",
        "dept_name": "县人社局",
        "window_name": "1号窗口",
        "is_accepted": "yes",
        "promised_limit": "即办",
        "case_status": "handling",
        "helper_name": "李娟",
        **changes,
    }


def records(program: Program, kind: str = "helper_case") -> list[dict[str, Any]]:
    """The values of all records of a kind."""
    return [row.values for row in program.station.store.records.of_kind([kind])]


def newest(program: Program, kind: str = "helper_case") -> str:
    """The address part of the record of a kind that changed last."""
    return program.station.store.records.of_kind([kind])[0].id.hex()
