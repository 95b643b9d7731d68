"""No archive that somebody altered stands: at least a hundred of every kind there is, and no check
of the verifier is there in vain.

    BIANMIN_SEED=7 pytest tests/archive      BIANMIN_PROOF=1: ten times as many
"""

import io
import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from hub_server import verify
from hub_server.verify import Checked, Fault, Verifier
from sync_protocol import agree, archive, crypto, mint, operations
from sync_protocol import channel as protocol
from sync_protocol.enrol import HubKeys
from tests import figures
from tests.archive.forging import ENTRY, FORGERIES, HEAD, RECEIPT, Attack, Opened
from tests.archive.story import ACCEPTED, CHANNEL, HELD, NOW, Chain, Story, everything

SEED = os.environ.get("BIANMIN_SEED", "1")
FORGED = 6_000 if os.environ.get("BIANMIN_PROOF") else 420
STORIES = 60 if os.environ.get("BIANMIN_PROOF") else 6


def read(data: bytes, *receipts: protocol.Receipt, fingerprint: str = "") -> Checked:
    given = [msgspec.to_builtins(each, builtin_types=(bytes,)) for each in receipts]
    return Verifier(map(list, given), fingerprint).read(io.BytesIO(data))


def attacks(count: int) -> Iterator[Attack]:
    """So many attacks on a few stories, each with a chance of its own."""
    stories = [everything(hash_of(f"{SEED} story {n}"), 1 + n % 3) for n in range(STORIES)]
    data = [story.data() for story in stories]
    for n in range(count):
        chance = random.Random(f"{SEED} attack {n}")
        yield Attack(data[n % STORIES], stories[n % STORIES].hub, chance)


def hash_of(text: str) -> int:
    return int.from_bytes(crypto.digest(b"story", text.encode())[:8], "big")


