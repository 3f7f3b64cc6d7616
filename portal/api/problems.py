"""Every problem of the catalog over the API, as its page shows them."""

from datetime import datetime
from typing import Any, Literal

from apiflask import APIBlueprint
from pydantic import Field

import catalog.query
from portal import auth
from portal.api import records, tell
from portal.api.asked import Id, In, Word
from portal.api.shapes import Out

bp = APIBlueprint("problems", __name__, tag="Repositories")


class Noted(records.Problem):
    """A problem with its repository, and since when it is there."""

    repository: str
    repository_id: int
    first_seen: datetime
    last_seen: datetime


class Problems(Out):
    problems: list[Noted]


class ProblemsQuery(In):
    repository: Id | None = Field(None, description="the id of one repository")
    severity: Literal["error", "warning"] | None = None
    code: Word | None = None


@bp.get("/problems")
@bp.input(ProblemsQuery, location="query")
@bp.output(Problems)
def every(query_data: ProblemsQuery) -> Any:
    """Everything that is wrong with the catalog files of all repositories"""
    asked = query_data
    with auth.services().database.read() as session:
        names = {one.id: one.name for one in catalog.query.repositories(session)}
        found = catalog.query.noted(session, asked.repository)
    fitting = [
        one
        for one in found
        if asked.severity in (None, one.problem.severity) and asked.code in (None, one.problem.code)
    ]
    return Problems(problems=[_noted(one, names.get(one.repository_id, "")) for one in fitting])


def _noted(one: catalog.query.Noted, repository: str) -> Noted:
    about = {"repository": repository, "repository_id": one.repository_id}
    seen = {"first_seen": one.first_seen, "last_seen": one.last_seen}
    return Noted(**vars(tell.problem(one.problem)), **about, **seen)
