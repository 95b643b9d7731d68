"""A bad line as a program of its own kind: a TCP proxy that does to each request what it is told.

It speaks HTTP only as far as it must to know where a request and an answer end. What can go wrong
stands in faults.py; knows neither station nor hub.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from random import Random

WAIT_SECONDS = 30
_MOST_KEPT = 40


@dataclass(frozen=True)
class Message:
    """A request or an answer: head with its blank line, and body."""

    head: bytes
    body: bytes

    @property
    def data(self) -> bytes:
        return self.head + self.body

    def with_body(self, body: bytes) -> Message:
        """The same with another body, and a length that fits it."""
        return self.with_headers({"Content-Length": str(len(body))}, body)

    def with_headers(self, headers: Mapping[str, str], body: bytes | None = None) -> Message:
        """With these headers instead of those that the head has."""
        gone = {name.lower().encode() for name in headers} | {b"content-length"}
        first, *lines = self.head.rstrip(b"\r\n").split(b"\r\n")
        kept = [line for line in lines if line.partition(b":")[0].lower() not in gone]
        new = [f"{name}: {value}".encode() for name, value in headers.items()]
        head = b"\r\n".join([first, *kept, *new, b"", b""])
        return Message(head, self.body if body is None else body)


class LineDropped(Exception):
    """The other end went away in the middle."""


@dataclass
class Call:
    """One request on its way: what came, where it may go, and chance."""

    line: Line
    client: socket.socket
    request: Message
    dice: Random

    def ask(self, request: Message | None = None) -> Message:
        """Deliver it to the hub; its answer."""
        with self.line.to_hub() as hub:
            hub.sendall((request or self.request).data)
            answer = read_message(hub)
        if answer.head.startswith(b"HTTP/1.1 200"):
            self.line.note_answer(answer)
        return answer

    def give(self, answer: Message | bytes) -> None:
        """Send this to the station."""
        with suppress(OSError):
            self.client.sendall(answer if isinstance(answer, bytes) else answer.data)

    def reset(self) -> None:
        """End the station's connection as a cut does, not as a hub does."""
        drop(self.client)


Fault = Callable[[Call], None]


@dataclass
class Line:
    """The line of one PC. `draw` names the fault of the next request; `happened` counts them;
    `answers` are the genuine ones that this line carried, `others` those of another PC's line."""

    hub: tuple[str, int]
    faults: Mapping[str, Fault]
    draw: Callable[[], str]
    dice: Random
    happened: Counter[str] = field(default_factory=Counter)
    answers: list[Message] = field(default_factory=list)
    others: list[Message] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._listening: socket.socket | None = None
        self._calls: list[threading.Thread] = []
        self._accepting: threading.Thread | None = None
        self.port = 0
        self.open()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def open(self) -> None:
        """Listen, after a `close` on the port of before."""
        self._listening = socket.create_server(("127.0.0.1", self.port), backlog=16)
        self.port = self._listening.getsockname()[1]
        self._accepting = threading.Thread(target=self._accept, args=[self._listening])
        self._accepting.start()

    def close(self) -> None:
        """Refuse every connection from now on; what is under way comes to its end."""
        assert self._listening is not None
        assert self._accepting is not None
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for each in [self._accepting, *self._calls]:
            each.join(WAIT_SECONDS)
            assert not each.is_alive(), "a call never ended"
        self._calls.clear()

    @contextmanager
    def closed(self) -> Iterator[None]:
        self.close()
        self.happened["refused"] += 1
        try:
            yield
        finally:
            self.open()

    @contextmanager
    def to_hub(self) -> Iterator[socket.socket]:
        with socket.create_connection(self.hub, WAIT_SECONDS) as hub:
            yield hub

    def note_answer(self, answer: Message) -> None:
        self.answers.append(answer)
        del self.answers[:-_MOST_KEPT]

    def later(self, act: Callable[[], object]) -> None:
        """Do this beside the calls; `close` waits for it."""
        self._start(act)

    def _start(self, act: Callable[[], object]) -> None:
        self._calls = [each for each in self._calls if each.is_alive()]
        thread = threading.Thread(target=act)
        self._calls.append(thread)
        thread.start()

    def _accept(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listening.accept()
                name = self.draw()
                self.happened[name] += 1
                dice = Random(self.dice.random())
                self._start(lambda c=client, n=name, d=dice: self._carry(c, n, d))  # type: ignore[misc]

    def _carry(self, client: socket.socket, name: str, dice: Random) -> None:
        with client, suppress(OSError, LineDropped):
            client.settimeout(WAIT_SECONDS)
            if name == "reset at once":
                drop(client)
                return
            self.faults[name](Call(self, client, read_message(client), dice))


def read_message(connection: socket.socket) -> Message:
    """One request or answer with a declared length, its connection to be closed after it."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += _some(connection)
    head, _, body = data.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        body += _some(connection)
    return Message(head + b"\r\n\r\n", body).with_headers({"Connection": "close"}).with_body(body)


def _some(connection: socket.socket) -> bytes:
    piece = connection.recv(65536)
    if not piece:
        raise LineDropped
    return piece


def drop(connection: socket.socket) -> None:
    """Close with RST: what was not read is lost, and the other end is told of a reset."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
