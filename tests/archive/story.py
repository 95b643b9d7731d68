"""A channel in which everything happened that an archive can hold, made of the protocol alone.

Two PCs, one of them forked, frozen and minted anew; a gap that closed, a branch, copies, a refusal,
an erasure, a restore of the hub, a closing. The log is kept as the bytes that went into it.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

from sync_protocol import agree, archive, crypto, enrol, envelope, mint, operations
from sync_protocol import channel as protocol
from sync_protocol.channel import Cursor
from sync_protocol.enrol import Certificate, Grant, HubKeys, ReplicaKeys
from sync_protocol.operations import Header, Operation, Write

NOW = 1_795_150_800_000
CHANNEL, REGION = b"channel-channel-", b"region--region--"
HELD, REFUSED, ACCEPTED = range(3)


def key(random_bytes: random.Random) -> bytes:
    return random_bytes.randbytes(32)


@dataclass
class Chain:
    """One replica's chain as its writer has it."""

    keys: ReplicaKeys
    enrolment: bytes
    seq: int = 0
    link: bytes = b""
    written: list[Operation] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.link = operations.first_link(self.keys.replica)

    def head(self) -> operations.Head:
        return operations.Head(self.keys.replica, self.seq, self.link)


class Story:
    """The log as it grows; `entries` are (entry bytes, operation's parts or None)."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.hub = HubKeys(key(self.random), key(self.random))
        self.epochs = [self.random.randbytes(16)]
        self.entries: list[tuple[bytes, archive.Parts | None]] = []
        self.digests = [protocol.first_digest(CHANNEL)]
        self.replicas: list[archive.ReplicaFrame] = []
        self.heads: dict[tuple[bytes, int, bytes], bytes] = {}
        self.countersigned: dict[bytes, archive.CountersignatureFrame] = {}
        self.hub_chain = self.hub_chain_of_now()
        self.first = self.enrol(self.random.randbytes(16))
        self.second = self.enrol(self.random.randbytes(16))

    # --- who -------------------------------------------------------------------------------------

    def hub_chain_of_now(self) -> Chain:
        id_of = (self.hub.public.id, CHANNEL, self.epochs[-1])
        replica = crypto.digest(b"bianmin/hub-replica", *id_of)[:16]
        return Chain(ReplicaKeys(replica, key(self.random), key(self.random)), b"")

    def keys(self) -> ReplicaKeys:
        return ReplicaKeys(self.random.randbytes(16), key(self.random), key(self.random))

    def certificate(
        self,
        keys: ReplicaKeys,
        enrolment: bytes,
        channel: bytes = CHANNEL,
        hub: HubKeys | None = None,
    ) -> tuple[bytes, bytes]:
        """Certificate bytes and the hub's signature."""
        hub = hub or self.hub
        grants = [Grant(channel, "station", "140581"), Grant(REGION, "region", "140581")]
        made = Certificate(
            enrol.VERSION_HIGHEST,
            hub.public.id,
            enrolment,
            keys.public,
            "140581001",
            "便民服务站",
            grants,
            self.epochs[0],
            NOW,
        )
        data = envelope.pack(made)
        return data, crypto.sign(hub.signing, b"bianmin/certificate", data)

    def enrol(self, enrolment: bytes, parent: Chain | None = None) -> Chain:
        keys = self.keys()
        introduction = None
        if parent is not None:
            minted = mint.mint(parent.keys, enrolment, keys.public)
            old = self.certificate(parent.keys, enrolment)
            introduction = mint.Introduction(*old, minted)
        self.replicas.append(archive.ReplicaFrame(*self.certificate(keys, enrolment), introduction))
        return Chain(keys, enrolment)

    # --- what ------------------------------------------------------------------------------------

    @property
    def position(self) -> int:
        return len(self.entries)

    def write(self, chain: Chain, record: bytes | None = None, text: str = "王芳") -> Operation:
        """The chain's next operation."""
        header = Header(
            1,
            chain.keys.replica,
            chain.seq + 1,
            NOW + self.position,
            b"clerk-clerk-cler",
            record or self.random.randbytes(16),
            "intake_case",
            1,
        )
        return self.take(
            chain, operations.compose(header, self.random.randbytes(16), [Write("a", text)])
        )

    def take(self, chain: Chain, operation: Operation) -> Operation:
        chain.seq += 1
        chain.link = operations.next_link(chain.link, operation.name)
        chain.written.append(operation)
        return operation

    def place(
        self,
        operation: Operation,
        verdict: int = ACCEPTED,
        code: str = "",
        base: bytes | None = None,
        effective: int | None = None,
    ) -> None:
        at = NOW + self.position + 1000
        if effective is None:
            effective = protocol.effective_stamp(operation.header.stamp, at)
        entry = protocol.place(operation.name, operation.identity, verdict, code, effective, at)
        digest = None if operation.body is not None else operation.body_digest
        parts = (operation.header_bytes, operation.body, digest, base)
        self.append(protocol.entry_bytes(entry), parts)

    def append(self, data: bytes, parts: archive.Parts | None = None) -> None:
        self.entries.append((data, parts))
        self.digests.append(protocol.next_digest(self.digests[-1], data))

    def say(self, word: protocol.Entry) -> None:
        self.append(protocol.entry_bytes(word))

    def sign(self, chain: Chain, replaces: tuple[int, bytes] | None = None) -> None:
        """A signature of the chain's head, which covers that over an earlier one."""
        replica = chain.keys.replica
        if replaces is not None:
            self.heads.pop((replica, *replaces), None)
        self.heads[replica, chain.seq, chain.link] = operations.sign_head(
            chain.keys.signing, chain.head()
        )

    def push(self, chain: Chain, count: int = 1, verdict: int = ACCEPTED, code: str = "") -> None:
        """A run that is placed as it comes."""
        before = (chain.seq, chain.link)
        for _ in range(count):
            self.place(self.write(chain), verdict, code)
        self.sign(chain, before)

    def hide_one(self, code: str) -> Operation:
        """The first PC's next operation gets no place; the one after it, which this gives, is held
        for `code`."""
        self.write(self.first)
        base, after = self.first.link, self.write(self.first)
        self.place(after, HELD, code, base=base)
        self.sign(self.first)
        return after

    def countersign(self, chain: Chain, position: int | None = None) -> None:
        cursor = self.cursor(self.position if position is None else position)
        signed = agree.countersign(chain.keys.signing, chain.keys.replica, cursor)
        replica = chain.keys.replica
        self.countersigned[replica] = archive.CountersignatureFrame(replica, signed, NOW)

    def cursor(self, position: int | None = None) -> Cursor:
        position = self.position if position is None else position
        return Cursor(CHANNEL, self.epochs[-1], position, self.digests[position])

    def receipt(self) -> protocol.Receipt:
        """What the hub gives everybody who reads the channel up to here."""
        return agree.sign_receipt(self.hub.signing, self.cursor(), NOW + self.position)

    def restore(self) -> None:
        """The hub went on from a backup that held all there is."""
        old, at = self.epochs[-1], NOW + self.position
        self.epochs.append(self.random.randbytes(16))
        self.say(protocol.EpochEntry(old, self.position, self.digests[-1], at))
        self.hub_chain = self.hub_chain_of_now()

    # --- as an archive ---------------------------------------------------------------------------

    def frames(self) -> list[archive.Frame]:
        public = self.hub.public
        epochs = list(self.epochs)
        found: list[archive.Frame] = [
            archive.ChannelFrame(public, CHANNEL, "station", "140581", "140581001", epochs, [])
        ]
        found += self.replicas
        found += [archive.HeadFrame(*head, made) for head, made in sorted(self.heads.items())]
        found += [each for _, each in sorted(self.countersigned.items())]
        digests = self.digests[1:]
        found += [
            archive.EntryFrame(e[0], d, e[1]) for e, d in zip(self.entries, digests, strict=True)
        ]
        return [*found, archive.ReceiptFrame(self.receipt())]

    def data(self) -> bytes:
        return b"".join(archive.written(self.frames(), self.hub.signing))


