"""What a hub can do with all its keys that breaks a rule: digests, receipt and seal fit each time.

None of these needs a countersignature or a witness to be found.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from sync_protocol import channel as protocol
from sync_protocol import crypto, operations
from tests.archive.forging import (
    ENTRY,
    RECEIPT,
    REPLICA,
    Attack,
    Forgery,
    Opened,
    last_signed,
    of_desks,
)

EPOCH = 3
ODD: tuple[Any, ...] = ([], {}, True, None, 1.5)


def _word(frame: list[Any]) -> list[Any]:
    return list(msgspec.msgpack.decode(frame[1]))


def _say(frame: list[Any], word: list[Any]) -> None:
    frame[1] = msgspec.msgpack.encode(word)


def _insert(opened: Opened, position: int, word: list[Any], parts: list[Any] | None = None) -> None:
    """A new entry at this position."""
    data = msgspec.msgpack.encode(word)
    opened.frames.insert(opened.of(ENTRY)[0] + position - 1, [ENTRY, data, b"", parts])


def _restored(opened: Opened) -> int:
    return next(n for n, frame in enumerate(opened.entries, 1) if _word(frame)[0] == EPOCH)


def no_receipt(attack: Attack) -> Forgery:
    """Nothing says where it ends: what was cut off, countersigned or not, is not asked for."""
    opened = attack.opened()
    for at in reversed(opened.of(ENTRY)[attack.some_entry() :]):
        del opened.frames[at]
    del opened.frames[opened.of(RECEIPT)[0]]
    seal = len(opened.frames)
    data = opened.rechained().sealed(attack.hub).data()
    return Forgery("no receipt", data, frames=range(seal, seal + 1))


def odd_word(attack: Attack) -> Forgery:
    """An entry that nobody could read: a value short, or of another kind."""
    opened, position = attack.opened(), attack.some_entry()
    frame = opened.entries[position - 1]
    word = _word(frame)
    if attack.random.random() < 0.5:
        word.pop()
    else:
        word[attack.random.randrange(len(word))] = attack.random.choice(ODD)
    _say(frame, word)
    data = opened.signed(attack.hub).data()
    return Forgery("an entry nobody can read", data, position, position)


def no_kind(attack: Attack) -> Forgery:
    """An entry of a kind that there never will be."""
    opened, position = attack.opened(), attack.some_entry()
    _insert(opened, position, [-attack.random.randrange(200), attack.random.randbytes(9)])
    data = opened.signed(attack.hub).data()
    return Forgery("an entry of no kind", data, position, position)


def no_verdict(attack: Attack) -> Forgery:
    """A verdict that there is not, or one that has the code of another."""
    opened = attack.opened()
    position, frame, _ = attack.random.choice(opened.placed())
    word, at = _word(frame), -4
    word[at] = attack.random.choice([-1, 3, 255]) if attack.random.random() < 0.5 else word[at]
    word[at + 1] = "" if word[at + 1] else "late"
    _say(frame, word)
    return Forgery("no verdict", opened.signed(attack.hub).data(), position, position)


def lower_verdict(attack: Attack) -> Forgery:
    """What was accepted is refused or held later."""
    opened = attack.opened()
    accepted = [(n, _word(f)) for n, f, _ in opened.placed() if _word(f)[-4] == 2]
    first, word = attack.random.choice(accepted)
    position = attack.random.randint(first + 1, len(opened.entries))
    verdict = attack.random.choice([[0, "late"], [1, "county"]])
    _insert(opened, position, [2, word[-5], *verdict, word[-1]])
    data = opened.signed(attack.hub).data()
    return Forgery("a lower verdict", data, position, position)


def place_again(attack: Attack) -> Forgery:
    """One operation in two places."""
    opened = attack.opened()
    first, frame, _ = attack.random.choice(opened.placed())
    position = attack.random.randint(first + 1, len(opened.entries))
    _insert(opened, position, _word(frame), frame[3])
    return Forgery("placed again", opened.signed(attack.hub).data(), position, position)


def false_fork(attack: Attack) -> Forgery:
    """An operation never was, and the next one stands beside the chain, as if of a clone."""
    opened = attack.opened()
    desks = of_desks(attack, opened)
    nexts = {(header.replica, header.seq): frame for _, frame, header in desks}
    hidden = [e for e in desks if (e[2].replica, e[2].seq + 1) in nexts and not e[1][3][3]]
    hidden = [e for e in hidden if not nexts[e[2].replica, e[2].seq + 1][3][3]]
    position, frame, header = attack.random.choice(hidden)
    after = nexts[header.replica, header.seq + 1]
    after[3][3] = _link(opened, header)
    word = _word(after)
    word[-4:-2] = [0, "fork"]
    _say(after, word)
    opened.frames.remove(frame)
    data, last = opened.signed(attack.hub).data(), opened.entries.index(after) + 1
    # A verdict on what is gone, or its copy's, may come first.
    whose = frozenset({header.replica})
    return Forgery("a fork that was none", data, position, last, whose)


def _link(opened: Opened, header: operations.Header) -> bytes:
    """The link at an operation."""
    link = operations.first_link(header.replica)
    own = {h.seq: f for _, f, h in reversed(opened.placed()) if h.replica == header.replica}
    for seq in range(1, header.seq + 1):
        link = operations.next_link(link, _word(own[seq])[1])
    return link


def other_station(attack: Attack) -> Forgery:
    """One station's history under another's number, region, or as another kind of channel."""
    opened = attack.opened()
    at, other = attack.random.choice([(3, "office"), (4, "140582"), (5, "140581002"), (5, "")])
    opened.frames[0][at] = other
    frames = range(1, 2 + len(opened.of(REPLICA)))
    return Forgery("another station's name", opened.sealed(attack.hub).data(), frames=frames)


def spoken_label(attack: Attack) -> Forgery:
    """A station's number that says what the verifier would say."""
    opened = attack.opened()
    opened.frames[0][attack.random.choice([4, 5])] += "\n平台公钥指纹 " + "0" * 64
    data = opened.sealed(attack.hub).data()
    return Forgery("a label that speaks", data, frames=range(1, 2))


