"""What CI says of a repository's commits, over the API: any CI may say it with one call, and anybody may read it."""

from datetime import datetime
from typing import Annotated, Any, Literal

from apiflask import APIBlueprint
from pydantic import AfterValidator, AwareDatetime, Field
from sqlalchemy.orm import Session

import catalog.query
from ledger.errors import Code, Error
from pipelines import statuses
from pipelines.ci import State, standing
from portal import auth, hearing, repositories, whose
from portal.api import asking
from portal.api.asked import In
from portal.api.shapes import Out
from portal.permissions import Action, Allowed, may
from portal.verdicts import Verdict

bp = APIBlueprint("statuses", __name__, tag="Statuses")

Sha = Annotated[str, Field(pattern=r"^([0-9a-f]{40}|[0-9a-f]{64})$", description="the commit's full id")]


def _named(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("must be a name of printable signs")
    return text.strip()


class StatusIn(In):
    revision: Sha
    context: Annotated[str, Field(max_length=statuses.LONGEST_CONTEXT), AfterValidator(_named)] = Field(
        "ci", description="the name of the check; its last word counts"
    )
    state: Literal["pending", "success", "failure", "skipped"] = Field(
        description="success and skipped are good, failure is not, and with pending it waits"
    )
    said: Annotated[str, Field(max_length=2000)] = Field("", description="one line for people: 40 passed in 3 s")
    url: Annotated[str, Field(max_length=statuses.LONGEST_URL)] = Field("", description="where to read more")
    at: AwareDatetime | None = Field(None, description="when it was said, where words may come out of order; else now")


class StatusesQuery(In):
    revision: Sha | None = Field(None, description="the commit's full id; nothing: the newest of the default branch")


class Status(Out):
    context: str
    state: Literal["pending", "success", "failure", "skipped"]
    said: str
    url: str
    at: datetime


class Statuses(Out):
    """What is known of one commit, all checks together first."""

    revision: str
    verdict: Literal["green", "red", "running", "unknown"] = Field(description="without an environment's own rules")
    why: str
    statuses: list[Status]


class Heard(Out):
    revision: str
    context: str
    state: Literal["pending", "success", "failure", "skipped"] = Field(description="of that check now")
    news: bool = Field(description="it was another state before")


@bp.post("/repositories/<int:repository_id>/statuses")
@bp.input(StatusIn)
@bp.output(Heard, 202, description="Kept; what waits for it is looked at within moments")
@bp.doc(responses={403: "Not yours to say", 404: "There is no such repository"})
def say(repository_id: int, json_data: StatusIn) -> Any:
    """Say what a check of a commit came to

    For any CI, with a token of somebody who may deploy a service of that repository. The last word of each check
    counts. The commit need not have been read yet.
    """
    services, asked, at = auth.services(), json_data, asking.now()
    with services.database.read() as session:
        repositories.known(session, repository_id)
        actor = _allowed(session, repository_id)
    said = Verdict(asked.revision, asked.context, State(asked.state), asked.said, asked.url, asked.at)
    with services.database.write() as session:
        news = hearing.hear(services, session, repository_id, [said], actor, at)
        now = statuses.states(session, repository_id, [asked.revision])[asked.revision][asked.context]
    return Heard(revision=asked.revision, context=asked.context, state=now.state.value, news=bool(news))


@bp.get("/repositories/<int:repository_id>/statuses")
@bp.input(StatusesQuery, location="query")
@bp.output(Statuses)
def show(repository_id: int, query_data: StatusesQuery) -> Any:
    """What CI has said of a commit"""
    with auth.services().database.read() as session:
        repository = repositories.known(session, repository_id)
        revision = query_data.revision or repository.head or ""
        found = statuses.states(session, repository_id, [revision])[revision]
    verdict = standing(found)
    told = [
        Status(context=name, state=one.state.value, said=one.said, url=one.url, at=one.at)
        for name, one in found.items()
    ]
    return Statuses(revision=revision, verdict=verdict.word, why=verdict.why, statuses=told)


def _allowed(session: Session, repository_id: int) -> str:
    """Return who says it: an admin, or somebody who may deploy what the repository describes."""
    person = auth.somebody()
    described = [whose.owned(one) for one in catalog.query.services(session, repository_id)]
    if person.is_admin or any(isinstance(may(person, Action.DEPLOY, one), Allowed) for one in described):
        return person.actor
    said = "Only who may deploy a service of that repository, or an admin, may say what its checks came to."
    raise Error(Code.FORBIDDEN, said)
