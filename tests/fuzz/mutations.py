"""Valid bytes made wrong: by bytes, as a line or a disk does it, and by meaning, as a liar does it.

Seeded: one seed gives one mutation. Knows no reader.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random
from typing import Any

import msgspec

LENGTHS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
DEPTH = 5_000
"""Deeper than any reader's own stack."""


def mutated(data: bytes, others: Sequence[bytes], dice: Random) -> bytes:
    """One to four changes of bytes; `others` are valid too, to be spliced with."""
    for _ in range(dice.choice([1, 1, 1, 2, 4])):
        data = dice.choice(_BY_BYTES)(data, others, dice)
    return data


def _place(data: bytes, dice: Random) -> int:
    """Anywhere, heads more often: lengths, kinds and ids stand there."""
    return dice.randrange(min(len(data), 64) if dice.random() < 0.3 else len(data)) if data else 0


def _flip(data: bytes, others: Sequence[bytes], dice: Random) -> bytes:
    at = _place(data, dice)
    return (
        data[:at]
        + bytes(each ^ (1 << dice.randrange(8)) for each in data[at : at + 1])
        + data[at + 1 :]
    )


def _set(data: bytes, others: Sequence[bytes], dice: Random) -> bytes:
    at = _place(data, dice)
    return (
        data[:at]
        + dice.choice([b"\0", b"\xff", b"\xc1", b"\x80", dice.randbytes(1)])
        + data[at + 1 :]
    )


def _cut(data: bytes, others: Sequence[bytes], dice: Random) -> bytes:
    at = _place(data, dice)
    return data[:at]


def _take_out(data: bytes, others: Sequence[bytes], dice: Random) -> bytes:
    at = _place(data, dice)
    return data[:at] + data[at + dice.choice([1, 1, 2, 4, 16, 64]) :]


def _put_in(data: bytes, others: Sequence[bytes], dice: Random) -> bytes:
    at = _place(data, dice)
    return data[:at] + dice.randbytes(dice.choice([1, 1, 2, 4, 16])) + data[at:]


def _repeat(data: bytes, others: Sequence[bytes], dice: Random) -> bytes:
    at = _place(data, dice)
    return data[: at + dice.choice([1, 8, 64, 512])] + data[at:]


def _swap(data: bytes, others: Sequence[bytes], dice: Random) -> bytes:
    size = dice.choice([1, 2, 8, 32])
    a, b = sorted((_place(data, dice), _place(data, dice)))
    if b < a + size:
        return data
    return (
        data[:a] + data[b : b + size] + data[a + size : b] + data[a : a + size] + data[b + size :]
    )


def _splice(data: bytes, others: Sequence[bytes], dice: Random) -> bytes:
    other = dice.choice(others)
    return data[: _place(data, dice)] + other[_place(other, dice) :]


def _length(data: bytes, others: Sequence[bytes], dice: Random) -> bytes:
    """A number where one may stand, of a size that readers trip over."""
    at, width = _place(data, dice), dice.choice([1, 2, 4, 8])
    order = dice.choice(["big", "little"])
    number = (dice.choice(LENGTHS) % (1 << 8 * width)).to_bytes(width, order)  # type: ignore[arg-type]
    return data[:at] + number + data[at + width :]


def _nest(data: bytes, others: Sequence[bytes], dice: Random) -> bytes:
    """Brackets without end, as msgpack, JSON, TOML and XML write them."""
    at = _place(data, dice)
    opening = dice.choice([b"\x91", b"\x81\xa1x", b"[", b'{"x":', b"<x>", b"("])
    return data[:at] + opening * DEPTH + data[at:]


def _declare_much(data: bytes, others: Sequence[bytes], dice: Random) -> bytes:
    """An array, a map, a text or bytes of four thousand million elements, and nothing of them."""
    at = _place(data, dice)
    kind = dice.choice([b"\xdd", b"\xdf", b"\xdb", b"\xc6", b"\xc9"])
    return data[:at] + kind + b"\xff\xff\xff\xff" + data[at + 1 :]


def _not_a_text(data: bytes, others: Sequence[bytes], dice: Random) -> bytes:
    at = _place(data, dice)
    return (
        data[:at]
        + dice.choice([b"\xff", b"\xed\xa0\x80", b"\\ud800", b"\0", b"\xef\xbf\xbe"])
        + data[at:]
    )


