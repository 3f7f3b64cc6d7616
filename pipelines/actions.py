"""What a door may ask for: see a plan, deploy, roll back, abort, let a lane go on. Who may is the door's question.

The click freezes the spec and the revision; the head of the lane binds the base and runs the gates again.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from catalog import yamlfile
from catalog.git import Mirror
from catalog.query import Service
from ledger import events
from ledger.db import Database
from ledger.errors import Code, Error
from ledger.jobs import Jobs
from pipelines import spec as specs
from pipelines import store, waiting
from pipelines.change import Change, change
from pipelines.gates import Gate, Situation, blocked, gates
from pipelines.jobs import ADVANCE, record
from pipelines.machine import ENDED, Deploy, Fact, Kind, State, apply
from pipelines.plan import Plan, ReleaseRef, plan
from pipelines.spec import DeploySpec
from pipelines.store import Asked

MOST_COMMITS = 200  # of one change that are read; more than anybody would


@dataclass(frozen=True)
class Preview:
    """What would happen, and every gate. Nothing has happened yet."""

    plan: Plan
    gates: tuple[Gate, ...]
    asked: Asked
    at: datetime
    head: bool  # the revision is the default branch's newest

    @property
    def blocked(self) -> tuple[str, ...]:
        return blocked(self.gates)


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
    mirror: Callable[[int], Mirror]
    target_kinds: frozenset[str]

    def preview(self, service: Service, environment: str, revision: str, at: datetime) -> Preview:
        """Return the plan for deploying `revision` (a branch, tag, or hash; empty: the newest)."""
        mirror = self.mirror(service.repository_id)
        sha = mirror.resolve(revision or "HEAD")
        spec, problems = self._spec(mirror, service, sha)
        _environment(service, spec, environment)
        subject = mirror.commits(None, sha, limit=1)[0].subject
        with self.database.read() as session:
            release = ReleaseRef(store.next_number(session, service.ref, sha), sha, subject)
            asked = Asked(service.ref, environment, service.repository_id, release, spec, actor="")
            return self._preview(session, asked, at, problems, head=sha == mirror.resolve("HEAD"))

    def preview_rollback(self, service: Service, environment: str, number: int, at: datetime) -> Preview:
        """Return the plan for going back to an earlier release, with the spec that it was healthy with."""
        with self.database.read() as session:
            asked = self._asked_back(session, service, environment, number)
            return self._preview(session, asked, at, 0, head=False)

    def deploy(
        self, service: Service, environment: str, revision: str, actor: str, at: datetime, note: str = ""
    ) -> Started:
        """Ask for a deploy. Raises Error(CONFLICT) with every reason when a gate blocks it."""
        preview = self.preview(service, environment, revision, at)
        _refuse(preview)
        with self.jobs.transaction() as tx:
            store.lock_service(tx, service.ref)
            sha = preview.plan.release.revision
            if (known := store.open_deploy(tx, service.ref, environment, sha)) is not None:
                return Started(known, already=True)
            release = store.number(tx, service.ref, sha, preview.plan.release.subject, at)
            return self._add(tx, replace(preview.asked, release=release, actor=actor, note=note), at)

    def rollback(
        self, service: Service, environment: str, number: int, actor: str, at: datetime, note: str = ""
    ) -> Started:
        """Ask for an earlier healthy release. It jumps the queue, stops what is going out, and holds what waits."""
        preview = self.preview_rollback(service, environment, number, at)
        _refuse(preview)
        asked = replace(preview.asked, actor=actor, note=note)
        with self.jobs.transaction() as tx:  # after git has been asked, for SQLite has one writer at a time
            store.lock_service(tx, service.ref)
            revision = asked.release.revision
            if (known := store.open_deploy(tx, service.ref, environment, revision, rollback=True)) is not None:
                return Started(known, already=True)
            why = f"{_name(actor)} went back to {number}" + (f": {note}" if note else "")
            self.jobs.hold(tx, asked.lane, actor, why, at)  # locks the lane: nothing begins from here on
            for other in store.unfinished(tx, [int(job.key) for job in self.jobs.queue(tx, asked.lane) if job.begun]):
                self._abort(tx, other, actor, at, f"rolled back to {number}")
            data = {"environment": environment, "reason": why}
            events.record(tx, "lane.held", f"lane:{asked.lane}", actor, at, data, service=service.ref)
            return self._add(tx, asked, at)

    def abort(self, deploy_id: int, actor: str, at: datetime, reason: str = "") -> None:
        """Order a deploy to stop and go back; it does so at its next look, which is at once."""
        with self.jobs.transaction() as tx:
            self._abort(tx, deploy_id, actor, at, reason)

    def let_go(self, service: str, environment: str, actor: str, at: datetime) -> None:
        """Let a held lane go on."""
        with self.jobs.transaction() as tx:
            lane = store.lane(service, environment)
            if not self.jobs.held(tx, [lane]):
                raise Error(Code.CONFLICT, f"nothing of {service} in {environment} is held; it goes on already")
            self.jobs.release(tx, lane)
            events.record(tx, "lane.let_go", f"lane:{lane}", actor, at, {"environment": environment}, service=service)

    def bind(self, asked: Asked, deploy_id: int, at: datetime) -> Fact:
        """At the head of the lane: find the base, check again, and make the plan."""
        try:
            with self.database.read() as session:
                preview = self._preview(session, asked, at, 0, head=False)
        except Error as error:
            if not error.permanent:
                raise
            return Fact(Kind.REFUSED, error.message)
        if preview.blocked:
            return Fact(Kind.REFUSED, "; ".join(preview.blocked))
        return Fact(Kind.BOUND, preview.plan.said, plan=preview.plan)

    def measure(self, service: Service, at: datetime) -> bool:
        """Measure what waits to go out, by environment, where it has moved; return whether anything had."""
        mirror = self.mirror(service.repository_id)
        head = mirror.resolve("HEAD")
        spec, _ = _read(mirror, service, head)
        with self.database.read() as session:
            known = waiting.measured(session, service.ref)
            bases = {name: store.live(session, service.ref, name) for name in (spec.environments if spec else ())}
        stale = {
            name: base.revision if base else None
            for name, base in bases.items()
            if known.get(name) != (base.revision if base else None, head)
        }
        if stale:
            changes = {base: self._change(mirror, base, head) for base in set(stale.values())}
            with self.database.write() as session:
                for name, base in stale.items():
                    waiting.remember(session, service.ref, name, base, head, changes[base], at)
        return bool(stale)

    def _spec(self, mirror: Mirror, service: Service, sha: str) -> tuple[DeploySpec, int]:
        spec, problems = _read(mirror, service, sha)
        if spec is not None:
            return spec, len(problems)
        if problems:
            raise Error(
                Code.INVALID,
                f"{service.path} at {sha[:7]} cannot be deployed by: mend it and push",
                reasons=[str(problem) for problem in problems],
            )
        raise Error(Code.INVALID, f"{service.path} at {sha[:7]} has no spec.deploy; add one to deploy {service.name}")

    def _preview(self, session: Session, asked: Asked, at: datetime, problems: int, *, head: bool) -> Preview:
        base = store.live(session, asked.service, asked.environment)
        mirror = self.mirror(asked.repository)
        target_revision = asked.release.revision
        ahead = base is None or _is_ahead(mirror, base.revision, target_revision)
        moving = self._change(mirror, base.revision if base else None, target_revision)
        past = store.past(session, asked.service, asked.environment)
        made = plan(
            asked.service, asked.environment, asked.spec, asked.release, base, moving, past, rollback=asked.rollback
        )
        lane = store.lane(asked.service, asked.environment)
        hold = self.jobs.held(session, [lane]).get(lane)
        situation = Situation(
            asked.release,
            base,
            moving,
            asked.rollback,
            ahead,
            target_known=str(made.target["kind"]) in self.target_kinds,
            target_kind=str(made.target["kind"]),
            stuck=store.is_stuck(session, asked.service, asked.environment),
            held=hold.reason if hold and not asked.rollback else "",
            problems=problems,
        )
        return Preview(made, gates(situation), asked, at, head)

    def _change(self, mirror: Mirror, base: str | None, head: str) -> Change:
        """What `head` has that `base` has not; where that is nothing, what leaves production instead."""
        if base == head or not _has(mirror, head):
            return Change()
        base = base if base is not None and _has(mirror, base) else None
        forward = mirror.commits(base, head, limit=MOST_COMMITS)
        if forward or base is None:
            return change(forward)
        return change(mirror.commits(head, base, limit=MOST_COMMITS), back=True)

    def _asked_back(self, session: Session, service: Service, environment: str, number: int) -> Asked:
        row = store.was_healthy(session, service.ref, environment, number)
        if row is None:
            raise Error(
                Code.CONFLICT,
                f"release {number} of {service.name} has never been healthy in {environment}; choose one that has",
            )
        before = store.asked(row)
        return replace(before, actor="", rollback=True, note="")

    def _add(self, tx: Session, asked: Asked, at: datetime) -> Started:
        deploy_id = store.add(tx, asked, at)
        data = {
            "environment": asked.environment,
            "release": asked.release.number,
            "revision": asked.release.revision,
            "reason": asked.note,
            "rollback": asked.rollback,
        }
        events.record(tx, "deploy.requested", f"deploy:{deploy_id}", asked.actor, at, data, service=asked.service)
        self.jobs.enqueue(tx, ADVANCE, str(deploy_id), at, lane=asked.lane, jumps=asked.rollback)
        return Started(deploy_id)

    def _abort(self, tx: Session, deploy_id: int, actor: str, at: datetime, reason: str) -> None:
        self.jobs.wake(tx, ADVANCE, str(deploy_id), at)  # first of all: it locks the lane, as the loop does
        asked, deploy, abort = store.load(tx, deploy_id)
        if deploy.state in ENDED:
            raise Error(Code.CONFLICT, f"that deploy has ended: it is {deploy.state}; there is nothing to stop")
        if deploy.state is State.UNDOING or abort is not None:
            return  # on its way back already
        store.order(tx, deploy_id, "abort", actor, at, reason)
        data = {"environment": asked.environment, "release": asked.release.number, "reason": reason}
        events.record(tx, "deploy.abort_ordered", f"deploy:{deploy_id}", actor, at, data, service=asked.service)
        if deploy.state is State.QUEUED:
            self._end_queued(tx, asked, deploy, actor, at, reason)

    def _end_queued(self, tx: Session, asked: Asked, deploy: Deploy, actor: str, at: datetime, reason: str) -> None:
        """End what has not begun right here, or it would wait for its turn only to end."""
        fact = Fact(Kind.ABORTED, reason or "stopped in the queue", actor=actor)
        after = apply(deploy, fact, at)
        store.save(tx, deploy, after)
        record(tx, asked, deploy, after, fact, at)


def _read(mirror: Mirror, service: Service, sha: str) -> tuple[DeploySpec | None, Sequence[yamlfile.Problem]]:
    """Read the service's own document at a revision."""
    text = mirror.read(sha, service.path)
    if text is None:
        return None, ()
    documents, problems = yamlfile.read(text, service.path)
    for document in documents:
        if document.value(("metadata", "name")) == service.name:
            spec, more = specs.read(document)
            return spec, [*problems, *more]
    return None, problems


def _has(mirror: Mirror, sha: str) -> bool:
    """Is the commit still there? A branch that was pushed anew leaves what serves behind."""
    return _is_ahead(mirror, sha, sha)


def _is_ahead(mirror: Mirror, old: str, new: str) -> bool:
    try:
        return mirror.is_ancestor(old, new)
    except Error as error:
        if error.code is Code.NOT_FOUND:
            return False
        raise


def _environment(service: Service, spec: DeploySpec, environment: str) -> None:
    if environment not in spec.environments:
        there = ", ".join(sorted(spec.environments))
        raise Error(Code.NOT_FOUND, f"{service.name} has no environment {environment!r}; it has {there}")


def _refuse(preview: Preview) -> None:
    if preview.blocked:
        release = preview.plan.release.number
        raise Error(Code.CONFLICT, f"{release} may not go to {preview.plan.environment}", reasons=preview.blocked)


def _name(actor: str) -> str:
    return actor.rpartition("/")[2] or actor
