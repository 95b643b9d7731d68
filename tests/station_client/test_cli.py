"""The command line as a person or a script uses it, against a real HTTP server."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.request import HTTPCookieProcessor, build_opener

import pytest
from click.testing import CliRunner, Result

from hub_server import verify
from station_client import app
from station_client.cli import main
from station_client.device_secret import DeviceSecret
from station_client.home import Home
from sync_protocol import channel, courier
from sync_protocol.channel import Verdict
from tests.station_client import desk
from tests.station_client.fake_hub import STATION, FakeHub
from tests.station_client.loopback import hub_answers, serving
from tests.station_client.test_retire import EVERYTHING

Run = Callable[..., Result]


@pytest.fixture
def hub() -> FakeHub:
    return FakeHub(app.now_ms)


@pytest.fixture
def address(hub: FakeHub) -> Iterator[str]:
    with serving(hub_answers(hub)) as address:
        yield address


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`run("status", "--json", pc="a")`: the home is the PC's name, the PIN comes from a file."""
    monkeypatch.setattr(app, "find_or_create", lambda home_id, create: DeviceSecret("insecure"))
    pin_file = tmp_path / "pin"
    pin_file.write_text(desk.PIN + "\n", encoding="utf-8")

    def run(*arguments: str, pc: str = "a", stdin: str | None = None, ok: bool = True) -> Result:
        options = ["--home", str(tmp_path / pc)]
        if arguments[0] != "serve":
            options += ["--pin-file", str(pin_file)]
        result = CliRunner().invoke(main, [*arguments, *options], input=stdin)
        assert (result.exit_code == 0) is ok, (result.output, result.exception)
        return result

    return run


@pytest.fixture
def enrolled(run: Run, hub: FakeHub, address: str) -> Run:
    run("enrol", "--hub", address, "--code", hub.new_code(), "--name", "李娟")
    return run


SETTINGS = [
    f"--set={name}={value}"
    for name, value in {
        "window_name": "1号窗口",
        "dept_name": "县人社局",
        "applicant_name": "王小明",
        "contact_phone": "138 1234 5678",
        "task_name": "社会保障卡申领",
        "is_accepted": "是",
        "promised_limit": "即办",
        "case_status": "办理中",
    }.items()
]


def test_a_case_is_recorded_in_words_and_reaches_the_hub(enrolled: Run, hub: FakeHub) -> None:
    record, case_no = enrolled("record", "intake_case", *SETTINGS).stdout.split()
    assert (len(record), len(case_no)) == (32, 21)
    assert "已同步" in enrolled("sync").stdout
    assert len(hub.logs[b"c" * 16]) == 2  # the clerk, and the case


def test_values_come_as_json_and_the_answer_is_json(enrolled: Run, tmp_path: Path) -> None:
    file = tmp_path / "case.json"
    file.write_text(json.dumps(desk.a_helper_case()), encoding="utf-8-sig")
    answer = json.loads(enrolled("record", "helper_case", "--json", str(file)).stdout)
    assert len(answer["case_no"]) == 21


def test_problems_are_told_one_by_one_with_their_codes(enrolled: Run) -> None:
    told = enrolled("record", "intake_case", "--set=contact_phone=12x", ok=False)
    assert told.exit_code == 1
    assert "form.problems" in told.stderr
    assert "contact_phone" in told.stderr
    assert json.loads(enrolled("status", "--json").stdout)["pending"] == 1


def test_the_inbox_is_told_in_words_and_as_json(enrolled: Run, hub: FakeHub) -> None:
    hub.judge = lambda *_: (Verdict.REFUSED, "check:contact_phone:format")
    made = enrolled("record", "intake_case", "--json", "-", stdin=json.dumps(desk.a_case()))
    enrolled("sync")
    found = json.loads(enrolled("inbox", "--json").stdout)
    refused = [each for each in found if each["record"] == json.loads(made.stdout)["record"]]
    assert [(each["matter"], each["actor"], each["code"]) for each in refused] == [
        ("refused", "clerk", "check:contact_phone:format")
    ]
    assert "“联系方式”" in enrolled("inbox").stdout


def test_a_closed_desk_is_sealed_and_erased_by_command(run: Run, tmp_path: Path) -> None:
    hub = FakeHub(app.now_ms, covered=EVERYTHING)
    with serving(hub_answers(hub)) as address:
        run("enrol", "--hub", address, "--code", hub.new_code(), "--name", "李娟")
        run("sync")
        assert "not_closed" in run("retire").stdout
        hub.append(STATION, channel.ClosingEntry(app.now_ms() + 10**9, app.now_ms()))
        run("sync")
        assert run("retire").stdout == ""
        assert "本站已于" in run("status").stdout
        wrong = run("retire", "--seal", "--confirm", "1", ok=False)
        assert "[retire.confirm]" in wrong.stderr
        assert "已封存" in run("retire", "--seal", "--confirm", "140722001").stdout
        late = run("record", "intake_case", *SETTINGS, ok=False)
        assert "[station.sealed]" in late.stderr
        assert "已销毁" in run("retire", "--erase", "--confirm", "140722001").stdout
    assert not (tmp_path / "a" / "station.db").exists()
    assert "[vault.missing]" in run("status", ok=False).stderr


