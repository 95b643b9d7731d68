"""The report of an import as the clerk reads it, and as a program does.

Counts first, then what was changed, what is marked, and what waits in the repair file. Knows no
page and prints nothing itself.
"""

from collections.abc import Iterator
from typing import Any

from forms import LEDGER_COLUMNS, Form
from forms.source import Source
from station_client.services.import_ledger import ImportReport
from station_client.services.repair_file import Place

SHOWN_SET_ASIDE = 20  # the rest is in the repair file, with its reasons

COUNTS = (
    ("imported", "原样导入"),
    ("mended", "规范写法后导入"),
    ("marked", "带标记导入"),
    ("already", "以前导入过"),
    ("set_aside", "放进修复文件"),
    ("titles", "标题"),
    ("headers", "表头"),
    ("blanks", "空行"),
    ("footers", "表尾"),
)
MARK_WORDS = {
    "not_above": "大于法定时限",
    "not_before": "早于接件时间",
    "required": "没有填写",
    "too_long": "超过规定字数",
    "unreadable": "原表所写无法确认",
}
_COLUMN_LABELS = dict(LEDGER_COLUMNS)


def report_counts(report: ImportReport) -> dict[str, int]:
    """What became of the rows, by name; the sum is `report.rows`."""
    counts = {name: getattr(report, name) for name, _ in COUNTS if name != "set_aside"}
    return {**counts, "set_aside": len(report.set_aside)}


def report_lines(report: ImportReport, form: Form, *, details: bool = False) -> Iterator[str]:
    """The report, line by line; with `details` every change, mark and set-aside row of it."""
    counts = report_counts(report)
    yield f"{report.file}：{report.sheets} 个工作表，共读取 {report.rows} 行"
    yield "　".join(f"{label} {counts[name]}" for name, label in COUNTS)
    mended = report.mended_columns().items()
    if mended:
        yield "规范写法：" + "、".join(f"{_COLUMN_LABELS[c]} {n} 处" for c, n in mended)
    for (field, code), count in report.marks().items():
        yield f"标记：“{form.label(field)}”{MARK_WORDS[code]}，{count} 行"
    if report.similar:
        yield (
            f"可能重复：有 {len(report.similar)} 行的时间、姓名、申请事项与以前导入的条目相同，"
            "其他栏不同，已作为新条目导入，请核对"
        )
    if details:
        similar = {_place(line) for line in report.similar}
        for line in report.lines:
            yield from _line_details(line, form, _place(line) in similar)
    yield from _set_aside(report, details)


def _line_details(line: Source, form: Form, similar: bool) -> Iterator[str]:
    changes = [f"{_COLUMN_LABELS[m.column]}“{m.written}”→“{m.to}”" for m in line.mended]
    marks = [f"“{form.label(m.field)}”{MARK_WORDS[m.code]}" for m in line.marks]
    notes = [*changes, *marks, *(["可能重复"] if similar else [])]
    if notes:
        yield f"{_where(_place(line))} " + "；".join(notes)


def _place(line: Source) -> Place:
    return Place(line.file, line.sheet, line.row)


def _set_aside(report: ImportReport, details: bool) -> Iterator[str]:
    shown = report.set_aside if details else report.set_aside[:SHOWN_SET_ASIDE]
    for row in shown:
        yield f"{_where(row.place)} 放进修复文件：{row.reason}"
    if len(shown) < len(report.set_aside):
        yield f"……另有 {len(report.set_aside) - len(shown)} 行，见修复文件"
    if report.repair_file is not None:
        yield f"修复文件：{report.repair_file}（改正后可再次导入）"


def _where(place: Place) -> str:
    return f"{place.sheet} 第 {place.row} 行".lstrip()


def report_values(report: ImportReport) -> dict[str, Any]:
    """The report for a program; nothing of what the cells say."""
    return {
        "file": report.file,
        "sheets": report.sheets,
        "rows": report.rows,
        **report_counts(report),
        "mended_columns": report.mended_columns(),
        "marks": [
            {"field": field, "code": code, "lines": count}
            for (field, code), count in report.marks().items()
        ],
        "rows_similar": [{"sheet": line.sheet, "row": line.row} for line in report.similar],
        "rows_set_aside": [
            {"sheet": row.place.sheet, "row": row.place.row, "reason": row.reason}
            for row in report.set_aside
        ],
        "repair_file": str(report.repair_file or ""),
    }
