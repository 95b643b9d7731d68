"""What every reader of the protocol must refuse, and with which code.

A reader takes bytes and returns, or raises PeerFault. Each table says about what is wrong with the
bytes; `make_vectors` writes them down with the code that they are refused with.
"""

from collections.abc import Callable, Iterator
from typing import Any

import msgspec
from msgspec.structs import replace

from sync_protocol import (
    agree,
    channel,
    courier,
    crypto,
    enrol,
    envelope,
    exchange,
    lost,
    mint,
    operations,
    pull,
    push,
    snapshot,
)
from sync_protocol.agree import Countersigned
from sync_protocol.channel import Cursor, Receipt
from sync_protocol.enrol import Certificate, Grant, HubKeys, ReplicaKeys
from sync_protocol.envelope import Kind
from sync_protocol.errors import PeerFault
from sync_protocol.exchange import Loss, Outbox, Rare, Reply, Request, plan
from sync_protocol.lost import Stretch
from sync_protocol.mint import Introduction, Mint
from sync_protocol.operations import Run
from sync_protocol.pull import OperationItem, OwnItem, Page
from sync_protocol.snapshot import PlacedOperation, SnapshotAsk, SnapshotPart, SnapshotRecord
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
    a_header,
    a_log,
    a_page,
    a_run,
    accept_all,
    an_entry,
    head_of,
)

CHAIN = a_chain(4)
LOG = a_log(CHAIN, channel.FreezeEntry(OTHER_PC.replica, "fork", NOW))
OWN = {each.header.seq: (each.name, each.identity) for each in CHAIN}
OTHER_HUB = HubKeys(signing=b"\x07" * 32, sealing=b"\x08" * 32)
CHILD = ReplicaKeys(replica=b"replica-minted-1", signing=b"\x09" * 32, sealing=b"\x0a" * 32)
ENROLMENT = b"enrolment-enrolm"
ASK = SnapshotAsk(CHANNEL, 0, b"")

LONGEST_WORD = 12

Reader = Callable[[bytes], object]
pack = msgspec.msgpack.encode


def certificate() -> Certificate:
    return Certificate(
        2,
        HUB.public.id,
        ENROLMENT,
        PC.public,
        "140581001",
        "东街便民服务站",
        [Grant(CHANNEL, "station", "140581")],
        EPOCH,
        NOW,
    )


def signed_certificate(**changes: Any) -> tuple[bytes, bytes]:
    body = envelope.pack(replace(certificate(), **changes))
    return body, crypto.sign(HUB.signing, b"bianmin/certificate", body)


def introduction(**changes: Any) -> Introduction:
    body, signature = signed_certificate()
    word = mint.mint(PC, ENROLMENT, CHILD.public)
    return replace(Introduction(body, signature, word), **changes)


def stretch() -> Stretch:
    end = Cursor(CHANNEL, EPOCH, len(LOG), LOG[-1].digest)
    receipt = agree.sign_receipt(HUB.signing, end, NOW)
    parts = [(each.header_bytes, each.body, None) for each in CHAIN]
    return Stretch(START, [each.data for each in LOG], receipt, parts)


def placed(at: int) -> PlacedOperation:
    operation = CHAIN[at]
    return PlacedOperation(operation.header_bytes, operation.body, None, at + 1, 2, "", NOW, NOW)


def part() -> SnapshotPart:
    records = [
        SnapshotRecord(each.header.record, [placed(at)], [], []) for at, each in enumerate(CHAIN)
    ]
    return SnapshotPart(stretch().receipt, b"", records, b"", 4, [], b"")


def a_request(**changes: Any) -> Request:
    empty = operations.empty_head(PC.replica)
    payload = plan(PC, 7, head_of(CHAIN), Outbox(empty, CHAIN), [START], REPORT, NOW).payload
    return replace(envelope.unpack(payload, Request), **changes)


def a_reply(**changes: Any) -> Reply:
    return replace(Reply(2, REQUEST_DIGEST, NOW, "", [a_page(LOG)], [], []), **changes)


REQUEST_DIGEST = envelope.payload_digest(pack(a_request()))


# --- readers -------------------------------------------------------------------------------------


def read_run(data: bytes) -> object:
    """A hub that has the first operation of the chain."""
    run = push.read_run(envelope.unpack(data, Run))
    head = head_of(CHAIN[:1])
    known = push.KnownChain(head, head.link, {1: [CHAIN[0].name]})
    doorway, records = push.Doorway(), push.Records()
    return push.take_run(run, PC.public.signing, known, doorway, records, accept_all, NOW)


