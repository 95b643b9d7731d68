"""Writes sync_protocol/vectors/v2: golden bytes for every format, from fixed keys.

    python -m tests.sync_protocol.make_vectors

Only a new version of the protocol may change a file that was published (v1 is only read any more);
a new case may be added. HPKE draws a random key for each message, so what is sealed is kept as long
as it opens. What must be refused stands in refusals.py.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace

import sync_protocol
from sync_protocol import (
    agree,
    archive,
    channel,
    courier,
    crypto,
    enrol,
    envelope,
    merge,
    mint,
    operations,
    push,
)
from sync_protocol.channel import Cursor, OperationEntry, VerdictEntry
from sync_protocol.envelope import Kind
from sync_protocol.exchange import Loss, Outbox, Rare, Reply, Request, plan
from sync_protocol.lost import common_position
from sync_protocol.merge import Act, Counts, Policy, Rules
from sync_protocol.operations import Operation, Write
from sync_protocol.pull import LOST, Page, Reader, StoredEntry, make_page
from sync_protocol.snapshot import SnapshotAsk
from tests.sync_protocol import refusals
from tests.sync_protocol.builders import (
    CHANNEL,
    CLERK,
    EPOCH,
    HUB,
    NOW,
    OTHER_PC,
    PC,
    RECORD,
    REPORT,
    START,
    a_header,
)

FOLDER = Path(sync_protocol.__file__).parent / "vectors" / "v2"
Vectors = dict[str, Any]
FIRST_NAME = bytes(range(32))


def as_json(value: Any) -> Any:
    """Bytes as hex, structs as objects: what stands in the files."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, msgspec.Struct):
        return {name: as_json(getattr(value, name)) for name in value.__struct_fields__}
    if isinstance(value, list | tuple):
        return [as_json(item) for item in value]
    if isinstance(value, dict):
        return {key: as_json(item) for key, item in value.items()}
    return value


# --- the samples ---------------------------------------------------------------------------------


def the_operations() -> dict[str, Operation]:
    """About → operation. The first four are one chain."""
    first = operations.compose(
        a_header(1), b"\x11" * 16, [Write("applicant_name", "王芳"), Write("alive", "")]
    )
    second = operations.compose(
        a_header(2),
        b"\x12" * 16,
        [
            Write("applicant_name", "王芳芳", (first.name,)),
            Write("alive", "", (first.name,)),
            Write("remark", None, (first.name, FIRST_NAME)),
        ],
    )
    values: list[Any] = [
        None,
        True,
        False,
        0,
        -1,
        2**53 - 1,
        -(2**53 - 1),
        "",
        "𠮷",
        [],
        [1, ["a"]],
        {"k": {}},
    ]
    third = operations.compose(
        a_header(3, flags=operations.AFTER_CLOSING),
        b"\x13" * 16,
        [Write(f"value/{n}", value) for n, value in enumerate(values)],
    )
    header = a_header(4, kind="a kind of a later version", form_version=99)
    fourth = operations.compose(header, b"\x14" * 16, [])
    copy = operations.compose(
        a_header(1, replica=OTHER_PC.replica, stamp=first.header.stamp, origin=first.header_bytes),
        b"\x11" * 16,
        first.writes(),
    )
    return {
        "a new record": first,
        "a write that replaces, names shared through the table": second,
        "every kind of value; flag 1: written after the closing was applied": third,
        "no writes, a kind and form version that nobody knows": fourth,
        "a re-issue under another chain: the identity is the origin": copy,
    }


def the_chain() -> list[Operation]:
    return list(the_operations().values())[:4]


def the_copy() -> Operation:
    return list(the_operations().values())[4]


