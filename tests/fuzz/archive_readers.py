"""The verifier of archives, given what a damaged disk makes of one, and what a lying hub makes."""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from contextlib import suppress
from random import Random
from typing import Any

import msgspec

from hub_server.verify import Fault, Verifier
from tests.archive.forging import Opened
from tests.archive.story import everything
from tests.fuzz.leaks import Reader, Refused
from tests.fuzz.mutations import lied

STORY = everything(seed=1, acts=1)
NO_FRAME = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What signing says to a frame that is none of its kind any more."""


def readers() -> Iterable[Reader]:
    samples = [STORY.data()]
    yield Reader("archive, by bytes", _verify, samples, share=1.5)
    yield Reader("archive, signed anew", _verify, samples, _signed_anew, share=1.5)


def _verify(data: bytes) -> None:
    try:
        Verifier().read(io.BytesIO(data))
    except Fault as fault:
        raise Refused(fault.code if fault.words() else "") from fault


def _signed_anew(data: bytes, others: Sequence[bytes], dice: Random) -> bytes:
    """One frame another, or what is packed in it; digests, receipt and seal as the hub has them."""
    opened = Opened(data)
    at = dice.randrange(len(opened.frames))
    other = msgspec.msgpack.encode(dice.choice(opened.frames))
    opened.frames[at] = _lied_within(opened.frames[at], other, dice)
    with suppress(*NO_FRAME):
        return opened.signed(STORY.hub).data()
    return opened.data()


def _lied_within(value: list[Any], other: bytes, dice: Random) -> Any:
    inside = [
        n for n, each in enumerate(value) if _is_packed(each) or (each and type(each) is list)
    ]
    if not inside or dice.random() < 0.4:
        return msgspec.msgpack.decode(lied(msgspec.msgpack.encode(value), [other], dice))
    at = dice.choice(inside)
    if isinstance(value[at], bytes):
        return [*value[:at], lied(value[at], [other], dice), *value[at + 1 :]]
    return [*value[:at], _lied_within(value[at], other, dice), *value[at + 1 :]]


def _is_packed(value: object) -> bool:
    """Whether these bytes are a message themselves: a certificate, an entry, a header, a body."""
    if not isinstance(value, bytes) or len(value) < 20:
        return False
    with suppress(ValueError, RecursionError):
        return isinstance(msgspec.msgpack.decode(value), list)
    return False
