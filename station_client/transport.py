"""Carries bytes to the county's hub over HTTP and back; the only file that knows `requests`.

It believes nothing: whether a reply is genuine is decided by the protocol. Its own work is to tell
a line that is down from a hotspot's login page from a hub that says no, in words that help.
"""

import io
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import msgspec
import requests
from requests.adapters import HTTPAdapter

from station_client import __version__
from station_client.errors import StationError
from sync_protocol import limits
from sync_protocol.errors import UNREADABLE

CONNECT_SECONDS = 10
READ_SECONDS = 60
"""Without a byte for so long, a line counts as dead; a slow one is waited for."""
REQUEST_SECONDS = 600
"""Of one request from its first to its last byte: two megabytes at 30 kbit/s, and a desk's usual
exchange many times over. Who sends byte after byte for ever would hold the exchange for ever."""
KEPT_SECONDS = 10
"""For the next request of a long exchange; a line that was idle longer may be dead unnoticed."""
CHUNK_BYTES = 64 * 1024
MESSAGE_CHARACTERS = 200
HEADERS = {
    "User-Agent": f"bianmin-station/{__version__}",
    "Content-Type": "application/octet-stream",
    "Accept": "application/octet-stream",
}


class _Refusal(msgspec.Struct):
    """The hub's own answer to a request that it does not take."""

    code: str
    message: str


