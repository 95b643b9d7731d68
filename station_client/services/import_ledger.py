"""Take an existing ledger file into the station: each line one case, and a report on every row.

Nothing is dropped and nothing guessed: what cannot become a line goes into a repair file beside the
source. The import may be cut at any point and run again, on this PC or another of the station: what
a line is lies in the record's `source`, which never changes, so a line that is here is known again.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from forms import ALIVE, LEDGER_COLUMNS, Imported
from forms.source import Source, source_of
from station_client.services.ledger_file import Judged, judge_sheets
from station_client.services.record_entry import record_entries
from station_client.services.repair_file import SetAsideRow, visible, write_repair_file
from station_client.spreadsheets import read_sheets
from station_client.station import Station

KIND = "intake_case"
LINES_PER_TRANSACTION = 200
"""A durable commit costs as much as composing many lines; a crash loses no more than these."""

_COLUMNS = [column for column, _ in LEDGER_COLUMNS]
_Key = tuple[str, ...]


@dataclass(frozen=True)
class ImportReport:
    """What became of each row of a file; `rows` is the sum of all the others.

    `headers` are those that were there, the first one too. `already` lines had been imported
    before. `mended` lines have no mark, `marked` ones may be mended besides. `lines` are the
    sources of the newly imported ones; those among them that may be an older line, edited in the
    file since, are `similar` too.
    """

    file: str
    sheets: int
    rows: int
    imported: int
    mended: int
    marked: int
    already: int
    titles: int
    headers: int
    blanks: int
    footers: int
    set_aside: tuple[SetAsideRow, ...]
    lines: tuple[Source, ...]
    similar: tuple[Source, ...]
    repair_file: Path | None

    def __post_init__(self) -> None:
        """The promise of the report: no row is missing, and none is counted twice."""
        if self.rows != self.accounted:
            raise AssertionError(f"{self.rows} rows read, {self.accounted} accounted for")

    @property
    def recorded(self) -> int:
        """Lines that became cases just now."""
        return self.imported + self.mended + self.marked

    @property
    def accounted(self) -> int:
        others = self.titles + self.headers + self.blanks + self.footers
        return self.recorded + self.already + len(self.set_aside) + others

    def mended_columns(self) -> dict[str, int]:
        """Ledger column → how many of its cells were mended."""
        return dict(Counter(each.column for line in self.lines for each in line.mended))

    def marks(self) -> dict[tuple[str, str], int]:
        """(field, code of the broken rule) → how many lines carry that mark."""
        return dict(Counter((m.field, m.code) for line in self.lines for m in line.marks))


def import_ledger(
    station: Station, path: Path, progress: Callable[[int, int], None] = lambda done, total: None
) -> ImportReport:
    """Import a .csv, .xlsx or .xls; `progress` hears (lines done, lines in all) as they are saved.

    The whole file is read and judged, and the repair file written, before the first line is saved.
    Errors: import.*, store.*; what was saved until then stays, and the next run goes on from there.
    """
    sheets = read_sheets(path)
    name = visible(path.name)
    judged = judge_sheets(name, sheets)
    new, gone = _not_yet_imported(_imported_before(station), judged.lines)
    repair = write_repair_file(path, judged.set_aside) if judged.set_aside else None
    report = _report(name, len(sheets), judged, new, gone, repair)
    progress(0, len(new))
    for start in range(0, len(new), LINES_PER_TRANSACTION):
        batch = new[start : start + LINES_PER_TRANSACTION]
        record_entries(station, KIND, [_values(line) for line in batch])
        progress(start + len(batch), len(new))
    return report


def _values(line: Imported) -> dict[str, object]:
    return {name: value for name, value in line.writes.items() if name != ALIVE}


def _report(
    file: str,
    sheets: int,
    judged: Judged,
    new: Sequence[Imported],
    gone: Sequence[Source],
    repair: Path | None,
) -> ImportReport:
    sources = tuple(line.source for line in new)
    matters = {_matter(source) for source in gone}
    marked = sum(bool(source.marks) for source in sources)
    mended = sum(bool(source.mended) and not source.marks for source in sources)
    return ImportReport(
        file=file,
        sheets=sheets,
        rows=judged.rows,
        imported=len(new) - marked - mended,
        mended=mended,
        marked=marked,
        already=len(judged.lines) - len(new),
        titles=judged.counts["title"],
        headers=judged.counts["header"],
        blanks=judged.counts["blank"],
        footers=judged.counts["footer"],
        set_aside=tuple(judged.set_aside),
        lines=sources,
        similar=tuple(source for source in sources if _matter(source) in matters),
        repair_file=repair,
    )


# --- what was imported before --------------------------------------------------------------------


def _imported_before(station: Station) -> list[Source]:
    rows = station.store.records.of_kind([KIND])
    return [source for row in rows if (source := source_of(row.values)) is not None]


def _not_yet_imported(
    known: Sequence[Source], lines: Sequence[Imported]
) -> tuple[list[Imported], list[Source]]:
    """The lines that the station does not hold: of n equal ones those beyond the ones it holds.

    And what it holds beyond these lines.

    Two are the same line when their 16 cells were written alike (whatever this version of the
    program reads in them), or read alike (whatever kind of file they were saved in). In the file
    that it came from a line may have another 序号 by now: one was put in above it.
    """
    left, gone = list(lines), list(known)
    for key in (_as_written, _as_read, _renumbered):
        matched = _match(gone, [line.source for line in left], key)
        here = set(matched.values())
        left = [line for n, line in enumerate(left) if n not in here]
        gone = [source for n, source in enumerate(gone) if n not in matched]
    return left, gone


def _match(
    known: Sequence[Source], sources: Iterable[Source], key: Callable[[Source], _Key]
) -> dict[int, int]:
    """Position in `known` → position in `sources`, one to one."""
    waiting: defaultdict[_Key, list[int]] = defaultdict(list)
    for n, source in enumerate(known):
        waiting[key(source)].append(n)
    matched: dict[int, int] = {}
    for n, source in enumerate(sources):
        if candidates := waiting.get(key(source)):
            matched[candidates.pop()] = n
    return matched


def _as_written(source: Source) -> _Key:
    return tuple(cell.strip() for cell in source.cells)


def _as_read(source: Source) -> _Key:
    mended = {each.column: each.to for each in source.mended}
    cells = zip(_COLUMNS, source.cells, strict=True)
    return tuple(mended.get(column, cell).strip() for column, cell in cells)


def _renumbered(source: Source) -> _Key:
    return (source.file, source.sheet, *_as_read(source)[1:])


def _matter(source: Source) -> _Key:
    """Whose matter it is, and of what day."""
    read = dict(zip(_COLUMNS, _as_read(source), strict=True))
    return read["ledger_date"], read["applicant_name"], read["task_name"]
