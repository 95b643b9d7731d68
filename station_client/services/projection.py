"""A merged record as the row that pages list and search: title, ledger cells, what stands open.

Pure: knows neither the store nor the clock.
"""

from collections.abc import Mapping, Sequence
from operator import attrgetter
from typing import Any

from forms import ALIVE, LEDGER_COLUMNS, Form, Problem, ledger_line, remaining_marks
from station_client.services.merged import Merged, writes_of
from station_client.store.rows import ItemRow, RecordRow, StoredOperation
from sync_protocol.channel import Verdict

STATUS = [column for column, _ in LEDGER_COLUMNS].index("case_status")
VOID = "已作废"
TITLE_PART = 60
"""Characters of a matter or a name in a title: an imported cell may hold thousands."""
NO_DATE = "0000-00-00"
"""The day of a line that says none: it stands at the end of the whole ledger."""


def project(
    merged: Merged, stored: Sequence[StoredOperation], channel: bytes, station_name: str
) -> RecordRow:
    """The row of a record; `stored` are its operations, at least one."""
    values, void_reason = merged.values, merged.void_reason
    cells = ledger_cells(merged.form, values, station_name)
    case_no = str(values.get("case_no") or "")
    title = title_of(merged.form, merged.kind, values)
    stamps = [act.effective for act in merged.acts]
    return RecordRow(
        channel=channel,
        id=stored[0].record,
        kind=merged.kind,
        form_version=max(each.form_version for each in stored),
        alive=void_reason,
        values=values,
        cells=cells,
        day=(cells[1] or NO_DATE) if cells else "",
        title=title,
        case_no=case_no,
        search=" ".join((case_no, *(cells or (title,)))).lower(),
        created_at=min(stamps),
        changed_at=max(stamps),
        conflicts=sum(merged.may_settle(register) for register in merged.conflicts),
        held=sum(each.verdict == Verdict.HELD for each in stored),
        refused=len(open_refusals(stored)),
        returned=is_returned(merged),
        status=_status(cells, void_reason) if cells else "",
        marked=0 if void_reason else len(open_marks(merged.form, values)),
    )


def _status(cells: Sequence[str], void_reason: str) -> str:
    return VOID if void_reason else cells[STATUS]


def open_marks(form: Form | None, values: Mapping[str, Any]) -> list[Problem]:
    """What an imported line says against the rules of its form, and nobody has mended yet."""
    return remaining_marks(form, values) if form is not None and "source" in values else []


def is_returned(merged: Merged) -> bool:
    """Whether the county sent the record back and no desk has written it since."""
    workflow = merged.form.workflow if merged.form else None
    if workflow is not None:
        now = merged.values.get(workflow.field)
        return isinstance(now, dict) and now.get("state") == "returned"
    if merged.void_reason or merged.values.get("county_action") != "returned":
        return False
    # Every write writes this: the county's is live until a desk has written that had seen it.
    alive = merged.shown.registers.get(ALIVE)
    return alive is not None and any(each.by_hub for each in alive.live)


def open_refusals(stored: Sequence[StoredOperation]) -> list[StoredOperation]:
    """The refused operations after which nobody has written the record successfully, oldest
    first. None of a record that is not at the county at all and was made void here."""
    refused = [each for each in stored if each.verdict == Verdict.REFUSED]
    if not refused:
        return []
    written = [each.order for each in stored if each.verdict != Verdict.REFUSED]
    since = [each for each in refused if not written or each.order > max(written)]
    since.sort(key=attrgetter("order"))
    if since and not written and _makes_void(since[-1]):
        return []
    return _not_tried_again(since)


def _makes_void(stored: StoredOperation) -> bool:
    return any(write.field == ALIVE and write.value for write in writes_of(stored))


def _not_tried_again(refused: Sequence[StoredOperation]) -> list[StoredOperation]:
    """Without those of which every register was written once more and refused once more."""
    tried: set[str] = set()
    kept: list[StoredOperation] = []
    for each in reversed(refused):
        fields = {write.field for write in writes_of(each)}
        if not fields or not fields <= tried:
            kept.append(each)
        tried |= fields
    return kept[::-1]


def refused_values(stored: Sequence[StoredOperation]) -> dict[str, Any]:
    """Register → value that was written, refused and not written again since; None: removed."""
    return {write.field: write.value for each in open_refusals(stored) for write in writes_of(each)}


def ledger_cells(
    form: Form | None, values: dict[str, object], station_name: str
) -> tuple[str, ...] | None:
    """The 16 cells of the record's ledger line (SX table D.1); None for what is no case."""
    if form is None or form.ledger is None:
        return None
    return ledger_line(form, values, station_name=station_name).cells


def title_of(form: Form | None, kind: str, values: Mapping[str, Any]) -> str:
    """What a list calls a record: the matter and whose it is, the beginning of a long one."""
    what = values.get("task_name") or values.get("item_name") or (form.title if form else kind)
    who = values.get("applicant_name") or values.get("name")
    return f"{_begun(what)}（{_begun(who)}）" if who else _begun(what)


def _begun(text: object) -> str:
    said = str(text)
    return said if len(said) <= TITLE_PART else f"{said[: TITLE_PART - 1]}…"


def project_item(row: RecordRow) -> ItemRow:
    """A catalogue item as the search finds it: 社会保障卡申领 is found by shbzksl."""
    # Loads its dictionaries on import, a fifth of a second that no other start should wait for.
    from pypinyin import Style, lazy_pinyin

    name = str(row.values.get("item_name") or "")
    return ItemRow(
        record=row.id,
        code=str(row.values.get("item_code") or ""),
        name=name,
        department=str(row.values.get("department") or ""),
        initials="".join(lazy_pinyin(name, style=Style.FIRST_LETTER)).lower(),
        values=row.values,
    )
