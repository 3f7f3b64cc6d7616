"""The scorecards of all components: what is known of each, gathered from the rooms, and how each compares.

A fixed number of statements for all of them.
"""

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from catalog import ownership, scorecard, scorestore
from catalog import query as catalog
from catalog.ownership import Owner
from catalog.query import EntityPage
from catalog.scorecard import MUST, Card, Check, Facts
from catalog.scorestore import Change
from catalog.store import Noted
from pipelines import query as deploys
from portal import scorefiles
from portal.scorechecks import loaded
from portal.services import Services

NOBODY = "-"  # in place of an owner
RUNBOOK = "runbook"  # a link's type, a word of its title, or the last part of an annotation's key
OWNERS = frozenset({"unknown-owner", "nobody", "no-owner", "gone"})  # problems that the check of the owner judges
NEEDS = frozenset({"dependsOn", "consumesApi", "partOf"})  # relations whose other end should be described

Document = Mapping[str, Any]


@dataclass(frozen=True)
class Scored:
    """A component's card, since when each check is as it is, and what changed before that, newest first."""

    card: Card
    since: Mapping[str, datetime]
    history: Sequence[Change]


def score_all(services: Services, at: datetime) -> int:
    """Judge every component and keep what has changed; return how many outcomes that are."""
    checks = loaded().checks
    with services.database.read() as session:
        facts = _everything(session, services.config.mirrors)
        cards = {ref: scorecard.card(one, at, checks).marks for ref, one in facts.items()}
        if not scorestore.changed(session, cards):
            return 0
    with services.database.write() as session:
        return scorestore.write(session, cards, at)


def scored(session: Session, page: EntityPage, mirrors: Path, at: datetime) -> Scored:
    """Judge one component as of now, for a door."""
    ref = page.about.ref
    latest = scorestore.latest(session, [ref]).get(ref, {})
    facts = _facts(
        page.about,
        page.document,
        page.owner.title if page.owner.ref else "",
        [person.name for person in page.owner.people],
        page.titles,
        sum(_counts(noted, page.about.repository_id) for noted in page.problems),
    )
    files = scorefiles.files(mirrors, page.about.repository_id, page.about.revision)
    facts = scorefiles.added(facts, files, page.about.place.path)
    last = {live.since for live in deploys.live_releases(session, ref).values()}
    back = deploys.returns(session, ref)
    facts = replace(facts, last_healthy=max(last, default=None), last_return=back.get(ref))
    card = scorecard.card(facts, at, loaded().checks)
    since = {
        mark.check.id: latest[mark.check.id].at
        for mark in card.marks
        if mark.check.id in latest and latest[mark.check.id].passed is mark.passed
    }
    return Scored(card, since, scorestore.history(session, ref, limit=10))


# --- facts ------------------------------------------------------------------------------------------------------------


def _everything(session: Session, mirrors: Path, but: Container[str] = ()) -> Mapping[str, Facts]:
    """Return what is known of all components `but` some."""
    found = [one for one in catalog.services(session) if one.removed_at is None and one.ref not in but]
    known = {held.ref for held in catalog.holders(session)}
    homes = {one.ref: one.repository_id for one in found}
    errors = Counter(
        noted.problem.entity
        for noted in catalog.noted(session)
        if noted.problem.entity in homes and _counts(noted, homes[noted.problem.entity])
    )
    healthy: dict[str, datetime] = {}
    for (ref, _), summary in deploys.summaries(session).items():
        if summary.live:
            healthy[ref] = max(summary.live.since, healthy.get(ref, summary.live.since))
    back = deploys.returns(session)
    facts = {}
    for one in found:
        people = [person.name for person in one.owner.people]
        owner = one.owner.title if one.owner.ref else ""
        told = _facts(one, one.document, owner, people, known, errors[one.ref])
        told = scorefiles.added(told, scorefiles.files(mirrors, one.repository_id, one.head), one.path)
        facts[one.ref] = replace(told, last_healthy=healthy.get(one.ref), last_return=back.get(one.ref))
    return facts


def _facts(
    about: catalog.Service | catalog.Listed,
    document: Document,
    owner: str,
    people: Sequence[str],
    known: Iterable[str],
    errors: int,
) -> Facts:
    """Return what the catalog knows of it; `known`: at least those of its relations' ends that are described."""
    metadata, spec = document.get("metadata") or {}, document.get("spec") or {}
    environments = _environments(spec)
    said = [one["targetRef"] for one in document.get("relations") or () if one["type"] in NEEDS]
    described = known if isinstance(known, set | Mapping) else set(known)
    return Facts(
        ref=about.ref,
        name=about.name,
        lifecycle=about.lifecycle,
        description=about.description,
        owner=owner,
        people=tuple(people),
        runbook=runbook(metadata, spec),
        environments=tuple(environments),
        unchecked=tuple(name for name, one in environments.items() if one.get("checks") == []),
        objectives=len(spec["objectives"]) if isinstance(spec.get("objectives"), list) else 0,
        lost=tuple(ref for ref in said if ref not in described),
        problems=errors,
        stale_since=about.stale_since,
        spec=spec,
        annotations=metadata.get("annotations") or {},
    )