def the_entries() -> dict[str, channel.Entry]:
    chain = the_chain()
    return {
        "an accepted operation": OperationEntry(chain[0].identity, 2, "", NOW + 1, NOW),
        "a refused operation": OperationEntry(chain[1].identity, 1, "author:remark", NOW + 2, NOW),
        "a held operation": OperationEntry(chain[2].identity, 0, "closed", NOW + 3, NOW),
        "a later verdict": VerdictEntry(chain[2].identity, 2, "", NOW + 9),
        "a new epoch": channel.EpochEntry(EPOCH, 3, START.digest, NOW),
        "an erasure": channel.ErasureEntry(RECORD, NOW),
        "a revocation": channel.RevocationEntry(b"enrolment-enrolm", "stolen", NOW),
        "a frozen chain": channel.FreezeEntry(PC.replica, "fork", NOW),
        "a closing": channel.ClosingEntry(NOW + 30 * 86_400_000, NOW),
        "a copy": channel.CopyEntry(the_copy().name, chain[0].name, 2, "", NOW + 1, NOW),
        "a refusal by the county": VerdictEntry(
            the_copy().identity, 1, channel.county_code("与原始凭证不符，请核对后重报"), NOW
        ),
        "a former epoch": channel.FormerEpochEntry(b"e" * 16, NOW),
    }


def the_log() -> list[StoredEntry]:
    digest, log = START.digest, []
    operation_of = dict(enumerate(the_chain()[:3]))
    for at, entry in enumerate(the_entries().values()):
        data = channel.entry_bytes(entry)
        digest = channel.next_digest(digest, data)
        log.append(StoredEntry(at + 1, data, digest, operation_of.get(at)))
    return log


def the_end() -> Cursor:
    log = the_log()
    return Cursor(CHANNEL, EPOCH, len(log), log[-1].digest)


def the_request() -> bytes:
    chain = the_chain()
    empty = operations.empty_head(PC.replica)
    head = operations.advance(empty, chain)
    return plan(PC, 7, head, Outbox(empty, chain), [START], REPORT, NOW).payload


def the_reply(own_seq: int) -> bytes:
    items, end = make_page(START, the_log(), Reader(PC.replica, own_seq), 10**6)
    page = Page(START, items, agree.sign_receipt(HUB.signing, end, NOW), end.position)
    digest = envelope.payload_digest(the_request())
    return envelope.pack(Reply(2, digest, NOW, "", [page], [], []))


def the_empty_request() -> bytes:
    """Of a station that has sent all and seen all, as both ends have signed before."""
    head, end = operations.advance(operations.empty_head(PC.replica), the_chain()), the_end()
    return plan(PC, 8, head, Outbox(head, []), [end], REPORT, NOW, agreed=[end], heard=7).payload


def the_empty_reply() -> bytes:
    page = Page(the_end(), [], None, the_end().position, covered=3)
    digest = envelope.payload_digest(the_empty_request())
    return envelope.pack(Reply(2, digest, NOW, "", [page], [], [], newest=8))


def the_rare_request() -> bytes:
    """Everything that is rarely said, in one."""
    rare = Rare(
        introduction=refusals.introduction(),
        receipts=[refusals.stretch().receipt],
        stretches=[refusals.stretch()],
        bodies=[b"a body that the hub lacks"],
        losses=[Loss(PC.replica, 8, 9)],
        snapshot=SnapshotAsk(CHANNEL, 5, RECORD),
        farewell=True,
    )
    asked = envelope.unpack(the_request(), Request)
    return envelope.pack(replace(asked, cursors=[], runs=[], wants=[FIRST_NAME], rare=rare))


def the_rare_reply() -> bytes:
    parted = Page(
        the_end(),
        [],
        agree.sign_receipt(HUB.signing, START, NOW),
        3,
        covered=2,
        parted=LOST,
        epochs=[channel.entry_bytes(channel.EpochEntry(EPOCH, 2, the_log()[1].digest, NOW))],
    )
    reply = Reply(2, envelope.payload_digest(the_rare_request()), NOW, "waiting", [parted], [], [])
    certified = refusals.signed_certificate(keys=refusals.CHILD.public, device_number=2)
    end = refusals.stretch().receipt.cursor
    return envelope.pack(
        replace(reply, certificate=certified, taken=[end], snapshot=refusals.part(), epoch=EPOCH)
    )


def _placed_again() -> Operation:
    """The first operation as it is issued again after the second of another chain."""
    head = operations.Head(OTHER_PC.replica, 2, FIRST_NAME)
    return mint.issue_again(the_chain()[0], head)


# --- the files -----------------------------------------------------------------------------------


