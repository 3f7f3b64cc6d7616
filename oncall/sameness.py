"""When two alerts are one incident: of one service, close in time, of the same symptom, by rules of people. Pure."""

import re
from dataclasses import dataclass
from datetime import timedelta

from catalog.places import did_you_mean
from ledger.errors import Code, Error
from oncall.signal import Signal

LONGEST_WINDOW = timedelta(hours=24)
FIELDS = ("symptom", "title", "class", "component", "group", "host", "severity")
LABEL = "label:"


@dataclass(frozen=True)
class Rules:
    """How the alerts of a service become incidents. `window` counts from the incident's last alert, nothing joins at 0.

    `agree`: fields that must be the same, all of them or `any_of` them; without any, time alone decides. An incident
    that is older than `longest` takes no more, so that a fault which never rests does not hide a new one.
    """

    window: timedelta = timedelta(minutes=5)
    agree: tuple[str, ...] = ("symptom",)
    any_of: bool = False
    longest: timedelta = timedelta(hours=24)


def checked(rules: Rules) -> Rules:
    """Return the rules when they can be used; raise Error with every problem."""
    faults = []
    if not timedelta(0) <= rules.window <= LONGEST_WINDOW:
        faults.append("window: from nothing to 24 hours; nothing means that each alert is an incident")
    if rules.longest < rules.window:
        faults.append("longest: cannot be shorter than the window")
    for name in rules.agree:
        if name not in FIELDS and not (name.startswith(LABEL) and len(name) > len(LABEL)):
            faults.append(
                f"agree: {name!r} is not known; {did_you_mean(name, FIELDS) or 'one of ' + ', '.join(FIELDS)}"
            )
    if faults:
        raise Error(Code.INVALID, "These rules for grouping cannot be used", reasons=faults)
    return rules


def same(signal: Signal, first: Signal, apart: timedelta, age: timedelta, rules: Rules) -> str | None:
    """Return why a signal belongs to an incident of its service, None when it does not.

    `first` opened the incident, which is as old as `age` and got its last alert as long ago as `apart`.
    """
    if not rules.window or apart > rules.window or age > rules.longest:
        return None
    agreed = [name for name in rules.agree if (said := facet(signal, name)) and said == facet(first, name)]
    if rules.agree and not (agreed if rules.any_of else len(agreed) == len(rules.agree)):
        return None
    return ", ".join(["same service", *(f"same {name.removeprefix(LABEL)}" for name in agreed), f"{span(apart)} apart"])


def facet(signal: Signal, name: str) -> str:
    """Return what a rule compares. The symptom is the kind of fault, or the title without its numbers.

    What is empty on both sides is not the same.
    """
    if name.startswith(LABEL):
        return signal.labels.get(name.removeprefix(LABEL), "")
    if name == "symptom":
        return signal.class_.lower() or " ".join(re.sub(r"\d+", "#", signal.title.lower()).split())
    if name not in FIELDS:
        return ""
    return str(getattr(signal, "class_" if name == "class" else name))


def span(apart: timedelta) -> str:
    """Return a length for people.

    >>> span(timedelta(seconds=40)), span(timedelta(minutes=3, seconds=20)), span(timedelta(hours=30))
    ('40 s', '3 min', '30 h')
    """
    seconds = int(apart.total_seconds())
    if seconds < 120:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 7200 else f"{seconds // 3600} h"
