"""What a network can do to an exchange, each told in words that help."""

import socket
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler

import pytest

from station_client import transport
from station_client.errors import StationError
from station_client.transport import HttpTransport, checked_address
from sync_protocol import limits
from tests.station_client.loopback import Answer, send, serving


def told_by(answer: Answer) -> StationError:
    with serving(answer) as address, pytest.raises(StationError) as told:
        HttpTransport(address).exchange(b"request")
    return told.value


def test_bytes_travel_both_ways_unchanged() -> None:
    def echo(request: BaseHTTPRequestHandler, body: bytes) -> None:
        send(request, 200, body[::-1], "application/octet-stream")

    with serving(echo) as address:
        assert HttpTransport(address + "/").exchange(bytes(range(256))) == bytes(range(256))[::-1]


def test_a_login_page_with_status_200_is_told_as_what_it_is() -> None:
    page = "<html><body>请登录</body></html>".encode()
    told = told_by(lambda request, body: send(request, 200, page, "text/html; charset=utf-8"))
    assert told.code == "transport.captive_portal"


def test_a_redirect_is_never_followed() -> None:
    def redirect(request: BaseHTTPRequestHandler, body: bytes) -> None:
        request.send_response(302)
        request.send_header("Location", "http://127.0.0.1:1/login")
        request.send_header("Content-Length", "0")
        request.end_headers()

    assert told_by(redirect).code == "transport.captive_portal"


def test_a_body_that_stops_in_the_middle_is_told_as_cut_short() -> None:
    def cut(request: BaseHTTPRequestHandler, body: bytes) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "application/octet-stream")
        request.send_header("Content-Length", "1000")
        request.end_headers()
        request.wfile.write(b"x" * 10)

    assert told_by(cut).code == "transport.cut_short"


def test_an_answer_beyond_the_limit_is_not_read_to_its_end() -> None:
    too_much = b"x" * (limits.REPLY_BYTES + 1)
    told = told_by(lambda request, body: send(request, 200, too_much, "application/octet-stream"))
    assert told.code == "transport.too_large"


def test_the_hubs_refusal_comes_with_its_code_and_words() -> None:
    refusal = '{"code": "replica.unknown", "message": "请重新启用。"}'.encode()
    told = told_by(lambda request, body: send(request, 403, refusal, "application/json"))
    assert told.facts["hub_code"] == "replica.unknown"
    assert "请重新启用。" in told.words()


@pytest.mark.parametrize("status", [408, 413, 429, 500, 502])
@pytest.mark.parametrize("kind", ["text/plain", "text/html", "application/json"])
def test_a_proxys_own_error_is_told_by_its_status(kind: str, status: int) -> None:
    told = told_by(lambda request, body: send(request, status, b'{"Bad Gateway\xff": 1}', kind))
    assert (told.code, told.facts["status"]) == ("transport.bad_status", status)


@pytest.mark.parametrize("status", [200, 401, 403, 407])
def test_a_page_that_may_ask_for_a_login_is_told_as_one(status: int) -> None:
    told = told_by(lambda request, body: send(request, status, b"<html>", "text/html"))
    assert told.code == "transport.captive_portal"


def test_a_hub_that_is_down_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(StationError) as told:
        HttpTransport(f"http://127.0.0.1:{port}").fetch_card()
    assert told.value.code == "transport.down"


def test_a_hub_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "READ_SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(StationError) as told:
        HttpTransport(f"http://127.0.0.1:{silent.getsockname()[1]}").fetch_card()
    assert told.value.code == "transport.timeout"


def in_leaps(seconds: float) -> Callable[[], float]:
    """A clock on which so much time goes by between two looks at it."""
    now = 0.0

    def clock() -> float:
        nonlocal now
        now += seconds
        return now

    return clock


