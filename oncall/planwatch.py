"""What is looked at now and then of the plans: gaps that are coming, and loads that are not fair. Said once.

It is looked for without holding anything up, and only what was found is written.
"""

from dataclasses import dataclass
from datetime import timedelta

from ledger.clock import Clock
from ledger.db import Database
from ledger.jobs import Jobs
from oncall import fairwatch, gapwatch

GAPS, GAPS_EVERY = "oncall.gaps", timedelta(hours=1)
FAIR, FAIR_EVERY = "oncall.fair", timedelta(days=7)


@dataclass(frozen=True)
class PlanWatcher:
    """Made once by the wiring."""

    database: Database
    jobs: Jobs
    clock: Clock
    fallback: str = ""

    def gaps(self) -> None:
        """Announce what will be wrong within a week."""
        now = self.clock()
        with self.database.read() as session:
            found = gapwatch.due(session, now, self.fallback)
        if found:
            with self.jobs.transaction() as tx:
                gapwatch.say(tx, self.jobs, found, now)

    def fairness(self) -> None:
        """Open a task where somebody carries far more than a fair share of the quarter."""
        now = self.clock()
        with self.database.read() as session:
            found = fairwatch.due(session, now, self.fallback)
        if found:
            with self.database.write() as session:
                fairwatch.say(session, found, now)
