"""Muting what is open already when a silence begins to cover it, and waking it when none does any more.

What is pending for it is not sent; when the silence ends and the trouble has not, it pages again from level 1.
"""

from datetime import datetime

import structlog
from sqlalchemy.orm import Session

from ledger.jobs import Jobs
from oncall import silencing, store
from oncall.answering import Answering
from oncall.moving import Mover

log = structlog.get_logger()


def settle(session: Session, jobs: Jobs, fallback: str, now: datetime, most: int | None = None) -> int:
    """Mute and wake in the caller's transaction, which has asked for no job yet; return how many have changed."""
    meant = sorted(silencing.changed(session, now))[:most]
    if not meant:
        return 0
    held = store.hold_all(session, meant)
    mover = Mover(session, jobs, Answering(session, fallback))
    count = 0
    for number, mute in silencing.changed(session, now, meant).items():  # anew: now nobody else can move them
        incident = held[number]
        fact = silencing.follows(incident, mute)
        if fact is not None:
            mover.happen(incident, [fact], now)
            count += 1
    return count
