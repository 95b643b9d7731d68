"""What leaves the hub: the work ledger as a sheet (table D.1), and every record as JSON lines.

A sheet holds texts only, so that no cell is ever a formula. The JSON lines carry each accepted
record in full with the names of its operations, and at the end receipts and countersignatures.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import msgspec
import xlsxwriter

from forms import LEDGER_COLUMNS, LedgerLine
from forms.masking import mask_line
from hub_server.accounts import Account
from hub_server.errors import HubError
from hub_server.files import whole_file
from hub_server.hub import Hub
from hub_server.permissions import demand
from hub_server.services.audit import note
from hub_server.services.issue_code import find_station
from hub_server.store import Channel, Filters, StoredRecord
from sync_protocol import agree

FORMAT = "bianmin-export-1"
SHEET_ROWS = 1_048_575
HEADER = tuple(label for _, label in LEDGER_COLUMNS)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_RECORDS_PER_READ = 500


@dataclass(frozen=True)
class Exported:
    """How many lines were written."""

    lines: int


def export_station(
    hub: Hub, account: Account, path: Path, filters: Filters | None = None, *, masked: bool = False
) -> Exported:
    """Writes a file by its ending: .csv or .xlsx (the ledger), .jsonl (everything, in full).

    In full it needs `station.export`, masked `ledger.read`. HubError `export.*`, `station.unknown`;
    OSError.
    """
    masked = masked and path.suffix != ".jsonl"
    demand(account, "ledger.read" if masked else "station.export")
    filters = filters or Filters()
    if path.suffix not in _WRITERS and path.suffix != ".jsonl":
        raise HubError("export.format", suffix=path.suffix)
    if filters.station_code:
        find_station(hub, account, filters.station_code)
    with whole_file(path) as draft, hub.store.reading():
        if path.suffix == ".jsonl":
            count = _write_json_lines(hub, account, draft, filters)
        else:
            rows = ledger_rows(hub, account, filters, masked=masked)
            count = _WRITERS[path.suffix](draft, rows)
    with hub.store.writing():
        kind = path.suffix.removeprefix(".")
        note(hub, account, "station.export", kind, account.region, lines=count, masked=masked)
    return Exported(count)


def csv_bytes(hub: Hub, account: Account, filters: Filters) -> bytes:
    """The masked ledger as a CSV file's bytes, for the county's page."""
    demand(account, "ledger.read")
    out = io.StringIO(newline="")
    with hub.store.reading():
        count = _write_csv_to(out, ledger_rows(hub, account, filters, masked=True))
    with hub.store.writing():
        note(hub, account, "station.export", "csv", account.region, lines=count, masked=True)
    return out.getvalue().encode("utf-8-sig")


def ledger_rows(
    hub: Hub, account: Account, filters: Filters, *, masked: bool
) -> Iterator[tuple[str, ...]]:
    """The ledger's lines, oldest first, each numbered within its station and year (column 1)."""
    counted: Counter[tuple[str, str]] = Counter()
    for each in hub.store.records.ledger_by_station(filters, account.region):
        year = (each.station_code, each.ledger_date[:4])
        counted[year] += 1
        cells = mask_line(each.cells) if masked else tuple(each.cells)
        yield LedgerLine(cells).numbered(counted[year]).cells


def _write_csv(path: Path, rows: Iterable[Sequence[str]]) -> int:
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        return _write_csv_to(out, rows)


def _write_csv_to(out: Any, rows: Iterable[Sequence[str]]) -> int:
    writer = csv.writer(out)
    writer.writerow(HEADER)
    return sum(1 for row in rows if writer.writerow([_as_text(cell) for cell in row]))


