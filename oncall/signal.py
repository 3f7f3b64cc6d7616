"""The one form of whatever comes in: an event, an alert of Alertmanager, a mail, a silent heartbeat. Pure.

A signal is known by its source (the door it came through, by name and never by its secret) and its key. Everything in
it has a bound, is storable and safe to show as text; what was cut, not believed or not understood stands in `notes`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from oncall import bounds
from oncall.terms import Severity

TITLE = 1024  # characters, as the Events API has it
WORD = 255  # characters of what names something: a key, a host, a component
MOST_LABELS = 100
LABEL_NAME, LABEL_VALUE = 128, 1024
MOST_LINKS = 20
MOST_NOTES = 20

EARLIEST = timedelta(hours=12)  # further back than this a sender's clock is noted, not believed
LATEST = timedelta(minutes=5)  # the same for what has not happened yet


class Action(StrEnum):
    TRIGGER = "trigger"
    ACKNOWLEDGE = "acknowledge"
    RESOLVE = "resolve"
    CHANGE = "change"  # something was done on purpose; it stands beside the incidents and wakes nobody


class Link(NamedTuple):
    href: str
    text: str = ""


class Image(NamedTuple):
    src: str
    href: str = ""
    alt: str = ""


@dataclass(frozen=True)
class Signal:
    """What somebody outside says, and when. Made by `signal`, which keeps the bounds.

    `at` is when it happened as far as that can be believed; `since` and `over` are when the sender says that this very
    occurrence began and ended, where it can tell occurrences apart (Alertmanager), and are only compared to each other.
    """

    source: str
    key: str
    action: Action
    title: str
    severity: Severity
    at: datetime
    received: datetime
    service: str = ""  # a reference like `component:default/checkout`; empty: not said
    host: str = ""  # what is ill: a machine, an instance; `payload.source` of the Events API
    component: str = ""
    group: str = ""
    class_: str = ""  # the kind of fault: `disk`, the name of an alert
    labels: Mapping[str, str] = field(default_factory=dict)
    details: Any = None  # free-form JSON
    links: tuple[Link, ...] = ()
    images: tuple[Image, ...] = ()
    runbook: str = ""
    client: str = ""
    client_url: str = ""
    since: datetime | None = None
    over: datetime | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reading:
    """What a body came to. `problems` says what in it could not be understood; the rest of it is read all the same."""

    signals: tuple[Signal, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def signal(
    source: str,
    key: str,
    action: Action,
    received: datetime,
    *,
    title: Any = "",
    severity: Severity = Severity.ERROR,
    service: str = "",
    happened: Any = None,
    host: Any = "",
    component: Any = "",
    group: Any = "",
    class_: Any = "",
    labels: Any = None,
    details: Any = None,
    links: Any = None,
    images: Any = None,
    runbook: Any = "",
    client: Any = "",
    client_url: Any = "",
    since: datetime | None = None,
    over: datetime | None = None,
    notes: Sequence[str] = (),
) -> Signal:
    """Return a signal within all bounds from whatever was sent. Does not raise."""
    said = list(notes)
    named = bounds.line(title, TITLE) or "(no title)"
    if isinstance(title, str) and len(title) > TITLE:
        said.append(f"The title had {len(title)} characters; {TITLE} are kept.")
    return Signal(
        source,
        bounds.key(key),
        action,
        named,
        severity,
        _believed(happened, received, said),
        received,
        bounds.line(service, WORD),
        bounds.line(host, WORD),
        bounds.line(component, WORD),
        bounds.line(group, WORD),
        bounds.line(class_, WORD),
        _labels(labels, said),
        bounds.details(details),
        _links(links, said),
        _images(images, said),
        _address(runbook, "the runbook", said),
        bounds.line(client, WORD),
        _address(client_url, "the client", said),
        since,
        over,
        tuple(said[:MOST_NOTES]),
    )


def _believed(happened: Any, received: datetime, notes: list[str]) -> datetime:
    """A moment that is far from the one at which it came was written by a wrong clock, or is no news."""
    if happened is None or happened == "":
        return received
    at = happened if isinstance(happened, datetime) else bounds.moment(happened)
    if at is None:
        notes.append(f"The time {bounds.text(happened, 40)!r} cannot be read; when it came is taken.")
    elif at > received + LATEST:
        notes.append(f"The sender's clock says {at:%Y-%m-%d %H:%M} UTC, which is to come; when it came is taken.")
    elif at < received - EARLIEST:
        notes.append(f"The sender says {at:%Y-%m-%d %H:%M} UTC, long before it came; when it came is taken.")
    else:
        return at
    return received


def _labels(said: Any, notes: list[str]) -> dict[str, str]:
    if not isinstance(said, dict):
        return {}
    kept = {bounds.line(name, LABEL_NAME): value for name, value in list(said.items())[:MOST_LABELS]}
    if len(said) > MOST_LABELS:
        notes.append(f"It had {len(said)} labels; {MOST_LABELS} are kept.")
    return {name: bounds.line(value, LABEL_VALUE) for name, value in kept.items() if name}


def _links(said: Any, notes: list[str]) -> tuple[Link, ...]:
    found = [
        Link(href, bounds.line(one.get("text"), WORD))
        for one in _objects(said)
        if (href := bounds.url(one.get("href")))
    ]
    _count(said, found, "link", notes)
    return tuple(found)


def _images(said: Any, notes: list[str]) -> tuple[Image, ...]:
    found = [
        Image(src, bounds.url(one.get("href")), bounds.line(one.get("alt"), WORD))
        for one in _objects(said)
        if (src := bounds.url(one.get("src"), ("https",)))
    ]
    _count(said, found, "image", notes)
    return tuple(found)


def _objects(said: Any) -> list[dict[str, Any]]:
    return [one for one in said[:MOST_LINKS] if isinstance(one, dict)] if isinstance(said, list) else []


def _count(said: Any, found: Sequence[object], what: str, notes: list[str]) -> None:
    sent = len(said) if isinstance(said, list) else 1 if said else 0
    if sent > len(found):
        notes.append(f"{sent - len(found)} of {sent} {what}s cannot be shown and are left out.")


def _address(said: Any, what: str, notes: list[str]) -> str:
    kept = bounds.url(said)
    if said and not kept:
        notes.append(f"The address of {what} is none that may be followed: {bounds.text(said, 80)!r}.")
    return kept


def to_json(said: Signal) -> dict[str, Any]:
    """Return plain data for a table or an answer; `from_json` makes the same signal of it again."""
    plain = {name.rstrip("_"): getattr(said, name) for name in Signal.__dataclass_fields__}
    plain |= {name: moment.isoformat() for name in _MOMENTS if (moment := getattr(said, name)) is not None}
    plain["links"] = [link._asdict() for link in said.links]
    plain["images"] = [image._asdict() for image in said.images]
    return plain | {"labels": dict(said.labels), "notes": list(said.notes)}


def from_json(plain: Mapping[str, Any]) -> Signal:
    """Return the signal that `to_json` wrote."""
    values = {("class_" if name == "class" else name): value for name, value in plain.items()}
    values |= {name: datetime.fromisoformat(values[name]) for name in _MOMENTS if values.get(name) is not None}
    values["action"], values["severity"] = Action(values["action"]), Severity(values["severity"])
    values["links"] = tuple(Link(**link) for link in values["links"])
    values["images"] = tuple(Image(**image) for image in values["images"])
    return Signal(**values | {"notes": tuple(values["notes"])})


_MOMENTS = ("at", "received", "since", "over")
