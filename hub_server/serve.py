"""The hub as a process: one server a folder, stopped cleanly by Ctrl-C or the system.

Knows waitress and signals, and nothing of what is served.
"""

from __future__ import annotations

import errno
import signal
from collections.abc import Callable, Sequence
from types import FrameType

from filelock import FileLock, Timeout
from waitress.server import create_server

from hub_server.app import create_app
from hub_server.errors import HubError
from hub_server.hub import Hub
from sync_protocol import limits

THREADS = 8
LOCK = "hub.lock"
_BODY_BYTES = (
    limits.REQUEST_BYTES + 64 * 1024
)  # the application refuses with words, the server last


def serve(
    hub: Hub,
    host: str,
    port: int,
    trusted_hosts: Sequence[str],
    announce: Callable[[str], object],
) -> None:
    """Serves until SIGINT or SIGTERM. HubError `hub.second_instance|port_taken|address`."""
    try:
        with FileLock(hub.home / LOCK, timeout=0):
            _serve(hub, host, port, trusted_hosts, announce)
    except Timeout as held:
        raise HubError("hub.second_instance", folder=hub.home) from held


def _serve(
    hub: Hub,
    host: str,
    port: int,
    trusted_hosts: Sequence[str],
    announce: Callable[[str], object],
) -> None:
    application = create_app(hub, trusted_hosts)
    try:
        server = create_server(
            application,
            host=host,
            port=port,
            threads=THREADS,
            ident=None,
            max_request_body_size=_BODY_BYTES,
        )
    except (OSError, ValueError) as refused:
        if getattr(refused, "errno", None) == errno.EADDRINUSE:
            raise HubError("hub.port_taken", port=port) from refused
        raise HubError("hub.address", host=host, port=port, reason=refused) from refused
    for asked in (signal.SIGINT, signal.SIGTERM):  # a shell's background job has SIGINT ignored
        signal.signal(asked, _stop)
    announce(f"http://{host}:{server.effective_port}/")
    server.run()  # returns after SystemExit, its threads ended
    server.close()


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise SystemExit(0)
