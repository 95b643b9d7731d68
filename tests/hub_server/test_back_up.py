"""A backup of the hub counts once it was opened, recomputed and compared; what the kept ones hold
is noted, and only that."""

import shutil
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner

from hub_server.app import open_hub
from hub_server.cli import main
from hub_server.errors import HubError
from hub_server.services.back_up import back_up
from hub_server.services.check_health import check_health
from hub_server.services.list_backups import declare_gone, list_backups
from hub_server.store import Store

PAGE_BYTES = 4096


def code_of(act) -> str:
    with pytest.raises(HubError) as told:
        act()
    return told.value.code


def position_of(county, desk) -> int:
    return county.hub.store.journal.channel(desk.channel).position


def a_busy_desk(county, entry):
    desk = county.desk()
    desk.write("intake_case", entry())
    desk.synchronise()
    return desk


def put_back(county, path: Path, folder: Path):
    """A hub of the backup and the keys, elsewhere."""
    folder.mkdir()
    (county.hub.home / "keys").rename(folder / "keys")
    path.rename(folder / "hub.db")
    return open_hub(folder, county.clock, {})


def test_a_backup_opens_as_a_hub_that_is_sound_and_goes_on(county, entry, tmp_path: Path):
    desk = a_busy_desk(county, entry)
    made = back_up(county.hub, tmp_path / "hub-1.db")
    assert [path.name for path in tmp_path.glob("hub-1*")] == ["hub-1.db"]
    assert (tmp_path / "hub-1.db").stat().st_mode & 0o777 == 0o600
    assert (made.bytes, made.deleted) == ((tmp_path / "hub-1.db").stat().st_size, [])
    restored = put_back(county, tmp_path / "hub-1.db", tmp_path / "restored")
    assert all(check.is_sound for check in check_health(restored, None))
    assert len(restored.store.operations.names(desk.keys.replica, 1, 9)) == 1
    restored.store.close()


def test_what_every_kept_backup_holds_is_covered(county, entry, tmp_path: Path):
    desk = a_busy_desk(county, entry)
    covered = county.hub.store.backups.covered
    assert covered(desk.channel) == 0
    back_up(county.hub, tmp_path / "hub-1.db")
    first = position_of(county, desk)
    assert covered(desk.channel) == first > 0
    desk.write("intake_case", entry())
    desk.synchronise()
    back_up(county.hub, tmp_path / "hub-2.db")
    assert covered(desk.channel) == first < position_of(county, desk)


def test_a_channel_that_a_kept_backup_does_not_hold_is_not_covered(county, entry, tmp_path: Path):
    back_up(county.hub, tmp_path / "hub-1.db")
    desk = a_busy_desk(county, entry)
    back_up(county.hub, tmp_path / "hub-2.db")
    assert county.hub.store.backups.covered(desk.channel) == 0


def test_older_backups_of_the_folder_are_deleted_and_cover_no_longer(county, entry, tmp_path: Path):
    desk = a_busy_desk(county, entry)
    (tmp_path / "notes.txt").write_text("不是备份")
    (tmp_path / "elsewhere").mkdir()
    for number in range(4):
        desk.write("intake_case", entry())
        desk.synchronise()
        county.clock.forward(days=1)
        back_up(county.hub, tmp_path / f"hub-{number}.db")
        if number == 0:
            (tmp_path / "hub-0.db").rename(tmp_path / "elsewhere" / "hub-0.db")
    first = county.hub.store.backups.covered(desk.channel)
    county.clock.forward(days=1)
    made = back_up(county.hub, tmp_path / "hub-4.db", keep=2)
    assert [path.name for path in made.deleted] == ["hub-1.db", "hub-2.db"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "hub-3.db",
        "hub-4.db",
        "notes.txt",
    ]
    # What was moved elsewhere can still be put back.
    assert county.hub.store.backups.covered(desk.channel) == first
    (tmp_path / "elsewhere" / "hub-0.db").rename(tmp_path / "hub-0.db")
    back_up(county.hub, tmp_path / "hub-5.db", keep=1)
    assert county.hub.store.backups.covered(desk.channel) == position_of(county, desk) > first


def test_what_a_restored_hub_forgot_of_its_backups_counts_until_it_is_deleted(
    county, entry, tmp_path: Path
):
    desk = a_busy_desk(county, entry)
    folder = tmp_path / "backups"
    folder.mkdir()
    back_up(county.hub, folder / "hub-0.db")
    kept = position_of(county, desk)
    shutil.copy(folder / "hub-0.db", tmp_path / "hub-0.db")
    desk.write("intake_case", entry())
    desk.synchronise()
    back_up(county.hub, folder / "hub-1.db")
    restored = put_back(county, tmp_path / "hub-0.db", tmp_path / "restored")
    covered = restored.store.backups.covered
    county.clock.forward(days=1)
    back_up(restored, folder / "hub-2.db")
    assert covered(desk.channel) == 0  # of a history that stations have only before the restore
    declare_gone(restored, county.admin, restored.store.backup_in(folder / "hub-1.db"))
    (folder / "hub-1.db").unlink()
    assert covered(desk.channel) == kept
    county.clock.forward(days=1)
    [deleted] = back_up(restored, folder / "hub-3.db", keep=2).deleted
    assert deleted.name == "hub-0.db"
    assert covered(desk.channel) > kept
    restored.store.close()


