"""The demo's stand-in for a Prometheus with one rule and an Alertmanager: it asks, waits, and posts what is wrong.

It is neither of the two: it knows this one rule, asks the demo's own source of metrics each second, and posts what an
Alertmanager would. What it says is true: visitors really got those errors. Begins and ends with the demo.
"""

import contextlib
import http.client
import json
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from ledger import clock as clocks
from portal.demo import duty, webhooks
from portal.demo.webhooks import Alert

NAME = "ErrorsForVisitors"
_ALL = 'haproxy_backend_http_responses_total{environment="production"'
QUERY = f'sum by (service) (rate({_ALL},code="5xx"}}[5s])) / sum by (service) (rate({_ALL}}}[5s]))'
EVERY = timedelta(seconds=1)
AGAIN = timedelta(minutes=1)  # until it is said again of what still fires
PATIENCE = 30.0  # seconds for an answer
FIRING = "alerts.json"  # what fires, so that it is known after a restart
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # it is on this machine


@dataclass(frozen=True)
class Rule:
    """A share of errors above `limit` for as long as `hold` fires; at or below it for `rest`, it is over."""

    limit: float = 0.05
    hold: timedelta = timedelta(seconds=10)
    rest: timedelta = timedelta(seconds=5)


FOR_PEOPLE = Rule()
FOR_THE_TOUR = Rule(hold=timedelta(seconds=2), rest=timedelta(seconds=3))


@dataclass(frozen=True)
class Standing:
    """One service: since when too much fails, since when that is an alert, and since when it is fine again."""

    since: datetime | None = None
    fires: datetime | None = None
    fine: datetime | None = None
    share: float = 0.0
    told: datetime | None = None  # when it was last posted that it fires


def moved(before: Standing, share: float | None, at: datetime, rule: Rule) -> Standing:
    """Return how a service stands when that share of its answers are errors; None: nobody asked for anything.

    >>> now, rule = datetime(2026, 3, 2, 12), Rule()
    >>> moved(moved(Standing(), 0.3, now, rule), 0.3, now + rule.hold, rule).fires == now + rule.hold
    True
    """
    if share is not None and share > rule.limit:
        since = before.since or at
        fires = before.fires or (at if at - since >= rule.hold else None)
        return replace(before, since=since, fires=fires, fine=None, share=share)
    if before.fires is None:
        return Standing()
    return replace(before, fine=before.fine or at)


def is_over(standing: Standing, at: datetime, rule: Rule) -> bool:
    return standing.fires is not None and standing.fine is not None and at - standing.fine >= rule.rest


class Watch:
    """Looks at all services. `shares` answers the query; `post` takes a service and a body, says if it came."""

    def __init__(
        self,
        shares: Callable[[], Mapping[str, float]],
        post: Callable[[str, Mapping[str, Any]], bool],
        rule: Rule,
        path: Path,
        query: str = "",
        *,
        now: datetime,
    ) -> None:
        self._shares, self._post, self._rule, self._path, self._query = shares, post, rule, path, query
        self._standing = _kept(path, now)

    def look(self, at: datetime) -> None:
        """Ask once, and post what has begun, goes on or is over."""
        shares = self._shares()
        for service in {*shares, *self._standing}:
            before = self._standing.get(service, Standing())
            self._standing[service] = self._said(service, moved(before, shares.get(service), at, self._rule), at)
        firing = {name: one.fires.isoformat() for name, one in self._standing.items() if one.fires is not None}
        if firing or self._path.exists():
            self._path.write_text(json.dumps(firing))

    def _said(self, service: str, standing: Standing, at: datetime) -> Standing:
        """Post what is to be said of a service; what does not come is said again a second later."""
        if standing.fires is None:
            return standing
        alert = self._alert(service, standing)
        if is_over(standing, at, self._rule):
            return Standing() if self._post(service, webhooks.body(alert, over=at)) else standing
        is_due = standing.told is None or at - standing.told >= AGAIN
        if is_due and self._post(service, webhooks.body(alert)):
            return replace(standing, told=at)
        return standing

    def _alert(self, service: str, standing: Standing) -> Alert:
        assert standing.fires is not None
        hold = f"{self._rule.hold.total_seconds():g}"
        why = (
            f"{standing.share:.0%} of its answers are errors; more than {self._rule.limit:.0%} for {hold} s is too much"
        )
        return Alert(
            *(NAME, service, f"Visitors of {service} get errors", standing.fires), description=why, query=self._query
        )


def _kept(path: Path, now: datetime) -> dict[str, Standing]:
    """Return what fired when it was looked at last."""
    try:
        told = {name: datetime.fromisoformat(said) for name, said in json.loads(path.read_text()).items()}
    except (OSError, ValueError):
        return {}
    return {name: Standing(since=at, fires=at, told=now) for name, at in told.items()}


@contextlib.contextmanager
def watching(data: Path, address: str, metrics: str, rule: Rule) -> Iterator[None]:
    """Watch while the block lasts: the source at `metrics`, for the portal at `address`."""
    query = f"{metrics}/api/v1/query?{urlencode({'query': QUERY})}"
    over = threading.Event()

    def post(service: str, body: Mapping[str, Any]) -> bool:
        return _posted(data, address, service, body)

    watch = Watch(lambda: _asked(query), post, rule, data / FIRING, query, now=clocks.now())

    def look() -> None:
        while not over.wait(EVERY.total_seconds()):
            with contextlib.suppress(OSError, http.client.HTTPException, ValueError, KeyError):
                watch.look(clocks.now())

    thread = threading.Thread(target=look, name="alerting", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _asked(query: str) -> Mapping[str, float]:
    """Return the share of errors by service."""
    with OPENER.open(query, timeout=PATIENCE) as answer:
        found = json.load(answer)["data"]["result"]
    return {one["metric"]["service"]: float(one["value"][1]) for one in found}


def _posted(data: Path, address: str, service: str, body: Mapping[str, Any]) -> bool:
    """Post to the service's own integration; False when the portal does not take it. Nobody hears of what has none."""
    key = duty.keys(data / duty.KEYS).get(service)
    if key is None:
        return True
    url, told = f"{address}/hooks/alertmanager/{key}", json.dumps(body).encode()
    request = urllib.request.Request(url, told, {"Content-Type": "application/json"}, method="POST")
    try:
        with OPENER.open(request, timeout=PATIENCE) as answer:
            return bool(answer.status < 300)
    except (OSError, http.client.HTTPException):
        return False
