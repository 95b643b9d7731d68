"""What somebody can do to an archive: without any key, without the hub's, and with it.

Works on the frames as plain lists. Each forgery says where it must be named: the position that was
touched, or up to which one it may first be proven.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from hub_server.verify import Checked, Fault, Verifier
from sync_protocol import agree, archive, crypto, operations
from sync_protocol import channel as protocol
from sync_protocol.channel import Cursor
from sync_protocol.enrol import HubKeys
from tests.archive.story import Story, everything

CHANNEL, REPLICA, HEAD, COUNTERSIGNATURE, ENTRY, RECEIPT, SEAL = range(1, 8)


class Opened:
    """An archive taken apart."""

    def __init__(self, data: bytes) -> None:
        self.frames: list[list[Any]] = []
        self.starts: list[int] = []  # of each frame in the file
        at = len(archive.MAGIC)
        while at < len(data):
            size = int.from_bytes(data[at : at + 4], "big")
            self.starts.append(at)
            self.frames.append(msgspec.msgpack.decode(data[at + 4 : at + 4 + size]))
            at += 4 + size

    def of(self, kind: int) -> list[int]:
        return [at for at, frame in enumerate(self.frames) if frame[0] == kind]

    @property
    def entries(self) -> list[list[Any]]:
        return [self.frames[at] for at in self.of(ENTRY)]

    def placed(self) -> list[tuple[int, list[Any], operations.Header]]:
        """(position, frame, header) of the entries that place an operation."""
        return [
            (at, frame, operations.read_header(frame[3][0]))
            for at, frame in enumerate(self.entries, 1)
            if frame[3] is not None
        ]

    def data(self) -> bytes:
        return archive.MAGIC + b"".join(map(_framed, self.frames))

    # --- what each kind of attacker can make again -----------------------------------------------

    def rechained(self) -> Opened:
        """The digests: anybody can compute them."""
        digest = protocol.first_digest(self.frames[0][2])
        for frame in self.entries:
            frame[2] = digest = protocol.next_digest(digest, frame[1])
        return self

    def sealed(self, hub: HubKeys) -> Opened:
        """The seal alone: who has the hub's key, or another hub's."""
        self.frames = [frame for frame in self.frames if frame[0] != SEAL]
        whole = crypto.hashlib.sha256(self.data()).digest()
        self.frames.append([SEAL, crypto.sign(hub.signing, b"bianmin/archive", whole)])
        return self

    def signed(self, hub: HubKeys) -> Opened:
        """Digests, receipt and seal."""
        self.rechained()
        entries, start = self.entries, protocol.first_digest(self.frames[0][2])
        digest = entries[-1][2] if entries else start
        cursor = Cursor(self.frames[0][2], self.frames[0][6][-1], len(entries), digest)
        time = self.frames[self.of(RECEIPT)[0]][1][1]
        made = agree.sign_receipt(hub.signing, cursor, time)
        self.frames[self.of(RECEIPT)[0]] = msgspec.to_builtins(
            [RECEIPT, [list(cursor.__reduce__()[1]), time, made.signature]], builtin_types=(bytes,)
        )
        return self.sealed(hub)


def resealed(story: Story, change: Callable[[Opened], Any]) -> bytes:
    """Changed by who holds the hub's keys: digests, receipt and seal fit."""
    opened = Opened(story.data())
    change(opened)
    return opened.signed(story.hub).data()


def read(data: bytes, *receipts: protocol.Receipt, fingerprint: str = "") -> Checked:
    """What the verifier says of an archive. Fault."""
    given = [msgspec.to_builtins(each, builtin_types=(bytes,)) for each in receipts]
    return Verifier(map(list, given), fingerprint).read(io.BytesIO(data))


def _framed(frame: list[Any]) -> bytes:
    data = msgspec.msgpack.encode(frame)
    return len(data).to_bytes(4, "big") + data


@dataclass(frozen=True)
class Forgery:
    """Forged bytes, and where the verifier must say that something is wrong: at a position between
    `first` and `last`, at an operation of one of these replicas, or in one of these frames. Of
    what lies beside the entries (`beside`) the seal or the end may tell it."""

    kind: str
    data: bytes
    first: int = 0
    last: int = 0
    replicas: frozenset[bytes] = frozenset()
    frames: range = range(0)
    beside: bool = False
    fingerprint: str = ""

    def is_named_by(self, fault: Fault) -> bool:
        where = fault.where
        return (
            0 < self.first <= where.get("position", 0) <= self.last
            or where.get("replica") in self.replicas
            or where.get("frame") in self.frames
            or (self.beside and fault.code in ("seal", "end", "hub"))
        )