def test_the_backup_that_was_put_back_counts_wherever_its_file_is(county, entry, tmp_path: Path):
    desk = a_busy_desk(county, entry)
    back_up(county.hub, tmp_path / "hub-0.db")
    kept = position_of(county, desk)
    restored = put_back(county, tmp_path / "hub-0.db", tmp_path / "restored")
    (tmp_path / "new").mkdir()
    county.clock.forward(days=1)
    back_up(restored, tmp_path / "new" / "hub-1.db")
    assert restored.store.backups.covered(desk.channel) == kept
    declare_gone(restored, county.admin, list_backups(restored)[-1].id)
    assert restored.store.backups.covered(desk.channel) > kept
    restored.store.close()


def test_a_backup_that_was_moved_away_is_named_until_it_is_declared_gone(
    county, entry, tmp_path: Path
):
    desk = a_busy_desk(county, entry)
    back_up(county.hub, tmp_path / "hub-0.db")
    (tmp_path / "hub-0.db").rename(tmp_path.with_suffix(".db"))
    [moved] = list_backups(county.hub)
    desk.write("intake_case", entry())
    desk.synchronise()
    county.clock.forward(days=1)
    run = partial(CliRunner().invoke, main)
    home = ["--home", str(county.hub.home)]
    made = run(["backup", str(tmp_path / "hub-1.db"), "--keep", "1", *home])
    assert moved.id.hex() in made.output
    [told] = [check for check in check_health(county.hub) if check.name == "backups"]
    assert moved.id.hex() in told.words
    assert told.is_sound
    behind = county.hub.store.backups.covered(desk.channel)
    assert run(["backups", "gone", moved.id.hex(), *home], input="n\n").exit_code == 1
    assert county.hub.store.backups.covered(desk.channel) == behind
    assert moved.id.hex() in run(["backups", "list", *home]).output
    assert run(["backups", "gone", moved.id.hex(), "--yes", *home]).exit_code == 0
    assert county.hub.store.backups.covered(desk.channel) == position_of(county, desk) > behind
    assert all(check.words == "" for check in check_health(county.hub))
    assert [each.id for each in list_backups(county.hub)] != [moved.id]
    assert code_of(lambda: declare_gone(county.hub, county.admin, moved.id)) == "backup.unknown"
    act = lambda: declare_gone(county.hub, county.operator, moved.id)  # noqa: E731
    assert code_of(act) == "account.not_permitted"


def test_a_backup_in_the_place_of_another_one_counts_alone(county, entry, tmp_path: Path):
    desk = a_busy_desk(county, entry)
    back_up(county.hub, tmp_path / "hub.db")
    desk.write("intake_case", entry())
    desk.synchronise()
    back_up(county.hub, tmp_path / "hub.db")
    assert county.hub.store.backups.covered(desk.channel) == position_of(county, desk)
    assert len(county.hub.store.backups.all()) == 1


@pytest.mark.parametrize(
    "harm",
    [
        "UPDATE operation SET body = zeroblob(40)",
        "DELETE FROM operation",
        "DELETE FROM entry WHERE position = 1",
        "DELETE FROM record",
        "UPDATE channel SET position = position - 1",
    ],
)
def test_a_copy_that_does_not_add_up_is_no_backup(
    county, entry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str
):
    desk = a_busy_desk(county, entry)
    copied_to = Store.copied_to

    def harmed(store: Store, path: Path, backup: bytes) -> Store:
        copy = copied_to(store, path, backup)
        copy._database.execute_sql(harm)
        return copy

    monkeypatch.setattr(Store, "copied_to", harmed)
    assert code_of(lambda: back_up(county.hub, tmp_path / "hub-1.db")) == "backup.unsound"
    assert list(tmp_path.glob("hub-1*")) == []
    assert county.hub.store.backups.covered(desk.channel) == 0


def test_a_backup_never_lies_in_the_hubs_own_folder(county):
    for path in (county.hub.home / "hub.db", county.hub.home / "keys" / ".." / "copy.db"):
        assert code_of(lambda path=path: back_up(county.hub, path)) == "backup.inside"


def test_damage_is_told_however_far_the_check_comes(county, entry, tmp_path: Path):
    a_busy_desk(county, entry)
    copy = tmp_path / "backups"
    copy.mkdir()
    back_up(county.hub, copy / "1.db")
    hub = put_back(county, copy / "1.db", tmp_path / "restored")
    hub.store.close()
    file = tmp_path / "restored" / "hub.db"
    data, pages = file.read_bytes(), file.stat().st_size // PAGE_BYTES
    found = list[list[str]]()
    for page in range(pages // 2, pages):
        at = page * PAGE_BYTES + PAGE_BYTES // 2
        file.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        checks = check_health(hub)
        found.append([check.name for check in checks if not check.is_sound])
        hub.store.close()
    assert found == [["database"]] * (pages - pages // 2)
