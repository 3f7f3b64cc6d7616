"""What an Alertmanager posts, version 4 of its webhook, for an alert of the demo. Pure."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

NEVER = "0001-01-01T00:00:00Z"  # how Go writes a moment that is not known
RECEIVER = "fullcycle"


@dataclass(frozen=True)
class Alert:
    """An alert of a service since a moment; `severity`: critical wakes somebody, warning waits for the day."""

    name: str
    service: str
    summary: str
    since: datetime
    severity: str = "critical"
    description: str = ""
    query: str = ""  # the address that answers it

    @property
    def labels(self) -> Mapping[str, str]:
        told = {"alertname": self.name, "service": self.service, "environment": "production"}
        return {**told, "severity": self.severity}


def body(alert: Alert, over: datetime | None = None, address: str = "http://127.0.0.1") -> Mapping[str, Any]:
    """Return the body that says that an alert fires, or that it is over."""
    status = "firing" if over is None else "resolved"
    annotations = {"summary": alert.summary} | ({"description": alert.description} if alert.description else {})
    one = {
        "status": status,
        "labels": dict(alert.labels),
        "annotations": annotations,
        "startsAt": _written(alert.since),
        "endsAt": NEVER if over is None else _written(over),
        "generatorURL": alert.query,
        "fingerprint": fingerprint(alert.labels),
    }
    group = {"alertname": alert.name, "service": alert.service}
    return {
        "version": "4",
        "groupKey": f'{{}}:{{alertname="{alert.name}", service="{alert.service}"}}',
        "truncatedAlerts": 0,
        "status": status,
        "receiver": RECEIVER,
        "groupLabels": group,
        "commonLabels": dict(alert.labels),
        "commonAnnotations": annotations,
        "externalURL": address,
        "alerts": [one],
    }


def fingerprint(labels: Mapping[str, str]) -> str:
    """Return sixteen digits by which the labels are known, as Alertmanager's are."""
    said = "\xff".join(f"{name}\xfe{labels[name]}" for name in sorted(labels))
    return hashlib.sha256(said.encode()).hexdigest()[:16]


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