@dataclass
class Attack:
    """One archive, whoever attacks it, and the hub that made it."""

    data: bytes
    hub: HubKeys
    random: random.Random

    def opened(self) -> Opened:
        return Opened(self.data)

    def some_entry(self) -> int:
        return self.random.randint(1, len(self.opened().entries))

    def proven_by(self, position: int) -> int:
        """The first position at or behind this one that a replica signed, or the end."""
        opened = self.opened()
        signed = [opened.frames[at][2][0][2] for at in opened.of(COUNTERSIGNATURE)]
        return min([each for each in signed if each >= position], default=len(opened.entries))


# --- without any key -----------------------------------------------------------------------------


def flip(attack: Attack) -> Forgery:
    """One byte of the file is another."""
    at = attack.random.randrange(len(archive.MAGIC), len(attack.data))
    changed = bytearray(attack.data)
    changed[at] ^= attack.random.randint(1, 255)
    opened = attack.opened()
    frame = sum(start <= at for start in opened.starts) - 1
    entries = opened.of(ENTRY)
    kind, frames = "flip a byte", range(frame + 1, frame + 2)
    if frame == 0:  # whose history it is: nothing else fits to it any more
        return Forgery(kind, bytes(changed), 1, len(entries), frames=range(1, 100), beside=True)
    if frame not in entries:
        return Forgery(kind, bytes(changed), frames=frames, beside=True)
    position = entries.index(frame) + 1
    # The link before it is nobody's word: that it is wrong shows where its branch is signed.
    writer = [head.replica for at, f, head in opened.placed() if at == position and f[3][3]]
    return Forgery(kind, bytes(changed), position, position, frozenset(writer), frames)


def cut_file(attack: Attack) -> Forgery:
    """The file ends early."""
    at = attack.random.randrange(len(archive.MAGIC), len(attack.data))
    return Forgery("cut the file", attack.data[:at], beside=True)


def add_bytes(attack: Attack) -> Forgery:
    extra = attack.random.randbytes(attack.random.randint(1, 40))
    return Forgery("add to the file", attack.data + extra, beside=True)


def drop_entry(attack: Attack) -> Forgery:
    opened, position = attack.opened(), attack.some_entry()
    del opened.frames[opened.of(ENTRY)[position - 1]]
    return Forgery("drop an entry", opened.data(), position, position)


def repeat_entry(attack: Attack) -> Forgery:
    opened, position = attack.opened(), attack.some_entry()
    at = opened.of(ENTRY)[position - 1]
    opened.frames.insert(at, opened.frames[at])
    return Forgery("repeat an entry", opened.data(), position + 1, position + 1)


def swap_entries(attack: Attack) -> Forgery:
    opened = attack.opened()
    a, b = sorted(attack.random.sample(opened.of(ENTRY), 2))
    first = a - opened.of(ENTRY)[0] + 1
    opened.frames[a], opened.frames[b] = opened.frames[b], opened.frames[a]
    return Forgery("swap two entries", opened.data(), first, first)


def replace_body(attack: Attack) -> Forgery:
    opened = attack.opened()
    with_body = [each for each in opened.placed() if each[1][3][1] is not None]
    (position, frame, _), (_, other, _) = attack.random.sample(with_body, 2)
    frame[3][1] = other[3][1]
    return Forgery("replace a body", opened.data(), position, position)


def withhold_body(attack: Attack) -> Forgery:
    opened = attack.opened()
    with_body = [each for each in opened.placed() if each[1][3][1] is not None]
    position, frame, _ = attack.random.choice(with_body)
    frame[3][1:3] = [None, operations.digest_of_body(frame[3][1])]
    # Of what was not accepted the body may be absent; that it was there only the seal says.
    return Forgery("withhold a body", opened.data(), position, position, beside=True)


def drop_frame(attack: Attack) -> Forgery:
    """A certificate, a head signature, a countersignature, the receipt."""
    opened = attack.opened()
    loose = [at for at, f in enumerate(opened.frames) if f[0] in (REPLICA, HEAD, COUNTERSIGNATURE)]
    kind, whose, *_ = opened.frames.pop(attack.random.choice(loose))
    replica = msgspec.msgpack.decode(whose)[3][0] if kind == REPLICA else whose
    return Forgery("drop a proof", opened.data(), replicas=frozenset({replica}), beside=True)


