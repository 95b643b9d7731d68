"""The desk as the pages see it: locked or open, by whom, since when idle, and what is half typed.

It is the state of one running program, in memory only: half-typed forms hold people's names and are
therefore never written to a file or to the browser's storage. Knows no Flask.
"""

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from station_client.home import Home
from station_client.services.list_clerks import clerk_names
from station_client.services.retire import Ended, erase_store
from station_client.station import Station
from station_client.ui.import_job import ImportJob

IDLE_MINUTES = 10
MAX_DRAFTS = 20
MAX_DRAFT_CHARACTERS = 200_000
MAX_SEARCHES = 100
MAX_SENT = 1_000
"""Forms remembered as sent: far more than lie open at once."""

Draft = Mapping[str, list[str]]
"""Name of an input → what stood in it (several for ticked boxes)."""


@dataclass(frozen=True)
class Enrolment:
    """What the first start asks for. `name`: the first clerk's; `secret`: PIN or passphrase."""

    hub_url: str
    code: str
    name: str
    secret: str = field(repr=False)


@dataclass
class Desk:
    """One running program. `unlock` opens the station with a secret (and the clerk's id, where one
    was chosen), `enrol` sets it up, `erase` destroys it (the station's code confirms that); all
    raise StationError. `sync_soon` asks for an exchange."""

    home: Home
    unlock: Callable[[str, bytes | None], Station]
    enrol: Callable[[Enrolment], Station]
    now_ms: Callable[[], int]
    sync_soon: Callable[[], None] = lambda: None
    erase: Callable[[Station, str], Ended] = erase_store
    idle_minutes: int = IDLE_MINUTES
    station: Station | None = None
    last_clerk: bytes = b""
    clerk_name: str = ""
    window: str = ""
    is_unfinished: bool = False
    used_ms: int = 0
    drafts: dict[tuple[bytes, str], Draft] = field(default_factory=dict)
    searches: dict[str, str] = field(default_factory=dict)
    imports: ImportJob = field(default_factory=ImportJob)
    _sent: dict[str, None] = field(default_factory=dict)
    _guarded: threading.Lock = field(default_factory=threading.Lock)
    _saving: threading.Lock = field(default_factory=threading.Lock)

    def open_with(self, station: Station) -> None:
        self.station = station
        self.last_clerk = station.clerk
        self.clerk_name = clerk_names(station).get(station.clerk, "")
        self.touch()

    def lock(self) -> None:
        """Close the pages. The program goes on exchanging with the county behind them."""
        self.station = None

    def end(self) -> None:
        """The station is no more: nothing of it stays in memory."""
        self.lock()
        with self._guarded:
            self.drafts.clear()
            self.searches.clear()
        self.imports = ImportJob()
        self.last_clerk, self.clerk_name, self.window = b"", "", ""

    def touch(self) -> None:
        self.used_ms = self.now_ms()

    def current(self) -> Station | None:
        """The open station; None when locked, or idle for too long (then it is locked now)."""
        idle_ms = self.now_ms() - self.used_ms
        # A clock that was set back makes no endless session: that is a lock too.
        if self.station is not None and not 0 <= idle_ms < self.idle_minutes * 60_000:
            self.lock()
        return self.station

    def keep_search(self, text: str) -> str:
        """Remember what was searched for; gives a word for it that may stand in an address.

        People are searched for by name and telephone, and the browser keeps addresses.
        """
        if not text:
            return ""
        with self._guarded:
            key = secrets.token_hex(4)
            self.searches[key] = text
            while len(self.searches) > MAX_SEARCHES:
                self.searches.pop(next(iter(self.searches)))
        return key

    def keep_draft(self, clerk: bytes, path: str, draft: Draft) -> None:
        """Remember a half-typed form; the oldest gives way."""
        if sum(len(text) for texts in draft.values() for text in texts) > MAX_DRAFT_CHARACTERS:
            return
        with self._guarded:
            if draft.get("form_id", [""])[0] in self._sent:
                return  # sent before it was saved, and overtaken
            self.drafts.pop((clerk, path), None)
            self.drafts[clerk, path] = draft
            while len(self.drafts) > MAX_DRAFTS:
                self.drafts.pop(next(iter(self.drafts)))

    def draft(self, clerk: bytes, path: str) -> Draft | None:
        return self.drafts.get((clerk, path))

    def drop_draft(self, clerk: bytes, path: str, form_id: str = "") -> None:
        """Forget a half-typed form, for good where its id is given: it has been saved."""
        with self._guarded:
            self.drafts.pop((clerk, path), None)
            self._remember(form_id)

    def _remember(self, form_id: str) -> None:
        if form_id:
            self._sent[form_id] = None
        while len(self._sent) > MAX_SENT:
            self._sent.pop(next(iter(self._sent)))

    @contextmanager
    def once(self, form_id: str) -> Iterator[bool]:
        """True until a form was saved; a second press of the key makes no second case.

        One at a time: the second waits for how the first ends, and what ended with an error was
        not saved. The same form may then come again.
        """
        with self._saving:
            yield form_id not in self._sent
            with self._guarded:
                self._remember(form_id)
