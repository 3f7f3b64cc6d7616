"""Continuous delivery at work: looks at one service and environment, and does what pipelines/continuous.py says.

It is asked after whatever may change the answer, and is idempotent: asked again about the same, it does nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from catalog.query import Service
from ledger.db import Database
from ledger.errors import Error
from ledger.jobs import Jobs
from pipelines import continuous, decided, store
from pipelines.actions import Actions
from pipelines.continuous import CONSIDER, Nothing, Refusal, Supersede, Wait, Withdraw
from pipelines.decided import ACTOR, Ordered
from pipelines.jobs import ADVANCE
from pipelines.planning import Planner
from pipelines.situation import Gate
from pipelines.situations import Busy, Reader
from pipelines.terms import Terms

MOST_STEPS = 20  # of one consideration; so many commits are shown to the gates
LOOK_AGAIN = timedelta(minutes=5)  # where nobody says for how long the gates refuse or something else goes first
TERMS = Terms(continuous=True)


def parted(key: str) -> tuple[str, str]:
    """Return service and environment of a job's key."""
    service, _, environment = key.rpartition("@")
    return service, environment


@dataclass(frozen=True)
class Continuous:
    """Made once by the wiring. `busy` says what else has a service's environment, a train or a bisect."""

    database: Database
    jobs: Jobs
    planner: Planner
    actions: Actions
    busy: Busy = lambda session, service, environment: ""

    def ask(self, tx: Any, service: str, environment: str, at: datetime) -> None:
        """Have it considered soon, in the caller's transaction."""
        self.jobs.enqueue(tx, CONSIDER, f"{service}@{environment}", at)

    def consider(self, service: Service, environment: str, at: datetime) -> Wait | Nothing:
        """Do all that is to be done now and return what is left; a Wait says when to look again at the latest."""
        reader = Reader(self.database, self.jobs, self.planner, self.busy)
        refused: dict[str, Refusal] = {}
        ordered: Ordered | None = None
        for _ in range(MOST_STEPS):
            match decision := continuous.decide(replace(reader.read(service, environment), refused=refused)):
                case continuous.Deploy(revision):
                    outcome = self._order(service, environment, decision, at)
                    if isinstance(outcome, Refusal):
                        refused[revision] = outcome
                    else:
                        ordered = outcome
                case Supersede(deploys):
                    for deploy_id in deploys:
                        self._take_out(service, environment, deploy_id, decision.why, at)
                case Withdraw(deploy_id):
                    self._take_out(service, environment, deploy_id, decision.why, at)
                case left:
                    break
        else:
            left = Wait(("there is more to look at than is looked at in one go",))
        with self.database.write() as session:
            decided.tell(session, service.ref, environment, ordered or left, at)
        if isinstance(left, Wait) and left.until is None and (refused or not left.revision):
            return replace(left, until=at + LOOK_AGAIN)
        return left

    def _order(self, service: Service, environment: str, wanted: continuous.Deploy, at: datetime) -> Ordered | Refusal:
        """Order it as anybody would; what the gates say comes back as a value."""
        try:
            preview = self.planner.preview(service, environment, wanted.revision, at, ACTOR, TERMS)
            if preview.blocked:
                return Refusal(preview.blocked, _until(preview.gates, at))
            started = self.actions.deploy(
                service, environment, wanted.revision, ACTOR, at, note=wanted.why, terms=TERMS
            )
        except Error as error:
            if not error.permanent:
                raise
            return Refusal(tuple(error.reasons) or (error.message,))
        return Ordered(wanted, started.id)

    def _take_out(self, service: Service, environment: str, deploy_id: int, why: str, at: datetime) -> None:
        """End a deploy while it waits; one that has begun meanwhile goes on."""
        with self.jobs.transaction() as tx:
            self.jobs.wake(tx, ADVANCE, str(deploy_id), at)  # locks the lane: nothing begins from here on
            queue = self.jobs.queue(tx, store.lane(service.ref, environment))
            if any(job.key == str(deploy_id) and not job.begun for job in queue):
                self.actions.abort_in(tx, deploy_id, ACTOR, at, why)


def _until(gates: Sequence[Gate], at: datetime) -> datetime | None:
    """Return when the first of the gates opens that say so."""
    times = (gate.until for gate in gates if gate.verdict == "bad")
    return min((one for one in times if one is not None and one > at), default=None)
