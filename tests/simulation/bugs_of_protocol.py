"""Planted bugs of the protocol: one rule each, left out as by somebody who did not know why it is
there."""

from dataclasses import replace
from typing import Any

from sync_protocol import channel, merge, push
from sync_protocol.channel import Standing, Verdict
from sync_protocol.limits import CLOCK_LEAD_MS
from sync_protocol.merge import Live, Record, Register, Rules
from sync_protocol.operations import Operation
from sync_protocol.pull import Applied
from sync_protocol.push import Doorway, Judge, Judgement, KnownChain, Records, Taken
from tests.simulation.bug import Bug

_doorway, _judged, _resolve = push._doorway, push._judged, merge._resolve
_take_run = push.take_run


def _replaces_used(acts: object, record: Record, register: str) -> tuple[bytes, ...]:
    shown = record.registers.get(register)
    return (shown.used.name,) if shown else ()


def _replaces_live(acts: object, record: Record, register: str) -> tuple[bytes, ...]:
    shown = record.registers.get(register)
    return tuple(sorted(live.name for live in shown.live)) if shown else ()


def _keeps_newest(name: str, writes: tuple[Live, ...], rules: Rules) -> Register:
    return _resolve(name, tuple(sorted(writes, key=lambda each: each.age)[-1:]), rules)


def _own_stamp(stamp: int, hub_time: int) -> int:
    return stamp


def _forgets_what_it_has(run: Any, signing: bytes, known: KnownChain, *rest: Any) -> Taken:
    return _take_run(run, signing, replace(known, names={}), *rest)


def _stops_at_unreadable(operation: Operation, records: Records, judge: Judge) -> Judgement:
    operation.writes()
    return _judged(operation, records, judge)


def _never_waits(records: Records, operation: Operation) -> bool:
    return False


def _always_complete(applied: Applied) -> bool:
    return True


def _newest_counts(self: Standing, verdict: Verdict, code: str) -> Standing:
    return Standing(verdict, code)


def _holds_for_a_clock(operation: Operation, doorway: Doorway, hub_time: int) -> Judgement | None:
    if operation.header.stamp > hub_time + CLOCK_LEAD_MS:
        return Verdict.HELD, "clock"
    return _doorway(operation, doorway, hub_time)


def _whatever_waits(operation: Operation, records: Records, judge: Judge) -> Judgement:
    if records.waits(operation):
        return Verdict.HELD, "record"
    return _judged(operation, records, judge)


BUGS = (
    Bug("a record keeps every live write", merge, "_resolve", _keeps_newest),
    Bug("a write replaces all live writes, overruled ones too", merge, "replaces", _replaces_used),
    Bug(
        "a write replaces what the pending ones beneath it do",
        merge, "replaces", _replaces_live,
        "record:0 exchange:0 " + "amend:0 overstep:0 amend:0 exchange:0 " * 4,
    ),
    Bug(
        "the effective stamp is bounded",
        channel, "effective_stamp", _own_stamp,
        "turn_clock:0 record:0 exchange:0 " * 3,
    ),
    Bug("what the hub has is not placed again", push, "take_run", _forgets_what_it_has),
    Bug("an unreadable body is refused, the chain goes on", push, "_judged", _stops_at_unreadable),
    Bug(
        "what builds on a held creation waits",
        Records, "waits", _never_waits,
        "change_program:0 record:0 exchange:0 change_program:0 amend:0 exchange:0",
    ),
    Bug(
        "synchronised means to the head",
        Applied, "is_complete", property(_always_complete),
        "exchange:1 record_many:0 record_many:0 exchange:0 exchange:1",
    ),
    Bug(
        "of all verdicts the highest counts",
        Standing, "raised_by", _newest_counts,
        "record:0 exchange:0 clone:0 rename:0 exchange:0 rename:4 write_stick:4 back_up_pc:4"
        " rename:4 restore_pc:4 exchange:4 stick_at_hub:0",
    ),
    Bug("nothing is held for a clock", push, "_doorway", _holds_for_a_clock,
        "turn_clock:0 record:0 exchange:0 " * 3,
    ),
    Bug(
        "what replaces a held write waits for nothing",
        push, "_judged", _whatever_waits,
        "change_program:0 record:0 exchange:0 change_program:0 rewrite:0",
    ),
)  # fmt: skip
