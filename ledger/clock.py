"""The only place that reads the clock. Everything else takes the time, or a Clock, as an argument."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]


def now() -> datetime:
    """Return the moment, aware and in UTC."""
    return datetime.now(UTC)


def stopwatch() -> Callable[[], timedelta]:
    """Return a function that says how long ago `stopwatch` was called, undisturbed by changes of the clock."""
    begun = time.monotonic()
    return lambda: timedelta(seconds=time.monotonic() - begun)
