"""The commands as a person types them: real processes where that matters, real files, no screen."""

import csv
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from click.testing import CliRunner, Result

from hub_server.app import open_hub
from hub_server.cli import main
from hub_server.services.write_records import append_word
from sync_protocol import channel, operations
from tests.hub_server.conftest import an_entry, enrol_desk

OPENING = [
    "applicant_unit=山西银行北留支行",
    "contact_phone=0356-2025678",
    "所在县(市、区)=高平市",
    "site=北留镇商业街1号",
    "conditions=人流量大",
]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "hub"
    made = _run("init", "--home", folder, "--name", "高平市", "--region", "140581", given=PASSWORD)
    assert made.exit_code == 0, made.output
    return folder


PASSWORD = "correct horse battery\n"


def _run(*arguments: Any, given: str = "") -> Result:
    told = list(map(str, arguments))
    if told[0] == "init" and given:
        told += ["--password-file", "-"]
    return CliRunner().invoke(main, told, input=given)


@pytest.fixture
def hub(home: Path) -> Callable[..., str]:
    def run(*arguments: Any, given: str = "") -> str:
        done = _run(*arguments, "--home", home, given=given)
        assert done.exit_code == 0, done.output
        return done.output

    return run


def apply_for(hub: Callable[..., str]) -> str:
    settings = [part for setting in OPENING for part in ("--set", setting)]
    return hub("application", "submit", *settings).split()[0]


def test_a_hub_is_made_once(home: Path) -> None:
    again = _run("init", "--home", home, "--name", "x", "--region", "140581", given=PASSWORD)
    assert again.exit_code == 1
    assert "[hub.exists]" in again.output


def test_the_keys_are_for_their_owner_alone(home: Path) -> None:
    modes = {path.name: path.stat().st_mode & 0o777 for path in (home / "keys").iterdir()}
    assert modes == {"signing.key": 0o600, "sealing.key": 0o600, "database.key": 0o600}
    assert (home / "keys").stat().st_mode & 0o777 == 0o700


def test_without_a_password_file_one_is_made_and_printed_once(tmp_path: Path) -> None:
    done = _run("init", "--home", tmp_path / "h", "--name", "x", "--region", "140581")
    assert len(done.output.rsplit("：", 1)[1].strip()) == 16


def test_a_weak_password_leaves_no_hub_behind(tmp_path: Path) -> None:
    weak = _run("init", "--home", tmp_path / "h", "--name", "x", "--region", "140581", given="1\n")
    assert "[account.password_weak]" in weak.output
    good = _run(
        "init", "--home", tmp_path / "h", "--name", "x", "--region", "140581", given=PASSWORD
    )
    assert good.exit_code == 0


def test_from_application_to_station_by_commands_alone(hub: Callable[..., str]) -> None:
    number = apply_for(hub)
    (line,) = json.loads(hub("application", "list", "--json"))
    assert (line["number"], line["state"]) == (number, "submitted")
    hub("application", "agree", number, "--no", "协1", "--signed-on", "2026-11-01")
    decided = json.loads(hub("application", "decide", number, "approve", "--json"))
    (station,) = json.loads(hub("station", "list", "--json"))
    assert (station["code"], station["state"]) == (decided["station_code"], "open")
    assert len(hub("station", "code", station["code"]).strip()) == 29


