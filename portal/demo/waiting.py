"""Waiting for something with a deadline, and saying what it was when it does not come."""

import time
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from ledger.clock import stopwatch
from ledger.errors import Code, Error

T = TypeVar("T")


def until(look: Callable[[], T | None], longest: timedelta, what: str, every: float = 0.05) -> T:
    """Return what `look` finds, asking every so many seconds; raise Error(UNAVAILABLE) that names `what`."""
    waited = stopwatch()
    while not (found := look()):
        if waited() > longest:
            raise Error(Code.UNAVAILABLE, f"waited {longest.total_seconds():g} s for {what}, and it did not come")
        time.sleep(every)
    return found
