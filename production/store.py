"""What shall run on this machine, kept in the database: sites, their fence, ports, weights and instances."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from ledger.db import Database
from ledger.errors import Code, Error
from production.ports import Release, Site
from production.tables import InstanceRow, SiteRow

FIRST_PUBLIC_PORT, FIRST_PORT, LAST_PORT = 20_000, 30_000, 65_535
EPHEMERAL = 32_768  # from here up the kernel takes ports for clients, and a probe might connect to itself
PUBLIC_PORTS = 10_000  # as many are looked at
TRIES = 10  # two sites may pick one port at the same moment; the database lets only one of them have it

IsFree = Callable[[int], bool]
Launch = Callable[[int], dict[str, Any]]  # port -> how to start


@dataclass(frozen=True)
class Placed:
    """An instance that shall run."""

    release: int
    number: int
    port: int
    revision: str
    launch: Mapping[str, Any]


@dataclass(frozen=True)
class Wanted:
    """What shall be true of a site. `since` is when its draining for the release `keep` began."""

    name: str
    service: str
    environment: str
    public_port: int | None
    weights: Mapping[int, float]
    placed: tuple[Placed, ...]
    keep: int | None = None
    since: datetime | None = None

    def count(self, release: int) -> int:
        return sum(one.release == release for one in self.placed)


class Store:
    """`first_public_port` and `first_port` are where looking for free ones begins."""

    def __init__(self, database: Database, first_public_port: int, first_port: int) -> None:
        self._database = database
        self._public = range(first_public_port, min(first_public_port + PUBLIC_PORTS, LAST_PORT))
        self._private = (*range(first_port, EPHEMERAL), *range(FIRST_PORT, first_port), *range(EPHEMERAL, LAST_PORT))

    def claim(self, site: Site, fence: int) -> None:
        """Remember the fence and the settings; raises CONFLICT for a smaller fence than the site has seen."""
        with self._database.write() as session:
            row = _row(session, site.name)
            if row is None:
                row = SiteRow(
                    name=site.name, service=site.service, environment=site.environment, fence=fence, weights={}
                )
                session.add(row)
            _refuse_older(row, fence)
            row.fence, row.settings = fence, dict(site.settings)

    def guard(self, name: str, fence: int) -> None:
        """Raise CONFLICT when somebody with a newer fence has been here."""
        with self._database.read() as session:
            if (row := session.get(SiteRow, name)) is not None:
                _refuse_older(row, fence)

    def wanted(self, name: str) -> Wanted | None:
        return next(iter(self._wanted(SiteRow.name == name)), None)

    def known(self, name: str) -> Wanted:
        wanted = self.wanted(name)
        if wanted is None:
            raise Error(Code.NOT_FOUND, f"{name} is not known on this machine; deploy it first")
        return wanted

    def all(self) -> Sequence[Wanted]:
        return self._wanted()

    def _wanted(self, *only: Any) -> Sequence[Wanted]:
        with self._database.read() as session:
            sites = session.scalars(select(SiteRow).where(*only).order_by(SiteRow.name)).all()
            placed = select(InstanceRow).where(InstanceRow.site.in_([row.name for row in sites]))
            instances = session.scalars(placed.order_by(InstanceRow.release, InstanceRow.number)).all()
        return [_as_wanted(row, [one for one in instances if one.site == row.name]) for row in sites]

    def publish(self, name: str, asked: int | None, is_free: IsFree, beyond: int = 0) -> int:
        """Give the site its public port: the one asked for, the one it has, or the first free one.

        `beyond`: how many ports are left out at first, by whoever has lost one to another that looks as we do.
        """
        for _ in range(TRIES):
            ports = chain(self._public[beyond:], self._public[:beyond])
            try:
                with self._database.write() as session:
                    return _publish(session, name, asked, filter(is_free, ports))
            except IntegrityError:
                continue
        raise Error(Code.UNAVAILABLE, f"no public port could be found for {name}; try again", permanent=False)

    def unpublish(self, name: str, asked: int | None) -> bool:
        """Give up a port that nobody asked for and that has never served; False when it must stay."""
        with self._database.write() as session:
            row = _there(session, name)
            if asked is not None or row.weights:
                return False
            row.public_port = None
            return True

    def place(self, name: str, release: Release, count: int, launch: Launch, is_free: IsFree) -> None:
        """Have `count` instances of the release wanted, each with a port of its own."""
        for _ in range(TRIES):
            try:
                with self._database.write() as session:
                    return _place(session, name, release, count, launch, filter(is_free, self._private))
            except IntegrityError:
                continue
        raise Error(Code.UNAVAILABLE, f"no free ports could be found for {name}; try again", permanent=False)

    def weigh(self, name: str, percents: Mapping[int, float]) -> None:
        with self._database.write() as session:
            row = _there(session, name)
            row.weights = {str(release): percent for release, percent in percents.items() if percent > 0}
            row.draining = None

    def drain(self, name: str, keep: int, now: datetime) -> None:
        """Leave no traffic to others than `keep`, and remember since when; asked twice, the first time counts."""
        with self._database.write() as session:
            row = _there(session, name)
            if set(row.weights) - {str(keep)}:
                row.weights = {str(keep): 100.0} if str(keep) in row.weights else {}
            if row.draining is None or row.draining["keep"] != keep:
                row.draining = {"keep": keep, "since": now.isoformat()}

    def keep_only(self, name: str, keep: int, warm: int | None = None) -> None:
        """Want no instance of another release any more, but for one that stays warm; traffic is for the first."""
        with self._database.write() as session:
            row = _there(session, name)
            stays = (keep,) if warm is None else (keep, warm)
            session.execute(delete(InstanceRow).where(InstanceRow.site == name, InstanceRow.release.not_in(stays)))
            row.weights = {release: percent for release, percent in row.weights.items() if int(release) == keep}
            row.draining = None


def _row(session: Session, name: str) -> SiteRow | None:
    return session.scalars(select(SiteRow).where(SiteRow.name == name).with_for_update()).one_or_none()


def _there(session: Session, name: str) -> SiteRow:
    row = _row(session, name)
    if row is None:
        raise Error(Code.NOT_FOUND, f"{name} is not known on this machine; deploy it first")
    return row


def _refuse_older(row: SiteRow, fence: int) -> None:
    if fence < row.fence:
        said = f"{row.name} has been taken over by another worker; nothing was changed"
        raise Error(Code.CONFLICT, said, f"fence {fence} is below {row.fence}")


def _as_wanted(row: SiteRow, instances: Sequence[InstanceRow]) -> Wanted:
    draining = row.draining or {}
    return Wanted(
        row.name,
        row.service,
        row.environment,
        row.public_port,
        {int(release): percent for release, percent in row.weights.items()},
        tuple(Placed(one.release, one.number, one.port, one.revision, one.launch) for one in instances),
        draining.get("keep"),
        datetime.fromisoformat(draining["since"]) if draining else None,
    )


def _publish(session: Session, name: str, asked: int | None, free: Iterable[int]) -> int:
    row = _there(session, name)
    owners = {port: site for site, port in session.execute(select(SiteRow.name, SiteRow.public_port))}
    if asked is not None and owners.get(asked, name) != name:
        said = f"port {asked} already belongs to {owners[asked]}; give {name} another one in its target's settings"
        raise Error(Code.INVALID, said)
    if asked is None and row.public_port is None:
        asked = next((port for port in free if port not in owners), None)
        if asked is None:
            raise Error(Code.UNAVAILABLE, f"no public port is free for {name}; set `port` for its target")
    row.public_port = asked or row.public_port
    assert row.public_port is not None
    return row.public_port


def _place(session: Session, name: str, release: Release, count: int, launch: Launch, free: Iterable[int]) -> None:
    there = select(InstanceRow.number).where(InstanceRow.site == name, InstanceRow.release == release.number)
    numbers = set(session.scalars(there))
    taken = set(session.scalars(select(InstanceRow.port)))
    untaken = (port for port in free if port not in taken)
    for number in range(1, count + 1):
        if number not in numbers:
            port = next(untaken)
            session.add(
                InstanceRow(
                    site=name,
                    release=release.number,
                    number=number,
                    port=port,
                    revision=release.revision,
                    launch=launch(port),
                )
            )
