"""`make demo`: a station from application to closing, with real processes and no hands.

Two PCs record, edit the same cases offline, import a ledger, lose their hub in the middle, meet
again, settle, use a stick, and close. At the end the hub's export is compared, cell by cell, with
what was typed and what the imported file says. Any difference is an exit code that is not zero.
"""

from __future__ import annotations

import csv
import json
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import county
from commands import BIN, ENVIRONMENT, CommandFailed, Desk, Hub, free_port

SHARED_LEDGER = (
    Path(__file__).resolve().parents[2] / "shared" / "data" / "ledger" / "ledger_dev_600_utf8.csv"
)
UNTIL_KILL_SECONDS = 20


@dataclass
class Story:
    """What was typed and imported, as it must stand at the hub in the end, and the figures."""

    typed: dict[str, dict[str, Any]] = field(default_factory=dict)
    exchanges: int = 0
    bytes_moved: int = 0
    conflicts: int = 0
    step_number: int = 0

    def step(self, what: str, **figures: object) -> None:
        self.step_number += 1
        told = "  ".join(f"{name}={value}" for name, value in figures.items())
        print(f"{self.step_number:2}. {what}  {told}".rstrip(), flush=True)

    def record(self, desk: Desk, kind: str, values: dict[str, Any]) -> str:
        answer = desk.read_json("record", kind, values)
        self.typed[answer["record"]] = dict(values)
        return str(answer["record"])

    def amend(self, desk: Desk, record: str, **changes: Any) -> None:
        desk.run("amend", record, "--json", "-", given=json.dumps(changes))

    def expect(self, record: str, **changes: Any) -> None:
        self.typed[record].update(changes)

    def count(self, outcome: dict[str, Any]) -> dict[str, Any]:
        """Adds an exchange's figures; returns those worth printing."""
        self.exchanges += outcome["requests"]
        self.bytes_moved += outcome["bytes_out"] + outcome["bytes_in"]
        shown = ("pushed", "pulled", "requests", "bytes_out", "bytes_in", "synchronised")
        return {name: outcome[name] for name in shown}

    def sync(self, desk: Desk) -> dict[str, Any]:
        return self.count(desk.read("sync"))


@contextmanager
def workshop() -> Iterator[Path]:
    """A folder for one telling of the story, kept when it fails."""
    folder = Path(tempfile.mkdtemp(prefix="bianmin-demo-", dir="/tmp"))
    try:
        yield folder
    except BaseException:
        print(f"kept for inspection: {folder}", file=sys.stderr)
        raise
    shutil.rmtree(folder)


def main() -> None:
    with workshop() as folder:
        story = Story()
        hub = Hub(folder / "hub", free_port(8430))
        log = folder / "hub.log"
        try:
            first, second, station_code = open_the_station(story, hub, folder, log)
            tell_the_working_days(story, hub, log, first, second, folder)
            close_the_station(story, hub, first, second, station_code)
            differences = compare(story, hub, folder)
        finally:
            hub.stop()
    if differences:
        raise SystemExit(1)


# --- opening ------------------------------------------------------------------------------------


def open_the_station(story: Story, hub: Hub, folder: Path, log: Path) -> tuple[Desk, Desk, str]:
    passwords = {
        name: secrets.token_urlsafe(12) for name in (county.ADMIN, county.REVIEWER, county.OPERATOR)
    }
    published = county.found(hub, passwords, county.CATALOGUE)
    hub.start(log)
    story.step("a hub", address=hub.url, catalogue=published)
    number = county.apply_to_open(hub, "示例银行城关支行", "城关镇中心街18号", "13900008600")
    story.step("an application to open a station (Annex A)", number=number)
    refused = failure(hub, "application", "decide", number, "approve", "--as", county.REVIEWER)
    demand("application.no_agreement" in refused, "approved without an agreement")
    name = "城关镇银行网点政务服务便民服务站"
    opened = county.approve_opening(hub, number, "协议-2026-001", name)
    story.step("agreement recorded, opening approved", station=opened.station_code)
    desks = tuple(a_desk(folder, f"pc{n}") for n in (1, 2))
    county.enrol(desks[0], hub, opened.enrolment_code, "李娟")
    further = hub.run("station", "code", opened.station_code, "--as", county.REVIEWER).strip()
    county.enrol(desks[1], hub, further, "王强")
    reused = failure(a_desk(folder, "pc3"), *enrolment(hub, opened.enrolment_code))
    demand("enrol.code_used" in reused, "a used code enrolled another PC")
    for desk in desks:
        story.sync(desk)
    story.step("two PCs enrolled; a used code is refused", exchanges=story.exchanges)
    return desks[0], desks[1], opened.station_code


def a_desk(folder: Path, name: str) -> Desk:
    pin_file = folder / "pin"
    if not pin_file.exists():
        county.write_secret(pin_file, county.PIN)
    return Desk(folder / name, pin_file)


