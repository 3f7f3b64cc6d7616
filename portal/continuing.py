"""Continuous delivery for the worker and the doors: who considers it, and after what it is considered again."""

from datetime import datetime

from sqlalchemy.orm import Session

import catalog.query
from ledger.errors import Code, Error
from ledger.runner import Work
from pipelines import coursestore, situations
from pipelines.continuous import CONSIDER, Wait
from pipelines.delivering import Continuous, parted
from portal.services import Services


def continuous(services: Services) -> Continuous:
    return Continuous(services.database, services.jobs, services.planner, services.actions, coursestore.busy)


def consider(services: Services, work: Work) -> None:
    """The job: look at one service and environment, and again when it is worth it."""
    ref, environment = parted(work.claim.key)
    until = None
    try:
        with services.database.read() as session:
            service = catalog.query.service(session, ref)
        left = continuous(services).consider(service, environment, services.clock())
        until = left.until if isinstance(left, Wait) else None
    except Error as error:
        if error.code is not Code.NOT_FOUND:  # or it has left the catalog, and its repository with it
            raise
    with services.jobs.transaction() as tx:
        services.jobs.finish(tx, work.claim, services.clock(), again_at=until)


def ask(
    services: Services, session: Session, at: datetime, service: str | None = None, environment: str | None = None
) -> None:
    """Have it considered soon, in the caller's transaction: after a deploy has ended there, somebody has approved or
    let the lane go on; without an environment or a service wherever a lock that has been lifted was of.
    """
    if service is not None and environment is not None:
        services.jobs.enqueue(session, CONSIDER, f"{service}@{environment}", at)
        return
    for one in catalog.query.services(session):
        for name in situations.environments(one):
            if service in (None, one.ref) and environment in (None, name):
                services.jobs.enqueue(session, CONSIDER, f"{one.ref}@{name}", at)
