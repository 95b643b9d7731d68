"""Archives of a real hub: whatever happened, they stand; and what the commands say of them."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from hub_server import verify
from hub_server.accounts import Account
from hub_server.cli import main
from hub_server.errors import HubError
from hub_server.services.answer_exchange import answer_exchange
from hub_server.services.audit import read_audit
from hub_server.services.draw_epoch import declare_restored
from hub_server.services.issue_code import issue_code
from hub_server.services.withdraw import erase_record, revoke_enrolment
from hub_server.services.write_archive import write_archive, write_archives
from hub_server.store import evidence
from sync_protocol import archive, envelope
from sync_protocol.exchange import Request


@pytest.fixture
def desk(county, entry):
    desk = county.desk()
    for day in (20, 21, 22):
        desk.write("intake_case", entry(ledger_date=f"2026-11-{day}"))
    desk.write("intake_case", entry(applicant_name=""))
    desk.synchronise()
    desk.synchronise()  # countersigns what it has now
    return desk


def written(county, desk, path):
    write_archive(county.hub, county.admin, desk.certificate.station_code, path)
    return path


def test_a_stations_archive_stands(county, desk, tmp_path):
    path = written(county, desk, tmp_path / "archive")
    found = verify.verify(path, fingerprint=county.hub.keys.public.fingerprint.hex())
    assert (found.station, found.entries, found.operations) == ("140581001", 5, 5)
    assert (found.replicas, found.countersigned, found.unproven) == (1, 5, [])


def test_the_same_history_gives_the_same_bytes(county, desk, tmp_path):
    first = written(county, desk, tmp_path / "first").read_bytes()
    assert written(county, desk, tmp_path / "second").read_bytes() == first


def test_a_channel_passes_in_portions(county, desk, tmp_path, monkeypatch):
    whole = written(county, desk, tmp_path / "whole").read_bytes()
    monkeypatch.setattr(evidence, "ITEMS_PER_READ", 2)
    assert written(county, desk, tmp_path / "parts").read_bytes() == whole


def test_a_folder_gets_every_channel_of_the_region(county, desk, tmp_path):
    folder = tmp_path / "archives"
    names = {each.path.name for each in write_archives(county.hub, county.admin, folder)}
    assert names == {"140581001.bmarc", "office-140581.bmarc", "region-140581.bmarc"}
    assert {path.name for path in folder.iterdir()} == names
    for path in folder.iterdir():
        verify.verify(path)
    assert [line.action for line in read_audit(county.hub, county.admin)][:3] == [
        "archive.write"
    ] * 3


def test_another_region_gets_none_and_a_reviewer_may_not(county, desk, tmp_path):
    elsewhere = Account(bytes(16), "elsewhere", "admin", "999999")
    assert write_archives(county.hub, elsewhere, tmp_path / "none") == []
    with pytest.raises(HubError, match="unknown"):
        write_archive(county.hub, elsewhere, "140581001", tmp_path / "one")
    with pytest.raises(HubError, match="not_permitted"):
        write_archives(county.hub, county.reviewer, tmp_path / "none")
    assert not (tmp_path / "one").exists()


def push_run(county, desk, run) -> None:
    """An exchange that brings this run and no other."""
    payload = desk.payload()
    request = msgspec.structs.replace(envelope.unpack(payload, Request), runs=[run])
    payload = envelope.pack(request)
    desk.open(answer_exchange(county.hub, desk.seal(payload)), payload)


def test_a_gap_that_closed_and_one_that_did_not(county, desk, entry, run_of, tmp_path):
    for _ in range(6):
        desk.write("intake_case", entry())
    push_run(county, desk, run_of(desk, 7, 8))
    found = verify.verify(written(county, desk, tmp_path / "open"))
    assert (found.unproven, found.operations) == ([], 7)
    push_run(county, desk, run_of(desk, 5, 6))
    push_run(county, desk, run_of(desk, 10, 10))
    assert verify.verify(written(county, desk, tmp_path / "closed")).operations == 10
    assert county.hub.store.chains.chain(desk.keys.replica).head.seq == 8


def test_both_branches_of_a_fork_are_signed_by_their_writer(county, desk, entry, run_of, tmp_path):
    desk.write("intake_case", entry(applicant_name="一"))
    push_run(county, desk, run_of(desk, 5, 5))
    desk.written.pop()
    desk.write("intake_case", entry(applicant_name="二"))  # on a copy of the disk
    push_run(county, desk, run_of(desk, 5, 5))
    found = verify.verify(written(county, desk, tmp_path / "fork"))
    assert (found.operations, found.entries, found.unproven) == (7, 8, [])


def test_a_minted_pc_belongs_by_its_elders_word(county, desk, entry, tmp_path):
    desk.number -= 1
    desk.exchange()  # two requests under one number
    child = desk.minted()
    child.write("intake_case", entry())
    child.synchronise()
    found = verify.verify(written(county, desk, tmp_path / "minted"))
    assert (found.replicas, found.unproven) == (2, [])


def test_erased_bodies_verify_by_their_digest(county, desk, tmp_path):
    record = desk.written[0].header.record
    erase_record(county.hub, county.admin, record, "期满")
    found = verify.verify(written(county, desk, tmp_path / "erased"))
    assert (found.without_body, found.entries) == (1, 6)


def test_a_revoked_pc_and_a_restored_hub_are_told(county, desk, entry, tmp_path):
    revoke_enrolment(county.hub, county.admin, desk.keys.replica, "遗失")
    desk.write("intake_case", entry())
    desk.exchange()
    declare_restored(county.hub, county.admin)
    other = county.enrol(issue_code(county.hub, county.admin, "140581001"))
    other.write("intake_case", entry())
    other.synchronise()
    found = verify.verify(written(county, desk, tmp_path / "after"))
    assert len(found.restores) == 1
    assert found.unproven == []


def test_a_stations_receipt_finds_a_tail_that_was_cut(county, desk, entry, tmp_path):
    older = written(county, desk, tmp_path / "older")
    desk.write("intake_case", entry())
    desk.synchronise()
    witness = tmp_path / "receipts"
    witness.write_bytes(archive.receipts_file(desk.receipts[-1:]))
    assert verify.verify(written(county, desk, tmp_path / "newer"), [witness]).witnessed == 6
    with pytest.raises(verify.Fault, match="witness_tail"):
        verify.verify(older, [witness])
    with pytest.raises(verify.Fault, match="witness_tail"):
        verify.verify(older, [tmp_path / "newer"])


# --- as commands ---------------------------------------------------------------------------------


def run(*arguments):
    return CliRunner().invoke(main, list(map(str, arguments)))


@pytest.fixture
def exported(county, desk, tmp_path):
    home, path = ("--home", county.hub.home), tmp_path / "140581001.bmarc"
    made = run("export", path, "--archive", "--station", "140581001", *home)
    assert (made.exit_code, made.output) == (0, f"{path}: 5\n")
    return path


def test_the_commands_write_and_verify(county, exported, tmp_path):
    fingerprint = county.hub.keys.public.fingerprint.hex()
    told = run("verify", exported, "--hub-fingerprint", fingerprint[:16].upper())
    assert told.exit_code == 0
    assert fingerprint in told.output
    assert "不能证明" in told.output
    everything = run("export", tmp_path / "all", "--archive", "--home", county.hub.home)
    assert everything.output.count(".bmarc") == 3
    partly = run("export", tmp_path / "all", "--archive", "--masked", "--home", county.hub.home)
    assert partly.exit_code == 2


def test_what_is_wrong_is_told_with_its_place(exported):
    data = bytearray(exported.read_bytes())
    at = data.index("李兰".encode())
    data[at : at + 3] = "王".encode()
    exported.write_bytes(data)
    told = run("verify", exported)
    assert told.exit_code == 1
    assert "第 2 条" in told.output
    assert "[name]" in told.output
    as_json = json.loads(run("verify", exported, "--json").output)
    assert (as_json["sound"], as_json["code"], as_json["position"]) == (False, "name", 2)


def test_what_is_no_archive_or_no_witness_exits_with_2(exported, tmp_path):
    (tmp_path / "empty").write_bytes(b"")
    assert run("verify", tmp_path / "empty").exit_code == 2
    nowhere = run("verify", tmp_path / "nowhere")
    assert (nowhere.exit_code, "无法读取" in nowhere.output) == (2, True)
    assert run("verify", exported, "--hub-fingerprint", "12").exit_code == 2
    assert run("verify", exported, "--witness", tmp_path / "empty").exit_code == 2


def test_the_one_file_runs_alone(exported, tmp_path):
    alone = shutil.copy(Path(verify.__file__), tmp_path / "alone.py")
    command = [sys.executable, "-I", str(alone), str(exported), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["entries"] == 5


def test_the_one_file_knows_nothing_of_the_project():
    tree = ast.parse(Path(verify.__file__).read_text(encoding="utf-8"))
    named = {
        (each.module or "") if isinstance(each, ast.ImportFrom) else each.names[0].name
        for each in ast.walk(tree)
        if isinstance(each, ast.Import | ast.ImportFrom)
    }
    roots = {name.partition(".")[0] for name in named}
    assert roots - set(sys.stdlib_module_names) == {"cryptography"}
