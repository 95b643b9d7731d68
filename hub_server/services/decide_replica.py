"""Which installations write for a station, and the county's word about those that wait for it.

After a fork one of two machines is not what it says it is: the county looks, then admits one here,
or revokes the enrolment of both (`withdraw`). PROTOCOL.md, section 12.
"""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from hub_server.accounts import Account
from hub_server.errors import HubError
from hub_server.hub import Hub
from hub_server.permissions import demand
from hub_server.services.audit import note
from hub_server.services.introduce import successors
from hub_server.services.issue_code import find_station
from hub_server.store import Replica


def list_replicas(hub: Hub, account: Account, station_code: str = "") -> Sequence[Replica]:
    """The replicas of a station, or of all in the account's region, by station and number."""
    demand(account, "station.list")
    if station_code:
        return hub.store.stations.replicas_of(find_station(hub, account, station_code).code)
    stations = hub.store.stations.replicas_within(account.region)
    return [each for _, replicas in sorted(stations.items()) for each in replicas]


def admit_replica(hub: Hub, account: Account, replica: bytes) -> Replica:
    """Lets a replica that waits read and go on. HubError `replica.not_here|not_waiting`."""
    demand(account, "replica.decide")
    with hub.store.writing():
        found = hub.store.stations.replica(replica)
        if found is None:
            raise HubError("replica.not_here")
        station = find_station(hub, account, found.station_code)
        if found.standing != "waiting":
            raise HubError("replica.not_waiting")
        hub.outside.add(replace(successors(hub)[replica], waits=False))
        hub.store.stations.set_standing(replica, "")
        note(hub, account, "replica.admit", station.code, station.region, replica=replica.hex())
    return found