def read_page(data: bytes) -> object:
    """A station at the start of the channel, with its own four operations."""
    page = envelope.unpack(data, Page)
    if pull.absorb_page(page, START, OWN, HUB.public.signing) is None:
        raise PeerFault("reply.digest", parted="another cursor")
    return page


def read_receipt(data: bytes) -> None:
    if not agree.receipt_verifies(HUB.public.signing, envelope.unpack(data, Receipt)):
        raise PeerFault("reply.receipt")


def read_countersigned(data: bytes) -> None:
    signed = envelope.unpack(data, Countersigned)
    if not agree.countersigned_by(PC.public.signing, PC.replica, signed):
        raise PeerFault("envelope.signature")


def read_certificate(data: bytes) -> object:
    return enrol.read_certificate(*envelope.unpack(data, tuple[bytes, bytes]), HUB.public)


def read_code(data: bytes) -> object:
    return enrol.read_code(data.decode())


def read_card(data: bytes) -> object:
    return enrol.read_hub_card(data, enrol.new_code(bytes(range(10)), HUB.public))


def read_introduction(data: bytes) -> object:
    return mint.read_introduction(envelope.unpack(data, Introduction), HUB.public)


def read_stretch(data: bytes) -> object:
    return lost.read_stretch(envelope.unpack(data, Stretch), HUB.public.signing)


def read_part(data: bytes) -> object:
    read = snapshot.read_part(envelope.unpack(data, SnapshotPart), ASK, HUB.public.signing)
    if read is None:
        raise PeerFault("message.form", where="another part")
    return read


def read_request(data: bytes) -> object:
    """The payload, sealed and signed by the replica, at the hub."""
    return exchange.open_request(_sealed(data, PC), HUB, PC.public.signing)


def read_introduced(data: bytes) -> object:
    """The payload, sealed and signed by a replica that the hub does not know."""
    return exchange.open_introduced(_sealed(data, CHILD), HUB)


def _sealed(payload: bytes, sender: ReplicaKeys) -> bytes:
    return exchange.seal_request(payload, sender, HUB.public)


def read_reply(data: bytes) -> object:
    """The payload, sealed and signed by the hub, at the replica that asked."""
    sealed = envelope.wrap(
        data,
        Kind.REPLY,
        sender=HUB.public.id,
        signing=HUB.signing,
        receiver=PC.replica,
        sealing_public=PC.public.sealing,
    )
    return exchange.open_reply(sealed, PC, HUB.public, REQUEST_DIGEST)


def open_envelope(data: bytes) -> bytes:
    sent = envelope.parse(data, Kind.REQUEST, 10**6)
    envelope.verify(sent, PC.public.signing)
    return envelope.open_sealed(sent, HUB.public.id, HUB.sealing)


READERS: dict[str, Reader] = {
    "header": operations.read_header,
    "body": operations.read_body,
    "entry": channel.read_entry,
    "run": read_run,
    "page": read_page,
    "receipt": read_receipt,
    "countersignature": read_countersigned,
    "certificate": read_certificate,
    "code": read_code,
    "card": read_card,
    "introduction": read_introduction,
    "stretch": read_stretch,
    "snapshot": read_part,
    "request": read_request,
    "introduced request": read_introduced,
    "reply": read_reply,
    "envelope": open_envelope,
    "courier file": courier.unframe,
}


def good() -> dict[str, bytes]:
    """Reader → bytes that it takes: what the refused ones differ from."""
    return {
        "header": CHAIN[0].header_bytes,
        "body": CHAIN[0].body or b"",
        "entry": LOG[0].data,
        "run": pack(a_run(CHAIN, 1)),
        "page": pack(a_page(LOG, own_seq=2)),
        "receipt": pack(stretch().receipt),
        "countersignature": pack(agree.countersign(PC.signing, PC.replica, START)),
        "certificate": pack(signed_certificate()),
        "code": enrol.new_code(bytes(range(10)), HUB.public).text().encode(),
        "card": enrol.hub_card(HUB, "泽州县"),
        "introduction": pack(introduction()),
        "stretch": pack(stretch()),
        "snapshot": pack(part()),
        "request": pack(a_request()),
        "introduced request": pack(
            a_request(cursors=[], runs=[], rare=Rare(introduction=introduction()))
        ),
        "reply": pack(a_reply()),
        "courier file": courier.frame(b"the bytes of an exchange"),
    }


