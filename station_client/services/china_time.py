"""Milliseconds since 1970 UTC as the country's calendar and clock. It has one time zone."""

from datetime import date, datetime, timedelta, timezone

CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")
"""Fixed, so that no time zone database must be installed."""


def moment(ms: int) -> datetime:
    return datetime.fromtimestamp(ms / 1000, CHINA)


def day(ms: int) -> date:
    return moment(ms).date()


def iso(ms: int) -> str:
    """As forms write a datetime: 2024-03-01T17:02:00+08:00."""
    return moment(ms).isoformat(timespec="seconds")
