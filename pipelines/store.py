"""Deploys in their tables: asked for, loaded with their orders, saved by compare-and-set. The only writer."""

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError, NoResultFound
from sqlalchemy.orm import Session

from ledger.errors import Code, Error
from pipelines.deploy import OPEN, Answered, Deploy, Order, Pause, State, Took
from pipelines.plan import Past, ReleaseRef, Step, StepKind, Was, from_json, to_json
from pipelines.proof import NO_PROOF, Proof
from pipelines.spec import DeploySpec
from pipelines.tables import CounterRow, DeployRow, LiveRow, OrderRow, ReleaseRow
from pipelines.terms import USUAL, Terms
from pipelines.watch import Watch


@dataclass(frozen=True)
class Asked:
    """What the click froze: never changed afterwards."""

    service: str
    environment: str
    repository: int
    release: ReleaseRef
    spec: DeploySpec
    actor: str
    rollback: bool = False
    note: str = ""
    terms: Terms = USUAL

    @property
    def lane(self) -> str:
        return lane(self.service, self.environment)


def lane(service: str, environment: str) -> str:
    """Name the lane: one per service and environment."""
    return f"{service}@{environment}"


@dataclass(frozen=True)
class _Progress:
    """The part of a Deploy that has no column of its own."""

    step: int = 0
    way_back: tuple[Step, ...] = ()
    undo_step: int = 0
    attempted: bool = False
    tries: int = 0
    began_at: datetime | None = None
    watch: Watch = ()
    fell: Watch | None = None
    story: tuple[Took, ...] = ()
    proof: Proof = NO_PROOF
    pause: Pause | None = None
    answered: tuple[Answered, ...] = ()
    paused: timedelta = timedelta(0)
    heard: int = 0


_PROGRESS = TypeAdapter(_Progress)
_TERMS = TypeAdapter(Terms)


def lock_service(session: Session, service: str) -> CounterRow:
    """Take the service's row for this transaction: whoever asks for a deploy of it waits for the others."""
    query = select(CounterRow).where(CounterRow.service == service).with_for_update()
    row = session.scalars(query).one_or_none()
    if row is None:
        with contextlib.suppress(IntegrityError), session.begin_nested():  # another press may make it first
            session.add(CounterRow(service=service, last=0))
        row = session.scalars(query).one()
    return row


def number(session: Session, service: str, revision: str, subject: str, at: datetime) -> ReleaseRef:
    """Return the release of that revision, numbered now if it has no number yet. Call after lock_service."""
    known = session.scalars(
        select(ReleaseRow).where(ReleaseRow.service == service, ReleaseRow.revision == revision)
    ).one_or_none()
    if known is None:
        counter = lock_service(session, service)
        counter.last += 1
        known = ReleaseRow(service=service, number=counter.last, revision=revision, subject=subject, created_at=at)
        session.add(known)
        session.flush()
    return ReleaseRef(known.number, known.revision, known.subject)


def release(session: Session, service: str, number: int) -> ReleaseRef | None:
    row = session.scalars(
        select(ReleaseRow).where(ReleaseRow.service == service, ReleaseRow.number == number)
    ).one_or_none()
    return ReleaseRef(row.number, row.revision, row.subject) if row else None


def next_number(session: Session, service: str, revision: str) -> int:
    """Return the number that revision has or would get; for a preview, which numbers nothing."""
    known = session.scalar(
        select(ReleaseRow.number).where(ReleaseRow.service == service, ReleaseRow.revision == revision)
    )
    return known or (session.scalar(select(CounterRow.last).where(CounterRow.service == service)) or 0) + 1


def add(session: Session, asked: Asked, at: datetime) -> int:
    """Write a new deploy, queued; return its id."""
    row = insert(DeployRow).values(
        service=asked.service,
        environment=asked.environment,
        rollback=asked.rollback,
        repository=asked.repository,
        release=asked.release.number,
        revision=asked.release.revision,
        subject=asked.release.subject,
        actor=asked.actor,
        note=asked.note,
        spec=asked.spec.model_dump(mode="json"),
        requested_at=at,
        state=State.QUEUED,
        progress=_PROGRESS.dump_python(_Progress(), mode="json"),
        terms=asked.terms.told(),
    )
    return int(session.scalar(row.returning(DeployRow.id)) or 0)


def open_deploy(
    session: Session, service: str, environment: str, revision: str, *, rollback: bool = False, trial: bool = False
) -> int | None:
    """Return the open deploy of that very revision; a rollback is like another only, and so is a trial."""
    same = (DeployRow.service == service, DeployRow.environment == environment, DeployRow.revision == revision)
    query = select(DeployRow.id, DeployRow.terms).where(*same, DeployRow.state.in_(OPEN)).order_by(DeployRow.id)
    found = session.execute(query.where(DeployRow.rollback) if rollback else query)
    return next((row.id for row in found if bool((row.terms or {}).get("trial")) == trial), None)


def load(session: Session, deploy_id: int) -> tuple[Asked, Deploy, Sequence[Order]]:
    """Return a deploy with what was asked for and what people have ordered since, oldest first."""
    try:
        row = session.get_one(DeployRow, deploy_id)
    except NoResultFound:
        raise Error(Code.NOT_FOUND, f"there is no deploy {deploy_id}") from None
    rows = session.scalars(select(OrderRow).where(OrderRow.deploy_id == deploy_id).order_by(OrderRow.id))
    orders = [Order(one.order, one.actor, one.at, one.reason, one.id) for one in rows]
    return asked(row), deploy(row), orders


