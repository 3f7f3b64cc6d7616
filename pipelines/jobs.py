"""The worker's whole loop for a deploy: load, decide, perform, and write what came of it in one transaction.

Killed anywhere, the job is claimed again and `decide` names the same step.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from ledger import events
from ledger.db import Database
from ledger.errors import Code, Error
from ledger.jobs import Claim, Jobs, Lost
from pipelines import store
from pipelines.acts import perform
from pipelines.deciding import Bind, Nothing, Perform, Record, Wait, decide
from pipelines.deploy import ENDED, Deploy, Fact, Kind, State
from pipelines.machine import apply
from pipelines.plan import Plan, Step
from pipelines.store import Asked
from pipelines.world import Came, Ports

ADVANCE = "deploy.advance"
BY_PEOPLE = (Kind.ABORTED, Kind.PAUSED, Kind.RESUMED, Kind.LOOKED_AGAIN)
BIND_TRIES = 6  # half a minute; the worker waits longer before each

Binder = Callable[[Asked, int, datetime], Fact]
"""Finds base and change at the head of the lane and makes the plan: a BOUND or a REFUSED fact."""


@dataclass(frozen=True)
class Loop:
    """Everything the loop needs; made once by the wiring."""

    database: Database
    jobs: Jobs
    ports: Ports
    bind: Binder
    source: Callable[[int], str]  # a repository's id to the path of its mirror
    ended: Callable[[Session, Asked, Deploy], None] = lambda session, asked, deploy: None

    def advance(self, claim: Claim, lost: Callable[[], bool] = lambda: False) -> None:
        """Move one deploy on until it must wait or has ended. Raises Lost when another worker has it."""
        deploy_id = int(claim.key)
        while not lost():
            with self.database.read() as session:
                asked, deploy, orders = store.load(session, deploy_id)
            act = decide(deploy, orders, self.ports.clock())
            if isinstance(act, Wait):
                self._leave(claim, act.until)
                return
            came = self._do(act, asked, deploy, claim)
            if self._write(claim, asked, deploy, came):
                return
        raise Lost

    def _leave(self, claim: Claim, until: datetime) -> None:
        """Nothing is to be done before a person orders something, which wakes the job."""
        with self.jobs.transaction() as tx:
            self.jobs.finish(tx, claim, self.ports.clock(), again_at=until)

    def _do(self, act: Bind | Perform | Record | Nothing, asked: Asked, deploy: Deploy, claim: Claim) -> Came | None:
        match act:
            case Nothing():
                return None
            case Record(fact):
                return Came(fact)
            case Bind():
                return Came(self._bound(asked, deploy, claim))
            case Perform():
                assert deploy.plan is not None
                try:
                    return perform(act, deploy, deploy.plan, self.source(asked.repository), claim.fence, self.ports)
                except Error as error:
                    if error.code is Code.CONFLICT:
                        raise Lost from error  # the target has seen a newer fence than ours
                    raise

    def _bound(self, asked: Asked, deploy: Deploy, claim: Claim) -> Fact:
        """Bind, and let go of what cannot be bound, or it would keep its lane for ever and never say why."""
        try:
            return self.bind(asked, deploy.id, self.ports.clock())
        except Error as error:
            if claim.attempt < BIND_TRIES:
                raise
            return Fact(Kind.REFUSED, error.message)

    def _write(self, claim: Claim, asked: Asked, before: Deploy, came: Came | None) -> bool:
        """Write what came, all of it or nothing; return True when the claim has been given back."""
        now = self.ports.clock()
        with self.jobs.transaction() as tx:
            self.jobs.guard(tx, claim)
            if came is None:
                self.jobs.finish(tx, claim, now)
                return True
            after = apply(before, came.fact, now)
            try:
                store.save(tx, before, after)
            except Error:
                return False  # the claim is ours, so a door ended it in the queue; look again
            record(tx, asked, before, after, came.fact, now)
            if after.state in ENDED:
                if after.state is State.HEALTHY:
                    store.set_live(tx, asked, after.id, now)
                self.ended(tx, asked, after)
                self.jobs.finish(tx, claim, now)
                return True
            if came.again_at is not None:
                self.jobs.finish(tx, claim, now, again_at=came.again_at)
                return True
        return False


def record(session: Session, asked: Asked, before: Deploy, after: Deploy, fact: Fact, at: datetime) -> None:
    """Write the fact for the audit, the live page and the log; a look that saw nothing new is no fact."""
    kind = f"deploy.{after.state}" if after.state in ENDED else f"deploy.{fact.kind}"
    if fact.kind is Kind.OBSERVED and not fact.lines:
        return
    steps = before.way_back[before.undo_step :] if before.state is State.UNDOING else _steps(before.plan)[before.step :]
    step = steps[0] if steps and before.state is not State.QUEUED else None
    data = {
        "release": asked.release.number,
        "revision": asked.release.revision,
        "environment": asked.environment,
        "reason": fact.reason,
        "lines": list(fact.lines),
        **({"step": step.kind, "wave": step.wave, "percent": step.percent, "for": step.release} if step else {}),
    }
    if after.plan is not None and after.state in ENDED:
        data["base"] = after.plan.base.number if after.plan.base else None
        data["why"] = after.reason
    if fact.kind is Kind.BOUND and after.plan is not None:
        change = after.plan.change
        committed = [] if change.back else [one.at.isoformat() for one in change.commits]
        data |= {"rollback": asked.rollback, "committed": committed}
    if fact.kind is Kind.PAUSED:
        data["asks"] = fact.asks
    actor = fact.actor if fact.kind in BY_PEOPLE else "worker"
    events.record(session, kind, f"deploy:{after.id}", actor, at, data, service=asked.service, cause=asked.actor)


def _steps(plan: Plan | None) -> tuple[Step, ...]:
    return plan.steps if plan else ()
