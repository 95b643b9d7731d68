"""Suite 1: nothing verifies or opens but what was made for it."""

import hashlib

import pytest

from sync_protocol import crypto
from tests.sync_protocol.builders import HUB, PC, refused

WEAK_KEY = bytes(32)


def test_a_digest_is_sha256_over_purpose_zero_and_parts() -> None:
    assert crypto.digest(b"p", b"a", b"b") == hashlib.sha256(b"p\0ab").digest()


def test_no_two_purposes_share_a_digest() -> None:
    assert crypto.digest(b"p", b"a") != crypto.digest(b"q", b"a")


def test_fresh_keys_differ_and_have_their_public_halves() -> None:
    assert crypto.new_signing_key() != crypto.new_signing_key()
    assert crypto.new_sealing_key() != crypto.new_sealing_key()
    assert len(crypto.signing_public(PC.signing)) == crypto.KEY_BYTES
    assert len(crypto.sealing_public(PC.sealing)) == crypto.KEY_BYTES


def test_a_signature_holds_for_its_key_purpose_and_parts_only() -> None:
    signature = crypto.sign(PC.signing, b"p", b"a")
    public = crypto.signing_public(PC.signing)
    assert crypto.verifies(public, signature, b"p", b"a")
    assert not crypto.verifies(public, signature, b"q", b"a")
    assert not crypto.verifies(public, signature, b"p", b"b")
    assert not crypto.verifies(HUB.public.signing, signature, b"p", b"a")


@pytest.mark.parametrize(("public", "signature"), [(b"", b""), (bytes(32), bytes(64)), (b"x", b"")])
def test_what_is_no_key_or_signature_verifies_nothing(public: bytes, signature: bytes) -> None:
    assert not crypto.verifies(public, signature, b"p", b"a")


def test_what_is_sealed_opens_with_the_key_and_the_info_only() -> None:
    sealed = crypto.seal(HUB.public.sealing, b"info", b"plain")
    assert crypto.unseal(HUB.sealing, b"info", sealed) == b"plain"
    assert crypto.unseal(HUB.sealing, b"other", sealed) is None
    assert crypto.unseal(PC.sealing, b"info", sealed) is None
    assert len(sealed) == len(b"plain") + crypto.SEAL_OVERHEAD_BYTES


@pytest.mark.parametrize("sealed", [b"", bytes(32), bytes(48), b"\xff" * 48, b"\x01" + bytes(80)])
def test_what_was_never_sealed_does_not_open(sealed: bytes) -> None:
    assert crypto.unseal(HUB.sealing, b"info", sealed) is None


@pytest.mark.parametrize("public", [b"", b"short", WEAK_KEY, b"\x01" * 33])
def test_nothing_is_sealed_to_a_key_that_is_none(public: bytes) -> None:
    with refused("message.form"):
        crypto.seal(public, b"", b"plain")


def test_a_proof_is_of_its_key_and_parts() -> None:
    proof = crypto.keyed_proof(b"k", b"p", b"a")
    assert crypto.same(proof, crypto.keyed_proof(b"k", b"p", b"a"))
    assert not crypto.same(proof, crypto.keyed_proof(b"l", b"p", b"a"))
    assert not crypto.same(proof, crypto.keyed_proof(b"k", b"p", b"b"))