def plain_story(seed: int = 5) -> Story:
    """Ordinary runs of two PCs, and nobody countersigned."""
    story = Story(seed)
    story.place(story.write(story.hub_chain))
    for chain in (story.first, story.second, story.first, story.second):
        story.push(chain, 2)
    return story


def everything(seed: int, acts: int = 2, at_rest: Callable[[Story], None] | None = None) -> Story:
    """The whole story; `acts`: how many ordinary runs there are between the events; `at_rest` is
    called wherever an exchange has ended."""
    story = Story(seed)
    first, second = story.first, story.second
    story.place(story.write(story.hub_chain))

    def ordinary() -> None:
        for _ in range(acts):
            story.push(story.random.choice([first, second]), story.random.randint(1, 3))
            rest()

    def rest() -> None:
        if at_rest is not None:
            at_rest(story)

    ordinary()
    story.push(first, 1, REFUSED, "check:remark:too_long")
    story.countersign(first)
    _gap(story, second)
    rest()
    _erase(story, second)
    ordinary()
    story.countersign(second)
    third = _fork(story, first)
    rest()
    story.push(third, acts)
    story.place(story.write(story.hub_chain))
    rest()
    story.restore()
    story.place(story.write(story.hub_chain))
    story.push(third, acts)
    story.push(second, acts)
    rest()
    story.say(protocol.ClosingEntry(NOW + 10**9, NOW))
    story.countersign(third)
    rest()
    return story


