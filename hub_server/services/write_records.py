"""Every write of the hub: an operation in its own chain of the channel, accepted as it is placed.

One pipe both ways: a decision, a card, a catalogue item reach the stations as operations. Must run
inside a write transaction.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from forms import ALIVE, Form, check_writes
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.services.audit import OUTSIDER
from hub_server.services.projection import accepted_of, act_of, fold, project
from hub_server.store import Channel, NewEntry, Placed
from sync_protocol import channel as protocol
from sync_protocol import merge, operations
from sync_protocol.channel import Verdict
from sync_protocol.merge import Record
from sync_protocol.operations import FORMAT, Head, Header, Operation, Write

WORDS_SHOWN = 5


@dataclass(frozen=True)
class HubWrite:
    """What to write about one record; `on_behalf` of somebody outside it counts as a station's."""

    record: bytes
    kind: str
    values: Mapping[str, Any]
    clerk: bytes = OUTSIDER
    on_behalf: bool = False


def write_records(hub: Hub, channel: bytes, writes: Sequence[HubWrite]) -> list[Operation]:
    """Writes what differs from the records as they are; nothing differs, nothing is written.

    HubError `record.values` for what the form does not allow, `record.erased`: then nothing was
    written.
    """
    locked = hub.store.journal.lock_channel(channel)
    known = hub.store.operations.of_records(channel, [write.record for write in writes])
    erased = hub.store.withdrawn.erased(channel, list(known))
    if erased:
        raise HubError("record.erased")
    replica = hub.replica_in(locked)
    chains = hub.store.chains
    chain = chains.chain(replica) or chains.add_chain(replica, channel, is_hub=True)
    head, done, new = chain.head, list[Operation](), list[NewEntry]()
    for write in writes:
        operation = _compose(hub, head, write, known[write.record])
        if operation is not None:
            head = operations.advance(head, [operation])
            done.append(operation)
            new.append(_entry(hub, operation, head))
    if new:
        grown = hub.store.journal.append(locked, new)
        chains.move_chain(head)
        project(hub, grown, [operation.header.record for operation in done])
    return done


def write_record(hub: Hub, channel: bytes, write: HubWrite) -> Operation | None:
    """As `write_records`, for one."""
    return next(iter(write_records(hub, channel, [write])), None)


def append_word(hub: Hub, channel: Channel, entry: protocol.Entry) -> Channel:
    """Appends an entry that is the hub's own word (a closing, a freeze) to a locked channel."""
    return hub.store.journal.append(channel, [NewEntry(protocol.entry_bytes(entry))])


def _compose(hub: Hub, head: Head, write: HubWrite, known: Sequence[Placed]) -> Operation | None:
    form = hub.forms.latest(write.kind)
    accepted = accepted_of(known)
    record = fold(form, accepted)
    fields = _changed(record, write.values)
    if accepted and not fields:
        return None
    fields.setdefault(ALIVE, record.values.get(ALIVE, ""))
    check(form, fields, on_behalf=write.on_behalf, creates=not accepted)
    acts = [act_of(each) for each in accepted]
    header = Header(
        version=FORMAT,
        replica=head.replica,
        seq=head.seq + 1,
        stamp=hub.now_ms(),
        clerk=write.clerk,
        record=write.record,
        kind=form.name,
        form_version=form.version,
        flags=operations.ON_BEHALF if write.on_behalf else 0,
    )
    body = [
        Write(field, value, merge.replaces(acts, record, field)) for field, value in fields.items()
    ]
    return operations.compose(header, os.urandom(operations.SALT_BYTES), body)


def _changed(record: Record, values: Mapping[str, Any]) -> dict[str, Any]:
    """What differs from the record, and what settles a register in conflict."""
    before = record.values
    return {
        field: value
        for field, value in values.items()
        if field in record.conflicts or not merge.same_value(before.get(field), value)
    }


def check(form: Form, fields: Mapping[str, Any], *, on_behalf: bool, creates: bool) -> None:
    """HubError `record.values` with the form's own words."""
    author = "station" if on_behalf else "hub"
    problems = check_writes(form, fields, author=author, creates=creates)  # type: ignore[arg-type]
    if problems:
        words = "".join(problem.words(form) for problem in problems[:WORDS_SHOWN])
        fields_named = [problem.field for problem in problems]
        raise HubError("record.values", words=words, fields=fields_named)


def _entry(hub: Hub, operation: Operation, head: Head) -> NewEntry:
    now = hub.now_ms()
    effective = protocol.effective_stamp(operation.header.stamp, now)
    entry = protocol.place(
        operation.name, operation.identity, int(Verdict.ACCEPTED), "", effective, now
    )
    by_hub = not operation.header.flags & operations.ON_BEHALF
    placed = Placed(operation, head.link, by_hub, 0, Verdict.ACCEPTED, "", effective)
    return NewEntry(protocol.entry_bytes(entry), placed)
