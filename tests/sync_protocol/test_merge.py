"""Merge: a pure function of the set of acts; nothing is lost, nothing comes back, all agree."""

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from sync_protocol import merge
from sync_protocol.merge import Act, Counts, Policy, Record, Rules
from sync_protocol.operations import Write

REGISTERS: dict[str, Policy] = {
    "ask": "ask",
    "newest": "newest",
    "line/1": "union",
    "state": "furthest",
    "opinion": "hub",
}
RULES = Rules(
    policy=lambda register: REGISTERS.get(register, "ask"),
    place=lambda register, value: tuple(value) if isinstance(value, list) else None,
)


def named(number: int) -> bytes:
    return bytes([number]) * 32


def an_act(
    number: int,
    register: str = "ask",
    value: Any = "v",
    replaces: Sequence[int] = (),
    **changes: Any,
) -> Act:
    writes = (Write(register, value, tuple(map(named, replaces))),)
    act = Act(named(number), number, by_hub=False, counts=Counts.ACCEPTED, writes=writes)
    return replace(act, **changes)


def live(record: Record, register: str = "ask") -> list[int]:
    return [each.name[0] for each in record.registers[register].live]


def fold(*acts: Act, overlay: bool = False) -> Record:
    return merge.fold(acts, RULES, overlay=overlay)


# --- any set of acts -----------------------------------------------------------------------------

numbers = st.integers(1, 8)
values = st.sampled_from(["a", "b", 1, True, None, [1, 1], [1, 2], [2, 0]])
writes = st.lists(
    st.builds(
        Write,
        st.sampled_from(sorted(REGISTERS)),
        values,
        st.lists(numbers.map(named), max_size=3).map(tuple),
    ),
    max_size=3,
    unique_by=lambda write: write.field,
).map(tuple)
some_acts = st.lists(
    st.builds(
        Act,
        name=numbers.map(named),
        effective=st.integers(1, 4),
        by_hub=st.booleans(),
        counts=st.sampled_from(Counts),
        writes=writes,
    ),
    max_size=8,
    unique_by=lambda act: act.name,
)


@given(some_acts, st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_the_acts_changes_nothing(
    acts: list[Act], overlay: bool, dice: Random
) -> None:
    shuffled = dice.sample(acts, len(acts))
    assert fold(*acts, overlay=overlay) == fold(*shuffled, overlay=overlay)


@given(some_acts, st.booleans())
def test_acts_that_come_twice_change_nothing(acts: list[Act], overlay: bool) -> None:
    assert fold(*acts, *acts, overlay=overlay) == fold(*acts, overlay=overlay)


@given(some_acts, st.randoms(use_true_random=False))
def test_copies_under_other_chains_are_one_act_in_any_order(acts: list[Act], dice: Random) -> None:
    copies = [replace(act, replica=b"r2", effective=dice.randint(1, 4)) for act in acts]
    assert fold(*acts, *copies) == fold(*copies, *acts)


@given(some_acts)
def test_every_counted_write_is_live_or_replaced_by_name(acts: list[Act]) -> None:
    record = fold(*acts)
    for act in acts:
        for write in act.writes:
            if act.counts is Counts.ACCEPTED:
                stands = write.field in record.registers and act.name[0] in live(
                    record, write.field
                )
                replaced = any(
                    act.name in other_write.replaces
                    for other in acts
                    for other_write in other.writes
                    if other.counts is Counts.ACCEPTED and other_write.field == write.field
                )
                assert stands is not replaced or REGISTERS[write.field] == "hub"


@given(some_acts)
def test_what_is_not_accepted_shows_only_on_ones_own_page(acts: list[Act]) -> None:
    accepted = [act for act in acts if act.counts is Counts.ACCEPTED]
    own = [act for act in acts if act.counts is not Counts.NO]
    assert fold(*acts) == fold(*accepted)
    assert fold(*acts, overlay=True) == fold(*own, overlay=True)


verdict_lists = st.lists(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from([Counts.ACCEPTED, Counts.NO])), max_size=3
    ),
    min_size=1,
    max_size=8,
)


@given(verdict_lists)
def test_of_one_author_the_newest_write_that_counts_stands_alone(
    verdicts_after_each_write: list[list[tuple[int, Counts]]],
) -> None:
    acts: list[Act] = []
    for number, verdicts in enumerate(verdicts_after_each_write, start=1):
        names = merge.replaces(acts, fold(*acts, overlay=True), "ask")
        acts.append(an_act(number, value=number, replaces=[n[0] for n in names], counts=Counts.OWN))
        for at, counts in verdicts:
            act = acts[at % number]
            if act.counts is Counts.OWN:
                acts[at % number] = replace(act, counts=counts)
        for overlay, wanted in ((True, (Counts.ACCEPTED, Counts.OWN)), (False, (Counts.ACCEPTED,))):
            newest = [act.name[0] for act in acts if act.counts in wanted][-1:]
            record = fold(*acts, overlay=overlay)
            assert (live(record) if record.registers else []) == newest


# --- conflicts and policies ----------------------------------------------------------------------


def test_a_later_write_that_saw_the_earlier_takes_its_place() -> None:
    record = fold(an_act(1), an_act(2, value="w", replaces=[1]))
    assert (live(record), record.values["ask"], record.conflicts) == ([2], "w", {})


def test_a_name_replaced_before_it_is_seen_stays_replaced() -> None:
    assert live(fold(an_act(2, replaces=[1]), an_act(1))) == [2]


def test_two_who_did_not_see_each_other_are_both_shown() -> None:
    record = fold(an_act(1, value="a"), an_act(2, value="b"))
    register = record.conflicts["ask"]
    assert [side.value for side in register.sides] == ["a", "b"]
    assert register.value == "b"


