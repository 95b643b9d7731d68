"""What the station says of itself, and what it writes into files for people."""

import csv
import io
import json
from pathlib import Path

import openpyxl
import pytest

from forms import LEDGER_COLUMNS
from station_client.errors import StationError
from station_client.services.amend_entry import void_entry
from station_client.services.apply_for_change import apply_for_change
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.export_ledger import export_ledger
from station_client.services.list_applications import list_applications
from station_client.services.read_ledger import read_ledger
from station_client.services.read_status import read_status
from station_client.services.record_entry import record_entries, record_entry
from station_client.services.show_case import show_case
from station_client.station import Station
from sync_protocol import channel
from sync_protocol.channel import Verdict
from sync_protocol.operations import AFTER_CLOSING, Write
from tests.station_client import desk
from tests.station_client.fake_hub import STATION, FakeHub


def test_synchronised_is_said_only_until_the_next_entry(station: Station) -> None:
    assert not read_status(station).synchronised
    exchange_with_hub(station)
    assert read_status(station).synchronised
    record_entry(station, "intake_case", desk.a_case())
    status = read_status(station)
    assert not status.synchronised
    assert (status.pending, status.oldest_unsent_at) == (1, desk.NOON)
    assert status.last_receipt_hub_time == desk.NOON


def test_a_failed_attempt_stays_in_words_until_one_succeeds(station: Station, hub: FakeHub) -> None:
    hub.fail = ["transport.down"]
    with pytest.raises(StationError):
        exchange_with_hub(station)
    attempt = read_status(station).last_attempt
    assert attempt is not None
    assert "连不上县级平台" in attempt.words
    exchange_with_hub(station)
    attempt = read_status(station).last_attempt
    assert attempt is not None
    assert attempt.words == ""


def test_the_offset_of_the_clock_is_measured_and_used_for_stamps(
    station: Station, hub: FakeHub
) -> None:
    hub.clock = desk.Clock(desk.NOON + 3_600_000)
    exchange_with_hub(station)
    assert read_status(station).clock_offset_ms == 3_600_000
    assert station.stamp() == desk.NOON + 3_600_000


def test_a_held_entry_is_counted_and_explained(station: Station, hub: FakeHub) -> None:
    hub.judge = lambda operation, writes, creates: (Verdict.HELD, "form")
    record = record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    assert read_status(station).held == 1
    assert "县级平台尚无此版本的表单" in show_case(station, record).history[0].standing


def test_a_refusal_names_the_field_in_the_forms_words(station: Station, hub: FakeHub) -> None:
    hub.judge = lambda operation, writes, creates: (Verdict.REFUSED, "check:contact_phone:required")
    record = record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    assert read_status(station).refused == 1
    assert "“联系方式”还没有填写" in show_case(station, record).history[0].standing


def test_a_later_verdict_raises_a_held_entry(station: Station, hub: FakeHub) -> None:
    hub.judge = lambda operation, writes, creates: (Verdict.HELD, "form")
    record = record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    [stored] = station.store.journal.operations_of(STATION, [record])[record]
    hub.append(STATION, channel.VerdictEntry(stored.identity, int(Verdict.ACCEPTED), "", desk.NOON))
    exchange_with_hub(station)
    assert read_status(station).held == 0
    assert show_case(station, record).history[0].standing == ""


def test_what_is_written_after_the_closing_carries_the_mark(station: Station, hub: FakeHub) -> None:
    hub.append(STATION, channel.ClosingEntry(desk.NOON + 1000, desk.NOON))
    exchange_with_hub(station)
    record_entry(station, "intake_case", desk.a_case())
    _, unsent = station.store.journal.outbox(station.keys.replica, 10)
    assert [operation.header.flags for operation in unsent] == [AFTER_CLOSING]


def test_an_erased_record_is_gone_and_comes_back_with_nothing(
    station: Station, hub: FakeHub
) -> None:
    record = record_entry(station, "intake_case", desk.a_case())
    exchange_with_hub(station)
    hub.append(STATION, channel.ErasureEntry(record, desk.NOON))
    exchange_with_hub(station)
    assert read_ledger(station) == ([], 0)
    [stored] = station.store.journal.operations_of(STATION, [record])[record]
    assert stored.body is None


