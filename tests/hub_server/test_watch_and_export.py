"""What operators see, what leaves the hub, and what a courier carries."""

import csv
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest
from python_calamine import CalamineWorkbook

from hub_server.errors import HubError
from hub_server.services.answer_courier import answer_courier
from hub_server.services.answer_exchange import answer_exchange
from hub_server.services.check_health import check_health
from hub_server.services.export import csv_bytes, export_station
from hub_server.services.list_stations import list_stations
from hub_server.services.publish_catalogue import publish_catalogue
from hub_server.services.read_ledger import Filters
from hub_server.services.watch_stations import watch_stations
from sync_protocol import courier, exchange
from sync_protocol.errors import PeerFault

HEADER = (
    "序号,时间,便民服务站名称,窗口,事项所属,姓名,联系方式,申请事项,"
    "受理与否,办理时限,办件状态,退件原因,接件时间,当日办结时间,受理人员,备注"
)


@pytest.fixture
def desk(county: Any, entry: Any) -> Any:
    desk = county.desk()
    desk.write("intake_case", entry())
    desk.write("intake_case", entry(remark="=1+1", ledger_date="2026-11-21"))
    desk.write("intake_case", entry(applicant_name=""))
    desk.write("intake_case", entry(), form_version=99)
    desk.synchronise()
    return desk


def test_an_operator_sees_counts_and_no_person(county: Any, desk: Any) -> None:
    (watch,) = watch_stations(county.hub, county.operator)
    assert (watch.entries, watch.refused, watch.held) == (5, 1, 1)  # the card is an operation, too
    (computer,) = watch.computers
    assert (computer.written, computer.received) == (4, 4)
    assert (watch.clock_offset_ms, watch.program) == (120, "0.1.0")
    assert watch.last_contact == county.clock()
    shown = repr(watch)
    assert not any(personal in shown for personal in ("李兰", "13812345678", "王芳", "失业登记"))


def test_a_station_that_never_called_is_watched_too(county: Any) -> None:
    county.open_station()
    (watch,) = watch_stations(county.hub, county.operator)
    assert (watch.last_contact, watch.computers) == (None, ())


@pytest.mark.parametrize("look", [watch_stations, list_stations])
def test_many_stations_ask_the_database_no_more_often_than_one(
    county: Any, desk: Any, monkeypatch: pytest.MonkeyPatch, look: Any
) -> None:
    database, asked = county.hub.store._database, list[str]()
    ask = database.execute_sql

    def counted(sql: str, *more: Any) -> Any:
        asked.append(sql)
        return ask(sql, *more)

    monkeypatch.setattr(database, "execute_sql", counted)
    assert len(look(county.hub, county.operator)) == 1
    for_one = len(asked)
    for number in range(3):
        county.desk(applicant_unit=f"邮政局第{number}支局")
    asked.clear()
    assert len(look(county.hub, county.operator)) == 4
    assert len(asked) == for_one


def test_what_came_behind_a_gap_is_counted_as_received(
    county: Any, entry: Any, run_of: Any
) -> None:
    desk = county.desk()
    for _ in range(3):
        desk.write("intake_case", entry())
    payload = exchange.envelope.unpack(desk.payload(), exchange.Request)
    late = msgspec.structs.replace(payload, runs=[run_of(desk, 2, 3)])
    answer_exchange(county.hub, desk.seal(exchange.envelope.pack(late)))
    (watch,) = watch_stations(county.hub, county.operator)
    assert [(each.written, each.received) for each in watch.computers] == [(3, 2)]
    assert watch.held == 2


def test_another_region_is_not_watched(county: Any, desk: Any) -> None:
    assert watch_stations(county.hub, replace(county.operator, region="1402")) == []


def test_the_sheet_has_the_papers_header_and_numbered_lines(
    county: Any, desk: Any, tmp_path: Path
) -> None:
    file = tmp_path / "ledger.csv"
    assert export_station(county.hub, county.admin, file).lines == 2
    text = file.read_text(encoding="utf-8-sig")
    assert text.splitlines()[0] == HEADER
    rows = list(csv.reader(text.splitlines()))[1:]
    assert [(row[0], row[1], row[5]) for row in rows] == [
        ("1", "2026-11-20", "李兰"),
        ("2", "2026-11-21", "李兰"),
    ]


def test_no_cell_of_a_sheet_is_a_formula(county: Any, desk: Any, tmp_path: Path) -> None:
    export_station(county.hub, county.admin, tmp_path / "ledger.csv")
    assert "'=1+1" in (tmp_path / "ledger.csv").read_text(encoding="utf-8-sig")
    export_station(county.hub, county.admin, tmp_path / "ledger.xlsx")
    sheet = CalamineWorkbook.from_path(tmp_path / "ledger.xlsx").get_sheet_by_index(0)
    rows = sheet.to_python()
    assert ",".join(rows[0]) == HEADER
    assert rows[2][15] == "=1+1"
    assert all(isinstance(cell, str) for row in rows for cell in row)


