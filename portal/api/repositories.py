"""Repositories over the API: which are read and how far that is, what is wrong in each, taking in and letting go."""

from datetime import datetime
from typing import Annotated, Any

from apiflask import APIBlueprint
from flask import url_for
from pydantic import Field

import catalog.query
from portal import addresses, auth, repositories
from portal.api import asking, records, tell
from portal.api.asked import In, RepositoryIn, Word
from portal.api.shapes import Out
from portal.permissions import Action

bp = APIBlueprint("repositories", __name__, tag="Repositories")
ADMIN = {403: "Only an admin may"}
Address = Annotated[Word, Field(min_length=1)]


class KnownRepository(records.Repository):
    """A repository, and how far reading it is."""

    waits: bool = Field(description="somebody asked, and it has not been read since")
    doing: str = Field(description="what reading it is at this moment; empty: nothing")
    asked_at: datetime | None
    looked_at: datetime | None = Field(description="when it was last looked at, whatever came of it")
    listed_by: int | None = Field(description="the repository that names it; nothing: a person took it in")


class ReadingProgress(Out):
    total: int
    read: int
    waiting: int


class KnownRepositories(Out):
    repositories: list[KnownRepository]
    progress: ReadingProgress


class RepositoryProblems(Out):
    problems: list[records.Problem]


class RepositoriesIn(In):
    urls: list[Address] = Field(min_length=1, max_length=addresses.MOST)


class TakenIn(Out):
    url: str
    id: int | None = Field(description="of the repository; nothing where it was not taken in")
    wrong: str = Field(description="why it was not; empty where it was")


class AllTakenIn(Out):
    answers: list[TakenIn] = Field(description="one for each address, in the order asked")


class AskedFor(Out):
    ids: list[int] = Field(description="of the repositories that are read soon")


class LetGo(Out):
    id: int


class Webhook(Out):
    """What a forge must be told, so that it says when something was pushed."""

    addresses: dict[str, str] = Field(description="where to send it, by the kind of forge")
    secret: str = Field(description="of this repository alone; keep it to yourself")


@bp.get("/repositories")
@bp.output(KnownRepositories)
def every() -> Any:
    """All repositories that are read, and how far reading has come"""
    with auth.services().database.read() as session:
        found = catalog.query.repositories(session)
    progress = ReadingProgress.model_validate(repositories.progress(found))
    return KnownRepositories(
        repositories=[KnownRepository.model_validate(one) for one in found],
        progress=progress,
    )


@bp.get("/repositories/<int:repository_id>/problems")
@bp.output(RepositoryProblems)
def problems(repository_id: int) -> Any:
    """Everything that is wrong with a repository's catalog files"""
    with auth.services().database.read() as session:
        repositories.known(session, repository_id)
        found = catalog.query.problems(session, repository_id)
    return RepositoryProblems(problems=[tell.problem(one) for one in found])


@bp.post("/repositories")
@bp.input(RepositoryIn)
@bp.output(records.Registered, 202, description="Taken in; it is read within moments")
@bp.doc(responses=ADMIN)
def register(json_data: RepositoryIn) -> Any:
    """Take a repository in

    The address of a file at its forge stands for its repository. One that is known already is only read again, and has
    the same id.
    """
    found = auth.services().register(json_data.url, _allowed(Action.REGISTER))
    return records.Registered(id=found), 202, {"Location": url_for("api.repositories.every")}


@bp.post("/repositories/list")
@bp.input(RepositoriesIn)
@bp.output(AllTakenIn, 202, description="Each address is answered by itself; what was taken in is read within moments")
@bp.doc(responses=ADMIN)
def register_all(json_data: RepositoriesIn) -> Any:
    """Take several repositories in

    One that cannot be taken in keeps no other from it.
    """
    found = repositories.register(auth.services(), json_data.urls, _allowed(Action.REGISTER))
    answers = [TakenIn.model_validate(one) for one in found]
    return AllTakenIn(answers=answers), 202, {"Location": url_for("api.repositories.every")}


@bp.post("/repositories/read")
@bp.output(AskedFor, 202, description="They are read within moments")
@bp.doc(responses=ADMIN)
def read_all() -> Any:
    """Read all repositories again"""
    _allowed(Action.REGISTER)
    with auth.services().database.read() as session:
        ids = [one.id for one in catalog.query.repositories(session)]
    for repository_id in ids:
        repositories.read_again(auth.services(), repository_id)
    return AskedFor(ids=ids), 202, {"Location": url_for("api.repositories.every")}


@bp.post("/repositories/<int:repository_id>/read")
@bp.output(AskedFor, 202, description="It is read within moments")
@bp.doc(responses={403: "You may not look at it"})
def read_again(repository_id: int) -> Any:
    """Read a repository again"""
    _allowed(Action.LOOK)
    with auth.services().database.read() as session:
        repositories.known(session, repository_id)
    repositories.read_again(auth.services(), repository_id)
    return AskedFor(ids=[repository_id]), 202, {"Location": url_for("api.repositories.every")}


@bp.post("/repositories/<int:repository_id>/let-go")
@bp.output(LetGo)
@bp.doc(responses={**ADMIN, 409: "Something that it describes is in use"})
def let_go(repository_id: int) -> Any:
    """Let a repository go, and what it describes with it"""
    repositories.let_go(auth.services(), repository_id, _allowed(Action.REGISTER))
    return LetGo(id=repository_id)


@bp.post("/repositories/<int:repository_id>/webhook")
@bp.output(Webhook)
@bp.doc(responses=ADMIN)
def webhook(repository_id: int) -> Any:
    """What a repository's forge must be told, so that it says when something was pushed

    Nothing is changed; it is no address to look at because the answer holds a secret.
    """
    _allowed(Action.REGISTER)
    config = auth.services().config
    with auth.services().database.read() as session:
        found = repositories.known(session, repository_id)
    secret = repositories.webhook_secret(config, found)
    return Webhook(addresses=repositories.webhook_addresses(config), secret=secret)


def _allowed(action: Action) -> str:
    with auth.services().database.read() as session:
        return asking.allowed(session, action)