def keys() -> Vectors:
    hub_replica = crypto.digest(b"bianmin/hub-replica", HUB.public.id, CHANNEL, EPOCH)[:16]
    members = {
        "replica": PC,
        "other_replica": OTHER_PC,
    }
    return {
        "hub": {
            "signing_private": HUB.signing,
            "sealing_private": HUB.sealing,
            "signing_public": HUB.public.signing,
            "sealing_public": HUB.public.sealing,
            "fingerprint": HUB.public.fingerprint,
            "id": HUB.public.id,
        },
        **{
            name: {
                "id": each.replica,
                "signing_private": each.signing,
                "sealing_private": each.sealing,
                "signing_public": each.public.signing,
                "sealing_public": each.public.sealing,
            }
            for name, each in members.items()
        },
        "channel": CHANNEL,
        "epoch": EPOCH,
        "clerk": CLERK,
        "record": RECORD,
        "hub_replica_in_channel": hub_replica,
    }


def operation_vectors() -> Vectors:
    good = [
        {
            "about": about,
            "header": each.header,
            "header_bytes": each.header_bytes,
            "salt": (each.body or b"")[3:19],
            "writes": [msgspec.structs.asdict(write) for write in each.writes()],
            "body_bytes": each.body,
            "body_digest": each.body_digest,
            "name": each.name,
            "identity": each.identity,
        }
        for about, each in the_operations().items()
    ]
    return {"operations": good}


def chain_vectors() -> Vectors:
    chain = the_chain()
    empty = operations.empty_head(PC.replica)
    heads = [operations.advance(empty, chain[:n]) for n in range(len(chain) + 1)]
    run = push.make_run(heads[1], chain[1:], PC.signing)
    return {
        "replica": PC.replica,
        "names": [each.name for each in chain],
        "links": [head.link for head in heads],
        "head_signatures": [operations.sign_head(PC.signing, head) for head in heads[1:]],
        "run_after_the_first": msgspec.msgpack.encode(run),
    }


def entry_vectors() -> Vectors:
    good = [
        {
            "about": about,
            "kind": entry.__struct_config__.tag,
            "fields": entry,
            "bytes": stored.data,
            "digest_after": stored.digest,
        }
        for (about, entry), stored in zip(the_entries().items(), the_log(), strict=True)
    ]
    later = msgspec.msgpack.encode([99, "of a later version", {"k": [1]}])
    return {
        "channel": CHANNEL,
        "first_digest": START.digest,
        "entries": good,
        "kept_and_not_interpreted": [later],
        "effective_stamps": [
            {
                "stamp": NOW + ahead,
                "hub_time": NOW,
                "effective": channel.effective_stamp(NOW + ahead, NOW),
            }
            for ahead in (-1_000_000, 0, 600_000, 600_001, 31_536_000_000)
        ],
    }


def agreement_vectors() -> Vectors:
    receipt = agree.sign_receipt(HUB.signing, the_end(), NOW)
    signed = agree.countersign(PC.signing, PC.replica, the_end())
    return {
        "cursor": the_end(),
        "receipt": receipt,
        "receipt_bytes": msgspec.msgpack.encode(receipt),
        "countersignature": signed.signature,
        "countersigned_bytes": msgspec.msgpack.encode(signed),
    }


def message_vectors() -> Vectors:
    request = the_request()
    return {
        "request_payload": request,
        "request_digest": envelope.payload_digest(request),
        "reply_to_who_has_its_own_operations": the_reply(own_seq=4),
        "reply_to_who_lost_them": the_reply(own_seq=0),
        "empty_request": the_empty_request(),
        "empty_reply": the_empty_reply(),
        "everything_rare_request": the_rare_request(),
        "everything_rare_reply": the_rare_reply(),
    }


def mint_vectors() -> Vectors:
    introduction, copy = refusals.introduction(), _placed_again()
    return {
        "parent": PC.replica,
        "enrolment": refusals.ENROLMENT,
        "child": refusals.CHILD.public,
        "introduction_bytes": msgspec.msgpack.encode(introduction),
        "mint_signature": introduction.mint.signature if introduction.mint else b"",
        "first": the_chain()[0].header_bytes,
        "copy_header_bytes": copy.header_bytes,
        "copy_name": copy.name,
        "copy_identity": copy.identity,
        "issued_again": [
            {"verdict": verdict, "code": code, "again": is_again}
            for verdict, code, is_again in [
                (None, "", True),
                (2, "", False),
                (1, "check:remark:too_long", False),
                *((0, code, code in mint.ISSUED_AGAIN) for code in channel.HELD_CODES),
            ]
        ],
    }


