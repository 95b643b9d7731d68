"""The backup of today: a stopped hub's folder, copied whole. docs/deployment.md tells how."""

import shutil
from pathlib import Path

import pytest

from hub_server.app import open_hub
from hub_server.errors import HubError
from hub_server.services.check_health import check_health


def test_a_copy_of_a_stopped_hub_goes_on_where_it_stood(county, entry, tmp_path: Path):
    desk = county.desk()
    desk.write("intake_case", entry())
    desk.synchronise()
    county.hub.store.close()
    copied = open_hub(Path(shutil.copytree(county.hub.home, tmp_path / "copy")), county.clock, {})
    assert all(check.is_sound for check in check_health(copied))
    desk.hub = copied
    desk.write("intake_case", entry())
    desk.synchronise()
    assert len(copied.store.operations.names(desk.keys.replica, 1, 9)) == 2
    copied.store.close()


def test_a_stopped_hub_is_one_database_its_keys_and_what_no_restore_undoes(county, entry):
    desk = county.desk()
    desk.write("intake_case", entry())
    desk.synchronise()
    county.hub.store.close()
    files = {path.name for path in county.hub.home.rglob("*") if path.is_file()}
    keys = {"signing.key", "sealing.key", "database.key"}
    outside = {"hub.witness", "hub.witness.lock", "hub.journal", "hub.journal.lock"}
    assert files == {"hub.db"} | keys | outside


def test_a_copy_without_its_keys_opens_nothing(county, tmp_path: Path):
    county.hub.store.close()
    copy = Path(shutil.copytree(county.hub.home, tmp_path / "copy"))
    shutil.rmtree(copy / "keys")
    with pytest.raises(HubError) as refused:
        open_hub(copy, county.clock, {})
    assert refused.value.code == "hub.key_file"
