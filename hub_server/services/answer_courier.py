"""A courier file answered: the very bytes of an exchange (or an enrolment), framed both ways."""

from __future__ import annotations

from hub_server.hub import Hub
from hub_server.services.answer_exchange import answer_exchange
from hub_server.services.enrol_station import enrol_station
from sync_protocol import courier, limits
from sync_protocol.envelope import Kind
from sync_protocol.errors import PeerFault

FILE_BYTES = limits.REQUEST_BYTES + 1024

_KIND_AT = 4
_ANSWERS = {Kind.REQUEST: answer_exchange, Kind.ENROL_REQUEST: enrol_station}


def answer_courier(hub: Hub, file_bytes: bytes) -> bytes:
    """File bytes → file bytes to carry back. PeerFault `courier.*`, `envelope.*`; HubError.

    The same file again is answered again and changes nothing.
    """
    if len(file_bytes) > FILE_BYTES:
        raise PeerFault("envelope.too_large", limit=limits.REQUEST_BYTES)
    data = courier.unframe(file_bytes)
    kind = data[_KIND_AT] if len(data) > _KIND_AT else 0
    for known, answer in _ANSWERS.items():
        if kind == known:
            return courier.frame(answer(hub, data))
    raise PeerFault("courier.kind", kind=kind)
