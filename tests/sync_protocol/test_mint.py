"""Minting: a new replica belongs to the enrolment that its parent was certified for; what it issues
again is the same act under another header."""

import msgspec
import pytest
from msgspec.structs import replace

from sync_protocol import channel, mint, operations
from sync_protocol.operations import Head
from tests.sync_protocol.builders import HUB, OTHER_PC, PC, a_chain, head_of, refused
from tests.sync_protocol.refusals import CHILD, ENROLMENT, introduction

CHAIN = a_chain(3)


def test_a_minted_replica_is_introduced_by_the_certificate_of_its_parent() -> None:
    introduced = mint.read_introduction(introduction(), HUB.public)
    assert introduced.keys == CHILD.public
    assert introduced.parent == PC.replica
    assert introduced.certificate.enrolment == ENROLMENT


def test_a_certified_replica_introduces_itself() -> None:
    introduced = mint.read_introduction(introduction(mint=None), HUB.public)
    assert (introduced.keys, introduced.parent) == (PC.public, None)


def test_a_child_whose_word_is_for_other_keys_is_refused() -> None:
    word = mint.mint(PC, ENROLMENT, CHILD.public)
    with refused("enrol.certificate"):
        mint.read_introduction(introduction(mint=replace(word, keys=OTHER_PC.public)), HUB.public)


@pytest.mark.parametrize("key", ["signing", "sealing"])
def test_a_child_whose_keys_are_none_is_refused(key: str) -> None:
    child = replace(CHILD.public, **{key: b"k" * 33})
    with refused("enrol.certificate"):
        mint.read_introduction(introduction(mint=mint.mint(PC, ENROLMENT, child)), HUB.public)


def test_what_waits_for_the_county_is_not_issued_again() -> None:
    waits_for_county = {"revoked", "closed", "late"}
    assert channel.HELD_CODES.keys() - waits_for_county == mint.ISSUED_AGAIN


def test_a_copy_has_another_header_around_the_same_act() -> None:
    first = CHAIN[1]
    head = Head(CHILD.replica, 4, b"l" * 32)
    copy = mint.issue_again(first, head)
    assert (copy.header.replica, copy.header.seq) == (CHILD.replica, 5)
    assert (copy.body, copy.body_digest) == (first.body, first.body_digest)
    assert copy.identity == first.name != copy.name
    same = ("version", "stamp", "clerk", "record", "kind", "form_version", "flags")
    assert [getattr(copy.header, each) for each in same] == [
        getattr(first.header, each) for each in same
    ]
    assert operations.received(copy.header_bytes, copy.body) == copy


def test_a_copy_of_a_copy_keeps_the_first_name() -> None:
    once = mint.issue_again(CHAIN[0], operations.empty_head(CHILD.replica))
    twice = mint.issue_again(once, operations.empty_head(OTHER_PC.replica))
    assert twice.identity == CHAIN[0].name
    assert len({CHAIN[0].name, once.name, twice.name}) == 3


def test_copies_make_a_chain_of_their_own() -> None:
    head = operations.empty_head(CHILD.replica)
    for each in CHAIN:
        head = operations.advance(head, [mint.issue_again(each, head)])
    assert head.seq == 3
    assert head.link != head_of(CHAIN).link


def test_an_introduction_survives_the_journey() -> None:
    data = msgspec.msgpack.encode(introduction())
    assert msgspec.msgpack.decode(data, type=mint.Introduction) == introduction()
