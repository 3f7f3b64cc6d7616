"""What the ledger forgets, and when: done jobs, old deliveries, and facts only where somebody has decided so."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Select

from ledger import events, inbox
from ledger.db import Database
from ledger.jobs import Jobs


@dataclass(frozen=True)
class Keep:
    """How long each is kept. Facts are kept for ever unless a time is given; the chain then begins at a checkpoint."""

    jobs: timedelta = timedelta(days=7)
    deliveries: timedelta = timedelta(days=30)
    facts: timedelta | None = None


@dataclass(frozen=True)
class Forgotten:
    jobs: int
    deliveries: int
    facts: int


def forget(
    database: Database, jobs: Jobs, now: datetime, keep: Keep, waiting: Select[tuple[int]] | None = None
) -> Forgotten:
    """Delete what is older than `keep` says, each kind in a transaction of its own; a periodic job calls this.

    `waiting`: the ids of deliveries that somebody has yet to understand, however old they are.
    """
    with jobs.transaction() as tx:
        old_jobs = jobs.prune(tx, now - keep.jobs)
    with database.write() as session:
        deliveries = inbox.prune(session, now - keep.deliveries, waiting)
    facts = 0
    if keep.facts is not None:
        with database.write() as session:
            facts = events.prune(session, now - keep.facts)
    return Forgotten(old_jobs, deliveries, facts)
