"""What the demo's HAProxy counts, as series of the last minutes, under the names of HAProxy's own exporter.

Nothing here asks HAProxy, a clock or a network.
"""

import threading
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import timedelta

from portal.demo.smallpromql import Labels, Points

KEPT = timedelta(minutes=5)
NAMES = {
    "haproxy_server_http_responses_total": "answers since the instance got its first visitor; code is 2xx, 4xx, 5xx …",
    "haproxy_backend_http_responses_total": "what the visitors of a service got, from whichever release; code as above",
    "haproxy_server_response_time_average_seconds": "how long an instance took, over its last 1,024 answers",
}


def samples(stats: Sequence[Mapping[str, str]]) -> Mapping[Labels, float]:
    """Return what HAProxy says of services and instances, as its own exporter does; none for who had no visitor."""
    found: dict[Labels, float] = {}
    for one in stats:
        release = one["svname"].partition("-")[0]
        if release == "BACKEND" and int(one.get("stot") or 0):
            _count(found, "haproxy_backend_http_responses_total", _site(one), one)
        if not release.isdigit() or not int(one.get("stot") or 0):
            continue
        of = {**_site(one), "release": release, "server": one["svname"]}
        _count(found, "haproxy_server_http_responses_total", of, one)
        seconds = int(one.get("rtime") or 0) / 1000
        found[_labels("haproxy_server_response_time_average_seconds", **of)] = seconds
    return found


def _site(one: Mapping[str, str]) -> Mapping[str, str]:
    service, _, environment = one["pxname"].partition(":")
    return {"service": service, "environment": environment}


def _count(found: dict[Labels, float], name: str, of: Mapping[str, str], one: Mapping[str, str]) -> None:
    for code in ("2xx", "3xx", "4xx", "5xx"):
        found[_labels(name, **of, code=code)] = float(one[f"hrsp_{code}"] or 0)


def _labels(name: str, **labels: str) -> Labels:
    return tuple(sorted({"__name__": name, **labels}.items()))


class Kept:
    """The series of the last minutes. Any thread may ask."""

    def __init__(self) -> None:
        self._series: dict[Labels, deque[tuple[float, float]]] = {}
        self._lock = threading.Lock()

    def add(self, found: Mapping[Labels, float], at: float) -> None:
        with self._lock:
            for labels, value in found.items():
                self._series.setdefault(labels, deque()).append((at, value))
            for labels in list(self._series):
                points = self._series[labels]
                while points and points[0][0] < at - KEPT.total_seconds():
                    points.popleft()
                if not points:
                    del self._series[labels]

    def all(self) -> Mapping[Labels, Points]:
        with self._lock:
            return {labels: list(points) for labels, points in self._series.items()}
