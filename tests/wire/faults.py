"""What a line between a desk and the county does, one function a kind of fault.

Each is given one request and decides what the hub and the station see of it.
"""

from __future__ import annotations

import gzip
import time
from random import Random

from tests.wire.proxy import Call, Fault, Message

PAGE = "<html><body>请登录后上网</body></html>".encode()
STATUS = {
    413: "Content Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
}
PACKED_BOMB = gzip.compress(bytes(32 * 1024 * 1024))
LATE_SECONDS = 0.1
TRICKLE_SECONDS = 0.02


def answer(status: str, body: bytes, kind: str = "text/html", **headers: str) -> Message:
    lines = {"Content-Type": kind, "Connection": "close", **headers}
    return Message(f"HTTP/1.1 {status}\r\n\r\n".encode(), b"").with_headers(lines).with_body(body)


def passes(call: Call) -> None:
    call.give(call.ask())


# --- the line goes down --------------------------------------------------------------------------


def reset_before(call: Call) -> None:
    call.reset()


def reset_after(call: Call) -> None:
    call.ask()
    call.reset()


def request_cut(call: Call) -> None:
    """The hub gets a part of it, and then the line is down at both ends."""
    data = call.request.data
    with call.line.to_hub() as hub:
        hub.sendall(data[: -call.dice.randint(1, len(call.request.body))])
    call.reset()


def reply_cut(call: Call) -> None:
    data = call.ask().data
    call.give(data[: call.dice.randrange(1, len(data))])


def silence(call: Call) -> None:
    """Nothing is delivered, and nothing is said until the station has gone."""
    wait_for_the_end(call)


def silence_after(call: Call) -> None:
    call.ask()
    wait_for_the_end(call)


def late_request(call: Call) -> None:
    """It reaches the hub when the station has given it up, perhaps after a newer one."""
    call.reset()

    def deliver() -> None:
        time.sleep(LATE_SECONDS * call.dice.random())
        call.ask()

    call.line.later(deliver)


def trickle(call: Call) -> None:
    """The answer byte after byte: never silent for long, and never at its end."""
    data = call.ask().data
    start = call.dice.choice([0, data.index(b"\r\n\r\n") + 4])
    call.client.sendall(data[:start])
    for at in range(start, len(data)):
        call.client.sendall(data[at : at + 1])  # fails when the station has gone
        time.sleep(TRICKLE_SECONDS)


def wait_for_the_end(call: Call) -> None:
    while call.client.recv(1024):
        pass


# --- somebody on the way -------------------------------------------------------------------------


def request_twice(call: Call) -> None:
    call.ask()
    passes(call)


def request_flipped(call: Call) -> None:
    call.give(call.ask(call.request.with_body(flipped(call.request.body, call.dice))))


def request_in_chunks(call: Call) -> None:
    whole = call.request.with_headers({"Transfer-Encoding": "chunked"})
    call.give(call.ask(Message(whole.head, chunked(call.request.body, call.dice))))


def reply_flipped(call: Call) -> None:
    reply = call.ask()
    call.give(reply.with_body(flipped(reply.body, call.dice)))


def reply_shortened(call: Call) -> None:
    """Cut, and its length "repaired" by a proxy that means well."""
    reply = call.ask()
    call.give(reply.with_body(reply.body[: call.dice.randrange(len(reply.body))]))


def reply_declared_longer(call: Call) -> None:
    reply = call.ask()
    length = len(reply.body) + call.dice.randint(1, 1000)
    call.give(reply.with_headers({"Content-Length": str(length)}))


def reply_declared_shorter(call: Call) -> None:
    reply = call.ask()
    length = call.dice.randrange(len(reply.body))
    call.give(reply.with_headers({"Content-Length": str(length)}))


def reply_packed(call: Call) -> None:
    """Honest work of a proxy: the station must understand it."""
    reply = call.ask()
    packed = reply.with_headers({"Content-Encoding": "gzip"})
    call.give(packed.with_body(gzip.compress(reply.body)))


def reply_in_chunks(call: Call) -> None:
    """Honest work, too."""
    reply = call.ask()
    head = reply.with_headers({"Transfer-Encoding": "chunked"}).head
    call.give(Message(head, chunked(reply.body, call.dice)))


