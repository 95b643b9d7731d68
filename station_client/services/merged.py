"""A record as its operations make it here: the protocol's merge with the form's policies.

Pure: knows neither the store nor the clock. What is pending or held of our own counts (promise 2).
"""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import msgspec
from msgspec.structs import replace

from forms import ALIVE, Form, Forms
from station_client.store.rows import StoredOperation
from sync_protocol import merge, operations
from sync_protocol.channel import Verdict
from sync_protocol.errors import PeerFault
from sync_protocol.merge import Act, Counts, Record, Register, Rules
from sync_protocol.operations import Write


class Merged(msgspec.Struct, frozen=True, dict=True):
    """A record's acts and what they add up to.

    `record` is what a new write replaces; `shown` what a page shows. They differ when everything
    of a record was refused: then there is nothing to replace, and what was typed is still shown.
    """

    kind: str
    form: Form | None
    acts: tuple[Act, ...]
    record: Record
    shown: Record

    @cached_property
    def values(self) -> dict[str, Any]:
        """Register → value; removed elements are left out."""
        return {
            name: register.used.value
            for name, register in self.shown.registers.items()
            if name != ALIVE and not (register.used.value is None and "/" in name)
        }

    @property
    def void_reason(self) -> str:
        """Why the record is void; "" while it is alive."""
        alive = self.shown.registers.get(ALIVE)
        return str(alive.value or "") if alive else ""

    @property
    def conflicts(self) -> dict[str, Register]:
        """The registers that a person must settle; of a void record only whether it is void."""
        found = self.record.conflicts
        if self.void_reason and ALIVE not in found:
            return {}
        return found

    def may_settle(self, register: str) -> bool:
        """Whether the desk may decide this conflict; what only the county writes it may not."""
        field = self.form.find(register) if self.form is not None else None
        return register == ALIVE or (field is not None and field.may_be_written_by("station"))

    @property
    def is_new(self) -> bool:
        """Whether the next write creates the record: no earlier one counts."""
        return not self.record.registers

    def replaces(self, register: str) -> tuple[bytes, ...]:
        return merge.replaces(self.acts, self.record, register)


def merged(forms: Forms, stored: Sequence[StoredOperation]) -> Merged:
    """What the operations of one record (at least one) add up to on this PC."""
    kind = stored[0].kind
    form = form_for(forms, kind, max(each.form_version for each in stored))
    rules = rules_of(form)
    acts = tuple(_act(each) for each in stored)
    remembered = next((each.remembered for each in stored if each.remembered), None)
    record = merge.fold(acts, rules, overlay=True, remembered=remembered)
    shown = record
    if not record.registers:
        shown = merge.fold(_refused_here(acts, stored), rules, overlay=True)
    return Merged(kind, form, acts, record, shown)


def form_for(forms: Forms, kind: str, version: int) -> Form | None:
    """That version, or the newest that this program knows, or None for an unknown kind."""
    if kind not in forms.names():
        return None
    return forms.get(kind, version) or forms.latest(kind)


def rules_of(form: Form | None) -> Rules:
    """The merge policies of a form; of an unknown one a person is asked about everything."""
    if form is None:
        return _UNKNOWN_FORM
    places = form.places

    def place(register: str, value: Any) -> tuple[int, int] | None:
        if not isinstance(value, dict) or value.get("state") not in places:
            return None
        return int(value.get("round", 0)), places[value["state"]]

    return Rules(form.policy, place)


_UNKNOWN_FORM = Rules(lambda register: "ask", lambda register, value: None)


def writes_of(stored: StoredOperation) -> tuple[Write, ...]:
    """The writes of an operation; none where its body is erased or cannot be read."""
    if stored.body is None:
        return ()
    try:
        return operations.read_body(stored.body)
    except PeerFault:
        return ()


def _act(stored: StoredOperation) -> Act:
    return Act(
        name=stored.identity,
        effective=stored.stamp if stored.effective is None else stored.effective,
        by_hub=bool(stored.by_hub),
        counts=_counts(stored),
        writes=writes_of(stored),
        replica=stored.replica,
        clerk=stored.clerk,
    )


def _counts(stored: StoredOperation) -> Counts:
    if stored.verdict == Verdict.ACCEPTED:
        return Counts.ACCEPTED
    if stored.verdict == Verdict.REFUSED or not stored.own:
        return Counts.NO
    return Counts.OWN


def _refused_here(acts: Sequence[Act], stored: Sequence[StoredOperation]) -> list[Act]:
    """As if it counted: none of it names what it follows, so that the order alone decides."""
    own = [(each.order, act) for act, each in zip(acts, stored, strict=True) if each.own]
    own.sort(key=lambda both: both[0])
    return [
        replace(act, counts=Counts.OWN, effective=number) for number, (_, act) in enumerate(own)
    ]
