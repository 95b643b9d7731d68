"""The golden bytes: today's code makes and reads them, and so does who knows only PROTOCOL.md."""

import hashlib
import hmac
import json
from io import BytesIO
from typing import Any

import msgspec
import pytest

from hub_server import verify
from sync_protocol import agree, channel, courier, enrol, envelope, operations, push
from sync_protocol.agree import Countersigned
from sync_protocol.channel import Receipt, UnknownEntry
from sync_protocol.errors import PeerFault
from sync_protocol.exchange import Reply, Request
from sync_protocol.operations import Run
from tests.sync_protocol import refusals
from tests.sync_protocol.make_vectors import FILES, FOLDER, as_json, made

PUBLISHED = {"v1": FOLDER.with_name("v1"), "v2": FOLDER}
in_every_version = pytest.mark.parametrize("version", PUBLISHED)


def stored(name: str, version: str = "v2") -> Any:
    return json.loads((PUBLISHED[version] / f"{name}.json").read_text("utf-8"))


def raw(text: str) -> bytes:
    return bytes.fromhex(text)


def plain_hash(purpose: str, *parts: str) -> str:
    """H of PROTOCOL.md, with the standard library alone."""
    return hashlib.sha256(purpose.encode() + b"\0" + b"".join(map(raw, parts))).hexdigest()


KEYS = stored("keys")


@pytest.mark.parametrize("name", FILES)
def test_todays_code_makes_the_published_bytes(name: str) -> None:
    assert made(name) == stored(name)


def test_who_knows_only_the_specification_reads_the_published_archive() -> None:
    vectors = stored("archive")
    receipts = BytesIO(raw(vectors["receipts_file"]))
    witness = [frame[1] for frame, _ in verify.frames(receipts, verify.RECEIPTS)]
    verifier = verify.Verifier(witness, vectors["fingerprint"])
    assert verifier.read(BytesIO(raw(vectors["archive"]))).witnessed == 3
    for each in vectors["refused"]:
        with pytest.raises(verify.Fault) as fault:
            verify.Verifier().read(BytesIO(raw(each["archive"])))
        assert (fault.value.code, fault.value.where.get("position")) == (
            each["code"],
            each["position"],
        )


def test_every_file_is_made_and_nothing_else_lies_there() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(FILES)


@in_every_version
def test_todays_code_reads_the_published_operations(version: str) -> None:
    published = stored("operations", version)["operations"]
    # Version 1 named the first copy only; no program ever wrote that, and it could be forged.
    for each in (e for e in published if version != "v1" or e["header"]["origin"] is None):
        read = operations.received(raw(each["header_bytes"]), raw(each["body_bytes"]))
        assert as_json(read.header) == each["header"]
        assert as_json([msgspec.structs.asdict(write) for write in read.writes()]) == each["writes"]
        assert (read.name.hex(), read.identity.hex()) == (each["name"], each["identity"])


@in_every_version
def test_todays_code_reads_the_published_run(version: str) -> None:
    vectors = stored("chains", version)
    run = msgspec.msgpack.decode(raw(vectors["run_after_the_first"]), type=Run)
    batch = push.read_run(run).operations
    assert [operation.name.hex() for operation in batch] == vectors["names"][1:]
    head = operations.Head(raw(vectors["replica"]), 4, raw(vectors["links"][4]))
    public = raw(KEYS["replica"]["signing_public"])
    assert operations.head_verifies(public, head, run.signature)


@in_every_version
def test_todays_code_reads_the_published_entries(version: str) -> None:
    vectors = stored("entries", version)
    for each in vectors["entries"]:
        assert as_json(channel.read_entry(raw(each["bytes"]))) == each["fields"]
    for data in map(raw, vectors["kept_and_not_interpreted"]):
        assert channel.read_entry(data) == UnknownEntry(data)


@in_every_version
def test_todays_code_believes_the_published_signatures(version: str) -> None:
    vectors = stored("agreement", version)
    receipt = msgspec.msgpack.decode(raw(vectors["receipt_bytes"]), type=Receipt)
    signed = msgspec.msgpack.decode(raw(vectors["countersigned_bytes"]), type=Countersigned)
    replica = KEYS["replica"]
    assert agree.receipt_verifies(raw(KEYS["hub"]["signing_public"]), receipt)
    assert agree.countersigned_by(raw(replica["signing_public"]), raw(replica["id"]), signed)


@in_every_version
def test_todays_code_reads_the_published_messages(version: str) -> None:
    vectors = stored("messages", version)
    request = envelope.unpack(raw(vectors["request_payload"]), Request)
    assert (request.number, request.own_seq) == (7, 4)
    for which in ("reply_to_who_has_its_own_operations", "reply_to_who_lost_them"):
        reply = envelope.unpack(raw(vectors[which]), Reply)
        assert reply.request_digest.hex() == vectors["request_digest"]


