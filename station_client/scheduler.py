"""When the station exchanges with the county by itself; the only file that knows APScheduler.

After a success in some minutes, after a failure soon and then ever later, always with jitter: a
county's stations must not all knock at once when its line comes back. Knows no protocol.
"""

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

EVERY_SECONDS = 300.0
FIRST_RETRY_SECONDS = 20.0
LONGEST_RETRY_SECONDS = 1800.0
JITTER = 0.25
"""Part of a wait by which it may be shorter or longer."""
_JOB = "exchange"


def wait_seconds(failures: int, jitter: float) -> float:
    """How long to wait after so many failures in a row; `jitter` is from -1 to 1."""
    wait = EVERY_SECONDS
    if failures:
        # The exponent is bounded: a winter without a line must not overflow.
        wait = min(FIRST_RETRY_SECONDS * 2 ** min(failures - 1, 10), LONGEST_RETRY_SECONDS)
    return wait * (1 + JITTER * jitter)


class Schedule:
    """Calls `exchange` again and again, one at a time; it says whether it went well."""

    def __init__(self, exchange: Callable[[], bool]) -> None:
        self._exchange = exchange
        self._failures = 0
        self._scheduler = BackgroundScheduler(
            timezone=UTC,
            executors={"default": ThreadPoolExecutor(1)},
            # Two of one job: the second waits in the executor until the first has ended.
            job_defaults={"coalesce": True, "misfire_grace_time": None, "max_instances": 2},
        )

    def start(self) -> None:
        self._scheduler.start()
        self._plan(FIRST_RETRY_SECONDS * random.random())

    def soon(self) -> None:
        """Exchange now; while one is under way, once more after it."""
        self._plan(0)

    def stop(self) -> None:
        """Begin no exchange any more, and wait for the one that is under way."""
        self._scheduler.shutdown(wait=True)

    def _plan(self, seconds: float) -> None:
        self._scheduler.add_job(
            self._run,
            "date",
            run_date=datetime.now(UTC) + timedelta(seconds=seconds),
            id=_JOB,
            replace_existing=True,
        )

    def _run(self) -> None:
        went_well = self._exchange()
        self._failures = 0 if went_well else self._failures + 1
        if self._scheduler.get_job(_JOB) is None and self._scheduler.running:
            jitter = random.uniform(-1, 1)
            self._plan(wait_seconds(self._failures, jitter))
