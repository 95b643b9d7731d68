"""Push: each operation is decided about by itself; nothing is taken twice, nothing dropped."""

from dataclasses import replace

import pytest

from sync_protocol import limits, mint, operations, push
from sync_protocol.channel import ClosingEntry, Standing, Verdict, VerdictEntry
from sync_protocol.operations import AFTER_CLOSING, Operation, Write
from sync_protocol.push import Doorway, KnownChain, Records, Released
from tests.sync_protocol.builders import (
    NOW,
    OTHER_PC,
    PC,
    RECORD,
    a_chain,
    a_header,
    a_run,
    accept_all,
    an_operation,
    an_unreadable_operation,
    head_of,
    refused,
    taken,
    verdicts,
)

DAY_MS = 24 * 60 * 60 * 1000
OPEN, LATER_FORM, LATER = Doorway(), 2, NOW + DAY_MS


def known(chain: list[Operation], base: int = 0, *also: Operation) -> KnownChain:
    """A hub that holds this chain, asked about a run that starts after `base`; `also` waits."""
    head = head_of(chain)
    link = head_of(chain[:base]).link if base <= len(chain) else None
    return KnownChain(head, link, {o.header.seq: {o.name} for o in (*chain, *also)})


def judge_by_form(
    operation: Operation, writes: tuple[Write, ...], creates: bool
) -> tuple[Verdict, str]:
    """Knows form version 1; an author may not write `opinion`; a creation needs a name."""
    fields = {write.field for write in writes}
    if operation.header.form_version == LATER_FORM:
        return Verdict.HELD, "form"
    if "opinion" in fields:
        return Verdict.REFUSED, "author:opinion"
    if creates and "applicant_name" not in fields:
        return Verdict.REFUSED, "check:applicant_name:required"
    return Verdict.ACCEPTED, ""


# --- station -------------------------------------------------------------------------------------


def test_a_batch_is_what_fits_in_order_and_at_least_one() -> None:
    chain = a_chain(5)
    size = chain[0].size_bytes
    assert push.cut_batch(chain, 3 * size) == chain[:3]
    assert push.cut_batch(chain, 1) == chain[:1]
    assert push.cut_batch([], 1) == []


def test_a_batch_has_no_more_operations_than_a_run_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BATCH_OPERATIONS", 2)
    assert len(push.cut_batch(a_chain(5), 10**9)) == 2


def test_a_run_reads_back_with_erased_bodies() -> None:
    chain = a_chain(3)
    chain[1] = operations.received(chain[1].header_bytes, None, chain[1].body_digest)
    assert push.read_run(a_run(chain)).operations == chain


# --- what the hub takes --------------------------------------------------------------------------


def test_a_run_is_taken_in_order_and_moves_the_chain() -> None:
    chain = a_chain(3)
    result = taken(a_run(chain))
    assert [each.operation for each in result.decisions] == chain
    assert [each.link for each in result.decisions] == [head_of(chain[:n]).link for n in (1, 2, 3)]
    assert result.head == result.signed[0] == head_of(chain)
    assert not result.forked


def test_what_was_taken_is_not_taken_again() -> None:
    chain = a_chain(3)
    result = taken(a_run(chain), known(chain))
    assert (result.decisions, result.head, result.forked) == ((), head_of(chain), False)


def test_of_a_run_that_overlaps_only_the_rest_is_taken() -> None:
    chain = a_chain(4)
    result = taken(a_run(chain, 1), known(chain[:3], 1))
    assert [each.operation for each in result.decisions] == chain[3:]
    assert result.head == head_of(chain)


def test_one_bad_operation_does_not_block_its_neighbours() -> None:
    chain = [
        an_operation(1, record=b"1" * 16),
        an_unreadable_operation(2),
        an_operation(3, Write("opinion", "x"), record=b"3" * 16),
        an_operation(4, Write("remark", "x"), record=b"4" * 16),
        an_operation(5, record=b"5" * 16),
    ]
    result = taken(a_run(chain), judge=judge_by_form)
    assert verdicts(result.decisions) == [
        "accepted",
        "body",
        "author:opinion",
        "check:applicant_name:required",
        "accepted",
    ]
    assert result.head == head_of(chain)


def test_an_operation_of_a_later_format_is_held_and_its_body_is_not_read() -> None:
    header = a_header(1, version=operations.FORMAT + 1)
    for body in (an_operation(1).body, b"another layout", None):
        later = operations.received(operations.header_bytes(header), body, b"d" * 32)
        assert push.decide(later, OPEN, Records(), accept_all, NOW) == (Verdict.HELD, "form")


