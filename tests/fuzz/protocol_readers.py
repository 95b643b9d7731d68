"""Every reader of the protocol, with valid bytes for it.

Readers of what is sealed and signed come twice: for the bytes as they travel, and for what is
inside, sealed and signed anew by whom the receiver believes: there a liar with a good key speaks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import msgspec
import zstandard
from msgspec.structs import replace

import forms
from hub_server.services.judge import judge_by
from sync_protocol import (
    agree,
    channel,
    courier,
    crypto,
    enrol,
    envelope,
    exchange,
    limits,
    lost,
    mint,
    operations,
    pull,
    push,
    snapshot,
)
from sync_protocol.channel import Verdict
from sync_protocol.enrol import Certificate, EnrolReply, EnrolRequest, Grant
from sync_protocol.envelope import Kind
from sync_protocol.errors import PeerFault
from sync_protocol.exchange import Outbox, Reply
from sync_protocol.lost import Stretch
from sync_protocol.mint import Introduction
from sync_protocol.operations import Head, Run, Write
from sync_protocol.pull import Page
from sync_protocol.snapshot import PlacedOperation, SnapshotAsk, SnapshotPart, SnapshotRecord
from tests.fuzz.leaks import Reader
from tests.fuzz.mutations import lied
from tests.sync_protocol import builders as b

CODE = enrol.new_code(bytes(range(10)), b.HUB.public)
CHAIN = b.a_chain(4)
ENTRIES: list[channel.Entry] = [
    b.an_entry(CHAIN[0]),
    channel.VerdictEntry(CHAIN[0].name, int(Verdict.ACCEPTED), "", b.NOW),
    channel.EpochEntry(b.EPOCH, 3, bytes(32), b.NOW),
    channel.ErasureEntry(b.RECORD, b.NOW),
    channel.RevocationEntry(bytes(16), "lost", b.NOW),
    channel.FreezeEntry(b.PC.replica, "fork", b.NOW),
    channel.ClosingEntry(b.NOW, b.NOW),
    channel.CopyEntry(CHAIN[1].name, CHAIN[0].name, int(Verdict.HELD), "fork", b.NOW, b.NOW),
]
CASE = {
    "applicant_name": "王芳",
    "contact_phone": "13900008601",
    "promised_limit": 5,
    "special_group": ["elderly"],
    "alive": "",
}


def readers() -> list[Reader]:
    return [*_envelopes(), *_messages(), *_enrolment(), *_rare(), *_parts(), *_texts()]


# --- envelopes -----------------------------------------------------------------------------------


def _payload() -> bytes:
    """A request that says everything that can be said."""
    rare = exchange.Rare(
        introduction=_introduction(),
        receipts=[_a_page().receipt],
        stretches=[_stretch()],
        bodies=[b"body"],
        losses=[exchange.Loss(b.PC.replica, 1, 2)],
        snapshot=SnapshotAsk(b.CHANNEL, 0, b""),
        farewell=True,
    )
    outbox = Outbox(b.head_of([]), CHAIN)
    return exchange.plan(
        b.PC,
        7,
        b.head_of(CHAIN),
        outbox,
        [b.START],
        b.REPORT,
        b.NOW,
        wants=[bytes(32)],
        rare=rare,
    ).payload


def _request(payload: bytes) -> bytes:
    return exchange.seal_request(payload, b.PC, b.HUB.public)


def _wrapped(payload: bytes, kind: Kind) -> bytes:
    """From the hub to the PC."""
    return envelope.wrap(
        payload,
        kind,
        sender=b.HUB.public.id,
        signing=b.HUB.signing,
        receiver=b.PC.replica,
        sealing_public=b.PC.public.sealing,
    )


def _open_request(data: bytes) -> None:
    exchange.sender_of(data)
    exchange.open_request(data, b.HUB, b.PC.public.signing)


def _open_packed(packed: bytes) -> None:
    """What is under the seal is no honest zstd frame."""
    head = envelope.MAGIC + b"\0\1" + bytes([Kind.REQUEST]) + b.PC.replica + b.HUB.public.id
    sealed = crypto.seal(b.HUB.public.sealing, head, packed)
    signature = crypto.sign(b.PC.signing, b"bianmin/envelope", head, sealed)
    _open_request(head + sealed + signature)


def _envelopes() -> Iterable[Reader]:
    request = _request(_payload())
    packed = zstandard.ZstdCompressor(write_content_size=True).compress(_payload())
    yield Reader("envelope, as it travels", _open_request, [request, _request(_payload())], share=6)
    yield Reader("envelope, under the seal", _open_packed, [packed], share=3)
    yield Reader("courier file", _unframe, [courier.frame(request)], share=6)


def _unframe(data: bytes) -> None:
    _open_request(courier.unframe(data))


# --- messages ------------------------------------------------------------------------------------


def _read_request(payload: bytes) -> None:
    opened = exchange.open_request(_request(payload), b.HUB, b.PC.public.signing)
    for run in opened.request.runs:
        b.taken(run, judge=_judge)


_judge = judge_by(forms.builtin(), {})


def _read_run(data: bytes) -> None:
    """A run that is signed at its end, whatever it is."""
    run = envelope.unpack(data, Run)
    head = push.read_run(run).head
    b.taken(replace(run, signature=operations.sign_head(b.PC.signing, head)), judge=_judge)


def _cases() -> list[operations.Operation]:
    writes = [[Write(name, value)] for name, value in CASE.items()]
    whole = [Write(name, value) for name, value in CASE.items()]
    return [
        b.an_operation(seq, *each, kind="helper_case", record=bytes([seq]) * 16)
        for seq, each in enumerate([whole, *writes], 1)
    ]


def _a_page() -> Page:
    words: list[channel.Entry] = ENTRIES[3:]
    return b.a_page(b.a_log(CHAIN, *words), own_seq=2)


def _read_reply(payload: bytes) -> None:
    data = _wrapped(payload, Kind.REPLY)
    reply = exchange.open_reply(data, b.PC, b.HUB.public, REQUEST_DIGEST)
    for page in reply.pages:
        _absorb(page)


REQUEST_DIGEST = bytes(32)


def _absorb(page: Page) -> None:
    pull.own_seqs(page)
    pull.absorb_page(page, b.START, OWN, b.HUB.public.signing)


OWN = {each.header.seq: (each.name, each.identity) for each in CHAIN}


def _read_page(data: bytes) -> None:
    """A page whose receipt is the hub's and fits, whatever is in it."""
    page = envelope.unpack(data, Page)
    digest = b.START.digest
    for item in page.items:
        digest = channel.next_digest(digest, _entry_of(item))
    end = replace(b.START, position=len(page.items), digest=digest)
    _absorb(replace(page, base=b.START, receipt=agree.sign_receipt(b.HUB.signing, end, b.NOW)))