class HttpTransport:
    """The three addresses of a hub's API below `hub_url`. Proxies come from the environment.

    `clock` counts seconds and never goes back. Errors of each: transport.*
    """

    def __init__(self, hub_url: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._base = f"{checked_address(hub_url)}/sync/v1"
        self._clock = clock
        self._kept: _Line | None = None

    def fetch_card(self) -> bytes:
        return self._send("GET", "hub", None)

    def enrol(self, data: bytes) -> bytes:
        return self._send("POST", "enrol", data)

    def exchange(self, data: bytes) -> bytes:
        return self._send("POST", "exchange", data)

    def _send(self, method: str, path: str, data: bytes | None) -> bytes:
        kept, self._kept = self._kept, None  # who asks meanwhile gets a line of its own
        with _coded():
            if kept is not None and self._clock() - kept.used_at < KEPT_SECONDS:
                try:
                    return self._over(kept, method, path, data)
                except requests.exceptions.ConnectionError:
                    pass  # it had ended meanwhile; what is sent twice changes nothing
            return self._over(_Line(self._base, self._clock), method, path, data)

    def _over(self, line: "_Line", method: str, path: str, data: bytes | None) -> bytes:
        try:
            body = line.ask(method, path, data)
        except BaseException:
            line.session.close()
            raise
        self._kept = line
        return body


def checked_address(hub_url: str) -> str:
    """The address without a trailing slash. Error: transport.bad_address."""
    address = hub_url.strip().rstrip("/")
    try:
        parts = urlsplit(address)
        known = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        (parts.hostname or "").encode("idna")  # a name that no host can have
    except ValueError:
        known = False
    if not known or "@" in address:
        raise StationError("transport.bad_address", address=hub_url[:MESSAGE_CHARACTERS])
    return address


# --- a request that ends in time -----------------------------------------------------------------
# The library's time limit is one of each wait for a byte; these ask before each of them.


@dataclass
class _Deadline:
    """`at`: when, by `clock`, the request under way must be over."""

    clock: Callable[[], float]
    at: float = 0.0

    def check(self) -> None:
        if self.clock() > self.at:
            raise StationError("transport.too_slow", minutes=REQUEST_SECONDS // 60)


class _Outgoing(io.BytesIO):
    """A request's body; the library sends it piece by piece."""

    def __init__(self, data: bytes, deadline: _Deadline) -> None:
        super().__init__(data)
        self._deadline = deadline

    def read(self, size: int | None = -1, /) -> bytes:
        self._deadline.check()
        return super().read(size)


class _Incoming(io.RawIOBase):
    """What comes over a connection: status, headers and body."""

    def __init__(self, raw: io.RawIOBase, deadline: _Deadline) -> None:
        self._raw = raw
        self._deadline = deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int | None:
        self._deadline.check()
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, *args: Any, deadline: _Deadline, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fp = io.BufferedReader(_Incoming(self.fp.detach(), deadline))


class _Adapter(HTTPAdapter):
    """Gives every connection the deadline, a proxy's too."""

    def __init__(self, deadline: _Deadline) -> None:
        super().__init__()
        self._deadline = deadline

    def get_connection_with_tls_context(self, *args: Any, **kwargs: Any) -> Any:
        pool: Any = super().get_connection_with_tls_context(*args, **kwargs)
        plain = pool.ConnectionCls
        if not isinstance(plain.response_class, partial):  # asked for the first time
            answer = staticmethod(partial(_Response, deadline=self._deadline))
            pool.ConnectionCls = type("_Connection", (plain,), {"response_class": answer})
        return pool


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """None: it would read all that comes with a redirect, and fail at a strange address."""


class _Line:
    """A session and the one deadline of its connections. `used_at`: when it last answered. What the
    environment says of proxies and certificates is asked once, for the address above all paths."""

    def __init__(self, base: str, clock: Callable[[], float]) -> None:
        self._base = base
        self._deadline = _Deadline(clock)
        self.used_at = 0.0
        self.session = _Session()
        for scheme in ("http://", "https://"):
            self.session.mount(scheme, _Adapter(self._deadline))
        self._settings = self.session.merge_environment_settings(base, {}, True, None, None)

    def ask(self, method: str, path: str, data: bytes | None) -> bytes:
        deadline = self._deadline
        deadline.at = deadline.clock() + REQUEST_SECONDS
        body = None if data is None else _Outgoing(data, deadline)
        request = requests.Request(method, f"{self._base}/{path}", HEADERS, data=body).prepare()
        response = self.session.send(
            request,
            timeout=(CONNECT_SECONDS, READ_SECONDS),
            allow_redirects=False,  # a hub never redirects; a hotspot's login page does
            **self._settings,
        )
        with response:
            answer = _body_of(response)
        self.used_at = deadline.clock()
        return answer


# --- the answer ----------------------------------------------------------------------------------


_REFUSED_BY_PROXIES = frozenset({408, 413, 429})
"""Too slow, too large, too many: nobody asks for a login with these."""


def _body_of(response: requests.Response) -> bytes:
    if response.is_redirect or _is_login_page(response):
        raise StationError("transport.captive_portal")
    body = _read(response)
    if response.status_code != requests.codes.ok:
        raise _refused(response.status_code, body)
    return body


def _is_login_page(response: requests.Response) -> bool:
    """A page in the hub's place. With some statuses it is a proxy's word about hub or request."""
    is_page = "html" in response.headers.get("Content-Type", "").lower()
    status = response.status_code
    return is_page and status < requests.codes.server_error and status not in _REFUSED_BY_PROXIES


def _read(response: requests.Response) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(CHUNK_BYTES):
        body += chunk
        if len(body) > limits.REPLY_BYTES:
            raise StationError("transport.too_large", limit=limits.REPLY_BYTES)
    declared = response.headers.get("Content-Length", "")
    encoded = "Content-Encoding" in response.headers
    if declared.isdecimal() and not encoded and len(body) < int(declared):
        raise StationError("transport.cut_short")
    return bytes(body)


def _refused(status: int, body: bytes) -> StationError:
    try:
        refusal = msgspec.json.decode(body, type=_Refusal)
    except UNREADABLE:
        return StationError("transport.bad_status", status=status)
    message = refusal.message[:MESSAGE_CHARACTERS].rstrip("。")
    return StationError("transport.refused", hub_code=refusal.code[:64], message=message)


@contextmanager
def _coded() -> Iterator[None]:
    """What a network can do to us, in the station's words."""
    try:
        yield
    except requests.exceptions.SSLError as error:
        raise StationError("transport.not_trusted") from error
    except requests.exceptions.Timeout as error:
        raise StationError("transport.timeout") from error
    except (
        requests.exceptions.ChunkedEncodingError,
        requests.exceptions.ContentDecodingError,
    ) as error:
        raise StationError("transport.cut_short") from error
    except requests.exceptions.ConnectionError as error:
        # A read that stops in the middle of the body is reported as this, too.
        timed_out = "timed out" in str(error).lower()
        raise StationError("transport.timeout" if timed_out else "transport.down") from error
    except requests.exceptions.InvalidURL as error:
        # The hub's own address was checked before: this is the proxy's.
        raise StationError("transport.bad_proxy") from error
    except requests.exceptions.RequestException as error:
        raise StationError("transport.down") from error
