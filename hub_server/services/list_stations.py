"""The register of stations as the county keeps it (5.4.1): the card of each, and its PCs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub_server.accounts import Account
from hub_server.hub import Hub
from hub_server.permissions import demand
from hub_server.services.issue_code import find_station
from hub_server.store import Replica, Station


@dataclass(frozen=True)
class StationLine:
    """One station. `card` is its card, register → value; `computers` its enrolled PCs.

    `card_record` in `channel` is the record of that card.
    """

    code: str
    name: str
    region: str
    state: str
    opened_at: int
    channel: bytes
    card_record: bytes
    card: Mapping[str, Any]
    computers: tuple[Replica, ...]
    last_contact: int | None


def list_stations(hub: Hub, account: Account) -> list[StationLine]:
    """The stations of the account's region, by code. Three queries, however many they are."""
    demand(account, "station.list")
    with hub.store.reading():
        stations = hub.store.stations.within(account.region)
        replicas = hub.store.stations.replicas_within(account.region)
        cards = hub.store.records.values_of_kind("station_card", account.region)
    return [
        _line(each, cards.get((each.channel, each.card)), replicas.get(each.code, ()))
        for each in stations
    ]


def station_names(hub: Hub, account: Account) -> list[tuple[str, str]]:
    """(code, name) of each of them: what a list to choose from needs."""
    demand(account, "station.list")
    return [(each.code, each.name) for each in hub.store.stations.within(account.region)]


def show_station(hub: Hub, account: Account, station_code: str) -> StationLine:
    """One of them. HubError `station.unknown`."""
    demand(account, "station.list")
    station = find_station(hub, account, station_code)
    card = hub.store.records.get(station.channel, station.card)
    replicas = hub.store.stations.replicas_of(station.code)
    return _line(station, card.values if card else None, replicas)


def _line(
    station: Station, card: Mapping[str, Any] | None, computers: Sequence[Replica]
) -> StationLine:
    contacts = [each.last_contact for each in computers if each.last_contact is not None]
    return StationLine(
        code=station.code,
        name=station.name,
        region=station.region,
        state=station.state,
        opened_at=station.opened_at,
        channel=station.channel,
        card_record=station.card,
        card=card or {},
        computers=tuple(computers),
        last_contact=max(contacts, default=None),
    )
