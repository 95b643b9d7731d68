"""A newer program reads what an older one had to keep unread."""

from pathlib import Path

from forms import Forms, builtin
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.read_ledger import read_ledger
from station_client.services.record_entry import record_entry
from station_client.services.renew_records import renew_records
from tests.station_client import desk
from tests.station_client.fake_hub import FakeHub


def test_a_case_of_an_unknown_form_is_kept_and_shown_once_the_form_is_known(tmp_path: Path) -> None:
    hub = FakeHub(desk.Clock())
    newer = desk.a_station(tmp_path / "a", hub=hub.keys, transport=hub)
    older = desk.a_station(tmp_path / "b", hub=hub.keys, replica=b"2" * 16, transport=hub)
    hub.know(newer)
    hub.know(older)
    known = [builtin().latest(name) for name in builtin().names() if name != "helper_case"]
    older.forms = Forms(known)
    record_entry(newer, "helper_case", desk.a_helper_case())
    exchange_with_hub(newer)
    assert exchange_with_hub(older).synchronised
    assert read_ledger(older)[1] == 0
    older.forms = builtin()
    assert renew_records(older)
    assert read_ledger(older)[1] == 1
    assert not renew_records(older)
