"""The five kinds of integrations as forms: what each needs, what is checked before it is made, and what to paste where.

Pure. A key is made where randomness may be used; here it stands in texts only.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import yaml

from ledger.errors import Code, Error
from oncall import alertmanager, bounds, heartbeat, mail, mapping
from oncall.severities import KNOWN
from oncall.terms import Severity
from oncall.understanding import ALERTMANAGER, EVENTS, GENERIC, HEARTBEAT, MAIL
from production.settings import duration

LONGEST_NAME = 120
HOLDS = "0" * 32  # stands for a key that is not shown


@dataclass(frozen=True)
class Kind:
    """A kind of integration: its name, what it is for, and the fields of its form besides name and service."""

    kind: str
    name: str
    what: str
    fields: tuple[str, ...] = ()


KINDS = (
    Kind(EVENTS, "Events API", "Whatever can talk to PagerDuty: change its address and its key."),
    Kind(
        ALERTMANAGER,
        "Alertmanager",
        "Prometheus’ and Grafana’s alerts, by webhook.",
        ("by_label", "service_label", "severities", "poll"),
    ),
    Kind(GENERIC, "Any JSON", "Anything that posts JSON; a mapping says what stands where in it.", ("mapping",)),
    Kind(MAIL, "Mail", "Mails, posted by a mail server as they came.", ("senders", "key", "resolve", "severity")),
    Kind(
        HEARTBEAT,
        "Heartbeat",
        "Something that calls now and then: its silence is the alert.",
        ("every", "grace", "zone"),
    ),
)
BY_KIND: Mapping[str, Kind] = {one.kind: one for one in KINDS}

MAPPING = """\
title: $.title
key: [$.id]
severity: {from: $.level, else: error}
action: {from: $.state, values: {ok: resolve, alerting: trigger}}
host: $.host
"""


def name(form: Mapping[str, str], kind: Kind) -> str:
    return bounds.line(form.get("name", ""), LONGEST_NAME) or kind.name


def settings(kind: str, form: Mapping[str, str], named: str) -> dict[str, Any]:
    """Return what is kept of a form; raise Error with every problem."""
    if kind not in BY_KIND:
        raise Error(Code.INVALID, f"There is no integration of kind “{kind[:40]}”; there are {', '.join(BY_KIND)}.")
    return _READ[kind](form, named)


def _events(form: Mapping[str, str], named: str) -> dict[str, Any]:
    return {}


def _alertmanager(form: Mapping[str, str], named: str) -> dict[str, Any]:
    label = bounds.line(form.get("service_label", ""), 80) or "service"
    words = _words(form.get("severities", ""))
    told: dict[str, Any] = {"by_label": True, "service_label": label} if form.get("by_label") else {}
    poll = _poll(form.get("poll", ""))
    return told | ({"severities": words} if words else {}) | ({"poll": poll} if poll else {})


def _poll(said: str) -> str:
    """Read the address of an Alertmanager that is asked each minute, too; its name and password may stand in it."""
    said = said.strip()
    try:
        parts = urlsplit(said)
        wrong = bool(said) and (parts.scheme not in ("http", "https") or not parts.hostname or len(said) > 1000)
        wrong = wrong or bool(parts.query or parts.fragment) or bounds.line(said, 1000) != said or parts.port == 0
    except ValueError:
        wrong = True
    if wrong:
        why = "write the address of the Alertmanager itself, like https://alertmanager.example:9093"
        raise Error(Code.INVALID, "This address cannot be asked", reasons=[why])
    return said


def _words(text: str) -> dict[str, str]:
    """Read `blue = warning` by the line: a team's own words for how bad it is."""
    found, faults = {}, []
    for line in filter(None, map(str.strip, text.splitlines()[:50])):
        word, sign, meant = (part.strip() for part in line.partition("="))
        if not sign or not word or meant.lower() not in set(Severity):
            faults.append(f"“{line[:60]}” should read like: page = critical; there are {', '.join(Severity)}")
        else:
            found[bounds.line(word, 80)] = meant.lower()
    if faults:
        raise Error(Code.INVALID, "These words cannot be used", reasons=faults)
    return found


