"""What the hub thinks of one operation of a station: the forms' checker, as a verdict.

It never looks at merged values: two desks that both acted in good faith must not make each other's
acts invalid.
"""

from __future__ import annotations

from collections.abc import Mapping

from forms import Forms, check_writes
from sync_protocol.channel import Verdict
from sync_protocol.operations import Operation, Write
from sync_protocol.push import Judge, Judgement

_PART_CHARACTERS = 64


def judge_by(forms: Forms, kinds: Mapping[bytes, str]) -> Judge:
    """The judge of one batch of a station channel. `kinds`: record → the kind it has.

    A record keeps the kind it was created with: else a station could write a county's field under
    the name of another form, in which that field is its own.
    """
    known = dict(kinds)

    def judge(operation: Operation, writes: tuple[Write, ...], creates: bool) -> Judgement:
        header = operation.header
        if known.get(header.record, header.kind) != header.kind:
            return Verdict.REFUSED, "kind"
        judgement = _check(forms, operation, writes, creates)
        if judgement[0] is Verdict.ACCEPTED:
            known[header.record] = header.kind
        return judgement

    return judge


def _check(
    forms: Forms, operation: Operation, writes: tuple[Write, ...], creates: bool
) -> Judgement:
    form = forms.get(operation.header.kind, operation.header.form_version)
    if form is None:
        return Verdict.HELD, "form"
    if form.channel != "station":
        return Verdict.REFUSED, "channel"
    values = {write.field: write.value for write in writes}
    problems = check_writes(form, values, author="station", creates=creates)
    if not problems:
        return Verdict.ACCEPTED, ""
    first = next((p for p in problems if p.code == "author"), problems[0])
    field = first.field[:_PART_CHARACTERS]
    if first.code == "author":
        return Verdict.REFUSED, f"author:{field}"
    return Verdict.REFUSED, f"check:{field}:{first.code}"