def _as_text(cell: str) -> str:
    """A spreadsheet would run what begins like a formula; with an apostrophe it shows it."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _write_xlsx(path: Path, rows: Iterable[Sequence[str]]) -> int:
    number = 0
    # The library keeps rows in a file of its own meanwhile: beside ours, not in a shared folder.
    options = {"constant_memory": True, "tmpdir": str(path.parent)}
    with xlsxwriter.Workbook(str(path), options) as book:
        sheet = book.add_worksheet("工作台账")
        for number, row in enumerate(chain([HEADER], rows)):
            if number > SHEET_ROWS:
                raise HubError("export.row_limit", limit=SHEET_ROWS)
            for column, cell in enumerate(row):
                sheet.write_string(number, column, cell)
    return number


_WRITERS = {".csv": _write_csv, ".xlsx": _write_xlsx}


# --- JSON lines ----------------------------------------------------------------------------------


def _write_json_lines(hub: Hub, account: Account, path: Path, filters: Filters) -> int:
    count = 0
    with path.open("wb") as out:
        out.write(_line(type="header", format=FORMAT, hub=_hub(hub), at=hub.now_ms()))
        for channel in _channels(hub, account, filters):
            for line in _records(hub, channel):
                out.write(line)
                count += 1
            out.write(_trailer(hub, channel))
    return count


def _channels(hub: Hub, account: Account, filters: Filters) -> list[Channel]:
    return [
        channel
        for channel in hub.store.journal.channels()
        if account.sees(region_of(hub, channel))
        and (not filters.station_code or channel.station_code == filters.station_code)
    ]


def region_of(hub: Hub, channel: Channel) -> str:
    """Whose channel it is: a station may have moved since its channel was made."""
    station = hub.store.stations.get(channel.station_code) if channel.station_code else None
    return station.region if station else channel.region


def _records(hub: Hub, channel: Channel) -> Iterator[bytes]:
    station = hub.store.stations.get(channel.station_code) if channel.station_code else None
    for records in _portions(hub.store.records.in_channel(channel.id)):
        placed = hub.store.operations.of_records(channel.id, [each.record for each in records])
        for each in records:
            yield _line(
                type="record",
                station_code=channel.station_code,
                station_name=station.name if station else None,
                channel=channel.id,
                record=each.record,
                kind=each.kind,
                form_version=each.form_version,
                values=each.values,
                cells=each.cells,
                conflicts=each.conflicts,
                alive=each.alive,
                operations=[
                    {
                        "name": p.operation.name,
                        "replica": p.operation.header.replica,
                        "seq": p.operation.header.seq,
                        "position": p.position,
                        "verdict": p.verdict.name.lower(),
                        "code": p.code,
                    }
                    for p in placed[each.record]
                ],
            )


def _portions(records: Iterable[StoredRecord]) -> Iterator[list[StoredRecord]]:
    source = iter(records)
    while portion := list(islice(source, _RECORDS_PER_READ)):
        yield portion


def _trailer(hub: Hub, channel: Channel) -> bytes:
    receipt = agree.sign_receipt(hub.keys.signing, channel.cursor, hub.now_ms())
    return _line(
        type="channel",
        channel=channel.id,
        kind=channel.kind,
        region=channel.region,
        station_code=channel.station_code,
        receipt={**_cursor(receipt.cursor), "at": receipt.hub_time, "signature": receipt.signature},
        countersigned=[
            {**_cursor(signed.cursor), "replica": replica, "at": at, "signature": signed.signature}
            for replica, signed, at in hub.store.stations.countersigned(channel.id)
        ],
        chains=hub.store.chains.signatures(channel.id),
    )


def _hub(hub: Hub) -> dict[str, object]:
    public = hub.keys.public
    return {
        "name": hub.name,
        "region": hub.region,
        "id": public.id,
        "signing": public.signing,
        "sealing": public.sealing,
        "epoch": hub.epoch,
    }


def _cursor(cursor: Any) -> dict[str, object]:
    return {"epoch": cursor.epoch, "position": cursor.position, "digest": cursor.digest}


def _line(**content: object) -> bytes:
    return msgspec.json.encode(hexed(content)) + b"\n"


def hexed(value: Any) -> Any:
    """Bytes as hex, everything else as it is."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, dict):
        return {name: hexed(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [hexed(each) for each in value]
    return value