@pytest.mark.parametrize(
    "begins",
    [
        b"HTTP/1.1 200 OK\r\nX-Never-Ends: ",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3d0900\r\n",
    ],
)
def test_a_hub_that_sends_byte_after_byte_is_given_up_in_the_end(begins: bytes) -> None:
    def trickle(request: BaseHTTPRequestHandler, body: bytes) -> None:
        with suppress(OSError):
            request.wfile.write(begins)
            while True:
                request.wfile.write(b"x")

    with serving(trickle) as address, pytest.raises(StationError) as told:
        HttpTransport(address, in_leaps(seconds=100)).exchange(b"request")
    assert told.value.code == "transport.too_slow"


def test_a_hub_that_takes_byte_after_byte_is_given_up_in_the_end() -> None:
    with serving(lambda request, body: None) as address, pytest.raises(StationError) as told:
        HttpTransport(address, in_leaps(seconds=100)).exchange(bytes(1024 * 1024))
    assert told.value.code == "transport.too_slow"


@pytest.mark.parametrize("location", ["http://[", "http://县/login", "", "\\"])
def test_where_a_redirect_leads_is_not_looked_at(location: str) -> None:
    def redirect(request: BaseHTTPRequestHandler, body: bytes) -> None:
        with suppress(OSError):  # nobody reads a body without end
            request.wfile.write(b"HTTP/1.1 302 Found\r\nLocation: " + location.encode("gbk"))
            request.wfile.write(b"\r\n\r\n")
            while True:
                request.wfile.write(bytes(65536))

    assert told_by(redirect).code == "transport.captive_portal"


def test_an_answer_that_is_packed_badly_is_told_as_cut_short() -> None:
    def packed(request: BaseHTTPRequestHandler, body: bytes) -> None:
        request.send_response(200)
        request.send_header("Content-Encoding", "gzip")
        request.send_header("Content-Length", "4")
        request.end_headers()
        request.wfile.write(b"none")

    assert told_by(packed).code == "transport.cut_short"


@pytest.mark.parametrize("proxy", ["http://127.0.0.1:none", "nonsense://x y"])
def test_a_proxy_that_is_no_address_is_told_as_what_it_is(
    monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(StationError) as told:
        HttpTransport("http://hub.invalid").fetch_card()
    assert told.value.code == "transport.bad_proxy"


@pytest.mark.parametrize(
    "address", ["", "hub.example", "ftp://hub", "http://", "http://u:p@hub", "http://a..b"]
)
def test_an_address_that_is_none_is_refused_before_anything_is_sent(address: str) -> None:
    with pytest.raises(StationError) as told:
        checked_address(address)
    assert told.value.code == "transport.bad_address"


def test_a_hub_may_live_below_a_path() -> None:
    assert (
        HttpTransport("https://hub.example/county/")._base == "https://hub.example/county/sync/v1"
    )


def test_requests_in_a_row_share_a_line_and_one_that_ended_is_replaced() -> None:
    lines: list[object] = []

    def kept(request: BaseHTTPRequestHandler, body: bytes) -> None:
        lines.append(request.client_address)
        request.send_response(200)
        request.send_header("Content-Type", "application/octet-stream")
        request.send_header("Content-Length", "2")
        request.send_header("Connection", "keep-alive")
        request.end_headers()
        request.wfile.write(b"ok")
        request.close_connection = len(lines) == 2

    with serving(kept) as address:
        transport = HttpTransport(address)
        assert [transport.exchange(b"request") for _ in range(4)] == [b"ok"] * 4
    assert lines[0] == lines[1] != lines[2] == lines[3]


def test_a_line_that_was_idle_is_not_used_again() -> None:
    lines: list[object] = []

    def kept(request: BaseHTTPRequestHandler, body: bytes) -> None:
        lines.append(request.client_address)
        request.send_response(200)
        request.send_header("Content-Length", "0")
        request.send_header("Connection", "keep-alive")
        request.end_headers()
        request.close_connection = False

    now = [0.0]
    with serving(kept) as address:
        transport = HttpTransport(address, lambda: now[0])
        transport.exchange(b"request")
        now[0] += 60
        transport.exchange(b"request")
    assert lines[0] != lines[1]
