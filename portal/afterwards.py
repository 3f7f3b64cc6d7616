"""What follows from the end of a deploy, and what is counted between deploys. Told to the loop by the wiring."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from ledger.runner import Work
from pipelines import quarantine, store, traffic, waiting
from pipelines.cooling import Cooling
from pipelines.deploy import Deploy, Orders, State
from pipelines.plan import StepKind
from pipelines.store import Asked
from portal import alarming, continuing, coursing, ranwith
from portal.services import Services
from production.ports import Counting

MEASURE, COUNT = "pipelines.measure", "pipelines.count"
UNTOUCHED = (StepKind.MEASURE, StepKind.TIDY)  # steps that have nothing to do with the release itself
RAN_WITH = "pipelines.ran_with"


@dataclass(frozen=True)
class Afterwards:
    services: Services

    @property
    def cooling(self) -> Cooling:
        services = self.services
        return Cooling(services.database, services.jobs, services.targets, services.clock)

    def ended(self, session: Session, asked: Asked, deploy: Deploy) -> None:
        """In the transaction in which it ends: measure what waits, quarantine what was bad, page, keep warm, go on."""
        at = self.services.clock()
        self.services.jobs.enqueue(session, MEASURE, asked.service, at)
        if deploy.state is State.HEALTHY:
            waiting.went_out(session, asked.service, asked.environment, asked.release.revision, at)
        if is_bad(asked, deploy, store.load(session, deploy.id)[2]):
            quarantine.quarantine(
                session, asked.service, asked.environment, asked.release.revision, deploy.reason, deploy.id, at
            )
        if deploy.state is State.HEALTHY and ranwith.has_secrets(deploy):
            self.services.jobs.enqueue(session, RAN_WITH, str(deploy.id), at)  # not here: stores of secrets are slow
        alarming.ended(session, self.services.jobs, self.services.config.address, asked, deploy, at)
        self.cooling.ended(session, asked, deploy, at)
        coursing.wake(self.services, session, asked)
        continuing.ask(self.services, session, at, asked.service, asked.environment)

    def count(self, _work: Work) -> None:
        """Keep what each service has answered in the minute that is over."""
        at = self.services.clock()
        targets = self.services.targets.values()
        counts = [told for target in targets if isinstance(target, Counting) for told in target.counts()]
        if counts:
            with self.services.database.write() as session:
                for service, environment, shares in counts:
                    traffic.counted(session, service, environment, shares, at)

    def ran_with(self, work: Work) -> None:
        """Keep what a deploy's release runs with."""
        ranwith.keep(self.services, int(work.claim.key))
        with self.services.jobs.transaction() as tx:
            self.services.jobs.finish(tx, work.claim, self.services.clock())


def is_bad(asked: Asked, deploy: Deploy, orders: Orders) -> bool:
    """Did the release itself do something wrong, so that it shall not go out again by itself?

    Not when a person stopped it, nor before any of it was touched, nor after it has passed all there was.
    """
    touched = any(took.kind not in UNTOUCHED for took in deploy.story if not took.undo)
    passed = deploy.plan is not None and deploy.step >= len(deploy.plan.steps)
    aborted = any(one.kind == "abort" for one in orders)
    went_back = deploy.state is State.UNDONE and deploy.ending in ("failed", "bad")
    is_stuck = deploy.state is State.STUCK and not aborted and not passed
    return touched and not asked.rollback and (went_back or is_stuck)
