"""Operations and chains: named by the bytes that were sent; what is unreadable is refused."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_protocol import limits, mint, operations
from sync_protocol.operations import Operation, Write
from tests.sync_protocol.builders import (
    HUB,
    OTHER_PC,
    PC,
    a_chain,
    a_header,
    an_operation,
    an_unreadable_operation,
    head_of,
    mutated,
    not_allowed,
    perhaps_refused,
    refused,
)

SALT = b"s" * 16
NAME = b"n" * 32
A_COPY = mint.issue_again(an_operation(1), operations.empty_head(OTHER_PC.replica))

plain_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-limits.INTEGER_HIGHEST, limits.INTEGER_HIGHEST)
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
names = st.lists(st.binary(min_size=32, max_size=32), unique=True, max_size=4).map(tuple)
some_writes = st.lists(
    st.builds(Write, st.text(min_size=1, max_size=9), plain_values, names),
    max_size=5,
    unique_by=lambda write: write.field,
)


# --- bytes ---------------------------------------------------------------------------------------


@given(some_writes)
def test_what_is_composed_reads_back(writes: list[Write]) -> None:
    composed = operations.compose(a_header(), SALT, writes)
    back = operations.received(composed.header_bytes, composed.body)
    assert back == composed
    assert back.writes() == tuple(writes)


def test_a_name_covers_header_and_body() -> None:
    here = an_operation(1)
    assert an_operation(1, Write("remark", "x")).name != here.name
    assert an_operation(1, clerk=b"another-clerk---").name != here.name
    assert operations.compose(here.header, b"t" * 16, here.writes()).name != here.name


def test_a_body_can_go_and_the_name_stays() -> None:
    whole = an_operation(1)
    erased = operations.received(whole.header_bytes, None, whole.body_digest)
    assert erased.name == whole.name
    assert erased.writes() == ()
    assert erased.size_bytes == len(whole.header_bytes)


@pytest.mark.parametrize("digest", [None, b"", b"short"])
def test_a_body_that_is_not_there_needs_its_digest(digest: bytes | None) -> None:
    with refused("operation.header"):
        operations.received(an_operation(1).header_bytes, None, digest)


def test_a_copy_goes_by_the_name_of_the_first() -> None:
    first = an_operation(1)
    copy = mint.issue_again(first, operations.empty_head(OTHER_PC.replica))
    assert copy.identity == first.name != copy.name


@pytest.mark.parametrize(
    "change",
    [
        {"record": b"R" * 16},
        {"clerk": b"C" * 16},
        {"stamp": 1},
        {"kind": "proxy_case"},
        {"form_version": 2},
        {"flags": operations.AFTER_CLOSING},
    ],
)
def test_a_copy_of_another_act_is_no_copy(change: dict[str, Any]) -> None:
    first = an_operation(1)
    forged = a_header(1, replica=OTHER_PC.replica, origin=first.header_bytes, **change)
    with refused("operation.header"):
        operations.read_header(operations.header_bytes(forged))


def test_under_another_body_a_copy_is_not_that_of_the_first() -> None:
    first = an_operation(1)
    copy = mint.issue_again(first, operations.empty_head(OTHER_PC.replica))
    assert operations.received(copy.header_bytes, b"other").identity != first.name


def test_a_copy_names_the_first_and_no_copy_of_it() -> None:
    once = mint.issue_again(an_operation(1), operations.empty_head(OTHER_PC.replica))
    nested = a_header(2, origin=once.header_bytes)
    with refused("operation.header"):
        operations.read_header(operations.header_bytes(nested))


def test_what_a_later_version_appends_is_kept_and_read_over() -> None:
    header, body = a_header(), an_operation(1).body
    assert body is not None
    longer = msgspec.msgpack.encode([*msgspec.to_builtins(header, builtin_types=(bytes,)), 9])
    wider = msgspec.msgpack.encode([*msgspec.msgpack.decode(body), "later"])
    kept = operations.received(longer, wider)
    assert (kept.header, kept.header_bytes) == (header, longer)
    assert kept.writes() == an_operation(1).writes()


# --- what is not written -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [1.5, b"bytes", 2**53, -(2**53), {1: "a"}, [[[[[[["deep"]]]]]]], {"a": {1, 2}}, "half \ud800"],
)
def test_a_value_that_would_not_survive_the_journey_is_not_composed(value: object) -> None:
    with not_allowed("operation.value"):
        operations.compose(a_header(), SALT, [Write("remark", value)])


@pytest.mark.parametrize(
    "writes",
    [
        [Write("remark", "a"), Write("remark", "b")],
        [Write("", "a")],
        [Write("r" * (limits.FIELD_NAME_CHARACTERS + 1), "a")],
        [Write(f"r{n}", "") for n in range(limits.WRITES_PER_OPERATION + 1)],
        [Write("remark", "", (b"short",))],
    ],
)
def test_what_nobody_would_read_is_not_composed(writes: list[Write]) -> None:
    with not_allowed("operation.value"):
        operations.compose(a_header(), SALT, writes)


def test_a_body_beyond_the_limit_is_not_composed() -> None:
    with not_allowed("operation.too_large"):
        operations.compose(a_header(), SALT, [Write("remark", "x" * limits.BODY_BYTES)])


def test_a_salt_of_another_length_is_a_mistake_of_the_program() -> None:
    with pytest.raises(ValueError, match="salt"):
        operations.compose(a_header(), b"short", [])


# --- what is not read ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "changes",
    [
        {"replica": b"short"},
        {"clerk": b""},
        {"record": b"r" * 17},
        {"seq": 0},
        {"seq": -1},
        {"seq": 2**53},
        {"stamp": 2**53},
        {"kind": ""},
        {"kind": "k" * (limits.KIND_CHARACTERS + 1)},
        {"origin": b"short"},
        {"form_version": -1},
        {"flags": 2**60},
    ],
)
def test_a_header_out_of_its_bounds_is_refused(changes: dict[str, Any]) -> None:
    with refused("operation.header"):
        operations.read_header(msgspec.msgpack.encode(a_header(**changes)))


def test_a_header_beyond_its_size_is_refused() -> None:
    data = msgspec.msgpack.encode(
        [*msgspec.to_builtins(a_header(), builtin_types=(bytes,)), "x" * 500]
    )
    with refused("operation.header"):
        operations.read_header(data)


@pytest.mark.parametrize(
    "body",
    [
        [b"short", [], []],
        [SALT, [["a", 1, [0]]], []],
        [SALT, [["a", 1, [-1]]], [NAME]],
        [SALT, [["a", 1, [0]]], [b"short"]],
        [SALT, [["a", 1, []], ["a", 2, []]], []],
        [SALT, [["a", 1.5, []]], []],
        [SALT, [["a", b"bytes", []]], []],
        [SALT, [["", 1, []]], []],
        [SALT, [["a", 2**60, []]], []],
        [SALT, [["a", 1, []]]],
        {"salt": SALT},
        None,
    ],
)
def test_a_body_that_is_not_one_is_refused(body: object) -> None:
    with refused("operation.value"):
        operations.read_body(msgspec.msgpack.encode(body))


def test_a_body_nested_without_end_is_refused() -> None:
    start = b"\x93\xc4\x10" + SALT + b"\x91\x93\xa1a"
    with refused("operation.value"):
        operations.read_body(start + b"\x91" * 100_000)


def test_a_body_beyond_its_size_is_refused_unread() -> None:
    with refused("operation.too_large"):
        operations.read_body(b"\xff" * (limits.BODY_BYTES + 1))


def test_an_unreadable_body_still_has_a_name() -> None:
    assert an_unreadable_operation(1, b"a").name != an_unreadable_operation(1, b"b").name
    with refused("operation.value"):
        an_unreadable_operation(1).writes()


@given(mutated(an_operation(1, Write("r", {"a": [1, "二"]}, (NAME,))).body or b""))
def test_mutated_bodies_are_read_or_refused(data: bytes) -> None:
    with perhaps_refused("operation.value"):
        assert isinstance(operations.read_body(data), tuple)


@given(st.binary(max_size=200) | mutated(A_COPY.header_bytes))
def test_mutated_headers_are_read_or_refused(data: bytes) -> None:
    with perhaps_refused("operation.header"):
        assert operations.read_header(data).seq >= 1


# --- chains --------------------------------------------------------------------------------------


def test_a_head_depends_on_every_operation_before_it() -> None:
    chain = a_chain(3)
    other = [an_operation(1, Write("remark", "x")), *chain[1:]]
    assert head_of(chain).link != head_of(other).link
    assert head_of(chain).seq == 3


@pytest.mark.parametrize("order", [(1, 0), (0, 0), (1,), (0, 2)])
def test_a_chain_goes_one_by_one(order: tuple[int, ...]) -> None:
    chain = a_chain(3)
    with refused("chain.order"):
        head_of([chain[at] for at in order])


def test_a_chain_is_of_one_replica() -> None:
    with refused("chain.order"):
        head_of([an_operation(1, replica=OTHER_PC.replica)])


def test_one_signature_covers_a_chain_and_nothing_else() -> None:
    head = head_of(a_chain(3))
    signature = operations.sign_head(PC.signing, head)
    assert operations.head_verifies(PC.public.signing, head, signature)
    assert not operations.head_verifies(PC.public.signing, head_of(a_chain(2)), signature)
    assert not operations.head_verifies(HUB.public.signing, head, signature)


def test_an_operation_knows_its_size() -> None:
    operation: Operation = an_operation(1)
    assert operation.size_bytes == len(operation.header_bytes) + len(operation.body or b"")