def lost_vectors() -> Vectors:
    log = the_log()
    digests = [START.digest, *(each.digest for each in log)]

    def epoch(kept: int, digest: bytes) -> bytes:
        return channel.entry_bytes(channel.EpochEntry(EPOCH, kept, digest, NOW))

    cases = {
        "the hub kept three": [epoch(3, digests[3])],
        "restored twice, the later kept less": [epoch(5, digests[5]), epoch(2, digests[2])],
        "restored twice, the first time before we came": [
            epoch(1, digests[1]),
            epoch(4, digests[4]),
        ],
        "all kept that we have": [epoch(len(log), digests[-1])],
        "nothing kept": [epoch(0, digests[0])],
        "another history": [epoch(3, FIRST_NAME)],
        "beyond our end": [epoch(99, digests[-1])],
        "no epoch": [],
    }
    found = {about: common_position(_at(digests), len(log), each) for about, each in cases.items()}
    return {
        "our_digests": digests,
        "common": [
            {"about": about, "epochs": each, "position": found[about]}
            for about, each in cases.items()
        ],
        "stretch": msgspec.msgpack.encode(refusals.stretch()),
    }


def _at(digests: list[bytes]) -> Callable[[int], bytes | None]:
    return lambda position: digests[position] if position < len(digests) else None


def snapshot_vectors() -> Vectors:
    return {"part": msgspec.msgpack.encode(refusals.part()), "ask": refusals.ASK}


def refused_vectors() -> Vectors:
    rows = list(refusals.refusals())
    for about, data in _kept_refused_envelopes().items():
        fault = refusals.fault_of(data, refusals.open_envelope, about)
        rows.append(("envelope", about, data, fault))
    refused = [
        {"reader": reader, "about": about, "bytes": data, "code": fault.code}
        | {"facts": refusals.facts_of(fault)}
        for reader, about, data, fault in rows
    ]
    return {"refused": refused, "taken": refusals.good()}


def _kept_refused_envelopes() -> dict[str, bytes]:
    """Those on file, or, where the table grew, made anew: what is sealed differs each time."""
    fresh = refusals.refused_envelopes(sample_envelope())
    path = FOLDER / "refused.json"
    if not path.exists():
        return fresh
    rows = json.loads(path.read_text("utf-8"))["refused"]
    kept = {
        each["about"]: bytes.fromhex(each["bytes"]) for each in rows if each["reader"] == "envelope"
    }
    return {about: kept.get(about, data) for about, data in fresh.items()}


def envelope_vectors() -> Vectors:
    return {
        "kind": int(Kind.REQUEST),
        "sender": PC.replica,
        "sender_signing_public": PC.public.signing,
        "receiver": HUB.public.id,
        "receiver_sealing_private": HUB.sealing,
        "payload": the_request(),
        "envelope": sample_envelope(),
    }


def sample_envelope() -> bytes:
    """The sealed sample: the one on file while it opens, else a fresh one."""
    path = FOLDER / "envelope.json"
    if path.exists():
        kept = bytes.fromhex(json.loads(path.read_text("utf-8"))["envelope"])
        if refusals.open_envelope(kept) == the_request():
            return kept
    return envelope.wrap(
        the_request(),
        Kind.REQUEST,
        sender=PC.replica,
        signing=PC.signing,
        receiver=HUB.public.id,
        sealing_public=HUB.public.sealing,
    )


def enrolment_vectors() -> Vectors:
    code = enrol.new_code(bytes(range(10)), HUB.public)
    certificate = refusals.certificate()
    body = envelope.pack(certificate)
    parts = (PC.replica, PC.public.signing, PC.public.sealing, HUB.public.id)
    text = code.text()
    return {
        "secret": code.secret,
        "fingerprint": code.fingerprint,
        "text": text,
        "typed": [text.lower(), text.replace("-", ""), text.replace("0", "o").replace("1", "I")],
        "code_id": code.id,
        "code_key": code.key,
        "request_proof": crypto.keyed_proof(code.key, b"bianmin/enrol-request", *parts),
        "hub_card": enrol.hub_card(HUB, "泽州县"),
        "certificate": certificate,
        "certificate_bytes": body,
        "certificate_signature": crypto.sign(HUB.signing, b"bianmin/certificate", body),
        "request_digest": START.digest,
        "reply_proof": crypto.keyed_proof(code.key, b"bianmin/enrol-reply", START.digest, body),
    }


