"""Whatever somebody sends, what reads it says no with a code and words, or reads it.

BIANMIN_SEED=7 pytest tests/fuzz      BIANMIN_PROOF=1: more than ten times as many
"""

from collections import Counter
from typing import Any

import hypothesis
import msgspec
import pytest
from hypothesis import strategies as st

from station_client.errors import StationError
from sync_protocol.errors import PeerFault
from tests import figures
from tests.fuzz.leaks import Leak, Mutation, Reader, code_of, feed, told
from tests.fuzz.mutations import lied, mutated
from tests.fuzz.protocol_readers import readers
from tests.sync_protocol import builders

READERS = readers()
EXAMPLES = figures.volume(20, 300)


@pytest.mark.timeout(600)
def test_only_coded_refusals_leave_the_readers_of_messages() -> None:
    found = sum((feed(each, each.mutations) for each in READERS), Counter[str]())
    figures.note("mutated messages", readers=len(READERS), **told(found))


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.name)
def test_nothing_that_hypothesis_makes_of_a_message_leaks(reader: Reader) -> None:
    @hypothesis.settings(max_examples=EXAMPLES, database=None)
    @hypothesis.given(st.binary(max_size=400) | builders.mutated(reader.samples[0]))
    def check(data: bytes) -> None:
        code_of(reader, data)

    check()


# --- what is noticed -----------------------------------------------------------------------------

SAMPLE = msgspec.msgpack.encode({"replica": b"replica-of-the-1", "seq": 7, "kind": "王"})


def forgets_that_a_key_may_be_missing(data: bytes) -> None:
    try:
        tree = msgspec.msgpack.decode(data, type=dict[str, object])
    except (ValueError, RecursionError) as broken:
        raise PeerFault("message.form", where="") from broken
    tree["replica"]


def forgets_that_a_text_may_be_none(data: bytes) -> None:
    try:
        msgspec.msgpack.decode(data, type=dict[str, object])
    except msgspec.DecodeError as broken:
        raise PeerFault("message.form", where="") from broken


def forgets_a_fact_of_its_words(data: bytes) -> None:
    if not data.endswith(SAMPLE[-1:]):
        raise StationError("transport.too_slow")


@pytest.mark.parametrize(
    ("read", "mutate", "error"),
    [
        (forgets_that_a_key_may_be_missing, mutated, "KeyError"),
        (forgets_that_a_key_may_be_missing, lied, "KeyError"),
        (forgets_that_a_text_may_be_none, mutated, "UnicodeDecodeError"),
        (forgets_a_fact_of_its_words, mutated, "KeyError: 'minutes'"),
    ],
)
def test_a_reader_that_leaks_is_found(read: Any, mutate: Mutation, error: str) -> None:
    with pytest.raises(Leak, match=error):
        feed(Reader("a reader that leaks", read, [SAMPLE], mutate), 1_000)
