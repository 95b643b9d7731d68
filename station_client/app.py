"""The only wiring: folder, vault, store, clock and transport become an open Station; the Station,
its pages and its schedule become the running program.
"""

import logging
import platform
import signal
import socket
import sys
import threading
import time
import webbrowser
from collections.abc import Callable
from contextlib import ExitStack
from logging.handlers import RotatingFileHandler
from pathlib import Path

import waitress

import forms
from station_client import reopen
from station_client.device_secret import find_or_create
from station_client.errors import StationError
from station_client.home import Home
from station_client.scheduler import Schedule
from station_client.services.enrol_station import enrol_station
from station_client.services.exchange_with_hub import exchange_with_hub
from station_client.services.renew_records import renew_records
from station_client.services.restore_backup import go_on, put_back
from station_client.services.retire import Ended, erase_store
from station_client.station import Station
from station_client.store import open_store
from station_client.transport import HttpTransport
from station_client.ui.application import create_app, start_url
from station_client.ui.desk import Desk, Enrolment
from station_client.ui.guard import Guard
from station_client.vault import Unlocked, Vault

PORTS_TRIED = 20
THREADS = 4
SECOND_START_SECONDS = 10.0
"""How long a second start waits for the first: a double click starts both at once."""
LOG_BYTES = 1024 * 1024

log = logging.getLogger(__name__)


def now_ms() -> int:
    """This PC's clock, ms since 1970 UTC."""
    return time.time_ns() // 1_000_000


def open_station(home: Home, secret: str, clerk: bytes | None = None) -> Station:
    """The station in this folder, unlocked by a clerk's PIN or passphrase.

    Errors: vault.*, store.*, station.not_enrolled
    """
    vault = Vault.open(home)
    return station_of(home, vault, vault.unlock(secret, clerk))


def station_of(home: Home, vault: Vault, unlocked: Unlocked) -> Station:
    """The station of a folder whose vault is open. Errors: store.*, station.not_enrolled"""
    store = open_store(home.database, unlocked.data_key)
    try:
        station = Station.open(home, vault, unlocked, store, forms.builtin(), now_ms, HttpTransport)
        renew_records(station)
        return station
    except BaseException:
        store.close()
        raise


def restored(
    home: Home, secret: str, clerk: bytes | None = None, backup: Path | None = None
) -> Station:
    """The station after its store was put back: from this file, or by hand already.

    Errors: vault.*, store.*, backup.not_sound, station.not_enrolled
    """
    vault = Vault.open(home)
    unlocked = vault.unlock(secret, clerk)
    if backup is not None:
        put_back(home, unlocked.data_key, backup)
    station = station_of(home, vault, unlocked)
    go_on(station)
    return station


def enrol(home: Home, hub_url: str, code: str, clerk_name: str, secret: str) -> Station:
    """A fresh folder becomes a PC of the code's station. Errors: those of `enrol_station`."""
    return enrol_station(
        home,
        secret,
        hub_url,
        code,
        clerk_name,
        device=find_or_create(home.id, create=True),
        device_name=f"{platform.node()} {platform.system()}",
        forms=forms.builtin(),
        now_ms=now_ms,
        connect=HttpTransport,
    )