def _gap(story: Story, chain: Chain) -> None:
    """Two operations come before the two that they follow."""
    before = (chain.seq, chain.link)
    late = [story.write(chain) for _ in range(2)]
    middle = (chain.seq, chain.link)
    story.sign(chain, before)
    base = chain.link
    early = []
    for _ in range(2):
        early.append((story.write(chain), base))
        base = chain.link
    story.sign(chain)
    for operation, link in early:
        story.place(operation, HELD, "gap", base=link)
    for operation in late:
        story.place(operation)
    for operation, _ in early:
        story.say(protocol.VerdictEntry(operation.name, ACCEPTED, "", NOW))
    assert middle in {(seq, link) for _, seq, link in story.heads}


def _erase(story: Story, chain: Chain) -> None:
    """A record whose bodies are gone, everywhere."""
    record = story.random.randbytes(16)
    before, start = (chain.seq, chain.link), story.position
    for _ in range(2):
        story.place(story.write(chain, record))
    story.sign(chain, before)
    story.say(protocol.ErasureEntry(record, NOW))
    for at in (start, start + 1):
        data, parts = story.entries[at]
        assert parts is not None
        header, body, _, base = parts
        assert body is not None
        story.entries[at] = (data, (header, None, operations.digest_of_body(body), base))


def _fork(story: Story, chain: Chain) -> Chain:
    """A clone wrote under the same seq; the PC goes on as another replica, with a copy."""
    clone = Chain(chain.keys, chain.enrolment)
    clone.seq, clone.link = chain.seq, chain.link
    story.push(chain)
    base = clone.link
    story.place(story.write(clone, text="克隆"), HELD, "fork", base=base)
    story.sign(clone)
    story.say(protocol.FreezeEntry(chain.keys.replica, "fork", NOW))
    story.push(chain, 1, HELD, "frozen")
    minted = story.enrol(chain.enrolment, parent=chain)
    copy = mint.issue_again(chain.written[-1], minted.head())
    story.place(story.take(minted, copy))
    story.sign(minted)
    story.say(protocol.VerdictEntry(clone.written[-1].name, REFUSED, "county", NOW))
    return minted
