"""The verifier of archives, given what a damaged disk makes of one, and what a lying hub makes."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from random import Random

import msgspec

from hub_server.verify import Fault, Verifier, receipts_in
from sync_protocol import archive
from tests.archive.forging import Opened
from tests.archive.story import everything
from tests.fuzz.leaks import Reader, Refused
from tests.fuzz.mutations import lied

STORY = everything(seed=1, acts=1)
NO_FRAME = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What signing says to a frame that is none of its kind any more."""


def readers(folder: Path) -> Iterable[Reader]:
    samples, witness = [STORY.data()], folder / "receipts"
    receipts = [archive.receipts_file([STORY.receipt()])]

    def hold_against(data: bytes) -> None:
        """The archive as it is, beside a station's receipts that are not."""
        witness.write_bytes(data)
        with _coded():
            Verifier(receipts_in(witness)).read(io.BytesIO(samples[0]))

    yield Reader("archive, by bytes", _verify, samples, share=1.5)
    yield Reader("receipts beside an archive", hold_against, receipts, share=0.5)
    yield Reader("archive, signed anew", _verify, samples, _signed_anew, share=1.5)


def _verify(data: bytes) -> None:
    with _coded():
        Verifier().read(io.BytesIO(data))


@contextmanager
def _coded() -> Iterator[None]:
    try:
        yield
    except Fault as fault:
        raise Refused(fault.code if fault.words() else "") from fault


def _signed_anew(data: bytes, others: Sequence[bytes], dice: Random) -> bytes:
    """One frame another, or what is packed in it; digests, receipt and seal as the hub has them."""
    opened = Opened(data)
    at = dice.randrange(len(opened.frames))
    other = msgspec.msgpack.encode(dice.choice(opened.frames))
    frame = lied(msgspec.msgpack.encode(opened.frames[at]), [other], dice)
    opened.frames[at] = msgspec.msgpack.decode(frame)
    with suppress(*NO_FRAME):
        return opened.signed(STORY.hub).data()
    return opened.data()