def own_mint(attack: Attack) -> Forgery:
    """One more PC of an enrolment, that minted itself."""
    opened = attack.opened()
    at = attack.random.choice(opened.of(REPLICA))
    certificate = msgspec.msgpack.decode(opened.frames[at][1])
    secret = attack.random.randbytes(32)
    keys = [attack.random.randbytes(16), crypto.signing_public(secret), bytes(32)]
    certificate[3] = keys
    data = msgspec.msgpack.encode(certificate)
    told = [data, crypto.sign(attack.hub.signing, b"bianmin/certificate", data)]
    made = crypto.sign(secret, b"bianmin/mint", certificate[2], *keys)
    last = opened.of(REPLICA)[-1] + 1
    opened.frames.insert(last, [REPLICA, *told, [*told, [keys, made]]])
    forged = opened.sealed(attack.hub).data()
    return Forgery("a PC that minted itself", forged, replicas=frozenset({keys[0]}))


def odd_length(attack: Attack) -> Forgery:
    """An id, a key, a link or a digest that is longer or shorter."""
    opened = attack.opened()
    loose = [n for n, frame in enumerate(opened.frames) if frame[0] != ENTRY]
    at = attack.random.choice([n for n in loose if any(_ids(opened.frames[n]))])
    values, n = attack.random.choice(list(_ids(opened.frames[at])))
    values[n] = attack.random.choice([values[n][:-1], values[n] + b"\0", b""])
    frames = range(
        at + 1, at + 2 + (at == 0)
    )  # by other keys the first certificate is not the hub's
    return Forgery("an odd length", opened.sealed(attack.hub).data(), frames=frames)


def _ids(values: list[Any]) -> Iterator[tuple[list[Any], int]]:
    for n, value in enumerate(values):
        if isinstance(value, list):
            yield from _ids(value)
        elif isinstance(value, bytes) and len(value) in (16, 32):
            yield values, n