def test_each_side_says_who_wrote_it_and_when() -> None:
    sides = fold(
        an_act(1, value="a", clerk=b"1" * 16), an_act(2, value="b", by_hub=True, clerk=b"2" * 16)
    )
    told = [(s.effective, s.by_hub, s.clerk) for s in sides.registers["ask"].live]
    assert told == [(1, False, b"1" * 16), (2, True, b"2" * 16)]


def test_equal_values_are_one_side() -> None:
    record = fold(an_act(1, value="a"), an_act(2, value="b"), an_act(3, value="a"))
    assert [side.name[0] for side in record.registers["ask"].sides] == [2, 3]
    assert not fold(an_act(1, value="a"), an_act(2, value="a")).conflicts


def test_newest_uses_the_greatest_effective_stamp_and_keeps_the_others() -> None:
    record = fold(an_act(1, "newest", "a", effective=9), an_act(2, "newest", "b", effective=3))
    assert record.values["newest"] == "a"
    assert live(record, "newest") == [2, 1]
    assert not record.conflicts


def test_equal_stamps_are_ordered_by_name() -> None:
    acts = [an_act(n, "newest", n, effective=5) for n in (3, 1, 2)]
    assert fold(*acts).values["newest"] == 3


def test_furthest_uses_the_greatest_round_and_place() -> None:
    record = fold(an_act(1, "state", [2, 0]), an_act(2, "state", [1, 9]))
    assert record.values["state"] == [2, 0]
    assert not record.conflicts


def test_two_values_that_are_equally_far_are_a_conflict() -> None:
    rules = Rules(RULES.policy, place=lambda register, value: (1, 1))
    record = merge.fold([an_act(1, "state", "a"), an_act(2, "state", "b")], rules)
    assert len(record.conflicts["state"].sides) == 2


def test_a_state_that_cannot_be_read_is_behind_every_other() -> None:
    record = fold(an_act(1, "state", [1, 1]), an_act(2, "state", "?", effective=9))
    assert record.values["state"] == [1, 1]


def test_a_stations_write_neither_replaces_nor_hides_the_hubs() -> None:
    hub = an_act(1, "opinion", "no", by_hub=True)
    record = fold(hub, an_act(2, "opinion", "yes", replaces=[1]))
    assert record.values["opinion"] == "no"
    assert live(record, "opinion") == [1, 2]
    assert not record.conflicts


def test_the_hub_replaces_itself_and_a_station_a_station() -> None:
    first = an_act(1, "opinion", "a", by_hub=True)
    assert live(fold(first, an_act(2, "opinion", "b", [1], by_hub=True)), "opinion") == [2]
    assert live(fold(an_act(1, "opinion"), an_act(2, "opinion", "b", [1])), "opinion") == [2]


def test_two_writes_of_the_hub_use_the_newest_and_ask_the_county() -> None:
    acts = [an_act(n, "opinion", f"v{n}", by_hub=True) for n in (1, 2)]
    record = fold(*acts)
    assert record.values["opinion"] == "v2"
    assert len(record.conflicts["opinion"].sides) == 2


@pytest.mark.parametrize(
    ("a", "b", "same"),
    [
        (1, 1, True),
        (1, True, False),
        (0, False, False),
        ([1], (1,), True),
        ([1], [1, 1], False),
        ({"a": 1}, {"a": True}, False),
        ({"a": [1]}, {"a": [1]}, True),
        ({"a": 1}, {"b": 1}, False),
        (None, "", False),
    ],
)
def test_values_are_equal_as_json_has_it(a: object, b: object, same: bool) -> None:
    assert merge.same_value(a, b) is same
    assert merge.same_value(b, a) is same


# --- what a write replaces -----------------------------------------------------------------------


def test_a_write_replaces_overruled_writes_too() -> None:
    acts = [an_act(1, "newest"), an_act(2, "newest"), an_act(3, "newest")]
    assert merge.replaces(acts, fold(*acts), "newest") == (named(1), named(2), named(3))


def test_a_write_replaces_what_pending_ones_beneath_it_replace_in_turn() -> None:
    accepted = an_act(1)
    pending = [
        an_act(2, replaces=[1], counts=Counts.OWN),
        an_act(3, replaces=[2], counts=Counts.OWN),
    ]
    acts = [accepted, *pending]
    names = merge.replaces(acts, fold(*acts, overlay=True), "ask")
    assert names == (named(1), named(2), named(3))


def test_a_write_in_between_that_is_refused_brings_no_old_value_back() -> None:
    beneath = an_act(2, replaces=[1], counts=Counts.OWN)
    acts = [an_act(1, value="old"), beneath]
    names = merge.replaces(acts, fold(*acts, overlay=True), "ask")
    new = replace(an_act(3, value="new"), writes=(Write("ask", "new", names),))
    record = fold(an_act(1, value="old"), replace(beneath, counts=Counts.NO), new)
    assert record.values["ask"] == "new"
    assert not record.conflicts


def test_a_write_of_another_register_replaces_nothing_here() -> None:
    acts = [an_act(1, "newest")]
    assert merge.replaces(acts, fold(*acts), "ask") == ()


def test_a_settlement_does_not_hide_what_came_meanwhile() -> None:
    seen = [an_act(1, value="a"), an_act(2, value="b")]
    names = merge.replaces(seen, fold(*seen), "ask")
    settled = replace(an_act(4), writes=(Write("ask", "a", names),))
    record = fold(*seen, an_act(3, value="c", replaces=[2]), settled)
    assert [side.value for side in record.conflicts["ask"].sides] == ["c", "a"]


def test_an_accepted_copy_counts_before_a_held_one() -> None:
    held = an_act(1, counts=Counts.NO, effective=1)
    assert fold(held, an_act(1, effective=7)).registers["ask"].used.effective == 7
