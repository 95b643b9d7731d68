"""Everything that a program writes to its disk, as a table: one row, one flow.

A flow is prepared on a healthy disk, then acts on a bad one. What it says, through `say`, is
promised from then on. To add one, write its act and its row in FLOWS; strikes and checks are those
of all.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

import forms
from hub_server.services import back_up as of_hub
from hub_server.services.issue_code import issue_code
from hub_server.store import Store
from station_client.device_secret import DeviceSecret
from station_client.errors import StationError
from station_client.home import Home
from station_client.services import back_up as of_station
from station_client.services.add_clerk import add_clerk
from station_client.services.amend_entry import amend_entry
from station_client.services.change_secret import change_secret
from station_client.services.enrol_station import enrol_station
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.list_clerks import list_clerks
from station_client.services.record_entry import record_entries, record_entry
from station_client.services.remove_clerk import remove_clerk
from station_client.station import Station
from station_client.store import open_store
from station_client.vault import Vault
from sync_protocol import limits
from tests.disk.adding_up import (
    Fact,
    facts_of_hub,
    facts_of_store,
    faults_of_hub,
    faults_of_store,
)
from tests.disk.earlier import earlier_hub, earlier_store
from tests.disk.stage import DESK, Line, Stage
from tests.simulation.cast import COUNTY, PIN, START_MS
from tests.station_client.desk import a_case, a_helper_case

Say = Callable[[Sequence[Fact]], None]
NEW_PIN, OTHER_PIN = "漳河边上便民服务站二号", "丹河边上便民服务站三号"
NEW_PC, PCS_BEFORE = "new", 3
BACKUP = "backups/copy.db"


def nothing_is_said(facts: Sequence[Fact]) -> None:
    """What is lost with the backup's age was never promised."""


def nothing(stage: Stage, say: Say) -> None:
    """No preparation is needed."""


@dataclass(frozen=True)
class Flow:
    """`watched`: the folder below the stage whose calls are struck; `mints`: the desk goes on under
    a new replica, as it should."""

    act: Callable[[Stage, Say], None]
    watched: str = DESK
    prepare: Callable[[Stage, Say], None] = nothing
    mints: bool = False
    also: Callable[[Stage, Sequence[Fact]], list[str]] = field(default=lambda stage, said: [])


# --- station ---


def record(stage: Stage, say: Say) -> None:
    station = stage.station()
    for _ in range(2):
        made = record_entry(station, "helper_case", a_helper_case())
        say([["record", made.hex()], *facts_of_store(station.store)])
        amend_entry(station, made, {"applicant_name": "钱小英"})
        say(facts_of_store(station.store))
    several = record_entries(station, "intake_case", [a_case()] * 4)
    say([*(["record", each.hex()] for each in several), *facts_of_store(station.store)])
    stage.switch_off(DESK)


def absorb(stage: Stage, say: Say) -> None:
    station = stage.station()
    exchange_with_hub(station)
    say(facts_of_store(station.store))
    stage.switch_off(DESK)


def pages_wait(stage: Stage, say: Say) -> None:
    desk_records(stage, say)
    stage.other_writes(4)
    say(facts_of_hub(stage.hub))


def desk_records(stage: Stage, say: Say) -> None:
    for _ in range(3):
        record_entry(stage.station(), "helper_case", a_helper_case())
    say(facts_of_store(stage.station().store))


def open_desk(stage: Stage, say: Say) -> None:
    say(facts_of_store(stage.station().store))
    stage.switch_off(DESK)


def desk_is_of_earlier_program(stage: Stage, say: Say) -> None:
    pages_wait(stage, say)
    exchange_with_hub(stage.station())
    desk_records(stage, say)
    stage.switch_off()
    earlier_store(stage.home().database, stage.cast.keys[DESK].data_key)


def change_keys(stage: Stage, say: Say) -> None:
    """The PIN is changed, a clerk comes and another goes: the database key in other wraps."""
    station = stage.station()
    change_secret(station, PIN, NEW_PIN)
    say([["opens", NEW_PIN]])
    added = add_clerk(station, "赵敏", OTHER_PIN)
    say([["opens", OTHER_PIN], *facts_of_store(station.store)])
    remove_clerk(station, added)
    say([["shut", OTHER_PIN], *facts_of_store(station.store)])
    stage.switch_off(DESK)


