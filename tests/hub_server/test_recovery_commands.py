"""The commands for bad days as a person types them."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner

from hub_server.cli import main
from sync_protocol import exchange


@pytest.fixture
def hub(county) -> Callable[..., tuple[int, str]]:
    def run(*arguments: Any, given: str = "") -> tuple[int, str]:
        told = [*map(str, arguments), "--home", str(county.hub.home)]
        done = CliRunner().invoke(main, told, input=given)
        return done.exit_code, done.output

    return run


def test_pcs_are_listed_admitted_and_revoked(county, hub):
    desk = county.desk()
    desk.exchange()
    desk.number -= 1
    desk.write("clerk", {"name": "张三"})
    desk.exchange()
    first, second = desk.minted(), desk.minted()
    first.ask()
    second.ask()
    _, listed = hub("replica", "list", "--station", desk.certificate.station_code)
    assert [line.split("\t")[3] for line in listed.splitlines()] == ["frozen", "-", "waiting"]
    waiting = second.keys.replica.hex()
    assert hub("replica", "admit", waiting) == (0, "")
    assert hub("replica", "admit", "x")[1].endswith("[replica.not_here]\n")
    lines = json.loads(hub("replica", "list", "--json")[1])
    assert [each["standing"] for each in lines] == ["frozen", "", ""]
    assert {each["parent"] for each in lines} == {None, desk.keys.replica.hex()}
    code, told = hub("replica", "revoke", waiting, "--reason", "电脑被盗")
    assert (code, told) == (0, "已撤销，涉及 3 个编号\n")
    assert first.ask().standing == "revoked"


def test_a_record_is_erased(county, hub, entry):
    desk = county.desk()
    record = desk.write("intake_case", entry())
    desk.synchronise()
    assert hub("erase", record.hex(), "--reason", "保存期满")[0] == 0
    assert county.hub.store.records.get(desk.channel, record) is None
    code, told = hub("erase", record.hex(), "--reason", "保存期满")
    assert (code, told.rpartition(" ")[2]) == (1, "[case.unknown]\n")


def test_a_restore_is_declared_after_a_question(county, hub):
    old = county.hub.epoch
    assert hub("restored", given="n\n")[0] == 1
    assert county.hub.epoch == old
    assert hub("restored", "--yes")[0] == 0
    assert county.hub.epoch != old


def test_losses_are_listed_and_health_tells_them_without_failing(county, hub, entry):
    desk = county.desk()
    desk.synchronise()
    assert hub("losses") == (0, "")
    declared = [exchange.Loss(desk.keys.replica, 4, 6)]
    desk.ask(rare=exchange.Rare(losses=declared))
    code = desk.certificate.station_code
    assert hub("losses") == (0, f"operations\t{code}\t1\t4-6\t3\n")
    (told,) = json.loads(hub("losses", "--json")[1])["operations"]
    assert (told["first"], told["last"], told["missing"]) == (4, 6, 3)
    checked = {each["name"]: each for each in json.loads(hub("health", "--json")[1])}
    assert checked["losses"]["sound"]
    assert "3 条" in checked["losses"]["words"]