class Program:
    """The running program: at most one open station, kept open behind locked pages so that the
    exchanges go on by its schedule."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._opening = threading.Lock()
        self.station: Station | None = None
        self.schedule = Schedule(self.exchange)

    def unlock(self, secret: str, clerk: bytes | None) -> Station:
        """For the pages: open the station, or hand it to the next clerk.

        One at a time, or a key pressed twice would open two: two vaults would count guesses apart.
        """
        with self._opening:
            if self.station is None:
                self.station = open_station(self.home, secret, clerk)
            else:
                self.station.unlocked = self.station.vault.unlock(secret, clerk)
            # Each time: a clock that is set back locks the pages, and puts off what is planned.
            self.schedule.soon()
            return self.station

    def enrol(self, asked: Enrolment) -> Station:
        with self._opening:
            if self.station is not None:
                raise StationError("station.already_enrolled")
            self.station = enrol(self.home, asked.hub_url, asked.code, asked.name, asked.secret)
            self.schedule.soon()
            return self.station

    def erase(self, station: Station, confirmation: str) -> Ended:
        """For the pages: destroy the station's data; the folder may be set up anew then."""
        with self._opening:
            done = erase_store(station, confirmation)
            self.station = None
            return done

    def exchange(self) -> bool:
        """For the schedule. Before the first unlock there is no key, and nothing to exchange."""
        if self.station is None:
            return True
        try:
            exchange_with_hub(self.station)
        except StationError as error:
            log.warning("exchange failed: %s", error.code)
            return False
        except Exception as error:  # noqa: BLE001 - the schedule must outlive what nobody foresaw
            # The class only: a message might quote what somebody typed.
            log.error("exchange broke: %s", type(error).__name__)
            return False
        return True

    def close(self) -> None:
        if self.station is not None:
            self.station.close()


def serve(
    home: Home,
    port: int,
    open_browser: bool,
    announce: Callable[[str], None] = lambda address: None,
) -> None:
    """Show the pages on 127.0.0.1 until Ctrl-C or SIGTERM; `port` 0 takes any free one.

    `announce` is given the address to open, which works once. Where the program runs already, its
    pages are shown again, and this returns. Errors: home.second_instance, serve.port_taken
    """

    def show(port: int, token: str) -> None:
        address = start_url(port, token)
        announce(address)
        if open_browser:
            webbrowser.open(address)

    with ExitStack() as closing:
        running = _running_or_held(home, closing)
        if running is not None:
            show(*running)
            return
        _log_to(home.logs / "station.log", closing)
        program = Program(home)
        closing.callback(program.close)
        listening = closing.enter_context(_listen(port))
        port = listening.getsockname()[1]
        guard = Guard(port)
        closing.enter_context(reopen.announced(home, port, guard.reopen_key))
        desk = Desk(
            home,
            program.unlock,
            program.enrol,
            now_ms,
            sync_soon=program.schedule.soon,
            erase=program.erase,
        )
        server = waitress.create_server(
            create_app(desk, guard), sockets=[listening], threads=THREADS, ident=None
        )
        for each in (signal.SIGTERM, signal.SIGINT):  # a shell's background job ignores the latter
            signal.signal(each, lambda *_: sys.exit(0))
        program.schedule.start()
        closing.callback(program.schedule.stop)
        show(port, guard.mint())
        server.run()


def _running_or_held(home: Home, closing: ExitStack) -> tuple[int, str] | None:
    """Port and launch token of the program that runs already, or None: then this one holds the
    folder. Error: home.second_instance, where another command holds it and does not end."""
    deadline = time.monotonic() + SECOND_START_SECONDS
    while True:
        try:
            closing.enter_context(home.only_instance())
            return None
        except StationError as error:
            if error.code != "home.second_instance":
                raise
            running = reopen.ask(home)
            if running is None and time.monotonic() > deadline:
                raise
        if running is not None:
            return running
        time.sleep(0.2)


def _listen(port: int) -> socket.socket:
    """A listening socket on this port or, where it is taken, on one of the next."""
    for each in range(port, port + PORTS_TRIED if port else 1):
        try:
            return socket.create_server((reopen.ADDRESS, each))
        except OSError:
            continue
    raise StationError("serve.port_taken", port=port)


def _log_to(path: Path, closing: ExitStack) -> None:
    """Warnings, by code: nothing about a citizen ever reaches a log."""
    handler = RotatingFileHandler(path, maxBytes=LOG_BYTES, backupCount=2, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    path.chmod(0o600)
    root = logging.getLogger()
    root.addHandler(handler)
    closing.callback(handler.close)
    closing.callback(root.removeHandler, handler)
