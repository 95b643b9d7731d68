"""The sync API over HTTP: bytes in, bytes out, and every refusal a code with words."""

from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from sqlcipher3 import dbapi2 as sqlcipher

from hub_server import api
from hub_server.app import create_app
from sync_protocol import enrol, limits

BYTES = "application/octet-stream"


@pytest.fixture
def client(county: Any) -> FlaskClient:
    return create_app(county.hub).test_client()


def test_the_card_names_the_hub(client: FlaskClient, county: Any) -> None:
    answer = client.get("/sync/v1/hub")
    code = enrol.new_code(bytes(10), county.hub.keys.public)
    card = enrol.read_hub_card(answer.data, code)
    assert (answer.mimetype, card.name) == (BYTES, "高平市政务服务平台")


def test_enrolment_and_exchange_travel_by_http(
    client: FlaskClient, county: Any, keys: Any, entry: Any
) -> None:
    desk = county.desk()
    desk.write("intake_case", entry())
    payload = desk.payload()
    answer = client.post("/sync/v1/exchange", data=desk.seal(payload), content_type=BYTES)
    assert (answer.status_code, answer.mimetype) == (200, BYTES)
    desk.apply(desk.open(answer.data, payload))
    assert desk.acknowledged == desk.head
    code, mine = enrol.read_code(county.open_station(applicant_unit="邮政局").code), keys()
    call = enrol.ask(code, county.hub.keys.public, mine, "x")
    answer = client.post("/sync/v1/enrol", data=call.data, content_type=BYTES)
    granted = enrol.accept(
        answer.data, call, code, county.hub.keys.public, mine, limits.REPLY_BYTES
    )
    assert granted.certificate.station_code == "140581002"


@pytest.mark.parametrize("where", ["replica", "note_contact"])
def test_a_disk_that_fails_is_told_as_something_that_passes(
    client: FlaskClient, county: Any, entry: Any, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    """A 5xx with a code: the desk keeps what it has and comes back by itself."""
    desk = county.desk()
    desk.write("intake_case", entry())

    def fails(*_: Any) -> None:
        raise sqlcipher.OperationalError("disk I/O error")

    sealed = desk.seal(desk.payload())
    with monkeypatch.context() as broken:
        broken.setattr(county.hub.store.stations, where, fails)
        answer = client.post("/sync/v1/exchange", data=sealed, content_type=BYTES)
    assert (answer.status_code, answer.json["code"]) == (503, "hub.disk_fault")
    assert desk.stored == 0
    desk.synchronise()
    assert desk.stored == 1


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 400, "envelope.cut_short"),
        (b"<html>", 400, "envelope.not_ours"),
        (b"BM\x00\x01\x01", 400, "envelope.cut_short"),
        (b"BM\x00\x09" + bytes(300), 400, "envelope.suite"),
        (b"BM\x00\x01\x01" + bytes(300), 403, "replica.unknown"),
    ],
)
def test_foreign_bytes_get_a_code_and_words(
    client: FlaskClient, data: bytes, status: int, code: str
) -> None:
    answer = client.post("/sync/v1/exchange", data=data, content_type=BYTES)
    assert (answer.status_code, answer.json["code"]) == (status, code)
    assert answer.json["message"].endswith("。")


def test_a_request_beyond_the_limit_is_refused_before_it_is_read(client: FlaskClient) -> None:
    data = bytes(limits.REQUEST_BYTES + 1)
    answer = client.post("/sync/v1/exchange", data=data, content_type=BYTES)
    assert (answer.status_code, answer.json["code"]) == (413, "request.too_large")


def test_a_wrong_way_of_asking_is_told(client: FlaskClient) -> None:
    assert client.get("/sync/v1/exchange").json["code"] == "request.not_allowed"
    assert client.get("/sync/v1/nothing").json["code"] == "request.not_found"


def test_a_fault_of_ours_shows_no_trace(county: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    app = create_app(county.hub)

    def broken(replica: bytes) -> None:
        raise ZeroDivisionError("secret detail")

    monkeypatch.setattr(county.hub.store.stations, "replica", broken)
    data = b"BM\x00\x01\x01" + bytes(300)
    answer = app.test_client().post("/sync/v1/exchange", data=data)
    assert (answer.status_code, answer.json["code"]) == (500, "hub.fault")
    assert "secret" not in answer.text


def test_guessing_codes_is_slowed_down(client: FlaskClient) -> None:
    codes = [client.post("/sync/v1/enrol", data=b"x").json["code"] for _ in range(11)]
    assert codes[-1] == "request.too_many"


def test_the_api_stands_alone(county: Any) -> None:
    app = Flask("alone")
    Limiter(get_remote_address, app=app, storage_uri="memory://")
    api.register(app, county.hub)
    assert app.test_client().get("/sync/v1/hub").status_code == 200


def test_answers_are_never_cached(client: FlaskClient) -> None:
    headers = client.get("/sync/v1/hub").headers
    assert headers["Cache-Control"] == "no-store"
    assert headers["X-Content-Type-Options"] == "nosniff"