@in_every_version
def test_the_sealed_sample_opens_with_the_keys_beside_it(version: str) -> None:
    vectors = stored("envelope", version)
    sent = envelope.parse(raw(vectors["envelope"]), envelope.Kind(vectors["kind"]), 10**6)
    envelope.verify(sent, raw(vectors["sender_signing_public"]))
    key = raw(vectors["receiver_sealing_private"])
    payload = envelope.open_sealed(sent, raw(vectors["receiver"]), key)
    assert payload.hex() == vectors["payload"] == stored("messages", version)["request_payload"]


@in_every_version
def test_todays_code_reads_the_published_code_card_and_certificate(version: str) -> None:
    vectors = stored("enrolment", version)
    for text in (vectors["text"], *vectors["typed"]):
        code = enrol.read_code(text)
        assert (code.secret.hex(), code.id.hex()) == (vectors["secret"], vectors["code_id"])
    card = enrol.read_hub_card(raw(vectors["hub_card"]), code)
    body, signature = raw(vectors["certificate_bytes"]), raw(vectors["certificate_signature"])
    assert as_json(enrol.read_certificate(body, signature, card.keys)) == vectors["certificate"]


@in_every_version
def test_todays_code_reads_the_published_courier_file(version: str) -> None:
    vectors = stored("courier", version)
    assert courier.unframe(raw(vectors["file"])).hex() == vectors["bytes"]


# --- what must be refused ------------------------------------------------------------------------


def test_whatever_must_be_refused_is_refused_with_its_code() -> None:
    for each in stored("refused")["refused"]:
        with pytest.raises(PeerFault) as fault:
            refusals.READERS[each["reader"]](raw(each["bytes"]))
        told = fault.value
        assert (told.code, refusals.facts_of(told)) == (each["code"], each["facts"]), each["about"]
        assert "?" not in told.words()


def test_every_reader_takes_what_the_refused_ones_differ_from() -> None:
    taken = stored("refused")["taken"]
    assert set(taken) == set(refusals.READERS) - {"envelope"}
    for reader, data in taken.items():
        refusals.READERS[reader](raw(data))


def test_most_vectors_are_about_what_must_be_refused() -> None:
    refused = stored("refused")["refused"]
    assert len({(each["reader"], each["bytes"]) for each in refused}) == len(refused) >= 200


# --- what stands in PROTOCOL.md is enough --------------------------------------------------------


@in_every_version
def test_names_follow_from_the_text_alone(version: str) -> None:
    for each in stored("operations", version)["operations"]:
        body_digest = plain_hash("bianmin/body", each["body_bytes"])
        assert body_digest == each["body_digest"]
        assert plain_hash("bianmin/operation", each["header_bytes"], body_digest) == each["name"]


@in_every_version
def test_links_follow_from_the_text_alone(version: str) -> None:
    vectors = stored("chains", version)
    link = plain_hash("bianmin/chain", vectors["replica"])
    links = [link]
    for name in vectors["names"]:
        link = plain_hash("bianmin/link", link, name)
        links.append(link)
    assert links == vectors["links"]


@in_every_version
def test_digests_follow_from_the_text_alone(version: str) -> None:
    vectors = stored("entries", version)
    digest = plain_hash("bianmin/channel", vectors["channel"])
    assert digest == vectors["first_digest"]
    for each in vectors["entries"]:
        digest = plain_hash("bianmin/entry", digest, each["bytes"])
        assert digest == each["digest_after"]


def test_ids_proofs_and_checksums_follow_from_the_text_alone() -> None:
    hub, replica, vectors = KEYS["hub"], KEYS["replica"], stored("enrolment")
    fingerprint = plain_hash("bianmin/hub", hub["signing_public"], hub["sealing_public"])
    assert (fingerprint, fingerprint[:32]) == (hub["fingerprint"], hub["id"])
    assert vectors["code_id"] == plain_hash("bianmin/code-id", vectors["secret"])[:16]
    assert vectors["code_key"] == plain_hash("bianmin/code-key", vectors["secret"])
    public = (replica["id"], replica["signing_public"], replica["sealing_public"], hub["id"])
    shown = raw(plain_hash("bianmin/enrol-request", *public))
    proof = hmac.digest(raw(vectors["code_key"]), shown, "sha256")
    assert proof.hex() == vectors["request_proof"]
    in_channel = plain_hash("bianmin/hub-replica", hub["id"], KEYS["channel"], KEYS["epoch"])
    assert in_channel[:32] == KEYS["hub_replica_in_channel"]
    file = stored("courier")
    checksum = plain_hash("bianmin/courier", file["bytes"])
    assert checksum in file["file"]
    payload = stored("messages")
    assert plain_hash("bianmin/payload", payload["request_payload"]) == payload["request_digest"]