_BY_BYTES: tuple[Callable[[bytes, Sequence[bytes], Random], bytes], ...] = (
    _flip, _flip, _flip, _set, _cut, _take_out, _put_in, _repeat, _swap, _splice, _length, _nest,
    _declare_much, _not_a_text,
)  # fmt: skip

PACKED_BYTES = 20
"""No message is shorter; most digests that look like one are no list."""

# --- by meaning ----------------------------------------------------------------------------------

STRANGE: tuple[Any, ...] = (
    None, True, -1, 0, 1, 2**31, 2**53, 2**63, 2**64 - 1, -(2**63), 0.5, float("nan"), "", "x",
    "\0", "王" * 2000, "x" * 70_000, b"", b"\xff" * 16, b"\0" * 32, b"x" * 33, [], {}, [[]],
    [None], {"x": 1}, {1: 2}, {"": None},
)  # fmt: skip


def lied(data: bytes, others: Sequence[bytes], dice: Random) -> bytes:
    """A msgpack message with one to three of its values another: a valid message all the same."""
    tree = msgspec.msgpack.decode(data)
    for _ in range(dice.choice([1, 1, 2, 3])):
        tree = _changed(tree, msgspec.msgpack.decode(dice.choice(others)), dice)
    return msgspec.msgpack.encode(tree)


def lied_in_json(data: bytes, others: Sequence[bytes], dice: Random) -> bytes:
    """The same for JSON. What JSON cannot say is left as it was."""
    tree = msgspec.json.decode(data)
    lie = _changed(tree, msgspec.json.decode(dice.choice(others)), dice)
    return msgspec.json.encode(lie, enc_hook=str)


def _changed(tree: Any, other: Any, dice: Random) -> Any:
    """The tree with a change at a random node: mostly deep down, where the meaning is."""
    if isinstance(tree, list) and tree and dice.random() < 0.9:
        at = dice.randrange(len(tree))
        spliced = other if not isinstance(other, list) or not other else dice.choice(other)
        return tree[:at] + _in_place(tree[at], spliced, dice) + tree[at + 1 :]
    if isinstance(tree, dict) and tree and dice.random() < 0.9:
        key = dice.choice(list(tree))
        new = _in_place(tree[key], other, dice)
        rest = {k: v for k, v in tree.items() if k != key}
        return {**rest, **({key: new[0]} if new else {})}
    inside = unpacked(tree)
    if inside and dice.random() < 0.7:
        return msgspec.msgpack.encode(_changed(inside, other, dice))
    if isinstance(tree, int) and not isinstance(tree, bool) and dice.random() < 0.5:
        return max(-(2**63), min(tree + dice.choice([-1, 1, 1000, -1000]), 2**64 - 1))
    if isinstance(tree, bytes) and tree and dice.random() < 0.6:
        return _flip(tree, (), dice)
    if isinstance(tree, bytes | str) and tree and dice.random() < 0.3:
        at = dice.randrange(len(tree))
        return tree[:at] + tree[at + 1 :]
    alike = [each for each in STRANGE if type(each) is type(tree)]
    return dice.choice(alike if alike and dice.random() < 0.85 else STRANGE)


def unpacked(value: object) -> list[Any]:
    """What is packed in these bytes, if they are a message themselves: a header, an entry …"""
    if not isinstance(value, bytes) or len(value) < PACKED_BYTES:
        return []
    with suppress(ValueError, RecursionError):
        found = msgspec.msgpack.decode(value)
        return found if isinstance(found, list) else []
    return []


def _in_place(node: Any, other: Any, dice: Random) -> list[Any]:
    """What stands where `node` stood: nothing, it twice, it changed, a piece of another message."""
    chance = dice.random()
    if chance < 0.03:
        return []
    if chance < 0.06:
        return [node, node]
    if chance < 0.1:
        return [other]
    if chance < 0.12:
        return [_nested(node, dice)]
    return [_changed(node, other, dice)]


def _nested(node: Any, dice: Random) -> Any:
    for _ in range(dice.choice([3, 10, 400])):
        node = [node] if dice.random() < 0.5 else {"x": node}
    return node
