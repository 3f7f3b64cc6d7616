"""What would happen: reads git, the frozen spec and all that the gates look at, and makes the plan. Changes nothing.

The click and the head of the lane ask the same question here, so that both get the same answer.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy.orm import Session

from catalog import yamlfile
from catalog.git import Mirror
from catalog.query import Service
from ledger.db import Database
from ledger.errors import Code, Error
from ledger.jobs import Jobs
from pipelines import reversible, store, traffic, waiting
from pipelines import spec as specs
from pipelines.blockers import NOBODY, Others
from pipelines.change import Change, change
from pipelines.gates import Gate, Situation, blocked, gates, overridden
from pipelines.plan import Plan, ReleaseRef, plan
from pipelines.spec import DeploySpec
from pipelines.store import Asked
from pipelines.survey import looked_around
from pipelines.terms import USUAL, Terms

MOST_COMMITS = 200  # of one change that are read; more than anybody would


@dataclass(frozen=True)
class Preview:
    """What would happen, and every gate. Nothing has happened yet."""

    plan: Plan
    gates: tuple[Gate, ...]
    asked: Asked
    at: datetime
    head: bool  # the revision is the default branch's newest
    situation: Situation  # what the gates looked at

    @property
    def blocked(self) -> tuple[str, ...]:
        return blocked(self.gates)

    @property
    def overridden(self) -> tuple[Gate, ...]:
        """The gates that would have stopped it, were it no emergency."""
        return overridden(self.gates)


@dataclass(frozen=True)
class Planner:
    """Made once by the wiring."""

    database: Database
    jobs: Jobs
    mirror: Callable[[int], Mirror]
    target_kinds: frozenset[str]
    others: Others = NOBODY

    def preview(
        self,
        service: Service,
        environment: str,
        revision: str,
        at: datetime,
        actor: str = "",
        terms: Terms = USUAL,
    ) -> Preview:
        """Return the plan for deploying `revision` (a branch, tag, or hash; empty: the newest)."""
        mirror = self.mirror(service.repository_id)
        head = mirror.head()
        sha = mirror.resolve(revision) if revision else head.sha
        spec, problems = self._spec(mirror, service, sha)
        _environment(service, spec, environment)
        subject = head.subject if sha == head.sha else mirror.commits(None, sha, limit=1)[0].subject
        with self.database.read() as session:
            release = ReleaseRef(store.next_number(session, service.ref, sha), sha, subject)
            asked = Asked(service.ref, environment, service.repository_id, release, spec, actor, terms=terms)
            return self.weighed(session, asked, at, problems, head=sha == head.sha)

    def preview_rollback(
        self, service: Service, environment: str, number: int, at: datetime, actor: str = ""
    ) -> Preview:
        """Return the plan for going back to an earlier release, with the spec that it was healthy with."""
        with self.database.read() as session:
            asked = replace(self._asked_back(session, service, environment, number), actor=actor)
            return self.weighed(session, asked, at, 0, head=False)

    def _asked_back(self, session: Session, service: Service, environment: str, number: int) -> Asked:
        row = store.was_healthy(session, service.ref, environment, number)
        if row is None:
            raise Error(
                Code.CONFLICT,
                f"release {number} of {service.name} has never been healthy in {environment}; choose one that has",
            )
        before = store.asked(row)
        return replace(before, actor="", rollback=True, note="", terms=USUAL)

    def measure(self, services: Sequence[Service], at: datetime) -> bool:
        """Measure what waits to go out of services of one repository, by environment, where it has moved.

        Return whether anything had. Each distance is measured once, however many services it is the same for.
        """
        if not services:
            return False
        mirror = self.mirror(services[0].repository_id)
        head = mirror.head().sha
        places = [(one.ref, name) for one in services for name in _environments(mirror, one, head)]
        refs = [one.ref for one in services]
        with self.database.read() as session:
            known, live = waiting.measured(session, refs), waiting.serving(session, refs)
        stale = {place: live.get(place) for place in places if known.get(place) != (live.get(place), head)}
        if stale:
            changes = {base: _change(mirror, base, head, _follows(mirror, base, head)) for base in set(stale.values())}
            with self.database.write() as session:
                for (ref, name), base in stale.items():
                    waiting.remember(session, ref, name, base, head, changes[base], at)
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

    def weighed(self, session: Session, asked: Asked, at: datetime, problems: int, *, head: bool) -> Preview:
        """Return the plan for what is asked, with every gate."""
        base = store.live(session, asked.service, asked.environment)
        mirror = self.mirror(asked.repository)
        target_revision = asked.release.revision
        serving = base.revision if base else None
        follows = _follows(mirror, serving, target_revision)
        moving = _change(mirror, serving, target_revision, follows)
        past = store.past(session, asked.service, asked.environment)
        newer = base.revision if moving.back and base is not None else target_revision
        taken_away = _taken_away(mirror, asked, moving, newer)
        stuck = store.is_stuck(session, asked.service, asked.environment)
        was = store.set_up(session, asked.service, asked.environment)
        made = plan(
            asked.service,
            asked.environment,
            asked.spec,
            asked.release,
            base,
            moving,
            past,
            rollback=asked.rollback,
            trial=asked.terms.trial,
            irreversible="" if asked.rollback or moving.back or asked.terms.trial else taken_away,
            before=traffic.before(session, asked.service, asked.environment, at),
            was=was,
            stuck=stuck,
        )
        lane = store.lane(asked.service, asked.environment)
        hold = self.jobs.held(session, [lane]).get(lane)
        situation = Situation(
            asked.release,
            base,
            moving,
            asked.rollback,
            follows or base is None,
            target_known=str(made.target["kind"]) in self.target_kinds,
            target_kind=str(made.target["kind"]),
            moved_from=str(was.target["kind"]) if base is not None and was is not None else "",
            stuck=stuck,
            held=hold.reason if hold and not asked.rollback else "",
            problems=problems,
            taken_away=taken_away,
        )
        situation = looked_around(session, situation, asked, made.expected, at, self.others)
        return Preview(made, gates(situation), asked, at, head, situation)


def _change(mirror: Mirror, base: str | None, head: str, follows: bool) -> Change:
    """What `head` has that `base` has not; where that is nothing, what leaves production instead."""
    if base == head:
        return Change()
    if follows:  # so both are there, and git need not be asked for each
        return change(mirror.commits(base, head, limit=MOST_COMMITS))
    if not _has(mirror, head):
        return Change()
    base = base if base is not None and _has(mirror, base) else None
    forward = mirror.commits(base, head, limit=MOST_COMMITS)
    if forward or base is None:
        return change(forward)
    return change(mirror.commits(head, base, limit=MOST_COMMITS), back=True)


def _follows(mirror: Mirror, base: str | None, head: str) -> bool:
    return base is not None and _is_ahead(mirror, base, head)


def _environments(mirror: Mirror, service: Service, head: str) -> Sequence[str]:
    """Return where it may be deployed to: as the catalog has read it, for git is slow to ask."""
    told = (service.deploy or {}).get("environments")
    if isinstance(told, Mapping):
        return [str(name) for name in told]
    spec, _ = _read(mirror, service, head)
    return tuple(spec.environments) if spec else ()


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


def _taken_away(mirror: Mirror, asked: Asked, moving: Change, newer: str) -> str:
    """Return what of this change the old code may miss, as the newer revision of the two has it."""
    told = asked.spec.environments[asked.environment]
    read = reversible.migrations(moving.paths, told.reversible)
    texts = {path: (mirror.read(newer, path) or b"").decode(errors="replace") for path in read}
    return reversible.why_not(moving.paths, texts, told.irreversible, told.reversible)


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
