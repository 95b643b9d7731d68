"""Archives each of which breaks one rule and no other: without the check of that rule they stand.

The hub's keys, and some desks', are in the forger's hands: digests, receipts and seals fit.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from sync_protocol import archive, crypto, mint, operations
from sync_protocol import channel as protocol
from sync_protocol.enrol import ReplicaKeys
from tests.archive.forging import RECEIPT, Opened, resealed
from tests.archive.story import ACCEPTED, HELD, NOW, REFUSED, Chain, plain_story


def kept_digest() -> bytes:
    story, opened = plain_story(), Opened(plain_story().data())
    opened.entries[3][2] = bytes(32)
    return opened.sealed(story.hub).data()


def content() -> bytes:
    def change(opened: Opened) -> None:
        opened.entries[3][3][1] = b"\x93\xc4\x00\x90\x90"

    return resealed(plain_story(), change)


def other_place() -> bytes:
    """A copy under a first name that is not its own."""
    story = plain_story()
    copy = mint.issue_again(story.first.written[0], story.second.head())
    story.take(story.second, copy)
    story.place(copy)
    story.sign(story.second)

    def change(opened: Opened) -> None:
        word = msgspec.msgpack.decode(opened.entries[-1][1])
        word[2] = story.first.written[1].name
        opened.entries[-1][1] = msgspec.msgpack.encode(word)

    return resealed(story, change)


def own_certificate() -> bytes:
    """A PC that another hub enrolled, as if it were this one's."""
    story = plain_story()
    chain = Chain(story.keys(), bytes(16))
    data, _ = story.certificate(chain.keys, bytes(16))
    signature = crypto.sign(bytes(32), b"bianmin/certificate", data)
    story.replicas.append(archive.ReplicaFrame(data, signature, None))
    story.push(chain)
    return story.data()


def second_of_an_enrolment() -> bytes:
    story = plain_story()
    story.push(story.enrol(story.first.enrolment))
    return story.data()


def minted_by_a_stranger() -> bytes:
    story = plain_story()
    stranger = Chain(story.keys(), story.first.enrolment)
    story.push(story.enrol(story.second.enrolment, parent=stranger))
    chain = story.replicas[-1].introduction
    assert chain is not None
    genuine = story.certificate(story.first.keys, story.second.enrolment)
    story.replicas[-1] = archive.ReplicaFrame(
        story.replicas[-1].certificate,
        story.replicas[-1].signature,
        mint.Introduction(*genuine, chain.mint),
    )
    return story.data()


def forged_head() -> bytes:
    story = plain_story()
    place = max(story.heads)
    story.heads[place] = bytes(64)
    return story.data()


def head_of_what_is_gone() -> bytes:
    story = plain_story()
    story.entries.pop()
    story.digests.pop()
    return story.data()


def unsigned() -> bytes:
    story = plain_story()
    story.place(story.write(story.first))
    return story.data()


def forged_countersignature() -> bytes:
    story = plain_story()
    story.countersign(Chain(story.keys(), b""))
    return story.data()


def rewritten_after_countersigning() -> bytes:
    story = plain_story()
    story.countersign(story.first)
    return resealed(story, reworded)


def cut_below_a_countersignature() -> bytes:
    story = plain_story()
    story.say(protocol.ClosingEntry(NOW, NOW))
    story.countersign(story.first)
    story.entries.pop()
    story.digests.pop()
    return story.data()


def desk_of_another_channel() -> bytes:
    story = plain_story()
    chain = Chain(story.keys(), bytes(16))
    certificate = story.certificate(chain.keys, bytes(16), channel=bytes(16))
    story.replicas.append(archive.ReplicaFrame(*certificate, None))
    story.push(chain)
    return story.data()


def missing_of_the_hub() -> bytes:
    story = plain_story()
    story.write(story.hub_chain)
    story.place(story.write(story.hub_chain))
    return story.data()


def behind_a_gap_and_accepted() -> bytes:
    story = plain_story()
    story.write(story.first)
    base = story.first.link
    story.place(story.write(story.first), base=base)
    story.sign(story.first)
    return story.data()


def accepted_before_the_gap_closed() -> bytes:
    story = plain_story()
    story.write(story.first)
    base = story.first.link
    operation = story.write(story.first)
    story.place(operation, HELD, "gap", base=base)
    story.sign(story.first)
    story.say(protocol.VerdictEntry(operation.name, ACCEPTED, "", NOW))
    return story.data()


