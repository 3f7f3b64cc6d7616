"""What signals have come to and is not written yet: it is written together, by one statement of each kind.

Nothing of it is in the database before `write`, so whoever is about to read or change one of these writes first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from ledger.jobs import Jobs
from oncall import outbox, store

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Unwritten:
    """Rows of new incidents with their alerts, their pages, when each is looked at again, and alerts that ended."""

    incidents: list[Row] = field(default_factory=list)
    alerts: list[Row] = field(default_factory=list)
    pages: list[Row] = field(default_factory=list)
    looks: dict[str, datetime] = field(default_factory=dict)
    ended: dict[int, datetime] = field(default_factory=dict)

    def write(self, session: Session, jobs: Jobs, kind: str) -> None:
        """Write all of it; jobs of that kind look at the incidents again."""
        store.add(session, self.incidents)
        store.raise_alerts(session, self.alerts)
        store.end_alerts(session, self.ended)
        outbox.put_all(session, self.pages)
        jobs.enqueue_all(session, kind, self.looks)
        for one in (self.incidents, self.alerts, self.pages, self.looks, self.ended):
            one.clear()
