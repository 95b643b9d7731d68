"""No archive that somebody altered stands: at least a hundred of every kind there is.

BIANMIN_SEED=7 pytest tests/archive      BIANMIN_PROOF=1: ten times as many
"""

import os
import random
from collections import Counter
from collections.abc import Iterator

import pytest

from hub_server.verify import Fault
from sync_protocol import agree, crypto
from sync_protocol import channel as protocol
from tests import figures
from tests.archive.forging import ENTRY, FORGERIES, HEAD, RECEIPT, Attack, Opened, read
from tests.archive.forging_by_rules import BY_RULES
from tests.archive.story import CHANNEL, NOW, Story, everything, plain_story

SEED = os.environ.get("BIANMIN_SEED", "1")
KINDS = (*FORGERIES, *BY_RULES)
FORGED = 6_000 if os.environ.get("BIANMIN_PROOF") else 420
STORIES = 60 if os.environ.get("BIANMIN_PROOF") else 6


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
        forged = KINDS[n // STORIES % len(KINDS)](attack)
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
    assert len(tried) == len(KINDS)
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
    found = read(story.data(), lost)
    assert (found.given_up, found.witnessed) == ([kept + 1], 0)


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
