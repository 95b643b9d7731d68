"""The exchange without a network: a request on a stick to the county, its reply on a stick back.

The same bytes, guarantees and code as over HTTP (promise 9). The reply may come late or never.
"""

from station_client.errors import told
from station_client.services.exchange_with_hub import (
    Outcome,
    Prepared,
    absorb_reply,
    prepare_request,
)
from station_client.station import Station
from sync_protocol import courier
from sync_protocol.errors import PeerFault, ProtocolError


def write_request(station: Station) -> bytes:
    """A courier file for the county. Errors: exchange.under_way, those of the protocol, store.*"""
    with station.exchanging():
        try:
            return courier.frame(prepare_request(station, "courier").data)
        except ProtocolError as fault:
            raise told(fault) from fault


def read_reply(station: Station, file_bytes: bytes) -> Outcome:
    """Apply the county's courier file; read twice, it changes nothing the second time.

    Errors: courier.*, envelope.*, reply.other_request for an answer to none of our open requests.
    """
    with station.exchanging():
        try:
            return _absorb(station, courier.unframe(file_bytes))
        except ProtocolError as fault:
            raise told(fault) from fault


def _absorb(station: Station, data: bytes) -> Outcome:
    for number, digest in station.store.channels.open_requests("courier"):
        try:
            return absorb_reply(station, Prepared(number, digest, b""), data, None)
        except PeerFault as fault:
            if fault.code != "reply.other_request":
                raise
    raise PeerFault("reply.other_request")
