"""The hub as a process: one server a folder, stopped cleanly by Ctrl-C or the system.

Knows waitress and signals, and nothing of what is served.
"""

from __future__ import annotations

import errno
import gc
import logging
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import FrameType

from filelock import FileLock, Timeout
from flask import Flask
from waitress.server import BaseWSGIServer, create_server

from hub_server.app import create_app
from hub_server.errors import HubError
from hub_server.hub import Hub
from sync_protocol import limits

THREADS = 8
# Connections wait for a thread without costing one; a hundred slow lines must not shut others out.
# Below the 1024 open files that systems usually grant.
CONNECTIONS = 800
LOCK = "hub.lock"
_FORWARDED = frozenset({"x-forwarded-for", "x-forwarded-proto"})
_BODY_BYTES = (
    limits.REQUEST_BYTES + 64 * 1024
)  # the application refuses with words, the server last


@dataclass(frozen=True)
class Listener:
    """Where to listen. `trusted_hosts`: names under which browsers may address the hub, none: any.

    `trusted_proxy` is the address of the proxy in front: what it says of a request's client and of
    TLS (X-Forwarded-For, X-Forwarded-Proto) is believed, from anybody else it is dropped.
    """

    host: str
    port: int
    trusted_hosts: Sequence[str] = ()
    trusted_proxy: str | None = None


def serve(hub: Hub, at: Listener, announce: Callable[[str], object]) -> None:
    """Serves until SIGINT or SIGTERM. HubError `hub.second_instance|port_taken|address`."""
    try:
        with FileLock(hub.home / LOCK, timeout=0, mode=0o600):
            _serve(hub, at, announce)
    except Timeout as held:
        raise HubError("hub.second_instance", folder=hub.home) from held


def _serve(hub: Hub, at: Listener, announce: Callable[[str], object]) -> None:
    server = _server(create_app(hub, at.trusted_hosts), at)
    # A request that waits a moment for a thread is no news for whoever reads the output.
    logging.getLogger("waitress.queue").setLevel(logging.ERROR)
    for asked in (signal.SIGINT, signal.SIGTERM):  # a shell's background job has SIGINT ignored
        signal.signal(asked, _stop)
    # A batch makes a hundred thousand values that are gone with its reply. Looking through them for
    # cycles every 700 costs a tenth of the time, and what is there at the start never ends.
    gc.freeze()
    gc.set_threshold(50_000)
    announce(f"http://{at.host}:{server.effective_port}/")
    server.run()  # returns after SystemExit, its threads ended
    server.close()


def _server(application: Flask, at: Listener) -> BaseWSGIServer:
    try:
        return create_server(
            application,
            host=at.host,
            port=at.port,
            threads=THREADS,
            ident=None,
            max_request_body_size=_BODY_BYTES,
            connection_limit=CONNECTIONS,
            asyncore_use_poll=True,  # select() ends at 1024
            trusted_proxy=at.trusted_proxy,
            trusted_proxy_headers=_FORWARDED if at.trusted_proxy else (),
            clear_untrusted_proxy_headers=True,
        )
    except (OSError, ValueError) as refused:
        if getattr(refused, "errno", None) == errno.EADDRINUSE:
            raise HubError("hub.port_taken", port=at.port) from refused
        raise HubError("hub.address", host=at.host, port=at.port, reason=refused) from refused


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)