def repeat_frame(attack: Attack) -> Forgery:
    opened = attack.opened()
    at = attack.random.choice([at for at, f in enumerate(opened.frames) if f[0] != ENTRY])
    opened.frames.insert(at, opened.frames[at])
    return Forgery("repeat a proof", opened.data(), frames=range(at + 1, at + 3), beside=True)


def other_seal(attack: Attack) -> Forgery:
    """The seal in other bytes that mean the same, or with something behind it."""
    *before, (_, signature) = attack.opened().frames
    head, tail = attack.random.choice(
        [
            (b"\x92\x07\xc5\x00\x40", b""),
            (b"\xdc\x00\x02\x07\xc4\x40", b""),
            (b"\x92\xcc\x07\xc4\x40", b""),
            (b"\x93\x07\xc4\x40", b"\xa4more"),
        ]
    )
    seal = head + signature + tail
    data = archive.MAGIC + b"".join(map(_framed, before)) + len(seal).to_bytes(4, "big") + seal
    last = len(before) + 1
    return Forgery("the seal in other bytes", data, frames=range(last, last + 1))


def odd_header(attack: Attack) -> Forgery:
    """Another kind of value in a header; the entry and its digest are as they were."""
    opened = attack.opened()
    position, frame, _ = attack.random.choice(opened.placed())
    values = msgspec.msgpack.decode(frame[3][0])
    values[attack.random.randrange(len(values))] = attack.random.choice([[], {}, True, -1, b"", ""])
    frame[3][0] = msgspec.msgpack.encode(values)
    return Forgery("an odd header", opened.data(), position, position)


def bomb(attack: Attack) -> Forgery:
    """A few bytes that would be much, or never end."""
    opened, many = attack.opened(), attack.random.randint(100_000, 200_000)
    data = attack.random.choice(
        [
            b"\xdd" + many.to_bytes(4, "big") + bytes([0x90]) * many,
            b"\xdf" + many.to_bytes(4, "big") + bytes([0x90]) * 2 * many,
            bytes([0x91]) * many,
            b"\xdd\xff\xff\xff\xff",
        ]
    )
    at = attack.random.randrange(len(opened.frames))
    before = archive.MAGIC + b"".join(map(_framed, opened.frames[:at]))
    after = b"".join(map(_framed, opened.frames[at + 1 :]))
    whole = before + len(data).to_bytes(4, "big") + data + after
    return Forgery("a bomb", whole, frames=range(at + 1, at + 2))


def of_two_times(attack: Attack) -> Forgery:
    """What was exported lately, closed with the receipt and the seal of before, or the reverse."""
    now, before = attack.opened(), attack.opened()
    kept = attack.random.randrange(len(now.entries))
    for at in reversed(before.of(ENTRY)[kept:]):
        del before.frames[at]
    before.signed(attack.hub)
    one, other = attack.random.sample([now, before], 2)
    one.frames[-2:] = other.frames[-2:]
    end = len(one.entries)
    # What is cut may have been countersigned, or signed by its writer: that comes first.
    frames = range(len(one.frames) - 1, len(one.frames))
    return Forgery("two exports mixed", one.data(), end, len(now.entries), frames=frames)


def of_two_hubs(attack: Attack) -> Forgery:
    """An entry of another hub's archive in the place of one."""
    opened, position = attack.opened(), attack.some_entry()
    other = Attack(
        everything(attack.random.randrange(1 << 30), 1).data(), attack.hub, attack.random
    )
    frame = attack.random.choice(other.opened().entries)
    opened.frames[opened.of(ENTRY)[position - 1]] = frame
    return Forgery("two hubs mixed", opened.data(), position, position)


def swap_signatures(attack: Attack) -> Forgery:
    """What was signed about one PC, or by it, under another's name."""
    opened, kind = attack.opened(), attack.random.choice([REPLICA, HEAD, COUNTERSIGNATURE])
    one, other = attack.random.sample(opened.of(kind), 2)
    a, b = opened.frames[one], opened.frames[other]
    at = 1 if kind == COUNTERSIGNATURE else len(a) - 2 if kind == REPLICA else len(a) - 1
    a[at], b[at] = b[at], a[at]
    frames = range(one + 1, one + 2) if one < other else range(other + 1, other + 2)
    return Forgery("swap two signatures", opened.data(), frames=frames)


