"""The Events API v2 of PagerDuty as a server speaks it: what is taken, what is refused, and in which words. Pure.

`read` is what must happen before 202 and is cheap; `understood` makes the signal of it later and never fails on what
`read` took. Source: https://developer.pagerduty.com/docs/events-api-v2/overview/ (limits, codes, keys).

Strict is what it documents as required, as a limit or as a choice; a person hears of all of it at once. All else is
taken as it comes: unknown fields, odd links, an unreadable time. A resolve or an acknowledge needs no payload.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from oncall import bounds
from oncall.signal import Action, Signal, signal
from oncall.terms import Severity

LARGEST = 512 * 1024  # bytes of a body
ROUTING_KEY = 32  # characters
DEDUP_KEY = 255  # characters, at most
SUMMARY = 1024  # characters, at most
RULESET = "R"  # what the key of a ruleset begins with; such a key takes no change events
RATE, WINDOW = 120, timedelta(seconds=60)  # about as many calls per key and look-back at PagerDuty

ACCEPTED, BAD_REQUEST, TOO_LARGE, TOO_MANY = 202, 400, 413, 429

_ACTIONS = {"trigger": Action.TRIGGER, "acknowledge": Action.ACKNOWLEDGE, "resolve": Action.RESOLVE}
_SEVERITIES = frozenset(Severity)
_ONE_ACTION = "(must be one of the following: 'trigger', 'acknowledge' or 'resolve')"
_ONE_SEVERITY = "(must be one of the following: 'critical', 'warning', 'error' or 'info')"


@dataclass(frozen=True)
class Accepted:
    """A good event. `routing_key` is a secret: look up whose it is, and keep it nowhere."""

    routing_key: str
    dedup_key: str
    action: Action
    document: Mapping[str, Any]

    @property
    def status(self) -> int:
        return ACCEPTED

    @property
    def answer(self) -> dict[str, Any]:
        if self.action is Action.CHANGE:
            return {"status": "success", "message": "Change event processed"}
        return {"status": "success", "message": "Event processed", "dedup_key": self.dedup_key}


@dataclass(frozen=True)
class Refused:
    """Why an event is not taken, as PagerDuty would say it. `retry_after` goes into the header of that name."""

    status: int
    answer: Mapping[str, Any]
    retry_after: timedelta | None = None


def read(body: bytes, new_key: str) -> Accepted | Refused:
    """Return whether what was posted to /v2/enqueue is taken. `new_key` is a fresh UUID, used where it has no key.

    >>> read(b"{}", "").answer["errors"]
    ["'routing_key' is missing or blank", "'event_action' is missing or blank"]
    """
    document = _document(body)
    if isinstance(document, Refused):
        return document
    action = _ACTIONS.get(said) if isinstance(said := document.get("event_action"), str) else None
    faults = [*_routing_key(document), *_action(document), *_dedup_key(document, action)]
    if action is Action.TRIGGER:
        faults += _payload(document)
    if faults or action is None:
        return invalid(*faults)
    return Accepted(document["routing_key"], document.get("dedup_key") or new_key, action, document)


def read_change(body: bytes, new_key: str) -> Accepted | Refused:
    """Return whether what was posted to /v2/change/enqueue is taken. A change has no key of the sender's."""
    document = _document(body)
    if isinstance(document, Refused):
        return document
    faults = list(_routing_key(document))
    if not faults and document["routing_key"].startswith(RULESET):
        faults.append("'routing_key' is invalid (change events cannot be sent to the key of a ruleset)")
    faults += _change(document)
    if faults:
        return invalid(*faults)
    return Accepted(document["routing_key"], new_key, Action.CHANGE, document)


def too_large() -> Refused:
    """The answer to a body that is larger than `LARGEST`, which need not be read to its end."""
    return Refused(TOO_LARGE, _no("Event object is too large", f"The body has more than {LARGEST // 1024} KB"))


def too_many(retry_after: timedelta) -> Refused:
    """The answer to a sender that should slow down; nothing of the event is kept."""
    message = "Requests are arriving too fast for this key; retry later"
    return Refused(TOO_MANY, {"status": "throttle exceeded", "message": message, "errors": [message]}, retry_after)


def unknown_key() -> Refused:
    """The answer to a routing key that is nobody's."""
    return invalid("'routing_key' is invalid (no integration has it)")


def invalid(*faults: str) -> Refused:
    return Refused(BAD_REQUEST, _no("Event object is invalid", *faults))


