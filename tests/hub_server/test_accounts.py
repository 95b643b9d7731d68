"""Passwords, roles and regions."""

import stat
from pathlib import Path
from typing import Any

import pytest

import forms
from hub_server import keys as key_files
from hub_server.accounts import ROLES, hash_password, password_matches
from hub_server.errors import STATUS, WORDS, HubError
from hub_server.permissions import ACTIONS, allows, demand
from hub_server.services.accounts import add_account
from hub_server.store.database import check_sqlite
from hub_server.workflow import MOVES, next_state
from sync_protocol import crypto


def refused_code(act: Any) -> str:
    with pytest.raises(HubError) as refused:
        act()
    assert refused.value.words()
    return refused.value.code


def test_a_password_is_kept_as_argon2id() -> None:
    stored = hash_password("correct horse battery")
    assert stored.startswith("$argon2id$")
    assert password_matches("correct horse battery", stored)
    assert not password_matches("correct horse batterz", stored)


@pytest.mark.parametrize("weak", ["", "short1", "aaaaaaaaaaaaaa", "x" * 200])
def test_a_weak_password_is_refused(weak: str) -> None:
    assert refused_code(lambda: hash_password(weak)) == "account.password_weak"


def test_an_admin_adds_accounts_of_the_own_region_only(county: Any) -> None:
    def add(**more: Any) -> Any:
        given = {"name": "new", "password": "correct horse battery", "role": "reviewer"}
        return add_account(county.hub, county.admin, **{**given, "region": "140581", **more})

    assert refused_code(lambda: add(region="1405")) == "account.other_region"
    assert refused_code(lambda: add(role="king")) == "account.role_unknown"
    assert refused_code(lambda: add(region="140581abc")) == "account.region_form"
    assert refused_code(lambda: add(name="admin")) == "account.exists"
    assert add().region == "140581"


def test_operators_may_nothing_that_shows_a_person() -> None:
    personal = {"ledger.read", "record.reveal", "application.list", "case.review", "station.export"}
    assert not any(allows("operator", action) for action in personal)
    assert set(ACTIONS) == set(ROLES)


def test_an_unknown_role_or_action_is_allowed_nothing(county: Any) -> None:
    assert not allows("nobody", "ledger.read")
    assert refused_code(lambda: demand(county.admin, "no.such.action")) == "account.not_permitted"


def test_every_missing_entry_of_the_approval_table_is_an_error() -> None:
    states = {"", *(state for state, _ in MOVES), *MOVES.values()}
    acts = {act for _, act in MOVES}
    for state in states:
        for act in acts:
            if (state, act) not in MOVES:
                assert refused_code(lambda s=state, a=act: next_state(s, a)) == "application.state"


def test_the_approval_table_says_what_the_forms_say() -> None:
    form = forms.builtin().latest("station_open")
    ends = {"approve": "approved", "return": "returned", "reject": "rejected"}
    for (state, act), end in MOVES.items():
        author = "hub" if act in ends else "station"
        assert form.may_move(state, end, author)


def test_every_code_has_a_status_and_words_that_its_facts_fill() -> None:
    assert STATUS.keys() == WORDS.keys()
    assert all(400 <= status < 600 for status in STATUS.values())


# --- keys and engine --------------------------------------------------------------------------


def test_a_key_may_be_a_secret_that_the_system_mounts(tmp_path: Path) -> None:
    secret = tmp_path / "mounted"
    secret.write_text(crypto.new_signing_key().hex() + "\n")
    environment = {"BIANMIN_HUB_SIGNING_KEY_FILE": str(secret)}
    made = key_files.make_keys(tmp_path / "hub", environment)
    assert made.hub.signing.hex() == secret.read_text().strip()
    names = {path.name for path in (tmp_path / "hub" / "keys").iterdir()}
    assert names == {"sealing.key", "database.key"}
    assert key_files.read_keys(tmp_path / "hub", environment) == made


@pytest.mark.parametrize("content", [None, "", "zz", "00" * 31])
def test_a_missing_or_damaged_key_is_named(tmp_path: Path, content: str | None) -> None:
    key_files.make_keys(tmp_path, {})
    file = tmp_path / "keys" / "sealing.key"
    file.unlink() if content is None else file.write_text(content)
    with pytest.raises(HubError) as refused:
        key_files.read_keys(tmp_path, {})
    assert (refused.value.code, refused.value.facts["file"]) == ("hub.key_file", "sealing.key")


def test_a_second_making_keeps_the_keys(tmp_path: Path) -> None:
    assert key_files.make_keys(tmp_path, {}) == key_files.make_keys(tmp_path, {})
    modes = [path.stat().st_mode for path in (tmp_path / "keys").iterdir()]
    assert all(stat.S_IMODE(mode) == 0o600 for mode in modes)


@pytest.mark.parametrize("version", [(3, 7, 0), (3, 50, 1), (3, 51, 2)])
def test_an_engine_that_can_lose_pages_is_refused(version: tuple[int, ...]) -> None:
    assert refused_code(lambda: check_sqlite(version)) == "hub.sqlite"


@pytest.mark.parametrize("version", [(3, 6, 23), (3, 51, 3), (3, 53, 4)])
def test_a_sound_engine_is_taken(version: tuple[int, ...]) -> None:
    check_sqlite(version)