# --- what is refused -----------------------------------------------------------------------------

NOT_READABLE = {"nothing": b"", "not msgpack": b"\xc1", "a map": pack({"seq": 1})}


def refused_headers() -> dict[str, bytes]:
    name = b"\xff" * 6
    return NOT_READABLE | {
        "a replica id of 15 bytes": pack(a_header(replica=b"r" * 15)),
        "a clerk id of 17 bytes": pack(a_header(clerk=b"c" * 17)),
        "a record id of 0 bytes": pack(a_header(record=b"")),
        "seq 0": pack(a_header(seq=0)),
        "seq -1": pack(a_header(seq=-1)),
        "seq 2^53": pack(a_header(seq=2**53)),
        "stamp beyond 2^53": pack(a_header(stamp=2**53)),
        "a stamp with a fraction": pack(a_header(stamp=1.5)),
        "no kind": pack(a_header(kind="")),
        "a kind of 65 characters": pack(a_header(kind="k" * 65)),
        "a kind that is a number": pack(a_header(kind=7)),
        "an origin that is no header": pack(a_header(origin=b"o" * 32)),
        "an origin about another record": pack(
            a_header(origin=pack(a_header(record=b"another-record-r")))
        ),
        "an origin of another clerk": pack(a_header(origin=pack(a_header(clerk=b"C" * 16)))),
        "an origin of another time": pack(a_header(origin=pack(a_header(stamp=1)))),
        "an origin of another kind": pack(a_header(origin=pack(a_header(kind="proxy_case")))),
        "an origin of another form": pack(a_header(origin=pack(a_header(form_version=2)))),
        "an origin with other flags": pack(a_header(origin=pack(a_header(flags=1)))),
        "an origin that is a copy": pack(a_header(origin=pack(a_header(origin=pack(a_header()))))),
        "a form version below 0": pack(a_header(form_version=-1)),
        "a kind that is not UTF-8": pack(a_header()).replace(b"helper", name),
        "bytes after the end": pack(a_header()) + b"\x00",
        "seven elements": pack(list(msgspec.structs.astuple(a_header()))[:7]),
        "513 bytes": pack([*msgspec.structs.astuple(a_header()), b"x" * 512]),
    }


def refused_bodies() -> dict[str, bytes]:
    salt, name = b"s" * 16, bytes(range(32))
    parts: dict[str, Any] = {
        "no table of names": [salt, []],
        "a salt of 15 bytes": [salt[1:], [], []],
        "a salt of 17 bytes": [salt + b"s", [], []],
        "an index beyond the table": [salt, [["a", 1, [1]]], [name]],
        "a negative index": [salt, [["a", 1, [-1]]], [name]],
        "an index that is text": [salt, [["a", 1, ["0"]]], [name]],
        "a name of 31 bytes": [salt, [], [name[1:]]],
        "one register twice": [salt, [["a", 1, []], ["a", 1, []]], []],
        "a float": [salt, [["a", 1.0, []]], []],
        "not a number": [salt, [["a", float("nan"), []]], []],
        "an integer of 2^53": [salt, [["a", 2**53, []]], []],
        "an integer of -2^53": [salt, [["a", -(2**53), []]], []],
        "an integer of 64 bits": [salt, [["a", 2**64 - 1, []]], []],
        "bytes as a value": [salt, [["a", b"", []]], []],
        "bytes inside a list": [salt, [["a", [b""], []]], []],
        "a map with a number for a key": [salt, [["a", {1: 1}, []]], []],
        "a register without a name": [salt, [["", 1, []]], []],
        "a register of 129 characters": [salt, [["r" * 129, 1, []]], []],
        "a value seven deep": [salt, [["a", [[[[[[[]]]]]]], []]], []],
        "a write of two elements": [salt, [["a", 1]], []],
        "513 writes": [salt, [[str(n), 1, []] for n in range(513)], []],
    }
    return {about: pack(each) for about, each in parts.items()} | {
        "not msgpack": b"\xc1",
        "a text that is not UTF-8": pack([salt, [["a", "yyyy", []]], []]).replace(
            b"yyyy", b"\xff" * 4
        ),
    }


