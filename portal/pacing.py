"""How fast a sender may go: so many calls in a minute for each key, counted in this process."""

import threading
from collections import deque
from datetime import datetime, timedelta

WINDOW = timedelta(seconds=60)
MOST_KEYS = 10_000


class Pace:
    """`most` calls of one key in any minute."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._calls: dict[str, deque[datetime]] = {}

    def too_fast(self, key: str, now: datetime) -> timedelta | None:
        """Count a call; return how long to wait when it is one too many, else None."""
        with self._lock:
            if key not in self._calls and len(self._calls) >= MOST_KEYS:
                self._calls.clear()
            calls = self._calls.setdefault(key, deque())
            while calls and not timedelta(0) <= now - calls[0] < WINDOW:  # also after a clock was set back
                calls.popleft()
            if len(calls) >= self._most:
                return WINDOW - (now - calls[0])
            calls.append(now)
        return None
