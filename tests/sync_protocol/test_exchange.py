"""One exchange: both directions in one round trip, bound to each other and to their senders."""

import tracemalloc
from dataclasses import replace

import msgspec
import pytest
from hypothesis import given

from sync_protocol import agree, envelope, exchange, limits, operations, pull
from sync_protocol.channel import Cursor
from sync_protocol.envelope import Kind
from sync_protocol.exchange import Outbox, Plan, Reply, Request
from sync_protocol.operations import Operation
from tests.sync_protocol.builders import (
    CHANNEL,
    EPOCH,
    HUB,
    NOW,
    OTHER_PC,
    PC,
    REPORT,
    START,
    a_chain,
    a_log,
    a_page,
    head_of,
    mutated,
    perhaps_refused,
    refused,
    taken,
)

CHAIN = a_chain(5)


def a_plan(chain: list[Operation] | None = None, batch_bytes: int = 10**6, number: int = 1) -> Plan:
    chain = CHAIN if chain is None else chain
    outbox = Outbox(operations.empty_head(PC.replica), chain)
    return exchange.plan(PC, number, head_of(chain), outbox, [START], REPORT, NOW, batch_bytes)


def a_request(**changes: object) -> Request:
    request = envelope.unpack(a_plan().payload, Request)
    return msgspec.structs.replace(request, **changes)


def sealed(request: Request) -> bytes:
    return exchange.seal_request(envelope.pack(request), PC, HUB.public)


def a_reply(plan: Plan) -> Reply:
    return Reply(1, plan.digest, NOW, "", [a_page(a_log(CHAIN))], [], [])


def reply_bytes(reply: Reply) -> bytes:
    return exchange.seal_reply(reply, HUB, PC.replica, PC.public.sealing)


# --- the request ---------------------------------------------------------------------------------


def test_a_request_says_what_the_station_has_and_brings_what_the_hub_lacks() -> None:
    opened = exchange.open_request(
        exchange.seal_request(a_plan().payload, PC, HUB.public), HUB, PC.public.signing
    )
    request = opened.request
    assert opened.sender == PC.replica
    assert (request.number, request.own_seq, request.device_time) == (1, 5, NOW)
    assert [len(run.operations) for run in request.runs] == [5]
    assert [signed.cursor for signed in request.cursors] == [START]
    assert request.report == REPORT


def test_a_batch_is_bounded_by_bytes_and_goes_on_next_time() -> None:
    plan = a_plan(batch_bytes=2 * CHAIN[0].size_bytes)
    request = envelope.unpack(plan.payload, Request)
    assert [len(run.operations) for run in request.runs] == [2]
    assert (request.own_seq, request.budget_bytes) == (5, 2 * CHAIN[0].size_bytes)


def test_with_nothing_to_send_there_is_no_run_and_less_than_a_kilobyte() -> None:
    plan = a_plan([])
    assert envelope.unpack(plan.payload, Request).runs == []
    assert len(exchange.seal_request(plan.payload, PC, HUB.public)) < 800


def test_a_retry_has_the_same_contents_under_another_seal() -> None:
    plan = a_plan()
    first, second = (exchange.seal_request(plan.payload, PC, HUB.public) for _ in range(2))
    assert first != second
    digests = {
        exchange.open_request(data, HUB, PC.public.signing).digest for data in (first, second)
    }
    assert digests == {plan.digest}


def test_the_sender_can_be_looked_up_before_anything_is_opened() -> None:
    data = exchange.seal_request(a_plan().payload, PC, HUB.public)
    assert exchange.sender_of(data) == PC.replica


def test_a_request_by_another_than_it_says_is_refused() -> None:
    data = exchange.seal_request(a_plan().payload, PC, HUB.public)
    with refused("envelope.signature"):
        exchange.open_request(data, HUB, OTHER_PC.public.signing)


