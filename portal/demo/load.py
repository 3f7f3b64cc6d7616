"""Visitors with a tally: asks one address again and again, and counts which release answered and who was hurt."""

import http.client
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

VISITORS = 3
PAUSE = 0.03  # seconds between two visits of one visitor
TIMEOUT = 60.0  # seconds; a visitor who waits is not hurt, and on a slow machine all wait


@dataclass(frozen=True)
class Tally:
    """Visits by the revision that answered; `hurt` those that got no page, `said` the first few reasons."""

    visits: Mapping[str, int]
    hurt: Mapping[str, int]
    said: Sequence[str]

    @property
    def asked(self) -> int:
        return sum(self.visits.values())

    @property
    def failed(self) -> int:
        return sum(self.hurt.values())

    def of(self, revision: str) -> tuple[int, int]:
        """Return visits that this revision answered, and how many of them were hurt."""
        return self.visits.get(revision, 0), self.hurt.get(revision, 0)


class Load:
    """Visits an address while the `with` block lasts; a new connection each time."""

    def __init__(self, url: str, pause: float = PAUSE) -> None:
        parts = urlsplit(url)
        self._pause = pause
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._visits: Counter[str] = Counter()
        self._hurt: Counter[str] = Counter()
        self._said: list[str] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._visit_all, daemon=True) for _ in range(VISITORS)]
        self._lock = threading.Lock()

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def tally(self) -> Tally:
        with self._lock:
            return Tally(dict(self._visits), dict(self._hurt), list(self._said))

    def _visit_all(self) -> None:
        while not self._over.is_set():
            revision, wrong = self._visit()
            with self._lock:
                self._visits[revision] += 1
                if wrong:
                    self._hurt[revision] += 1
                    self._said += [wrong] if len(self._said) < 5 else []
            time.sleep(self._pause)

    def _visit(self) -> tuple[str, str]:
        """Return which revision answered, empty for none, and what was wrong."""
        connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT)
        try:
            connection.request("GET", "/")
            answer = connection.getresponse()
            answer.read()
            revision = answer.headers.get("X-Revision", "")
            return revision, "" if answer.status < 400 else f"answered {answer.status}"
        except (OSError, http.client.HTTPException) as error:
            return "", f"{type(error).__name__}: {error}"
        finally:
            connection.close()