def test_every_forgery_is_refused_and_named() -> None:
    tried, passed, unnamed = Counter[str](), Counter[str](), Counter[str]()
    for n, attack in enumerate(attacks(FORGED)):
        forged = FORGERIES[n // STORIES % len(FORGERIES)](attack)
        if forged.data == attack.data:
            continue  # two equal things were swapped
        tried[forged.kind] += 1
        try:
            read(forged.data, fingerprint=forged.fingerprint)
        except Fault as fault:
            unnamed[f"{forged.kind}: {fault.code} {fault.where}"] += not forged.is_named_by(fault)
        else:
            passed[forged.kind] += 1
    refused = tried.total() - passed.total()
    figures.note(
        "archives",
        tried=tried.total(),
        kinds=len(tried),
        refused=refused,
        named=refused - unnamed.total(),
    )
    assert tried.total() > FORGED * 0.95
    assert len(tried) == len(FORGERIES)
    assert (+passed, +unnamed) == (Counter(), Counter())


def test_a_cut_tail_is_found_by_any_later_receipt() -> None:
    """Counted apart: an older archive under a new receipt is what the hub once was."""
    cut = found = alone = 0
    for n in range(STORIES):
        story, stages = told_in_stages(hash_of(f"{SEED} tail {n}"))
        for at, (data, _) in enumerate(stages):
            opened = Opened(data)
            opened.frames[opened.of(RECEIPT)[0]][1][1] += 10**9  # as if it were of today
            today = opened.signed(story.hub).data()
            alone += read(today).entries < story.position
            for _, later in stages[at + 1 :]:
                if later.cursor.position == read(today).entries:
                    continue
                cut += 1
                with pytest.raises(Fault) as fault:
                    read(today, later)
                end = read(today).entries
                found += fault.value.code == "witness_tail"
                assert fault.value.where["position"] > end
    figures.note("cut tails", tried=cut, found_by_a_witness=found, not_seen_without=alone)
    assert cut == found > STORIES * 10
    assert alone > 0  # what the archive alone cannot show


def told_in_stages(seed: int) -> tuple[Story, list[tuple[bytes, protocol.Receipt]]]:
    """The story, and what could have been exported and was signed each time it came to rest."""
    stages: list[tuple[bytes, protocol.Receipt]] = []
    return everything(seed, 3, lambda s: stages.append((s.data(), s.receipt()))), stages


# --- no check is there in vain -------------------------------------------------------------------


def plain_story(seed: int = 5) -> Story:
    """Ordinary runs of two PCs, and nobody countersigned."""
    story = Story(seed)
    story.place(story.write(story.hub_chain))
    for chain in (story.first, story.second, story.first, story.second):
        story.push(chain, 2)
    return story


def resealed(story: Story, change: Callable[[Opened], Any]) -> bytes:
    """Changed by who holds the hub's keys: digests, receipt and seal fit."""
    opened = Opened(story.data())
    change(opened)
    return opened.signed(story.hub).data()


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
    opened.frames[0][5] = "140581002"
    return opened.data()


NEEDED: dict[str, tuple[Callable[[], bytes], ...]] = {
    "entry": (kept_digest,),
    "name": (content,),
    "place": (other_place,),
    "certificate": (own_certificate,),
    "mint": (second_of_an_enrolment, minted_by_a_stranger),
    "head": (forged_head, head_of_what_is_gone),
    "unsigned": (unsigned,),
    "countersignature": (forged_countersignature,),
    "countersigned": (rewritten_after_countersigning,),
    "beyond": (cut_below_a_countersignature,),
    "author": (desk_of_another_channel,),
    "order": (missing_of_the_hub,),
    "gap": (behind_a_gap_and_accepted, accepted_before_the_gap_closed),
    "effective": (a_fast_clock_wins,),
    "copy": (copy_of_another_act,),
    "verdict": (verdict_on_nothing,),
    "barred": (accepted_after_a_freeze, accepted_after_a_revocation),
    "body": (body_withheld,),
    "epoch": (epoch_that_kept_less, epoch_without_an_entry),
    "receipt": (other_receipt,),
    "seal": (other_frame,),
}
# Off, the first of them is noticed as the other.
ALSO = {"order": {"unsigned"}, "head": {"unsigned"}}
READABLE = {"foreign", "form", "end"}  # without these nothing could be read at all
WITH_MORE = {"hub", "witness", "witness_hub", "witness_none", "witness_tail"}  # tested below


def test_each_check_has_something_that_only_it_finds() -> None:
    assert {*NEEDED, *READABLE, *WITH_MORE} == {*verify.WORDS}


def switch_off(monkeypatch: pytest.MonkeyPatch, *codes: str) -> None:
    real = verify.need
    monkeypatch.setattr(
        verify, "need", lambda holds, code, **w: real(holds or code in codes, code, **w)
    )


@pytest.mark.parametrize(
    ("code", "forge"), [(code, forge) for code, forges in NEEDED.items() for forge in forges]
)
def test_a_verifier_without_one_check_lets_its_forgery_pass(
    code: str, forge: Callable[[], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = forge()
    with pytest.raises(Fault) as fault:
        read(data)
    assert fault.value.code == code
    switch_off(monkeypatch, code, *ALSO.get(code, ()))
    read(data)


def test_the_fingerprint_tells_another_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs, ours = everything(1).data(), everything(2).hub.public.fingerprint.hex()
    with pytest.raises(Fault, match="hub"):
        read(theirs, fingerprint=ours)
    switch_off(monkeypatch, "hub")
    read(theirs, fingerprint=ours)


def witnesses() -> dict[str, tuple[bytes, protocol.Receipt]]:
    """Code → an archive that stands alone, and the receipt that tells against it."""
    story = plain_story()
    receipt, data = story.receipt(), story.data()
    other = HubKeys(bytes(32), bytes(32))
    by_other = msgspec.structs.replace(receipt, signature=crypto.sign(other.signing, b"x"))
    elsewhere = receipt_elsewhere(story)
    rewritten = resealed(story, reworded)
    story.say(protocol.ClosingEntry(NOW, NOW))
    return {
        "witness": (rewritten, receipt),
        "witness_tail": (data, story.receipt()),
        "witness_hub": (data, by_other),
        "witness_none": (data, elsewhere),
    }


def receipt_elsewhere(story: Story) -> protocol.Receipt:
    cursor = protocol.Cursor(bytes(16), story.epochs[0], 3, bytes(32))
    return agree.sign_receipt(story.hub.signing, cursor, NOW)


def reworded(opened: Opened) -> None:
    word = msgspec.msgpack.decode(opened.entries[0][1])
    word[5] += 1
    opened.entries[0][1] = msgspec.msgpack.encode(word)


@pytest.mark.parametrize("code", sorted(WITH_MORE - {"hub"}))
def test_a_witness_tells_what_the_archive_alone_does_not(
    code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, receipt = witnesses()[code]
    read(data)
    with pytest.raises(Fault) as fault:
        read(data, receipt)
    assert fault.value.code == code
    switch_off(monkeypatch, code)
    read(data, receipt)


# --- what stands ---------------------------------------------------------------------------------


def test_an_archive_of_everything_stands_against_all_its_receipts() -> None:
    receipts: list[protocol.Receipt] = []
    story = everything(3, 2, lambda s: receipts.append(s.receipt()))
    found = read(story.data(), *receipts, fingerprint=story.hub.public.fingerprint.hex())
    assert (found.entries, found.replicas, found.without_body) == (story.position, 3, 2)
    assert found.countersigned == found.witnessed == story.position
    assert (len(found.restores), found.unproven, found.given_up) == (1, [], [])


def test_what_came_back_after_a_restore_without_its_writers_signature_is_named() -> None:
    story = plain_story()
    early = [story.write(story.first) for _ in range(3)]
    story.restore()
    story.place(early[2])  # another PC had it, and the receipt for it
    story.place(early[0])
    found = read(story.data())
    assert found.unproven == [story.position - 1, story.position]
    story.place(early[1])
    story.sign(story.first)
    assert read(story.data()).unproven == []


def test_a_receipt_of_what_a_restore_lost_is_named_and_not_believed() -> None:
    story = plain_story()
    kept = story.position
    story.say(protocol.ClosingEntry(NOW, NOW))
    lost = story.receipt()
    story.entries.pop()
    story.digests.pop()
    story.restore()
    assert read(story.data(), lost).given_up == [kept + 1]


def test_a_receipt_of_an_epoch_that_is_lost_as_a_whole_is_void_only_if_the_restore_came_later() -> (
    None
):
    def restored(at: int) -> tuple[Story, protocol.Receipt]:
        story = plain_story()
        gone = protocol.Cursor(CHANNEL, bytes(16), story.position + 5, bytes(32))
        receipt = agree.sign_receipt(story.hub.signing, gone, at)
        story.restore()
        return story, receipt

    story, receipt = restored(NOW)
    assert read(story.data(), receipt).given_up == [receipt.cursor.position]
    story, receipt = restored(NOW + 10**9)
    with pytest.raises(Fault, match="witness_tail"):
        read(story.data(), receipt)


def test_an_entry_of_a_later_version_is_counted_and_not_read() -> None:
    story = plain_story()
    story.append(msgspec.msgpack.encode([9, b"what nobody knows yet", NOW]))
    assert read(story.data()).entries == story.position


def test_every_kind_of_frame_is_forged() -> None:
    opened = Opened(everything(1).data())
    assert {frame[0] for frame in opened.frames} == {1, 2, HEAD, 4, ENTRY, RECEIPT, 7}
    assert opened.frames[0][2] == CHANNEL


def test_a_receipt_of_a_lost_epoch_is_void_by_a_restore_that_the_log_tells_of_behind_it() -> None:
    story = plain_story()
    apart = protocol.Cursor(CHANNEL, bytes(16), story.position, bytes(32))
    receipt = agree.sign_receipt(story.hub.signing, apart, NOW)
    with pytest.raises(Fault, match="witness"):
        read(story.data(), receipt)
    story.restore()
    assert read(story.data(), receipt).given_up == [apart.position]
