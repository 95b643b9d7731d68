"""`make run`: a county's hub and one station's pages with sample data, until Ctrl-C.

Everything lies in a temporary folder that goes when the program ends; nothing of an earlier run is
touched. Names, numbers and secrets are the sample's own.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import webbrowser
from dataclasses import dataclass
from pathlib import Path

import county
from commands import BIN, ENVIRONMENT, Desk, Hub, free_port, stop

HUB_PORT = 8420
STATION_PORT = 8421
ACCOUNTS = {county.REVIEWER: "审核人", county.OPERATOR: "运维人员", county.ADMIN: "管理员"}
STATION_NAME = "城关镇银行网点政务服务便民服务站"

CASES = (
    ("helper_case", county.HELPER_CASE),
    ("helper_case", county.ANOTHER_CASE),
    ("proxy_case", county.PROXY_CASE),
)


@dataclass(frozen=True)
class Stage:
    """What the pages show: the hub, the station's PC, and the accounts' passwords."""

    hub: Hub
    desk: Desk
    passwords: dict[str, str]


def main() -> None:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    # Ignored from birth where a shell started this in the background.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="bianmin-run-", dir="/tmp"))
    hub = Hub(folder / "hub", a_port("县级平台 hub", HUB_PORT))
    station: subprocess.Popen[str] | None = None
    try:
        print("正在准备示例县…… (preparing a sample county)", flush=True)
        stage = set_up(hub, folder)
        station, address = open_pages(stage.desk)
        tell(stage, address, folder)
        show(address)
        station.wait()
    except KeyboardInterrupt:
        print("\n正在退出…… (stopping)", flush=True)
    finally:
        stop(station)
        hub.stop()
        shutil.rmtree(folder, ignore_errors=True)


def a_port(what: str, wanted: int) -> int:
    """The wanted port, or the next free one, saying so."""
    port = free_port(wanted)
    if port != wanted:
        print(f"{what}: 端口 {wanted} 已被占用，改用 {port} (port {wanted} is taken, using {port})")
    return port


def set_up(hub: Hub, folder: Path) -> Stage:
    """An approved station with two PCs, some cases, one conflict and one open application."""
    passwords = {name: secrets.token_urlsafe(9) for name in ACCOUNTS}
    county.found(hub, passwords, county.CATALOGUE)
    hub.start(folder / "hub.log")
    number = county.apply_to_open(hub, "示例银行城关支行", "城关镇中心街18号", "13900008600")
    opened = county.approve_opening(hub, number, "协议-2026-001", STATION_NAME)
    county.apply_to_open(hub, "示例邮政周村支局", "周村镇府前路6号", "13900008700")
    pin_file = folder / "pin"
    county.write_secret(pin_file, county.PIN)
    first, second = Desk(folder / "pc1", pin_file), Desk(folder / "pc2", pin_file)
    county.enrol(first, hub, opened.enrolment_code, "李娟")
    further = hub.run("station", "code", opened.station_code, "--as", county.REVIEWER).strip()
    county.enrol(second, hub, further, "王强")
    records = [first.read_json("record", kind, values)["record"] for kind, values in CASES]
    first.run("import", county.copied(county.LEDGER, folder))
    for desk in (first, second):
        desk.run("sync")
    disagree(first, second, records[0])
    return Stage(hub, first, passwords)


def disagree(first: Desk, second: Desk, record: str) -> None:
    """Both PCs change one telephone number without knowing of each other."""
    for desk, phone in ((second, "13900008611"), (first, "13900008622")):
        desk.run("amend", record, "--json", "-", given=json.dumps({"contact_phone": phone}))
    second.run("sync")
    first.run("sync")


def open_pages(desk: Desk) -> tuple[subprocess.Popen[str], str]:
    """The station's pages as a process, and the address that it prints."""
    port = a_port("便民服务站 station", STATION_PORT)
    command = [str(BIN / "bianmin-station"), "serve", "--home", str(desk.home), "--no-browser"]
    process = subprocess.Popen(
        [*command, "--port", str(port)],
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        start_new_session=True,
    )
    assert process.stdout is not None
    address = process.stdout.readline().strip()
    if not address:
        raise SystemExit("便民服务站没有启动。 (the station did not start)")
    return process, address


def tell(stage: Stage, address: str, folder: Path) -> None:
    print(f"\n县级平台 hub       {stage.hub.url}/")
    for name, role in ACCOUNTS.items():
        print(f"    {name:10} {stage.passwords[name]}    {role}")
    print(f"\n便民服务站 station  {address}")
    print(f"    口令       {county.PIN}    李娟（地址只能打开一次: the address opens once）")
    print(f"\n数据 data          {folder}（退出时删除: removed at the end）")
    print("按 Ctrl-C 退出 (Ctrl-C stops)\n", flush=True)


def show(address: str) -> None:
    """Opens the station's pages where there is a screen."""
    if sys.platform.startswith("linux") and not (
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    ):
        return
    webbrowser.open(address)


if __name__ == "__main__":
    main()
