"""How every write is saved: checked, composed, and committed with its record and its place in the
outbox as one transaction (promise 1).

Knows the store's transaction and the protocol's operations; the services beside it decide what is
written.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import uuid_utils

from forms import ALIVE, Form, Problem, check_record, check_writes, element_register
from station_client.errors import StationError, told
from station_client.services.merged import Merged, merged
from station_client.services.projection import project, refused_values
from station_client.station import Station
from station_client.store.rows import RecordRow, StoredOperation
from sync_protocol import operations
from sync_protocol.errors import ProtocolError
from sync_protocol.operations import FORMAT, Head, Header, Operation, Write


def new_id() -> bytes:
    """A fresh id of 16 bytes, in order of time."""
    return bytes(uuid_utils.uuid7().bytes)


def registers_of(form: Form, values: Mapping[str, Any]) -> dict[str, Any]:
    """Field → value as register → value: each element of a list gets a register of its own.

    A value that is given by its register ("missing/0f…") stays as it is; None removes an element.
    """
    registers: dict[str, Any] = {}
    for name, value in values.items():
        field = form.find(name)
        if field is not None and field.type == "list" and name == field.id:
            for element in value or ():
                registers[element_register(name, new_id().hex())] = element
        else:
            registers[name] = value
    return registers


def demand_sound(
    form: Form, changes: Mapping[str, Any], after: Mapping[str, Any], new: bool
) -> None:
    """Error: form.problems, with every problem, for what may not be written."""
    found = check_writes(form, changes, author="station", creates=new)
    found += [problem for problem in check_record(form, after) if problem not in found]
    if found:
        raise problems(found)


def problems(found: Sequence[Problem]) -> StationError:
    return StationError("form.problems", count=len(found), problems=list(found))


def change_record(
    station: Station, stored: Sequence[StoredOperation], changes: Mapping[str, Any]
) -> None:
    """Write these registers of a record that has operations, and `alive` with them.

    Within `store.writing`. Errors: form.problems, record.form_unknown, operation.too_large.
    """
    before = merged(station.forms, stored)
    form = known_form(before)
    written = whole(stored, before, changes) if before.is_new else dict(changes)
    after = {name: value for name, value in {**before.values, **written}.items() if name != ALIVE}
    demand_sound(form, {**written, ALIVE: written.get(ALIVE, "")}, after, new=before.is_new)
    save_change(station, stored, before, written)


def save_change(
    station: Station,
    stored: Sequence[StoredOperation],
    before: Merged,
    changes: Mapping[str, Any],
) -> None:
    """As `change_record`, for what is checked already."""
    form = known_form(before)
    changes = {ALIVE: "", **changes}
    writes = [Write(name, value, before.replaces(name)) for name, value in changes.items()]
    head = station.store.journal.own_head(station.keys.replica)
    operation = compose(station, head, form, stored[0].record, writes)
    save(station, head, [operation], {stored[0].record: stored})


def known_form(record: Merged) -> Form:
    if record.form is None:
        raise StationError("record.form_unknown", kind=record.kind)
    return record.form


def whole(
    stored: Sequence[StoredOperation], before: Merged, changes: Mapping[str, Any]
) -> dict[str, Any]:
    """All registers again: the record's first write was refused, so this one creates it.

    Another PC's refused write is not shown here, and what it says is not lost for that.
    """
    refused = {name: value for name, value in refused_values(stored).items() if value is not None}
    return {**refused, ALIVE: "", **before.values, **changes}


def compose_new(
    station: Station, head: Head, form: Form, record: bytes, registers: Mapping[str, Any]
) -> Operation:
    """The operation that creates a record, checked. Errors: form.problems, operation.too_large."""
    written = {**registers, ALIVE: ""}
    demand_sound(form, written, registers, new=True)
    return compose(station, head, form, record, [Write(k, v) for k, v in written.items()])


def compose(
    station: Station, head: Head, form: Form, record: bytes, writes: Sequence[Write]
) -> Operation:
    """The next operation of this PC's chain.

    Errors: station.sealed, operation.too_large, operation.value
    """
    if station.is_sealed:
        raise StationError("station.sealed")
    header = Header(
        version=FORMAT,
        replica=head.replica,
        seq=head.seq + 1,
        stamp=station.stamp(),
        clerk=station.clerk,
        record=record,
        kind=form.name,
        form_version=form.version,
        flags=operations.AFTER_CLOSING if station.is_closed else 0,
    )
    try:
        return operations.compose(header, os.urandom(operations.SALT_BYTES), writes)
    except ProtocolError as fault:
        raise told(fault) from fault


def save(
    station: Station,
    head: Head,
    composed: Sequence[Operation],
    before: Mapping[bytes, Sequence[StoredOperation]],
) -> None:
    """Commit operations after `head`, and their records; `before`: record → what it has already."""
    rows: dict[bytes, RecordRow] = {}
    with station.store.writing():
        for operation in composed:
            head = station.store.journal.append_own(station.channel, head, operation)
            record = operation.header.record
            stored = [*before.get(record, ()), unsent(operation)]
            now = merged(station.forms, stored)
            rows[record] = project(now, stored, station.channel, station.name)
        station.store.records.put(rows.values())


def unsent(operation: Operation) -> StoredOperation:
    """An operation of our own as the journal holds it before any exchange."""
    header = operation.header
    return StoredOperation(
        name=operation.name,
        identity=operation.identity,
        record=header.record,
        replica=header.replica,
        seq=header.seq,
        kind=header.kind,
        form_version=header.form_version,
        stamp=header.stamp,
        clerk=header.clerk,
        body=operation.body,
        by_hub=False,
        position=None,
        verdict=None,
        code="",
        effective=None,
        at=None,
        own=True,
    )