def test_two_pcs_settle_a_conflict(enrolled: Run, hub: FakeHub, address: str) -> None:
    enrolled("enrol", "--hub", address, "--code", hub.new_code(), "--name", "张强", pc="b")
    record = enrolled("record", "intake_case", *SETTINGS).stdout.split()[0]
    enrolled("sync")
    enrolled("sync", pc="b")
    enrolled("amend", record, "--set=applicant_name=王晓明")
    enrolled("amend", record, "--set=applicant_name=王小鸣", pc="b")
    for pc in ("a", "b", "a"):
        enrolled("sync", pc=pc)
    [conflict] = json.loads(enrolled("conflicts", "--json").stdout)
    assert {side["text"] for side in conflict["sides"]} == {"王晓明", "王小鸣"}
    assert {side["author"] for side in conflict["sides"]} == {"李娟", "张强"}
    enrolled("settle", record, conflict["register"], "--side", "1")
    assert json.loads(enrolled("conflicts", "--json").stdout) == []


def test_a_courier_file_does_what_a_network_does(
    enrolled: Run, hub: FakeHub, tmp_path: Path
) -> None:
    enrolled("record", "intake_case", *SETTINGS)
    out, back = tmp_path / "out.bin", tmp_path / "back.bin"
    enrolled("courier", "out", str(out))
    back.write_bytes(courier.frame(hub.exchange(courier.unframe(out.read_bytes()))))
    assert "已同步" in enrolled("courier", "in", str(back)).stdout
    again = enrolled("courier", "in", str(back), ok=False)
    assert "[courier.answered]" in again.stderr
    assert json.loads(enrolled("status", "--json").stdout)["pending"] == 0


def test_a_receipt_shows_an_auditor_what_the_county_signed(
    enrolled: Run, hub: FakeHub, tmp_path: Path
) -> None:
    enrolled("record", "intake_case", *SETTINGS)
    enrolled("sync")
    told = enrolled("receipt", str(tmp_path / "receipts")).output
    assert hub.keys.public.fingerprint.hex() in told
    assert "王小明".encode() not in (tmp_path / "receipts").read_bytes()
    receipts = verify.receipts_in(tmp_path / "receipts")
    assert len(receipts) == 2
    assert all(verify.receipt_holds(hub.keys.public.signing, each) for each in receipts)


def test_a_second_clerk_unlocks_with_an_own_pin(enrolled: Run, tmp_path: Path) -> None:
    new = tmp_path / "new-pin"
    new.write_text("黄河水长流十里店村二号", encoding="utf-8")
    enrolled("clerk", "add", "--name", "张强", "--new-pin-file", str(new))
    options = ["--home", str(tmp_path / "a"), "--pin-file", str(new), "--json"]
    assert CliRunner().invoke(main, ["status", *options]).exit_code == 0


def test_a_wrong_pin_is_told_and_opens_nothing(enrolled: Run, tmp_path: Path) -> None:
    told = CliRunner().invoke(
        main, ["status", "--home", str(tmp_path / "a"), "--pin-file", "-"], input="wrong\n"
    )
    assert told.exit_code == 1
    assert "vault.wrong_pin" in told.stderr


def test_a_second_instance_is_told(enrolled: Run, tmp_path: Path) -> None:
    with Home.open(tmp_path / "a").only_instance():
        assert "home.second_instance" in enrolled("status", ok=False).stderr


def test_a_hub_that_is_down_is_told_and_counted(run: Run, hub: FakeHub) -> None:
    with serving(hub_answers(hub)) as address:
        run("enrol", "--hub", address, "--code", hub.new_code(), "--name", "李娟")
    assert "transport.down" in run("sync", ok=False).stderr
    status = json.loads(run("status", "--json").stdout)
    assert (status["failed_attempts"], status["synchronised"]) == (1, False)


def test_a_used_folder_is_not_enrolled_again(enrolled: Run, hub: FakeHub, address: str) -> None:
    told = enrolled("enrol", "--hub", address, "--code", hub.new_code(), "--name", "x", ok=False)
    assert "station.already_enrolled" in told.stderr


def test_a_code_whose_reply_was_lost_works_the_second_time(
    run: Run, hub: FakeHub, address: str
) -> None:
    code = hub.new_code()
    hub.lose_reply = True
    run("enrol", "--hub", address, "--code", code, "--name", "李娟", ok=False)
    run("enrol", "--hub", address, "--code", code, "--name", "李娟")
    assert len(hub.replicas) == 1


def test_a_foreign_code_leaves_no_vault_behind(run: Run, address: str, tmp_path: Path) -> None:
    code = FakeHub(app.now_ms).new_code()
    told = run("enrol", "--hub", address, "--code", code, "--name", "李娟", ok=False)
    assert "enrol.hub_fingerprint" in told.stderr
    assert not (tmp_path / "a" / "vault.json").exists()


def test_the_pages_start_hold_the_folder_and_stop_cleanly(enrolled: Run, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "station_client", "serve", "--no-browser"]
    folder = ["--home", str(tmp_path / "a")]
    with subprocess.Popen([*command, *folder], stdout=subprocess.PIPE, cwd=desk.ROOT) as pages:
        try:
            assert pages.stdout is not None
            address = pages.stdout.readline().decode().strip()
            browser = build_opener(HTTPCookieProcessor())
            with browser.open(address) as page:
                assert page.status == 200
            assert "home.second_instance" in enrolled("status", ok=False).stderr
            pages.send_signal(signal.SIGTERM)
            assert pages.wait(30) == 0
        finally:
            pages.kill()
    enrolled("status")
