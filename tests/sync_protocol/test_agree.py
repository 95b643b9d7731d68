"""Receipts and countersignatures: whose they are, and of what."""

import pytest

from sync_protocol import agree
from sync_protocol.agree import Countersigned
from sync_protocol.channel import Cursor, Receipt
from tests.sync_protocol.builders import CHANNEL, EPOCH, HUB, NOW, OTHER_PC, PC, START

CURSOR = Cursor(CHANNEL, EPOCH, 7, b"d" * 32)
OTHERS = [
    Cursor(EPOCH, EPOCH, 7, b"d" * 32),
    Cursor(CHANNEL, CHANNEL, 7, b"d" * 32),
    Cursor(CHANNEL, EPOCH, 8, b"d" * 32),
    Cursor(CHANNEL, EPOCH, 7, b"e" * 32),
]


def test_a_receipt_is_the_hubs() -> None:
    assert agree.receipt_verifies(HUB.public.signing, agree.sign_receipt(HUB.signing, CURSOR, NOW))
    forged = agree.sign_receipt(PC.signing, CURSOR, NOW)
    assert not agree.receipt_verifies(HUB.public.signing, forged)


@pytest.mark.parametrize("other", OTHERS)
def test_a_receipt_is_of_one_cursor_and_one_moment(other: Cursor) -> None:
    signature = agree.sign_receipt(HUB.signing, CURSOR, NOW).signature
    for receipt in (Receipt(other, NOW, signature), Receipt(CURSOR, NOW + 1, signature)):
        assert not agree.receipt_verifies(HUB.public.signing, receipt)


def test_a_countersignature_is_one_replicas() -> None:
    signed = agree.countersign(PC.signing, PC.replica, CURSOR)
    assert agree.countersigned_by(PC.public.signing, PC.replica, signed)
    assert not agree.countersigned_by(PC.public.signing, OTHER_PC.replica, signed)
    assert not agree.countersigned_by(OTHER_PC.public.signing, PC.replica, signed)


@pytest.mark.parametrize("other", OTHERS)
def test_a_countersignature_is_of_one_cursor(other: Cursor) -> None:
    signature = agree.countersign(PC.signing, PC.replica, CURSOR).signature
    assert not agree.countersigned_by(
        PC.public.signing, PC.replica, Countersigned(other, signature)
    )


def test_a_receipt_is_no_countersignature() -> None:
    receipt = agree.sign_receipt(HUB.signing, CURSOR, NOW)
    taken_for = Countersigned(CURSOR, receipt.signature)
    assert not agree.countersigned_by(HUB.public.signing, b"", taken_for)


@pytest.mark.parametrize(
    ("digest_here", "same"), [(START.digest, True), (b"e" * 32, False), (None, False)]
)
def test_a_cursor_is_compared_with_the_hubs_own_digest(
    digest_here: bytes | None, same: bool
) -> None:
    assert agree.same_history(START, digest_here) is same