def refused_entries() -> dict[str, bytes]:
    name = bytes(range(32))
    parts: dict[str, Any] = {
        "an empty array": [],
        "kind 0": [0, NOW],
        "a kind below 0": [-1, NOW],
        "a kind that is text": ["1", NOW],
        "a verdict of 3": [1, name, 3, "", NOW, NOW],
        "a verdict of -1": [1, name, -1, "", NOW, NOW],
        "a code that is a number": [1, name, 2, 0, NOW, NOW],
        "a stamp beyond 2^53": [1, name, 2, "", 2**53, NOW],
        "an operation's entry of five elements": [1, name, 2, "", NOW],
        "a later verdict of two elements": [2, name],
        "a later verdict of 3": [2, name, 3, "", NOW],
        "an epoch that kept -1": [3, EPOCH, -1, name, NOW],
        "an erasure of a text": [4, "record", NOW],
        "a revocation without a reason": [5, ENROLMENT, None, NOW],
        "a freeze without a time": [6, PC.replica, "fork"],
        "a closing until a text": [7, "tomorrow", NOW],
        "a copy without its first one": [8, name, 2, "", NOW, NOW],
        "a former epoch of a text": [9, "epoch", NOW],
        "a copy's verdict of 9": [8, name, name, 9, "", NOW, NOW],
    }
    return NOT_READABLE | {about: pack(each) for about, each in parts.items()}


def refused_runs() -> dict[str, bytes]:
    run = a_run(CHAIN, 1)
    first, second, third = run.operations
    foreign = (pack(a_header(3, replica=OTHER_PC.replica)), CHAIN[2].body, None)
    return NOT_READABLE | {
        "no operation": pack(replace(run, operations=[])),
        "one left out inside": pack(replace(run, operations=[first, third])),
        "two swapped": pack(replace(run, operations=[second, first, third])),
        "one twice": pack(replace(run, operations=[first, first, second, third])),
        "one of another replica": pack(replace(run, operations=[first, foreign, third])),
        "the last left out": pack(replace(run, operations=[first, second])),
        "another body": pack(replace(run, operations=[first, second, (third[0], b"", None)])),
        "a digest in the place of a body": pack(
            replace(run, operations=[first, second, (third[0], None, b"d" * 32)])
        ),
        "neither body nor digest": pack(replace(run, operations=[(first[0], None, None)])),
        "a digest of 31 bytes": pack(replace(run, operations=[(first[0], None, b"d" * 31)])),
        "another base link": pack(replace(run, base_link=b"l" * 32)),
        "no signature": pack(replace(run, signature=b"")),
        "signed by another replica": pack(push.make_run(head_of(CHAIN[:1]), CHAIN[1:], b"\5" * 32)),
        "signed as a receipt": pack(
            replace(run, signature=crypto.sign(PC.signing, b"bianmin/receipt", run.base_link))
        ),
        "an unreadable header": pack(replace(run, operations=[(b"\xc1", b"", None)])),
    }


def refused_pages() -> dict[str, bytes]:
    whole, short = a_page(LOG), a_page(LOG, own_seq=4)
    one, two, *rest = whole.items
    assert isinstance(one, OperationItem)
    assert isinstance(two, OperationItem)
    own = short.items[0]
    assert isinstance(own, OwnItem)
    receipt = whole.receipt
    assert receipt is not None

    def items(*changed: Any) -> bytes:
        return pack(replace(whole, items=list(changed)))

    return NOT_READABLE | {
        "an item left out at the end": items(one, two, *rest[:-1]),
        "an item left out inside": items(one, *rest),
        "two items swapped": items(two, one, *rest),
        "an item twice": items(one, one, two, *rest),
        "no item": items(),
        "another verdict": items(replace(one, verdict=1), two, *rest),
        "another code": items(replace(one, code="county"), two, *rest),
        "another effective stamp": items(replace(one, effective=1), two, *rest),
        "another time": items(replace(one, at=NOW + 1), two, *rest),
        "another body": items(replace(one, body=two.body), two, *rest),
        "a header of another operation": items(replace(one, header=two.header), two, *rest),
        "an unreadable header": items(replace(one, header=b"\xc1"), two, *rest),
        "neither body nor digest": items(replace(one, body=None), two, *rest),
        "an own seq that we do not have": pack(
            replace(short, items=[replace(own, seq=99), *short.items[1:]])
        ),
        "the own operation of another seq": pack(
            replace(short, items=[replace(own, seq=2), *short.items[1:]])
        ),
        "an entry in a form of its own": items(pull.EntryItem(b"\xc1"), two, *rest),
        "a receipt of another hub": pack(
            replace(whole, receipt=agree.sign_receipt(OTHER_HUB.signing, receipt.cursor, NOW))
        ),
        "a receipt at another time": pack(
            replace(whole, receipt=replace(receipt, hub_time=NOW + 1))
        ),
        "a receipt further on": pack(
            replace(
                whole,
                receipt=agree.sign_receipt(HUB.signing, replace(receipt.cursor, position=99), NOW),
            )
        ),
        "a receipt of another channel": pack(
            replace(
                whole,
                receipt=agree.sign_receipt(
                    HUB.signing, replace(receipt.cursor, channel=b"c" * 16), NOW
                ),
            )
        ),
        "parted": pack(replace(whole, items=[], parted=pull.LOST)),
        "no receipt of something new": pack(replace(whole, receipt=None)),
        "no receipt of an end further on": pack(replace(whole, items=[], receipt=None)),
        "another start": pack(replace(whole, base=replace(START, position=1))),
    }