def other_epoch(attack: Attack) -> Forgery:
    """The restore ended another epoch, kept another number, or had another digest."""
    opened = attack.opened()
    position = _restored(opened)
    frame = opened.entries[position - 1]
    word, at = _word(frame), attack.random.choice([1, 2, 3])
    word[at] = word[at] + attack.random.choice([-1, 1]) if at == 2 else word[at][::-1]
    _say(frame, word)
    return Forgery("another epoch", opened.signed(attack.hub).data(), position, position)


def same_epoch(attack: Attack) -> Forgery:
    """An epoch that stands twice: a receipt of the one would be void for the other."""
    opened = attack.opened()
    opened.frames[0][attack.random.choice([6, 7])].append(opened.frames[0][6][0])
    data = opened.signed(attack.hub).data()
    return Forgery("an epoch twice", data, frames=range(1, 2))


def early_county(attack: Attack) -> Forgery:
    """The county's word of an epoch that had not begun, or that no entry names."""
    opened = attack.opened()
    position, epoch = attack.random.randint(1, _restored(opened)), opened.frames[0][6][-1]
    if attack.random.random() < 0.5:
        epoch = attack.random.randbytes(16)
        opened.frames[0][7].append(epoch)
    replica = protocol.hub_replica(attack.hub.public.id, opened.frames[0][2], epoch)
    _write(opened, position, replica, 1)
    return Forgery("the county too early", opened.signed(attack.hub).data(), position, position)


def county_copy(attack: Attack) -> Forgery:
    """The county's own chain brings what a desk is said to have written."""
    opened = attack.opened()
    position = attack.random.randint(2, _restored(opened))
    epoch = opened.frames[0][6][0]
    replica = protocol.hub_replica(attack.hub.public.id, opened.frames[0][2], epoch)
    _, _, header = attack.random.choice(of_desks(attack, opened))
    seq = sum(h.replica == replica for n, _, h in opened.placed() if n < position) + 1
    _write(opened, position, replica, seq, msgspec.structs.replace(header, origin=None))
    return Forgery("a copy by the county", opened.signed(attack.hub).data(), position, position)


def _write(
    opened: Opened, position: int, replica: bytes, seq: int, first: operations.Header | None = None
) -> None:
    """An accepted operation by this replica, alone or as a copy of another."""
    header = first or opened.placed()[0][2]
    origin = operations.header_bytes(header) if first else None
    header = msgspec.structs.replace(header, replica=replica, seq=seq, origin=origin)
    body = b"\x93\xc4\x10" + bytes(16) + b"\x90\x90"
    made = operations.received(operations.header_bytes(header), body)
    at = header.stamp
    entry = protocol.place(made.name, made.identity, 2, "", at, at)
    word = msgspec.msgpack.decode(protocol.entry_bytes(entry))
    _insert(opened, position, word, [made.header_bytes, body, None, None])


def hidden_body(attack: Attack) -> Forgery:
    """An accepted operation without its body, and nobody said that it is erased; or an erasure is
    slipped in behind it, where somebody has signed since."""
    opened = attack.opened()
    restored = _restored(opened)
    seen = [
        (n, frame, header)
        for n, frame, header in opened.placed()
        if n < restored and frame[3][1] is not None and _word(frame)[0::2][:2] == [1, 2]
    ]
    position, frame, header = attack.random.choice(seen)
    frame[3][1:3] = [None, operations.digest_of_body(frame[3][1])]
    is_said = attack.random.random() < 0.5 and position < last_signed(opened)
    last = attack.proven_by(position + 1) if is_said else position
    if is_said:
        _insert(opened, position + 1, [4, header.record, header.stamp])
    return Forgery("a hidden body", opened.signed(attack.hub).data(), position, last)


BY_RULES: tuple[Callable[[Attack], Forgery], ...] = (
    no_receipt,
    odd_word,
    no_kind,
    no_verdict,
    lower_verdict,
    place_again,
    false_fork,
    other_station,
    spoken_label,
    own_mint,
    odd_length,
    other_epoch,
    same_epoch,
    early_county,
    county_copy,
    hidden_body,
)