def _entry_of(item: pull.Item) -> bytes:
    """The bytes that the digest covers, as a hub that made this item has them."""
    if isinstance(item, pull.EntryItem):
        return item.data
    if isinstance(item, pull.OwnItem):
        if item.seq not in OWN:
            raise PeerFault("reply.digest", parted="own")
        named = OWN[item.seq]
    else:
        operation = operations.received(item.header, item.body, item.body_digest)
        named = operation.name, operation.identity
    place = channel.place(*named, item.verdict, item.code, item.effective, item.at)
    return channel.entry_bytes(place)


def _messages() -> Iterable[Reader]:
    runs = [msgspec.msgpack.encode(b.a_run(each)) for each in (CHAIN, CHAIN[:1], _cases())]
    pages = [msgspec.msgpack.encode(_a_page())]
    reply = Reply(
        version=2,
        request_digest=REQUEST_DIGEST,
        hub_time=b.NOW,
        standing="",
        pages=[_a_page()],
        bodies=[b"body"],
        lacks=[bytes(32)],
        certificate=(envelope.pack(_certificate()), bytes(64)),
        taken=[b.START],
        snapshot=_snapshot(),
    )
    replies = [envelope.pack(reply), envelope.pack(replace(reply, pages=[], standing="frozen"))]
    yield from _both_ways("request, signed anew", _read_request, [_payload()], share=5)
    yield from _both_ways("run, signed anew", _read_run, runs, share=8)
    yield from _both_ways("reply, signed anew", _read_reply, replies, share=5)
    yield from _both_ways("page, signed anew", _read_page, pages, share=8)


