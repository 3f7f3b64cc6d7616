"""Alertmanager's webhook (version 4) and its own list of alerts (`/api/v2/alerts`), read into the same signals. Pure.

An alert is known by its fingerprint, which both of them say; `since` tells its occurrences apart. So what the webhook
said and what the poll finds is one alert, and a poll finds what the webhook could not deliver while we were away.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from catalog import refs
from oncall import bounds
from oncall.severities import severity
from oncall.signal import Action, Reading, Signal, signal
from oncall.terms import Severity

VERSION = "4"
MOST_ALERTS = 5_000  # of one body
PATIENCE = timedelta(minutes=5)  # a firing alert is sent again at least each few minutes by Prometheus

_ORIGINS = (  # what an address holds, and what is there; the first that fits
    ("/alerting/", "The rule in Grafana"),
    ("/explore", "The query in Grafana"),
    ("alert_id=", "The alert in vmalert"),
    ("vmalert", "The alert in vmalert"),
    ("thanos", "The query in Thanos"),
    ("/graph", "The query in Prometheus"),
    ("g0.expr=", "The query in Prometheus"),
)
_HOSTS = ("instance", "pod", "node", "host", "hostname")
_COMPONENTS = ("component", "container", "job")
_RUNBOOKS = ("runbook_url", "runbook")


@dataclass(frozen=True)
class Door:
    """Through what it came: the integration's name, its service if it is for one only, the team's words for severity.

    Without a service the label `service_label` says whose an alert is. `receiver` limits a poll to alerts that
    Alertmanager would send to a receiver of that name.
    """

    source: str
    service: str = ""
    service_label: str = "service"
    severities: Mapping[str, Severity] | None = None
    receiver: str = ""


@dataclass(frozen=True)
class Polled(Reading):
    """`there` are the keys of all alerts that Alertmanager still knows, also of those that it has silenced."""

    there: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Open:
    """An alert that is open here and came through Alertmanager; `seen` is when a body last held it."""

    key: str
    seen: datetime


def read(body: bytes, door: Door, received: datetime) -> Reading:
    """Read one webhook. An alert that cannot be understood is a problem, and the others are read all the same."""
    try:
        said = bounds.parse(body)
    except ValueError as error:
        return Reading(problems=(f"The body is no JSON: {error}.",))
    if not isinstance(said, dict) or not isinstance(said.get("alerts"), list):
        return Reading(problems=("The body has no list of alerts; is it a webhook of Alertmanager?",))
    notes = []
    if said.get("version") != VERSION:
        notes.append(f"Its version is {bounds.text(said.get('version'), 20)!r}; it is read like version {VERSION}.")
    left_out = said.get("truncatedAlerts")
    if isinstance(left_out, int) and left_out > 0:
        notes.append(f"Alertmanager left out {left_out:,} more alerts of this group (max_alerts); a poll finds them.")
    groups = {**_texts(said.get("commonAnnotations")), **_texts(said.get("commonLabels"))}
    return _reading(said["alerts"], door, received, notes, groups)


def polled(body: bytes, door: Door, received: datetime) -> Polled:
    """Read an answer of `/api/v2/alerts`. What Alertmanager itself keeps quiet makes no signal, but it is there."""
    try:
        said = bounds.parse(body)
    except ValueError as error:
        return Polled(problems=(f"The answer is no JSON: {error}.",))
    if not isinstance(said, list):
        return Polled(problems=("The answer is no list of alerts; is the address that of Alertmanager?",))
    mine = [one for one in said if not isinstance(one, dict) or _received(one, door.receiver)]
    active = [one for one in mine if not isinstance(one, dict) or _state(one) == "active"]
    found = _reading(active, door, received, [], {})
    there = frozenset(bounds.key(_key(one)) for one in mine if isinstance(one, dict))
    return Polled(found.signals, found.problems, found.notes, there)


def gone(opened: Iterable[Open], poll: Polled, door: Door, answering: datetime, now: datetime) -> list[Signal]:
    """Return a resolve for what is open here and what Alertmanager has not known for a while.

    `answering` is since when polls have been answered without a break: an Alertmanager that has just started knows
    nothing yet. An answer that could not be read says nothing.
    """
    if poll.problems:
        return []
    return [
        signal(
            door.source,
            one.key,
            Action.RESOLVE,
            now,
            title="Alertmanager does not know this alert any more",
            service=door.service,
            notes=[f"No poll has found it since {one.seen:%H:%M} UTC."],
        )
        for one in opened
        if one.key not in poll.there and now - max(one.seen, answering) >= PATIENCE
    ]


def _reading(alerts: list[Any], door: Door, received: datetime, notes: list[str], common: Mapping[str, str]) -> Reading:
    signals, problems = [], []
    for at, alert in enumerate(alerts[:MOST_ALERTS], 1):
        if not isinstance(alert, dict):
            problems.append(f"Alert {at} is {bounds.text(alert, 40)!r} and no object; it is left out.")
        elif not _key(alert):
            problems.append(f"Alert {at} has neither labels nor a fingerprint; it is left out.")
        else:
            signals.append(_signal(alert, door, received, common))
    if len(alerts) > MOST_ALERTS:
        problems.append(f"It holds {len(alerts):,} alerts; {MOST_ALERTS:,} are read. Set max_alerts.")
    return Reading(tuple(signals), tuple(problems), tuple(notes))


def _signal(alert: Mapping[str, Any], door: Door, received: datetime, common: Mapping[str, str]) -> Signal:
    labels, annotations = _texts(alert.get("labels")), _texts(alert.get("annotations"))
    over = alert.get("status") == "resolved"
    hurts, note = severity(labels.get("severity") or common.get("severity"), door.severities)
    service, lost = _service(labels, door)
    since, until = bounds.moment(alert.get("startsAt")), bounds.moment(alert.get("endsAt"))
    return signal(
        door.source,
        _key(alert),
        Action.RESOLVE if over else Action.TRIGGER,
        received,
        title=annotations.get("summary") or annotations.get("message") or _named(labels),
        severity=hurts,
        service=service,
        happened=until if over else since,
        host=_first(labels, _HOSTS),
        component=_first(labels, _COMPONENTS),
        group=labels.get("team") or labels.get("namespace") or labels.get("cluster"),
        class_=labels.get("alertname"),
        labels=labels,
        details=annotations,
        links=[{"href": alert.get("generatorURL"), "text": origin(alert.get("generatorURL"))}]
        if alert.get("generatorURL")
        else [],
        runbook=_first(annotations, _RUNBOOKS) or _first(common, _RUNBOOKS),
        client="Alertmanager",
        since=_milliseconds(since),
        over=_milliseconds(until) if over else None,
        notes=[said for said in (note, lost) if said],
    )


def origin(address: Any) -> str:
    """Say what the address that comes with an alert leads to: many others than Prometheus send alerts.

    >>> origin("http://prometheus:9090/graph?g0.expr=up"), origin("https://grafana.test/alerting/grafana/abc/view")
    ('The query in Prometheus', 'The rule in Grafana')
    >>> origin("https://loki.test/explore?left=1"), origin("https://vm.test/vmalert/alert?group_id=1&alert_id=2")
    ('The query in Grafana', 'The alert in vmalert')
    >>> origin("https://ruler.test/x")
    'What sent it'
    """
    said = bounds.url(address).lower()
    return next((text for mark, text in _ORIGINS if mark in said), "What sent it")


def shown(settings: Mapping[str, Any]) -> str:
    """Return the address that is polled as it may be seen: without the name and password in it.

    >>> shown({"poll": "https://me:secret@alerts.test:9093/am"})
    'https://alerts.test:9093/am'
    """
    said = settings.get("poll")
    if not isinstance(said, str):
        return ""
    parts = urlsplit(said)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def _key(alert: Mapping[str, Any]) -> str:
    """The fingerprint is Alertmanager's own hash of the labels; a body without it is known by the labels themselves."""
    said, labels = alert.get("fingerprint"), _texts(alert.get("labels"))
    return said if isinstance(said, str) and said else ",".join(f"{name}={labels[name]}" for name in sorted(labels))


