"""What a signal comes to: a new incident, one more alert of an open one, a repeat, an end, or nothing, and why. Pure.

An alert is known by its source and its key, as in the Events API: the same key again is a repeat, a trigger after the
resolve is a new alert, and what ends an alert must come through the door that it came through. Two alerts share an
incident when they are of one service, close to each other in time, and of the same symptom; the sentence says so.
"""

from collections.abc import Container, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from oncall.sameness import Rules, same, span
from oncall.signal import Action, Signal
from oncall.silences import Mute
from oncall.terms import Severity, Urgency, urgency

TWIN = timedelta(minutes=2)  # how late a second Alertmanager of a pair may say what the first has taken back
EARLY = timedelta(minutes=5)  # how long a resolve that came before its trigger is remembered
AGAIN = timedelta(minutes=15)  # how long an occurrence rests that a person has resolved and its sender has not


@dataclass(frozen=True)
class Alert:
    """An alert that is open. Without an incident it is muted."""

    number: int
    source: str
    key: str
    incident: int | None
    since: datetime | None = None  # which occurrence, where the sender tells them apart


@dataclass(frozen=True)
class Incident:
    """An incident that is open; `first` is the alert that opened it, `last` when it got its latest one."""

    number: int
    service: str
    first: Signal
    opened: datetime
    last: datetime
    severity: Severity


@dataclass(frozen=True)
class Ended:
    """The end of an alert, by its sender or by a person, or a resolve that came before its trigger (`early`)."""

    source: str
    key: str
    at: datetime
    since: datetime | None = None
    early: bool = False
    by_person: bool = False

    @property
    def remembered(self) -> timedelta:
        return EARLY if self.early else AGAIN if self.by_person else TWIN


@dataclass(frozen=True)
class Situation:
    """What is known when a signal comes: the open alerts with its key, whatever their source, and all others of their
    incidents; the open incidents of its service; and what ended under its key within the last `AGAIN`.
    """

    alerts: Sequence[Alert] = ()
    incidents: Sequence[Incident] = ()
    ended: Sequence[Ended] = ()


@dataclass(frozen=True)
class Placed:
    service: str
    why: str = ""


@dataclass(frozen=True)
class Opens:
    service: str
    why: str
    alert: int | None = None  # one that was muted until now, and is there already


@dataclass(frozen=True)
class Joins:
    """One more alert of an open incident. `wakes`: it is worse than all before, and was not worth waking anybody."""

    incident: int
    why: str
    wakes: bool = False
    alert: int | None = None


@dataclass(frozen=True)
class Appends:
    """A repeat of an open alert: counted, shown, and nobody hears of it again."""

    alert: int
    incident: int | None


@dataclass(frozen=True)
class Resolves:
    """The end of an alert; `last`: no other alert of its incident is open, so the incident ends, too."""

    alert: int
    incident: int | None
    last: bool


@dataclass(frozen=True)
class Acknowledges:
    alert: int
    incident: int


@dataclass(frozen=True)
class Muted:
    """A new alert that pages nobody until `until`; decide again then, if it is still open."""

    reason: str
    until: datetime


@dataclass(frozen=True)
class Dropped:
    """Nothing comes of it but this sentence. `remember`: keep it as `Ended(early=True)` for `EARLY`."""

    why: str
    remember: bool = False


@dataclass(frozen=True)
class Noted:
    """A change: it stands beside the incidents of the service."""

    service: str


Decision = Opens | Joins | Appends | Resolves | Acknowledges | Muted | Dropped | Noted


def placed(signal: Signal, known: Container[str], fallback: str) -> Placed:
    """Return whose it is: the service that it names when somebody answers for that, else the fallback, never nobody."""
    if signal.service and signal.service in known:
        return Placed(signal.service)
    if not signal.service:
        return Placed(fallback, f"it names no service, so {fallback} answers for it")
    return Placed(fallback, f"nobody answers for {signal.service}, so {fallback} does")