def _both_ways(
    name: str, read: Callable[[bytes], object], samples: list[bytes], share: float = 3.0
) -> Iterable[Reader]:
    """Mutated by bytes, and by meaning."""
    yield Reader(f"{name}, by bytes", read, samples, share=share / 2)
    yield Reader(f"{name}, by meaning", read, samples, lied, share=share / 2)


# --- enrolment -----------------------------------------------------------------------------------


def _call() -> enrol.EnrolCall:
    return enrol.ask(CODE, b.HUB.public, b.PC, "柜台一")


def _read_ask(data: bytes) -> None:
    enrol.prove(enrol.read_ask(data, b.HUB, limits.REQUEST_BYTES), CODE.key, b.HUB.public)


def _read_ask_inside(payload: bytes) -> None:
    _read_ask(
        envelope.wrap(
            payload,
            Kind.ENROL_REQUEST,
            sender=b.PC.replica,
            signing=b.PC.signing,
            receiver=b.HUB.public.id,
            sealing_public=b.HUB.public.sealing,
        )
    )


def _ask_payload() -> bytes:
    proof = crypto.keyed_proof(
        CODE.key,
        b"bianmin/enrol-request",
        *(b.PC.replica, b.PC.public.signing, b.PC.public.sealing),
        b.HUB.public.id,
    )
    return envelope.pack(EnrolRequest(1, CODE.id, b.PC.public, "柜台一", proof))


def _certificate() -> Certificate:
    return Certificate(
        version=1,
        hub=b.HUB.public.id,
        enrolment=bytes(16),
        keys=b.PC.public,
        station_code="140581001",
        station_name="示例镇便民服务站",
        grants=[Grant(b.CHANNEL, "station", "140581"), Grant(bytes(16), "region", "140581")],
        epoch=b.EPOCH,
        issued_at=b.NOW,
    )


CALL = _call()


def _accept(data: bytes) -> None:
    enrol.accept(data, CALL, CODE, b.HUB.public, b.PC, limits.REPLY_BYTES)


def _accept_inside(payload: bytes) -> None:
    """A reply as the hub would make it around this certificate."""
    signature = crypto.sign(b.HUB.signing, b"bianmin/certificate", payload)
    proof = crypto.keyed_proof(CODE.key, b"bianmin/enrol-reply", CALL.payload_digest, payload)
    reply = EnrolReply(payload, signature, b.HUB.public, b.NOW, proof)
    _accept(_wrapped(envelope.pack(reply), Kind.ENROL_REPLY))


def _accept_reply(payload: bytes) -> None:
    _accept(_wrapped(payload, Kind.ENROL_REPLY))


def _enrol_reply() -> bytes:
    body = envelope.pack(_certificate())
    proof = crypto.keyed_proof(CODE.key, b"bianmin/enrol-reply", CALL.payload_digest, body)
    signature = crypto.sign(b.HUB.signing, b"bianmin/certificate", body)
    return envelope.pack(EnrolReply(body, signature, b.HUB.public, b.NOW, proof))


def _enrolment() -> Iterable[Reader]:
    yield Reader("enrolment request, as it travels", _read_ask, [CALL.data], share=2)
    yield from _both_ways("enrolment request, signed anew", _read_ask_inside, [_ask_payload()], 3)
    reply = _wrapped(_enrol_reply(), Kind.ENROL_REPLY)
    yield Reader("enrolment reply, as it travels", _accept, [reply], share=2)
    yield from _both_ways("enrolment reply, signed anew", _accept_reply, [_enrol_reply()], 3)
    certificates = [envelope.pack(_certificate())]
    yield from _both_ways("certificate, signed anew", _accept_inside, certificates, 4)
    card = enrol.hub_card(b.HUB, "高平市政务服务平台")
    yield from _both_ways("hub card", lambda data: enrol.read_hub_card(data, CODE), [card], 4)


# --- what is rarely said -------------------------------------------------------------------------


def _introduction() -> Introduction:
    """Of a replica that the certified one minted."""
    certificate = envelope.pack(_certificate())
    signature = crypto.sign(b.HUB.signing, b"bianmin/certificate", certificate)
    return Introduction(certificate, signature, mint.mint(b.PC, bytes(16), b.OTHER_PC.public))


