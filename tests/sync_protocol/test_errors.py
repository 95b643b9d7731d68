"""Codes are stable, words are for people, and an unknown code is our own mistake."""

import pytest

from sync_protocol.errors import WORDS, OwnFault, PeerFault, ProtocolError


def test_every_code_has_chinese_words_that_can_be_filled_in_without_facts() -> None:
    for code in WORDS:
        words = PeerFault(code).words()
        assert any("\u4e00" <= letter <= "\u9fff" for letter in words)
        assert "{" not in words


def test_facts_stand_in_the_words() -> None:
    assert "7" in PeerFault("envelope.suite", suite=7).words()


def test_an_unknown_code_is_not_raised() -> None:
    with pytest.raises(ValueError, match=r"no\.such"):
        OwnFault("no.such")


def test_the_base_is_never_raised_itself() -> None:
    with pytest.raises(TypeError):
        ProtocolError("message.form")
