"""What is taken back for good: a record's contents are erased, an enrolment is revoked.

Written to the journal outside the database first, so that no backup that is put back brings it
again; then the entry in the channel tells the stations. PROTOCOL.md, section 15.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

from hub_server.accounts import Account
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.outside_journal import (
    EpochDrawn,
    Erasure,
    Line,
    NumberGiven,
    Revocation,
    Successor,
)
from hub_server.permissions import demand
from hub_server.services.audit import note
from hub_server.services.give_numbers import device_number
from hub_server.services.issue_code import find_station
from hub_server.services.write_records import append_word
from hub_server.store import Channel, Replica
from sync_protocol.channel import ErasureEntry, RevocationEntry

REASON_CHARACTERS = 200


def erase_record(
    hub: Hub, account: Account, record: bytes, reason: str, station_code: str = ""
) -> None:
    """Erases all contents of a record, here at once and at every station that reads the channel.

    `station_code`: whose record it is; needed of one that was never accepted. HubError
    `case.unknown`, `erase.no_reason`, `record.erased`, `record.ambiguous`, `station.unknown`.
    """
    demand(account, "record.erase")
    if not reason.strip():
        raise HubError("erase.no_reason")
    with hub.store.writing():  # nobody sees the journal ahead of the store, and takes it for old
        channel, region = _channel_of(hub, account, record, station_code)
        if hub.store.withdrawn.erased(channel, [record]):
            raise HubError("record.erased")
        now = hub.now_ms()
        hub.outside.add(Erasure(channel, record, now))
        erase(hub, hub.store.journal.lock_channel(channel), record, now)
        told = reason.strip()[:REASON_CHARACTERS]
        note(hub, account, "record.erase", record.hex(), region, reason=told)


def erase(hub: Hub, channel: Channel, record: bytes, at: int) -> Channel:
    """Erases a record of a locked channel that is not erased yet, and says so in the channel."""
    hub.store.withdrawn.erase(channel.id, record, at)
    return append_word(hub, channel, ErasureEntry(record, at))


def _channel_of(hub: Hub, account: Account, record: bytes, station_code: str) -> tuple[bytes, str]:
    if station_code:
        station = find_station(hub, account, station_code)
        if not hub.store.operations.of_records(station.channel, [record])[record]:
            raise HubError("case.unknown")
        return station.channel, station.region
    found = hub.store.records.find(record, account.region)
    if found is None:
        raise HubError("case.unknown")
    return found.channel, found.region


def revoke_enrolment(hub: Hub, account: Account, replica: bytes, reason: str) -> int:
    """Revokes the enrolment that a replica belongs to, with all that it minted or ever mints; how
    many replicas are known of it. HubError `replica.not_here`, `revoke.no_reason`."""
    demand(account, "replica.decide")
    if not reason.strip():
        raise HubError("revoke.no_reason")
    with hub.store.writing():
        found = hub.store.stations.replica(replica)
        if found is None:
            raise HubError("replica.not_here")
        station = find_station(hub, account, found.station_code)
        told, now = reason.strip()[:REASON_CHARACTERS], hub.now_ms()
        if not hub.store.withdrawn.is_revoked(found.enrolment):
            hub.outside.add(Revocation(found.enrolment, told, now))
            channel = hub.store.journal.lock_channel(found.channel)
            revoke(hub, channel, found.enrolment, told, now)
            note(hub, account, "replica.revoke", replica.hex(), station.region, reason=told)
        return len(hub.store.stations.replicas_of_enrolment(found.enrolment))


def revoke(hub: Hub, channel: Channel, enrolment: bytes, reason: str, at: int) -> Channel:
    """Revokes an enrolment that is not revoked yet, and says so in its locked channel."""
    hub.store.withdrawn.revoke(enrolment, reason, at)
    hub.store.stations.revoke(enrolment)
    return append_word(hub, channel, RevocationEntry(enrolment, reason, at))


def replay_journal(hub: Hub) -> None:
    """At the hub's start: what the journal says takes effect; what it lacks is written to it, as
    after the loss of its disk."""
    lines = hub.outside.read()
    erasures, withdrawn = _owed(hub, lines)
    admitted = _admitted(hub, lines)
    if erasures or withdrawn or admitted:
        with hub.store.writing():
            for erasure in {(e.channel, e.record): e for e in erasures}.values():
                _erase_again(hub, erasure)
            for revocation in {e.enrolment: e for e in withdrawn}.values():
                _revoke_again(hub, revocation)
            for replica in admitted:
                hub.store.stations.set_standing(replica, "")
    hub.outside.add(*_lacking(hub, lines))


def is_behind_journal(hub: Hub) -> bool:
    """Whether the store lacks what the journal says was taken back: it was restored."""
    return any(_owed(hub, hub.outside.read()))


def _owed(hub: Hub, lines: list[Line]) -> tuple[list[Erasure], list[Revocation]]:
    erased, revoked = hub.store.withdrawn.all_erased(), hub.store.withdrawn.all_revoked()
    return (
        [e for e in lines if isinstance(e, Erasure) and (e.channel, e.record) not in erased],
        [e for e in lines if isinstance(e, Revocation) and e.enrolment not in revoked],
    )


def _admitted(hub: Hub, lines: list[Line]) -> list[bytes]:
    """Replicas that wait here and were admitted since the backup."""
    told = {each.replica: each for each in lines if isinstance(each, Successor)}
    waiting = [each.id for each in _replicas(hub) if each.standing == "waiting"]
    return [each for each in waiting if each in told and not told[each].waits]


def _replicas(hub: Hub) -> Iterable[Replica]:
    return chain.from_iterable(hub.store.stations.replicas_within("").values())


def _erase_again(hub: Hub, line: Erasure) -> None:
    channel = hub.store.journal.channel(line.channel)
    if channel is None:  # its station was opened since the backup, and is not back yet
        hub.store.withdrawn.erase(line.channel, line.record, line.at)
    else:
        erase(hub, channel, line.record, line.at)


def _revoke_again(hub: Hub, line: Revocation) -> None:
    replicas = hub.store.stations.replicas_of_enrolment(line.enrolment)
    if replicas:
        channel = hub.store.journal.lock_channel(replicas[0].channel)
        revoke(hub, channel, line.enrolment, line.reason, line.at)
    else:
        hub.store.withdrawn.revoke(line.enrolment, line.reason, line.at)


def _lacking(hub: Hub, lines: list[Line]) -> list[Line]:
    now = hub.now_ms()
    erased = {(e.channel, e.record) for e in lines if isinstance(e, Erasure)}
    revoked = {e.enrolment for e in lines if isinstance(e, Revocation)}
    given = {e.number for e in lines if isinstance(e, NumberGiven)}
    drawn = {e.epoch for e in lines if isinstance(e, EpochDrawn)}
    followed = {e.replica for e in lines if isinstance(e, Successor)}
    numbers = (
        number
        for each in hub.store.stations.within("")
        for number in (each.code, *(device_number(each.code, n + 1) for n in range(each.devices)))
    )
    return [
        *(Erasure(*key, now) for key in sorted(hub.store.withdrawn.all_erased() - erased)),
        *(
            Revocation(enrolment, reason, now)
            for enrolment, reason in hub.store.withdrawn.all_revoked().items()
            if enrolment not in revoked
        ),
        *(NumberGiven(number) for number in numbers if number not in given),
        *(
            Successor(each.parent, each.id, waits=each.standing == "waiting")
            for each in _replicas(hub)
            if each.parent is not None and each.id not in followed
        ),
        *(EpochDrawn(epoch, now) for epoch in [hub.epoch] if epoch not in drawn),
    ]
