"""Rows of a ledger file as people keep them → lines of the form `intake_case`; nothing is dropped.

A row is a header, a title, a footer, blank, or a line. A line is *imported* (mended where it has
one possible meaning, marked where it breaks a rule of the form) or *set aside* with a reason. Knows
cells, not files: encodings, sheets and the report belong to the caller.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Literal

import msgspec

from forms import reading
from forms.checker import MARKABLE, check_writes
from forms.definition import Form
from forms.ledger import LEDGER_COLUMNS, ledger_line
from forms.reading import Raw, Reading, Unreadable, as_text, tidy
from forms.registers import ALIVE
from forms.registry import builtin
from forms.source import COLUMN_IDS, Extra, Mark, Mended, Source

RowKind = Literal["header", "title", "blank", "footer", "line"]
SetAsideReason = Literal[
    "set_aside_no_date",
    "set_aside_unreadable_date",
    "set_aside_no_line_above",
    "set_aside_not_a_line",
    "set_aside_too_large",
]

_FORM = builtin().latest("intake_case")
_MIN_LABELS = 5  # of a header
_MIN_CELLS = 4  # of a line: a date alone, or a date and a note, is not one
_MAX_EXTRA = 64
_MAX_CHARACTERS = 16_384  # of a row; a line holds them up to four times, and must fit an operation
_DITTO = frozenset({"〃", "″", '"', "”", "“", "''", "’’", "々", "同上", "同前", "同上行"})
_NOTHING = frozenset({"/", "\\", "-", "--", "—", "——", "-/-", "无", "空"})
_PERSONS = frozenset({"applicant_name", "handler_name"})
_MAY_SAY_NOTHING = frozenset({"return_reason", "finished_same_day_at"})
_TOTALS = r"(?:本页|本月|本日|当日)?(?:合计|总计|小计|累计|共计|总数)"
_FOOTER = re.compile(
    _TOTALS + r"|(?:填表|填报|制表|审核|审批|复核|统计|记录)(?:人|日期|时间)(?:签字|签名)?[:：]?|"
    r"(?:填表|制表|审核|审批|复核|经办人?|受理人?|签字|签名)(?:签字|签名)?[:：]|本[月周日年]共|(?:单位)?(?:负责人|盖章|公章)|[(（]盖章[)）]|(?:填表|填写)?说明[:：]|注[:：]|备注[:：]|"
    r"第\s*[0-9]+\s*页|共\s*[0-9]+\s*[页条件]|本页完|以下空白|以下无正文"
)
_TITLE = re.compile(
    r"台账|登记表|登记簿|统计表|明细表|汇总表|花名册|附录|附件|表\s*D\.?\s*1|"
    r"^[0-9]{4}年(?:[0-9]{1,2}月)?(?:份)?$|^(?:[0-9]{1,2}|[一二三四五六七八九十]{1,2})月份?$|"
    r"^(?:填报|报送)?(?:单位|站点|便民服务站|部门|月份|年度|日期|时间|窗口)(?:名称)?[:：]"
)

_ALIASES: dict[str, str] = {
    "seq_no": "序 序列 编号 no no. 序号no.",
    "ledger_date": (
        "日期 办理日期 登记日期 登记时间 办理时间 受理日期 办件日期 办件时间 收件日期 接件日期 "
        "申请日期 业务日期 接待日期 来访日期"
    ),
    "station_name": (
        "便民服务站 服务站名称 站点名称 站点 服务站 政务服务便民服务站名称 便民服务站点 "
        "便民服务站点名称 服务站点 服务站点名称 网点 网点名称"
    ),
    "window_name": "窗口名称 窗口号 窗口编号 窗口柜台 办理窗口 受理窗口",
    "dept_name": (
        "事项所属部门 所属部门 部门 事项部门 责任部门 事项所属单位 所属单位 主管部门 "
        "事项主管部门 实施部门 承办部门 办理部门"
    ),
    "applicant_name": (
        "申请人 申请人姓名 办事人 办事人姓名 群众姓名 服务对象 姓名单位 申请人名称 "
        "服务对象姓名 办事群众 办事群众姓名 姓名名称 姓名或名称 姓名单位名称 姓名或单位名称 "
        "申请人单位 申请人单位名称 申请人姓名单位 申请人姓名名称 申请人姓名或名称 "
        "申请人姓名单位名称 申请人姓名或单位名称 来访人 来访人姓名"
    ),
    "contact_phone": (
        "联系电话 电话 手机 手机号 手机号码 联系人电话 电话号码 申请人电话 联系手机 "
        "电话手机 手机电话 联系方式电话 联系方式手机 联系方式手机号 联系号码 申请人联系方式 "
        "申请人联系电话 申请人手机号"
    ),
    "task_name": (
        "事项 事项名称 办理事项 申请事项名称 申办事项 业务名称 办理业务 业务事项 服务事项 "
        "办件事项 办理事项名称 办件名称 服务事项名称 咨询办理事项"
    ),
    "is_accepted": "是否受理 受理 受理情况",
    "time_limit_text": "时限 承诺时限 承诺办理时限 办结时限 承诺办结时限 办理期限 承诺期限",
    "case_status": "状态 办理状态 办结状态 办件情况 办理情况 办理结果 办理进度 办件进度",
    "return_reason": (
        "退回原因 退件理由 不予受理原因 退件原因说明 不受理原因 退回理由 退件不予受理原因 "
        "退件或不予受理原因 不予受理退件原因"
    ),
    "received_at": "收件时间 受理时间 接收时间 接件时刻 收件时刻 来件时间",
    "finished_same_day_at": "当日办结 办结时间 当天办结时间 当日办结时刻",
    "handler_name": (
        "受理人 经办人 工作人员 办理人员 经办人员 受理人姓名 办理人 受理员 代办员 帮办员 "
        "帮办代办员 窗口人员 窗口工作人员 受理人员姓名 经办人姓名 工作人员姓名 接待人 "
        "接待人员 帮办人员 代办人员 帮办代办人员"
    ),
    "remark": "备注说明 说明 备考",
}
"""Other names that clerks give the columns, divided by blanks."""


def _label_key(label: object) -> str:
    """A header cell reduced to what tells columns apart: no blanks, breaks or bracketed hints."""
    return re.sub(r"\(.*?\)|[\s:*/、_]", "", tidy(str(label))).lower()


_COLUMN_OF = {
    _label_key(label): column
    for column, standard in LEDGER_COLUMNS
    for label in (standard, *_ALIASES[column].split())
}
_STANDARD = {column: _label_key(label) for column, label in LEDGER_COLUMNS}


class Columns(msgspec.Struct, frozen=True):
    """Which column of a sheet holds what: ledger column → position; and what else there is.

    ``counts_working_days``: the label of the limit says so, and a cell need not.
    """

    positions: Mapping[str, int]
    extra: Mapping[int, str] = {}
    counts_working_days: bool = False

    def missing(self) -> tuple[str, ...]:
        """The ledger columns that the sheet does not have."""
        return tuple(column for column in COLUMN_IDS if column not in self.positions)


STANDARD_COLUMNS = Columns({column: n for n, column in enumerate(COLUMN_IDS)})
"""The 16 columns in the order of table D.1, for a file without a header."""


class Imported(msgspec.Struct, frozen=True):
    """One line of the form `intake_case`: the writes to record it with, and the line that it shows.

    ``writes`` include ``source`` (cells as written, mended, marks) and ``alive``. ``texts`` are the
    cells after mending, for a ditto mark in the next row.
    """

    writes: Mapping[str, object]
    texts: tuple[str, ...]
    source: Source


class SetAside(msgspec.Struct, frozen=True):
    """A row that cannot become a line. ``reason`` is a code of `forms.WORDS`."""

    reason: SetAsideReason


def read_header(cells: Sequence[Raw]) -> Columns | None:
    """The columns that a header row names, in whatever order; None where it is not a header."""
    labels = {n: text for n, cell in enumerate(cells) if (text := as_text(cell)).strip()}
    positions: dict[str, int] = {}
    for position, label in labels.items():
        column = _COLUMN_OF.get(_label_key(label))
        if column and (column not in positions or _names_better(label, labels[positions[column]])):
            positions[column] = position
    extra = {n: tidy(label) for n, label in labels.items() if n not in positions.values()}
    known = "ledger_date" in positions and len(positions) >= _MIN_LABELS
    unit = "工作日" in labels.get(positions.get("time_limit_text", -1), "")
    return Columns(positions, extra, unit) if known and len(extra) <= len(positions) else None


def _names_better(label: str, other: str) -> bool:
    """Of two labels of one column it is the standard's own: 联系方式 before 电话.

    But 时间 beside a 日期 is a time of day.
    """
    key, other_key = _label_key(label), _label_key(other)
    if _COLUMN_OF[key] == "ledger_date" and ("日期" in key) != ("日期" in other_key):
        return "日期" in key
    return key == _STANDARD[_COLUMN_OF[key]] != other_key


def join_header(upper: Sequence[Raw], cells: Sequence[Raw]) -> tuple[Raw, ...] | None:
    """A header of two rows as one: 姓名 and 联系方式 below 申请人信息; else None.

    Its lower row names columns that the upper one does not name, and says little else.
    """
    filled = [text for text in map(as_text, cells) if text.strip()]
    names = {_COLUMN_OF.get(_label_key(text)) for text in filled} - {None}
    before = read_header(upper)
    wide = max(len(upper), len(cells))
    joined = tuple(_cell(cells, n) or _cell(upper, n) for n in range(wide))
    after = read_header(joined)
    if before is None or after is None or len(names) < 2 or 2 * len(names) < len(filled):
        return None
    both = names | set(before.positions)
    return joined if set(before.positions) < both == set(after.positions) else None


def classify_row(cells: Sequence[Raw], columns: Columns | None = None) -> RowKind:
    """What a row is. In doubt it is a line: then it is imported or set aside, and never lost."""
    texts = [text for text in (tidy(as_text(cell)) for cell in cells) if text]
    if not texts or (len(texts) == 1 and _is_only_numbered(cells, columns)):
        return "blank"
    if read_header(cells) is not None:
        return "header"
    if _is_footer(texts) and not (len(texts) >= _MIN_CELLS and _may_be_dated(cells, columns)):
        return "footer"
    dated = columns is not None and _has_date(cells, columns)
    return "title" if _is_title(texts) and not dated else "line"


def _is_only_numbered(cells: Sequence[Raw], columns: Columns | None) -> bool:
    """A row of a form that was numbered beforehand and never filled in."""
    position = (columns or STANDARD_COLUMNS).positions.get("seq_no")
    return re.fullmatch(r"[0-9]{1,6}", tidy(as_text(_cell(cells, position))), re.ASCII) is not None


def _is_footer(texts: Sequence[str]) -> bool:
    """Totals, signatures, notes: a footer's word begins the row.

    A row as long as a line begins so too, 负责人王明: there the word must be all that it says.
    """
    first = texts[0].replace(" ", "")
    if _FOOTER.match(first) is None:
        return False
    is_label = _TOTAL.fullmatch(first) is not None or (len(texts) <= 6 and ":" in first)
    return is_label or len(texts) < _MIN_CELLS


def _is_title(texts: Sequence[str]) -> bool:
    """A headline, perhaps repeated over the row, with a month or a unit beside it."""
    headlines = [text for text in texts if _TITLE.search(text)]
    beside = {text for text in texts if text not in headlines}
    return bool(headlines) and all(len(text) > 10 or "年" in text for text in beside)


_TOTAL = re.compile(_TOTALS + r"(?:[(:0-9].*)?")


def _may_be_dated(cells: Sequence[Raw], columns: Columns | None) -> bool:
    """Whether a line could begin so: 负责人王明 is a name, where a date stands in its column."""
    position = (columns or STANDARD_COLUMNS).positions["ledger_date"]
    text = tidy(as_text(_cell(cells, position)))
    return text in _DITTO or _LIKE_A_DATE.search(text) is not None


_LIKE_A_DATE = re.compile(r"[0-9]\s*[月./-]\s*[0-9]|月.+[日号]|[0-9]{5}")


def _has_date(cells: Sequence[Raw], columns: Columns | None) -> bool:
    position = (columns or STANDARD_COLUMNS).positions["ledger_date"]
    try:
        reading.read_date(_cell(cells, position))
    except Unreadable:
        return False
    return True


def read_ledger_row(
    cells: Sequence[Raw],
    columns: Columns = STANDARD_COLUMNS,
    *,
    file: str,
    row: int,
    sheet: str = "",
    above: Imported | None = None,
    merged: Collection[int] = (),
) -> Imported | SetAside:
    """Read one line. ``row`` counts from 1 as the spreadsheet does.

    ``above`` is the line just before it, for ditto marks; None where that was set aside, for a
    ditto mark under it has no known meaning. ``merged`` names the positions (in ``cells``)
    that the sheet has merged with the cell above, which then hold the value above.
    """
    written = {c: _cell(cells, columns.positions.get(c)) for c in COLUMN_IDS}
    texts = {column: as_text(raw) for column, raw in written.items()}
    repeated = {column for column, position in columns.positions.items() if position in merged}
    filled = [c for c in COLUMN_IDS if texts[c].strip() or (c in repeated and above is not None)]
    if len(filled) < _MIN_CELLS:
        return SetAside("set_aside_not_a_line")
    extra = list(_extra_cells(cells, columns))
    if len(extra) > _MAX_EXTRA or sum(len(as_text(cell)) for cell in cells) > _MAX_CHARACTERS:
        return SetAside("set_aside_too_large")
    resolved = {c: _resolve(written[c], c in repeated, above, c) for c in COLUMN_IDS}
    if columns.counts_working_days:
        resolved["time_limit_text"] = _in_working_days(resolved["time_limit_text"])
    day = _read_day(resolved["ledger_date"])
    if isinstance(day, SetAside):
        return day
    source = Source(
        file=file[:255],
        sheet=sheet[:255],
        row=row,
        cells=[texts[column] for column in COLUMN_IDS],
        extra=extra,
    )
    return _line(_FORM, source, _read_fields(_FORM, resolved, day))


def _cell(cells: Sequence[Raw], position: int | None) -> Raw:
    return cells[position] if position is not None and position < len(cells) else None


class _NoLineAbove:
    """A ditto mark under nothing."""


def _resolve(raw: Raw, repeated: bool, above: Imported | None, column: str) -> Raw | _NoLineAbove:
    """The cell, or for a ditto mark (or a merged cell) the text above it."""
    text = tidy(as_text(raw))
    is_ditto = text in _DITTO or as_text(raw).strip() in _DITTO
    if not is_ditto and not (repeated and not text):
        return raw
    if column == "seq_no":
        return raw
    return above.texts[COLUMN_IDS.index(column)] if above is not None else _NoLineAbove()


def _in_working_days(raw: Raw | _NoLineAbove) -> Raw | _NoLineAbove:
    text = "" if isinstance(raw, _NoLineAbove) else tidy(as_text(raw))
    return f"{text}个工作日" if re.fullmatch(r"[1-9][0-9]{0,3}", text, re.ASCII) else raw


def _read_day(raw: Raw | _NoLineAbove) -> str | SetAside:
    if isinstance(raw, _NoLineAbove):
        return SetAside("set_aside_no_line_above")
    if not as_text(raw).strip():
        return SetAside("set_aside_no_date")
    try:
        return reading.read_date(raw).value
    except Unreadable:
        return SetAside("set_aside_unreadable_date")


def _extra_cells(cells: Sequence[Raw], columns: Columns) -> Iterator[Extra]:
    known = set(columns.positions.values())
    left = [(n, as_text(cell)) for n, cell in enumerate(cells) if n not in known]
    for position, text in [(n, text) for n, text in left if text.strip()]:
        label = columns.extra.get(position, f"第{position + 1}列")
        yield Extra(label=label[:255], text=text)


def _read_fields(
    form: Form, resolved: Mapping[str, Raw | _NoLineAbove], day: str
) -> dict[str, object]:
    """Field → value; a field whose cell is blank or unreadable is left out."""
    assert form.ledger is not None
    writes: dict[str, object] = {}
    for column, cell in form.ledger.columns.items():
        raw = resolved[column]
        if not cell.field or isinstance(raw, _NoLineAbove) or _says_nothing(column, raw):
            continue
        try:
            writes[cell.field] = _reader(form, column, day)(raw).value
        except Unreadable:
            continue
    return {field_id: value for field_id, value in writes.items() if value != ""}


def _says_nothing(column: str, raw: Raw) -> bool:
    text = tidy(as_text(raw))
    return not text or (column in _MAY_SAY_NOTHING and text in _NOTHING)


def _reader(form: Form, column: str, day: str) -> Callable[[Raw], Reading[object]]:
    """How the cell of a column is read: by the type of the field that it fills."""
    assert form.ledger is not None
    field = form.field(form.ledger.columns[column].field)
    if field.type == "datetime":
        return partial(reading.read_datetime, day=day)
    if field.type == "time":
        return partial(reading.read_time, day=day)
    if column in _PERSONS:
        return reading.read_person
    if field.type == "code":
        return partial(reading.read_code, choices=form.choices(field))
    if field.type == "long_text":
        return partial(reading.read_text, lines=True)
    return _READERS[field.type]


_READERS: dict[str, Callable[[Raw], Reading[object]]] = {
    "date": reading.read_date,
    "limit": reading.read_limit,
    "phone": reading.read_phone,
    "text": reading.read_text,
}


def _line(form: Form, source: Source, fields: dict[str, object]) -> Imported:
    """Complete the line: where the ledger shows otherwise than the paper, that is said."""
    unread = _unread(form, source, fields)
    marks = [Mark(field=field_id, code="unreadable") for field_id in unread]
    shown = _shown(form, source, fields, marks)
    mended = [
        Mended(column=column, written=written, to=text)
        for column, written, text in zip(COLUMN_IDS, source.cells, shown, strict=True)
        if written != text
    ]
    draft = msgspec.structs.replace(source, mended=mended, marks=marks)
    marks += _broken_rules(form, draft, fields)
    final = msgspec.structs.replace(draft, marks=marks)
    writes = {**fields, "source": final.as_value(), ALIVE: ""}
    return Imported(writes, shown, final)


def _unread(form: Form, source: Source, fields: Mapping[str, object]) -> list[str]:
    assert form.ledger is not None
    return [
        cell.field
        for (column, cell), text in zip(form.ledger.columns.items(), source.cells, strict=True)
        if cell.field and cell.field not in fields and not _says_nothing(column, text)
    ]


def _shown(
    form: Form, source: Source, fields: Mapping[str, object], marks: list[Mark]
) -> tuple[str, ...]:
    marked = msgspec.structs.replace(source, marks=marks)
    values = {**fields, "source": marked.as_value()}
    return ledger_line(form, values, station_name="").cells


def _broken_rules(form: Form, source: Source, fields: Mapping[str, object]) -> list[Mark]:
    """The rules of the form that the line breaks besides, in the checker's own words."""
    writes = {**fields, "source": source.as_value()}
    problems = check_writes(form, writes, author="station", creates=True)
    return [Mark(field=p.field, code=p.code) for p in problems if p.code in MARKABLE]
