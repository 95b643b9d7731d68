"""At rest, everything that was ever written: where it is, what became of it, what stands.

The numbers are those of PROTOCOL.md, section 2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from forms import ALIVE
from hub_server.hub import Hub
from hub_server.services.projection import accepted_of, fold, form_of
from hub_server.store import StoredRecord
from sync_protocol.channel import county_reason
from tests.simulation.cast import Pc
from tests.simulation.facts import Fact, Facts, Policy, Row, hub_rows, live, standing
from tests.simulation.onlooker import Onlooker
from tests.simulation.promises import require
from tests.simulation.recompute import ACCEPTED, HELD, REFUSED
from tests.simulation.rest_of_hub import rows

CLOSING_CODES = ("closed", "late")


@dataclass(frozen=True)
class Fate:
    """What became of a fact at the hub: its best verdict, the codes of all its copies, and whether
    anybody can read it."""

    verdict: int
    codes: frozenset[str]
    is_readable: bool


@dataclass
class Ledger:
    """Everything the hub holds, by fact."""

    fates: dict[bytes, Fate] = field(default_factory=dict)

    def add(self, row: Row) -> None:
        before = self.fates.get(row.root, Fate(HELD, frozenset(), False))
        codes = before.codes | ({row.code} if row.code else set())
        is_readable = before.is_readable or row.body is not None
        self.fates[row.root] = Fate(max(before.verdict, row.verdict), codes, is_readable)

    def is_accepted(self, root: bytes) -> bool:
        return root in self.fates and self.fates[root].verdict == ACCEPTED

    def is_readable(self, root: bytes) -> bool:
        return root in self.fates and self.fates[root].is_readable


def check_facts(hub: Hub, pcs: Sequence[Pc], onlooker: Onlooker) -> None:
    """Promises 3, 4, 5, 8 and 10 for everything that was ever written."""
    facts = onlooker.facts
    ledger, records = Ledger(), dict[tuple[bytes, bytes], list[Row]]()
    lines = dict[tuple[bytes, bytes], StoredRecord]()
    for channel in hub.store.journal.channels():
        for line in hub.store.records.in_channel(channel.id):
            lines[channel.id, line.record] = line
        for row in hub_rows(hub, "channel = ?", channel.id):
            if row.verdict == HELD and row.code in CLOSING_CODES:
                fact = facts.get(row.root)
                is_closed = channel.closing is not None or (fact is not None and fact.is_late)
                require(is_closed, 4, "held for no closing")
            ledger.add(row)
            records.setdefault((channel.id, row.record), []).append(row)
    for pc in pcs:
        _check_kept(hub, pc, onlooker, ledger)
    for fact in facts.by_root.values():
        stolen = fact.at > onlooker.revoked.get(fact.enrolment, fact.at)
        counts = ledger.is_accepted(fact.root) and fact.root not in onlooker.believed
        require(not (stolen and counts), 8, "a revoked PC is believed")
        require(not (fact.is_late and counts), 4, "a closed desk is believed without the county")
    for root, is_accepted in onlooker.entrusted:
        kept = root in ledger.fates and (ledger.is_accepted(root) or not is_accepted)
        require(kept, 10, "what an erased PC left to the county is not there")
    erased = hub.store.withdrawn.all_erased()
    for (channel_id, record), placed in records.items():
        accepted = standing(placed)
        shown = lines.get((channel_id, record))
        is_due = bool(accepted) and (channel_id, record) not in erased
        require(is_due == (shown is not None), 4, "the county's ledger has what it should not")
        if accepted:
            _check_values(hub, channel_id, record, accepted, shown, facts, ledger)


def check_requests(pc: Pc, facts: Facts) -> None:
    """Promise 4: no request whose reply is awaited keeps what its desk knows to be erased."""
    database = pc.station.store.database
    erased = {row["record"] for row in database.rows("SELECT record FROM erased")}
    bodies = [each.body for each in facts.by_root.values() if each.record in erased]
    for row in database.rows("SELECT payload FROM request") if bodies else ():
        is_there = any(body in row["payload"] for body in bodies)
        require(not is_there, 4, "an erased body is in a request that is kept")


def _check_kept(hub: Hub, pc: Pc, onlooker: Onlooker, ledger: Ledger) -> None:
    """What a PC holds of its own is at the hub with a fair verdict; what it was told is accepted is
    accepted. Of one that is revoked or has left the hub takes no more than one batch: nothing is
    delivered to it."""
    facts, is_revoked = onlooker.facts, pc.enrolment in onlooker.revoked
    is_heard = onlooker.is_heard(pc)
    own = pc.station.store.database.rows(
        "SELECT DISTINCT body_digest FROM operation WHERE link IS NOT NULL"
    )
    for root in (row["body_digest"] for row in own):
        fate, fact = ledger.fates.get(root), facts.get(root)
        is_erased = fact is not None and fact.record in onlooker.erased
        require(bool(fate) or is_erased or not is_heard, 4, "what was saved is not at the hub")
        if fact is not None and fact.intent:
            require(not ledger.is_accepted(root), 8, "a write that its author may not make counts")
        if fate is not None and fact is not None and fate.verdict != ACCEPTED:
            fair = is_erased or _is_fair(hub, pc, fact, fate, ledger)
            fair = fair or (not is_heard and fate.verdict == HELD)
            fair = fair or (root in onlooker.gone_bad and "body" in fate.codes)
            # What it builds on was refused without its body, which came with an older request.
            fair = fair or bool(fact.beneath & onlooker.gone_bad)
            require(fair, 4, f"a sound operation: {fate.verdict} {', '.join(sorted(fate.codes))}")
    declared = rows(hub, "SELECT replica, first, last FROM loss")
    for root, (replica, seq) in pc.lost.items() if is_heard else ():
        is_said = any(of == replica and first <= seq <= last for of, first, last in declared)
        require(root in ledger.fates or is_said, 10, "what is truly gone is not declared")
    # Who has left is asked for nothing that a restored hub lost since, nor is a copy of it.
    is_asked = is_heard or not (is_revoked or pc.was_copied or pc.saw_more_than(hub))
    for root in pc.accepted if is_asked else ():
        require(ledger.is_accepted(root), 10, "what was accepted became less")


def _is_fair(hub: Hub, pc: Pc, fact: Fact, fate: Fate, ledger: Ledger) -> bool:
    """Whether the program that wrote it was wrong, the station was closed, or what it builds on
    was not accepted either."""
    if fate.verdict == REFUSED and any(map(county_reason, fate.codes)):
        return True
    if fact.intent and fate.verdict == REFUSED:
        return any(code.startswith(fact.intent) for code in fate.codes)
    channel = hub.store.journal.channel(pc.station.channel)
    if fate.verdict == HELD and fate.codes & set(CLOSING_CODES):
        return fact.is_late or (channel is not None and channel.closing is not None)
    return any(not ledger.is_accepted(root) for root in fact.beneath)


def _check_values(
    hub: Hub,
    channel: bytes,
    record: bytes,
    accepted: Sequence[Row],
    line: StoredRecord | None,
    facts: Facts,
    ledger: Ledger,
) -> None:
    """Promise 3 for one record: each accepted value stands, or somebody who saw it replaced it."""
    operations = accepted_of(hub.store.operations.of_records(channel, [record])[record])
    form = form_of(hub.forms, operations)
    assert form is not None
    folded = fold(form, operations)
    if line is not None:
        made = folded.values, len(folded.conflicts), not folded.values.get(ALIVE)
        is_so = (line.values, line.conflicts, line.alive) == made
        require(is_so, 2, "an old line in the county's ledger")
    standing_now = live(accepted, form.policy)
    shown = {name: {each.name for each in r.live} for name, r in folded.registers.items()}
    expected = {name: set(names) for name, names in standing_now.items()}
    require(shown == expected, 3, "other writes are live than nobody replaced")
    for register in {write.field for row in accepted for write in row.writes}:
        names = standing_now.get(register, {})
        _check_register(register, accepted, names, form.policy, facts, ledger)


def _check_register(
    register: str,
    accepted: Sequence[Row],
    standing_now: Mapping[bytes, Sequence[bytes]],
    policy: Policy,
    facts: Facts,
    ledger: Ledger,
) -> None:
    stands = [root for roots in standing_now.values() for root in roots]
    require(len(set(stands)) == len(stands), 5, f"one value of {register} stands twice")
    wrote = {row.root for row in accepted if any(w.field == register for w in row.writes)}
    known = {root for root in wrote if facts.get(root)}
    covered = facts.covered(known, register, lambda root: True)
    vanished = known - set(stands) - covered
    require(not vanished, 3, f"a value of {register} vanished")
    if policy(register) != "hub":
        # What was covered only by a write that no end holds any more is shown again.
        replaced = facts.covered(known, register, ledger.is_readable)
        require(not replaced & set(stands), 3, f"an old value of {register} came back")