def test_what_is_held_is_listed_and_decided(hub: Callable[..., str], home: Path) -> None:
    number = apply_for(hub)
    hub("application", "agree", number, "--no", "协1", "--signed-on", "2026-11-01")
    decided = json.loads(hub("application", "decide", number, "approve", "--json"))
    opened = open_hub(home)
    desk = enrol_desk(opened, decided["code"])
    desk.write("intake_case", an_entry(), flags=operations.AFTER_CLOSING)
    closing = channel.ClosingEntry(until=opened.now_ms() + 1000, at=opened.now_ms())
    with opened.store.writing():
        append_word(opened, opened.store.journal.lock_channel(desk.channel), closing)
        opened.store.journal.set_closing(desk.channel, channel.entry_bytes(closing))
    desk.synchronise()
    opened.store.close()
    [item] = json.loads(hub("held", "list", "--json"))
    assert (item["verdict"], item["code"], item["waits_for_county"]) == ("held", "closed", True)
    assert "李兰" not in hub("held", "list")
    told = ("held", "decide", decided["station_code"], item["identity"])
    wrong = _run(*told[:3], "00" * 32, "--accept", "--reason", "x", "--home", home)
    assert "[undecided.unknown]" in wrong.output
    assert hub(*told, "--accept", "--reason", "已核实") == "1\n"
    assert json.loads(hub("held", "list", "--json")) == []


def test_a_refusal_is_one_sentence_and_a_code(hub: Callable[..., str], home: Path) -> None:
    number = apply_for(hub)
    refused = _run("application", "decide", number, "approve", "--home", home)
    assert refused.exit_code == 1
    assert "[application.no_agreement]" in refused.output
    assert "Traceback" not in refused.output


def test_an_account_acts_only_as_its_role_allows(hub: Callable[..., str], home: Path) -> None:
    hub("account", "add", "wang", "--role", "operator", "--password-file", "-", given=PASSWORD)
    refused = _run("application", "list", "--as", "wang", "--home", home)
    assert "[account.not_permitted]" in refused.output
    assert "wang\toperator\t140581" in hub("account", "list")


def test_an_application_comes_as_json_with_the_mark_of_a_text_editor(
    hub: Callable[..., str], tmp_path: Path
) -> None:
    file = tmp_path / "application.json"
    names = ("applicant_unit", "contact_phone", "county", "site", "conditions")
    values = {**dict.fromkeys(names, "城关镇"), "contact_phone": "13900001234"}
    file.write_text(json.dumps(values), encoding="utf-8-sig")
    assert json.loads(hub("application", "submit", "--json", file))["number"].startswith("140581")


def test_the_catalogue_is_published_once_and_amended(
    hub: Callable[..., str], tmp_path: Path
) -> None:
    file = tmp_path / "items.csv"
    file.write_bytes(
        "责任部门,事项名称,实施编码,task_type\n人社局,失业登记,A1,20\n".encode("gb18030")
    )
    assert "新增或变更 1 项" in hub("catalogue", "import", file)
    assert "新增或变更 0 项" in hub("catalogue", "import", file)
    file.write_text(
        "责任部门,事项名称,实施编码,task_type\n民政局,失业登记,A1,20\n", encoding="utf-8"
    )
    assert "新增或变更 1 项" in hub("catalogue", "import", file)


