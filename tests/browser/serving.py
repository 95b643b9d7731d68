"""An application on a port of this machine, for a real browser. Knows neither hub nor station."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask
from waitress import wasyncore
from waitress.server import create_server


@contextmanager
def served(app: Flask, listening: socket.socket) -> Iterator[None]:
    """Answers while inside. Then it ends at once, also when a browser keeps its connections."""
    connections: dict[int, object] = {}
    server = create_server(
        app, map=connections, sockets=[listening], threads=4, asyncore_use_poll=True
    )
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    yield
    server.task_dispatcher.shutdown()
    wasyncore.close_all(connections)
    thread.join()
