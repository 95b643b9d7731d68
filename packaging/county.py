"""A small sample county, set up with the real commands: `run.py` shows it, `demo.py` tests it.

All people, telephone numbers and secrets here are invented and belong to the sample alone.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from commands import Desk, Hub, sets

SAMPLE = Path(__file__).resolve().parent / "sample"
CATALOGUE = SAMPLE / "catalogue_sample.csv"
LEDGER = SAMPLE / "ledger_sample.csv"

REGION = "140525"
COUNTY = "泽州县"
REVIEWER, OPERATOR, ADMIN = "reviewer", "operator", "admin"

# A passphrase: without a key store of the system a PIN would be too short.
PIN = "7391528460"

HELPER_CASE: dict[str, object] = {
    "applicant_name": "赵秀兰",
    "contact_phone": "13900008601",
    "task_name": "养老保险待遇领取资格认证",
    "dept_name": "县人社局",
    "window_name": "综合窗口",
    "is_accepted": "yes",
    "promised_limit": 0,
    "case_status": "handling",
    "special_group": ["elderly"],
    "question": "异地居住如何认证",
}
PROXY_CASE: dict[str, object] = {
    "applicant_name": "钱𬱖",
    "contact_phone": "13900008602",
    "task_name": "个体工商户设立登记",
    "dept_name": "县行政审批局",
    "window_name": "帮办代办窗口",
    "is_accepted": "yes",
    "promised_limit": 1,
    "case_status": "handling",
    "principal": "钱𬱖",
    "agent": "李娟",
    "scope": "代为提交材料、领取营业执照",
    "materials_complete": True,
}
ANOTHER_CASE: dict[str, object] = {
    "applicant_name": "孙䶮",
    "contact_phone": "13900008603",
    "task_name": "高龄津贴申请",
    "dept_name": "县民政局",
    "window_name": "综合窗口",
    "is_accepted": "yes",
    "promised_limit": 5,
    "case_status": "handling",
}


@dataclass(frozen=True)
class Opened:
    """A station that the county has just approved."""

    station_code: str
    enrolment_code: str


def found(hub: Hub, passwords: dict[str, str], catalogue: Path) -> str:
    """Makes the hub's folder, its three accounts and the catalogue. Returns what was published."""
    secret = hub.home.parent / "password"
    write_secret(secret, passwords[ADMIN])
    name = f"{COUNTY}政务服务中心"
    hub.run("init", "--name", name, "--region", REGION, "--password-file", secret)
    for account in (REVIEWER, OPERATOR):
        write_secret(secret, passwords[account])
        hub.run("account", "add", account, "--role", account, "--password-file", secret)
    secret.unlink()
    return hub.run("catalogue", "import", catalogue).strip()


def apply_to_open(hub: Hub, unit: str, site: str, phone: str) -> str:
    """Applies for a station (Annex A). Returns the application's number."""
    values = {
        "applicant_unit": unit,
        "contact_phone": phone,
        "county": COUNTY,
        "site": site,
        "conditions": "临街一层，日均客流约300人；工作人员2名；电脑、打印机齐备；经营稳定。",
        "region_code": f"{REGION}100000",
    }
    return hub.run("application", "submit", *sets(values)).split()[0]


def approve_opening(hub: Hub, number: str, agreement: str, name: str) -> Opened:
    """Records the signed agreement, approves, and takes the one-time code."""
    terms = ("--no", agreement, "--signed-on", "2026-03-01", "--valid-to", "2029-02-28")
    hub.run("application", "agree", number, *terms, "--as", REVIEWER)
    opinion = ("--opinion", "同意设置为政务服务便民服务站", "--station-name", name)
    decided = hub.read("application", "decide", number, "approve", *opinion, "--as", REVIEWER)
    return Opened(decided["station_code"], decided["code"])


def enrol(desk: Desk, hub: Hub, code: str, clerk: str) -> None:
    """A fresh folder becomes a PC of the station."""
    desk.run("enrol", "--hub", hub.url, "--code", code, "--name", clerk)


def copied(file: Path, folder: Path) -> Path:
    """A copy to import from: the repair file is written beside what was imported."""
    return Path(shutil.copy(file, folder / file.name))


def write_secret(path: Path, text: str) -> None:
    """A file that only its owner reads."""
    path.touch(mode=0o600)
    path.write_text(text + "\n", encoding="utf-8")