def reply_packed_badly(call: Call) -> None:
    reply = call.ask().with_headers({"Content-Encoding": "gzip"})
    call.give(reply.with_body(reply.body))


def bomb(call: Call) -> None:
    call.ask()
    kind = "application/octet-stream"
    call.give(answer("200 OK", PACKED_BOMB, kind, **{"Content-Encoding": "gzip"}))


def old_reply(call: Call) -> None:
    """A genuine answer of this hub to this PC, to an earlier request."""
    old = list(call.line.answers)
    reply = call.ask()
    call.give(call.dice.choice(old or [reply]))


def others_reply(call: Call) -> None:
    """A genuine answer of this hub to another PC."""
    reply = call.ask()
    call.give(call.dice.choice(list(call.line.others) or [reply]))


# --- somebody in the hub's place -----------------------------------------------------------------


def portal(call: Call) -> None:
    call.give(answer("200 OK", PAGE, "text/html; charset=utf-8"))


def portal_in_disguise(call: Call) -> None:
    """A login page with no word of what it is, after the request was delivered or without."""
    if call.dice.random() < 0.5:
        call.ask()
    call.give(answer("200 OK", PAGE, "application/octet-stream"))


def empty_answer(call: Call) -> None:
    call.give(answer("200 OK", b"", "application/octet-stream"))


def redirect(call: Call) -> None:
    where = call.dice.choice(["http://127.0.0.1:1/login", "http://[", "/", "网关"])
    call.give(answer("302 Found", PAGE, Location=where))


def bad_status(call: Call) -> None:
    if call.dice.random() < 0.5:
        call.ask()
    status = call.dice.choice(list(STATUS))
    call.give(answer(f"{status} {STATUS[status]}", PAGE))


def no_http(call: Call) -> None:
    call.give(call.dice.randbytes(call.dice.randint(1, 300)))


def narrow(most_bytes: int, refuse: Fault) -> Fault:
    """A proxy that lets no larger request pass."""

    def carry(call: Call) -> None:
        (passes if len(call.request.body) <= most_bytes else refuse)(call)

    return carry


def too_large(call: Call) -> None:
    call.give(answer(f"413 {STATUS[413]}", PAGE))


# --- bytes ---------------------------------------------------------------------------------------


def flipped(data: bytes, dice: Random) -> bytes:
    """With one to three bits the other way round, each in a byte of its own."""
    changed = bytearray(data)
    for at in dice.sample(range(len(data)), min(len(data), dice.randint(1, 3))):
        changed[at] ^= 1 << dice.randrange(8)
    return bytes(changed)


def chunked(body: bytes, dice: Random) -> bytes:
    pieces, at = b"", 0
    while at < len(body):
        size = dice.randint(1, max(1, len(body) // 2))
        piece = body[at : at + size]
        pieces += f"{len(piece):x}\r\n".encode() + piece + b"\r\n"
        at += size
    return pieces + b"0\r\n\r\n"


PASSES = "passes"
REFUSED = "refused"
"""No function here: the line itself is closed while the station tries."""

FAULTS: dict[str, Fault] = {
    PASSES: passes,
    "reset at once": reset_before,
    "reset before the request was delivered": reset_before,
    "reset after the request was delivered": reset_after,
    "request cut": request_cut,
    "reply cut": reply_cut,
    "silence": silence,
    "silence after the request was delivered": silence_after,
    "request late": late_request,
    "reply in a trickle": trickle,
    "request twice": request_twice,
    "request flipped": request_flipped,
    "request in chunks": request_in_chunks,
    "reply flipped": reply_flipped,
    "reply shortened, its length repaired": reply_shortened,
    "reply declared longer": reply_declared_longer,
    "reply declared shorter": reply_declared_shorter,
    "reply packed": reply_packed,
    "reply in chunks": reply_in_chunks,
    "reply packed badly": reply_packed_badly,
    "a bomb for a reply": bomb,
    "an old reply": old_reply,
    "the reply of another PC": others_reply,
    "a login page": portal,
    "a login page in disguise": portal_in_disguise,
    "an empty answer": empty_answer,
    "a redirect": redirect,
    "a proxy's error": bad_status,
    "no HTTP at all": no_http,
}