def test_a_cursor_that_another_countersigned_is_refused() -> None:
    foreign = agree.countersign(OTHER_PC.signing, PC.replica, START)
    with refused("envelope.signature"):
        exchange.open_request(sealed(a_request(cursors=[foreign])), HUB, PC.public.signing)


def test_a_cursor_on_which_both_ends_agree_is_shown_without_a_signature() -> None:
    other = Cursor(b"r" * 16, EPOCH, 0, START.digest)
    plan = exchange.plan(
        PC, 1, head_of([]), Outbox(head_of([]), ()), [START, other], REPORT, NOW, agreed=(START,)
    )
    data = exchange.seal_request(plan.payload, PC, HUB.public)
    shown = exchange.open_request(data, HUB, PC.public.signing).request.cursors
    assert shown == [
        agree.Countersigned(START, b""),
        agree.countersign(PC.signing, PC.replica, other),
    ]


def test_a_request_that_heard_of_its_own_number_is_not_alone() -> None:
    heard = [a_request(number=8, heard=each).is_not_alone for each in (0, 7, 8, 9)]
    assert heard == [False, False, True, True]


@pytest.mark.parametrize(("lowest", "highest"), [(3, 9), (0, 0)])
def test_a_request_of_versions_we_do_not_speak_is_refused(lowest: int, highest: int) -> None:
    with refused("envelope.version"):
        exchange.open_request(
            sealed(a_request(lowest=lowest, highest=highest)), HUB, PC.public.signing
        )


@pytest.mark.parametrize(
    "changes",
    [
        {"cursors": [agree.countersign(PC.signing, PC.replica, START)] * 9},
        {"runs": a_request().runs * (limits.RUNS_PER_REQUEST + 1)},
        {"wants": [b"w" * 32] * (limits.WANTS_PER_REQUEST + 1)},
        {"report": msgspec.structs.replace(REPORT, last_error="x" * 501)},
        {"report": msgspec.structs.replace(REPORT, program="x" * 501)},
        {"report": msgspec.structs.replace(REPORT, backlog=-1)},
        {"own_seq": -1},
        {"number": 2**53},
        {"budget_bytes": -5},
    ],
)
def test_a_request_beyond_the_limits_is_refused(changes: dict[str, object]) -> None:
    with refused("message.form"):
        exchange.open_request(sealed(a_request(**changes)), HUB, PC.public.signing)


def test_a_cursor_at_an_impossible_place_is_refused() -> None:
    signed = agree.Countersigned(Cursor(CHANNEL, EPOCH, -1, START.digest), b"s" * 64)
    with refused("message.form"):
        exchange.open_request(sealed(a_request(cursors=[signed])), HUB, PC.public.signing)


def test_a_request_to_another_hub_is_refused() -> None:
    other = replace(HUB, sealing=b"\x09" * 32)
    data = exchange.seal_request(a_plan().payload, PC, other.public)
    with refused("envelope.receiver"):
        exchange.open_request(data, HUB, PC.public.signing)


@given(mutated(a_plan().payload))
def test_what_a_member_seals_is_read_or_refused_whatever_it_is(payload: bytes) -> None:
    data = exchange.seal_request(payload, PC, HUB.public)
    with perhaps_refused(
        "message.form",
        "envelope.version",
        "envelope.signature",
        "envelope.too_large",
        "operation.header",
        "chain.order",
        "chain.signature",
    ):
        opened = exchange.open_request(data, HUB, PC.public.signing)
        for run in opened.request.runs:
            assert len(taken(run).decisions) == len(run.operations)


# --- the reply -----------------------------------------------------------------------------------


def test_a_reply_answers_its_request() -> None:
    plan = a_plan()
    reply = a_reply(plan)
    assert exchange.open_reply(reply_bytes(reply), PC, HUB.public, plan.digest) == reply


def test_a_reply_to_another_request_is_not_taken_for_ours() -> None:
    data = reply_bytes(a_reply(a_plan(number=1)))
    with refused("reply.other_request"):
        exchange.open_reply(data, PC, HUB.public, a_plan(number=2).digest)