def courier_vectors() -> Vectors:
    data = b"the bytes of an exchange"
    file = courier.frame(data)
    return {"bytes": data, "file": file}


# --- merge ---------------------------------------------------------------------------------------


def an_act(n: int, value: Any, replaces: tuple[int, ...] = (), **more: Any) -> Act:
    names = tuple(bytes([each]) * 32 for each in replaces)
    parts: dict[str, Any] = {"effective": n, "by_hub": False, "counts": Counts.ACCEPTED} | more
    return Act(bytes([n]) * 32, writes=(Write("register", value, names),), **parts)


MERGES: dict[str, tuple[Policy, list[Act]]] = {
    "one write": ("ask", [an_act(1, "a")]),
    "a later write replaces": ("ask", [an_act(1, "a"), an_act(2, "b", (1,))]),
    "two that did not see each other": ("ask", [an_act(1, "a"), an_act(2, "b")]),
    "equal values are one side": ("ask", [an_act(1, "a"), an_act(2, "b"), an_act(3, "a")]),
    "true is not 1": ("ask", [an_act(1, 1), an_act(2, True)]),
    "equal stamps, the greater name": (
        "ask",
        [an_act(2, "b", effective=5), an_act(1, "a", effective=5)],
    ),
    "replaced before it is seen": ("ask", [an_act(2, "b", (1,)), an_act(1, "a")]),
    "a chain of three": ("ask", [an_act(1, "a"), an_act(2, "b", (1,)), an_act(3, "c", (2,))]),
    "one of two sides settled, the other moved on": (
        "ask",
        [an_act(1, "a"), an_act(2, "b"), an_act(3, "c", (2,)), an_act(4, "a", (1, 2))],
    ),
    "refused and foreign held writes count nowhere": (
        "ask",
        [an_act(1, "a"), an_act(2, "b", (1,), counts=Counts.NO)],
    ),
    "an own pending write counts on one's own page": (
        "ask",
        [an_act(1, "a"), an_act(2, "b", (1,), counts=Counts.OWN)],
    ),
    "a refused write in between brings nothing back": (
        "ask",
        [an_act(1, "a"), an_act(2, "b", (1,), counts=Counts.NO), an_act(3, "c", (1, 2))],
    ),
    "newest: an older write with the greater stamp": (
        "newest",
        [an_act(1, "a", effective=9), an_act(2, "b", effective=3)],
    ),
    "union: an element removed while it was edited": (
        "union",
        [an_act(1, {"name": "身份证"}), an_act(2, None, (1,)), an_act(3, {"name": "户口簿"}, (1,))],
    ),
    "furthest: a return opens a new round": ("furthest", [an_act(1, [1, 3]), an_act(2, [2, 0])]),
    "furthest: equally far": ("furthest", [an_act(1, [1, 3]), an_act(2, [1, 3, "other"])]),
    "furthest: a value that cannot be placed": ("furthest", [an_act(1, [1, 1]), an_act(2, "?")]),
    "hub: a station replaces nothing": (
        "hub",
        [an_act(1, "no", by_hub=True), an_act(2, "yes", (1,))],
    ),
    "hub: the hub replaces itself": (
        "hub",
        [an_act(1, "no", by_hub=True), an_act(2, "yes", (1,), by_hub=True)],
    ),
    "hub: two writes of the hub": (
        "hub",
        [an_act(1, "no", by_hub=True), an_act(2, "yes", by_hub=True)],
    ),
    "hub: only stations wrote": ("hub", [an_act(1, "a"), an_act(2, "b")]),
}


def place_of(register: str, value: Any) -> tuple[int, int] | None:
    """In these vectors a `furthest` value is a list that starts with round and place."""
    return (value[0], value[1]) if isinstance(value, list) else None


def merge_vectors() -> Vectors:
    return {"cases": [_merged(about, *case) for about, case in MERGES.items()]}


