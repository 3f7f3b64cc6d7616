"""Repositories over the API: which are read, what is wrong in each, and taking one in."""

from typing import Any

from apiflask import APIBlueprint
from flask import url_for

import catalog.query
from ledger.errors import Code, Error
from portal import auth
from portal.api import asking, records, tell
from portal.api.asked import RepositoryIn
from portal.permissions import Action

bp = APIBlueprint("repositories", __name__, tag="Repositories")


@bp.get("/repositories")
@bp.output(records.Repositories)
def every() -> Any:
    """All repositories that are read"""
    with auth.services().database.read() as session:
        found = catalog.query.repositories(session)
    return records.Repositories(repositories=[records.Repository.model_validate(one) for one in found])


@bp.get("/repositories/<int:repository_id>/problems")
@bp.output(records.Problems)
def problems(repository_id: int) -> Any:
    """Everything that is wrong with a repository's catalog files"""
    with auth.services().database.read() as session:
        if repository_id not in {one.id for one in catalog.query.repositories(session)}:
            raise Error(Code.NOT_FOUND, f"There is no repository {repository_id}.")
        found = catalog.query.problems(session, repository_id)
    return records.Problems(problems=[tell.problem(one) for one in found])


@bp.post("/repositories")
@bp.input(RepositoryIn)
@bp.output(records.Registered, 202, description="Taken in; it is read within moments")
@bp.doc(responses={403: "Only an admin may"})
def register(json_data: RepositoryIn) -> Any:
    """Take a repository in

    One that is known already is only read again, and has the same id.
    """
    services = auth.services()
    with services.database.read() as session:
        actor = asking.allowed(session, Action.REGISTER)
    found = services.register(json_data.url, actor)
    return records.Registered(id=found), 202, {"Location": url_for("api.repositories.every")}