def a_fast_clock_wins() -> bytes:
    story = plain_story()
    before = (story.first.seq, story.first.link)
    story.place(story.write(story.first), effective=NOW + 10**9)
    story.sign(story.first, before)
    return story.data()


def copy_of_another_act() -> bytes:
    story = plain_story()
    copy = mint.issue_again(story.first.written[0], story.second.head())
    header = msgspec.structs.replace(copy.header, clerk=b"another-clerk-id")
    parts = (operations.header_bytes(header), copy.body, copy.body_digest)
    story.place(story.take(story.second, operations.Operation(header, *parts)))
    story.sign(story.second)
    return story.data()


def verdict_on_nothing() -> bytes:
    story = plain_story()
    story.say(protocol.VerdictEntry(bytes(32), ACCEPTED, "", NOW))
    return story.data()


def accepted_after_a_freeze() -> bytes:
    story = plain_story()
    story.say(protocol.FreezeEntry(story.first.keys.replica, "fork", NOW))
    story.push(story.first)
    return story.data()


def accepted_after_a_revocation() -> bytes:
    story = plain_story()
    story.say(protocol.RevocationEntry(story.second.enrolment, "stolen", NOW))
    story.push(story.second)
    return story.data()


def body_withheld() -> bytes:
    def change(opened: Opened) -> None:
        parts = opened.entries[3][3]
        parts[1:3] = [None, operations.digest_of_body(parts[1])]

    return resealed(plain_story(), change)


def accepted_after_an_erasure() -> bytes:
    """What nobody could ever read is accepted."""
    story = plain_story()
    record = story.random.randbytes(16)
    story.say(protocol.ErasureEntry(record, NOW))
    before = (story.first.seq, story.first.link)
    made = story.write(story.first, record)
    header, digest = made.header_bytes, made.body_digest
    story.place(operations.received(header, None, digest))
    story.sign(story.first, before)
    return story.data()


def epoch_that_kept_less() -> bytes:
    story = plain_story()
    old = story.epochs[-1]
    story.epochs.append(bytes(16))
    story.say(protocol.EpochEntry(old, 3, story.digests[3], NOW))
    return story.data()


def epoch_without_an_entry() -> bytes:
    story = plain_story()
    story.epochs.append(bytes(16))
    return story.data()


def other_receipt() -> bytes:
    story = plain_story()
    opened = Opened(story.data())
    opened.frames[opened.of(RECEIPT)[0]][1][2] = bytes(64)
    return opened.sealed(story.hub).data()


def other_frame() -> bytes:
    opened = Opened(plain_story().data())
    opened.frames[0].append("what the hub did not say")
    return opened.data()


def own_mint() -> bytes:
    """A second PC of an enrolment, certified by the hub, that nobody but itself minted."""
    story = plain_story()
    keys, enrolment = story.keys(), story.first.enrolment
    genuine = story.certificate(keys, enrolment)
    introduction = mint.Introduction(*genuine, mint.mint(keys, enrolment, keys.public))
    story.replicas.append(archive.ReplicaFrame(*genuine, introduction))
    story.push(Chain(keys, enrolment))
    return story.data()


def desk_under_the_countys_id() -> bytes:
    story = plain_story()
    own = story.keys()
    keys = ReplicaKeys(story.hub_chain.keys.replica, own.signing, own.sealing)
    story.replicas.append(archive.ReplicaFrame(*story.certificate(keys, bytes(16)), None))
    return story.data()


def relabelled() -> bytes:
    """The history of one station as that of another."""
    story, opened = plain_story(), Opened(plain_story().data())
    opened.frames[0][5] = "140581002"
    return opened.sealed(story.hub).data()


def without_receipt() -> bytes:
    story, opened = plain_story(), Opened(plain_story().data())
    del opened.frames[opened.of(RECEIPT)[0]]
    return opened.sealed(story.hub).data()


def other_bytes_of_the_seal() -> bytes:
    opened = Opened(plain_story().data())
    opened.frames[-1].append("what nobody signed")
    return opened.data()


def hidden_behind_a_fork() -> bytes:
    """The hub drops an operation, says that the next one is a clone's, and accepts that."""
    story = plain_story()
    after = story.hide_one("fork")
    story.say(protocol.VerdictEntry(after.name, ACCEPTED, "", NOW))
    return story.data()


