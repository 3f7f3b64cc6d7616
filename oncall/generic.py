"""Any JSON, read into signals by what a mapping says stands where. Pure.

The body is a stranger's: what is missing in it is noted, and a signal is made all the same.
"""

import hashlib
from datetime import datetime
from typing import Any

from catalog import refs
from oncall import bounds
from oncall.mapping import Choice, Mapped, Value
from oncall.paths import MISSING
from oncall.severities import severity
from oncall.signal import Action, Reading, Signal, signal
from oncall.terms import Severity

MOST = 500  # signals of one body


def read(body: bytes, mapped: Mapped, source: str, service: str, received: datetime) -> Reading:
    """Read a body by a mapping. A service that the body names counts only where the integration is for none."""
    try:
        document = bounds.parse(body)
    except ValueError as error:
        return Reading(problems=(f"The body is no JSON: {error}.",))
    if mapped.each is None:
        return Reading((_signal(document, document, mapped, source, service, received),))
    several = mapped.each.of(document)
    if not isinstance(several, list):
        return Reading(problems=(f"There is no list at {mapped.each.said}.",))
    problems = (f"It holds {len(several):,} entries; {MOST} are read.",) if len(several) > MOST else ()
    return Reading(tuple(_signal(one, document, mapped, source, service, received) for one in several[:MOST]), problems)


def _signal(one: Any, whole: Any, mapped: Mapped, source: str, service: str, received: datetime) -> Signal:
    notes: list[str] = []
    words = {name: _there(value, one, whole, notes) for name, value in mapped.words.items()}
    owner = service or _service(words.pop("service", None), notes)
    words.pop("service", None)
    title = bounds.line(words.pop("title", None), 1024)
    hurts, doubt = _severity(mapped.choices.get("severity"), one, whole)
    labels = mapped.labels
    named = labels if isinstance(labels, Value) else None
    return signal(
        source,
        _key(mapped, one, whole, title, bounds.line(words.get("host"), 255), notes),
        _action(mapped.choices.get("action"), one, whole, notes),
        received,
        title=title,
        severity=hurts,
        service=owner,
        class_=words.pop("class", None),
        labels=named.of(one, whole) if named else _all(labels, one, whole),
        details=None if (details := mapped.details.of(one, whole)) is MISSING else details,
        links=[{"href": href, "text": name} for name, href in _all(mapped.links, one, whole).items()],
        notes=[*notes, *([doubt] if doubt else [])],
        **words,
    )


def _there(value: Value, one: Any, whole: Any, notes: list[str]) -> Any:
    found = value.of(one, whole)
    if found is MISSING:
        notes.append(f"Nothing stands at {value.said}.")
        return None
    return found


def _all(values: Any, one: Any, whole: Any) -> dict[str, Any]:
    every = {name: value.of(one, whole) for name, value in values.items()}
    return {name: value for name, value in every.items() if value is not MISSING and value is not None}


def _key(mapped: Mapped, one: Any, whole: Any, title: str, host: str, notes: list[str]) -> str:
    parts = [bounds.text(value, 255) for part in mapped.key if (value := _there(part, one, whole, notes)) is not None]
    if any(parts):
        return ":".join(parts)
    if mapped.key:
        notes.append("It has no key; it is known by its title and host instead.")
    return hashlib.sha256(f"{title}\n{host}".encode()).hexdigest()


def _service(said: Any, notes: list[str]) -> str:
    if said is None:
        return ""
    try:
        return str(refs.parse(bounds.line(said, 255), "component"))
    except ValueError as error:
        notes.append(f"It names no service: {error}.")
        return ""


def _severity(choice: Choice | None, one: Any, whole: Any) -> tuple[Severity, str]:
    if choice is None:
        return Severity.ERROR, ""
    said = choice.value.of(one, whole)
    own = {word: Severity(meant) for word, meant in choice.values.items()}
    hurts, doubt = severity(None if said is MISSING else said, own)
    return (Severity(choice.otherwise), "") if doubt and choice.otherwise else (hurts, doubt)


_ACTIONS = {
    **dict.fromkeys(("trigger", "firing", "alerting", "problem", "down", "open", "opened"), Action.TRIGGER),
    **dict.fromkeys(("resolve", "resolved", "ok", "recovery", "up", "closed", "inactive"), Action.RESOLVE),
    **dict.fromkeys(("acknowledge", "acknowledged", "ack"), Action.ACKNOWLEDGE),
    "change": Action.CHANGE,
}


def _action(choice: Choice | None, one: Any, whole: Any, notes: list[str]) -> Action:
    """What cannot be understood is a trigger: rather one page too many."""
    if choice is None:
        return Action.TRIGGER
    found = choice.value.of(one, whole)
    word = "" if found is MISSING else bounds.line(found, 80).lower()
    if word in choice.values:
        return Action(choice.values[word])
    if choice.otherwise:
        return Action(choice.otherwise)
    if word not in _ACTIONS:
        notes.append(f"The action {word!r} is not known; it counts as a trigger.")
    return _ACTIONS.get(word, Action.TRIGGER)
