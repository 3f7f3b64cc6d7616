"""Owners over the API: who answers for an entity now or once, step by step, and what nobody answers for."""

from datetime import datetime
from typing import Any, Literal

from apiflask import APIBlueprint
from pydantic import Field

import catalog.query
from catalog import asof, orphans, refs
from catalog.asof import AsOf
from catalog.orphans import Health, Team
from catalog.ownership import Chain
from catalog.places import quoted
from ledger.errors import Code, Error
from portal import auth
from portal.api import asking, records, tell
from portal.api.asked import In, Word
from portal.api.shapes import Out

bp = APIBlueprint("owners", __name__, tag="Owners")


class WhenQuery(In):
    at: Word | None = Field(
        None,
        description="a time (`2026-03-02`, `2026-03-02T14:30Z`; UTC unless it says otherwise, a day is meant with its "
        "end), or a commit, branch or tag of the repository that describes the entity; nothing: now",
    )


class OwnerStep(Out):
    """One step of the way, as a sentence."""

    ref: str = Field(description="whom the step is about")
    text: str
    path: str | None = Field(description="where that is written")
    line: int | None
    column: int | None


class Answering(Out):
    ref: str
    name: str
    through: list[str] = Field(description="the groups between; empty: directly")


class ReadCommit(Out):
    repository: str
    sha: str
    at: datetime
    subject: str


class Ownership(Out):
    """Who answers, and why it is they."""

    ref: str
    owner: str | None = Field(description="a group or a user; nothing: nobody is named")
    title: str
    provenance: str = Field(description="where the owner is known from")
    answers: bool = Field(description="there is at least one person")
    people: list[Answering]
    steps: list[OwnerStep]
    problem: records.Problem | None
    at: datetime | None = Field(description="the moment that was asked for; nothing: now")
    commits: list[ReadCommit] = Field(description="at which repositories were read; empty for now")
    notes: list[str] = Field(description="what could not be looked at")


class OwnedTeam(Out):
    ref: str
    title: str
    people: list[str]
    owns: list[str]
    gone: datetime | None = Field(description="since when no file describes it")


class Orphaned(Out):
    ref: str
    owner: str | None
    code: Literal["no-owner", "unknown-owner", "nobody", "gone"]
    message: str
    hint: str


class UnknownOwner(Out):
    ref: str
    title: str
    hint: str
    named_by: list[str]


class Owners(Out):
    """How well owned everything is."""

    all: int = Field(description="entities that need an owner")
    owned: int = Field(description="those for which somebody answers")
    orphans: list[Orphaned]
    unknown: list[UnknownOwner] = Field(description="owners that are named and that no file describes")
    disbanded: list[OwnedTeam] = Field(description="teams that own something and have nobody, or are gone")
    alone: list[OwnedTeam] = Field(description="teams of one person that own something")


@bp.get("/owners")
@bp.output(Owners)
def health() -> Any:
    """What nobody answers for, and what hangs on one person"""
    with auth.services().database.read() as session:
        found = orphans.health(catalog.query.claims(session), catalog.query.directory(session))
    return _health(found)


@bp.get("/owners/<kind>/<namespace>/<name>")
@bp.input(WhenQuery, location="query")
@bp.output(Ownership)
@bp.doc(
    responses={
        400: "That is neither a time nor a commit",
        404: "There is no such entity, there was none then, or the history begins later",
        503: "A repository cannot be read now",
    }
)
def show(kind: str, namespace: str, name: str, query_data: WhenQuery) -> Any:
    """Who answers for an entity, step by step

    `at` asks git: the entity's repository is read as it was then, and the people of that time answer.
    """
    ref = _ref(kind, namespace, name)
    with auth.services().database.read() as session:
        if query_data.at is None:
            return told(catalog.query.entity(session, ref).chain)
        held, known = catalog.query.holders(session), catalog.query.repositories(session)
    mirrors = {one.id: auth.services().mirror(one) for one in known}
    found = asof.as_of(ref, query_data.at.strip(), held, known, mirrors.__getitem__, asking.now())
    return told(found.chain, found)


def _ref(*parts: str) -> str:
    text = f"{parts[0]}:{parts[1]}/{parts[2]}"
    try:
        return str(refs.parse(text))
    except ValueError as error:
        raise Error(Code.NOT_FOUND, f"{quoted(text)} can be no entity: {error}") from None


def told(chain: Chain, then: AsOf | None = None) -> Ownership:
    places = [
        (step, vars(step.place) if step.place else dict.fromkeys(("path", "line", "column"))) for step in chain.steps
    ]
    return Ownership(
        ref=chain.ref,
        owner=chain.owner.ref or None,
        title=chain.owner.title,
        provenance=chain.owner.provenance,
        answers=bool(chain.owner.people),
        people=[Answering(ref=one.person.ref, name=one.person.name, through=list(one.via)) for one in chain.members],
        steps=[OwnerStep(ref=step.ref, text=step.text, **place) for step, place in places],
        problem=tell.problem(chain.problem) if chain.problem else None,
        at=then.at if then else None,
        commits=[ReadCommit.model_validate(one) for one in then.commits] if then else [],
        notes=list(then.notes) if then else [],
    )


def _health(found: Health) -> Owners:
    return Owners(
        all=found.all,
        owned=found.owned,
        orphans=[
            Orphaned.model_validate({**vars(one.problem), "ref": one.ref, "owner": one.owner.ref or None})
            for one in found.orphans
        ],
        unknown=[UnknownOwner.model_validate(one) for one in found.unknown],
        disbanded=[_team(one) for one in found.disbanded],
        alone=[_team(one) for one in found.alone],
    )


def _team(one: Team) -> OwnedTeam:
    return OwnedTeam.model_validate({**vars(one), "people": [person.name for person in one.people]})