def enrolment(hub: Hub, code: str) -> tuple[str, ...]:
    return ("enrol", "--hub", hub.url, "--code", code, "--name", "无名")


def failure(runner: Hub | Desk, *arguments: str) -> str:
    """What a command says that must fail."""
    try:
        runner.run(*arguments)
    except CommandFailed as told:
        return str(told)
    raise SystemExit(f"this should have been refused: {' '.join(arguments)}")


def demand(holds: bool, else_words: str) -> None:
    if not holds:
        raise SystemExit(else_words)


# --- working days -------------------------------------------------------------------------------


def tell_the_working_days(
    story: Story, hub: Hub, log: Path, first: Desk, second: Desk, folder: Path
) -> None:
    helper = story.record(first, "helper_case", county.HELPER_CASE)
    proxy = story.record(first, "proxy_case", county.PROXY_CASE)
    figures = story.sync(first)
    arrived = {each["record"] for each in exported(hub, folder) if each["cells"]}
    demand({helper, proxy} <= arrived, "a recorded case has no ledger line at the hub")
    story.step("a helper and a proxy case, their ledger lines at the hub", **figures)
    story.step("the second PC has them", **story.sync(second))

    hub.kill()
    story.step("the hub is killed: both PCs are offline")
    ledger = county.copied(ledger_file(), folder)
    report = first.read("import", ledger)
    story.step("the first PC imports a ledger", file=ledger.name, **counts_of(report))
    story.amend(first, helper, contact_phone="13900008611", answer="可在掌上12333认证")
    story.amend(first, proxy, fee_note="工本费由本人缴纳")
    story.amend(second, helper, contact_phone="13900008622", help_kinds=["fill_in"])
    story.amend(second, proxy, result_name="营业执照")
    story.expect(helper, answer="可在掌上12333认证", help_kinds=["fill_in"])
    story.expect(proxy, fee_note="工本费由本人缴纳", result_name="营业执照")
    offline = failure(second, "sync")
    demand("transport.down" in offline, f"an unreachable hub is called something else: {offline}")
    story.step(
        "both edit the same cases", pending_first=pending(first), pending_second=pending(second)
    )

    hub.start(log)
    interrupted = sync_until_killed(first, hub)
    hub.start(log)
    story.step(
        "the hub is killed in the middle of an exchange, and started", client_saw=interrupted
    )
    story.step("the first PC", **story.sync(first))
    story.step("the second PC", **story.sync(second))
    story.step("the first PC again", **story.sync(first))
    settle(story, first, second, helper)
    carry_on_a_stick(story, hub, second, folder)
    story.step("the first PC again", **story.sync(first))


def ledger_file() -> Path:
    return SHARED_LEDGER if SHARED_LEDGER.exists() else county.LEDGER


def counts_of(report: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in report.items() if isinstance(value, int)}


def pending(desk: Desk) -> int:
    return int(desk.read("status")["pending"])


def sync_until_killed(desk: Desk, hub: Hub) -> str:
    """Starts an exchange and kills the hub as soon as it begins to write what it was sent."""
    journal = hub.home / "hub.db-wal"
    before = journal.stat().st_mtime_ns if journal.exists() else 0
    options = ["sync", "--home", str(desk.home), "--pin-file", str(desk.pin_file)]
    client = subprocess.Popen(
        [str(BIN / "bianmin-station"), *options],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=ENVIRONMENT,
    )
    deadline = time.monotonic() + UNTIL_KILL_SECONDS
    while client.poll() is None and time.monotonic() < deadline:
        if journal.exists() and journal.stat().st_mtime_ns > before:
            break
        time.sleep(0.001)
    hub.kill()
    _, told = client.communicate(timeout=120)
    return told.decode().strip().splitlines()[-1] if client.returncode else "a whole exchange"


def settle(story: Story, first: Desk, second: Desk, helper: str) -> None:
    """The telephone number that both changed: shown with both sides, settled at the second PC."""
    found = second.read("conflicts")
    story.conflicts = len(found)
    [disputed] = found
    values = [side["value"] for side in disputed["sides"]]
    demand(disputed["record"] == helper, "the conflict is about another record")
    demand(disputed["register"] == "contact_phone", "the conflict is about another field")
    demand(sorted(values) == ["13900008611", "13900008622"], "a side of the conflict is missing")
    side = values.index("13900008622") + 1
    second.run("settle", helper, "contact_phone", "--side", side)
    story.expect(helper, contact_phone="13900008622")
    story.sync(second)
    story.sync(first)
    for desk in (first, second):
        demand(desk.read("conflicts") == [], "the conflict is still open after it was settled")
    story.step("a conflict shown with both sides, and settled", field=disputed["label"])


