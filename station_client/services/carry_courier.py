"""The exchange without a network: a request on a stick to the county, its reply on a stick back.

The same bytes, guarantees and code as over HTTP (promise 9). The reply may come late or never.
"""

from dataclasses import dataclass

from station_client.errors import StationError, told
from station_client.services.exchange_with_hub import (
    Outcome,
    Prepared,
    absorb_reply,
    prepare_request,
)
from station_client.station import Station
from sync_protocol import courier, envelope, limits
from sync_protocol.envelope import Kind
from sync_protocol.errors import PeerFault, ProtocolError

KIND_AT = 4
"""Where an envelope says what it is."""


def write_request(station: Station) -> bytes:
    """A courier file for the county. Errors: exchange.under_way, those of the protocol, store.*"""
    with station.exchanging():
        try:
            return courier.frame(prepare_request(station, "courier").data)
        except ProtocolError as fault:
            raise told(fault) from fault


def read_reply(station: Station, file_bytes: bytes) -> Outcome:
    """Apply the county's courier file; read twice, it changes nothing the second time.

    Errors: courier.*, envelope.*; courier.answered for a reply to none of our open requests,
    courier.former for one to a replica that this PC was before: its keys are gone.
    """
    with station.exchanging():
        try:
            return _absorb(station, _reply_in(file_bytes))
        except ProtocolError as fault:
            raise told(fault) from fault


def _reply_in(file_bytes: bytes) -> bytes:
    data = courier.unframe(file_bytes)
    if data[KIND_AT : KIND_AT + 1] == bytes([Kind.REQUEST]):
        raise PeerFault("courier.kind", kind="站点的同步包")
    return data


def _absorb(station: Station, data: bytes) -> Outcome:
    if envelope.parse(data, Kind.REPLY, limits.REPLY_BYTES).receiver in station.identity.past:
        raise StationError("courier.former")
    # The last is nobody's: whose the file is, is told also where no request is open.
    awaited = [*station.store.channels.open_requests("courier"), (0, b"")]
    for number, digest in awaited:
        try:
            return absorb_reply(station, Prepared(number, digest, b""), data, None)
        except PeerFault as fault:
            if fault.code != "reply.other_request":
                raise
    raise StationError("courier.answered")


@dataclass(frozen=True)
class CourierState:
    """`awaited`: when each file was made (ms) whose reply has not come back; `unconfirmed` own
    operations have no receipt; `behind` entries of the county are known to be there and not here;
    `is_starting`: of a channel nothing has come yet, so that nobody knows how much there is.
    `is_at_odds`: something else than that is not level yet; the status page says what.
    """

    awaited: tuple[int, ...]
    unconfirmed: int
    behind: int
    is_starting: bool
    is_at_odds: bool

    @property
    def is_complete(self) -> bool:
        return not (self.unconfirmed or self.behind or self.is_starting or self.is_at_odds)


def read_courier(station: Station) -> CourierState:
    """What is still open between this desk and the county, whoever carries it."""
    store = station.store
    channels = store.channels.all()
    standing = store.facts.exchange().standing
    # To who has left the county delivers nothing more.
    delivered = [] if standing == "retired" else channels
    return CourierState(
        awaited=tuple(store.channels.carried("courier")),
        unconfirmed=store.journal.totals(station.keys.replica).pending,
        behind=sum(max(0, each.head - each.cursor.position) for each in delivered),
        is_starting=any(each.is_starting or each.receipt_at is None for each in channels),
        is_at_odds=standing not in ("", "retired")
        or any(each.parted for each in channels)
        or not station.identity.known  # what was put back knows only how things stood then
        or bool(store.lost.count_stretches() or store.bodies.count_lacking()),
    )
