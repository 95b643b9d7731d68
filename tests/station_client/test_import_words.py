"""The import's report: what a clerk reads, what a program reads, and the command that prints it."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

import forms
from forms.checker import MARKABLE
from station_client import app
from station_client.cli import main
from station_client.device_secret import DeviceSecret
from station_client.home import Home
from station_client.import_words import COUNTS, MARK_WORDS, report_lines, report_values
from station_client.services.import_ledger import ImportReport, import_ledger
from tests.station_client import desk
from tests.station_client.ledgers import HEADER, a_csv, a_line

SAMPLE = Path(__file__).resolve().parents[2] / "packaging" / "sample" / "ledger_sample.csv"
INTAKE = forms.builtin().latest("intake_case")
ROWS = [
    HEADER,
    a_line(1),
    a_line(2, 时间="2024/3/1"),
    a_line(3, 联系方式="1.39E+10"),
    *(a_line(n, 时间="三月") for n in range(4, 30)),
]
Run = Callable[..., Result]


@pytest.fixture
def report(tmp_path: Path) -> Iterator[ImportReport]:
    station = desk.a_station(tmp_path / "home")
    yield import_ledger(station, a_csv(tmp_path / "三月.csv", ROWS))
    station.close()


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr(app, "find_or_create", lambda home_id, create: DeviceSecret("insecure"))
    desk.a_station(tmp_path / "home").close()
    pin = tmp_path / "pin"
    pin.write_text(desk.PIN, encoding="utf-8")

    def run(*arguments: str) -> Result:
        options = ["--home", str(tmp_path / "home"), "--pin-file", str(pin)]
        return CliRunner().invoke(main, ["import", *arguments, *options])

    return run


def test_the_report_says_what_became_of_every_row(report: ImportReport) -> None:
    lines = list(report_lines(report, INTAKE))
    assert lines[0] == "三月.csv：1 个工作表，共读取 30 行"
    assert lines[1].startswith(
        "原样导入 1　规范写法后导入 1　带标记导入 1　以前导入过 0　放进修复文件 26"
    )
    assert "规范写法：时间 1 处" in lines
    assert "标记：“联系方式”原表所写无法确认，1 行" in lines
    assert lines[-2] == "……另有 6 行，见修复文件"
    assert str(report.repair_file) in lines[-1]
    assert not any("1.39E+10" in line for line in lines)


def test_a_line_that_may_be_here_already_is_named(tmp_path: Path) -> None:
    station = desk.a_station(tmp_path / "home")
    import_ledger(station, a_csv(tmp_path / "一.csv", [HEADER, a_line(1, 办件状态="办理中")]))
    edited = import_ledger(
        station, a_csv(tmp_path / "二.csv", [HEADER, a_line(1), a_line(2, 姓名="张三")])
    )
    station.close()
    assert any("可能重复：有 1 行" in line for line in report_lines(edited, INTAKE))
    assert "第 2 行 可能重复" in report_lines(edited, INTAKE, details=True)
    assert report_values(edited)["rows_similar"] == [{"sheet": "", "row": 2}]


def test_with_details_each_change_is_shown_with_its_row(report: ImportReport) -> None:
    lines = list(report_lines(report, INTAKE, details=True))
    assert "第 3 行 时间“2024/3/1”→“2024-03-01”" in lines
    assert "第 4 行 “联系方式”原表所写无法确认" in lines
    assert sum("放进修复文件：" in line for line in lines) == 26


def test_the_counts_for_a_program_add_up_and_name_nobody(report: ImportReport) -> None:
    values = report_values(report)
    assert sum(values[name] for name, _ in COUNTS) == values["rows"] == 30
    assert values["marks"] == [{"field": "contact_phone", "code": "unreadable", "lines": 1}]
    assert "王小明" not in json.dumps(values, ensure_ascii=False)


def test_every_mark_that_a_line_can_carry_has_its_words() -> None:
    assert set(MARK_WORDS) == MARKABLE


def test_the_command_imports_and_prints_the_report(run: Run, tmp_path: Path) -> None:
    path = str(a_csv(tmp_path / "三月.csv", ROWS))
    first = run(path)
    assert first.exit_code == 0
    assert "带标记导入 1" in first.stdout
    again = run(path, "--json")
    assert json.loads(again.stdout)["already"] == 3
    assert "“2024/3/1”→“2024-03-01”" not in run(path, "--details").stdout  # nothing new


def test_a_file_that_cannot_be_imported_is_refused_with_its_code(run: Run, tmp_path: Path) -> None:
    for name, code in (("没有.csv", "import.no_file"), ("空.csv", "import.empty")):
        if code == "import.empty":
            (tmp_path / name).write_bytes(b"")
        result = run(str(tmp_path / name))
        assert result.exit_code == 1
        assert f"[{code}]" in result.stderr


def test_our_own_sample_has_lines_of_every_quality(run: Run, tmp_path: Path) -> None:
    copy = tmp_path / SAMPLE.name
    copy.write_bytes(SAMPLE.read_bytes())
    values = json.loads(run(str(copy), "--json").stdout)
    assert {name: values[name] for name, _ in COUNTS} == {
        "imported": 25,
        "mended": 8,
        "marked": 5,
        "already": 0,
        "set_aside": 2,
        "titles": 1,
        "headers": 1,
        "blanks": 0,
        "footers": 1,
    }


KILLED = """
import os, signal, sys
from pathlib import Path
from station_client.services import import_ledger as importing
from tests.station_client import desk

def cut(done, total):
    if done >= 40:
        os.kill(os.getpid(), signal.SIGKILL)

importing.LINES_PER_TRANSACTION = 20
importing.import_ledger(desk.a_station(Path(sys.argv[1])), Path(sys.argv[2]), cut)
"""


def test_a_process_that_is_killed_in_the_middle_leaves_whole_groups_and_the_rest_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = a_csv(tmp_path / "a.csv", [HEADER, *(a_line(n) for n in range(1, 101))])
    home = str(tmp_path / "home")
    root = Path(__file__).resolve().parents[2]
    ended = subprocess.run([sys.executable, "-c", KILLED, home, str(path)], cwd=root, check=False)
    assert ended.returncode == -signal.SIGKILL
    monkeypatch.setattr(app, "find_or_create", lambda home_id, create: DeviceSecret("insecure"))
    station = app.open_station(Home.open(Path(home)), desk.PIN)
    report = import_ledger(station, path)
    assert (report.already, report.imported) == (40, 60)
    cells = [row.cells for row in station.store.records.of_kind(["intake_case"])]
    assert sorted(int(line[0]) for line in cells if line) == list(range(1, 101))
    station.close()
