"""What the catalog knows, as frozen values, in a fixed small number of statements."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from catalog import around, ownership, refs, rules, store
from catalog import rows as store_rows
from catalog.around import belongs, claim
from catalog.brief import escalation_of
from catalog.outline import Held, Whole, holders, relations_of, whole
from catalog.ownership import Chain, Claim, Directory, Owner, Person
from catalog.places import Place, Problem, did_you_mean, quoted
from catalog.rows import AnyRow
from catalog.store import Noted, Repository
from ledger.errors import Code, Error

__all__ = ["Claim", "Held", "Link", "Noted", "Owner", "Person", "Repository", "Service", "Whole"]
__all__ += ["belongs", "claim", "holders", "relations_of", "whole"]


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
    removed_at: datetime | None = None
    stale_revision: str | None = None
    removed_revision: str | None = None
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def escalation(self) -> str:
        return escalation_of(self.document)


def services(session: Session, repository_id: int | None = None, known: Directory | None = None) -> list[Service]:
    """Return every component, or those of a repository, by name, in a fixed small number of statements.

    `known`: the whole directory, where the caller has read it already.
    """
    rows = store_rows.components(session, repository_id=repository_id)
    if known is None:
        known = directory(session) if repository_id is None else around.around(session, [claim(row) for row in rows])
    counts = store.problem_counts(session)
    return [_service(row, known, counts) for row in rows]


def service_names(session: Session) -> Sequence[tuple[str, str]]:
    """Return reference and name of every component, by name, where no more is asked."""
    return store_rows.names_of(session, "component")


def service(session: Session, name_or_ref: str) -> Service:
    """Return one component by its name (`checkout`) or reference; NOT_FOUND says what was probably meant."""
    try:
        ref = str(refs.parse(name_or_ref, "component"))
    except ValueError as error:
        raise Error(Code.NOT_FOUND, f"there is no service {quoted(name_or_ref)}", str(error)) from None
    rows = store_rows.components(session, ref)
    if not rows:
        names = [known.partition(":")[2].removeprefix("default/") for known in store_rows.refs_of(session, "component")]
        hint = did_you_mean(ref.partition(":")[2].removeprefix("default/"), names)
        hint = hint or "register its repository, or look at the list of services"
        raise Error(Code.NOT_FOUND, f"there is no service {quoted(name_or_ref)}; {hint}")
    return _service(rows[0], around.around(session, [claim(rows[0])]), store.problem_counts(session, ref))


def services_of(session: Session, refs: Collection[str], known: Directory | None = None) -> Mapping[str, Service]:
    """Return those of some components that there are, by reference, without counting what is wrong with them."""
    rows = store_rows.components(session, refs)
    known = around.around(session, [claim(row) for row in rows]) if known is None else known
    return {row.ref: _service(row, known, {}) for row in rows}


def people(session: Session) -> Mapping[str, Person]:
    """Return everybody, by reference."""
    return directory(session).people


def present(session: Session, refs: Collection[str]) -> Collection[str]:
    """Return those of some groups and people that a file still describes."""
    return {row.ref for row in store_rows.people(session, refs) if row.removed_at is None} if refs else set()


def titles(session: Session, refs: Sequence[str]) -> Mapping[str, str]:
    """Return what those are called that the catalog knows: of people, their full names."""
    return store_rows.titles(session, refs)


def directory(session: Session) -> Directory:
    """Return all groups and people, their other names, and what says the owner of whatever others are part of."""
    return around.whole(session)


def claims(session: Session) -> list[Claim]:
    """Return what each entity says of its owner, but for those that no file describes any more."""
    return [claim(row) for row in store_rows.claims(session) if row.removed_at is None]


def rivals(session: Session, ref: str) -> list[tuple[Place, str]]:
    """Return where else somebody claims that name, with the repository."""
    return store.rivals(session, ref)


def repositories(session: Session) -> list[Repository]:
    return store.repositories(session)


def noted(session: Session, repository_id: int | None = None) -> list[Noted]:
    """Return everything that is wrong, with its repository and since when."""
    return store.problems(session, repository_id)


def problems(session: Session, repository_id: int | None = None) -> list[Problem]:
    """Return everything that is wrong."""
    return [one.problem for one in store.problems(session, repository_id)]


def problems_by_repository(session: Session) -> Mapping[int, Sequence[Problem]]:
    """Return the same for every repository that has any."""
    found: dict[int, list[Problem]] = {}
    for one in store.problems(session):
        found.setdefault(one.repository_id, []).append(one.problem)
    return found


@dataclass(frozen=True)
class Listed:
    """An entity without its document: enough for a row in a list. See EntityRow for what the fields mean."""

    ref: str
    kind: str
    name: str
    title: str
    description: str
    type: str
    lifecycle: str
    part_of: str | None
    owner_text: str
    owner_ref: str | None
    owner_source: str
    place: Place
    owner_place: Place
    revision: str
    stale_since: datetime | None
    stale_revision: str | None
    removed_at: datetime | None
    removed_revision: str | None
    changed_at: datetime
    uid: str
    repository_id: int
    repository_url: str
    branch: str


@dataclass(frozen=True)
class EntityPage:
    """Everything that is kept of one entity. `rivals`: where else somebody claims its name, with the repository."""

    about: Listed
    document: Mapping[str, Any]
    repository: str
    head_at: datetime | None
    synced_at: datetime | None
    chain: Chain
    relations: tuple[tuple[str, str], ...]  # (type, target), both directions
    titles: Mapping[str, str]  # of those targets that the catalog knows
    problems: tuple[Noted, ...]
    rivals: tuple[tuple[Place, str], ...]
    known: Directory = field(default_factory=Directory, repr=False)  # in which its owner was looked up

    @property
    def owner(self) -> Owner:
        return self.chain.owner


def entities(session: Session, kind: str | None = None) -> list[Listed]:
    """Return all entities by kind and name, or those of a kind (lower-case)."""
    return [_listed(row) for row in store_rows.entities(session, kind)]


def entity(session: Session, ref: str) -> EntityPage:
    """Return one entity by its canonical reference; NOT_FOUND says what was probably meant. Fixed statements."""
    row = store_rows.entity(session, ref)
    if row is None:
        kind, _, name = ref.partition(":")
        hint = did_you_mean(name, [known.partition(":")[2] for known in store_rows.refs_of(session, kind)])
        raise Error(Code.NOT_FOUND, f"there is no {quoted(ref)} in the catalog; {hint or 'look at the list of all'}")
    document = json.loads(row.document)
    related = tuple((one["type"], one["targetRef"]) for one in document["relations"])
    wrong = store.problems(session, entity=ref)
    known = directory(session)
    about = _listed(row)
    return EntityPage(
        about=about,
        document=document,
        repository=row.repository,
        head_at=row.head_at,
        synced_at=row.synced_at,
        known=known,
        chain=ownership.chain(claim(row), known),
        relations=related,
        titles=store_rows.titles(session, [target for _, target in related]),
        problems=tuple(wrong),
        rivals=tuple(store.rivals(session, ref)) if any(one.problem.code == "conflict" for one in wrong) else (),
    )


def _listed(row: AnyRow) -> Listed:
    return Listed(
        **{name: getattr(row, name) for name in _SAME},
        place=Place(row.path, row.line, row.column),
        owner_place=Place(row.path, row.owner_line, row.owner_column),
        repository_url=row.url,
        branch=row.default_branch or "main",
    )


_SAME = tuple(
    one.name for one in fields(Listed) if one.name not in ("place", "owner_place", "repository_url", "branch")
)


def _service(row: AnyRow, known: Directory, counts: Mapping[str, int]) -> Service:
    document = json.loads(row.document)
    spec, about = document["spec"], document["metadata"]
    deploy = spec.get("deploy")
    return Service(
        ref=row.ref,
        name=row.name,
        title=row.title,
        description=row.description,
        type=row.type,
        lifecycle=row.lifecycle,
        tags=tuple(about.get("tags") or ()),
        links=tuple(_links(about.get("links") or ())),
        owner=ownership.owner_of(claim(row), known),
        repository_id=row.repository_id,
        repository_url=row.url,
        path=row.path,
        revision=row.revision,
        head=row.head,
        head_at=row.head_at,
        head_subject=row.head_subject,
        deploy=deploy if isinstance(deploy, dict) else None,
        stale_since=row.stale_since,
        problems=counts.get(row.ref, 0),
        depends_on=tuple(one["targetRef"] for one in document["relations"] if one["type"] == "dependsOn"),
        removed_at=row.removed_at,
        stale_revision=row.stale_revision,
        removed_revision=row.removed_revision,
        document=document,
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
