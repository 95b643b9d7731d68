"""Numbers that the hub gives out, each once: also after a backup is put back that knows less.

Stations have their codes on signs and papers, PCs theirs in the numbers of cases, applicants theirs
in their hands. PROTOCOL.md, section 13.
"""

from __future__ import annotations

from collections.abc import Iterable

from hub_server.china_time import in_china
from hub_server.hub import Hub
from hub_server.outside_journal import NumberGiven


def given_numbers(hub: Hub, prefix: str, digits: int) -> list[str]:
    """What was given that is this prefix and so many digits."""
    lines = (each.number for each in hub.outside.read() if isinstance(each, NumberGiven))
    mine = (number for number in lines if number.startswith(prefix))
    return [n for n in mine if n[len(prefix) :].isdecimal() and len(n) - len(prefix) >= digits]


def keep_number(hub: Hub, number: str) -> None:
    """Never again. Last before the commit of what it was given for: rather a gap than two alike."""
    line = NumberGiven(number)
    if line not in hub.outside.read():
        hub.outside.add(line)


def next_station_code(hub: Hub, region6: str) -> str:
    """HubError `station.codes_used_up`. Kept by whoever gives it."""
    given = [code for code in given_numbers(hub, region6, 3) if len(code) == len(region6) + 3]
    return hub.store.stations.next_code(region6, given)


def next_device_number(hub: Hub, station_code: str) -> int:
    """The running number of a new PC of a station. Kept by whoever gives it, as `device_number`."""
    prefix = device_number(station_code, 0)[:-1]
    given = (int(each[len(prefix) :]) for each in given_numbers(hub, prefix, 1))
    hub.store.stations.count_devices_to(station_code, max(given, default=0))
    return hub.store.stations.count_device(station_code)


def device_number(station_code: str, number: int) -> str:
    """A PC's number as it is kept."""
    return f"{station_code}-{number}"


def next_application_number(hub: Hub) -> str:
    """Region, day and a running number of the day: 140581-261120-0001 without the dashes. Kept by
    whoever gives it."""
    prefix = f"{hub.region}{in_china(hub.now_ms()):%y%m%d}"
    highest = hub.store.applications.highest_number(prefix)
    used = _tails([*given_numbers(hub, prefix, 4), *([highest] if highest else [])], prefix)
    return f"{prefix}{max(used, default=0) + 1:04d}"


def _tails(numbers: Iterable[str], prefix: str) -> list[int]:
    return [int(number[len(prefix) :]) for number in numbers]