@pytest.mark.parametrize("body", [b"", b"\xc1", b"\x91" * 9_000, b"x" * (limits.BODY_BYTES + 1)])
def test_an_unreadable_or_oversized_body_is_refused_and_the_chain_goes_on(body: bytes) -> None:
    chain = [an_unreadable_operation(1, body), an_operation(2)]
    result = taken(a_run(chain))
    assert verdicts(result.decisions) == ["body", "accepted"]
    assert result.head.seq == 2


def test_an_absent_body_is_refused() -> None:
    whole = an_operation(1)
    erased = operations.received(whole.header_bytes, None, whole.body_digest)
    assert verdicts(taken(a_run([erased])).decisions) == ["body"]


def test_the_entry_carries_the_bounded_stamp() -> None:
    fast = an_operation(1, stamp=NOW + 400 * DAY_MS)
    entry = taken(a_run([fast])).decisions[0].entry
    assert (entry.effective, entry.at) == (NOW + limits.CLOCK_LEAD_MS, NOW)
    assert entry.verdict == Verdict.ACCEPTED


def test_a_run_under_another_signature_is_refused() -> None:
    run = push.make_run(head_of([]), a_chain(2), OTHER_PC.signing)
    with refused("chain.signature"):
        taken(run)


def test_a_run_of_another_replica_is_refused() -> None:
    chain = [an_operation(1, replica=OTHER_PC.replica)]
    run = push.make_run(operations.empty_head(OTHER_PC.replica), chain, PC.signing)
    with refused("chain.order"):
        taken(run)


@pytest.mark.parametrize("change", ["swap", "drop", "alter", "append"])
def test_a_run_that_was_tampered_with_is_refused(change: str) -> None:
    run, more = a_run(a_chain(3)), a_chain(4)[3]
    items = {
        "swap": [run.operations[1], run.operations[0], run.operations[2]],
        "drop": run.operations[:2],
        "alter": [(run.operations[0][0], b"other", None), *run.operations[1:]],
        "append": [*run.operations, (more.header_bytes, more.body, None)],
    }[change]
    with refused("chain.signature", "chain.order"):
        taken(operations.Run(run.base_link, items, run.signature))


def test_an_empty_or_endless_run_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    run = a_run(a_chain(3))
    with refused("envelope.too_large"):
        push.read_run(operations.Run(run.base_link, [], run.signature))
    monkeypatch.setattr(limits, "BATCH_OPERATIONS", 2)
    with refused("envelope.too_large"):
        push.read_run(run)


# --- gaps ----------------------------------------------------------------------------------------


def test_what_is_behind_a_gap_is_held_and_the_chain_stays() -> None:
    chain = a_chain(4)
    result = taken(a_run(chain, 2), known([], 2))
    assert verdicts(result.decisions) == ["gap", "gap"]
    assert result.head.seq == 0
    assert not result.forked


def released(waiting: list[Operation], chain: list[Operation], signed_after: int) -> Released:
    link = head_of(chain[:signed_after]).link
    pairs = []
    for operation in waiting:
        link = operations.next_link(link, operation.name)
        pairs.append((operation, link))
    before = waiting[0].header.seq - 1
    return push.release(pairs, head_of(chain[:before]), OPEN, Records(), accept_all, NOW)


def test_what_waited_is_judged_when_the_gap_closes() -> None:
    chain = a_chain(4)
    result = released(chain[2:], chain, 2)
    assert result.entries == tuple(VerdictEntry(o.name, 2, "", NOW) for o in chain[2:])
    assert (result.head, result.forked) == (head_of(chain), False)


def test_what_waits_behind_a_second_gap_goes_on_waiting() -> None:
    chain = a_chain(5)
    pairs = [(chain[at], head_of(chain[: at + 1]).link) for at in (1, 4)]
    result = push.release(pairs, head_of(chain[:1]), OPEN, Records(), accept_all, NOW)
    assert [entry.name for entry in result.entries] == [chain[1].name]
    assert result.head == head_of(chain[:2])


def test_what_was_written_after_other_operations_is_a_fork() -> None:
    chain = a_chain(4)
    result = released(chain[2:], chain, 1)
    assert [entry.code for entry in result.entries] == ["fork", "fork"]
    assert (result.head, result.forked) == (head_of(chain[:2]), True)


