"""The three routes of the sync API, all in one list."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Flask, Response, jsonify, request
from flask_limiter import Limiter

from hub_server.errors import STATUS, WORDS, HubError
from hub_server.hub import Hub
from hub_server.services.answer_exchange import answer_exchange
from hub_server.services.enrol_station import enrol_station, hub_card
from sync_protocol import limits
from sync_protocol.errors import ProtocolError

BYTES = "application/octet-stream"
EXCHANGE = "/exchange"
ENROL_RATE = "10 per minute; 60 per hour"
_TOO_LARGE = "envelope.too_large"


def register(app: Flask, hub: Hub) -> None:
    """Serves the sync API of this hub."""
    api = Blueprint("api", __name__, url_prefix="/sync/v1")
    api.register_error_handler(HubError, _hub_error)
    api.register_error_handler(ProtocolError, _protocol_error)
    (limiter,) = app.extensions["limiter"]
    # As often as a station needs to: what does not come from one costs little.
    limiter.request_filter(lambda: request.endpoint == f"{api.name}.{EXCHANGE}")
    for path, method, view in _routes(hub, limiter):
        api.add_url_rule(path, path, view, methods=[method])
    app.register_blueprint(api)


def _routes(hub: Hub, limiter: Limiter) -> list[tuple[str, str, Callable[[], Response]]]:
    def card() -> Response:
        return Response(hub_card(hub), mimetype=BYTES)

    @limiter.limit(ENROL_RATE)
    def enrol() -> Response:
        return Response(enrol_station(hub, _body()), mimetype=BYTES)

    def exchange() -> Response:
        return Response(answer_exchange(hub, _body()), mimetype=BYTES)

    return [("/hub", "GET", card), ("/enrol", "POST", enrol), (EXCHANGE, "POST", exchange)]


def _body() -> bytes:
    """The request's bytes, never more than the protocol allows."""
    request.max_content_length = limits.REQUEST_BYTES
    return request.get_data(cache=False)


def _hub_error(error: HubError) -> tuple[Response, int]:
    return say(error.code, error.words(), error.status)


def _protocol_error(error: ProtocolError) -> tuple[Response, int]:
    return say(error.code, error.words(), 413 if error.code == _TOO_LARGE else 400)


def say(code: str, words: str, status: int) -> tuple[Response, int]:
    """The one shape of an error: {"code": …, "message": …}."""
    return jsonify(code=code, message=words), status


def say_code(code: str, **facts: object) -> tuple[Response, int]:
    return say(code, WORDS[code].format_map(facts), STATUS[code])
