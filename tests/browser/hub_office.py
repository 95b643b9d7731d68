"""A hub's pages on a free port of this machine, for a real browser, and what its tests share."""

import os
import socket
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Page

from tests.browser.serving import served
from tests.hub_server.pages.county import PASSWORD, County, a_county


@dataclass(frozen=True)
class Office:
    """A county and where its pages are served."""

    county: County
    address: str


@contextmanager
def open_office(home: Path) -> Iterator[Office]:
    county = a_county(home)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        with served(county.app, listening):
            yield Office(county, f"http://127.0.0.1:{port}")
    county.hub.store.close()


def sign_in(page: Page, office: Office, role: str) -> None:
    page.goto(f"{office.address}/login")
    page.get_by_label("用户名").fill(office.county.account(role).name)
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()


def picture(page: Page, name: str) -> None:
    """Writes the page for the documentation, into the folder that BIANMIN_SCREENSHOTS names."""
    folder = os.environ.get("BIANMIN_SCREENSHOTS")
    if folder:
        page.mouse.move(0, 0)
        page.screenshot(path=Path(folder) / name, animations="disabled")


def a_seal(size: int = 160) -> bytes:
    """A PNG of a red ring with a dot, on a transparent ground."""
    middle, rows = size / 2, bytearray()
    for y in range(size):
        rows.append(0)
        for x in range(size):
            distance = ((x - middle) ** 2 + (y - middle) ** 2) ** 0.5 / size
            is_red = 0.42 < distance < 0.48 or distance < 0.12
            rows += b"\xc8\x14\x14\xff" if is_red else b"\xff\xff\xff\x00"
    header = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(rows), 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _chunk(kind: bytes, data: bytes) -> bytes:
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