def decide(
    signal: Signal, place: Placed, situation: Situation, rules: Rules, mute: Mute | None, now: datetime
) -> Decision:
    """Return what comes of a signal. Whoever acts on it does so in the transaction in which the situation was read."""
    if signal.action is Action.CHANGE:
        return Noted(place.service)
    mine = next((one for one in situation.alerts if (one.source, one.key) == (signal.source, signal.key)), None)
    if signal.action is Action.TRIGGER:
        return _trigger(signal, mine, place, situation, rules, mute, now)
    if mine is None:
        return _without_alert(signal, situation)
    if signal.action is Action.ACKNOWLEDGE:
        if mine.incident is None:
            return Dropped("the alert is muted, so there is no incident to acknowledge")
        return Acknowledges(mine.number, mine.incident)
    return _resolve(signal, mine, situation)


def _trigger(
    signal: Signal,
    mine: Alert | None,
    place: Placed,
    situation: Situation,
    rules: Rules,
    mute: Mute | None,
    now: datetime,
) -> Decision:
    number = mine.number if mine else None
    if mine is not None and (mine.incident is not None or mute is not None):
        return Appends(mine.number, mine.incident)
    ended = _ended(signal, situation, now)
    if ended is not None and _is_late_twin(signal, ended):
        return Dropped(_over(ended))
    if mute is not None:
        return Muted(mute.reason, mute.until)
    whys = [place.why] if place.why else []
    if ended is not None and ended.early:
        whys.append(f"a resolve for it came {span(now - ended.at)} before it and was dropped")
    for incident in sorted(situation.incidents, key=lambda one: (one.last, one.number), reverse=True):
        why = same(signal, incident.first, abs(now - incident.last), now - incident.opened, rules)
        if why is not None and incident.service == place.service:
            said = "; ".join([f"joined #{incident.number}: {why}", *whys])
            return Joins(incident.number, said, _wakes(signal, incident), number)
    return Opens(place.service, "; ".join(whys), number)


def _ended(signal: Signal, situation: Situation, now: datetime) -> Ended | None:
    """Return what ended last under this key, as long as that is remembered."""
    mine = [
        one
        for one in situation.ended
        if (one.source, one.key) == (signal.source, signal.key) and now - one.at < one.remembered
    ]
    return max(mine, key=lambda one: one.at, default=None)


def _is_late_twin(signal: Signal, ended: Ended) -> bool:
    return signal.since is not None and ended.since is not None and signal.since <= ended.since


def _over(ended: Ended) -> str:
    if ended.by_person:
        again = f"it opens again at {ended.at + AGAIN:%H:%M} UTC if it is still sent then"
        return f"a person resolved this very occurrence at {ended.at:%H:%M:%S} UTC; {again}"
    return f"this very occurrence ended at {ended.at:%H:%M:%S} UTC; another sender is late"


def _wakes(signal: Signal, incident: Incident) -> bool:
    return urgency(signal.severity) is Urgency.HIGH and urgency(incident.severity) is Urgency.LOW


def _without_alert(signal: Signal, situation: Situation) -> Dropped:
    elsewhere = next((one for one in situation.alerts if one.key == signal.key), None)
    if elsewhere is not None:
        return Dropped(f"the alert with this key came through {elsewhere.source}, and only that can {signal.action} it")
    return Dropped("no open alert has this key", remember=signal.action is Action.RESOLVE)


def _resolve(signal: Signal, mine: Alert, situation: Situation) -> Decision:
    if signal.over is not None and mine.since is not None and signal.over < mine.since:
        return Dropped(f"it ends what was over at {signal.over:%H:%M:%S} UTC; the alert has begun again since")
    others = (one for one in situation.alerts if one.incident == mine.incident and one.number != mine.number)
    return Resolves(mine.number, mine.incident, mine.incident is not None and next(others, None) is None)
