"""Who is signed in: visits kept by this process, ended by idleness, age or signing out.

The cookie holds only a visit's token; a copied cookie is worth nothing once the visit has ended.
Knows no page and no password.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from threading import Lock

IDLE_MS = 30 * 60 * 1000
LONGEST_MS = 8 * 60 * 60 * 1000
MOST_VISITS = 10_000
MOST_SEARCHES = 50


@dataclass
class Visit:
    """One signed-in browser. ``once`` holds what its next page shows a single time, ``searches``
    what was looked for: a name or a number has no place in an address.
    """

    account: bytes
    began_at: int
    seen_at: int
    once: dict[str, object] = field(default_factory=dict)
    searches: dict[str, str] = field(default_factory=dict)

    def has_ended(self, now: int) -> bool:
        return now - self.seen_at > IDLE_MS or now - self.began_at > LONGEST_MS

    def keep_search(self, text: str) -> str:
        """A random word that stands for this text in the addresses of this visit."""
        while len(self.searches) >= MOST_SEARCHES:
            del self.searches[next(iter(self.searches))]
        word = secrets.token_urlsafe(9)
        self.searches[word] = text
        return word


class Visits:
    """The visits of one hub. Times are ms since 1970 UTC."""

    def __init__(self) -> None:
        self._visits: dict[str, Visit] = {}
        self._lock = Lock()

    def begin(self, account: bytes, now: int) -> tuple[str, Visit]:
        """A new visit and its token; never one that a browser brought along."""
        token, visit = secrets.token_urlsafe(32), Visit(account, now, now)
        with self._lock:
            self._forget_ended(now)
            self._visits[token] = visit
        return token, visit

    def find(self, token: str, now: int, *, is_active: bool = True) -> Visit | None:
        """The visit that goes on, or None. A page that refreshes itself is no activity."""
        with self._lock:
            visit = self._visits.get(token)
            if visit is None or visit.has_ended(now):
                self._visits.pop(token, None)
                return None
            if is_active:
                visit.seen_at = now
            return visit

    def end(self, token: str) -> None:
        with self._lock:
            self._visits.pop(token, None)

    def _forget_ended(self, now: int) -> None:
        for token in [t for t, visit in self._visits.items() if visit.has_ended(now)]:
            del self._visits[token]
        while len(self._visits) >= MOST_VISITS:
            del self._visits[next(iter(self._visits))]
