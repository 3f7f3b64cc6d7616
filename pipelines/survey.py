"""Looks at all that the gates ask about: locks, hours, CI, soaks, approvals, quarantine, and what others know.

Reads only. The click and the head of the lane both look here, each at its own moment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from catalog import query as catalog
from catalog import refs
from ledger.errors import Code, Error
from pipelines import approvals, locks, quarantine, query, statuses, windows
from pipelines.blockers import NOT_CONNECTED, Incident, Others
from pipelines.change import Change
from pipelines.gatesettings import Gates
from pipelines.situation import LockedBy, Situation, Stretch, Yes, stretches
from pipelines.store import Asked

FAR_ENOUGH = 100  # deploys that are looked through for a soak
CAME_TO_REST = frozenset({"healthy", "replaced", "stuck"})  # the words of what changes who serves


def looked_around(
    session: Session, situation: Situation, asked: Asked, expected: timedelta, at: datetime, others: Others
) -> Situation:
    """Return the situation with everything in it that is not in git or in the plan."""
    found = replace(
        situation,
        now=at,
        settings=asked.spec.environments[asked.environment].gates,
        terms=asked.terms,
        asker=asked.actor,
        locks=_locks(session, asked, at),
    )
    found = replace(found, hours=_hours(found.settings, asked, expected, at))
    return found if asked.rollback else _heard(session, found, asked, at, others)


def _heard(session: Session, found: Situation, asked: Asked, at: datetime, others: Others) -> Situation:
    """Add what others say of the change, and how they stand; nobody is asked before going back."""
    revisions = {asked.release.revision: None} | dict.fromkeys(commit.sha for commit in found.change.commits)
    shut = [one for one in quarantine.active(session, asked.service) if one.revision == asked.release.revision]
    found = replace(
        found,
        ci=statuses.states(session, asked.repository, list(revisions)),
        soaked={name: _soaked(session, asked, name) for name in found.settings.soak},
        quarantine="; ".join(one.why for one in shut),
        incidents=_incidents(session, asked.service, others),
        answering=others.oncall.now(asked.service, at),
        budget=others.budgets.left(asked.service, at),
    )
    if not found.settings.approvals:
        return found
    return replace(found, approvals=_approvals(session, asked), authors=authors(session, found.change))


def _locks(session: Session, asked: Asked, at: datetime) -> Sequence[LockedBy]:
    found = locks.active(session, asked.service, asked.environment, at)
    names = catalog.titles(session, [lock.owner for lock in found]) if found else {}
    return [
        LockedBy(
            lock.id,
            lock.hard,
            lock.scope,
            lock.reason,
            names.get(lock.owner, refs.short(lock.owner)),
            lock.at,
            lock.expires_at,
            lock.owner,
            lock.service,
        )
        for lock in found
    ]


def _hours(settings: Gates, asked: Asked, expected: timedelta, at: datetime) -> windows.Open | windows.Closed:
    who: windows.Who = "continuous" if asked.terms.continuous else "people"
    takes = timedelta(0) if asked.rollback else expected
    return windows.standing([one.window() for one in settings.windows], who, at, takes)


def _soaked(session: Session, asked: Asked, environment: str) -> Sequence[Stretch]:
    rows = query.deploys(session, service=asked.service, environment=environment, running=False, limit=FAR_ENOUGH)
    ended = sorted(
        (row.ended_at, row.revision, row.word != "stuck")
        for row in rows
        if row.ended_at is not None and row.word in CAME_TO_REST
    )
    return stretches(ended[::-1], asked.release.revision)


def _approvals(session: Session, asked: Asked) -> Sequence[Yes]:
    given = approvals.given(session, asked.service, asked.environment, asked.release.revision)
    names = catalog.titles(session, [one.actor for one in given]) if given else {}
    return [Yes(one.actor, names.get(one.actor, refs.short(one.actor)), one.at) for one in given]


def authors(session: Session, moving: Change) -> frozenset[str]:
    """Return who wrote a change: people of the catalog by their reference, others by their mail."""
    if not moving.commits:
        return frozenset()
    known = catalog.directory(session)
    by_name: Mapping[str, str] = {person.name: ref for ref, person in known.people.items()}
    return frozenset(
        known.aliases.get(commit.mail.lower()) or by_name.get(commit.author) or commit.mail.lower()
        for commit in moving.commits
    )


def _incidents(session: Session, service: str, others: Others) -> Sequence[Incident] | None:
    if others.incidents is NOT_CONNECTED:
        return None
    try:
        needs: Sequence[str] = catalog.service(session, service).depends_on
    except Error as error:
        if error.code is not Code.NOT_FOUND:
            raise
        needs = ()  # it has left the catalog
    return others.incidents.open(service, needs)
