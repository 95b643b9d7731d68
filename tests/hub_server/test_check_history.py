"""`health` against somebody who changes the database: every row of a case is accounted for."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from hub_server.services.answer_exchange import answer_exchange
from hub_server.services.check_health import check_health
from hub_server.services.check_history import Fault, journal_faults, record_faults
from sync_protocol import exchange

DAY = "ledger_date = '2026-11-21'"
ENTRY = "(SELECT operation FROM entry WHERE position = 3)"


@pytest.fixture
def desk(county: Any, entry: Any) -> Any:
    """A station with a card, three cases and a fourth that is refused."""
    desk = county.desk()
    for day in (20, 21, 22):
        desk.write("intake_case", entry(ledger_date=f"2026-11-{day}"))
    desk.write("intake_case", entry(applicant_name=""))
    desk.synchronise()
    return desk


def unsound(county: Any, last: int | None) -> set[str]:
    return {check.name for check in check_health(county.hub, last) if not check.is_sound}


def alter(county: Any, sql: str) -> None:
    with county.hub.store.writing():
        done = county.hub.store._database.execute_sql(sql)
        assert done.rowcount == 1


@pytest.mark.parametrize("last", [100, 3, 1, None])
def test_a_hub_that_nobody_touched_is_sound(county: Any, desk: Any, last: int | None) -> None:
    assert unsound(county, last) == set()


@pytest.mark.parametrize("last", [100, None])
@pytest.mark.parametrize(
    ("sql", "found"),
    [
        (f"UPDATE operation SET body = x'00' WHERE name = {ENTRY}", "journal"),
        (
            "UPDATE operation SET body = (SELECT body FROM operation o WHERE o.name = "
            f"(SELECT operation FROM entry WHERE position = 2)) WHERE name = {ENTRY}",
            "journal",
        ),
        (f"UPDATE operation SET body = NULL WHERE name = {ENTRY}", "records"),
        (f"UPDATE operation SET header = x'00' WHERE name = {ENTRY}", "journal"),
        (f"UPDATE operation SET body_digest = zeroblob(32) WHERE name = {ENTRY}", "journal"),
        (f"UPDATE operation SET name = zeroblob(32) WHERE name = {ENTRY}", "journal"),
        (f"UPDATE operation SET identity = zeroblob(32) WHERE name = {ENTRY}", "journal"),
        (f"UPDATE operation SET link = zeroblob(32) WHERE name = {ENTRY}", "journal"),
        (f"UPDATE operation SET record = zeroblob(16) WHERE name = {ENTRY}", "journal"),
        (f"UPDATE operation SET verdict = 1, code = 'x' WHERE name = {ENTRY}", "journal"),
        ("UPDATE operation SET verdict = 2, code = '' WHERE verdict = 1", "journal"),
        (f"UPDATE operation SET by_hub = 1 WHERE name = {ENTRY}", "journal"),
        (f"UPDATE operation SET effective = 1 WHERE name = {ENTRY}", "journal"),
        (f"DELETE FROM operation WHERE name = {ENTRY}", "journal"),
        ("DELETE FROM entry WHERE position = 3", "journal"),
        ("DELETE FROM entry WHERE position = 5", "journal"),
        ("UPDATE entry SET data = x'00' WHERE position = 4", "journal"),
        ("UPDATE entry SET operation = NULL WHERE position = 4", "journal"),
        ("UPDATE chain SET head_link = zeroblob(32) WHERE head_seq = 4", "journal"),
        (f"UPDATE record SET cells = replace(cells, '李兰', '李梅') WHERE {DAY}", "records"),
        (f"UPDATE record SET [values] = replace([values], '李兰', '李') WHERE {DAY}", "records"),
        (f"UPDATE record SET region = '140502' WHERE {DAY}", "records"),
        (f"UPDATE record SET alive = 0 WHERE {DAY}", "records"),
        (f"DELETE FROM record WHERE {DAY}", "records"),
    ],
)  # fmt: skip
def test_whatever_is_altered_or_missing_is_noticed(
    county: Any, desk: Any, sql: str, found: str, last: int | None
) -> None:
    alter(county, sql)
    assert found in unsound(county, last)


def test_what_is_older_than_the_last_entries_is_found_by_the_full_check(
    county: Any, desk: Any
) -> None:
    alter(county, f"UPDATE operation SET body = x'00' WHERE name = {ENTRY}")
    assert unsound(county, 1) == set()
    assert unsound(county, None) == {"journal", "records"}


def test_a_record_that_nobody_wrote_is_noticed(county: Any, desk: Any) -> None:
    alter(
        county,
        "INSERT INTO record SELECT channel, zeroblob(16), kind, form_version, station_code, region,"
        ' version, "values", conflicts, alive, open_case, state, ledger_date, cells, changed_at'
        " FROM record WHERE ledger_date LIKE '%21'",
    )
    assert [each.record for each in record_faults(county.hub, None)] == [bytes(16)]


def test_an_emptied_channel_is_noticed(county: Any, desk: Any) -> None:
    with county.hub.store.writing():
        county.hub.store._database.execute_sql("DELETE FROM entry")
    assert Fault(desk.channel, 1) in journal_faults(county.hub, 100)


def test_a_case_that_was_amended_before_and_after_is_looked_at_as_a_whole(
    county: Any, desk: Any
) -> None:
    record = desk.written[1].header.record
    desk.write("intake_case", {"remark": "补充"}, record)
    desk.synchronise()
    alter(county, f"UPDATE operation SET body = x'00' WHERE name = {ENTRY}")
    assert unsound(county, 1) == {"records"}


def test_gaps_and_forks_are_no_alteration(
    county: Any, entry: Any, run_of: Callable[..., Any]
) -> None:
    desk = county.desk()
    for _ in range(4):
        desk.write("intake_case", entry())
    send(county, desk, run_of(desk, 3, 4))
    assert unsound(county, None) == set()
    send(county, desk, run_of(desk, 1, 2))
    assert unsound(county, None) == set()
    first = desk.written.pop()
    desk.write("intake_case", entry(remark="另一台"))
    assert desk.written[-1].name != first.name
    send(county, desk, run_of(desk, 1, 4))
    assert unsound(county, None) == set()
    assert unsound(county, 1) == set()


def send(county: Any, desk: Any, run: Any) -> None:
    asked = exchange.envelope.unpack(desk.payload(), exchange.Request)
    payload = exchange.envelope.pack(msgspec.structs.replace(asked, runs=[run]))
    answer_exchange(county.hub, desk.seal(payload))