def _counts(noted: Noted, home: int) -> bool:
    """Say whether that is an error of the file itself; another repository that claims the name is none."""
    wrong = noted.problem
    return noted.repository_id == home and wrong.severity == "error" and wrong.code not in OWNERS


def _environments(spec: Document) -> Mapping[str, Document]:
    """Return the environments as written; what is no mapping says nothing."""
    said = spec.get("deploy")
    inside = said.get("environments") if isinstance(said, Mapping) else None
    return (
        {str(name): one for name, one in inside.items() if isinstance(one, Mapping)}
        if isinstance(inside, Mapping)
        else {}
    )


def runbook(metadata: Document, spec: Document) -> str:
    """Return the address of the runbook: of the on-call block, of a link that says so, or of an annotation.

    >>> runbook({"links": [{"url": "https://example.org/rb", "title": "Runbook"}]}, {})
    'https://example.org/rb'
    """
    oncall = spec.get("oncall")
    said = oncall.get(RUNBOOK) if isinstance(oncall, Mapping) else None
    if isinstance(said, str) and said:
        return said
    for link in metadata.get("links") or ():
        if link.get("type") == RUNBOOK or RUNBOOK in str(link.get("title", "")).lower():
            return str(link["url"])
    annotations: Mapping[str, Any] = metadata.get("annotations") or {}
    return next((str(url) for key, url in annotations.items() if RUNBOOK in key.rpartition("/")[2] and url), "")


# --- how they compare -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ranked:
    """One component among all: how its checks came out when they were last made."""

    ref: str
    owner: Owner
    marks: tuple[tuple[Check, bool | None], ...]

    @property
    def passed(self) -> int:
        return sum(passed is True for _, passed in self.marks)

    @property
    def of(self) -> int:
        return sum(passed is not None for _, passed in self.marks)

    @property
    def level(self) -> str:
        return scorecard.level((check.weight, passed) for check, passed in self.marks)

    @property
    def badness(self) -> tuple[int, int]:
        """What failed, as something to sort by: the worst is the smallest."""
        weights = [check.weight for check, passed in self.marks if passed is False]
        return -weights.count(MUST), -len(weights)

    def failed(self, weight: str) -> tuple[Check, ...]:
        return tuple(check for check, passed in self.marks if passed is False and check.weight == weight)

    def fails(self, check_id: str) -> bool:
        return any(check.id == check_id and passed is False for check, passed in self.marks)


@dataclass(frozen=True)
class Tally:
    """How many components pass a check, of how many to which it applies; `before`: how many did then."""

    check: Check
    passed: int
    of: int
    before: int


@dataclass(frozen=True)
class Board:
    """All components, worst first, and all checks. `unjudged`: how many were judged just now, with nothing kept."""

    rows: tuple[Ranked, ...]
    tallies: tuple[Tally, ...]
    unjudged: int


def board(session: Session, mirrors: Path, before: datetime, at: datetime) -> Board:
    """Return how all components compare, and how it was `before`, for a door. A fixed number of statements.

    What is kept counts; of what nothing is kept yet, it is judged as of now.
    """
    checks = loaded().checks
    now, then = dict(scorestore.outcomes(session)), scorestore.passing(session, before)
    owners = _owners(session)
    new = owners.keys() - now.keys()
    for ref, facts in _everything(session, mirrors, now).items() if new else ():
        now[ref] = {mark.check.id: mark.passed for mark in scorecard.card(facts, at, checks).marks}
    rows = [
        Ranked(ref, owner, tuple((check, now[ref].get(check.id)) for check in checks))
        for ref, owner in owners.items()
        if ref in now
    ]
    counts = {check.id: [0, 0, 0] for check in checks}  # how many fail, pass, and have nothing to it
    for row in rows:
        for check, passed in row.marks:
            counts[check.id][2 if passed is None else passed] += 1
    tallies = [Tally(check, counts[check.id][1], sum(counts[check.id][:2]), then.get(check.id, 0)) for check in checks]
    rows.sort(key=lambda row: (*row.badness, row.ref))
    return Board(tuple(rows), tuple(tallies), len(new))


def _owners(session: Session) -> Mapping[str, Owner]:
    """Return who answers for each component; who says the same has the same, and is asked once."""
    known, told, owners = catalog.directory(session), dict[object, Owner](), {}
    for claim in catalog.claims(session):
        if claim.ref.startswith("component:"):
            said = (claim.owner_text, claim.owner_ref, claim.part_of)
            owners[claim.ref] = told.get(said) or told.setdefault(said, ownership.owner_of(claim, known))
    return owners


def chosen(rows: Sequence[Ranked], owner: str, failed: str) -> Sequence[Ranked]:
    """Return those of an owner (a reference, NOBODY for none), and those that fail a check; empty means all."""
    return [
        row for row in rows if (not owner or (row.owner.ref or NOBODY) == owner) and (not failed or row.fails(failed))
    ]
