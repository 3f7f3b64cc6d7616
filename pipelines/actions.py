"""What a door may ask for: see a plan, deploy, roll back, abort, let a lane go on. Who may is the door's question.

The click freezes the spec and the revision; the head of the lane binds the base and runs the gates again.
"""

from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from catalog import refs
from catalog.query import Service
from ledger import events
from ledger.db import Database
from ledger.errors import Code, Error
from ledger.jobs import Jobs
from pipelines import store
from pipelines.continuous import CONSIDER
from pipelines.deploy import ENDED, Deploy, Fact, Kind, Orders, State
from pipelines.jobs import ADVANCE, record
from pipelines.machine import apply
from pipelines.planning import Planner, Preview
from pipelines.store import Asked
from pipelines.terms import USUAL, Terms


@dataclass(frozen=True)
class Started:
    """The deploy that now is there. `already`: somebody had asked for the very same, and it is that one."""

    id: int
    already: bool = False


@dataclass(frozen=True)
class Actions:
    """The room's door side; made once by the wiring."""

    database: Database
    jobs: Jobs
    planner: Planner

    def deploy(
        self,
        service: Service,
        environment: str,
        revision: str,
        actor: str,
        at: datetime,
        note: str = "",
        terms: Terms = USUAL,
    ) -> Started:
        """Ask for a deploy. Raises Error(CONFLICT) with every reason when a gate blocks it."""
        preview = self.planner.preview(service, environment, revision, at, actor, terms)
        _refuse(preview)
        with self.jobs.transaction() as tx:
            return self.order(tx, preview, at, note)

    def order(self, tx: Session, preview: Preview, at: datetime, note: str = "") -> Started:
        """Ask for what has been previewed and is not blocked, in the caller's transaction, which locks the lane."""
        asked, wanted = preview.asked, preview.plan.release
        store.lock_service(tx, asked.service)
        place, trial = (asked.service, asked.environment, wanted.revision), asked.terms.trial
        if (known := store.open_deploy(tx, *place, trial=trial)) is not None:
            return Started(known, already=True)
        release = store.number(tx, asked.service, wanted.revision, wanted.subject, at)
        started = self._add(tx, replace(asked, release=release, note=note), at)
        if passed := preview.overridden:
            gates = [{"kind": gate.kind, "title": gate.title, "why": gate.why} for gate in passed]
            data = {"environment": asked.environment, "reason": asked.terms.override, "gates": gates}
            subject = f"deploy:{started.id}"
            events.record(tx, "gates.overridden", subject, asked.actor, at, data, service=asked.service)
        return started

    def rollback(
        self, service: Service, environment: str, number: int, actor: str, at: datetime, note: str = ""
    ) -> Started:
        """Ask for an earlier healthy release. It jumps the queue, stops what is going out, and holds what waits."""
        preview = self.planner.preview_rollback(service, environment, number, at, actor)
        _refuse(preview)
        asked = replace(preview.asked, note=note)
        with self.jobs.transaction() as tx:  # after git has been asked, for SQLite has one writer at a time
            store.lock_service(tx, service.ref)
            revision = asked.release.revision
            if (known := store.open_deploy(tx, service.ref, environment, revision, rollback=True)) is not None:
                return Started(known, already=True)
            why = f"{refs.short(actor)} went back to {number}" + (f": {note}" if note else "")
            self.jobs.hold(tx, asked.lane, actor, why, at)  # locks the lane: nothing begins from here on
            begun = [int(job.key) for job in self.jobs.queue(tx, asked.lane) if job.begun and job.kind == ADVANCE]
            for other in store.unfinished(tx, begun):
                self.abort_in(tx, other, actor, at, f"rolled back to {number}")
            data = {"environment": environment, "reason": why}
            events.record(tx, "lane.held", f"lane:{asked.lane}", actor, at, data, service=service.ref)
            return self._add(tx, asked, at)

    def abort(self, deploy_id: int, actor: str, at: datetime, reason: str = "") -> None:
        """Order a deploy to stop and go back; it does so at its next look, which is at once."""
        with self.jobs.transaction() as tx:
            self.abort_in(tx, deploy_id, actor, at, reason)

    def resume(self, deploy_id: int, actor: str, at: datetime, reason: str = "") -> None:
        """Let a paused deploy go on."""
        self._answer(deploy_id, "resume", actor, at, reason)

    def look_again(self, deploy_id: int, actor: str, at: datetime, reason: str = "") -> None:
        """Have the step at which a deploy paused done, or watched, once more."""
        self._answer(deploy_id, "look", actor, at, reason)

    def pause(self, deploy_id: int, actor: str, at: datetime, reason: str = "") -> None:
        """Order a deploy to wait for a person before its next step."""
        with self.jobs.transaction() as tx:
            asked, deploy, orders = self._woken(tx, deploy_id, at)
            if deploy.state not in (State.GOING, State.ACTING):
                raise Error(Code.CONFLICT, f"that deploy is {deploy.state}; only one that is going out can pause")
            if any(one.kind == "pause" and one.id > deploy.heard for one in orders):
                return
            self._write_order(tx, asked, deploy_id, "pause", actor, at, reason)

    def _answer(self, deploy_id: int, kind: str, actor: str, at: datetime, reason: str) -> None:
        with self.jobs.transaction() as tx:
            asked, deploy, orders = self._woken(tx, deploy_id, at)
            if deploy.state is not State.PAUSED:
                raise Error(Code.CONFLICT, f"that deploy does not wait for anybody: it is {deploy.state}")
            if any(one.kind in ("resume", "look", "abort") and one.id > deploy.heard for one in orders):
                raise Error(Code.CONFLICT, "somebody was first and has decided already; look at the deploy's page")
            self._write_order(tx, asked, deploy_id, kind, actor, at, reason)

    def _woken(self, tx: Session, deploy_id: int, at: datetime) -> tuple[Asked, Deploy, Orders]:
        """Have the loop look now, and load the deploy. In this order: waking locks the lane first, as the loop does."""
        self.jobs.wake(tx, ADVANCE, str(deploy_id), at)
        return store.load(tx, deploy_id)

    def _write_order(
        self, tx: Session, asked: Asked, deploy_id: int, kind: str, actor: str, at: datetime, reason: str
    ) -> None:
        store.order(tx, deploy_id, kind, actor, at, reason)
        data = {"environment": asked.environment, "release": asked.release.number, "reason": reason}
        events.record(tx, f"deploy.{kind}_ordered", f"deploy:{deploy_id}", actor, at, data, service=asked.service)

    def let_go(self, service: str, environment: str, actor: str, at: datetime) -> None:
        """Let a held lane go on."""
        with self.jobs.transaction() as tx:
            lane = store.lane(service, environment)
            if not self.jobs.held(tx, [lane]):
                raise Error(Code.CONFLICT, f"nothing of {service} in {environment} is held; it goes on already")
            self.jobs.release(tx, lane)
            self.jobs.enqueue(tx, CONSIDER, lane, at)  # continuous delivery may go on as well
            events.record(tx, "lane.let_go", f"lane:{lane}", actor, at, {"environment": environment}, service=service)

    def bind(self, asked: Asked, deploy_id: int, at: datetime) -> Fact:
        """At the head of the lane: find the base, check again, and make the plan."""
        try:
            with self.database.read() as session:
                preview = self.planner.weighed(session, asked, at, 0, head=False)
        except Error as error:
            if not error.permanent:
                raise
            return Fact(Kind.REFUSED, error.message)
        if preview.blocked:
            return Fact(Kind.REFUSED, "; ".join(preview.blocked))
        passed = ", ".join(gate.title for gate in preview.overridden)
        said = f"{preview.plan.said}; overridden: {passed}" if passed else preview.plan.said
        return Fact(Kind.BOUND, said, plan=preview.plan)

    def _add(self, tx: Session, asked: Asked, at: datetime) -> Started:
        deploy_id = store.add(tx, asked, at)
        data = {
            "environment": asked.environment,
            "release": asked.release.number,
            "revision": asked.release.revision,
            "reason": asked.note,
            "rollback": asked.rollback,
            **asked.terms.told(),
        }
        events.record(tx, "deploy.requested", f"deploy:{deploy_id}", asked.actor, at, data, service=asked.service)
        self.jobs.enqueue(tx, ADVANCE, str(deploy_id), at, lane=asked.lane, jumps=asked.rollback)
        return Started(deploy_id)

    def abort_in(self, tx: Session, deploy_id: int, actor: str, at: datetime, reason: str) -> None:
        """As `abort`, in the caller's transaction, which locks the lane."""
        asked, deploy, orders = self._woken(tx, deploy_id, at)
        if deploy.state in ENDED:
            raise Error(Code.CONFLICT, f"that deploy has ended: it is {deploy.state}; there is nothing to stop")
        if deploy.state is State.UNDOING or any(one.kind == "abort" for one in orders):
            return  # on its way back already
        self._write_order(tx, asked, deploy_id, "abort", actor, at, reason)
        if deploy.state is State.QUEUED:
            self._end_queued(tx, asked, deploy, actor, at, reason)

    def _end_queued(self, tx: Session, asked: Asked, deploy: Deploy, actor: str, at: datetime, reason: str) -> None:
        """End what has not begun right here, or it would wait for its turn only to end."""
        fact = Fact(Kind.ABORTED, reason or "stopped in the queue", actor=actor)
        after = apply(deploy, fact, at)
        store.save(tx, deploy, after)
        record(tx, asked, deploy, after, fact, at)


def _refuse(preview: Preview) -> None:
    if preview.blocked:
        release = preview.plan.release.number
        raise Error(Code.CONFLICT, f"{release} may not go to {preview.plan.environment}", reasons=preview.blocked)
