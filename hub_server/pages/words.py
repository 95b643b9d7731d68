"""How pages write what is stored: moments in China's time, lengths, sizes, roles, states."""

from __future__ import annotations

from flask import Flask

from hub_server.china_time import in_china
from hub_server.permissions import allows
from hub_server.services.watch_stations import standing_words

ROLE_WORDS = {"reviewer": "审核人", "operator": "运维人员", "admin": "管理员"}
KINDS = {"station_open": "开设", "station_change": "变更", "station_close": "注销"}
CASE_KINDS = {"intake_case": "收件", "helper_case": "帮办", "proxy_case": "代办"}
_STATE_COLOURS = {"submitted": "yellow", "returned": "red", "approved": "green"}
_MEDIA = {"iVBORw": "image/png", "/9j/": "image/jpeg"}


def moment(at_ms: int | None) -> str:
    """ms since 1970 UTC → ``2024-03-01 09:05`` in China; None → nothing."""
    if at_ms is None:
        return ""
    return in_china(at_ms).strftime("%Y-%m-%d %H:%M")


def today(at_ms: int) -> str:
    """The day in China, ``2024-03-01``."""
    return moment(at_ms)[:10]


def duration(ms: int) -> str:
    """A length of time in one unit: ``3 天``, ``5 小时``, ``12 分钟``, ``8 秒``."""
    seconds = ms // 1000
    for size, unit in ((86_400, "天"), (3_600, "小时"), (60, "分钟")):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} 秒"


def disk(size_bytes: int) -> str:
    """Free disk in GB, or MB below one."""
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e9 else f"{size_bytes // 1_000_000} MB"


def picture(base64_text: str) -> str:
    """A stored image (base64 of PNG or JPEG) as an address that the page can show."""
    for start, media in _MEDIA.items():
        if base64_text.startswith(start):
            return f"data:{media};base64,{base64_text}"
    return "data:,"


def add_filters(app: Flask) -> None:
    app.jinja_env.filters.update(
        moment=moment,
        picture=picture,
        role=lambda role: ROLE_WORDS.get(role, role),
        standing=standing_words,
        state_colour=lambda state: _STATE_COLOURS.get(state, "grey"),
        may=lambda user, action: allows(user.account.role, action),
    )
