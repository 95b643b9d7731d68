"""A second start of the program asks the running one to show its pages again.

The running program leaves its port and a random key in a file of the folder (mode 0600). A second
start proves that it has read the file, and the answer that it comes from who wrote it: after a
crash the port may be anybody's; whoever sits there learns no key, and no browser is sent there.

Knows the folder and the loopback; no page and no station.
"""

import hmac
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException

import msgspec

from station_client.home import Home, read_if_there, replace_durably
from sync_protocol.errors import UNREADABLE

ADDRESS = "127.0.0.1"
PATH = "/reopen"
ANSWER_SECONDS = 5.0
ANSWER_BYTES = 1024


class Running(msgspec.Struct, frozen=True):
    """The file: where the running program listens, and the key of its proofs."""

    port: int
    key: str


class Asked(msgspec.Struct, frozen=True):
    nonce: str
    proof: str


class Answer(msgspec.Struct, frozen=True):
    """`token`: opens the pages once."""

    token: str
    proof: str


@contextmanager
def announced(home: Home, port: int, key: str) -> Iterator[None]:
    """Leave the file while this program runs. After a crash it stays, without harm."""
    replace_durably(home.running, msgspec.json.encode(Running(port, key)))
    try:
        yield
    finally:
        home.running.unlink(missing_ok=True)


def answer(key: str, data: bytes, mint: Callable[[], str]) -> bytes | None:
    """The running program's answer, with a token that `mint` makes; None for a stranger."""
    try:
        asked = msgspec.json.decode(data, type=Asked)
    except UNREADABLE:
        return None
    if not _holds(asked.proof, key, "ask", asked.nonce):
        return None
    token = mint()
    return msgspec.json.encode(Answer(token, _proof(key, "answer", asked.nonce, token)))


def ask(home: Home) -> tuple[int, str] | None:
    """Port and launch token of the program that runs in this folder; None where none answers.

    Errors: home.file_refused
    """
    running = _read(home)
    if running is None:
        return None
    nonce = secrets.token_hex(32)
    found = _answer_of(running, Asked(nonce, _proof(running.key, "ask", nonce)))
    if found is None or not _holds(found.proof, running.key, "answer", nonce, found.token):
        return None
    return running.port, found.token


def _read(home: Home) -> Running | None:
    try:
        return msgspec.json.decode(read_if_there(home.running) or b"", type=Running)
    except UNREADABLE:
        return None


def _answer_of(running: Running, asked: Asked) -> Answer | None:
    """Straight over the loopback: no proxy is asked."""
    connection = HTTPConnection(ADDRESS, running.port, timeout=ANSWER_SECONDS)
    origin = f"http://{ADDRESS}:{running.port}"
    try:
        connection.request("POST", PATH, msgspec.json.encode(asked), {"Origin": origin})
        response = connection.getresponse()
        if response.status != HTTPStatus.OK:
            return None
        return msgspec.json.decode(response.read(ANSWER_BYTES), type=Answer)
    except (OSError, HTTPException, *UNREADABLE):
        return None
    finally:
        connection.close()


def _proof(key: str, *parts: str) -> str:
    return hmac.digest(key.encode(), msgspec.json.encode(parts), "sha256").hex()


def _holds(proof: str, key: str, *parts: str) -> bool:
    return hmac.compare_digest(proof.encode(), _proof(key, *parts).encode())
