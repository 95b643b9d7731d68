"""What either end shows: the acts about a record, folded by the protocol. Knows no disk."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec

from sync_protocol import merge
from sync_protocol.channel import Standing, Verdict
from sync_protocol.errors import PeerFault
from sync_protocol.merge import Act, Counts, Record
from sync_protocol.operations import ON_BEHALF, Operation, Write
from tests.simulation.casework import FORMS, rules_of

RULES = {kind: rules_of(FORMS.latest(kind)) for kind in FORMS.names()}


@dataclass(frozen=True)
class Page:
    """A record as somebody has it before their eyes: what they write next is written from here."""

    record: bytes
    kind: str
    acts: tuple[Act, ...]
    shown: Record

    @property
    def values(self) -> dict[str, Any]:
        return self.shown.values

    @property
    def counted(self) -> dict[str, frozenset[bytes]]:
        """Register → the names of all counted writes of it: what whoever sees the page has seen."""
        seen: dict[str, set[bytes]] = {}
        for act in self.acts:
            if act.counts is not Counts.NO:
                for write in act.writes:
                    seen.setdefault(write.field, set()).add(act.name)
        return {register: frozenset(names) for register, names in seen.items()}

    def writes(self, values: dict[str, Any]) -> tuple[Write, ...]:
        """What somebody who sees this page writes."""
        return tuple(
            Write(register, value, merge.replaces(self.acts, self.shown, register))
            for register, value in values.items()
        )


def open_page(record: bytes, kind: str, acts: Iterable[Act], *, overlay: bool) -> Page:
    held = tuple(acts)
    return Page(record, kind, held, merge.fold(held, RULES[kind], overlay=overlay))


def act_of(
    operation: Operation, standing: Standing | None, effective: int | None, *, own: bool, hub: bytes
) -> Act:
    """An operation as merging sees it; `own`: it stands in the reader's own chain."""
    header = operation.header
    accepted = standing is not None and standing.verdict is Verdict.ACCEPTED
    refused = standing is not None and standing.verdict is Verdict.REFUSED
    counts = Counts.ACCEPTED if accepted else Counts.OWN if own and not refused else Counts.NO
    return Act(
        name=operation.identity,
        effective=header.stamp if effective is None else effective,
        by_hub=header.replica == hub and not header.flags & ON_BEHALF,
        counts=counts,
        writes=readable_writes(operation),
        replica=header.replica,
        clerk=header.clerk,
    )


def readable_writes(operation: Operation) -> tuple[Write, ...]:
    """The writes, or none of a body that cannot be read."""
    try:
        return operation.writes()
    except PeerFault:
        return ()


def canonical(record: Record) -> bytes:
    """A record as bytes: equal exactly when both ends agree about everything in it."""
    registers = [
        (name, [(live.name, live.value, live.effective) for live in register.live],
         register.used.name, [side.name for side in register.sides])
        for name, register in sorted(record.registers.items())
    ]  # fmt: skip
    return msgspec.msgpack.encode(registers, order="sorted")
