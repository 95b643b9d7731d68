"""Planted bugs of forks, clones, restores, erasure and revocation: one rule each, left out as by
somebody who did not know why it is there. Each has a scene: what breaks is rare."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from hub_server import app
from hub_server.hub import Hub
from hub_server.services import answer_exchange, give_numbers, introduce, take_runs
from hub_server.services.take_stretches import TakenBack, _Taking
from hub_server.store import Replica
from hub_server.store import bodies as hub_bodies
from hub_server.store.stations import Stations
from hub_server.store.withdrawn import Withdrawn
from station_client.services import go_back
from station_client.station import Station
from station_client.store.bodies import Bodies
from station_client.store.journal import Journal
from station_client.store.lost import Lost
from station_client.store.rows import ChannelRow
from sync_protocol import crypto, operations
from sync_protocol.channel import Cursor
from sync_protocol.exchange import Request
from sync_protocol.lost import Stretch
from sync_protocol.mint import Introduced
from sync_protocol.operations import Header, Operation
from sync_protocol.pull import Reader
from sync_protocol.push import Doorway
from tests.simulation.bug import Bug

_doorway, _cut = take_runs._doorway, Lost.cut
_add_minted, _standing_of_minted = introduce._add_minted, introduce._standing_of_minted


def _nothing(*given: object, **named: object) -> None:
    return None


def _by_number(operation: Operation) -> bytes:
    seq = operation.header.seq.to_bytes(8, "big")
    return crypto.digest(b"bianmin/operation", operation.header.replica, seq)


def _each_for_itself(*given: object) -> dict[bytes, Any]:
    return {}


def _has_all_of_its_own(reader: Reader, header: Header, name: bytes) -> bool:
    return header.replica == reader.replica


def _one_for_all_epochs(hub: Hub, channel: bytes, epoch: bytes) -> bytes:
    return crypto.digest(b"bianmin/hub-replica", hub.keys.public.id, channel)[:16]


def _offered_for_nothing(
    hub: Hub, readable: Iterable[bytes], stretches: Sequence[Stretch]
) -> TakenBack:
    return TakenBack([each.receipt.cursor for each in stretches], [])


def _never_again(self: Lost, row: ChannelRow) -> bool:
    return False


def _none_erased(self: Withdrawn, channel: bytes, records: Sequence[bytes]) -> set[bytes]:
    return set()


def _believes_who_was_revoked(*given: Any) -> Doorway:
    return replace(_doorway(*given), revoked=False)


def _another_enrolment(*given: Any) -> str:
    return ""


def _never_two_requests(self: Stations, *request: object) -> tuple[bool, int]:
    return True, 0


def _forgets_verdicts(self: Lost, to: Cursor) -> None:
    self._database.write(
        "UPDATE operation SET verdict = NULL, code = '' WHERE channel = ? AND position > ?",
        to.channel,
        to.position,
    )
    _cut(self, to)


def _lacks_nothing(self: Bodies, limit: int) -> list[bytes]:
    return []


def _nothing_due(self: Journal, replica: bytes, codes: Collection[str], limit: int) -> list[Any]:
    return []


def _writes_on(station: Station) -> None:
    station.witness.note(station.store.journal.own_head(station.keys.replica))


def _closes_the_old_chain(
    hub: Hub, introduced: Introduced, parent: Replica, told: bytes
) -> Replica:
    minted = _add_minted(hub, introduced, parent, told)
    hub.store.stations.set_standing(parent.id, "retired")
    return minted


def _lets_everybody_in(*given: Any) -> str:
    standing = _standing_of_minted(*given)
    return "" if standing == "waiting" else standing


def _always_the_hubs_fault(station: Station, row: ChannelRow) -> bool:
    return False


def _pages_outlive_an_epoch(self: Hub, version: bytes) -> str:
    return version.hex()


def _none_given(hub: Hub, prefix: str, digits: int) -> list[str]:
    return []


_STOLEN = "record:0 exchange:0 revoke:0 record:0 rename:0 exchange:0"

BUGS = (
    Bug(
        "a name is a hash, not (replica, seq)",
        Operation, "name", property(_by_number),
        "record:0 exchange:0 clone:0 rename:0 rename:4 exchange:0 exchange:4",
    ),
    Bug(
        "what an older chain holds is issued again",
        Journal, "issued_again", _nothing_due,
        "record:0 back_up_pc:0 rename:0 restore_pc:0 exchange:0",
    ),
    Bug(
        "copies are one operation, with one verdict",
        take_runs, "_standings", _each_for_itself,
        "record:0 exchange:0 clone:0 rename:0 rename:4 exchange:0 exchange:4 exchange:0 exchange:4",
    ),
    Bug(
        "of own operations that it lacks a PC gets the bytes",
        Reader, "has", _has_all_of_its_own,
        "record:0 exchange:0 back_up_pc:0 back_up_hub:0 rename:0 exchange:0 exchange:1"
        " restore_hub:0 exchange:1 restore_pc_whole:0 exchange:0",
        tail=0,
    ),
    Bug(
        "a store that lost its end mints and says what is lost",
        Station, "_compare_witness", _writes_on,
        "record:0 exchange:0 back_up_pc:0 rename:0 restore_pc:0 exchange:0",
    ),
    Bug(
        "two requests under one number are a fork",
        Stations, "note_request", _never_two_requests,
        "record:0 exchange:0 clone:0 exchange:4 exchange:0 exchange:4",
        tail=0,
    ),
    Bug(
        "who has heard of a request that it has not made is not alone",
        Request, "is_not_alone", property(lambda self: False),
        "record:0 exchange:0 clone:0 exchange:4 exchange:0 exchange:4",
        tail=0,
    ),
    Bug(
        "the hub writes as another replica in each epoch",
        Hub, "replica_of", _one_for_all_epochs,
        "record:0 exchange:0 back_up_hub:0 correct:0 exchange:0 restore_hub:0 correct:0 exchange:0",
    ),
    Bug(
        "a hub notices at its start that it was put back",
        app, "notice_restore", _nothing,
        "record:0 exchange:0 image_of_hub:0 record:0 exchange:0 restore_hub_untold:0 record:1"
        " exchange:1 exchange:0",
    ),
    Bug(
        "a hub that is shown its own signature draws a new epoch",
        answer_exchange, "notice_receipts", _nothing,
        "record:0 exchange:0 image_of_hub:0 record:0 exchange:0 restore_hub_whole:0",
    ),
    Bug(
        "what a restored hub lost is taken back",
        answer_exchange, "take_stretches", _offered_for_nothing,
        "record:0 exchange:0 back_up_hub:0 rename:0 correct:0 exchange:0 restore_hub:0 exchange:0",
    ),
    Bug(
        "a page never goes back",
        Lost, "cut", _forgets_verdicts,
        "record:0 exchange:0 back_up_hub:0 record:1 exchange:1 exchange:0 restore_hub:0 exchange:0",
    ),
    Bug(
        "what was erased stays erased after a restore",
        app, "replay_journal", _nothing,
        "record:0 exchange:0 back_up_hub:0 erase:0 restore_hub:0",
    ),
    Bug(
        "nothing is written to an erased record",
        Withdrawn, "erased", _none_erased,
        "record:0 exchange:0 exchange:1 rename:1 erase:0 exchange:1 exchange:0",
    ),
    Bug(
        "what a hub took and did not bring back is offered to the next one",
        Lost, "offer_again", _never_again,
        "record:0 exchange:0 back_up_hub:0 send_back:0 exchange:0"
        + " restore_hub:0 power_cut_after_commit:0" * 8,
    ),
    Bug(
        "what comes after a revocation waits for the county",
        take_runs, "_doorway", _believes_who_was_revoked,
        _STOLEN,
    ),
    Bug(
        "a revocation is of the enrolment, with all that it mints",
        introduce, "_standing_of_minted", _another_enrolment,
        "record:0 exchange:0 back_up_pc:0 record:0 exchange:0 revoke:0 restore_pc:0 record:0"
        " exchange:0",
    ),
    Bug(
        "a closed desk marks what it writes, and marks beat stamps",
        operations, "AFTER_CLOSING", 0,
        "record:0 exchange:0 apply_to_close:0 exchange:0 decide:0 decide:0 decide:0 exchange:0"
        + " turn_clock:0 record:0 exchange:0" * 8,
    ),
    Bug(
        "a missing body is asked for",
        Bodies, "lacking", _lacks_nothing,
        "record:0 exchange:0 body_gone_bad:0 exchange:0",
    ),
    Bug(
        "an erased body is not missing",
        hub_bodies, "_IS_MISSING", "body IS NULL",
        "record:0 exchange:0 exchange:1 erase:0" + " power_cut_after_commit:1 exchange:1" * 3,
    ),
    Bug(
        "the old chain stays open for late arrivals",
        introduce, "_add_minted", _closes_the_old_chain,
        "record:0 exchange:0 back_up_pc:0 rename:0 write_stick:0 restore_pc:0 exchange:0"
        " stick_at_hub:0",
    ),
    Bug(
        "a frozen replica's second successor waits for the county",
        introduce, "_standing_of_minted", _lets_everybody_in,
        "record:0 exchange:0 clone:0 rename:0 rename:4 exchange:0 exchange:4 exchange:0 exchange:4",
        tail=0,
    ),
    Bug(
        "a log that does not add up is mended, not the hub's fault",
        go_back, "_mend", _always_the_hubs_fault,
        "record:0 exchange:0 log_gone_bad:0",
    ),
    Bug(
        "a proven verdict raises what was judged lower since",
        _Taking, "_raise", _nothing,
        "record:0 exchange:0 exchange:1 back_up_hub:0 rename:0 write_stick:0 exchange:0 exchange:1"
        " revoke:0 restore_hub:0 stick_at_hub:0 exchange:1",
        tail=0,
    ),
    Bug(
        "a county page does not outlive a restore",
        Hub, "shown", _pages_outlive_an_epoch,
        "record:0 exchange:0 back_up_hub:0 open_page:0 restore_hub:0 submit_page:0",
    ),
    Bug(
        "no number is given out twice",
        give_numbers, "given_numbers", _none_given,
        "back_up_hub:0 enrol:0 restore_hub:0 record:0 back_up_pc:0 rename:0 restore_pc:0"
        " exchange:0 exchange:4",
    ),
)  # fmt: skip
