"""Locks and approvals over the API: who has stopped what and why, and who has said yes."""

from datetime import datetime
from typing import Any, Self

from apiflask import APIBlueprint
from pydantic import AwareDatetime, ConfigDict, Field, model_validator

from ledger.errors import Code, Error
from pipelines import approvals, locks
from portal import auth, gatekeeping
from portal.api import asking
from portal.api.asked import In, Note, Word
from portal.api.shapes import Out

bp = APIBlueprint("locks", __name__, tag="Gates")


class LockIn(In):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    service: Word | None = Field(None, description="its name; nothing: all services")
    environment: Word | None = Field(None, description="nothing: all environments")
    reason: Word = Field(min_length=1, description="for those whom it stops")
    until: AwareDatetime | None = Field(None, description="when it lapses; nothing: when somebody lifts it")
    lasts: Word | None = Field(None, alias="for", description="when it lapses, from now: `2h`")
    hard: bool = Field(True, description="it stops deploys; otherwise it is only said")

    @model_validator(mode="after")
    def _ends_once(self) -> Self:
        if self.until is not None and self.lasts is not None:
            raise ValueError("give `until` or `for`, not both")
        return self


class LocksQuery(In):
    service: Word | None = Field(None, description="only what counts for this service")
    environment: Word | None = Field(None, description="only what counts for this environment")
    over: bool = Field(False, description="also those that were lifted or have lapsed, the newest first")


class Lock(Out):
    id: int
    scope: str = Field(description="what it is a lock of, in words")
    service: str | None
    environment: str | None
    hard: bool
    reason: str
    owner: str
    at: datetime
    expires_at: datetime | None
    lifted_at: datetime | None
    lifted_by: str | None
    active: bool = Field(description="it counts now")


class Locks(Out):
    locks: list[Lock]


class ApprovalIn(In):
    environment: Word
    revision: Word = Field("", description="branch, tag or commit; empty: the newest of the default branch")
    note: Note = ""


class ApprovalsQuery(In):
    environment: Word
    revision: Word = Field("", description="branch, tag or commit; empty: the newest of the default branch")


class Approval(Out):
    actor: str
    at: datetime
    note: str


class Approvals(Out):
    service: str
    environment: str
    revision: str
    approvals: list[Approval]


@bp.get("/locks")
@bp.input(LocksQuery, location="query")
@bp.output(Locks)
def index(query_data: LocksQuery) -> Any:
    """What is locked now"""
    asked, now = query_data, asking.now()
    ref = asking.ref(asked.service) if asked.service else None
    with auth.services().database.read() as session:
        found = [*locks.standing(session, now), *(locks.over(session, now) if asked.over else ())]
    fitting = [
        one
        for one in found
        if (ref is None or one.service in (None, ref))
        and one.environment in (None, asked.environment or one.environment)
    ]
    return Locks(locks=[_told(one, now) for one in fitting])


@bp.post("/locks")
@bp.input(LockIn, arg_name="asked")
@bp.output(Lock, 201, description="It counts from now on")
@bp.doc(responses={400: "No reason, or it would be over already", 403: "Not yours to lock", 404: "No such service"})
def lock(asked: LockIn) -> Any:
    """Stop deploys, or warn of them

    Of a service, of one of its environments, of an environment of all services, or of everything; only an admin may
    lock more than one service. Going back stays possible.
    """
    services, person = auth.services(), auth.somebody()
    with services.database.read() as session:
        ref = asking.service(session, asked.service).ref if asked.service else None
    until = asked.until or gatekeeping.ending(asked.lasts or "", asking.now())
    made = gatekeeping.lock(services, person, ref, asked.environment, asked.reason, until=until, hard=asked.hard)
    return _told(made, asking.now()), 201


@bp.post("/locks/<int:lock_id>/lift")
@bp.output(Lock)
@bp.doc(responses={403: "Not yours to lift", 404: "No such lock", 409: "It does not count any more"})
def lift(lock_id: int) -> Any:
    """Lift a lock: whoever set it, the team that owns the service, or an admin"""
    if lock_id > 2**63 - 1:
        raise Error(Code.NOT_FOUND, "There is no such lock.")
    return _told(gatekeeping.lift(auth.services(), auth.somebody(), lock_id), asking.now())


@bp.get("/services/<name>/approvals")
@bp.input(ApprovalsQuery, location="query")
@bp.output(Approvals)
@bp.doc(responses={503: "The repository cannot be read now"})
def given(name: str, query_data: ApprovalsQuery) -> Any:
    """Who has approved of a revision for an environment"""
    services, asked = auth.services(), query_data
    with services.database.read() as session:
        service = asking.service(session, name)
    seen = services.planner.preview(service, asked.environment, asked.revision, asking.now())
    return _approvals(service.ref, asked.environment, seen.plan.release.revision)


@bp.post("/services/<name>/approvals")
@bp.input(ApprovalIn, arg_name="asked")
@bp.output(Approvals)
@bp.doc(responses={403: "Not yours to do", 503: "The repository cannot be read now"})
def approve(name: str, asked: ApprovalIn) -> Any:
    """Approve of a revision for an environment

    It does not count for a deploy that you ask for yourself, nor where you wrote all of the change.
    """
    ref = _ref(name)
    seen, _ = gatekeeping.approve(
        auth.services(), auth.somebody(), ref, asked.environment, asked.revision, asked.note.strip()
    )
    return _approvals(ref, asked.environment, seen.plan.release.revision)


@bp.post("/services/<name>/approvals/withdraw")
@bp.input(ApprovalsQuery, arg_name="asked")
@bp.output(Approvals)
@bp.doc(responses={403: "Not yours to do", 409: "There is none of yours", 503: "The repository cannot be read now"})
def withdraw(name: str, asked: ApprovalsQuery) -> Any:
    """Take your own approval back"""
    ref = _ref(name)
    seen = gatekeeping.withdraw(auth.services(), auth.somebody(), ref, asked.environment, asked.revision)
    return _approvals(ref, asked.environment, seen.plan.release.revision)


def _ref(name: str) -> str:
    with auth.services().database.read() as session:
        return asking.service(session, name).ref


def _approvals(service: str, environment: str, revision: str) -> Approvals:
    with auth.services().database.read() as session:
        found = approvals.given(session, service, environment, revision)
    told = [Approval.model_validate(one) for one in found]
    return Approvals(service=service, environment=environment, revision=revision, approvals=told)


def _told(one: locks.Lock, now: datetime) -> Lock:
    return Lock.model_validate({**vars(one), "scope": one.scope, "active": one.counts(now)})
