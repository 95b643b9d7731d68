"""Valid parts of the protocol from fixed keys, so that each test names only what it is about."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import strategies as st

from sync_protocol import agree, channel, operations, push
from sync_protocol.channel import Cursor, PlaceEntry, Verdict
from sync_protocol.enrol import HubKeys, ReplicaKeys
from sync_protocol.errors import OwnFault, PeerFault
from sync_protocol.exchange import Report
from sync_protocol.operations import Head, Header, Operation, Run, Write
from sync_protocol.pull import Page, Reader, StoredEntry, make_page
from sync_protocol.push import Decision, Doorway, KnownChain, Records, Taken

HUB = HubKeys(signing=b"\x01" * 32, sealing=b"\x02" * 32)
PC = ReplicaKeys(replica=b"replica-of-the-1", signing=b"\x03" * 32, sealing=b"\x04" * 32)
OTHER_PC = ReplicaKeys(replica=b"replica-of-the-2", signing=b"\x05" * 32, sealing=b"\x06" * 32)
CLERK = b"clerk-clerk-cler"
RECORD = b"record-record-re"
CHANNEL = b"channel-channel-"
EPOCH = b"epoch-epoch-epoc"
START = channel.start_of(CHANNEL, EPOCH)
NOW = 1_772_000_000_000
REPORT = Report("0.1", 0, None, 0, None, 0, 0, "")


def a_header(seq: int = 1, **changes: Any) -> Header:
    parts: dict[str, Any] = {
        "version": 1,
        "replica": PC.replica,
        "seq": seq,
        "stamp": NOW + seq,
        "clerk": CLERK,
        "record": RECORD,
        "kind": "helper_case",
        "form_version": 1,
    }
    return Header(**(parts | changes))


def an_operation(seq: int = 1, *writes: Write, **header: Any) -> Operation:
    default = (Write("applicant_name", f"王芳{seq}"), Write("alive", ""))
    return operations.compose(a_header(seq, **header), bytes([seq]) * 16, writes or default)


def an_unreadable_operation(seq: int = 1, body: bytes = b"\xff") -> Operation:
    sound = an_operation(seq)
    return Operation(sound.header, sound.header_bytes, body, operations.digest_of_body(body))


def a_chain(length: int) -> list[Operation]:
    """Operations 1 … length of PC, each about a record of its own."""
    return [an_operation(n, record=bytes([n]) * 16) for n in range(1, length + 1)]


def head_of(chain: list[Operation], replica: bytes = PC.replica) -> Head:
    return operations.advance(operations.empty_head(replica), chain)


def a_run(chain: list[Operation], start: int = 0) -> Run:
    """The operations of a chain after the first `start`, signed."""
    return push.make_run(head_of(chain[:start]), chain[start:], PC.signing)


def accept_all(*_: object) -> tuple[Verdict, str]:
    return Verdict.ACCEPTED, ""


def taken(
    run: Run,
    known: KnownChain | None = None,
    doorway: Doorway | None = None,
    records: Records | None = None,
    judge: push.Judge = accept_all,
) -> Taken:
    """What a hub that knows nothing yet makes of a run."""
    empty = operations.empty_head(PC.replica)
    known = known or KnownChain(empty, empty.link)
    signing = PC.public.signing
    read = push.read_run(run)
    return push.take_run(
        read, signing, known, doorway or Doorway(), records or Records(), judge, NOW
    )


def verdicts(decisions: tuple[Decision, ...]) -> list[str]:
    """ "accepted", or the code."""
    return [each.entry.code or Verdict(each.entry.verdict).name.lower() for each in decisions]


def an_entry(operation: Operation, verdict: Verdict = Verdict.ACCEPTED) -> PlaceEntry:
    code = "" if verdict is Verdict.ACCEPTED else "check:remark:too_long"
    name, identity = operation.name, operation.identity
    return channel.place(name, identity, int(verdict), code, operation.header.stamp, NOW)


def a_log(chain: list[Operation], *words: channel.Entry) -> list[StoredEntry]:
    """A channel that holds these operations, accepted, and then the hub's own words."""
    digest = START.digest
    log: list[StoredEntry] = []
    entries: list[tuple[channel.Entry, Operation | None]] = [(an_entry(o), o) for o in chain]
    for entry, operation in entries + [(word, None) for word in words]:
        data = channel.entry_bytes(entry)
        digest = channel.next_digest(digest, data)
        log.append(StoredEntry(len(log) + 1, data, digest, operation))
    return log


def a_page(
    log: list[StoredEntry], base: Cursor = START, own_seq: int = 0, budget_bytes: int = 10**6
) -> Page:
    reader = Reader(PC.replica, own_seq)
    items, end = make_page(base, log[base.position :], reader, budget_bytes)
    return Page(base, items, agree.sign_receipt(HUB.signing, end, NOW), len(log))


@contextmanager
def refused(*codes: str) -> Iterator[None]:
    """The bytes are refused with one of these codes."""
    with pytest.raises(PeerFault) as fault:
        yield
    assert fault.value.code in codes


@contextmanager
def perhaps_refused(*codes: str) -> Iterator[None]:
    """The bytes are taken, or refused with one of these codes; nothing else happens."""
    try:
        yield
    except PeerFault as fault:
        if fault.code not in codes:
            raise


@contextmanager
def not_allowed(code: str) -> Iterator[None]:
    """The caller is told that the protocol does not allow this."""
    with pytest.raises(OwnFault) as fault:
        yield
    assert fault.value.code == code


def mutated(data: bytes) -> st.SearchStrategy[bytes]:
    """The bytes with some replaced, left out or put in."""
    at = st.integers(0, len(data) - 1)

    def changed(edits: list[tuple[int, int, bytes]]) -> bytes:
        result = data
        for start, length, piece in edits:
            result = result[:start] + piece + result[start + length :]
        return result

    edit = st.tuples(at, st.integers(0, 3), st.binary(max_size=3))
    return st.lists(edit, min_size=1, max_size=4).map(changed)
