"""What stays warm after a deploy, for the way back, and ends when its time is over. Jobs of their own.

One job waits for the moment, without a lane; it then asks for another in the lane of the service and environment, so
that nothing is stopped beside a deploy that is under way there.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from ledger import events
from ledger.clock import Clock
from ledger.db import Database
from ledger.errors import Code, Error
from ledger.jobs import Claim, Jobs
from pipelines import store, warmth
from pipelines.acts import tidied
from pipelines.deploy import Deploy, State
from pipelines.store import Asked
from production.ports import Failed, Pending, Progress, Site, Target

LATER, COOL = "deploy.cool_later", "deploy.cool"  # kinds of job; their key is the lane
AGAIN = timedelta(minutes=5)  # after a failure; meanwhile the lane is free


@dataclass(frozen=True)
class Cooling:
    """Made once by the wiring."""

    database: Database
    jobs: Jobs
    targets: Mapping[str, Target]
    clock: Clock

    def ended(self, tx: Session, asked: Asked, deploy: Deploy, at: datetime) -> None:
        """A deploy has ended: where the release before stays warm, see to its end."""
        keep = deploy.plan.keep if deploy.plan is not None else None
        if deploy.state is State.HEALTHY and keep and deploy.plan is not None and deploy.plan.base is not None:
            warmth.keep(tx, asked.service, asked.environment, at + keep)
            self.jobs.enqueue(tx, LATER, asked.lane, at + keep)

    def later(self, claim: Claim) -> None:
        """Its time is over: have it stopped as soon as nothing goes out there."""
        now = self.clock()
        service, _, environment = claim.key.rpartition("@")
        with self.jobs.transaction() as tx:
            until = warmth.until(tx, service, environment)
            if until is not None and until <= now:
                self.jobs.enqueue(tx, COOL, claim.key, now, lane=claim.key, jumps=True)
            # A newer deploy may have made it warm for longer; nothing warm is nothing to do.
            self.jobs.finish(tx, claim, now, again_at=until if until is not None and until > now else None)

    def cool(self, claim: Claim) -> None:
        """Have nothing run there but what serves."""
        now = self.clock()
        service, _, environment = claim.key.rpartition("@")
        with self.database.read() as session:
            live, frozen = store.live(session, service, environment), store.set_up(session, service, environment)
            until = warmth.until(session, service, environment)
            stuck = store.is_stuck(session, service, environment)  # then nobody knows what serves
        over = live is not None and frozen is not None and until is not None and until <= now and not stuck
        progress: Progress | None = None
        if over and live is not None and frozen is not None:
            target = self.targets[str(frozen.target["kind"])]
            progress = _stopped(target, Site(service, environment, frozen.target), live.number, claim.fence)
        with self.jobs.transaction() as tx:
            self.jobs.guard(tx, claim)
            match progress:
                case Pending(_, soon):
                    self.jobs.finish(tx, claim, now, again_at=now + soon)
                    return
                case Failed():
                    warmth.keep(tx, service, environment, now + AGAIN)
                    self.jobs.enqueue(tx, LATER, claim.key, now + AGAIN)
                case _ if over:
                    warmth.keep(tx, service, environment, None)
                    data = {"environment": environment, "release": live.number if live else None}
                    events.record(tx, "release.cooled", f"lane:{claim.key}", "worker", now, data, service=service)
            self.jobs.finish(tx, claim, now)


def _stopped(target: Target, site: Site, keep: int, fence: int) -> Progress:
    try:
        return tidied(target, site, keep, fence)
    except Error as error:
        if error.code is Code.CONFLICT:  # our fence is old: somebody else has the lane
            raise
        return Failed(error.message)
