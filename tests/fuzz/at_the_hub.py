"""The hub's sync API, asked by whoever can reach it, and by a desk whose program lies.

A real hub on its encrypted store behind its real HTTP application. What a liar with a good key
writes may be taken; it must be answered with a code or a reply, and leave the hub's books in order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from flask.testing import FlaskClient
from msgspec.structs import replace

from hub_server.app import create_app
from hub_server.services.answer_courier import answer_courier
from hub_server.services.issue_code import issue_code
from sync_protocol import (
    agree,
    channel,
    courier,
    crypto,
    enrol,
    envelope,
    exchange,
    mint,
    operations,
    push,
)
from sync_protocol.enrol import EnrolRequest, HubKeys, ReplicaKeys
from sync_protocol.envelope import Kind
from sync_protocol.errors import PeerFault
from sync_protocol.exchange import Loss, Rare, Request
from sync_protocol.lost import Stretch
from sync_protocol.mint import Introduction
from sync_protocol.operations import Run
from sync_protocol.snapshot import SnapshotAsk
from tests.fuzz.leaks import Reader, Refused
from tests.fuzz.mutations import lied, mutated
from tests.hub_server.conftest import County, Desk, an_entry, fresh_keys

PAGE_BYTES = 4096
EXCHANGE, ENROL = "/sync/v1/exchange", "/sync/v1/enrol"


class Office:
    """The county's hub, and the one PC at a time through which a liar speaks."""

    def __init__(self, county: County) -> None:
        self.county = county
        self.client = _client(county)
        self.samples: list[bytes] = []
        self._station = county.open_station().station_code
        self.newcomer = fresh_keys()
        self.desk = self._new_desk()

    def post(self, path: str, data: bytes) -> None:
        """Raises Refused with the code of a refusal; anything but a code with words is a leak."""
        answer = self.client.post(path, data=data, content_type="application/octet-stream")
        if answer.status_code != 200:
            assert answer.status_code < 500, answer.data
            assert answer.json["message"], answer.data
            raise Refused(answer.json["code"])

    def read_request(self, payload: bytes) -> None:
        """Numbered, signed and sealed anew by the desk, so that the readers inside are reached."""
        try:
            request = envelope.unpack(payload, Request)
            payload = envelope.pack(self._signed_anew(request))
        finally:
            self.post(EXCHANGE, self.desk.seal(payload))
            self._renew()

    def read_enrolment(self, payload: bytes) -> None:
        """Sealed anew to the hub, signed by the key it names, if it is one of ours."""
        self.post(ENROL, _sealed(payload, self.newcomer, self.county))

    def read_courier(self, data: bytes) -> None:
        answer_courier(self.county.hub, data)

    def read_rare(self, data: bytes) -> None:
        """A request that says nothing but this, by a desk that the hub knows, or by a stranger.

        What the hub signs is signed anew: it was restored, and may have said it once.
        """
        rare = _believed(envelope.unpack(data, Rare), self.county.hub.keys, self.desk.keys)
        payload = self.desk.payload(batch_bytes=PAGE_BYTES)
        request = replace(envelope.unpack(payload, Request), rare=rare, runs=[])
        keys = self.desk.keys if data[-1] % 4 else fresh_keys()
        cursors = [
            agree.countersign(keys.signing, keys.replica, each.cursor) for each in request.cursors
        ]
        packed = envelope.pack(replace(request, cursors=cursors))
        self.post(EXCHANGE, exchange.seal_request(packed, keys, self.county.hub.keys.public))
        self._renew()

    def everything_rare(self) -> bytes:
        """One of each thing that is rarely said, all of it true."""
        desk, hub = self.county.enrol(self._code()), self.county.hub
        desk.write("intake_case", an_entry())
        desk.exchange()
        stored = list(hub.store.journal.entries_after(desk.channel, 0))
        end = channel.Cursor(desk.channel, hub.epoch, len(stored), stored[-1].digest)
        receipt = agree.sign_receipt(hub.keys.signing, end, hub.now_ms())
        certificate = envelope.pack(desk.certificate)
        signature = crypto.sign(hub.keys.signing, b"bianmin/certificate", certificate)
        minted = mint.mint(desk.keys, desk.certificate.enrolment, self.newcomer.public)
        start = channel.start_of(desk.channel, desk.certificate.epoch)
        placed = [each.operation for each in stored if each.operation is not None]
        parts = [(each.header_bytes, each.body, None) for each in placed]
        return envelope.pack(
            Rare(
                introduction=Introduction(certificate, signature, minted),
                receipts=[receipt],
                stretches=[Stretch(start, [each.data for each in stored], receipt, parts)],
                bodies=[desk.written[0].body or b""],
                losses=[Loss(desk.keys.replica, 1, 2)],
                snapshot=SnapshotAsk(desk.channel, 0, b""),
                farewell=True,
            )
        )

    def enrolment(self) -> bytes:
        """The opened contents of a request for which there is a code."""
        hub = self.county.hub
        code = enrol.read_code(self._code())
        call = enrol.ask(code, hub.keys.public, self.newcomer, "柜台二")
        sent = envelope.parse(call.data, Kind.ENROL_REQUEST, len(call.data))
        return envelope.open_sealed(sent, hub.keys.public.id, hub.keys.sealing)

    def _renew(self) -> None:
        """A desk that is frozen is answered with one word: another one goes on."""
        replica = self.county.hub.store.stations.replica(self.desk.keys.replica)
        if replica is None or replica.standing:
            self.desk = self._new_desk()

    def _code(self) -> str:
        return issue_code(self.county.hub, self.county.reviewer, self._station)

    def _new_desk(self) -> Desk:
        """A PC with something to say, which becomes the sample."""
        desk = self.county.enrol(self._code(), fresh_keys())
        for _ in range(3):
            desk.write("intake_case", an_entry())
        self.samples[:] = [desk.payload(batch_bytes=PAGE_BYTES)]
        return desk

    def _signed_anew(self, request: Request) -> Request:
        self.desk.number += 1
        keys = self.desk.keys
        cursors = [
            agree.countersign(keys.signing, keys.replica, each.cursor) for each in request.cursors
        ]
        runs = [_signed_run(each, keys.signing) for each in request.runs]
        return replace(request, number=self.desk.number, cursors=cursors, runs=runs)


