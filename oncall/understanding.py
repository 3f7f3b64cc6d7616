"""What a raw body says, by the kind of the integration that it came through. Pure but for the word: no row is read.

A body that cannot be understood comes to a signal all the same where somebody may be waiting for it, so that what is
wrong with a sender is found by people and not by silence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from oncall import alertmanager, bounds, eventsapi, generic, mail
from oncall.mapping import mapping
from oncall.signal import Action, Reading, Signal, from_json, signal
from oncall.terms import Severity

EVENTS, ALERTMANAGER, GENERIC, MAIL, HEARTBEAT, OWN = "events", "alertmanager", "generic", "mail", "heartbeat", "portal"
KINDS = (EVENTS, ALERTMANAGER, GENERIC, MAIL, HEARTBEAT)
DEDUP, IS_CHANGE, POLLED = "dedup-key", "change", "polled"  # what a door notes beside a body


@dataclass(frozen=True)
class Came:
    """A body, and the integration that it came through."""

    kind: str
    source: str  # events:12
    service: str
    settings: Mapping[str, Any]
    at: datetime
    headers: Mapping[str, str]
    body: bytes


def understood(came: Came) -> Reading:
    """Return the signals of a body. What cannot be understood is one that says so."""
    reading = _READERS[came.kind](came)
    if reading.problems and not reading.signals:
        return Reading((_unreadable(came, reading.problems),), reading.problems, reading.notes)
    return reading


def _events(came: Came) -> Reading:
    key = came.headers.get(DEDUP, "")
    read = eventsapi.read_change if came.headers.get(IS_CHANGE) else eventsapi.read
    event = read(came.body, key)
    if isinstance(event, eventsapi.Refused):  # an older program took it; its rules were others
        return Reading(problems=tuple(map(str, event.answer.get("errors", ()))))
    return Reading((eventsapi.understood(event, came.source, came.service, came.at),))


def _alertmanager(came: Came) -> Reading:
    door = door_of(came.source, came.service, came.settings)
    if came.headers.get(POLLED):
        return alertmanager.polled(came.body, door, came.at)
    return alertmanager.read(came.body, door, came.at)


def door_of(source: str, service: str, settings: Mapping[str, Any]) -> alertmanager.Door:
    """Return how the alerts of an Alertmanager are read; with `by_label` each says itself whose it is."""
    words = settings.get("severities") or {}
    severities = {str(word): Severity(meant) for word, meant in words.items() if meant in set(Severity)} or None
    label = str(settings.get("service_label") or "service")
    whose = "" if settings.get("by_label") else service
    return alertmanager.Door(source, whose, label, severities, str(settings.get("receiver") or ""))


def _generic(came: Came) -> Reading:
    return generic.read(
        came.body, mapping(dict(came.settings.get("mapping") or {})), came.source, came.service, came.at
    )


def _mail(came: Came) -> Reading:
    said = came.settings.get("mail") or {}
    rules = mail.Rules(**{**said, "severity": Severity(said.get("severity", Severity.ERROR))}) if said else mail.Rules()
    return mail.read(came.body, came.source, came.service, came.at, rules)


def _own(came: Came) -> Reading:
    """What the portal says itself: a signal as it is written."""
    return Reading((from_json(bounds.parse(came.body)),))


def _heartbeat(came: Came) -> Reading:
    return Reading()  # a beat says nothing but that it came


_READERS = {
    EVENTS: _events,
    ALERTMANAGER: _alertmanager,
    GENERIC: _generic,
    MAIL: _mail,
    HEARTBEAT: _heartbeat,
    OWN: _own,
}


def set_aside(came: Came, number: int, now: datetime) -> Signal:
    """A body broke its reader. What it was about is not known, so somebody looks at once."""
    return signal(
        OWN,
        f"aside:{came.source}",
        Action.TRIGGER,
        now,
        title=f"Something that {came.source} sent cannot be understood, so look there; something may be broken",
        service=came.service,
        class_="aside",
        component=came.source,
        details={"delivery": number},
    )


def _unreadable(came: Came, problems: tuple[str, ...]) -> Any:
    """Somebody sends what nobody understands: that is worth a look by day, once, however often it comes."""
    return signal(
        came.source,
        "unreadable",
        Action.TRIGGER,
        came.at,
        title=f"What {came.source} sends cannot be understood: {problems[0]}",
        severity=Severity.WARNING,
        service=came.service,
        details={"problems": list(problems[:20])},
    )
