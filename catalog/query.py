"""What the catalog knows, as frozen values, in a fixed small number of statements."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from catalog import ownership, refs, rules, store
from catalog.ownership import Directory, Owner, Person
from catalog.places import Place, Problem, did_you_mean, quoted
from catalog.store import AnyRow, Repository
from ledger.errors import Code, Error

__all__ = ["Link", "Owner", "Person", "Repository", "Service"]


@dataclass(frozen=True)
class Link:
    url: str
    title: str


@dataclass(frozen=True)
class Service:
    """A component: whose it is, where it is described, and what its repository's default branch is at.

    `deploy` is `spec.deploy` as written, unchecked. `stale_since`: what is shown is older than the broken file.
    """

    ref: str
    name: str
    title: str
    description: str
    type: str
    lifecycle: str
    tags: tuple[str, ...]
    links: tuple[Link, ...]
    owner: Owner
    repository_id: int
    repository_url: str
    path: str
    revision: str
    head: str | None
    head_at: datetime | None
    head_subject: str | None
    deploy: Mapping[str, Any] | None
    stale_since: datetime | None
    problems: int
    depends_on: tuple[str, ...]


def services(session: Session) -> list[Service]:
    """Return every component, by name, in four statements."""
    known = store.directory(session)
    counts = store.problem_counts(session)
    return [_service(row, known, counts) for row in store.components(session)]


def service(session: Session, name_or_ref: str) -> Service:
    """Return one component by its name (`checkout`) or reference; NOT_FOUND says what was probably meant."""
    try:
        ref = str(refs.parse(name_or_ref, "component"))
    except ValueError as error:
        raise Error(Code.NOT_FOUND, f"there is no service {quoted(name_or_ref)}", str(error)) from None
    rows = store.components(session, ref)
    if not rows:
        names = [known.partition(":")[2].removeprefix("default/") for known in store.component_refs(session)]
        hint = did_you_mean(ref.partition(":")[2].removeprefix("default/"), names)
        hint = hint or "register its repository, or look at the list of services"
        raise Error(Code.NOT_FOUND, f"there is no service {quoted(name_or_ref)}; {hint}")
    return _service(rows[0], store.directory(session), store.problem_counts(session, ref))


def people(session: Session) -> Mapping[str, Person]:
    """Return everybody, by reference."""
    return store.directory(session).people


def teams_of(session: Session, user_ref: str) -> frozenset[str]:
    """Return the groups somebody belongs to, directly or through a group below."""
    return store.directory(session).teams_of(user_ref)


def repositories(session: Session) -> list[Repository]:
    return store.repositories(session)


def problems(session: Session, repository_id: int | None = None) -> list[Problem]:
    """Return everything that is wrong, and the owners that lead to nobody, which only the whole catalog shows."""
    return [problem for _, problem in _problems(session, repository_id)]


def problems_by_repository(session: Session) -> Mapping[int, Sequence[Problem]]:
    """Return the same for every repository that has any."""
    found: dict[int, list[Problem]] = {}
    for repository_id, problem in _problems(session):
        found.setdefault(repository_id, []).append(problem)
    return found


def _problems(session: Session, repository_id: int | None = None) -> list[tuple[int, Problem]]:
    known = store.directory(session)
    owners = [(row.repository_id, _owner_problem(row, known)) for row in store.owners(session, repository_id)]
    return [*store.problems(session, repository_id), *((where, problem) for where, problem in owners if problem)]


def _owner_problem(row: AnyRow, known: Directory) -> Problem | None:
    return ownership.problem(row.owner_ref, known, Place(row.path, row.owner_line, row.owner_column), row.ref)


def _service(row: AnyRow, known: Directory, counts: Mapping[str, int]) -> Service:
    place = Place(row.path, row.owner_line, row.owner_column)
    lost = ownership.problem(row.owner_ref, known, place, row.ref) if row.owner_ref else None
    deploy = row.spec.get("deploy")
    return Service(
        ref=row.ref,
        name=row.name,
        title=row.title,
        description=row.description,
        type=row.type,
        lifecycle=row.lifecycle,
        tags=tuple(row.about.get("tags") or ()),
        links=tuple(_links(row.about.get("links") or ())),
        owner=ownership.resolve(row.owner_ref or "", known, row.path),
        repository_id=row.repository_id,
        repository_url=row.url,
        path=row.path,
        revision=row.revision,
        head=row.head,
        head_at=row.head_at,
        head_subject=row.head_subject,
        deploy=deploy if isinstance(deploy, dict) else None,
        stale_since=row.stale_since,
        problems=counts.get(row.ref, 0) + (1 if lost else 0),
        depends_on=_depends_on(row.ref, row.spec.get("dependsOn") or ()),
    )


def _links(said: Sequence[Mapping[str, str]]) -> list[Link]:
    """Keep what is safe to show; validation refuses the rest, and a page must not depend on that."""
    links = []
    for link in said:
        try:
            links.append(Link(rules.link(link["url"]), link.get("title") or link["url"]))
        except ValueError:
            continue
    return links


def _depends_on(ref: str, said: str | Sequence[str]) -> tuple[str, ...]:
    namespace = refs.known(ref).namespace
    return tuple(str(refs.parse(text, None, namespace)) for text in ([said] if isinstance(said, str) else said))