def _merged(about: str, policy: Policy, acts: list[Act]) -> Vectors:
    given = [
        {
            "name": act.name,
            "effective": act.effective,
            "by_hub": act.by_hub,
            "counts": act.counts.value,
            "value": act.writes[0].value,
            "replaces": act.writes[0].replaces,
        }
        for act in acts
    ]
    results = {"accepted": _folded(policy, acts, False), "own_page": _folded(policy, acts, True)}
    return {"about": about, "policy": policy, "acts": given, **results}


def _folded(policy: Policy, acts: list[Act], overlay: bool) -> Vectors:
    rules = Rules(lambda register: policy, place_of)
    register = merge.fold(acts, rules, overlay=overlay).registers["register"]
    return {
        "live": [each.name for each in register.live],
        "used": register.used.name,
        "value": register.value,
        "sides": [side.name for side in register.sides],
    }


def archive_vectors() -> Vectors:
    """A channel of two operations and a closing, whole; then with a byte of an operation changed,
    without its first entry, and with another end of the file."""
    frames = _archive_frames()
    data = b"".join(archive.written(frames, HUB.signing))
    receipt = frames[-1].receipt  # type: ignore[union-attr]
    at = data.index("王芳".encode())
    shorter = [each for each in frames if each != frames[4]]
    return {
        "about": "who reads it checks every rule of PROTOCOL.md, section 24, and names the place",
        "fingerprint": HUB.public.fingerprint,
        "archive": data,
        "receipts_file": archive.receipts_file([receipt]),
        "refused": [
            {"archive": data[:at] + b"X" + data[at + 1 :], "code": "name", "position": 1},
            {
                "archive": b"".join(archive.written(shorter, HUB.signing)),
                "code": "entry",
                "position": 1,
            },
            {"archive": data + b"\0", "code": "end", "position": None},
        ],
    }


def _archive_frames() -> list[archive.Frame]:
    data = envelope.pack(refusals.certificate())
    signature = crypto.sign(HUB.signing, b"bianmin/certificate", data)
    chain = [
        operations.compose(a_header(n), bytes(16), [Write("applicant_name", "王芳")])
        for n in (1, 2)
    ]
    head = operations.advance(operations.empty_head(PC.replica), chain)
    entries: list[tuple[bytes, archive.Parts | None]] = []
    for each in chain:
        stamp = each.header.stamp
        entry = channel.place(each.name, each.identity, 2, "", stamp, NOW + 1000)
        entries.append((channel.entry_bytes(entry), (each.header_bytes, each.body, None, None)))
    entries.append((channel.entry_bytes(channel.ClosingEntry(NOW + 9000, NOW + 2000)), None))
    digest, placed = START.digest, list[archive.Frame]()
    for entry_bytes, parts in entries:
        digest = channel.next_digest(digest, entry_bytes)
        placed.append(archive.EntryFrame(entry_bytes, digest, parts))
    end = Cursor(CHANNEL, EPOCH, len(entries), digest)
    countersigned = agree.countersign(PC.signing, PC.replica, end)
    return [
        archive.ChannelFrame(HUB.public, CHANNEL, "station", "140581", "140581001", [EPOCH], []),
        archive.ReplicaFrame(data, signature, None),
        archive.head_frame(head, operations.sign_head(PC.signing, head)),
        archive.CountersignatureFrame(PC.replica, countersigned, NOW + 3000),
        *placed,
        archive.ReceiptFrame(agree.sign_receipt(HUB.signing, end, NOW + 4000)),
    ]


FILES: dict[str, Callable[[], Vectors]] = {
    "keys": keys,
    "operations": operation_vectors,
    "chains": chain_vectors,
    "entries": entry_vectors,
    "agreement": agreement_vectors,
    "messages": message_vectors,
    "envelope": envelope_vectors,
    "enrolment": enrolment_vectors,
    "courier": courier_vectors,
    "merge": merge_vectors,
    "mint": mint_vectors,
    "lost": lost_vectors,
    "snapshot": snapshot_vectors,
    "archive": archive_vectors,
    "refused": refused_vectors,
}


def made(name: str) -> Any:
    """What today's code makes of a file."""
    return as_json(FILES[name]())


def write_all() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        text = json.dumps(made(name), ensure_ascii=False, indent=1)
        (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    write_all()