# --- without the hub's key, the digests made again ------------------------------------------------


def change_word(attack: Attack) -> Forgery:
    """Another verdict, time or reason in an entry."""
    opened, position = attack.opened(), attack.some_entry()
    _alter(opened.entries[position - 1], attack.random)
    data = opened.rechained().data()
    return Forgery("change a word", data, position, attack.proven_by(position))


def _alter(frame: list[Any], chance: random.Random) -> None:
    word = msgspec.msgpack.decode(frame[1])
    numbers = [at for at, value in enumerate(word) if at and isinstance(value, int)]
    at = chance.choice(numbers)
    word[at] = (word[at] + 1) % 3 if word[at] < 3 else word[at] - 1
    frame[1] = msgspec.msgpack.encode(word)


def drop_and_rechain(attack: Attack) -> Forgery:
    opened, position = attack.opened(), attack.some_entry()
    del opened.frames[opened.of(ENTRY)[position - 1]]
    # What shows it first may be the next operation of that chain, or a verdict on what is gone.
    return Forgery(
        "drop and rechain", opened.rechained().data(), position, attack.proven_by(position)
    )


def swap_and_rechain(attack: Attack) -> Forgery:
    opened = attack.opened()
    at = attack.random.choice(opened.of(ENTRY)[:-1])
    opened.frames[at], opened.frames[at + 1] = opened.frames[at + 1], opened.frames[at]
    first = at - opened.of(ENTRY)[0] + 1
    return Forgery("swap and rechain", opened.rechained().data(), first, attack.proven_by(first))


def foreign_operation(attack: Attack) -> Forgery:
    """An operation by somebody who made keys of his own."""
    opened = attack.opened()
    at = attack.random.choice(opened.of(ENTRY))
    position = at - opened.of(ENTRY)[0] + 1
    opened.frames.insert(at, _made(opened, attack.random.randbytes(16), 1))
    # After a restore it may be of a PC that is lost: then the next signature tells.
    last = attack.proven_by(position)
    return Forgery("a foreign operation", opened.rechained().data(), position, last)


def _made(opened: Opened, replica: bytes, seq: int) -> list[Any]:
    """An entry that places a fresh operation under any replica's name."""
    _, model, header = opened.placed()[0]
    fresh = msgspec.structs.replace(header, replica=replica, seq=seq)
    body = b"\x93" + bytes([0xC4, 16]) + bytes(16) + b"\x90\x90"
    operation = operations.received(operations.header_bytes(fresh), body)
    word = msgspec.msgpack.decode(model[1])
    at = word[-1]
    effective = protocol.effective_stamp(fresh.stamp, at)
    entry = protocol.place(operation.name, operation.identity, 2, "", effective, at)
    return [ENTRY, protocol.entry_bytes(entry), b"", [operation.header_bytes, body, None, None]]


# --- another hub ---------------------------------------------------------------------------------


def other_receipt(attack: Attack) -> Forgery:
    """Receipt and seal by a hub of one's own."""
    other = HubKeys(attack.random.randbytes(32), attack.random.randbytes(32))
    opened = attack.opened()
    end = len(opened.entries)
    return Forgery("another hub's receipt", opened.signed(other).data(), end, end)


def other_hub(attack: Attack) -> Forgery:
    """All that a hub signs is signed by a hub of one's own; only its fingerprint tells."""
    opened, other = (
        attack.opened(),
        HubKeys(attack.random.randbytes(32), attack.random.randbytes(32)),
    )
    opened.frames[0][1] = [other.public.signing, other.public.sealing]
    for at in opened.of(REPLICA):
        frame = opened.frames[at]
        frame[1], frame[2] = _certified(frame[1], other)
        if frame[3]:
            frame[3][0], frame[3][1] = _certified(frame[3][0], other)
    theirs = attack.hub.public.fingerprint.hex()
    return Forgery("another hub", opened.signed(other).data(), fingerprint=theirs, beside=True)


def _certified(certificate: bytes, hub: HubKeys) -> tuple[bytes, bytes]:
    values = msgspec.msgpack.decode(certificate)
    values[1] = hub.public.id
    data = msgspec.msgpack.encode(values)
    return data, crypto.sign(hub.signing, b"bianmin/certificate", data)


# --- with the hub's own keys ---------------------------------------------------------------------


