"""Correct a record, or make it void: nothing is overwritten, every earlier value stays in history.

Knows no page. A refused or held record is corrected in the same way and goes up again.
"""

from collections.abc import Mapping
from typing import Any

from forms import ALIVE, check_writes
from station_client.errors import StationError
from station_client.services.merged import merged
from station_client.services.projection import open_refusals
from station_client.services.writing import (
    change_record,
    known_form,
    problems,
    registers_of,
    save_change,
    whole,
)
from station_client.station import Station
from station_client.store.rows import StoredOperation
from sync_protocol.merge import Register, same_value


def amend_entry(
    station: Station,
    record: bytes,
    changes: Mapping[str, Any],
    seen: Mapping[str, Register] | None = None,
) -> None:
    """Write what differs from the record as it stands now; nothing to write is no error. After a
    refusal something is always written: that the clerk leaves the record as it is, too.

    `changes`: field → value, or register → value; a list under its field's name adds elements,
    None under an element's register removes it. `seen`: the registers on which the changes were
    decided; where another write has come in since, nothing is written. Errors: record.unknown,
    record.void, record.void_conflict, record.moved_on, form.problems, store.*
    """
    with station.store.writing():
        stored = operations_of(station, record)
        now = merged(station.forms, stored)
        if ALIVE in now.record.conflicts:
            raise StationError("record.void_conflict")
        if now.void_reason:
            raise StationError("record.void")
        wanted = registers_of(known_form(now), changes)
        differing = {
            register: value
            for register, value in wanted.items()
            if register in now.conflicts or not same_value(value, now.values.get(register))
        }
        if seen is not None and any(
            _names(seen, each) != _names(now.shown.registers, each) for each in differing
        ):
            raise StationError("record.moved_on")
        if differing or now.is_new or open_refusals(stored):
            change_record(station, stored, differing)


def _names(registers: Mapping[str, Register], register: str) -> set[bytes]:
    found = registers.get(register)
    return {live.name for live in found.live} if found else set()


def void_entry(station: Station, record: bytes, reason: str) -> None:
    """Make a record void, with a reason; it stays in the ledger as void. One that the county
    refused to create is closed by it: the county has nothing to make void, and refuses that, too.

    Errors: record.unknown, form.problems for a reason that is blank or too long.
    """
    changes = {ALIVE: reason.strip() or " "}
    with station.store.writing():
        stored = operations_of(station, record)
        now = merged(station.forms, stored)
        found = check_writes(known_form(now), changes, author="station", creates=False)
        if found:
            raise problems(found)
        save_change(station, stored, now, whole(stored, now, changes) if now.is_new else changes)


def operations_of(station: Station, record: bytes) -> list[StoredOperation]:
    """A record's operations in the station's own channel. Errors: record.unknown, record.erased."""
    if station.store.bodies.is_erased(station.channel, record):
        raise StationError("record.erased")
    found = station.store.journal.operations_of(station.channel, [record])
    if record not in found:
        raise StationError("record.unknown")
    return found[record]