def asked(row: DeployRow) -> Asked:
    return Asked(
        row.service,
        row.environment,
        row.repository,
        ReleaseRef(row.release, row.revision, row.subject),
        DeploySpec.model_validate(row.spec),
        row.actor,
        row.rollback,
        row.note,
        _TERMS.validate_python(row.terms or {}),
    )


def deploy(row: DeployRow) -> Deploy:
    """Read a row as the machine's value."""
    progress = _PROGRESS.validate_python(row.progress)
    return Deploy(
        id=row.id,
        state=State(row.state),
        plan=from_json(row.plan) if row.plan else None,
        started_at=row.started_at,
        ended_at=row.ended_at,
        reason=row.reason,
        ending=row.ending,
        version=row.version,
        **{name: getattr(progress, name) for name in _Progress.__dataclass_fields__},
    )


def save(session: Session, before: Deploy, after: Deploy) -> None:
    """Write the deploy if nobody has since `before` was read. Raises Error(CONFLICT) otherwise."""
    progress = _Progress(**{name: getattr(after, name) for name in _Progress.__dataclass_fields__})
    values: dict[str, Any] = {
        "state": after.state,
        "progress": _PROGRESS.dump_python(progress, mode="json"),
        "percent": after.percent,
        "doing": _doing(after),
        "reason": after.reason,
        "ending": after.ending,
        "started_at": after.started_at,
        "ended_at": after.ended_at,
        "version": before.version + 1,
    }
    if after.plan is not None:
        steps = after.plan.steps
        values["wave"] = max(step.wave for step in steps[: after.step + 1])
    if after.plan is not None and before.plan is None:
        values |= {
            "plan": to_json(after.plan),
            "base": after.plan.base.number if after.plan.base else None,
            "commits": len(after.plan.change.commits),
            "waves": len(after.plan.waves),
        }
    done = session.execute(
        update(DeployRow).where(DeployRow.id == before.id, DeployRow.version == before.version).values(values)
    )
    if getattr(done, "rowcount", 0) != 1:
        # No row changed: another worker was first.
        raise Error(Code.CONFLICT, f"deploy {before.id} has moved on meanwhile")


def _doing(deploy: Deploy) -> str:
    if deploy.state is State.PAUSED:
        return StepKind.PAUSE
    if deploy.state is State.ACTING and deploy.plan is not None:
        return deploy.plan.steps[deploy.step].kind
    return deploy.way_back[deploy.undo_step].kind if deploy.state is State.UNDOING and deploy.attempted else ""


def order(session: Session, deploy_id: int, kind: str, actor: str, at: datetime, reason: str) -> None:
    session.execute(insert(OrderRow).values(deploy_id=deploy_id, order=kind, actor=actor, at=at, reason=reason))


def live(session: Session, service: str, environment: str) -> ReleaseRef | None:
    """Return the release that serves there."""
    row = session.get(LiveRow, (service, environment))
    return ReleaseRef(row.release, row.revision, row.subject) if row else None


def set_live(session: Session, asked: Asked, deploy_id: int, at: datetime) -> None:
    session.merge(
        LiveRow(
            service=asked.service,
            environment=asked.environment,
            release=asked.release.number,
            revision=asked.release.revision,
            subject=asked.release.subject,
            deploy_id=deploy_id,
            since=at,
            warm_until=None,
        )
    )


def set_up(session: Session, service: str, environment: str) -> Was | None:
    """Return how what serves there was set up, as it was frozen."""
    live = session.get(LiveRow, (service, environment))
    frozen = session.scalar(select(DeployRow.plan).where(DeployRow.id == live.deploy_id)) if live else None
    return Was(dict(frozen["target"]), tuple(frozen["build"])) if frozen else None


def was_healthy(session: Session, service: str, environment: str, number: int) -> DeployRow | None:
    """Return the newest deploy with which that release became healthy there."""
    return session.scalars(
        select(DeployRow)
        .where(
            DeployRow.service == service,
            DeployRow.environment == environment,
            DeployRow.release == number,
            DeployRow.state == State.HEALTHY,
        )
        .order_by(DeployRow.id.desc())
        .limit(1)
    ).one_or_none()


def past(session: Session, service: str, environment: str) -> Past:
    """Return how long each kind of step took, the median of the last five healthy deploys."""
    rows = session.scalars(
        select(DeployRow.progress)
        .where(DeployRow.service == service, DeployRow.environment == environment, DeployRow.state == State.HEALTHY)
        .order_by(DeployRow.id.desc())
        .limit(5)
    )
    took: dict[StepKind, list[Any]] = {}
    for progress in map(_PROGRESS.validate_python, rows):
        for told in progress.story:
            if told.ended is not None and not told.undo:
                took.setdefault(StepKind(told.kind), []).append(told.ended - told.began)
    return {kind: sorted(spans)[len(spans) // 2] for kind, spans in took.items()}


def is_stuck(session: Session, service: str, environment: str) -> bool:
    """Has a deploy there ended stuck, and none has become healthy since? One that was put back has mended nothing."""
    here = (DeployRow.service == service, DeployRow.environment == environment)
    stuck = session.scalar(select(func.max(DeployRow.ended_at)).where(*here, DeployRow.state == State.STUCK))
    live = session.get(LiveRow, (service, environment))
    return stuck is not None and (live is None or stuck > live.since)


def unfinished(session: Session, among: Sequence[int]) -> Sequence[int]:
    """Return those of these deploys that have not ended."""
    return list(session.scalars(select(DeployRow.id).where(DeployRow.id.in_(among), DeployRow.state.in_(OPEN))))