def hidden_behind_a_gap() -> bytes:
    """The same in two steps."""
    story = plain_story()
    after = story.hide_one("gap")
    story.say(protocol.VerdictEntry(after.name, HELD, "fork", NOW))
    story.say(protocol.VerdictEntry(after.name, ACCEPTED, "", NOW))
    return story.data()


def placed_again_after_a_restore() -> bytes:
    story = plain_story()
    story.restore()
    story.place(story.first.written[0])
    return story.data()


def copy_of_another_desks_act() -> bytes:
    story = plain_story()
    other = Chain(story.keys(), bytes(16))
    certificate = story.certificate(other.keys, bytes(16), channel=bytes(16))
    story.replicas.append(archive.ReplicaFrame(*certificate, None))
    copy = mint.issue_again(story.write(other), story.second.head())
    story.place(story.take(story.second, copy))
    story.sign(story.second)
    return story.data()


def copy_by_the_county() -> bytes:
    """The hub's chain needs no signature: it could say anything in a desk's name."""
    story = plain_story()
    never = story.write(Chain(story.first.keys, story.first.enrolment))
    story.place(story.take(story.hub_chain, mint.issue_again(never, story.hub_chain.head())))
    return story.data()


def county_before_its_epoch() -> bytes:
    story = plain_story()
    old, story.epochs = story.epochs, [bytes(16)]
    early, story.epochs = story.hub_chain_of_now(), old
    story.place(story.write(early))
    story.epochs.append(bytes(16))
    story.say(protocol.EpochEntry(old[0], story.position, story.digests[-1], NOW))
    return story.data()


def verdict_beyond_all() -> bytes:
    """Neither accepted nor not: its body could be withheld, a frozen PC could have it."""

    def change(opened: Opened) -> None:
        word = msgspec.msgpack.decode(opened.entries[3][1])
        word[2], parts = 3, opened.entries[3][3]
        opened.entries[3][1] = msgspec.msgpack.encode(word)
        parts[1:3] = [None, operations.digest_of_body(parts[1])]

    return resealed(plain_story(), change)


def verdict_lowered() -> bytes:
    story = plain_story()
    story.say(protocol.VerdictEntry(story.first.written[0].name, REFUSED, "county", NOW))
    return story.data()


def epoch_that_stands_twice() -> bytes:
    story = plain_story()
    story.epochs *= 2
    story.say(protocol.EpochEntry(story.epochs[0], story.position, story.digests[-1], NOW))
    return story.data()


def lost_epoch_that_no_entry_names() -> bytes:
    story, opened = plain_story(), Opened(plain_story().data())
    opened.frames[0][7] = [bytes(16)]
    return opened.sealed(story.hub).data()


def reworded(opened: Opened) -> None:
    word = msgspec.msgpack.decode(opened.entries[0][1])
    word[5] += 1
    opened.entries[0][1] = msgspec.msgpack.encode(word)


NEEDED: dict[str, tuple[Callable[[], bytes], ...]] = {
    "entry": (kept_digest,),
    "name": (content,),
    "place": (other_place,),
    "certificate": (own_certificate, desk_under_the_countys_id),
    "label": (relabelled,),
    "mint": (second_of_an_enrolment, minted_by_a_stranger, own_mint),
    "head": (forged_head, head_of_what_is_gone),
    "unsigned": (unsigned,),
    "countersignature": (forged_countersignature,),
    "countersigned": (rewritten_after_countersigning,),
    "beyond": (cut_below_a_countersignature,),
    "author": (desk_of_another_channel, county_before_its_epoch),
    "order": (missing_of_the_hub, placed_again_after_a_restore),
    "gap": (behind_a_gap_and_accepted, accepted_before_the_gap_closed),
    "fork": (hidden_behind_a_fork, hidden_behind_a_gap),
    "effective": (a_fast_clock_wins,),
    "copy": (copy_of_another_act, copy_of_another_desks_act, copy_by_the_county),
    "verdict": (verdict_on_nothing, verdict_beyond_all, verdict_lowered),
    "barred": (accepted_after_a_freeze, accepted_after_a_revocation),
    "body": (body_withheld,),
    "erased": (accepted_after_an_erasure,),
    "epoch": (
        epoch_that_kept_less,
        epoch_without_an_entry,
        epoch_that_stands_twice,
        lost_epoch_that_no_entry_names,
    ),
    "receipt": (other_receipt, without_receipt),
    "seal": (other_frame, other_bytes_of_the_seal),
}
