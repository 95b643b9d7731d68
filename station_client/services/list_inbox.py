"""The inbox: everything that the county has not accepted, or that two sides see differently, each
with its reason, who can act, and what to do.

The one list of these; the page, the command and nobody else words them again.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Literal

from station_client.services.list_conflicts import Conflict, list_conflicts
from station_client.services.merged import form_for, writes_of
from station_client.services.projection import open_refusals, title_of
from station_client.services.standing_words import HeldBy, held_by, reason_words
from station_client.station import Station
from station_client.store.rows import RecordRow, StoredOperation
from sync_protocol.channel import Verdict

Matter = Literal["conflict", "refused", "returned", "held"]
Actor = Literal["clerk", "county", "nobody"]

OPINIONS = ("county_opinion", "review_opinion")
CHOOSE = "请选定以哪一边为准。"
COUNTY_CHOOSES = "不用做什么，由县级决定以哪一边为准。"
CORRECT = "请改正后保存，会再次上报；不用办的可以作废。"
MEND = "请按意见修改后保存，会再次上报。"


@dataclass(frozen=True)
class InboxItem:
    """One matter that is not settled. `register` is set of a conflict, `operation` (its identity)
    of what is refused or held; `code` is the county's, "" where there is none; `since` is ms since
    1970 UTC: the county's time of its verdict, else when the record changed last.
    """

    matter: Matter
    record: bytes
    title: str
    case_no: str
    reason: str
    actor: Actor
    advice: str
    since: int
    code: str = ""
    register: str = ""
    operation: bytes = b""


def list_inbox(station: Station) -> list[InboxItem]:
    """What the clerk can settle first; of each matter the newest first."""
    undecided = sorted(_undecided(station), key=attrgetter("since"), reverse=True)
    found = [*_conflicts(station), *_returned(station), *undecided]
    return sorted(found, key=lambda each: each.actor != "clerk")


def _conflicts(station: Station) -> Iterator[InboxItem]:
    for each in list_conflicts(station):
        row = station.store.records.find(each.record)
        yield InboxItem(
            matter="conflict",
            record=each.record,
            title=each.title,
            case_no=row.case_no if row else "",
            reason=_sides(each),
            actor="clerk" if each.may_settle else "county",
            advice=CHOOSE if each.may_settle else COUNTY_CHOOSES,
            since=max(side.when for side in each.sides),
            register=each.register,
        )


def _sides(conflict: Conflict) -> str:
    texts = (side.text or "（空白）" for side in conflict.sides)
    return f"“{conflict.label}”两边不同：{' ／ '.join(texts)}"


def _returned(station: Station) -> Iterator[InboxItem]:
    for row in station.store.records.returned():
        yield InboxItem(
            matter="returned",
            record=row.id,
            title=row.title,
            case_no=row.case_no,
            reason=f"县级退回：{opinion_of(row.values)}",
            actor="clerk",
            advice=MEND,
            since=row.changed_at,
        )


def opinion_of(values: Mapping[str, object]) -> str:
    """What the county said of a case or an application; "" where it said nothing."""
    return next((str(values[name]) for name in OPINIONS if values.get(name)), "")


def _undecided(station: Station) -> Iterator[InboxItem]:
    journal = station.store.journal
    stored = journal.operations_of(station.channel, journal.undecided(station.channel))
    for record, operations in stored.items():
        row = station.store.records.find(record)
        held = [each for each in operations if each.verdict == Verdict.HELD]
        for each in _once(open_refusals(operations)):
            yield _item(station, row, each, "refused", HeldBy("clerk", CORRECT))
        for each in _once(held):
            yield _item(station, row, each, "held", held_by(each.code))


def _once(operations: Sequence[StoredOperation]) -> Iterator[StoredOperation]:
    """Copies of one operation under several headers are one. Of what has no body, and was not
    refused to this desk, nothing is to be done."""
    told = (each for each in operations if each.body is not None or _is_ours_refused(each))
    yield from {each.identity: each for each in told}.values()


def _is_ours_refused(stored: StoredOperation) -> bool:
    return stored.own and stored.verdict == Verdict.REFUSED


def _item(
    station: Station, row: RecordRow | None, stored: StoredOperation, matter: Matter, by: HeldBy
) -> InboxItem:
    form = form_for(station.forms, stored.kind, stored.form_version)
    written = {write.field: write.value for write in writes_of(stored)}
    # Another PC's record that was never accepted has no row here; what it wrote says what it is.
    return InboxItem(
        matter=matter,
        record=stored.record,
        title=row.title if row else title_of(form, stored.kind, written),
        case_no=row.case_no if row else str(written.get("case_no") or ""),
        reason=reason_words(form, stored),
        actor=by.actor,
        advice=by.advice,
        since=stored.stamp if stored.at is None else stored.at,
        code=stored.code,
        operation=stored.identity,
    )
