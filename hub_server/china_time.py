"""Moments as people in China read them: one zone, whatever the server's own is set to."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

_CHINA = timezone(timedelta(hours=8), "Asia/Shanghai")


def in_china(at_ms: int) -> datetime:
    """ms since 1970 UTC → the moment in China, to the second."""
    return datetime.fromtimestamp(at_ms // 1000, _CHINA)
