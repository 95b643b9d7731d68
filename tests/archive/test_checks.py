"""No check of the verifier is there in vain: without it, an archive stands that must not.

And what only a witness, a fingerprint or a restore tells.
"""

import os
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from hub_server import verify
from hub_server.verify import Fault
from sync_protocol import agree, archive, crypto, limits, mint, operations
from sync_protocol import channel as protocol
from sync_protocol.enrol import HubKeys
from tests.archive.broken import NEEDED, reworded
from tests.archive.forging import Opened, read, resealed
from tests.archive.story import (
    ACCEPTED,
    NOW,
    REFUSED,
    Story,
    everything,
    plain_story,
)

# Off, the first of them is noticed as the other.
ALSO = {"order": {"unsigned"}, "head": {"unsigned"}, "author": {"unsigned"}}
READABLE = {"foreign", "form", "end"}  # without these nothing could be read at all
WITH_MORE = {"witness", "witness_hub", "witness_none", "witness_tail"}
ASIDE = {"hub", "witness_file"}  # tested below, too


def test_each_check_has_something_that_only_it_finds() -> None:
    assert {*NEEDED, *READABLE, *WITH_MORE, *ASIDE} == {*verify.WORDS}


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


@pytest.mark.parametrize("code", sorted(WITH_MORE))
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


# --- witness files -------------------------------------------------------------------------------

SOUND = plain_story()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        archive.RECEIPTS_MAGIC,
        archive.receipts_file([SOUND.receipt()])[:-1],
        archive.RECEIPTS_MAGIC + b"\0\0\0\4\x92\6\x91\0",
    ],
    ids=["empty", "no receipt", "cut", "no cursor"],
)
def test_a_witness_that_is_none_says_nothing_of_the_archive(
    content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As if it were not there, or as if the archive were at fault: either would mislead."""
    sound, witness = tmp_path / "archive", tmp_path / "the witness"
    sound.write_bytes(SOUND.data())
    witness.write_bytes(content)
    assert verify.run(sound, [witness], None, as_json=False) == 2
    told = capsys.readouterr().out
    assert "the witness" in told
    assert "归档" not in told


# --- what a few bytes can do to who reads them ---------------------------------------------------


@pytest.mark.parametrize(
    "value",
    [
        b"\xdd" + (10**6).to_bytes(4, "big") + b"\x90" * 10**6,
        b"\xdf" + (5 * 10**5).to_bytes(4, "big") + b"\x90" * 10**6,
        b"\x91" * 10**6,
    ],
    ids=["wide", "map", "deep"],
)
def test_a_bomb_fills_no_memory(value: bytes) -> None:
    data = archive.MAGIC + len(value).to_bytes(4, "big") + value
    tracemalloc.start()
    with pytest.raises(Fault, match="form"):
        read(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 * 1024 * 1024


def test_a_desk_that_wrote_too_much_spoils_no_archive() -> None:
    """What was refused for its size is in the archive all the same."""
    story = plain_story()
    header = msgspec.structs.replace(story.first.written[-1].header, seq=story.first.seq + 1)
    body = b"\x93" + bytes(limits.UNPACKED_BYTES)
    before = (story.first.seq, story.first.link)
    made = operations.received(operations.header_bytes(header), body)
    story.place(story.take(story.first, made), REFUSED, "body")
    story.sign(story.first, before)
    assert read(story.data()).entries == story.position


def test_a_terminal_without_chinese_fails_no_sound_archive(tmp_path: Path) -> None:
    path = tmp_path / "archive"
    path.write_bytes(SOUND.data())
    command = [sys.executable, str(Path(verify.__file__)), str(path)]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = subprocess.run(command, capture_output=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


@pytest.mark.parametrize("fingerprint", ["", " ", "-:-"])
def test_a_fingerprint_that_is_none_is_not_taken_for_compared(
    fingerprint: str, tmp_path: Path
) -> None:
    path = tmp_path / "archive"
    path.write_bytes(SOUND.data())
    assert verify.run(path, [], fingerprint, as_json=True) == 2
    assert verify.run(path, [], None, as_json=True) == 0


# --- what is said, where nothing is refused ------------------------------------------------------


def test_what_a_restore_excuses_is_named() -> None:
    story = plain_story()
    story.restore()
    story.say(protocol.RevocationEntry(story.second.enrolment, "stolen", NOW))
    story.push(story.second)
    accepted_late = story.position
    story.push(story.first)
    bodiless = story.position

    def withhold(opened: Opened) -> None:
        parts = opened.entries[-1][3]
        parts[1:3] = [None, operations.digest_of_body(parts[1])]

    assert read(resealed(story, withhold)).unproven == [accepted_late, bodiless]


def test_what_is_accepted_behind_an_open_gap_is_named_after_a_restore() -> None:
    story = plain_story()
    after = story.hide_one("gap")
    story.restore()
    story.say(protocol.VerdictEntry(after.name, ACCEPTED, "", NOW))
    assert read(story.data()).unproven == [story.position]


def test_entries_that_were_not_read_are_said_to_be() -> None:
    story = plain_story()
    assert read(story.data()).unknown == 0
    story.append(msgspec.msgpack.encode([10, b"what nobody knows yet", NOW]))
    found = read(story.data())
    assert (found.unknown, found.entries) == (1, story.position)
    assert any("没有解读" in line for line in verify.not_shown(found, ""))


def test_a_copy_may_leave_out_what_the_first_header_did() -> None:
    """Flags and origin at the end of a header have values that stand for themselves."""
    story = plain_story()
    values = msgspec.msgpack.decode(story.first.written[0].header_bytes)
    for length in (8, 9):
        copy = mint.issue_again(story.first.written[0], story.second.head())
        origin = msgspec.msgpack.encode(values[:length])
        header = msgspec.structs.replace(copy.header, origin=origin)
        made = operations.received(operations.header_bytes(header), copy.body)
        before = (story.second.seq, story.second.link)
        story.place(story.take(story.second, made))
        story.sign(story.second, before)
    assert read(story.data()).entries == story.position


def test_a_countersignature_of_nothing_is_none() -> None:
    story = plain_story()
    story.countersign(story.first, 0)
    with pytest.raises(Fault, match="countersignature"):
        read(story.data())