def test_what_waited_may_have_come_again_with_the_missing_ones() -> None:
    chain = a_chain(3)
    hub = KnownChain(head_of([]), head_of([]).link, {3: {chain[2].name}})
    result = taken(a_run(chain), hub)
    assert [each.operation for each in result.decisions] == chain[:2]
    assert result.head.seq == 2


# --- forks ---------------------------------------------------------------------------------------


def test_two_operations_under_one_seq_are_a_fork_and_both_are_kept() -> None:
    chain = a_chain(2)
    other = [chain[0], an_operation(2, Write("remark", "clone")), an_operation(3)]
    result = taken(a_run(other), known(chain))
    assert verdicts(result.decisions) == ["fork", "fork"]
    assert result.forked
    assert result.head == head_of(chain)


def test_a_run_onto_another_base_is_a_fork() -> None:
    other = [an_operation(1, Write("remark", "clone")), an_operation(2), an_operation(3)]
    result = taken(a_run(other, 2), known(a_chain(2), 2))
    assert verdicts(result.decisions) == ["fork"]
    assert result.forked


def test_a_branch_that_is_held_already_is_not_taken_again() -> None:
    chain, clone = a_chain(2), an_operation(2, Write("remark", "clone"))
    hub = known(chain)
    both = replace(hub, names={1: {chain[0].name}, 2: {chain[1].name, clone.name}})
    assert taken(a_run([chain[0], clone]), both).decisions == ()


def test_what_follows_a_branch_that_is_held_already_is_on_it() -> None:
    """Also where the branch is longer than the chain: no predecessor is missing there."""
    chain = a_chain(2)
    clone = [chain[0], *(an_operation(seq, Write("remark", "clone")) for seq in (2, 3))]
    names = {1: {chain[0].name}, 2: {chain[1].name, clone[1].name}, 3: {clone[2].name}}
    result = taken(a_run([*clone, an_operation(4)]), replace(known(chain), names=names))
    assert verdicts(result.decisions) == ["fork"]
    assert result.head == head_of(chain)


# --- the doorway ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("doorway", "code"),
    [
        (Doorway(revoked=True), "revoked"),
        (Doorway(frozen=True), "frozen"),
        (Doorway(retired=True), "closed"),
    ],
)
def test_what_a_revoked_frozen_or_retired_chain_sends_is_held(doorway: Doorway, code: str) -> None:
    assert verdicts(taken(a_run(a_chain(2)), doorway=doorway).decisions) == [code, code]


@pytest.mark.parametrize(
    ("flags", "stamp", "until", "code"),
    [
        (0, NOW - DAY_MS, LATER, "accepted"),
        (0, NOW + limits.CLOCK_LEAD_MS, LATER, "accepted"),
        (0, NOW + limits.CLOCK_LEAD_MS + 1, LATER, "closed"),
        (AFTER_CLOSING, NOW - DAY_MS, LATER, "closed"),
        (0, NOW - DAY_MS, NOW - 1, "late"),
        (AFTER_CLOSING, NOW - DAY_MS, NOW - 1, "closed"),
    ],
)
def test_a_closing_holds_what_came_after_it(flags: int, stamp: int, until: int, code: str) -> None:
    doorway = Doorway(closing=ClosingEntry(until=until, at=NOW))
    operation = an_operation(1, flags=flags, stamp=stamp)
    assert verdicts(taken(a_run([operation]), doorway=doorway).decisions) == [code]


def test_what_the_county_believes_is_asked_for_its_form_alone() -> None:
    closing = ClosingEntry(until=NOW - 1, at=NOW - 2)
    doorway = Doorway(frozen=True, revoked=True, retired=True, closing=closing, believed=True)
    chain = [an_operation(1, flags=AFTER_CLOSING), an_operation(2, form_version=LATER_FORM)]
    decided = taken(a_run(chain), doorway=doorway, judge=judge_by_form).decisions
    assert verdicts(decided) == ["accepted", "form"]


def test_what_is_marked_is_held_though_no_closing_is_known_any_more() -> None:
    marked = an_operation(1, flags=AFTER_CLOSING)
    assert verdicts(taken(a_run([marked]), doorway=Doorway()).decisions) == ["closed"]


# --- records that wait ---------------------------------------------------------------------------


def a_creation(seq: int = 1, **header: int) -> Operation:
    return an_operation(seq, **header)


def an_edit(seq: int, **header: int) -> Operation:
    return an_operation(seq, Write("remark", f"{seq}"), **header)


def test_what_builds_on_a_held_creation_waits_for_it() -> None:
    chain = [a_creation(form_version=LATER_FORM), an_edit(2)]
    assert verdicts(taken(a_run(chain), judge=judge_by_form).decisions) == ["form", "record"]