def refused_receipts() -> dict[str, bytes]:
    receipt = stretch().receipt
    cursor = receipt.cursor
    changed: dict[str, Receipt] = {
        "another time": replace(receipt, hub_time=NOW + 1),
        "another channel": replace(receipt, cursor=replace(cursor, channel=b"c" * 16)),
        "another epoch": replace(receipt, cursor=replace(cursor, epoch=b"e" * 16)),
        "another position": replace(receipt, cursor=replace(cursor, position=4)),
        "another digest": replace(receipt, cursor=replace(cursor, digest=b"d" * 32)),
        "no signature": replace(receipt, signature=b""),
        "signed by a replica": agree.sign_receipt(PC.signing, cursor, NOW),
        "signed by another hub": agree.sign_receipt(OTHER_HUB.signing, cursor, NOW),
        "a countersignature": replace(
            receipt, signature=agree.countersign(HUB.signing, b"", cursor).signature
        ),
    }
    numbers = [[cursor.channel, cursor.epoch, -1, cursor.digest], NOW, receipt.signature]
    return (
        NOT_READABLE
        | {about: pack(each) for about, each in changed.items()}
        | {"a position below 0": pack(numbers)}
    )


def refused_countersignatures() -> dict[str, bytes]:
    signed = agree.countersign(PC.signing, PC.replica, START)
    receipt = agree.sign_receipt(PC.signing, START, NOW)
    changed: dict[str, Countersigned] = {
        "another channel": replace(signed, cursor=replace(START, channel=b"c" * 16)),
        "another epoch": replace(signed, cursor=replace(START, epoch=b"e" * 16)),
        "another position": replace(signed, cursor=replace(START, position=1)),
        "another digest": replace(signed, cursor=replace(START, digest=b"d" * 32)),
        "by the other PC": agree.countersign(OTHER_PC.signing, PC.replica, START),
        "under the other PC's name": agree.countersign(PC.signing, OTHER_PC.replica, START),
        "a receipt's signature": Countersigned(START, receipt.signature),
    }
    return NOT_READABLE | {about: pack(each) for about, each in changed.items()}


def refused_certificates() -> dict[str, bytes]:
    body, signature = signed_certificate()
    altered: dict[str, Any] = {
        "another enrolment": {"enrolment": b"E" * 16},
        "another replica's keys": {"keys": OTHER_PC.public},
        "another station": {"station_code": "140581002"},
        "another name": {"station_name": "西街便民服务站"},
        "one grant more": {"grants": [*certificate().grants, Grant(b"c" * 16, "region", "14")]},
        "another epoch": {"epoch": b"e" * 16},
        "another time": {"issued_at": NOW + 1},
        "another device number": {"device_number": 2},
    }
    changed = {
        about: (envelope.pack(replace(certificate(), **change)), signature)
        for about, change in altered.items()
    }
    other = crypto.sign(OTHER_HUB.signing, b"bianmin/certificate", body)
    return (
        NOT_READABLE
        | {about: pack(each) for about, each in changed.items()}
        | {
            "signed by another hub": pack((body, other)),
            "signed for another purpose": pack(
                (body, crypto.sign(HUB.signing, b"bianmin/mint", body))
            ),
            "of another hub, signed by ours": pack(signed_certificate(hub=OTHER_HUB.public.id)),
            "no certificate at all, signed by ours": pack(
                (b"\xc1", crypto.sign(HUB.signing, b"bianmin/certificate", b"\xc1"))
            ),
        }
    )