def test_a_reviewer_exports_masked_lines_only(county: Any, desk: Any, tmp_path: Path) -> None:
    with pytest.raises(HubError) as refused:
        export_station(county.hub, county.reviewer, tmp_path / "ledger.csv")
    assert refused.value.code == "account.not_permitted"
    export_station(county.hub, county.reviewer, tmp_path / "ledger.csv", masked=True)
    masked = (tmp_path / "ledger.csv").read_bytes()
    assert masked == csv_bytes(county.hub, county.reviewer, Filters())
    assert "李兰" not in masked.decode("utf-8-sig")
    with pytest.raises(HubError) as refused:
        export_station(county.hub, county.reviewer, tmp_path / "all.jsonl", masked=True)
    assert refused.value.code == "account.not_permitted"


def test_the_whole_export_holds_each_record_its_operations_and_the_proofs(
    county: Any, desk: Any, tmp_path: Path
) -> None:
    desk.exchange()  # now the desk countersigns what it applied before
    export_station(county.hub, county.admin, tmp_path / "all.jsonl")
    text = (tmp_path / "all.jsonl").read_text(encoding="utf-8")
    lines = [json.loads(line) for line in text.splitlines()]
    assert (lines[0]["type"], lines[0]["format"]) == ("header", "bianmin-export-1")
    cases = [line for line in lines if line.get("kind") == "intake_case"]
    names = {each["name"] for case in cases for each in case["operations"]}
    assert names == {operation.name.hex() for operation in desk.written[:2]}
    assert {case["values"]["applicant_name"] for case in cases} == {"李兰"}
    (own,) = (line for line in lines if line["type"] == "channel" and line["kind"] == "station")
    assert own["receipt"]["digest"] == desk.cursors[0].digest.hex()
    assert own["countersigned"][0]["replica"] == desk.keys.replica.hex()


def test_an_unknown_ending_is_refused(county: Any, tmp_path: Path) -> None:
    with pytest.raises(HubError) as refused:
        export_station(county.hub, county.admin, tmp_path / "ledger.doc")
    assert refused.value.code == "export.format"
    assert not (tmp_path / "ledger.doc").exists()


def test_the_catalogue_reaches_the_desk(county: Any) -> None:
    desk = county.desk()
    rows = [
        {
            "department": "人社局",
            "item_name": f"事项{n}",
            "item_code_raw": f"A{n}",
            "task_type": "1",
        }
        for n in range(300)
    ]
    published = publish_catalogue(county.hub, county.reviewer, rows)
    assert (published.rows, published.written) == (300, 300)
    desk.synchronise()
    values = [desk.values(record, "catalogue_item") for record in desk.acts]
    items = [each for each in values if "item_code" in each]
    assert len(items) == 300
    assert {each["task_type"] for each in items} == {"01"}


def test_a_catalogue_with_one_code_twice_names_both_rows_and_publishes_nothing(county: Any) -> None:
    item = {"department": "人社局", "item_name": "事项", "task_type": "1"}
    rows = [{**item, "item_code_raw": code} for code in ("A1", "A2", "A3", "A2")]
    with pytest.raises(HubError) as refused:
        publish_catalogue(county.hub, county.reviewer, rows)
    assert refused.value.code == "catalogue.duplicate"
    assert "第 3 行和第 5 行" in refused.value.words()
    region = county.hub.store.journal.channel_of_region("region", "140581")
    assert region is not None
    assert region.position == 0


def test_a_courier_file_is_answered_like_a_request(county: Any, entry: Any) -> None:
    desk = county.desk()
    desk.write("intake_case", entry())
    payload = desk.payload()
    file = courier.frame(desk.seal(payload))
    first = desk.open(courier.unframe(answer_courier(county.hub, file)), payload)
    again = desk.open(courier.unframe(answer_courier(county.hub, file)), payload)
    assert [page.receipt.cursor for page in first.pages] == [
        page.receipt.cursor for page in again.pages
    ]
    desk.apply(first)
    assert desk.acknowledged == desk.head


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (lambda data: data[:-1], "courier.damaged"),
        (lambda data: data[:60] + bytes([data[60] ^ 1]) + data[61:], "courier.damaged"),
        (lambda data: b"PK" + data, "courier.foreign"),
        (lambda data: courier.frame(b"BM\x00\x01\x02" + bytes(300)), "courier.kind"),
    ],
)
def test_a_damaged_or_foreign_courier_file_is_told_apart(
    county: Any, change: Any, code: str
) -> None:
    desk = county.desk()
    file = courier.frame(desk.seal(desk.payload()))
    with pytest.raises(PeerFault) as refused:
        answer_courier(county.hub, change(file))
    assert refused.value.code == code


def test_a_sound_hub_has_sound_checks(county: Any, desk: Any) -> None:
    assert [check.words for check in check_health(county.hub)] == [""] * 7


def test_an_entry_changed_in_the_database_is_noticed(county: Any, desk: Any) -> None:
    with county.hub.store.writing():
        county.hub.store._database.execute_sql("UPDATE entry SET data = x'00' WHERE position = 2")
    (journal,) = (check for check in check_health(county.hub) if check.name == "journal")
    assert desk.channel.hex() in journal.words


def test_nothing_personal_lies_in_the_hubs_files(county: Any, desk: Any) -> None:
    county.hub.store.close()
    files = [path for path in county.hub.home.rglob("*") if path.is_file()]
    for secret in ("李兰", "13812345678", "失业登记"):
        assert not any(secret.encode() in path.read_bytes() for path in files)
