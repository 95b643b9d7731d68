"""The courier file: the very bytes of an exchange, or a coded refusal."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sync_protocol import courier
from tests.sync_protocol.builders import refused

FILE = courier.frame(b"the bytes of an exchange")


@given(st.binary(max_size=500))
def test_the_bytes_come_out_as_they_went_in(data: bytes) -> None:
    assert courier.unframe(courier.frame(data)) == data


@pytest.mark.parametrize("length", range(len(FILE)))
def test_a_file_that_was_cut_is_damaged(length: int) -> None:
    with refused("courier.damaged"):
        courier.unframe(FILE[:length])


@pytest.mark.parametrize("at", range(len(FILE)))
def test_a_changed_byte_at_every_place_is_noticed(at: int) -> None:
    changed = bytearray(FILE)
    changed[at] ^= 1
    with refused("courier.damaged", "courier.foreign"):
        courier.unframe(bytes(changed))


def test_a_file_with_something_behind_it_is_damaged() -> None:
    with refused("courier.damaged"):
        courier.unframe(FILE + b"\n")


@pytest.mark.parametrize("data", [b"PK\x03\x04", "台账".encode(), b"BIANMIN-COURIER-2\n"])
def test_another_file_is_of_another_kind(data: bytes) -> None:
    with refused("courier.foreign"):
        courier.unframe(data)
