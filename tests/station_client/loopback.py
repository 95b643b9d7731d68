"""A real HTTP server on the loopback in front of a fake hub, and one that misbehaves as told."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from station_client.errors import StationError
from tests.station_client.fake_hub import FakeHub

Answer = Callable[[BaseHTTPRequestHandler, bytes], None]


@contextmanager
def serving(answer: Answer) -> Iterator[str]:
    """The address of a server that answers every request like this."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self, b"")

        def do_POST(self) -> None:
            answer(self, self.rfile.read(int(self.headers["Content-Length"])))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """A test's output is its own."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def hub_answers(hub: FakeHub) -> Answer:
    """The three addresses of the hub's API."""

    def answer(request: BaseHTTPRequestHandler, body: bytes) -> None:
        steps: dict[str, Callable[[], bytes]] = {
            "/sync/v1/hub": hub.fetch_card,
            "/sync/v1/enrol": lambda: hub.enrol(body),
            "/sync/v1/exchange": lambda: hub.exchange(body),
        }
        try:
            send(request, 200, steps[request.path](), "application/octet-stream")
        except StationError as error:
            refusal = json.dumps({"code": error.code, "message": "请稍后再试"}).encode()
            send(request, 503, refusal, "application/json")

    return answer


def send(request: BaseHTTPRequestHandler, status: int, body: bytes, kind: str) -> None:
    request.send_response(status)
    request.send_header("Content-Type", kind)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