def refused_codes() -> dict[str, bytes]:
    text = enrol.new_code(bytes(range(10)), HUB.public).text()
    return {
        "nothing": b"",
        "one letter missing": text[:-1].encode(),
        "one letter more": (text + "0").encode(),
        "U, which is in no code": ("U" * 24).encode(),
        "a sign": text.replace(text[0], "*", 1).encode(),
        "Chinese digits": ("一" * 24).encode(),
        "a new line between": (text[:12] + "\n" + text[12:]).encode(),
    }


def refused_cards() -> dict[str, bytes]:
    def card(**changes: Any) -> bytes:
        return pack(replace(enrol.HubCard(1, 2, HUB.public, "泽州县"), **changes))

    return {
        "nothing": b"",
        "a captive portal's page": b"<!DOCTYPE html><html></html>",
        "another hub's keys": card(keys=OTHER_HUB.public),
        "one of the keys": card(keys=replace(HUB.public, sealing=OTHER_HUB.public.sealing)),
        "a hub of version 0 only": card(lowest=0, highest=0),
        "a hub that speaks only later versions": card(lowest=3, highest=9),
        "a name that is a number": pack([1, 2, HUB.public, 7]),
    }


def refused_introductions() -> dict[str, bytes]:
    body, _ = signed_certificate()
    other_body, other_signature = signed_certificate(enrolment=b"E" * 16)
    word = mint.mint(PC, ENROLMENT, CHILD.public)
    changed = {
        "a certificate that the hub did not sign": introduction(
            signature=crypto.sign(PC.signing, b"bianmin/certificate", body)
        ),
        "minted by the other PC": introduction(mint=mint.mint(OTHER_PC, ENROLMENT, CHILD.public)),
        "minted by itself": introduction(mint=mint.mint(CHILD, ENROLMENT, CHILD.public)),
        "minted under another enrolment": introduction(
            certificate=other_body, signature=other_signature
        ),
        "other signing keys": introduction(
            mint=Mint(replace(CHILD.public, signing=OTHER_PC.public.signing), word.signature)
        ),
        "other sealing keys": introduction(
            mint=Mint(replace(CHILD.public, sealing=OTHER_PC.public.sealing), word.signature)
        ),
        "another id": introduction(
            mint=Mint(replace(CHILD.public, replica=b"R" * 16), word.signature)
        ),
        "the parent's own id": introduction(mint=mint.mint(PC, ENROLMENT, PC.public)),
        "an id of 15 bytes": introduction(
            mint=mint.mint(PC, ENROLMENT, replace(CHILD.public, replica=b"r" * 15))
        ),
        "no signature": introduction(mint=replace(word, signature=b"")),
    }
    return NOT_READABLE | {about: pack(each) for about, each in changed.items()}


def refused_stretches() -> dict[str, bytes]:
    whole = stretch()
    entries = whole.entries
    raised = channel.entry_bytes(replace(an_entry(CHAIN[0]), verdict=1))
    receipt = whole.receipt
    changed = {
        "an entry altered": replace(whole, entries=[raised, *entries[1:]]),
        "an entry left out": replace(whole, entries=entries[1:]),
        "the last left out": replace(whole, entries=entries[:-1]),
        "an entry more": replace(whole, entries=[*entries, entries[0]]),
        "two swapped": replace(whole, entries=[entries[1], entries[0], *entries[2:]]),
        "no entries": replace(whole, entries=[]),
        "another base digest": replace(whole, base=replace(START, digest=b"d" * 32)),
        "another base position": replace(whole, base=replace(START, position=1)),
        "another channel": replace(whole, base=replace(START, channel=b"c" * 16)),
        "a receipt of another hub": replace(
            whole, receipt=agree.sign_receipt(OTHER_HUB.signing, receipt.cursor, NOW)
        ),
        "a receipt of a station": replace(
            whole, receipt=agree.sign_receipt(PC.signing, receipt.cursor, NOW)
        ),
        "a receipt further on": replace(
            whole, receipt=replace(receipt, cursor=replace(receipt.cursor, position=9))
        ),
        "an unreadable operation": replace(whole, operations=[(b"\xc1", b"", None)]),
        "neither body nor digest": replace(whole, operations=[(CHAIN[0].header_bytes, None, None)]),
    }
    return NOT_READABLE | {about: pack(each) for about, each in changed.items()}


