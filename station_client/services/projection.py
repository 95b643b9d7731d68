"""A merged record as the row that pages list and search: title, ledger cells, what stands open.

Pure: knows neither the store nor the clock.
"""

from collections.abc import Sequence

from forms import Form, ledger_line
from station_client.services.merged import Merged
from station_client.store.rows import RecordRow, StoredOperation
from sync_protocol.channel import Verdict


def project(
    merged: Merged, stored: Sequence[StoredOperation], channel: bytes, station_name: str
) -> RecordRow:
    """The row of a record; `stored` are its operations, at least one."""
    values = merged.values
    cells = ledger_cells(merged.form, values, station_name)
    case_no = str(values.get("case_no") or "")
    title = _title(merged, values)
    stamps = [act.effective for act in merged.acts]
    return RecordRow(
        channel=channel,
        id=stored[0].record,
        kind=merged.kind,
        form_version=max(each.form_version for each in stored),
        alive=merged.void_reason,
        values=values,
        cells=cells,
        day=cells[1] if cells else "",
        title=title,
        case_no=case_no,
        search=" ".join((case_no, *(cells or (title,)))).lower(),
        created_at=min(stamps),
        changed_at=max(stamps),
        conflicts=len(merged.conflicts),
        pending=sum(each.verdict is None for each in stored),
        held=sum(each.verdict == Verdict.HELD for each in stored),
        refused=len(open_refusals(stored)),
    )


def open_refusals(stored: Sequence[StoredOperation]) -> list[StoredOperation]:
    """The refused operations after which nobody has written the record successfully."""
    mended_at = max((each.stamp for each in stored if each.verdict != Verdict.REFUSED), default=-1)
    refused = [each for each in stored if each.verdict == Verdict.REFUSED]
    return [each for each in refused if each.stamp >= mended_at]


def ledger_cells(
    form: Form | None, values: dict[str, object], station_name: str
) -> tuple[str, ...] | None:
    """The 16 cells of the record's ledger line (SX table D.1); None for what is no case."""
    if form is None or form.ledger is None:
        return None
    return ledger_line(form, values, station_name=station_name).cells


def _title(merged: Merged, values: dict[str, object]) -> str:
    what = values.get("task_name") or values.get("item_name")
    what = what or (merged.form.title if merged.form else merged.kind)
    who = values.get("applicant_name") or values.get("name")
    return f"{what}（{who}）" if who else str(what)
