"""Write down a new case, or any other new record of the station's own channel.

Never waits for the network. Knows no page: what a clerk typed comes as field → value.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from forms import Form, Forms, check_writes
from forms.numbering import MAX_SEQUENCE, make_case_number
from station_client.errors import StationError
from station_client.services import china_time
from station_client.services.writing import compose_new, new_id, registers_of, save
from station_client.station import Station
from sync_protocol import operations
from sync_protocol.operations import Head, Operation

PCS_APART = 1_000
"""Numbers of a day between two PCs that share a digit: a desk's peak day has some 75 cases."""


def record_entry(station: Station, kind: str, values: Mapping[str, Any]) -> bytes:
    """Record one; gives the record's id. On the disk when this returns.

    `values`: field → value; of a list field the list of its elements, each a mapping. A case gets
    its number here. Errors: form.problems, record.kind_unknown, operation.too_large, store.*
    """
    [record] = record_entries(station, kind, [values])
    return record


def record_entries(
    station: Station, kind: str, entries: Iterable[Mapping[str, Any]]
) -> list[bytes]:
    """Record several of one kind as one transaction: all of them or none. As `record_entry`."""
    form = form_to_write(station, kind)
    composed: list[Operation] = []
    with station.store.writing():
        start = head = station.store.journal.own_head(station.keys.replica)
        for values in entries:
            composed.append(_compose(station, head, form, values))
            head = operations.advance(head, composed[-1:])
        save(station, start, composed, {})
    return [operation.header.record for operation in composed]


def record_clerk(station: Station, clerk: bytes, name: str) -> None:
    """Write down a clerk under the id that stands in the headers of what they write.

    Errors: clerk.name, for a name that is blank, too long or not to be printed.
    """
    form, values = station.forms.latest("clerk"), clerk_values(station.forms, name)
    with station.store.writing():
        head = station.store.journal.own_head(station.keys.replica)
        save(station, head, [compose_new(station, head, form, clerk, values)], {})


def clerk_values(forms: Forms, name: str) -> dict[str, object]:
    """What is written of a clerk of this name. Error: clerk.name."""
    values: dict[str, object] = {"name": name.strip(), "active": True}
    if check_writes(forms.latest("clerk"), values, author="station", creates=True):
        raise StationError("clerk.name")
    return values


def form_to_write(station: Station, kind: str) -> Form:
    """The newest form of a kind that a station may write. Error: record.kind_unknown."""
    if kind not in station.forms.names():
        raise StationError("record.kind_unknown", kind=kind)
    form = station.forms.latest(kind)
    if form.channel != "station":
        raise StationError("record.kind_unknown", kind=kind)
    return form


def _compose(station: Station, head: Head, form: Form, values: Mapping[str, Any]) -> Operation:
    registers = registers_of(form, values)
    if _wants_number(form, registers):
        registers["case_no"] = next_case_number(station)
    return compose_new(station, head, form, new_id(), registers)


def _wants_number(form: Form, registers: Mapping[str, Any]) -> bool:
    """An imported line keeps its paper's 序号 instead."""
    return bool(form.find("case_no")) and not registers.get("case_no") and "source" not in registers


def next_case_number(station: Station) -> str:
    """A number that no other PC gives, made without asking. Error: record.numbers_used_up.

    The number has one digit for the PC. The eleventh PC has the first one's digit and starts 1,000
    further on, and so forth: with up to 99 PCs no two meet before one numbers 1,000 cases in a day.
    """
    today = china_time.day(station.stamp())
    count = station.store.facts.next_case_sequence(today.isoformat())
    if count > MAX_SEQUENCE:
        raise StationError("record.numbers_used_up", limit=MAX_SEQUENCE)
    turn, digit = divmod(station.certificate.device_number, 10)
    return make_case_number(
        station_code=station.certificate.station_code,
        day=today,
        device=digit,
        sequence=(turn * PCS_APART + count - 1) % MAX_SEQUENCE + 1,
    )