def test_a_reply_of_another_hub_is_refused() -> None:
    plan = a_plan()
    other = replace(HUB, signing=b"\x09" * 32)
    data = exchange.seal_reply(a_reply(plan), other, PC.replica, PC.public.sealing)
    with refused("envelope.signature"):
        exchange.open_reply(data, PC, HUB.public, plan.digest)


def test_a_reply_for_another_replica_is_refused() -> None:
    plan = a_plan()
    data = exchange.seal_reply(a_reply(plan), HUB, OTHER_PC.replica, OTHER_PC.public.sealing)
    with refused("envelope.receiver"):
        exchange.open_reply(data, PC, HUB.public, plan.digest)


def test_a_request_sent_back_is_no_reply() -> None:
    plan = a_plan()
    with refused("message.form"):
        exchange.open_reply(
            exchange.seal_request(plan.payload, PC, HUB.public), PC, HUB.public, plan.digest
        )


@pytest.mark.parametrize("payload", [b"", b"\x90", b"\xff" * 40])
def test_a_reply_of_another_form_is_refused(payload: bytes) -> None:
    data = envelope.wrap(
        payload,
        Kind.REPLY,
        sender=HUB.public.id,
        signing=HUB.signing,
        receiver=PC.replica,
        sealing_public=PC.public.sealing,
    )
    with refused("message.form"):
        exchange.open_reply(data, PC, HUB.public, a_plan().digest)


@given(mutated(envelope.pack(a_reply(a_plan()))))
def test_what_a_hub_seals_is_read_or_refused_whatever_it_is(payload: bytes) -> None:
    data = envelope.wrap(
        payload,
        Kind.REPLY,
        sender=HUB.public.id,
        signing=HUB.signing,
        receiver=PC.replica,
        sealing_public=PC.public.sealing,
    )
    names = {each.header.seq: (each.name, each.identity) for each in CHAIN}
    with perhaps_refused(
        "message.form",
        "operation.header",
        "reply.other_request",
        "reply.digest",
        "reply.receipt",
    ):
        reply = exchange.open_reply(data, PC, HUB.public, a_plan().digest)
        for page in reply.pages:
            applied = pull.absorb_page(page, START, names, HUB.public.signing)
            assert applied is None or applied.cursor == a_page(a_log(CHAIN)).receipt.cursor


@pytest.mark.parametrize(("highest", "spoken"), [(1, 1), (2, 2), (9, 2)])
def test_both_ends_speak_the_highest_version_that_both_know(highest: int, spoken: int) -> None:
    request = envelope.unpack(a_plan().payload, Request)
    assert msgspec.structs.replace(request, highest=highest).version == spoken


def test_what_is_rarely_said_costs_a_byte() -> None:
    quiet, chatty = (
        exchange.plan(
            PC,
            1,
            head_of(CHAIN),
            exchange.Outbox(head_of(CHAIN), []),
            [START],
            REPORT,
            NOW,
            rare=rare,
        ).payload
        for rare in (None, exchange.Rare(farewell=True))
    )
    assert len(quiet) + 7 == len(chatty)
    assert envelope.unpack(quiet, Request).said == exchange.Rare()


def test_a_list_without_end_is_refused_before_one_element_of_it_is_made() -> None:
    """A stranger's kilobyte may unpack to millions of empty runs."""
    before, payload = a_request(), msgspec.msgpack.encode(a_request())
    runs = msgspec.msgpack.encode(before.runs)
    told, small, count = payload.index(runs), b"\x93\xc4\x00\x90\xc4\x00", 2_000_000
    flood = b"\xdd" + count.to_bytes(4, "big") + small * count
    bomb = payload[:told] + flood + payload[told + len(runs) :]
    tracemalloc.start()
    with refused("message.form"):
        envelope.unpack(bomb, Request)
    _, most_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most_bytes < 100_000
