"""The case number: 21 digits, made offline, with a check digit that notices a slip."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from forms.numbering import grouped, is_case_number, make_case_number, ungrouped

NUMBERS = st.builds(
    make_case_number,
    station_code=st.from_regex(r"[0-9]{9}", fullmatch=True),
    day=st.dates(min_value=date(2000, 1, 1), max_value=date(2099, 12, 31)),
    device=st.integers(0, 9),
    sequence=st.integers(1, 9_999),
)


def test_a_number_is_county_station_day_device_sequence_and_check() -> None:
    number = make_case_number(station_code="140581001", day=date(2024, 3, 1), device=1, sequence=7)
    assert number[:-1] == "140581" + "001" + "240301" + "1" + "0007"
    assert grouped(number) == f"1405 8100 1240 3011 0007 {number[-1]}"


@given(NUMBERS)
def test_every_number_is_one_and_survives_being_read_aloud(number: str) -> None:
    assert len(number) == 21
    assert is_case_number(number)
    assert ungrouped(grouped(number)) == number


@given(NUMBERS, st.integers(0, 20), st.integers(1, 9))
def test_one_wrong_digit_is_always_noticed(number: str, place: int, step: int) -> None:
    wrong = str((int(number[place]) + step) % 10)
    assert not is_case_number(number[:place] + wrong + number[place + 1 :])


@pytest.mark.parametrize("text", ["", "1" * 20, "1" * 22, "１" * 21, "14058100124030110007X"])
def test_what_is_not_21_digits_is_no_number(text: str) -> None:
    assert not is_case_number(text)


def test_a_number_of_no_real_day_is_none() -> None:
    real = make_case_number(station_code="140581001", day=date(2024, 2, 29), device=1, sequence=7)
    body = real[:9] + "240230" + real[15:-1]
    assert not any(is_case_number(f"{body}{check}") for check in range(10))


@pytest.mark.parametrize(
    "part",
    [
        {"station_code": "14058100"},
        {"station_code": "14058100a"},
        {"device": 10},
        {"device": -1},
        {"sequence": 0},
        {"sequence": 10_000},
    ],
)
def test_a_part_out_of_its_range_is_refused(part: dict[str, object]) -> None:
    usual = {"station_code": "140581001", "day": date(2024, 3, 1), "device": 1, "sequence": 7}
    with pytest.raises(ValueError, match="is"):
        make_case_number(**{**usual, **part})  # type: ignore[arg-type]
