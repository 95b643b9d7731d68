"""The work ledger of this station (SX table D.1) as lists and exports read it."""

from dataclasses import dataclass
from datetime import date

from station_client.station import Station
from station_client.store.rows import RecordRow

PAGE_LINES = 100


@dataclass(frozen=True)
class LedgerRow:
    """One case's line: the 16 `cells` in the order of table D.1; counts say what stands open.

    `void_reason` is "" while the case is alive; `returned` is what the county sent back and nobody
    has written since, `marked` what an import left to be mended.
    """

    record: bytes
    kind: str
    cells: tuple[str, ...]
    case_no: str
    void_reason: str
    conflicts: int
    pending: int
    held: int
    refused: int
    returned: bool
    marked: int


def read_ledger(
    station: Station,
    since: date | None = None,
    until: date | None = None,
    text: str = "",
    limit: int = PAGE_LINES,
    offset: int = 0,
) -> tuple[list[LedgerRow], int]:
    """The lines of these days (inclusive) that hold every word of the text, newest first, and how
    many there are in all."""
    count = sum(count_lines(station, since, until, text).values())
    return read_lines(station, since, until, text, limit, offset), count


def read_lines(
    station: Station, since: date | None, until: date | None, text: str, limit: int, offset: int
) -> list[LedgerRow]:
    """As `read_ledger`, without counting."""
    rows = station.store.records.lines(*_days(since, until), text, limit, offset)
    return [_row(row) for row in rows]


def count_lines(
    station: Station, since: date | None = None, until: date | None = None, text: str = ""
) -> dict[str, int]:
    """办件状态 → how many of these lines say so."""
    return station.store.records.count_lines(*_days(since, until), text)


def _days(since: date | None, until: date | None) -> tuple[str, str]:
    return since.isoformat() if since else "", until.isoformat() if until else "9999-12-31"


def newest_line(station: Station) -> LedgerRow | None:
    """The line that stands first in the ledger."""
    row = station.store.records.newest_line()
    return _row(row) if row else None


def _row(row: RecordRow) -> LedgerRow:
    return LedgerRow(
        record=row.id,
        kind=row.kind,
        cells=row.cells or (),
        case_no=row.case_no,
        void_reason=row.alive,
        conflicts=row.conflicts,
        pending=row.pending,
        held=row.held,
        refused=row.refused,
        returned=row.returned,
        marked=row.marked,
    )