def rewrite_operation(attack: Attack) -> Forgery:
    """A desk's operation says something else, with its entry, digests and receipt to match."""
    opened = attack.opened()
    position, frame, header = attack.random.choice(of_desks(attack, opened))
    body = b"\x93" + bytes([0xC4, 16]) + attack.random.randbytes(16) + b"\x90\x90"
    digest = operations.digest_of_body(body)
    name = crypto.digest(b"bianmin/operation", frame[3][0], digest)
    word = msgspec.msgpack.decode(frame[1])
    word[1] = name
    frame[1], frame[3][1:3] = msgspec.msgpack.encode(word), [body, None]
    data = opened.signed(attack.hub).data()
    last = attack.proven_by(position)
    return Forgery("hub rewrites an operation", data, position, last, frozenset({header.replica}))


def remove_operation(attack: Attack) -> Forgery:
    """A desk's operation was never there."""
    opened = attack.opened()
    position, _, header = attack.random.choice(of_desks(attack, opened))
    del opened.frames[opened.of(ENTRY)[position - 1]]
    data = opened.signed(attack.hub).data()
    last = attack.proven_by(position)
    return Forgery("hub removes an operation", data, position, last, frozenset({header.replica}))


def append_operation(attack: Attack) -> Forgery:
    """One more operation in a desk's name, at the end of its chain."""
    opened = attack.opened()
    _, _, header = attack.random.choice(of_desks(attack, opened))
    own = [each for each in opened.placed() if each[2].replica == header.replica]
    before, _, last = max((each for each in own if each[1][3][3] is None), key=lambda e: e[0])
    at = opened.of(ENTRY)[before - 1] + 1
    opened.frames.insert(at, _made(opened, header.replica, last.seq + 1))
    data, end = opened.signed(attack.hub).data(), before + 1
    return Forgery("hub appends an operation", data, end, end, frozenset({header.replica}))


def invent_operation(attack: Attack) -> Forgery:
    """An operation in a desk's name, under a seq that is taken."""
    opened = attack.opened()
    position, _, header = attack.random.choice(of_desks(attack, opened))
    at = opened.of(ENTRY)[position - 1]
    opened.frames.insert(at, _made(opened, header.replica, header.seq))
    data = opened.signed(attack.hub).data()
    last = attack.proven_by(position)
    return Forgery("hub invents an operation", data, position, last, frozenset({header.replica}))


def change_verdict(attack: Attack) -> Forgery:
    """Another verdict, before a position that a desk signed."""
    opened = attack.opened()
    position = attack.random.randint(1, last_signed(opened))
    _alter(opened.entries[position - 1], attack.random)
    data = opened.signed(attack.hub).data()
    return Forgery("hub changes a verdict", data, position, attack.proven_by(position))


def reorder(attack: Attack) -> Forgery:
    """Two entries in another order, before a position that a desk signed."""
    opened = attack.opened()
    first = opened.of(ENTRY)[0]
    a, b = sorted(attack.random.sample(range(last_signed(opened)), 2))
    frames = opened.frames
    frames[first + a], frames[first + b] = frames[first + b], frames[first + a]
    data = opened.signed(attack.hub).data()
    return Forgery("hub reorders", data, a + 1, attack.proven_by(a + 1))


def of_desks(attack: Attack, opened: Opened) -> list[Any]:
    """What desks wrote before the first restore: behind one a signature may be missing."""
    desks = {msgspec.msgpack.decode(opened.frames[at][1])[3][0] for at in opened.of(REPLICA)}
    words = [msgspec.msgpack.decode(frame[1]) for frame in opened.entries]
    restored = next((at for at, word in enumerate(words, 1) if word[0] == 3), len(words) + 1)
    return [each for each in opened.placed() if each[2].replica in desks and each[0] < restored]


def last_signed(opened: Opened) -> int:
    return max(opened.frames[at][2][0][2] for at in opened.of(COUNTERSIGNATURE))


FORGERIES: tuple[Callable[[Attack], Forgery], ...] = (
    flip,
    cut_file,
    add_bytes,
    drop_entry,
    repeat_entry,
    swap_entries,
    replace_body,
    withhold_body,
    drop_frame,
    repeat_frame,
    other_seal,
    odd_header,
    bomb,
    of_two_times,
    of_two_hubs,
    swap_signatures,
    change_word,
    drop_and_rechain,
    swap_and_rechain,
    foreign_operation,
    other_receipt,
    other_hub,
    rewrite_operation,
    remove_operation,
    append_operation,
    invent_operation,
    change_verdict,
    reorder,
)
