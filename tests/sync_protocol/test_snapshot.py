"""Snapshot: whoever starts from one sees what whoever read everything sees, now and later."""

from random import Random

import pytest
from msgspec.structs import replace

from sync_protocol import merge, snapshot
from sync_protocol.merge import Act, Counts, Policy, Record, Rules
from sync_protocol.operations import Write
from sync_protocol.snapshot import SnapshotAsk, read_part, summarise
from tests.sync_protocol.builders import CHANNEL, HUB, refused
from tests.sync_protocol.refusals import ASK, CHAIN, part

POLICIES: list[Policy] = ["ask", "newest", "union", "furthest", "hub"]


def rules_of(policy: Policy) -> Rules:
    return Rules(lambda register: policy, lambda register, value: (1, value))


def history(dice: Random, length: int) -> list[Act]:
    """Acts of a hub and stations that saw some of what came before."""
    acts: list[Act] = []
    for n in range(1, length + 1):
        writes = []
        for register in ("a", "b"):
            seen = [act.name for act in acts if dice.random() < 0.6]
            if dice.random() < 0.7:
                writes.append(Write(register, dice.randrange(3), tuple(seen)))
        is_accepted = dice.random() < 0.8
        acts.append(
            Act(
                name=bytes([n]) * 32,
                effective=dice.randrange(9),
                by_hub=dice.random() < 0.3,
                counts=Counts.ACCEPTED if is_accepted else Counts.NO,
                writes=tuple(writes),
            )
        )
    return acts


def shown(record: Record) -> object:
    return {
        name: ([each.name for each in register.live], register.used.name)
        for name, register in record.registers.items()
    }


def from_snapshot(acts: list[Act], later: list[Act], rules: Rules) -> Record:
    accepted = [act for act in acts if act.counts is Counts.ACCEPTED]
    left = summarise(accepted, merge.fold(acts, rules), rules)
    sent = [act for act in [*acts, *later] if act.name not in left.spent]
    return merge.fold(sent, rules, remembered=left.replaced)


@pytest.mark.parametrize("policy", POLICIES)
def test_a_record_from_a_snapshot_is_the_record_now_and_after_whatever_comes(
    policy: Policy,
) -> None:
    rules, spent = rules_of(policy), 0
    for seed in range(300):
        dice = Random(seed)
        acts = history(dice, dice.randint(1, 9))
        cut = dice.randint(0, len(acts))
        before, later = acts[:cut], acts[cut:]
        assert shown(from_snapshot(before, [], rules)) == shown(merge.fold(before, rules))
        # What was held at the snapshot may be accepted later, and copies may come again.
        settled = [act for act in before if act.counts is Counts.ACCEPTED]
        raised = [
            Act(a.name, a.effective, a.by_hub, Counts.ACCEPTED, a.writes)
            for a in before
            if a.counts is Counts.NO
        ]
        after = merge.fold([*settled, *raised, *later], rules)
        assert shown(from_snapshot(before, [*raised, *later, *settled], rules)) == shown(after)
        spent += len(summarise(settled, merge.fold(settled, rules), rules).spent)
    assert spent > 100


def test_nothing_live_is_spent() -> None:
    acts = [act for act in history(Random(7), 9) if act.counts is Counts.ACCEPTED]
    record = merge.fold(acts, rules_of("ask"))
    live = {each.name for register in record.registers.values() for each in register.live}
    assert not live & summarise(acts, record, rules_of("ask")).spent


def test_a_part_gives_its_records_in_order() -> None:
    read = read_part(part(), ASK, HUB.public.signing)
    assert read is not None
    assert [operation for each in read for operation, _ in each.operations] == CHAIN


def test_parts_go_on_after_the_last_record() -> None:
    first = CHAIN[0].header.record
    rest = replace(part(), after=first, records=part().records[1:])
    ask = SnapshotAsk(CHANNEL, rest.receipt.cursor.position, first)
    read = read_part(rest, ask, HUB.public.signing)
    assert read is not None
    assert len(read) == 3


@pytest.mark.parametrize(
    "ask",
    [
        SnapshotAsk(b"another-channel-", 0, b""),
        SnapshotAsk(CHANNEL, 0, b"r" * 16),
        SnapshotAsk(CHANNEL, 99, b""),
    ],
)
def test_another_part_than_the_one_asked_for_is_passed_over(ask: SnapshotAsk) -> None:
    assert read_part(part(), ask, HUB.public.signing) is None


def test_the_last_part_of_an_empty_channel_is_empty() -> None:
    assert read_part(replace(part(), records=[]), ASK, HUB.public.signing) == []


def test_a_part_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot.limits, "ENTRIES_PER_PAGE", 3)
    with refused("envelope.too_large"):
        read_part(part(), ASK, HUB.public.signing)