def _generic(form: Mapping[str, str], named: str) -> dict[str, Any]:
    try:
        said = yaml.safe_load(form.get("mapping", "")[:20_000])
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" in line {mark.line + 1}" if mark else ""
        why = f"It is no YAML{where}: {getattr(error, 'problem', None) or 'it cannot be read'}"
        raise Error(Code.INVALID, "This mapping cannot be used", reasons=[why]) from None
    mapping.mapping(said)
    try:
        return {"mapping": json.loads(bounds.storable(json.dumps(said)))}
    except (TypeError, ValueError):  # YAML has dates and the like, which no JSON holds
        raise Error(
            Code.INVALID, "This mapping cannot be used", reasons=["All in it must be texts; put odd words into quotes"]
        ) from None


def _mail(form: Mapping[str, str], named: str) -> dict[str, Any]:
    senders = tuple(bounds.line(form.get("senders", ""), 4000).lower().replace(",", " ").split())[:50]
    severity = KNOWN.get(form.get("severity", "").lower(), Severity.ERROR)
    resolve = bounds.line(form.get("resolve", ""), 500) or mail.RESOLVED
    rules = mail.checked(mail.Rules(resolve, bounds.line(form.get("key", ""), 500), severity, senders))
    return {"mail": {"resolve": rules.resolve, "key": rules.key, "severity": severity.value, "senders": list(senders)}}


def _heartbeat(form: Mapping[str, str], named: str) -> dict[str, Any]:
    every, zone = bounds.line(form.get("every", ""), 200), bounds.line(form.get("zone", ""), 80) or "UTC"
    is_cron = len(every.split()) > 1
    faults: list[str] = []
    grace = _span(form.get("grace", "") or "1m", "The grace", faults) or timedelta(0)
    period = None if is_cron or not every else _span(every, "How often", faults)
    if faults:
        raise Error(Code.INVALID, "This heartbeat cannot be used", reasons=faults)
    heartbeat.checked(heartbeat.Expected(named, grace, period, every if is_cron else "", zone))
    told: dict[str, Any] = {"grace": grace.total_seconds(), "zone": zone}
    return told | ({"cron": every} if is_cron else {"period": period.total_seconds() if period else 0})


def _span(text: str, what: str, faults: list[str]) -> timedelta | None:
    try:
        return duration(text.strip().replace(" ", ""))
    except (ValueError, OverflowError):
        faults.append(f"{what}: “{text[:40]}” is no length of time; write 30s, 5m, 2h or 1d")
        return None


def form_of(kind: str, told: Mapping[str, Any]) -> dict[str, str]:
    """Return the form that says what an integration was told, without anything secret.

    >>> form_of(HEARTBEAT, {"period": 5400.0, "grace": 60, "zone": "UTC"})
    {'every': '90m', 'grace': '1m', 'zone': 'UTC'}
    """
    match kind:
        case "alertmanager":
            words = "\n".join(f"{word} = {meant}" for word, meant in (told.get("severities") or {}).items())
            label = (
                {"by_label": "1", "service_label": str(told.get("service_label", ""))} if told.get("by_label") else {}
            )
            return {**label, "severities": words, "poll": alertmanager.shown(told)}
        case "generic":
            return {"mapping": yaml.safe_dump(told.get("mapping"), sort_keys=False, allow_unicode=True)}
        case "mail":
            rules = told.get("mail") or {}
            return {
                **{name: str(rules.get(name, "")) for name in ("resolve", "key", "severity")},
                "senders": ", ".join(rules.get("senders") or ()),
            }
        case "heartbeat":
            every = told.get("cron") or _short(told.get("period") or 0)
            return {"every": every, "grace": _short(told.get("grace") or 0), "zone": str(told.get("zone", "UTC"))}
    return {}


def _short(seconds: float) -> str:
    sizes = (("d", 86400), ("h", 3600), ("m", 60))
    return next(
        (f"{seconds // size:g}{unit}" for unit, size in sizes if seconds and not seconds % size), f"{seconds:g}s"
    )


_READ = {EVENTS: _events, ALERTMANAGER: _alertmanager, GENERIC: _generic, MAIL: _mail, HEARTBEAT: _heartbeat}


