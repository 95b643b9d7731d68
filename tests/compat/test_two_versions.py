"""Two versions of the programs side by side: real processes of the first one, which spoke protocol
version 1, and of today's.

The earlier one is taken out of the repository's own history; a clone without it skips.
"""

import csv
import io
import json
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import commands
import county as sample
import pytest

from forms import LEDGER_COLUMNS
from tests.conftest import ROOT

EARLIER = "00c93dbce1aa"
"""The last commit whose programs spoke version 1 only."""

PASSWORDS = {
    sample.ADMIN: "adminadmin12",
    sample.REVIEWER: "reviewer1234",
    sample.OPERATOR: "op12345678",
}
APPLICANT = dict(LEDGER_COLUMNS)["applicant_name"]
STATION, HUB = "bianmin-station", "bianmin-hub"


@dataclass(frozen=True)
class Programs:
    """The two commands of one version."""

    station: Path
    hub: Path


TODAY = Programs(commands.BIN / STATION, commands.BIN / HUB)


@pytest.fixture(scope="module")
def earlier(tmp_path_factory: pytest.TempPathFactory) -> Programs:
    """The commands of the earlier version, on today's libraries."""
    git = shutil.which("git")
    if git is None:
        pytest.skip("needs git")
    command = [git, "-C", str(ROOT), "archive", "--format=zip", EARLIER, "forms", "sync_protocol"]
    packed = subprocess.run(
        [*command, "station_client", "hub_server"], capture_output=True, check=False
    )
    if packed.returncode != 0:
        pytest.skip(f"this clone's history does not reach back to {EARLIER}")
    folder = tmp_path_factory.mktemp("earlier")
    with zipfile.ZipFile(io.BytesIO(packed.stdout)) as files:
        files.extractall(folder)
    return Programs(
        _command(folder, STATION, "station_client"), _command(folder, HUB, "hub_server")
    )


def _command(folder: Path, name: str, package: str) -> Path:
    path = folder / name
    path.write_text(
        f"#!{sys.executable}\n"
        f"import sys\nsys.path.insert(0, {str(folder)!r})\n"
        f"from {package}.cli import main\nmain()\n"
    )
    path.chmod(0o755)
    return path


@dataclass
class Desks:
    """One county with a hub of one version, and as many PCs of its one station as are enrolled."""

    folder: Path
    hub: commands.Hub
    station_code: str = ""

    def pc(self, name: str, programs: Programs, code: str | None = None) -> commands.Desk:
        desk = commands.Desk(self.folder / name, self.folder / "pin", programs.station)
        code = code or self.hub.run("station", "code", self.station_code, "--as", sample.REVIEWER)
        sample.enrol(desk, self.hub, code.strip(), name)
        return desk

    def on_hub(self) -> list[str]:
        """The applicants of the cases that the hub has accepted, in order of name."""
        file = self.folder / "export.jsonl"
        self.hub.run("export", file, "--station", self.station_code)
        rows = map(json.loads, file.read_text(encoding="utf-8").splitlines())
        file.unlink()
        return sorted(
            row["values"]["applicant_name"]
            for row in rows
            if str(row.get("kind", "")).endswith("_case")
        )


@contextmanager
def a_county(folder: Path, programs: Programs) -> Iterator[tuple[Desks, str]]:
    """A county whose hub runs, and the code for the first PC of its station."""
    hub = commands.Hub(folder / "hub", commands.free_port(18700), program=programs.hub)
    sample.found(hub, PASSWORDS, sample.CATALOGUE)
    sample.write_secret(folder / "pin", sample.PIN)
    hub.start(folder / "hub.log")
    try:
        number = sample.apply_to_open(hub, "示例银行", "中心街18号", "13900008600")
        opened = sample.approve_opening(hub, number, "协议-1", "示例便民服务站")
        yield Desks(folder, hub, opened.station_code), opened.enrolment_code
    finally:
        hub.stop()


def record(desk: commands.Desk, name: str) -> None:
    desk.read_json("record", "helper_case", {**sample.HELPER_CASE, "applicant_name": name})


def synchronised(desk: commands.Desk) -> bool:
    desk.run("sync")
    status = desk.read("status")
    return bool(status["synchronised"]) and not status["pending"]


def cases_of(desk: commands.Desk, folder: Path) -> list[str]:
    """The applicants in a desk's ledger, in order of name."""
    file = folder / "ledger.csv"
    desk.run("export", file)
    rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"), newline="")))
    file.unlink()
    [column] = (
        name for name in rows[0] if "姓名" in name or "申请人" in name or "服务对象" in name
    )
    return sorted(row[column] for row in rows)


def test_desks_of_both_versions_work_with_todays_hub(earlier: Programs, tmp_path: Path) -> None:
    with a_county(tmp_path, TODAY) as (county, code):
        old, new = county.pc("old", earlier, code), county.pc("new", TODAY)
        for desk, name in ((old, "甲"), (new, "乙"), (old, "丙")):
            record(desk, name)
            assert synchronised(desk)
        # The newer one loses its tail witness, mints, and writes on: no alarm to the older.
        record(new, "丁")
        (tmp_path / "new" / "witness").unlink()
        record(new, "戊")
        assert all(synchronised(desk) for desk in (new, old, new))
        assert county.on_hub() == sorted("甲乙丙丁戊")
        assert cases_of(new, tmp_path) == sorted("甲乙丙丁戊")
        record(old, "己")
        assert all(synchronised(desk) for desk in (old, new))
        assert county.on_hub() == sorted("甲乙丙丁戊己")


def test_todays_desk_works_with_the_earlier_hub(earlier: Programs, tmp_path: Path) -> None:
    with a_county(tmp_path, earlier) as (county, code):
        old, new = county.pc("old", earlier, code), county.pc("new", TODAY)
        for desk, name in ((new, "甲"), (old, "乙"), (new, "丙")):
            record(desk, name)
            assert synchronised(desk)
        assert synchronised(new)
        assert county.on_hub() == cases_of(new, tmp_path) == sorted("甲乙丙")


def test_hub_and_desk_are_upgraded_in_the_middle_of_the_work(
    earlier: Programs, tmp_path: Path
) -> None:
    with a_county(tmp_path, earlier) as (county, code):
        desk = county.pc("desk", earlier, code)
        record(desk, "甲")
        assert synchronised(desk)
        record(desk, "乙")
        county.hub.stop()
        county.hub.program = TODAY.hub
        county.hub.start(tmp_path / "hub.log")
        assert synchronised(desk)
        record(desk, "丙")
        upgraded = replace(desk, program=TODAY.station)
        record(upgraded, "丁")
        assert synchronised(upgraded)
        assert county.on_hub() == cases_of(upgraded, tmp_path) == sorted("甲乙丙丁")


def test_an_earlier_program_leaves_a_newer_folder_alone(earlier: Programs, tmp_path: Path) -> None:
    with a_county(tmp_path, TODAY) as (county, code):
        desk = county.pc("desk", TODAY, code)
        record(desk, "甲")
        with pytest.raises(commands.CommandFailed, match=r"更新|升级|新版"):
            record(replace(desk, program=earlier.station), "乙")
        assert synchronised(desk)
        assert county.on_hub() == ["甲"]
