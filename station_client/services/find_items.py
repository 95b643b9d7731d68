"""Find a service item of the published catalogue while a clerk types."""

from station_client.station import Station
from station_client.store.rows import ItemRow as Item

__all__ = ["Item", "find_items"]


def find_items(station: Station, text: str, limit: int = 20) -> list[Item]:
    """Items that hold every word of the text in their name, code, department or the initials of
    their pinyin; those that begin with it first."""
    return station.store.items.find(text, limit)