def test_a_bad_row_of_the_catalogue_is_named_and_nothing_is_published(
    hub: Callable[..., str], home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "items.csv"
    file.write_text(
        "责任部门,事项名称,实施编码\n人社局,失业登记,A1\n,缺部门,A2\n", encoding="utf-8"
    )
    refused = _run("catalogue", "import", file, "--home", home)
    assert "第 3 行" in refused.output
    file.write_text("责任部门,事项名称\n人社局,失业登记\n", encoding="utf-8")
    assert "实施编码" in _run("catalogue", "import", file, "--home", home).output


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_catalogue_as_a_spreadsheet_saves_it_is_published(
    hub: Callable[..., str], home: Path, tmp_path: Path, delimiter: str
) -> None:
    file = tmp_path / "items.csv"
    lines = ["责任部门, 事项名称 ,实施编码", "人社局,失业登记,A1", "", ",,", "人社局,退休审批"]
    file.write_text("\r\n".join(lines).replace(",", delimiter), encoding="utf-8-sig")
    assert "第 5 行" in _run("catalogue", "import", file, "--home", home).output
    file.write_text("\n".join(lines[:4]).replace(",", delimiter), encoding="utf-8-sig")
    assert hub("catalogue", "import", file) == "1 行，新增或变更 1 项\n"


def test_an_empty_ledger_is_exported_with_its_header(
    hub: Callable[..., str], tmp_path: Path
) -> None:
    hub("export", tmp_path / "ledger.csv")
    with (tmp_path / "ledger.csv").open(encoding="utf-8-sig", newline="") as file:
        assert next(csv.reader(file))[:4] == ["序号", "时间", "便民服务站名称", "窗口"]


def test_a_sound_hub_is_healthy(hub: Callable[..., str]) -> None:
    assert all(each["sound"] for each in json.loads(hub("health", "--json")))


def test_loose_keys_make_it_unhealthy(hub: Callable[..., str], home: Path) -> None:
    (home / "keys" / "signing.key").chmod(0o644)
    done = _run("health", "--home", home)
    assert done.exit_code == 1
    assert "signing.key" in done.output


def test_a_damaged_database_is_told_and_touched_no_further(home: Path) -> None:
    database = home / "hub.db"
    data = bytearray(database.read_bytes())
    data[5000] ^= 1
    database.write_bytes(bytes(data))
    done = _run("health", "--home", home)
    assert done.exit_code == 1
    assert "Traceback" not in done.output
    assert bytes(data) == database.read_bytes()


# --- a real process ------------------------------------------------------------------------------


@pytest.fixture
def server(
    home: Path, request: pytest.FixtureRequest
) -> Iterator[tuple[subprocess.Popen[bytes], str]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = _serve(home, port, *getattr(request, "param", ()))
    url = f"http://127.0.0.1:{port}"
    _wait_for(f"{url}/sync/v1/hub", process)
    yield process, url
    if process.poll() is None:
        process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _serve(home: Path, port: int, *more: str) -> subprocess.Popen[bytes]:
    command = [
        sys.executable,
        "-m",
        "hub_server",
        "serve",
        "--home",
        str(home),
        "--port",
        str(port),
        *more,
    ]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment
    )


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(url, timeout=5) as answer:
                assert answer.status == 200
                return
        except OSError:
            time.sleep(0.05)
    raise AssertionError("the server does not answer")


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
def test_a_running_hub_stops_cleanly(
    server: tuple[subprocess.Popen[bytes], str], stop: signal.Signals
) -> None:
    process, url = server
    process.send_signal(stop)
    assert process.wait(30) == 0
    assert process.stdout is not None
    said = process.stdout.read().decode()
    assert said.strip() == f"{url}/"


@pytest.mark.parametrize(
    ("server", "is_secure"),
    [(("--trusted-proxy", "127.0.0.1"), True), (("--trusted-proxy", "192.0.2.1"), False)],
    indirect=["server"],
)
def test_only_the_named_proxy_is_believed(
    server: tuple[subprocess.Popen[bytes], str], is_secure: bool
) -> None:
    asked = Request(f"{server[1]}/login", headers={"X-Forwarded-Proto": "https"})
    with urlopen(asked, timeout=30) as answer:
        assert ("Secure" in answer.headers["Set-Cookie"]) is is_secure


def test_a_hundred_slow_lines_shut_nobody_out(server: tuple[subprocess.Popen[bytes], str]) -> None:
    host, port = server[1].removeprefix("http://").split(":")
    head = b"POST /sync/v1/exchange HTTP/1.1\r\nHost: hub\r\nContent-Length: 100000\r\n\r\n.."
    with ExitStack() as slow:
        for _ in range(120):
            line = slow.enter_context(socket.create_connection((host, int(port)), timeout=30))
            line.sendall(head)
        with urlopen(f"{server[1]}/", timeout=30) as answer:
            assert answer.status == 200


def test_an_address_that_is_not_ours_is_told_apart_from_a_taken_port(home: Path) -> None:
    process = _serve(home, 0, "--host", "192.0.2.1")
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 1
    assert said.decode().strip().endswith("[hub.address]")


def test_a_second_server_of_one_folder_is_refused(
    server: tuple[subprocess.Popen[bytes], str], home: Path
) -> None:
    done = _run("serve", "--home", home, "--port", 0)
    assert "[hub.second_instance]" in done.output
    if os.name == "posix":
        assert (home / "hub.lock").stat().st_mode & 0o777 == 0o600


def test_commands_work_beside_a_running_server(
    server: tuple[subprocess.Popen[bytes], str], hub: Callable[..., str]
) -> None:
    assert apply_for(hub).startswith("140581")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("account add x --role admin --password-file nowhere", "hub.file"),
        ("account add x --role admin --region abc --password-file {text}", "account.region_form"),
        ("application submit --set applicant_unit", "command.setting"),
        ("application submit --set promised_limit=1", "command.setting"),
        ("application submit --json {text}", "command.json"),
        ("application decide \udcff approve", "command.text"),
        ("catalogue import nowhere", "hub.file"),
        ("catalogue import {text}", "catalogue.empty"),
        ("catalogue import {book}", "catalogue.encoding"),
        ("courier nowhere reply", "hub.file"),
        ("courier {text} {text}", "courier.foreign"),
        ("export nowhere/ledger.csv", "hub.file"),
        ("export ledger.csv --since soon", "export.date"),
        ("export ledger.csv --station 140581999", "station.unknown"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_leaves_no_file(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: str, code: str
) -> None:
    text = tmp_path / "text"
    text.write_text("just a line of text\n")
    book = tmp_path / "items.xlsx"
    book.write_bytes(b"PK\x03\x04\xff\xff")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    done = _run(
        *(part.format(text=text, book=book) for part in arguments.split(" ")), "--home", home
    )
    assert (done.exit_code, done.output.count("\n")) == (1, 1), done.output
    assert done.output.endswith(f"[{code}]\n")
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("given", "code"),
    [
        (("--name", " ", "--region", "140581"), "hub.name_form"),
        (("--name", "x", "--region", "14058"), "hub.region_form"),
        (("--name", "x", "--region", "140581", "--admin", ""), "account.name_form"),
    ],
)
def test_a_hub_without_a_name_is_not_made(
    tmp_path: Path, given: tuple[str, ...], code: str
) -> None:
    done = _run("init", "--home", tmp_path / "h", *given, given=PASSWORD)
    assert f"[{code}]" in done.output
    assert not (tmp_path / "h").exists()


def test_what_leaves_the_hub_is_for_its_owner_alone(
    hub: Callable[..., str], tmp_path: Path
) -> None:
    for name in ("a.csv", "a.xlsx", "a.jsonl"):
        hub("export", tmp_path / name)
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob("*.part"))


def test_health_tells_a_damaged_database(hub: Callable[..., str], home: Path) -> None:
    database = home / "hub.db"
    data = bytearray(database.read_bytes())
    data[4096 * 5 : 4096 * 25] = bytes(4096 * 20)
    database.write_bytes(data)
    told = _run("health", "--home", home)
    assert told.exit_code == 1
    assert "database: 数据库有" in told.output or "[hub.database]" in told.output


def test_an_emptied_database_is_damage_and_no_place_for_a_new_hub(
    hub: Callable[..., str], home: Path
) -> None:
    (home / "hub.db").write_bytes(b"")
    keys = {path: path.read_bytes() for path in (home / "keys").iterdir()}
    for command in ("health", "init"):
        more = ["--name", "高平市", "--region", "140581"] if command == "init" else []
        told = _run(command, "--home", home, *more)
        assert told.exit_code == 1
        assert "[hub.emptied]" in told.output
    assert (home / "hub.db").stat().st_size == 0
    assert {path: path.read_bytes() for path in (home / "keys").iterdir()} == keys
