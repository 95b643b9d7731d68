"""Records as accepted operations add up to, projected in the transaction that appends.

Pure but for `project`, which reads the operations and saves what they make. Serves table D.1: the
work ledger's line of a case is one of these projections.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from forms import ALIVE, Form, Forms, ledger_line
from hub_server.hub import Hub
from hub_server.store import Channel, Placed, StoredRecord
from sync_protocol import crypto, merge
from sync_protocol.channel import Verdict
from sync_protocol.merge import Act, Counts, Record, Rules
from sync_protocol.operations import Header

CASES = frozenset({"intake_case", "helper_case", "proxy_case"})
_ENDED = frozenset({"finished", "returned", "refused", "terminated", "withdrawn"})


def rules_of(form: Form) -> Rules:
    """What a form says about merging."""
    return Rules(policy=form.policy, place=lambda _, value: _place(form, value))


def _place(form: Form, value: Any) -> tuple[int, int] | None:
    if not isinstance(value, Mapping) or value.get("state") not in form.places:
        return None
    return int(value["round"]), form.places[str(value["state"])]


def act_of(placed: Placed) -> Act:
    """A stored operation as merging sees it. What is not accepted counts nowhere here."""
    operation = placed.operation
    accepted = placed.verdict is Verdict.ACCEPTED
    return Act(
        name=operation.identity,
        effective=placed.effective,
        by_hub=placed.by_hub,
        counts=Counts.ACCEPTED if accepted else Counts.NO,
        writes=operation.writes() if accepted else (),
        replica=operation.header.replica,
        clerk=operation.header.clerk,
    )


def accepted_of(placed: Iterable[Placed]) -> list[Placed]:
    return [each for each in placed if each.verdict is Verdict.ACCEPTED]


def known_form(forms: Forms, kind: str, version: int) -> Form | None:
    """That version, or the newest that this program knows, or None for an unknown kind."""
    found = forms.get(kind, version)
    return forms.latest(kind) if found is None and kind in forms.names() else found


def form_of(forms: Forms, accepted: Sequence[Placed]) -> Form | None:
    """The definition that a record is read by: the newest that wrote to it, or, as at the stations,
    what is known here in its place. A later program may have accepted what this one cannot read."""
    newest = _newest(accepted)
    return known_form(forms, newest.kind, newest.form_version)


def is_known(forms: Forms, accepted: Sequence[Placed]) -> bool:
    """Whether the newest definition that wrote to a record is known here."""
    newest = _newest(accepted)
    return forms.get(newest.kind, newest.form_version) is not None


def _newest(accepted: Sequence[Placed]) -> Header:
    return max((each.operation.header for each in accepted), key=lambda h: h.form_version)


def fold(form: Form, accepted: Sequence[Placed]) -> Record:
    """What the accepted operations of one record make."""
    return merge.fold([act_of(each) for each in accepted], rules_of(form))


def project(
    hub: Hub, channel: Channel, records: Iterable[bytes], just_placed: Iterable[Placed] = ()
) -> list[StoredRecord]:
    """Folds these records of a channel anew and saves them; of an erased one nothing is kept, and
    one of a kind that this program does not know is left out until it does (`judge_new_forms`).

    `just_placed` was appended this moment and has no copies: of a record that begins with it
    nothing is read.
    """
    wanted = set(records)
    wanted -= hub.store.withdrawn.erased(channel.id, list(wanted))
    placed = _beginning(hub, channel, wanted, just_placed)
    placed |= hub.store.operations.of_records(channel.id, sorted(wanted - placed.keys()))
    station = hub.store.stations.get(channel.station_code) if channel.station_code else None
    region = station.region if station else channel.region
    name = station.name if station else ""
    projected = [
        projected_one(hub, channel, form, accepted, region, name)
        for each in placed.values()
        if (accepted := accepted_of(each)) and (form := form_of(hub.forms, accepted))
    ]
    hub.store.records.save(projected)
    return projected


def _beginning(
    hub: Hub, channel: Channel, records: Collection[bytes], just_placed: Iterable[Placed]
) -> dict[bytes, list[Placed]]:
    """Record → its operations, of those of these records that had none accepted before."""
    begun: dict[bytes, list[Placed]] = {}
    for each in just_placed:
        if each.operation.header.record in records:
            begun.setdefault(each.operation.header.record, []).append(each)
    had = hub.store.records.kinds(channel.id, list(begun))
    return {record: each for record, each in begun.items() if record not in had}


def projected_one(
    hub: Hub,
    channel: Channel,
    form: Form,
    accepted: Sequence[Placed],
    region: str,
    station_name: str,
) -> StoredRecord:
    """What these operations, all accepted, make of one record; saves nothing."""
    folded = fold(form, accepted)
    values = folded.values
    own_region = values.get("region_code") if channel.kind == "office" else None
    return StoredRecord(
        channel=channel.id,
        record=accepted[0].operation.header.record,
        kind=form.name,
        form_version=form.version,
        station_code=channel.station_code,
        region=str(own_region or region),
        version=_version(accepted),
        values=values,
        conflicts=len(folded.conflicts),
        alive=values.get(ALIVE, "") == "",
        open_case=is_open_case(form, values),
        state=state_of(form, values),
        ledger_date=_ledger_date(form, values),
        cells=_cells(form, values, station_name),
        changed_at=hub.now_ms(),
    )


def _version(accepted: Sequence[Placed]) -> bytes:
    """Another one whenever something is accepted, also of what has its place since long ago."""
    identities = {each.operation.identity for each in accepted}
    return crypto.digest(b"bianmin/record-version", *sorted(identities))


def state_of(form: Form, values: Mapping[str, Any]) -> str:
    """The state of an application or a case, "" of anything else."""
    if form.workflow is None:
        return str(values.get("case_status") or "")
    value = values.get(form.workflow.field)
    return str(value["state"]) if isinstance(value, Mapping) else ""


def is_open_case(form: Form, values: Mapping[str, Any]) -> bool:
    """Whether somebody still has to do something about a case (5.4.1.3)."""
    if form.name not in CASES or values.get(ALIVE, ""):
        return False
    return not values.get("finished_at") and values.get("case_status") not in _ENDED


def _cells(form: Form, values: Mapping[str, Any], station_name: str) -> tuple[str, ...]:
    if form.ledger is None:
        return ()
    return ledger_line(form, values, station_name=station_name).cells


def _ledger_date(form: Form, values: Mapping[str, Any]) -> str:
    return str(values.get(form.ledger.day) or "")[:10] if form.ledger else ""
