"""Archives: whole channels as an auditor can check them without the hub. PROTOCOL.md, section 24.

Read in one view and written as they are read: no channel is ever whole in memory. The same history
gives the same bytes but for the receipt's time and what signs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from hub_server.accounts import Account
from hub_server.files import whole_file
from hub_server.hub import Hub
from hub_server.outside_journal import EpochDrawn
from hub_server.permissions import demand
from hub_server.services.audit import note
from hub_server.services.export import region_of
from hub_server.services.issue_code import find_station
from hub_server.store import Channel, KeptItem, Member
from sync_protocol import agree, archive, crypto
from sync_protocol import channel as protocol
from sync_protocol.channel import EpochEntry
from sync_protocol.mint import Introduction

SUFFIX = ".bmarc"


@dataclass(frozen=True)
class Written:
    """An archive that was written, and how many entries it holds."""

    path: Path
    entries: int


def write_archive(hub: Hub, account: Account, station_code: str, path: Path) -> Written:
    """The archive of one station's channel. HubError `station.unknown`, `account.*`; OSError."""
    demand(account, "station.export")
    station = find_station(hub, account, station_code)
    with hub.store.reading():
        channel = hub.store.journal.channel(station.channel)
        assert channel is not None  # a station is made together with its channel
        _write(hub, channel, path)
    _note(hub, account, channel)
    return Written(path, channel.position)


def write_archives(hub: Hub, account: Account, folder: Path) -> list[Written]:
    """One archive for each channel of the account's region, stations' and county's own."""
    demand(account, "station.export")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    done: list[Written] = []
    with hub.store.reading():
        channels = hub.store.journal.channels()
        seen = [each for each in channels if account.sees(region_of(hub, each))]
        for channel in seen:
            name = channel.station_code or f"{channel.kind}-{channel.region}"
            path = folder / f"{name}{SUFFIX}"
            _write(hub, channel, path)
            done.append(Written(path, channel.position))
    for channel in seen:
        _note(hub, account, channel)
    return done


def _note(hub: Hub, account: Account, channel: Channel) -> None:
    target = channel.station_code or channel.kind
    with hub.store.writing():
        note(hub, account, "archive.write", target, channel.region, entries=channel.position)


def _write(hub: Hub, channel: Channel, path: Path) -> None:
    with whole_file(path) as draft, draft.open("wb") as out:
        for data in archived(hub, channel):
            out.write(data)


def archived(hub: Hub, channel: Channel) -> Iterator[bytes]:
    """The bytes of a channel's archive, piece by piece. Must run inside one view of the store."""
    return archive.written(_frames(hub, channel), hub.keys.signing)


def _frames(hub: Hub, channel: Channel) -> Iterator[archive.Frame]:
    evidence, epochs = hub.store.evidence, _epochs(hub, channel)
    yield archive.ChannelFrame(
        hub.keys.public,
        channel.id,
        channel.kind,
        channel.region,
        channel.station_code or "",
        epochs,
        _lost_epochs(hub, channel, epochs),
    )
    for member in evidence.members(channel.id):
        yield _replica(hub, member)
    for each in evidence.heads(channel.id):
        yield archive.head_frame(each.head, each.signature)
    for replica, signed, at in hub.store.stations.countersigned(channel.id):
        yield archive.CountersignatureFrame(replica, signed, at)
    for item in evidence.items(channel.id):
        yield archive.EntryFrame(item.data, item.digest, _parts(item))
    receipt = agree.sign_receipt(hub.keys.signing, channel.cursor, hub.now_ms())
    yield archive.ReceiptFrame(receipt)


def _epochs(hub: Hub, channel: Channel) -> list[bytes]:
    """Those that the channel's epoch entries ended, and its present one."""
    told = map(protocol.read_entry, hub.store.epochs.of(channel.id))
    return [*(each.old_epoch for each in told if isinstance(each, EpochEntry)), channel.epoch]


def _lost_epochs(hub: Hub, channel: Channel, epochs: list[bytes]) -> list[bytes]:
    """Others in which the hub wrote what came back here."""
    drawn = {each.epoch for each in hub.outside.read() if isinstance(each, EpochDrawn)}
    writers = hub.store.evidence.hub_replicas(channel.id)
    others = sorted(drawn - set(epochs))
    return [each for each in others if hub.replica_of(channel.id, each) in writers]


def _replica(hub: Hub, member: Member) -> archive.ReplicaFrame:
    signature = crypto.sign(hub.keys.signing, b"bianmin/certificate", member.certificate)
    data = member.introduction
    introduction = msgspec.msgpack.decode(data, type=Introduction) if data else None
    return archive.ReplicaFrame(member.certificate, signature, introduction)


def _parts(item: KeptItem) -> archive.Parts | None:
    if item.operation is None:
        return None
    header, body, body_digest, base = item.operation
    return header, body, None if body is not None else body_digest, base
