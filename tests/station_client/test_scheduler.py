"""When exchanges begin by themselves: soon after a failure, then later, never all at once."""

import threading

import pytest

from station_client.scheduler import (
    EVERY_SECONDS,
    FIRST_RETRY_SECONDS,
    JITTER,
    LONGEST_RETRY_SECONDS,
    Schedule,
    wait_seconds,
)


def test_waits_grow_with_failures_and_stay_bounded() -> None:
    waits = [wait_seconds(failures, 0) for failures in range(1, 40)]
    assert waits[0] == FIRST_RETRY_SECONDS
    assert waits == sorted(waits)
    assert waits[-1] == LONGEST_RETRY_SECONDS
    assert wait_seconds(0, 0) == EVERY_SECONDS


@pytest.mark.parametrize("failures", [0, 1, 5])
def test_jitter_spreads_every_wait(failures: int) -> None:
    middle = wait_seconds(failures, 0)
    assert wait_seconds(failures, -1) == middle * (1 - JITTER)
    assert wait_seconds(failures, 1) == middle * (1 + JITTER)


def test_sync_now_runs_at_once_and_one_at_a_time() -> None:
    running = threading.Semaphore(1)
    calls: list[bool] = []
    asked, second = threading.Event(), threading.Event()

    def exchange() -> bool:
        calls.append(running.acquire(blocking=False))
        if len(calls) == 1:
            schedule.soon()
            asked.wait(1)  # long enough for the scheduler to hand the second one over
        else:
            second.set()
        running.release()
        return True

    schedule = Schedule(exchange)
    schedule.start()
    schedule.soon()
    assert second.wait(30)
    schedule.stop()
    assert all(calls)