def test_what_corrects_a_held_creation_does_not_wait() -> None:
    chain = [a_creation(form_version=LATER_FORM), a_creation(2), an_edit(3)]
    decisions = taken(a_run(chain), judge=judge_by_form).decisions
    assert verdicts(decisions) == ["form", "accepted", "accepted"]


def test_a_held_creation_does_not_wait_for_itself() -> None:
    creation = a_creation()
    record = creation.header.record
    records = Records(held={record: creation.identity})
    assert push.decide(creation, OPEN, records, judge_by_form, NOW) == (Verdict.ACCEPTED, "")
    assert push.decide(an_edit(2), OPEN, records, judge_by_form, NOW) == (Verdict.ACCEPTED, "")


def test_what_built_on_a_refused_creation_is_judged_by_itself() -> None:
    creation = an_operation(1, Write("opinion", "x"))
    records = Records(held={creation.header.record: creation.identity})
    push.decide(creation, OPEN, records, judge_by_form, NOW)
    verdict, code = push.decide(an_edit(2), OPEN, records, judge_by_form, NOW)
    assert (verdict, code) == (Verdict.REFUSED, "check:applicant_name:required")


def test_a_held_edit_of_an_accepted_record_holds_nobody_up() -> None:
    chain = [a_creation(), an_edit(2, form_version=LATER_FORM), an_edit(3)]
    decisions = taken(a_run(chain), judge=judge_by_form).decisions
    assert verdicts(decisions) == ["accepted", "form", "accepted"]


# --- later verdicts ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("stands", "comes", "writes_an_entry"),
    [
        (Standing(Verdict.HELD, "gap"), Standing(Verdict.ACCEPTED, ""), True),
        (Standing(Verdict.HELD, "gap"), Standing(Verdict.HELD, "form"), True),
        (Standing(Verdict.HELD, "gap"), Standing(Verdict.HELD, "gap"), False),
        (Standing(Verdict.REFUSED, "body"), Standing(Verdict.HELD, "form"), False),
        (Standing(Verdict.REFUSED, "body"), Standing(Verdict.REFUSED, "county"), False),
        (Standing(Verdict.ACCEPTED, ""), Standing(Verdict.REFUSED, "county"), False),
    ],
)
def test_an_entry_is_written_only_for_what_changes_the_standing(
    stands: Standing, comes: Standing, writes_an_entry: bool
) -> None:
    entry = push.raised(stands, comes.verdict, comes.code, b"n" * 32, NOW)
    expected = VerdictEntry(b"n" * 32, int(comes.verdict), comes.code, NOW)
    assert entry == (expected if writes_an_entry else None)


def test_a_copy_of_what_is_accepted_is_accepted_whatever_else_holds() -> None:
    first = an_operation(1, replica=OTHER_PC.replica)
    copy = mint.issue_again(first, operations.empty_head(PC.replica))
    accepted = {first.name: Standing(Verdict.ACCEPTED, "")}
    doorway = Doorway(frozen=True, revoked=True, standings=accepted, erased={RECORD})
    assert verdicts(taken(a_run([copy]), doorway=doorway).decisions) == ["accepted"]


def test_a_copy_of_what_the_county_refused_is_refused_with_its_words() -> None:
    first = an_operation(1, replica=OTHER_PC.replica)
    copy = mint.issue_again(first, operations.empty_head(PC.replica))
    refusal = {first.name: Standing(Verdict.REFUSED, "county:not ours")}
    [decision] = taken(a_run([copy]), doorway=Doorway(standings=refusal)).decisions
    assert (decision.entry.verdict, decision.entry.code) == (Verdict.REFUSED, "county:not ours")


def test_a_copy_of_what_the_form_refused_is_judged_by_itself() -> None:
    first = an_operation(1, replica=OTHER_PC.replica)
    copy = mint.issue_again(first, operations.empty_head(PC.replica))
    refusal = {first.name: Standing(Verdict.REFUSED, "check:applicant_name:required")}
    doorway = Doorway(standings=refusal)
    assert verdicts(taken(a_run([copy]), doorway=doorway).decisions) == ["accepted"]


def test_an_erased_record_takes_no_new_writes() -> None:
    chain = a_chain(2)
    doorway = Doorway(revoked=True, erased={chain[0].header.record})
    assert verdicts(taken(a_run(chain), doorway=doorway).decisions) == ["erased", "revoked"]