def _read_introduction(data: bytes) -> None:
    """The certificate signed by the hub, the minted keys by the replica of the certificate."""
    said = envelope.unpack(data, Introduction)
    signature = crypto.sign(b.HUB.signing, b"bianmin/certificate", said.certificate)
    minted = said.mint
    if minted is not None:
        enrolment = envelope.unpack(said.certificate, Certificate).enrolment
        minted = mint.mint(b.PC, enrolment, minted.keys)
    mint.read_introduction(replace(said, signature=signature, mint=minted), b.HUB.public)


def _stretch() -> Stretch:
    log = b.a_log(CHAIN, *ENTRIES[3:])
    entries = [each.data for each in log]
    end = replace(b.START, position=len(log), digest=log[-1].digest)
    parts = [(each.header_bytes, each.body, None) for each in CHAIN]
    return Stretch(b.START, entries, agree.sign_receipt(b.HUB.signing, end, b.NOW), parts)


def _read_stretch(data: bytes) -> None:
    """A stretch that the hub once signed, whatever is in it."""
    said = envelope.unpack(data, Stretch)
    digest = said.base.digest
    for entry in said.entries:
        digest = channel.next_digest(digest, entry)
    position = said.base.position + len(said.entries)
    end = replace(said.base, position=position, digest=digest)
    receipt = agree.sign_receipt(b.HUB.signing, end, b.NOW)
    lost.read_stretch(replace(said, receipt=receipt), b.HUB.public.signing)


def _read_epochs(data: bytes) -> None:
    lost.common_position(lambda position: bytes(32), 5, [data])


def _snapshot() -> SnapshotPart:
    receipt = agree.sign_receipt(b.HUB.signing, replace(b.START, position=4), b.NOW)
    records = [
        SnapshotRecord(
            each.header.record,
            [PlacedOperation(each.header_bytes, each.body, None, n, 2, "", b.NOW, b.NOW)],
            [(bytes(32), bytes(32))],
            [("remark", [bytes(32)])],
        )
        for n, each in enumerate(CHAIN, 1)
    ]
    last = CHAIN[-1].header.record
    epochs = [channel.entry_bytes(ENTRIES[2])]
    return SnapshotPart(receipt, b"", records, last, len(records), epochs, b"")


def _read_snapshot(data: bytes) -> None:
    """A part as the hub signs it, whatever is in it, and the one that was asked for."""
    said = envelope.unpack(data, SnapshotPart)
    cursor = said.receipt.cursor
    receipt = agree.sign_receipt(b.HUB.signing, cursor, said.receipt.hub_time)
    ask = SnapshotAsk(cursor.channel, 0, said.after)
    read = snapshot.read_part(replace(said, receipt=receipt), ask, b.HUB.public.signing)
    for record in read or []:
        for operation, _ in record.operations:
            operation.writes()


def _rare() -> Iterable[Reader]:
    samples = [msgspec.msgpack.encode(_introduction())]
    yield from _both_ways("introduction, signed anew", _read_introduction, samples, 4)
    yield from _both_ways(
        "stretch, signed anew", _read_stretch, [msgspec.msgpack.encode(_stretch())], 4
    )
    yield from _both_ways(
        "snapshot part, signed anew", _read_snapshot, [msgspec.msgpack.encode(_snapshot())], 4
    )
    yield from _both_ways("epoch entry", _read_epochs, [channel.entry_bytes(ENTRIES[2])], 2)


# --- parts of messages ---------------------------------------------------------------------------


def _parts() -> Iterable[Reader]:
    headers = [
        each.header_bytes
        for each in (*CHAIN, mint.issue_again(CHAIN[0], Head(b.PC.replica, 8, bytes(32))))
    ]
    bodies = [each.body for each in (*CHAIN, *_cases()) if each.body is not None]
    entries = [channel.entry_bytes(each) for each in ENTRIES]
    yield from _both_ways("header", operations.read_header, headers, 8)
    yield from _both_ways("body", operations.read_body, bodies, 10)
    yield from _both_ways("entry", channel.read_entry, entries, 10)


def _texts() -> Iterable[Reader]:
    def read(data: bytes) -> Any:
        return enrol.read_code(data.decode("utf-8", "replace"))

    texts = [CODE.text().encode(), CODE.text().lower().replace("-", " ").encode()]
    yield Reader("code text", read, texts, share=6)
