"""One-time enrolment codes: one with the approval, a further one for a second or replacement PC."""

from __future__ import annotations

import os

from hub_server.accounts import Account
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.permissions import demand
from hub_server.services.audit import note
from hub_server.store import EnrolmentCode, Station
from sync_protocol import enrol

VALID_MS = 7 * 24 * 60 * 60 * 1000


def issue_code(hub: Hub, account: Account, station_code: str) -> str:
    """A code as text, shown once: only what proves it is kept. HubError `station.unknown`."""
    demand(account, "code.issue")
    with hub.store.writing():
        station = find_station(hub, account, station_code)
        return new_code(hub, account, station)


def find_station(hub: Hub, account: Account, station_code: str) -> Station:
    """A station of the account's region. HubError `station.unknown`."""
    station = hub.store.stations.get(station_code)
    if station is None or not account.sees(station.region):
        raise HubError("station.unknown")
    return station


def new_code(hub: Hub, account: Account, station: Station) -> str:
    """Makes and keeps a code. Must run inside a write transaction."""
    if station.state == "closed":
        raise HubError("code.station_closed")
    code = enrol.new_code(os.urandom(enrol.SECRET_BYTES), hub.keys.public)
    now = hub.now_ms()
    hub.store.stations.add_code(EnrolmentCode(code.id, code.key, station.code, now, now + VALID_MS))
    note(hub, account, "code.issue", station.code, station.region)
    return code.text()