def _client(county: County) -> FlaskClient:
    app = create_app(county.hub)
    app.testing = True  # what is not foreseen comes out as it is, not as a 500
    (limiter,) = app.extensions["limiter"]
    limiter.enabled = False  # here everybody asks from one address
    return app.test_client()


def _believed(rare: Rare, hub: HubKeys, desk: ReplicaKeys) -> Rare:
    """Signed anew by hub and desk, each as far as it is theirs to sign."""
    said = rare.introduction
    if said is not None:
        signature = crypto.sign(hub.signing, b"bianmin/certificate", said.certificate)
        said = replace(said, signature=signature)
    stretches = [_signed_stretch(each, hub) for each in rare.stretches]
    receipts = [agree.sign_receipt(hub.signing, e.cursor, e.hub_time) for e in rare.receipts]
    return replace(rare, introduction=said, stretches=stretches, receipts=receipts)


def _signed_stretch(stretch: Stretch, hub: HubKeys) -> Stretch:
    digest = stretch.base.digest
    for entry in stretch.entries:
        digest = channel.next_digest(digest, entry)
    position = stretch.base.position + len(stretch.entries)
    end = replace(stretch.base, position=position, digest=digest)
    return replace(stretch, receipt=agree.sign_receipt(hub.signing, end, stretch.receipt.hub_time))


def _signed_run(run: Run, signing: bytes) -> Run:
    """With a signature that fits, where it is a run at all."""
    try:
        read = push.read_run(run)
    except PeerFault:
        return run
    return replace(run, signature=operations.sign_head(signing, read.head))


def _sealed(payload: bytes, keys: enrol.ReplicaKeys, county: County) -> bytes:
    hub = county.hub.keys.public
    try:
        sender = envelope.unpack(payload, EnrolRequest).keys.replica[:16].ljust(16, b"\0")
    except PeerFault:
        sender = keys.replica
    return envelope.wrap(
        payload,
        Kind.ENROL_REQUEST,
        sender=sender,
        signing=keys.signing,
        receiver=hub.id,
        sealing_public=hub.sealing,
    )


def rare_readers(office: Office) -> Iterable[Reader]:
    samples = [office.everything_rare()]
    yield Reader("hub, what is rarely said, by meaning", office.read_rare, samples, lied, share=1)


def readers(office: Office) -> Iterable[Reader]:
    def post_to(path: str) -> Callable[[bytes], None]:
        return lambda data: office.post(path, data)

    desk = office.desk
    sealed = desk.seal(office.samples[0])
    request = desk.seal(desk.payload())
    yield Reader("hub, exchange as it travels", post_to(EXCHANGE), [sealed], share=1)
    yield Reader("hub, exchange by bytes", office.read_request, office.samples, mutated, share=0.5)
    yield Reader("hub, exchange by meaning", office.read_request, office.samples, lied, share=1)
    enrolment = [office.enrolment()]
    yield Reader("hub, enrolment by bytes", office.read_enrolment, enrolment, mutated, share=0.5)
    yield Reader("hub, enrolment by meaning", office.read_enrolment, enrolment, lied, share=0.5)
    yield Reader("hub, courier file", office.read_courier, [courier.frame(request)], share=1)
