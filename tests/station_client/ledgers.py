"""Ledger files as clerks keep them, made by code: rows, and the kinds of file to put them in."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import xlwt

from forms import LEDGER_COLUMNS

HEADER = [label for _, label in LEDGER_COLUMNS]
Rows = Sequence[Sequence[Any]]


def a_line(number: int = 1, **changes: Any) -> list[Any]:
    """A line without a fault; `changes` by the Chinese name of the column."""
    usual = {
        "序号": str(number),
        "时间": "2024-03-01",
        "便民服务站名称": "示例镇便民服务站",
        "窗口": "1号窗口",
        "事项所属": "县人社局",
        "姓名": "王小明",
        "联系方式": "13900001234",
        "申请事项": "社会保障卡申领",
        "受理与否": "是",
        "办理时限": "5个工作日",
        "办件状态": "已办结",
        "退件原因": "",
        "接件时间": "09:05",
        "当日办结时间": "",
        "受理人员": "李丽",
        "备注": "代办",
    }
    return list({**usual, **changes}.values())


def as_text(rows: Rows, delimiter: str = ",") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue()


def a_csv(path: Path, rows: Rows, *, encoding: str = "utf-8-sig", delimiter: str = ",") -> Path:
    path.write_bytes(as_text(rows, delimiter).encode(encoding))
    return path


def an_xlsx(path: Path, *sheets: Rows, merged: Sequence[str] = ()) -> Path:
    """One workbook; `merged` ranges are of the first sheet."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for number, rows in enumerate(sheets, 1):
        sheet = book.create_sheet(f"{number}月")
        for row in rows:
            sheet.append(list(row))
    for area in merged:
        book.worksheets[0].merge_cells(area)
    book.save(path)
    return path


def an_xls(path: Path, *sheets: Rows) -> Path:
    book = xlwt.Workbook(encoding="utf-8")
    for number, rows in enumerate(sheets, 1):
        sheet = book.add_sheet(f"{number}月")
        for at, row in enumerate(rows):
            for column, cell in enumerate(row):
                sheet.write(at, column, cell)
    book.save(str(path))
    return path
