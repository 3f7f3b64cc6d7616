"""What the doors do when CI has said something: keep it, and have continuous delivery look where it may matter.

Each door asks beforehand who says it and may they.
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

import catalog.query
from pipelines import situations, statuses
from pipelines.continuous import CONSIDER
from portal.services import Services
from portal.verdicts import Verdict


def hear(
    services: Services, session: Session, repository: int, said: Sequence[Verdict], actor: str, at: datetime
) -> int:
    """Keep what CI says of a repository's commits, in the caller's transaction; return how much of it was news.

    A clock of CI that is ahead of ours is not believed, or nothing that comes later would count.
    """
    news = sum(
        statuses.say(
            session, repository, one.revision, one.context, one.state, one.said, one.url, min(one.at or at, at), actor
        )
        for one in said
    )
    if news:
        ask(services, session, repository, at)
    return news


def ask(services: Services, session: Session, repository: int, at: datetime) -> None:
    """Have continuous delivery look at every service of a repository that wants it, in the caller's transaction."""
    for service in catalog.query.services(session, repository):
        for environment in situations.environments(service):
            services.jobs.enqueue(session, CONSIDER, f"{service.ref}@{environment}", at)