def _no(message: str, *faults: str) -> dict[str, Any]:
    return {"status": "invalid event", "message": message, "errors": list(faults)}


_UNREADABLE = Refused(
    BAD_REQUEST,
    {
        "status": "Unrecognized object",
        "message": "Event object format is unrecognized",
        "errors": ["JSON parse error"],
    },
)


def _document(body: bytes) -> dict[str, Any] | Refused:
    if len(body) > LARGEST:
        return too_large()
    try:
        document = bounds.parse(body)
    except ValueError:
        return _UNREADABLE
    return document if isinstance(document, dict) else _UNREADABLE


def _routing_key(document: Mapping[str, Any]) -> Iterator[str]:
    said = document.get("routing_key")
    if _blank(said):
        yield "'routing_key' is missing or blank"
    elif not isinstance(said, str) or len(said) != ROUTING_KEY:
        yield f"Length of 'routing_key' is incorrect (should be {ROUTING_KEY} characters)"
    elif not (said.isascii() and said.isalnum()):
        yield "'routing_key' is invalid (should be letters and digits)"


def _action(document: Mapping[str, Any]) -> Iterator[str]:
    said = document.get("event_action")
    if _blank(said):
        yield "'event_action' is missing or blank"
    elif not isinstance(said, str) or said not in _ACTIONS:
        yield f"'event_action' is invalid {_ONE_ACTION}"


def _dedup_key(document: Mapping[str, Any], action: Action | None) -> Iterator[str]:
    said = document.get("dedup_key")
    if said is None or said == "":
        if action in (Action.ACKNOWLEDGE, Action.RESOLVE):
            yield "'dedup_key' is missing or blank"
    elif not isinstance(said, str):
        yield "'dedup_key' is invalid (must be a string)"
    elif len(said) > DEDUP_KEY:
        yield f"Length of 'dedup_key' is incorrect (should be at most {DEDUP_KEY} characters)"


def _payload(document: Mapping[str, Any]) -> Iterator[str]:
    payload = document.get("payload")
    if not isinstance(payload, dict):
        yield "'payload' is missing or blank" if _blank(payload) else "'payload' is invalid (must be an object)"
        return
    yield from _summary(payload)
    yield from _text(payload, "source")
    severity = payload.get("severity")
    if _blank(severity):
        yield "'payload.severity' is missing or blank"
    elif not isinstance(severity, str) or severity not in _SEVERITIES:
        yield f"'payload.severity' is invalid {_ONE_SEVERITY}"


def _change(document: Mapping[str, Any]) -> Iterator[str]:
    payload = document.get("payload")
    if not isinstance(payload, dict):
        yield "'payload' is missing or blank" if _blank(payload) else "'payload' is invalid (must be an object)"
        return
    yield from _summary(payload)


def _summary(payload: Mapping[str, Any]) -> Iterator[str]:
    yield from _text(payload, "summary")
    said = payload.get("summary")
    if isinstance(said, str) and len(said) > SUMMARY:
        yield f"Length of 'payload.summary' is incorrect (should be at most {SUMMARY} characters)"


def _text(payload: Mapping[str, Any], name: str) -> Iterator[str]:
    said = payload.get(name)
    if _blank(said):
        yield f"'payload.{name}' is missing or blank"
    elif not isinstance(said, str):
        yield f"'payload.{name}' is invalid (must be a string)"


def _blank(said: Any) -> bool:
    return said is None or said == "" or (isinstance(said, str) and not said.strip())


def understood(event: Accepted, source: str, service: str, received: datetime) -> Signal:
    """Return the signal of an event that was taken. `source` names the integration, `service` is whose it is."""
    document = event.document
    payload = found if isinstance(found := document.get("payload"), dict) else {}
    said = payload.get("severity")
    info = event.action is Action.CHANGE
    return signal(
        source,
        event.dedup_key,
        event.action,
        received,
        title=payload.get("summary") or f"{event.action} of {event.dedup_key}",
        severity=Severity(said) if isinstance(said, str) and said in _SEVERITIES else _UNSAID[info],
        service=service,
        happened=payload.get("timestamp"),
        host=payload.get("source"),
        component=payload.get("component"),
        group=payload.get("group"),
        class_=payload.get("class"),
        details=payload.get("custom_details"),
        links=document.get("links"),
        images=document.get("images"),
        client=document.get("client"),
        client_url=document.get("client_url"),
    )


_UNSAID = {False: Severity.ERROR, True: Severity.INFO}