def _service(labels: Mapping[str, str], door: Door) -> tuple[str, str]:
    """Return whose it is, and a note when that cannot be told."""
    said = labels.get(door.service_label, "")
    if door.service or not said:
        return door.service, "" if door.service else f"It has no label {door.service_label!r}."
    try:
        return str(refs.parse(said, "component")), ""
    except ValueError as error:
        return "", f"The label {door.service_label!r} names no service: {error}."


def _named(labels: Mapping[str, str]) -> str:
    name, host = labels.get("alertname", ""), _first(labels, _HOSTS)
    return f"{name} on {host}" if name and host else name


def _milliseconds(at: datetime | None) -> datetime | None:
    """The webhook tells microseconds and the list only milliseconds, cut off."""
    return at and at.replace(microsecond=at.microsecond // 1000 * 1000)


def _received(alert: Mapping[str, Any], name: str) -> bool:
    listed = alert.get("receivers")
    names = [one.get("name") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    return not name or name in names


def _state(alert: Mapping[str, Any]) -> Any:
    status = alert.get("status")
    return status.get("state") if isinstance(status, dict) else None


def _texts(said: Any) -> dict[str, str]:
    """Only texts are labels and annotations; Alertmanager sends nothing else."""
    return {name: value for name, value in said.items() if isinstance(value, str)} if isinstance(said, dict) else {}


def _first(values: Mapping[str, str], names: Iterable[str]) -> str:
    return next((values[name] for name in names if values.get(name)), "")
