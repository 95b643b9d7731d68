"""Merge: a record is a pure function of the set of operations about it, whatever their order.

For every register a record keeps each live write until a later write replaces it; a policy says
what more than one of them means. Policies are handed in: this file knows no form. PROTOCOL.md,
section 7. This is the multi-value register of the literature, with the replaced writes named.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from enum import Enum
from typing import Any, Literal

import msgspec

from sync_protocol.operations import Write

Policy = Literal["ask", "newest", "union", "furthest", "hub"]


class Counts(Enum):
    """Whether an act takes part in a record."""

    ACCEPTED = "accepted"
    OWN = "own"  # ours and pending or held: shown on our own page, nowhere else
    NO = "no"  # refused, or somebody else's and held


class Act(msgspec.Struct, frozen=True, gc=False):
    """An operation as merging sees it. `name` is its identity, `effective` its stamp in ms."""

    name: bytes
    effective: int
    by_hub: bool
    counts: Counts
    writes: tuple[Write, ...]
    replica: bytes = b""
    clerk: bytes = b""


class Rules(msgspec.Struct, frozen=True):
    """What a form says about its registers.

    `policy` maps a register to its merge policy; `place` maps a `furthest` value to something
    comparable, or None when it cannot be read.
    """

    policy: Callable[[str], Policy]
    place: Callable[[str, Any], tuple[int, int] | None]


class Live(msgspec.Struct, frozen=True, gc=False):
    """One live write of a register: what it wrote, and the act that it is of."""

    act: Act
    value: Any

    @property
    def name(self) -> bytes:
        return self.act.name

    @property
    def effective(self) -> int:
        return self.act.effective

    @property
    def by_hub(self) -> bool:
        return self.act.by_hub

    @property
    def clerk(self) -> bytes:
        return self.act.clerk

    @property
    def age(self) -> tuple[int, bytes]:
        """Display order and tie-break, the same everywhere."""
        return self.act.effective, self.act.name


class Register(msgspec.Struct, frozen=True, gc=False):
    """A register's live writes, oldest first, and what they add up to.

    `sides` holds the newest write of each differing value that a person must choose between: one
    when there is nothing to ask.
    """

    live: tuple[Live, ...]
    used: Live
    sides: tuple[Live, ...]

    @property
    def value(self) -> Any:
        return self.used.value


class Record(msgspec.Struct, frozen=True):
    """What the acts about one record add up to."""

    registers: Mapping[str, Register]
    names: frozenset[bytes] = frozenset()

    @property
    def values(self) -> dict[str, Any]:
        return {name: register.used.value for name, register in self.registers.items()}

    @property
    def conflicts(self) -> dict[str, Register]:
        return {name: r for name, r in self.registers.items() if len(r.sides) > 1}


def fold(
    acts: Iterable[Act],
    rules: Rules,
    *,
    overlay: bool = False,
    remembered: Mapping[str, Collection[bytes]] | None = None,
) -> Record:
    """The record that these acts make. With `overlay` the own, not yet accepted ones count too.

    Without it, the same accepted acts and rules give the same record everywhere (promise 2).
    `remembered`: register → names that acts replaced which a snapshot left out.
    """
    counted = [act for act in _distinct(acts) if _counted(act, overlay)]
    replaced = _replaced(counted, rules)
    for register, names in (remembered or {}).items():
        replaced.setdefault(register, set()).update(names)
    live: dict[str, list[Live]] = {}
    for act in counted:
        for write in act.writes:
            if write.field not in replaced or act.name not in replaced[write.field]:
                live.setdefault(write.field, []).append(Live(act, write.value))
    registers = {name: _resolve(name, tuple(live[name]), rules) for name in sorted(live)}
    return Record(registers, frozenset(act.name for act in counted))


def replaces(acts: Iterable[Act], record: Record, register: str) -> tuple[bytes, ...]:
    """The names that a new write of `register` replaces, by an author who sees `record`.

    All live writes, overruled ones too, and what the not yet accepted ones among them replace in
    turn: so a write in between that is refused later never brings an old value back.
    """
    beneath = {
        act.name: write.replaces
        for act in acts
        if act.counts is not Counts.ACCEPTED
        for write in act.writes
        if write.field == register
    }
    shown = record.registers.get(register)
    todo = [live.name for live in shown.live] if shown else []
    found: set[bytes] = set()
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(beneath.get(name, ()))
    return tuple(sorted(found))


def _distinct(acts: Iterable[Act]) -> list[Act]:
    """Copies of one operation are one: the accepted copy counts before any other."""
    acts = list(acts)
    if len(acts) == 1:
        return acts
    order = {Counts.ACCEPTED: 0, Counts.OWN: 1, Counts.NO: 2}
    best: dict[bytes, Act] = {}
    for act in sorted(acts, key=lambda a: (order[a.counts], a.effective, a.replica, a.clerk)):
        best.setdefault(act.name, act)
    return list(best.values())


def _counted(act: Act, overlay: bool) -> bool:
    return act.counts is Counts.ACCEPTED or (overlay and act.counts is Counts.OWN)


def _replaced(acts: Iterable[Act], rules: Rules) -> dict[str, set[bytes]]:
    acts = list(acts)
    by_hub = {act.name for act in acts if act.by_hub}
    replaced: dict[str, set[bytes]] = {}
    for act in acts:
        for write in act.writes:
            if not write.replaces:
                continue
            names = set(write.replaces)
            if rules.policy(write.field) == "hub" and not act.by_hub:
                names -= by_hub  # a station's write never replaces a hub's there
            replaced.setdefault(write.field, set()).update(names)
    return replaced


def _resolve(name: str, writes: tuple[Live, ...], rules: Rules) -> Register:
    if len(writes) == 1:
        return Register(writes, writes[0], writes)
    live = tuple(sorted(writes, key=lambda each: each.age))
    candidates = _candidates(rules, name, live)
    sides = candidates[-1:] if rules.policy(name) == "newest" else _by_value(candidates)
    return Register(live, candidates[-1], sides)


def _candidates(rules: Rules, name: str, live: tuple[Live, ...]) -> tuple[Live, ...]:
    """The live writes that the policy lets stand, oldest first."""
    policy = rules.policy(name)
    if policy == "hub":
        return tuple(each for each in live if each.by_hub) or live
    if policy == "furthest":
        placed = [(rules.place(name, each.value) or (0, 0), each) for each in live]
        furthest = max(place for place, _ in placed)
        return tuple(each for place, each in placed if place == furthest)
    return live


def _by_value(live: tuple[Live, ...]) -> tuple[Live, ...]:
    """The newest write of each differing value, oldest first: equal values are one side."""
    sides: list[Live] = []
    for each in reversed(live):
        if not any(same_value(each.value, side.value) for side in sides):
            sides.append(each)
    return tuple(reversed(sides))


def same_value(a: Any, b: Any) -> bool:
    """Equality as JSON has it: true is not 1."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, list | tuple) and isinstance(b, list | tuple):
        return len(a) == len(b) and all(map(same_value, a, b))
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return a.keys() == b.keys() and all(same_value(a[key], b[key]) for key in a)
    return bool(a == b)
