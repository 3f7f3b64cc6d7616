"""What releases ran with: kept once they serve, and compared with what a plan would run with. Never a secret's value.

Plain values are frozen with each plan. Where there are secrets, their fingerprints are kept beside them, as the fact
`release.ran_with` of the deploy.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.orm import Session

from ledger import events
from pipelines import query, store
from pipelines.deploy import Deploy
from pipelines.plan import Plan
from portal.services import Services
from production import values
from production.ports import Site
from production.secrets import names_of
from production.values import RanWith

KIND = "release.ran_with"


def has_secrets(deploy: Deploy) -> bool:
    return deploy.plan is not None and bool(names_of(_site(deploy.plan)))


def secrets(settings: Mapping[str, Any]) -> Sequence[str]:
    """Return the names of the secrets that a target's settings ask for, each with where it is kept when that differs.

    >>> secrets({"secrets": {"DB_PASSWORD": "DB_PASSWORD", "API_KEY": "partner/key"}})
    ('API_KEY (partner/key)', 'DB_PASSWORD')
    """
    found = names_of(Site("", "", settings))
    return tuple(name if name == key else f"{name} ({key})" for name, key in sorted(found.items()))


def keep(services: Services, deploy_id: int) -> None:
    """Keep what the release of a deploy runs with, once. Secrets are looked up while nothing is locked."""
    with services.database.read() as session:
        asked, deploy, _ = store.load(session, deploy_id)
        known = _kept(session, deploy_id)
    if known is not None or deploy.plan is None:
        return
    found = services.secrets.fingerprints(_site(deploy.plan))
    told = values.ran_with(deploy.plan.target, found).as_json()
    data = {"environment": asked.environment, "release": asked.release.number, **told}
    with services.database.write() as session:
        subject = f"deploy:{deploy_id}"
        events.record(session, KIND, subject, "worker", services.clock(), data, service=asked.service)


def said(services: Services, session: Session, plan: Plan) -> Sequence[str]:
    """Say what a plan would run with that is not as it was, and which secrets cannot be had; nothing where all is."""
    site = _site(plan)
    now = values.ran_with(plan.target, services.secrets.fingerprints(site))
    told = [_back(session, plan, now)] if plan.rollback else _changes(session, plan, now)
    refused = services.secrets.problems(site) if "" in now.secrets.values() else ()
    return [*filter(None, told), *refused]


def _back(session: Session, plan: Plan, now: RanWith) -> str:
    if not now.env and not now.secrets:
        return ""
    number = plan.release.number
    row = store.was_healthy(session, plan.service, plan.environment, number)
    return values.rolling_back(_kept(session, row.id) if row else None, now, number)


def _changes(session: Session, plan: Plan, now: RanWith) -> Sequence[str]:
    live = query.live_releases(session, plan.service).get(plan.environment)
    if live is None or plan.base is None:
        return ()
    return values.changes(_kept(session, live.deploy_id) or _set_up(plan), now, live.release)


def _set_up(plan: Plan) -> RanWith:
    """Return what the base was told to run with, where nobody has kept its fingerprints."""
    settings = plan.base_target or {}
    return values.ran_with(settings, dict.fromkeys(names_of(Site(plan.service, plan.environment, settings)), ""))


def _kept(session: Session, deploy_id: int) -> RanWith | None:
    found = events.latest(session, subject=f"deploy:{deploy_id}", kinds=[KIND], limit=1)
    return values.read(found[0].data) if found else None


def _site(plan: Plan) -> Site:
    return Site(plan.service, plan.environment, plan.target)