def vault_faults(stage: Stage, said: Sequence[Fact]) -> list[str]:
    """Who was told to be let in is, unless somebody was about to be shut out; and the other way."""
    told = {secret: kind for kind, secret, *_ in said if kind in ("opens", "shut")}
    found = []
    if told.get(OTHER_PIN) == "shut" and _opens(stage, OTHER_PIN):
        found.append("vault: opens for a clerk who was removed")
    if not _opens(stage, NEW_PIN if NEW_PIN in told else PIN) and not _opens(stage, NEW_PIN):
        found.append("vault: shut")
    if NEW_PIN in told and _opens(stage, PIN):
        found.append("vault: the old PIN still opens")
    return found + _removal_faults(stage.station())


def _removal_faults(station: Station) -> list[str]:
    """Every key that is there is somebody's whom the page shows, and can be removed."""
    for each in list_clerks(station):
        if each.slot_number and not each.is_here:
            remove_clerk(station, each.id)
    left = station.vault.clerk_ids()
    return [] if left == [station.clerk] else [f"vault: {len(left)} keys, nobody removes them"]


def _opens(stage: Stage, secret: str) -> bool:
    vault = Vault.open(stage.home(), now=lambda: 0.0)
    try:
        vault.unlock(secret)
    except StationError:
        return False
    return True


def back_up_desk(stage: Stage, say: Say) -> None:
    of_station.back_up(stage.station(), stage.folder / BACKUP)
    say([["backup", *of] for of in facts_of_store(stage.station().store)])


def desk_has_backup(stage: Stage, say: Say) -> None:
    desk_records(stage, say)
    (stage.folder / BACKUP).parent.mkdir()
    of_station.back_up(stage.station(), stage.folder / BACKUP)
    desk_records(stage, say)


def desk_backup_faults(stage: Stage, said: Sequence[Fact]) -> list[str]:
    """There is always one, it opens as a store, and one that was told of holds what it said."""
    copy = open_store(stage.folder / BACKUP, stage.cast.keys[DESK].data_key)
    try:
        return faults_of_store(copy, [fact for kind, *fact in said if kind == "backup"])
    finally:
        copy.close()


def enrol(stage: Stage, say: Say) -> None:
    station = _enrolled(stage)
    say([["enrolled", station.keys.replica.hex()]])
    station.close()


def _enrolled(stage: Stage) -> Station:
    return enrol_station(
        Home.open(stage.folder / NEW_PC),
        PIN,
        "http://hub.invalid",
        (stage.folder / "code").read_text(),
        "李娟",
        device=DeviceSecret("insecure"),
        device_name="柜台",
        forms=forms.builtin(),
        now_ms=lambda: START_MS,
        connect=lambda url: Line(stage.hub),
    )


def code_is_issued(stage: Stage, say: Say) -> None:
    code = issue_code(stage.hub, stage.cast.reviewer, stage.cast.codes[COUNTY])
    (stage.folder / "code").write_text(code)


def enrolment_faults(stage: Stage, said: Sequence[Fact]) -> list[str]:
    """Asked again with the same code it goes on, as the one PC that the code was for."""
    try:
        _enrolled(stage).close()
    except StationError as told:
        if told.code != "station.already_enrolled":
            return [f"enrolment: {told.code}"]
    enrolled = stage.hub.store.stations.replicas_of(stage.cast.codes[COUNTY])
    there = {each.id.hex() for each in enrolled}
    told_of = {replica for kind, replica, *_ in said if kind == "enrolled"}
    return (
        []
        if len(there) == PCS_BEFORE + 1 and told_of <= there
        else [f"enrolment: {len(there)} PCs"]
    )


def snapshot_waits(stage: Stage, say: Say) -> None:
    """More than one part of it, and entries after it; the desk has nothing yet."""
    limits.SNAPSHOT_RECORDS_PER_PART = 4
    stage.other_writes(10)
    hub_is_backed_up(stage)
    stage.other_writes(2)
    say(facts_of_hub(stage.hub))


def start_from_snapshot(stage: Stage, say: Say) -> None:
    station = stage.station()
    exchange_with_hub(station)
    say(facts_of_store(station.store))
    reached = station.store.extent()
    if reached.entries >= sum(position for position, _ in reached.cursors.values()):
        say([["problem", "there was no snapshot"]])
    stage.switch_off(DESK)


