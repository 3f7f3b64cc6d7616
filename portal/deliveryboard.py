"""Delivery figures as doors ask for them: of everything, of a team or of a service, with whose each service is.

Teams come from the catalog as it is now: who answers for a service today has its past, too.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from sqlalchemy.orm import Session

from catalog import ownership, refs
from catalog import query as catalog
from catalog.ownership import Owner
from ledger.errors import Code, Error
from pipelines import benchmarks, deliveryquery
from pipelines.deliveryquery import Report
from pipelines.dora import Figures
from portal.render import short_ref

PRODUCTION = "production"
NOBODY = Owner("", "nobody", (), "")
KINDS = ("component", "group", "user")


@dataclass(frozen=True)
class Scope:
    """Whose deliveries: one service's, one team's, or all. References; at most one of them is not empty."""

    service: str = ""
    team: str = ""
    title: str = ""


@dataclass(frozen=True)
class Row:
    """One line of a list: a service with its owner, or a team with how many services it has deployed."""

    ref: str
    title: str
    services: int
    figures: Figures


@dataclass(frozen=True)
class Board:
    """What is shown. `environments`: where anything was deployed to; `owners`: by service."""

    scope: Scope
    environment: str
    environments: Sequence[str]
    days: int
    year: int
    report: Report
    owners: Mapping[str, Owner]

    @property
    def figures(self) -> Figures:
        return self.report.whole

    @cached_property
    def levels(self) -> Mapping[str, benchmarks.Band | None]:
        """The level of each figure in that year."""
        return {
            "frequency": benchmarks.frequency(self.figures, self.year),
            "lead_time": benchmarks.lead(self.figures, self.year),
            "change_failure_rate": benchmarks.failure(self.figures, self.year),
            "recovery_time": benchmarks.recovery(self.figures, self.year),
        }

    @cached_property
    def services(self) -> Sequence[str]:
        """Services that were deployed in these days, the busiest first."""
        found = [(-tally.out, ref) for ref, tally in self.report.tallies.items() if tally.out]
        return [ref for _, ref in sorted(found)]

    def by_service(self, first: int = 0, count: int | None = None) -> Sequence[Row]:
        shown = self.services[first : None if count is None else first + count]
        return [Row(ref, self.owner(ref).title or "nobody", 1, self.report.of([ref])) for ref in shown]

    def by_team(self) -> Sequence[Row]:
        together: dict[str, list[str]] = {}
        for ref in self.services:
            together.setdefault(self.owner(ref).ref, []).append(ref)
        rows = [Row(team, self._title(team, refs), len(refs), self.report.of(refs)) for team, refs in together.items()]
        return sorted(rows, key=lambda row: (-row.figures.out, row.title))

    def owner(self, ref: str) -> Owner:
        return self.owners.get(ref, NOBODY)

    def _title(self, team: str, refs: Sequence[str]) -> str:
        return (self.owner(refs[0]).title or short_ref(team)) if team else "nobody"


def board(session: Session, scope: Scope, environment: str, days: int, year: int, now: datetime) -> Board:
    """Return everything of that scope, for the environment that is asked for or the most likely one."""
    owners = _owners(session)
    services = _services(scope, owners)
    known = deliveryquery.environments(session, services)
    place = environment or (known[0] if known and PRODUCTION not in known else PRODUCTION)
    report = deliveryquery.report(session, place, days, now.date(), services)
    return Board(scope, place, known, days, year, report, owners)


def services_of(session: Session, scope: Scope) -> Collection[str] | None:
    """Return the services that are meant; None: all."""
    return _services(scope, _owners(session) if scope.team else {})


def _services(scope: Scope, owners: Mapping[str, Owner]) -> Collection[str] | None:
    if scope.service:
        return [scope.service]
    return [ref for ref, owner in owners.items() if owner.ref == scope.team] if scope.team else None


def scope(session: Session, service: str = "", team: str = "") -> Scope:
    """Understand what a page's address says."""
    ref = _ref(service or team, "component" if service else "group") if service or team else ""
    titles = catalog.titles(session, [ref]) if ref else {}
    title = titles.get(ref, short_ref(ref) if ref else "")
    return Scope(ref if service else "", "" if service else ref, title)


def named(session: Session, name: str) -> Scope:
    """Understand a name for people: a service's or a team's, or a reference. Raises Error(NOT_FOUND)."""
    if not name:
        return Scope()
    head, colon, rest = name.partition(":")
    plain = f"{head}/{rest}" if colon and "/" not in rest and head not in KINDS else name  # team-a:checkout
    tried = dict.fromkeys(_ref(plain, kind) for kind in ("component", "group"))
    titles = catalog.titles(session, list(tried))
    for ref in tried:
        if ref in titles:
            is_service = ref.startswith("component:")
            return Scope(ref if is_service else "", "" if is_service else ref, titles[ref])
    raise Error(Code.NOT_FOUND, f"There is no service and no team {name!r}; `fullcycle dora` lists those that deploy.")


def _ref(name: str, kind: str) -> str:
    try:
        return str(refs.parse(name, kind))
    except ValueError as error:
        raise Error(Code.NOT_FOUND, f"There is no such {'team' if kind == 'group' else 'service'}: {error}.") from None


def _owners(session: Session) -> Mapping[str, Owner]:
    """Return who answers for each component; who says the same has the same, and is asked once."""
    known, told, owners = catalog.directory(session), dict[object, Owner](), {}
    for claim in catalog.claims(session):
        if claim.ref.startswith("component:"):
            said = (claim.owner_text, claim.owner_ref, claim.part_of)
            owners[claim.ref] = told.get(said) or told.setdefault(said, ownership.owner_of(claim, known))
    return owners