def refused_parts() -> dict[str, bytes]:
    whole = part()
    one, two, *rest = whole.records
    receipt = whole.receipt
    changed = {
        "records out of order": replace(whole, records=[two, one, *rest]),
        "a record twice": replace(whole, records=[one, one, *rest]),
        "an operation of another record": replace(
            whole, records=[replace(one, operations=two.operations), two, *rest]
        ),
        "an unreadable operation": replace(
            whole, records=[replace(one, operations=[replace(placed(0), header=b"\xc1")])]
        ),
        "neither body nor digest": replace(
            whole, records=[replace(one, operations=[replace(placed(0), body=None)])]
        ),
        "a place to go on from that is not the last record": replace(whole, last=one.record),
        "a part after another record": replace(whole, after=one.record),
        "a receipt of another hub": replace(
            whole, receipt=agree.sign_receipt(OTHER_HUB.signing, receipt.cursor, NOW)
        ),
        "a receipt of another channel": replace(
            whole,
            receipt=agree.sign_receipt(
                HUB.signing, replace(receipt.cursor, channel=b"c" * 16), NOW
            ),
        ),
    }
    verdict = pack(whole).replace(
        pack(placed(0)), pack([*msgspec.structs.astuple(placed(0))[:4], 3, "", NOW, NOW])
    )
    return (
        NOT_READABLE
        | {about: pack(each) for about, each in changed.items()}
        | {"a verdict of 3": verdict}
    )


def refused_requests() -> dict[str, bytes]:
    signed = agree.countersign(PC.signing, PC.replica, START)
    foreign = agree.countersign(OTHER_PC.signing, OTHER_PC.replica, START)
    run, many = a_run(CHAIN), b"d" * 32
    raw = list(msgspec.structs.astuple(a_request()))

    def with_element(at: int, value: Any) -> bytes:
        return pack([*raw[:at], value, *raw[at + 1 :]])

    changed = {
        "later versions only": a_request(lowest=3, highest=9),
        "version 0 only": a_request(lowest=0, highest=0),
        "9 cursors": a_request(cursors=[signed] * 9),
        "a cursor that another PC countersigned": a_request(cursors=[foreign]),
        "65 runs": a_request(runs=[run] * 65),
        "1025 wants": a_request(wants=[many] * 1025),
        "an error of 501 characters": a_request(report=replace(REPORT, last_error="e" * 501)),
        "a program of 501 characters": a_request(report=replace(REPORT, program="p" * 501)),
        "9 receipts": a_request(rare=Rare(receipts=[stretch().receipt] * 9)),
        "9 stretches": a_request(rare=Rare(stretches=[stretch()] * 9)),
        "1025 bodies": a_request(rare=Rare(bodies=[b""] * 1025)),
        "65 losses": a_request(rare=Rare(losses=[Loss(PC.replica, 1, 2)] * 65)),
    }
    return (
        NOT_READABLE
        | {about: pack(each) for about, each in changed.items()}
        | {
            "a number below 0": with_element(2, -1),
            "a number of 2^53": with_element(2, 2**53),
            "a time that is text": with_element(3, "now"),
            "an own seq below 0": with_element(4, -1),
            "no report": with_element(8, None),
            "a backlog below 0": with_element(8, ["0.1", -1, None, 0, None, 0, 0, ""]),
            "a budget below 0": with_element(9, -1),
            "an own head without a link": with_element(10, [1]),
            "nine elements": pack(raw[:9]),
        }
    )


def refused_introduced_requests() -> dict[str, bytes]:
    def brought(rare: Rare | None) -> bytes:
        return pack(a_request(cursors=[], runs=[], rare=rare))

    body, signature = signed_certificate()
    other = mint.mint(PC, ENROLMENT, OTHER_PC.public)
    return NOT_READABLE | {
        "no introduction": brought(None),
        "nothing but a farewell": brought(Rare(farewell=True)),
        "introduced as its parent": brought(Rare(introduction=Introduction(body, signature))),
        "introduced as another child": brought(
            Rare(introduction=Introduction(body, signature, other))
        ),
        "later versions only": pack(
            a_request(
                lowest=3, highest=9, cursors=[], runs=[], rare=Rare(introduction=introduction())
            )
        ),
        "a cursor that its parent countersigned": pack(
            a_request(runs=[], rare=Rare(introduction=introduction()))
        ),
    }


def refused_replies() -> dict[str, bytes]:
    raw = list(msgspec.structs.astuple(a_reply()))

    def with_element(at: int, value: Any) -> bytes:
        return pack([*raw[:at], value, *raw[at + 1 :]])

    return NOT_READABLE | {
        "the reply to another request": pack(a_reply(request_digest=b"d" * 32)),
        "no request named": pack(a_reply(request_digest=b"")),
        "a version below 0": with_element(0, -1),
        "a time that is text": with_element(2, "now"),
        "a standing that is a number": with_element(3, 1),
        "pages that are none": with_element(4, [[]]),
        "a body that is text": with_element(5, ["body"]),
        "a certificate without a signature": with_element(7, [b""]),
        "an end without a digest": with_element(8, [[CHANNEL, EPOCH, 1]]),
        "six elements": pack(raw[:6]),
    }