def test_a_changed_station_name_stands_in_the_next_ledger_line(
    station: Station, hub: FakeHub
) -> None:
    card = [Write("name", "新名便民服务站"), Write("alive", "")]
    hub.write("station_card", b"s" * 16, card)
    exchange_with_hub(station)
    assert station.name == "新名便民服务站"


def test_an_application_goes_up_and_the_decision_comes_down(station: Station, hub: FakeHub) -> None:
    values = {
        "applicant_name": "李娟",
        "contact_phone": "13812345678",
        "county": "示例县",
        "address": "示例镇一号",
        "close_reason": "网点撤并",
    }
    record = apply_for_change(station, "station_close", values)
    exchange_with_hub(station)
    decision = {"state": {"round": 1, "state": "approved"}, "review_opinion": "同意", "alive": ""}
    [stored] = station.store.journal.operations_of(STATION, [record])[record]
    hub.write(
        "station_close",
        record,
        [Write(name, value, (stored.name,)) for name, value in decision.items()],
    )
    exchange_with_hub(station)
    [application] = list_applications(station)
    assert (application.state, application.opinion) == ("approved", "同意")


def test_the_csv_has_the_header_of_the_standard_and_no_formulas(
    station: Station, tmp_path: Path
) -> None:
    record_entry(station, "intake_case", desk.a_case(remark="=cmd|' /C calc'!A0"))
    assert export_ledger(station, tmp_path / "l.csv") == 1
    text = (tmp_path / "l.csv").read_text(encoding="utf-8-sig")
    header, line = csv.reader(io.StringIO(text, newline=""))
    assert header == [label for _, label in LEDGER_COLUMNS]
    assert line[0] == "1"
    assert line[15] == "'=cmd|' /C calc'!A0"


def test_every_cell_of_the_spreadsheet_is_text(station: Station, tmp_path: Path) -> None:
    record_entry(station, "intake_case", desk.a_case(remark='=HYPERLINK("http://x")'))
    export_ledger(station, tmp_path / "l.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "l.xlsx").worksheets[0]
    header, line = sheet.iter_rows()
    assert [cell.value for cell in header] == [label for _, label in LEDGER_COLUMNS]
    assert {cell.data_type for cell in line if cell.value is not None} <= {"s", "inlineStr"}
    assert line[15].value == '=HYPERLINK("http://x")'


def test_numbers_count_within_the_year_and_leave_out_what_is_void(
    station: Station, tmp_path: Path
) -> None:
    days = ["2025-12-31", "2026-01-05", "2026-01-06", "2026-02-01"]
    made = record_entries(station, "intake_case", [desk.a_case(ledger_date=day) for day in days])
    void_entry(station, made[2], "重复登记")
    export_ledger(station, tmp_path / "l.csv")
    rows = list(csv.reader(io.StringIO((tmp_path / "l.csv").read_text("utf-8-sig"), newline="")))
    assert [(row[0], row[1]) for row in rows[1:]] == [
        ("1", "2025-12-31"),
        ("1", "2026-01-05"),
        ("2", "2026-02-01"),
    ]


def test_a_masked_export_shows_no_name_and_no_number(station: Station, tmp_path: Path) -> None:
    record_entry(station, "intake_case", desk.a_case())
    export_ledger(station, tmp_path / "l.csv", masked=True)
    text = (tmp_path / "l.csv").read_text(encoding="utf-8-sig")
    assert "王小明" not in text
    assert "13812345678" not in text


def test_the_json_export_has_every_value(station: Station, tmp_path: Path) -> None:
    record = record_entry(station, "helper_case", desk.a_helper_case())
    export_ledger(station, tmp_path / "l.json")
    [found] = json.loads((tmp_path / "l.json").read_text(encoding="utf-8"))
    assert found["record"] == record.hex()
    assert found["values"]["channel"] == "visit"
    assert len(found["ledger"]) == 16


def test_an_unknown_kind_of_file_is_refused(station: Station, tmp_path: Path) -> None:
    with pytest.raises(StationError) as told:
        export_ledger(station, tmp_path / "l.pdf")
    assert told.value.code == "export.kind_unknown"


def test_the_ledger_is_searched_by_any_words(station: Station) -> None:
    record_entry(station, "intake_case", desk.a_case())
    record_entry(station, "intake_case", desk.a_case(applicant_name="赵四_百分"))
    assert read_ledger(station, text="社会保障 赵四")[1] == 1
    assert read_ledger(station, text="_百")[1] == 1
    assert read_ledger(station, text="%")[1] == 0
