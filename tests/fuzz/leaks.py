"""Feeds a reader what was mutated, and tells a refusal with a code from an error that leaked.

Knows what a coded refusal is in each of the programs; no reader and no mutation.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random

from forms.loader import DefinitionError
from hub_server.errors import HubError
from station_client.errors import StationError
from sync_protocol.errors import ProtocolError
from tests.figures import volume
from tests.fuzz.mutations import mutated

MUTATIONS = volume(12_000, 120_000)
SEED = int(os.environ.get("BIANMIN_SEED") or 1)

Mutation = Callable[[bytes, Sequence[bytes], Random], bytes]
READ = "read"


@dataclass(frozen=True)
class Reader:
    """`read` is given bytes by somebody who is not trusted; `samples` are what it expects.

    `share`: how many of a hundred mutations it gets; what costs more time gets fewer.
    """

    name: str
    read: Callable[[bytes], object]
    samples: Sequence[bytes]
    mutate: Mutation = mutated
    share: float = 3.0

    @property
    def mutations(self) -> int:
        return round(MUTATIONS * self.share / 100)


class Refused(Exception):
    """A refusal that came as an answer, and not as an exception, with its code."""


class Leak(AssertionError):
    """Something else than a refusal with a code and words came out of a reader."""

    def __init__(self, reader: str, data: bytes, error: BaseException) -> None:
        shown = data if len(data) < 400 else data[:300] + b" ... " + data[-100:]
        super().__init__(f"{reader} leaks {type(error).__name__}: {error}\n{shown!r}")


def code_of(reader: Reader, data: bytes) -> str:
    """What became of these bytes: `READ`, or the code of a refusal that has words. Raises Leak."""
    try:
        try:
            reader.read(data)
        except DefinitionError as refused:
            return "definition" if str(refused) else ""
        except Refused as refused:
            return str(refused)
        except (ProtocolError, StationError, HubError) as refused:
            refused.words()
            return refused.code
    except Exception as error:
        raise Leak(reader.name, data, error) from error
    return READ


def feed(reader: Reader, mutations: int, seed: object = SEED) -> Counter[str]:
    """Code → how often, of so many mutations of its samples, which must be read themselves.

    Raises Leak.
    """
    for sample in reader.samples:
        assert code_of(reader, sample) == READ, f"{reader.name} refuses a valid sample"
    dice, found = Random(f"{seed} {reader.name}"), Counter[str]()
    for _ in range(mutations):
        data = reader.mutate(dice.choice(reader.samples), reader.samples, dice)
        found[code_of(reader, data)] += 1
    return found


def told(found: Counter[str]) -> dict[str, int]:
    """The figures of what was fed."""
    refused = found.total() - found[READ]
    return {"mutations": found.total(), "refused": refused, "codes": len(found) - 1, "leaks": 0}
