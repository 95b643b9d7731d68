"""Guessing is bounded, from one place and from many, and shuts nobody out of his own desk."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from hub_server.accounts import Account
from hub_server.errors import HubError
from hub_server.services import sign_in as signing_in
from hub_server.services.sign_in import (
    FREE_TRIES,
    KNOWN_DAYS,
    LOCK_MINUTES,
    STRANGERS_LOCK_MINUTES,
    STRANGERS_TRIES,
    network_of,
    sign_in,
)

RIGHT, WRONG = "correct horse battery", "wrong"
DESK = "192.0.2.1"


def answer(county: Any, secret: str, address: str = DESK, name: str = "chen") -> str:
    """'' for whoever is let in, else the code."""
    try:
        sign_in(county.hub, name, secret, address)
    except HubError as refused:
        refused.words()  # every fact that the sentence needs is there
        return refused.code
    return ""


def elsewhere(number: int) -> str:
    return f"198.51.{number // 250}.{number % 250}"


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords compared without the slow hash: these tests try many."""
    monkeypatch.setattr(signing_in, "password_matches", lambda given, stored: given == RIGHT)


def test_wrong_name_and_wrong_password_read_alike(county: Any, password: Account) -> None:
    assert sign_in(county.hub, "chen", RIGHT, DESK) == password
    assert answer(county, WRONG) == "account.wrong_password"
    assert answer(county, "x", name="nobody") == "account.wrong_password"


def test_guessing_from_one_place_closes_the_account_to_that_place_alone(
    county: Any, password: Account, quick: None
) -> None:
    for _ in range(FREE_TRIES):
        assert answer(county, WRONG, "203.0.113.9") == "account.wrong_password"
    assert answer(county, RIGHT, "203.0.113.9") == "account.locked"
    assert answer(county, RIGHT) == ""
    county.clock.forward(minutes=LOCK_MINUTES + 1)
    assert answer(county, RIGHT, "203.0.113.9") == ""


def test_a_right_password_in_between_begins_the_count_anew(
    county: Any, password: Account, quick: None
) -> None:
    for _ in range(3):
        assert [answer(county, WRONG) for _ in range(FREE_TRIES - 1)] == [
            "account.wrong_password"
        ] * (FREE_TRIES - 1)
        assert answer(county, RIGHT) == ""


def test_guessing_from_many_places_is_bounded_and_the_desk_in_use_stays_open(
    county: Any, password: Account, quick: None
) -> None:
    assert answer(county, RIGHT) == ""
    told = [answer(county, WRONG, elsewhere(at)) for at in range(STRANGERS_TRIES)]
    assert told == ["account.wrong_password"] * STRANGERS_TRIES
    assert answer(county, RIGHT, elsewhere(999)) == "account.locked"
    assert answer(county, WRONG) == "account.wrong_password"
    assert answer(county, RIGHT) == ""
    assert answer(county, RIGHT, elsewhere(999)) == "account.locked"
    county.clock.forward(minutes=STRANGERS_LOCK_MINUTES + 1)
    assert answer(county, RIGHT, elsewhere(999)) == ""


def test_in_an_hour_no_more_is_tried_than_strangers_and_the_known_places_may(
    county: Any, password: Account, quick: None
) -> None:
    answer(county, RIGHT)
    tried = 0
    for minute in range(STRANGERS_LOCK_MINUTES):
        places = [DESK, *(elsewhere(minute * 10 + at) for at in range(10))]
        tried += sum(answer(county, WRONG, place) == "account.wrong_password" for place in places)
        county.clock.forward(minutes=1)
    known = FREE_TRIES * STRANGERS_LOCK_MINUTES // LOCK_MINUTES
    assert STRANGERS_TRIES <= tried <= STRANGERS_TRIES + known


def test_a_place_that_was_long_not_used_is_a_stranger_again(
    county: Any, password: Account, quick: None
) -> None:
    answer(county, RIGHT)
    county.clock.forward(days=KNOWN_DAYS + 1)
    for at in range(STRANGERS_TRIES):
        answer(county, WRONG, elsewhere(at))
    assert answer(county, RIGHT) == "account.locked"


def test_what_strangers_tried_is_forgotten_after_a_day(
    county: Any, password: Account, quick: None
) -> None:
    answer(county, RIGHT)
    for at in range(30):
        answer(county, WRONG, elsewhere(at))
    county.clock.forward(days=1, minutes=1)
    answer(county, WRONG, elsewhere(99))
    rows = county.hub.store._database.execute_sql("SELECT count(*) FROM guess").fetchone()
    assert rows == (2,)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("unknown", "unknown"),
    ],
)
def test_all_addresses_of_one_line_are_one_place(address: str, network: str) -> None:
    assert network_of(address) == network


def test_guesses_at_once_are_all_counted(county: Any, password: Account) -> None:
    def guess(number: int) -> str:
        try:
            return answer(county, f"wrong password {number}")
        finally:
            county.hub.store.close()  # this thread's connection

    with ThreadPoolExecutor(4) as threads:
        codes = list(threads.map(guess, range(4)))
    assert codes == ["account.wrong_password"] * 4
    assert county.hub.store.people.guesses(password.id, DESK).failures == 4
    assert county.hub.store.people.by_name("chen").failures == 4