def desk_was_put_back(stage: Stage, say: Say) -> None:
    """From a backup; what came after it the hub has."""
    (stage.folder / BACKUP).parent.mkdir()
    desk_records(stage, nothing_is_said)
    exchange_with_hub(stage.station())
    of_station.back_up(stage.station(), stage.folder / BACKUP)
    say([fact for fact in facts_of_store(stage.station().store) if fact[0] == "chain"])
    desk_records(stage, nothing_is_said)
    exchange_with_hub(stage.station())
    say(facts_of_hub(stage.hub))
    stage.switch_off()
    (stage.folder / BACKUP).replace(stage.home().database)


def go_on(stage: Stage, say: Say) -> None:
    station = stage.station()
    exchange_with_hub(station)
    say(facts_of_store(station.store))
    stage.switch_off(DESK)


# --- hub ---


def answer(stage: Stage, say: Say) -> None:
    exchange_with_hub(stage.station())
    say(facts_of_hub(stage.hub))
    stage.switch_off()


def open_county(stage: Stage, say: Say) -> None:
    say(facts_of_hub(stage.hub))
    stage.switch_off()


def hub_is_of_earlier_program(stage: Stage, say: Say) -> None:
    pages_wait(stage, say)
    stage.switch_off()
    earlier_hub(stage.folder / "hub")


def back_up_hub(stage: Stage, say: Say) -> None:
    of_hub.back_up(stage.hub, stage.folder / BACKUP)
    say([["backup", *of] for of in facts_of_hub(stage.hub)])


def hub_has_backup(stage: Stage, say: Say) -> None:
    stage.other_writes(2)
    hub_is_backed_up(stage)
    stage.other_writes(2)


def hub_is_backed_up(stage: Stage) -> None:
    (stage.folder / BACKUP).parent.mkdir()
    of_hub.back_up(stage.hub, stage.folder / BACKUP)


def hub_was_put_back(stage: Stage, say: Say) -> None:
    """From a backup; what came after it the desk has."""
    desk_records(stage, say)
    exchange_with_hub(stage.station())
    hub_is_backed_up(stage)
    say([fact for fact in facts_of_hub(stage.hub) if fact[0] == "channel"])
    desk_records(stage, say)
    exchange_with_hub(stage.station())
    stage.switch_off()
    (stage.folder / BACKUP).replace(stage.folder / "hub" / "hub.db")


def hub_backup_faults(stage: Stage, said: Sequence[Fact]) -> list[str]:
    """There is always one, it is a hub that adds up, and what is called covered is in it."""
    key = bytes.fromhex((stage.folder / "hub" / "keys" / "database.key").read_text())
    copy = Store(stage.folder / BACKUP, key)
    try:
        facts = [fact for kind, *fact in said if kind == "backup" and fact[0] == "channel"]
        found = faults_of_hub(replace(stage.hub, store=copy), facts)
        held = {each.id: each.position for each in copy.journal.channels()}
        covered = stage.hub.store.backups.covered
        return found + [f"covered: {of.hex()}" for of, end in held.items() if covered(of) > end]
    finally:
        copy.close()


FLOWS = {
    "record": Flow(record),
    "absorb": Flow(absorb, prepare=pages_wait),
    "migrate the station": Flow(open_desk, prepare=desk_is_of_earlier_program),
    "change the vault": Flow(change_keys, also=vault_faults),
    "back up the station": Flow(
        back_up_desk, watched="backups", prepare=desk_has_backup, also=desk_backup_faults
    ),
    "start from a snapshot": Flow(start_from_snapshot, prepare=snapshot_waits),
    "put the station back": Flow(go_on, prepare=desk_was_put_back, mints=True),
    "enrol": Flow(enrol, watched=NEW_PC, prepare=code_is_issued, also=enrolment_faults),
    "answer": Flow(answer, watched="hub", prepare=pages_wait),
    "migrate the hub": Flow(open_county, watched="hub", prepare=hub_is_of_earlier_program),
    "put the hub back": Flow(answer, watched="hub", prepare=hub_was_put_back),
    "back up the hub": Flow(
        back_up_hub, watched="backups", prepare=hub_has_backup, also=hub_backup_faults
    ),
}