def carry_on_a_stick(story: Story, hub: Hub, desk: Desk, folder: Path) -> None:
    story.record(desk, "helper_case", county.ANOTHER_CASE)
    out, back = folder / "to-county.bmc", folder / "to-station.bmc"
    desk.run("courier", "out", out)
    damaged = folder / "damaged.bmc"
    damaged.write_bytes(out.read_bytes()[:-7])
    refused = failure(hub, "courier", str(damaged), str(back))
    demand("courier.damaged" in refused, "a damaged courier file was not noticed")
    hub.run("courier", out, back)
    outcome = story.count(desk.read("courier", "in", back))
    demand(outcome["synchronised"], "the courier exchange did not reach the end")
    size = out.stat().st_size + back.stat().st_size
    story.step("one exchange by courier file", file_bytes=size, pushed=outcome["pushed"])


# --- closing ------------------------------------------------------------------------------------


def close_the_station(story: Story, hub: Hub, first: Desk, second: Desk, station_code: str) -> None:
    values = {
        "applicant_name": "李娟",
        "contact_phone": "13900008600",
        "county": county.COUNTY,
        "address": "城关镇中心街18号",
        "close_reason": "网点搬迁",
    }
    application = first.run(
        "apply", "station_close", "--json", "-", given=json.dumps(values)
    ).strip()
    story.typed[application] = values
    story.sync(first)
    decide = ("application", "decide", application, "approve", "--opinion", "同意注销")
    refused = failure(hub, *decide, "--as", county.REVIEWER)
    demand("application.open_cases" in refused, f"open cases did not stop the closing: {refused}")
    number = county.apply_to_open(hub, "示例邮政城关支局", "城关镇中心街20号", "13900008700")
    name = "城关镇邮政网点政务服务便民服务站"
    other = county.approve_opening(hub, number, "协议-2026-002", name)
    handover = ("--handover-to", other.station_code)
    closed = hub.read(*decide, *handover, "--as", county.REVIEWER)
    for desk in (first, second):
        story.sync(desk)
    states = {each["code"]: each["state"] for each in hub.read("station", "list")}
    demand(states[station_code] == "closed", "the station is not closed")
    story.step(
        "closing: refused while cases are open, approved with another station for them",
        state=closed["state"],
    )
    first.read_json("record", "helper_case", county.ANOTHER_CASE)
    story.sync(first)
    held = first.read("status")["held"]
    demand(held == 1, "what was recorded after the closing is not held for the county")
    story.step("what is recorded after the closing is held for the county", held=held)


# --- the comparison -------------------------------------------------------------------------------


def exported(hub: Hub, folder: Path) -> list[dict[str, Any]]:
    """The hub's records in full."""
    file = folder / "export.jsonl"
    hub.run("export", file)
    lines = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [line for line in lines if line["type"] == "record"]


def compare(story: Story, hub: Hub, folder: Path) -> int:
    """Everything typed and every imported cell against the hub's export: how many differ."""
    records = {each["record"]: each for each in exported(hub, folder)}
    differences = [
        f"{record} {name}: typed {value!r}, exported {found!r}"
        for record, values in story.typed.items()
        for name, value in values.items()
        if (found := records.get(record, {"values": {}})["values"].get(name)) != value
    ]
    differences += compare_import(list(records.values()))
    for each in differences[:20]:
        print(each, file=sys.stderr)
    operations = sum(len(each["operations"]) for each in records.values())
    entries = sum(1 for each in records.values() if each["cells"])
    verdict = "ok" if not differences else "FAILED"
    print(
        f"demo: {verdict}, {entries} entries, {operations} operations, "
        f"{story.exchanges} exchanges, {story.bytes_moved} bytes, "
        f"{story.conflicts} conflicts, {len(differences)} differences"
    )
    return len(differences)


def compare_import(records: list[dict[str, Any]]) -> list[str]:
    """Each imported line's original, and its ledger line where nothing was mended."""
    ledger = ledger_file()
    with ledger.open(encoding="utf-8-sig", newline="") as file:
        rows = dict(enumerate(csv.reader(file), 1))
    imported = {
        each["values"]["source"]["row"]: each for each in records if each["values"].get("source")
    }
    differences = []
    for number, each in sorted(imported.items()):
        source, row = each["values"]["source"], rows[number]
        differences += differing(f"row {number}, original", row, source["cells"])
        if not source["mended"]:
            differences += differing(f"row {number}, ledger", row, each["cells"])
    if ledger is SHARED_LEDGER and len(imported) != len(rows) - 1:
        differences.append(f"{len(rows) - 1} lines in the file, {len(imported)} at the hub")
    return differences


def differing(where: str, expected: list[str], found: list[str]) -> list[str]:
    return [
        f"{where}, column {column}: {a!r} became {b!r}"
        for column, (a, b) in enumerate(zip(expected, found, strict=True), 1)
        if a != b
    ]


if __name__ == "__main__":
    main()
