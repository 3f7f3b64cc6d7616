"""What people say to the gates: lock, lift, approve, withdraw. Asks who and may they, for pages and API alike."""

import re
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from catalog import query as catalog
from catalog import refs
from ledger.errors import Code, Error
from pipelines import approvals, conductor, locks, query
from pipelines.locks import Lock
from pipelines.planning import Preview
from portal import continuing, whose
from portal.permissions import Action, Owned, Person, Refused, may, may_lift
from portal.services import Services
from production.settings import duration

LONGEST = timedelta(days=366)
_ENVIRONMENT = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


def lock(
    services: Services,
    person: Person,
    service: str | None,
    environment: str | None,
    reason: str,
    *,
    until: datetime | None = None,
    hard: bool = True,
) -> Lock:
    """Lock a service (by its reference), one of its environments, an environment of all, or everything."""
    at = services.clock()
    if until is not None and until > at + LONGEST:
        raise Error(Code.INVALID, "A lock ends within a year, or never by itself; leave its end out for that.")
    with services.database.read() as session:
        _require(may(person, Action.LOCK if service else Action.LOCK_ALL, _owned(session, service)))
        _check_environment(session, service, environment)
    with services.database.write() as session:
        return locks.lock(session, service, environment, reason, person.actor, at, expires_at=until, hard=hard)


def ending(text: str, at: datetime) -> datetime | None:
    """Return when something that lasts `2h` from now ends; None for no end. Raises Error(INVALID)."""
    if not text.strip():
        return None
    try:
        span = duration(text.strip())
    except (ValueError, OverflowError):
        raise Error(Code.INVALID, f"“{text[:40]}” is no length of time; write 30m, 2h or 3d.") from None
    if not timedelta(0) < span <= LONGEST:
        raise Error(Code.INVALID, "A lock lasts longer than nothing and at most a year.")
    return at + span


def lift(services: Services, person: Person, lock_id: int) -> Lock:
    """Lift a lock: whoever set it, the team whose service it is on, or an admin."""
    with services.database.read() as session:
        found = locks.one(session, lock_id)
        if said := lift_refusal(session, person, found.owner, found.service):
            raise Error(Code.FORBIDDEN, said)
    with services.database.write() as session:
        at = services.clock()
        lifted = locks.lift(session, lock_id, person.actor, at)
        continuing.ask(services, session, at, lifted.service, lifted.environment)
    return lifted


def lift_refusal(session: Session, person: Person, owner: str, service: str | None) -> str:
    """Return why she may not lift a lock that `owner` has set, empty when she may."""
    name = whose.names(session, [owner]).get(owner, refs.short(owner))
    answer = may_lift(person, owner, name, _owned(session, service))
    return answer.reason if isinstance(answer, Refused) else ""


def approve(
    services: Services, person: Person, name: str, environment: str, revision: str, note: str = ""
) -> tuple[Preview, bool]:
    """Approve of a revision for an environment; return its plan, and whether that is new."""
    preview = _seen(services, person, name, environment, revision)
    sha, service = preview.plan.release.revision, preview.plan.service
    with services.database.write() as session:
        at = services.clock()
        new = approvals.approve(session, service, environment, sha, person.actor, at, note)
        continuing.ask(services, session, at, service, environment)
        conductor.wake(session, services.jobs, service, environment, at)
    return preview, new


def withdraw(services: Services, person: Person, name: str, environment: str, revision: str) -> Preview:
    """Take her own approval back."""
    preview = _seen(services, person, name, environment, revision)
    sha, service = preview.plan.release.revision, preview.plan.service
    with services.database.write() as session:
        approvals.withdraw(session, service, environment, sha, person.actor, services.clock())
    return preview


def _seen(services: Services, person: Person, name: str, environment: str, revision: str) -> Preview:
    with services.database.read() as session:
        service = catalog.service(session, name)
        _require(may(person, Action.APPROVE, whose.owned(service)))
    return services.planner.preview(service, environment, revision, services.clock(), person.actor)


def _owned(session: Session, service: str | None) -> Owned | None:
    return whose.owned_by_ref(session, service) if service else None


def _check_environment(session: Session, service: str | None, environment: str | None) -> None:
    """A lock of an environment that is nowhere would stop nothing, and nobody would notice."""
    if environment is None:
        return
    known = catalog.service(session, service) if service else None
    said = [known] if known else catalog.services(session)
    there = {place for one in said for place in whose.environments(one)}
    there |= {place for _, place in query.summaries(session, [service] if service else None)}
    if environment not in there or not _ENVIRONMENT.fullmatch(environment):
        whom = known.name if known else "No service"
        names = ", ".join(sorted(there))
        raise Error(
            Code.INVALID, f"{whom} has {'no' if known else 'an'} environment “{environment[:40]}”; there are {names}."
        )


def _require(answer: object) -> None:
    if isinstance(answer, Refused):
        raise Error(Code.FORBIDDEN, answer.reason)