# --- what to paste ----------------------------------------------------------------------------------------------------


def pastes(kind: str, key: str, base: str) -> Sequence[tuple[str, str]]:
    """Return what to put where, each with what it is: settings of the sender, and a call that tries it."""
    return _PASTES[kind](key, base.rstrip("/"))


def _event_pastes(key: str, base: str) -> Sequence[tuple[str, str]]:
    body = (
        f'{{"routing_key": "{key}", "event_action": "trigger", "dedup_key": "try",\n'
        '  "payload": {"summary": "Only a try", "source": "me", "severity": "info"}}'
    )
    return (
        ("The address, in place of events.pagerduty.com", f"{base}/v2/enqueue"),
        ("Try it", f"curl -sS {base}/v2/enqueue -H 'Content-Type: application/json' -d '{body}'"),
    )


def _alertmanager_pastes(key: str, base: str) -> Sequence[tuple[str, str]]:
    text = (
        "receivers:\n  - name: fullcycle\n    webhook_configs:\n"
        f"      - url: {base}/hooks/alertmanager/{key}\n        send_resolved: true"
    )
    body = '{"version": "4", "alerts": [{"status": "firing", "labels": {"alertname": "Try", "severity": "info"},\n'
    body += '  "annotations": {"summary": "Only a try"}, "startsAt": "2026-01-01T00:00:00Z", "fingerprint": "try"}]}'
    return (
        ("In alertmanager.yml", text),
        ("In Grafana: a contact point of type Webhook with this address", f"{base}/hooks/alertmanager/{key}"),
        ("Try it", f"curl -sS {base}/hooks/alertmanager/{key} -H 'Content-Type: application/json' -d '{body}'"),
    )


def _generic_pastes(key: str, base: str) -> Sequence[tuple[str, str]]:
    body = '{"title": "Only a try", "id": "try", "level": "info", "state": "alerting"}'
    address = f"{base}/hooks/generic/{key}"
    return ("The address", address), ("Try it", f"curl -sS {address} -H 'Content-Type: application/json' -d '{body}'")


def _mail_pastes(key: str, base: str) -> Sequence[tuple[str, str]]:
    address = f"{base}/hooks/mail/{key}"
    post = f"curl -sS --data-binary @- -H 'Content-Type: message/rfc822' {address}"
    return (
        ("In /etc/aliases of a mail server", f'alerts: "|{post}"'),
        ("Try it", f"printf 'From: me@example.org\\nSubject: Only a try\\n\\nNothing is wrong.\\n' | {post}"),
    )


def _heartbeat_pastes(key: str, base: str) -> Sequence[tuple[str, str]]:
    address = f"{base}/hooks/heartbeat/{key}"
    return (
        (
            "At the end of what must run, like a line of a crontab",
            f"0 3 * * *  /usr/local/bin/backup && curl -fsS {address}",
        ),
        ("Try it", f"curl -fsS {address}"),
    )


_PASTES = {
    EVENTS: _event_pastes,
    ALERTMANAGER: _alertmanager_pastes,
    GENERIC: _generic_pastes,
    MAIL: _mail_pastes,
    HEARTBEAT: _heartbeat_pastes,
}


def said(kind: str, told: Mapping[str, Any]) -> str:
    """Say in a few words what an integration was told.

    >>> said(HEARTBEAT, {"cron": "0 3 * * *", "grace": 600, "zone": "UTC"})
    'expected at 0 3 * * * (UTC)'
    """
    match kind:
        case "heartbeat":
            every = told.get("cron")
            return f"expected at {every} ({told.get('zone')})" if every else ""
        case "alertmanager":
            label = f"the label {told.get('service_label')} says whose an alert is" if told.get("by_label") else ""
            asked = f"{urlsplit(alertmanager.shown(told)).netloc} is asked each minute for what was missed"
            return "; ".join(one for one in (label, asked if told.get("poll") else "") if one)
        case "mail":
            senders = (told.get("mail") or {}).get("senders") or ()
            return f"from {', '.join(senders)}" if senders else "from anybody"
    return ""
