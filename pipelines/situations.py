"""Reads what continuous delivery looks at: commits with their CI, what is queued, what was bad, who holds the lane."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import ValidationError
from sqlalchemy.orm import Session

from catalog.query import Service
from ledger.db import Database
from ledger.jobs import Jobs
from pipelines import ci, continuous, mainline, quarantine, query, statuses, store
from pipelines.continuous import Attempt, Candidate, OpenDeploy, Situation
from pipelines.planning import Planner
from pipelines.situation import counted
from pipelines.spec import DeploySpec, Environment

MOST_DEPLOYS = 200  # of the past that are looked at

Busy = Callable[[Session, str, str], str]
"""What else has a service's environment (a train, a bisect), for people; empty when nothing has."""


def environments(service: Service) -> Sequence[str]:
    """Return where the service's file asks for continuous delivery. What stands there is unchecked."""
    told = (service.deploy or {}).get("environments")
    found = told.items() if isinstance(told, Mapping) else ()
    return [str(name) for name, said in found if isinstance(said, Mapping) and said.get("continuous") is True]


@dataclass(frozen=True)
class Reader:
    """Made once."""

    database: Database
    jobs: Jobs
    planner: Planner
    busy: Busy

    def read(self, service: Service, environment: str) -> Situation:
        """Return all that the decision looks at, as it is now."""
        if environment not in environments(service):
            return Situation(continuous=False)
        try:
            settings = DeploySpec.model_validate(service.deploy).environments[environment]
        except ValidationError as error:
            found = counted(error.error_count(), "problem")
            return Situation(True, busy=f"{service.path} cannot be deployed by: it has {found}")
        mirror = self.planner.mirror(service.repository_id)
        with self.database.read() as session:
            serving = store.live(session, service.ref, environment)
        line, built = mainline.waiting(mirror, serving.revision if serving else None)
        with self.database.read() as session:
            lane = store.lane(service.ref, environment)
            hold = self.jobs.held(session, [lane]).get(lane)
            return Situation(
                True,
                _candidates(session, service, settings, line, built),
                self._open(session, service.ref, environment),
                {one.revision: one.why for one in reversed(quarantine.active(session, service.ref))},
                _spent(session, service.ref, environment),
                f"the lane is held: {hold.reason}" if hold else "",
                self._busy(session, service.ref, environment),
            )

    def _busy(self, session: Session, service: str, environment: str) -> str:
        if store.is_stuck(session, service, environment):
            return "the last deploy is stuck, and a person is needed"
        return self.busy(session, service, environment)

    def _open(self, session: Session, service: str, environment: str) -> tuple[OpenDeploy, ...]:
        begun = {job.key for job in self.jobs.queue(session, store.lane(service, environment)) if job.begun}
        return tuple(
            OpenDeploy(
                row.id,
                row.revision,
                str(row.id) in begun or row.word != "queued",
                store.load(session, row.id)[0].terms.continuous,
                row.rollback,
            )
            for row in query.lane_order(session, service, environment)
        )


def _candidates(
    session: Session, service: Service, settings: Environment, line: Sequence[str], built: frozenset[str]
) -> tuple[Candidate, ...]:
    rules = settings.gates.ci
    there = {name: _healthy(session, service.ref, name) for name in settings.gates.soak}
    said = statuses.states(session, service.repository_id, line)
    return tuple(
        Candidate(
            revision,
            ci.standing(said[revision], rules),
            revision in built,
            ci.barring(said[revision], rules),
            continuous.has_been(there, revision),
        )
        for revision in line
    )


def _healthy(session: Session, service: str, environment: str) -> frozenset[str]:
    rows = query.deploys(session, service=service, environment=environment, limit=MOST_DEPLOYS)
    return frozenset(row.revision for row in rows if row.word in ("healthy", "replaced"))


def _spent(session: Session, service: str, environment: str) -> Mapping[str, str]:
    rows = query.deploys(session, service=service, environment=environment, limit=MOST_DEPLOYS)
    attempts = [
        Attempt(row.id, row.revision, row.word, row.reason, row.started_at is not None, row.requested_at)
        for row in rows
        if row.ended and not row.rollback
    ]
    return continuous.spent(attempts, quarantine.lifted(session, service, environment))
