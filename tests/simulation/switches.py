"""Rules of the protocol switched off, one at a time: each shows that the simulation would notice.

Only tests import this. A switch replaces one function of sync_protocol by what somebody might have
written who did not know why the rule is there.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sync_protocol import channel, crypto, limits, merge, pull, push
from sync_protocol.channel import Standing, Verdict
from sync_protocol.merge import Live, Record, Register, Rules
from sync_protocol.operations import Operation
from sync_protocol.pull import Applied, Reader
from sync_protocol.push import Judge, Judgement, KnownChain, Records, Taken

_judged, _resolve = push._judged, merge._resolve
_make_page, _take_run = pull.make_page, push.take_run


def _name_by_number(operation: Operation) -> bytes:
    seq = operation.header.seq.to_bytes(8, "big")
    return crypto.digest(b"bianmin/operation", operation.header.replica, seq)


def _replaces_used(acts: object, record: Record, register: str) -> tuple[bytes, ...]:
    shown = record.registers.get(register)
    return (shown.used.name,) if shown else ()


def _replaces_live(acts: object, record: Record, register: str) -> tuple[bytes, ...]:
    shown = record.registers.get(register)
    return tuple(sorted(live.name for live in shown.live)) if shown else ()


def _keeps_newest(name: str, writes: list[Live], rules: Rules) -> Register:
    return _resolve(name, sorted(writes, key=lambda each: each.age)[-1:], rules)


def _later_verdict(standing: Standing, verdict: Verdict, code: str) -> Standing:
    return Standing(verdict, code)


def _first_cause(standing: Standing, verdict: Verdict, code: str) -> Standing:
    return Standing(verdict, code) if verdict > standing.verdict else standing


def _own_stamp(stamp: int, hub_time: int) -> int:
    return stamp


def _refuses_gaps(*arguments: Any) -> Taken:
    taken = _take_run(*arguments)
    decisions = tuple(
        replace(each, entry=_refused(each.entry)) if each.entry.code == "gap" else each
        for each in taken.decisions
    )
    return replace(taken, decisions=decisions)


def _refused(entry: channel.OperationEntry) -> channel.OperationEntry:
    refused = int(Verdict.REFUSED)
    return channel.OperationEntry(entry.name, refused, entry.code, entry.effective, entry.at)


def _forgets_what_it_has(run: Any, signing: bytes, known: KnownChain, *rest: Any) -> Taken:
    return _take_run(run, signing, replace(known, names={}), *rest)


def _all_own_as_numbers(base: Any, stored: Any, reader: Reader, budget_bytes: int) -> Any:
    return _make_page(base, stored, replace(reader, own_seq=limits.INTEGER_HIGHEST), budget_bytes)


def _stops_at_unreadable(operation: Operation, records: Records, judge: Judge) -> Judgement:
    operation.writes()
    return _judged(operation, records, judge)


def _always_waits(operation: Operation, records: Records, judge: Judge) -> Judgement:
    judgement = _judged(operation, records, judge)
    return (Verdict.HELD, "record") if records.waits(operation) else judgement


def _never_waits(records: Records, operation: Operation) -> bool:
    return False


def _always_complete(applied: Applied) -> bool:
    return True


# What the rule says → where it stands, and what is there without it.
SWITCHES: dict[str, tuple[object, str, object]] = {
    "a name is a hash, not (replica, seq)": (Operation, "name", property(_name_by_number)),
    "a write replaces all live writes, overruled ones too": (merge, "replaces", _replaces_used),
    "a write replaces what the pending ones beneath it do": (merge, "replaces", _replaces_live),
    "a record keeps every live write": (merge, "_resolve", _keeps_newest),
    "the highest verdict counts": (Standing, "raised_by", _later_verdict),
    "of two causes to hold, the later counts": (Standing, "raised_by", _first_cause),
    "the effective stamp is bounded": (channel, "effective_stamp", _own_stamp),
    "what is behind a gap is held": (push, "take_run", _refuses_gaps),
    "what the hub has is not placed again": (push, "take_run", _forgets_what_it_has),
    "own operations above own_seq come with bytes": (pull, "make_page", _all_own_as_numbers),
    "an unreadable body is refused, the chain goes on": (push, "_judged", _stops_at_unreadable),
    "what builds on a held creation waits": (Records, "waits", _never_waits),
    "what replaces a held creation does not wait": (push, "_judged", _always_waits),
    "synchronised means to the head": (Applied, "is_complete", property(_always_complete)),
}


# Rules that break only when rare things meet: what happens first in the stories about them.
SCENES: dict[str, str] = {
    "a name is a hash, not (replica, seq)": "record:0 exchange:0 clone:0 amend:0 amend:1",
    "a write replaces what the pending ones beneath it do": (
        "record:0 exchange:0 overstep:0 amend:0 exchange:0"
    ),
    "the highest verdict counts": (
        "change_program:0 record:0 exchange:0 county_look:0 upgrade_hub:0 county_decide:0"
    ),
    "of two causes to hold, the later counts": (
        "change_program:0 record:0 send:0 record:0 send_ahead:0 carry:0 exchange:0"
    ),
    "what is behind a gap is held": "record:0 send:0 amend:0 send_ahead:0 carry:0",
    "own operations above own_seq come with bytes": (
        "back_up:0 record:0 exchange:0 exchange:0 put_back:0"
    ),
    "what builds on a held creation waits": (
        "change_program:0 record:0 exchange:0 change_program:0 amend:0 exchange:0"
    ),
    "what replaces a held creation does not wait": (
        "change_program:0 record:0 exchange:0 change_program:0 correct:0 exchange:0"
    ),
}


@contextmanager
def switched_off(rule: str) -> Iterator[None]:
    """The protocol without this rule."""
    owner, attribute, without = SWITCHES[rule]
    kept = owner.__dict__[attribute]
    setattr(owner, attribute, without)
    try:
        yield
    finally:
        setattr(owner, attribute, kept)