def refused_envelopes(data: bytes) -> dict[str, bytes]:
    """From a sealed sample that opens."""

    def flipped(at: int) -> bytes:
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    def signed(head: bytes, sealed: bytes, key: bytes = PC.signing) -> bytes:
        return head + sealed + crypto.sign(key, b"bianmin/envelope", head, sealed)

    head, sealed = data[: envelope.HEAD_BYTES], data[envelope.HEAD_BYTES : -64]
    elsewhere = head[:21] + b"h" * 16
    bomb = b"\x28\xb5\x2f\xfd\xe0" + (2**40).to_bytes(8, "little")
    return {
        "nothing": b"",
        "a captive portal's page": b"<!DOCTYPE html><html></html>",
        "one byte": data[:1],
        "cut in the head": data[:20],
        "cut in the sealed part": data[:100],
        "the last byte missing": data[:-1],
        "a byte more": data + b"\0",
        "another suite": data[:2] + b"\xff\xff" + data[4:],
        "another kind": data[:4] + b"\x02" + data[5:],
        "a bit of the sender flipped": flipped(5),
        "a bit of the receiver flipped": flipped(21),
        "a bit of the encapsulated key flipped": flipped(40),
        "a bit of the sealed part flipped": flipped(90),
        "a bit of the signature flipped": flipped(len(data) - 1),
        "signed by another PC": signed(head, sealed, OTHER_PC.signing),
        "for another receiver, signed again": signed(elsewhere, sealed),
        "the sealed part cut, signed again": signed(head, sealed[:-1]),
        "sealed to another key": signed(head, crypto.seal(OTHER_HUB.public.sealing, head, b"x")),
        "sealed, and not compressed": signed(head, crypto.seal(HUB.public.sealing, head, b"x")),
        "a bomb that says what it is": signed(head, crypto.seal(HUB.public.sealing, head, bomb)),
    }


def refused_courier_files() -> dict[str, bytes]:
    file = courier.frame(b"the bytes of an exchange")
    return {
        "nothing": b"",
        "cut in the first line": file[:9],
        "cut before the length": file[:18],
        "cut in the checksum": file[:40],
        "cut at the end": file[:-1],
        "one bit of the bytes flipped": file[:-1] + bytes([file[-1] ^ 1]),
        "one bit of the length flipped": file[:25] + bytes([file[25] ^ 1]) + file[26:],
        "one bit of the checksum flipped": file[:30] + bytes([file[30] ^ 1]) + file[31:],
        "something behind the end": file + b"\n",
        "two files in one": file + file,
        "another file": b"PK\x03\x04",
        "lines ended as Windows ends them": file.replace(b"\n", b"\r\n", 1),
    }


REFUSED: dict[str, Callable[[], dict[str, bytes]]] = {
    "header": refused_headers,
    "body": refused_bodies,
    "entry": refused_entries,
    "run": refused_runs,
    "page": refused_pages,
    "receipt": refused_receipts,
    "countersignature": refused_countersignatures,
    "certificate": refused_certificates,
    "code": refused_codes,
    "card": refused_cards,
    "introduction": refused_introductions,
    "stretch": refused_stretches,
    "snapshot": refused_parts,
    "request": refused_requests,
    "introduced request": refused_introduced_requests,
    "reply": refused_replies,
    "courier file": refused_courier_files,
}


def refusals() -> Iterator[tuple[str, str, bytes, PeerFault]]:
    """(reader, about, bytes, fault) of everything that must be refused."""
    for reader, table in REFUSED.items():
        for about, data in table().items():
            yield reader, about, data, fault_of(data, READERS[reader], f"{reader}: {about}")


def fault_of(data: bytes, read: Reader, about: str) -> PeerFault:
    try:
        read(data)
    except PeerFault as fault:
        return fault
    raise ValueError(f"must be refused, and is not: {about}")


def facts_of(fault: PeerFault) -> dict[str, str]:
    """What a fault says besides its code, but for the sentences of the msgpack library."""
    told = {name: str(value) for name, value in fault.facts.items()}
    return {name: value for name, value in told.items() if len(value) <= LONGEST_WORD}
