"""Schedules, escalations, overrides and how people are reached, as rows: the only module that opens these.

A schedule is written as its document, in versions: the newest holds from its `since` on, each older one until then, so
what was stays what it was.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from oncall.overrides import Override
from oncall.plantables import AnnouncedRow, ChannelRow, DocumentRow, OverrideRow, ReachRow, TaskRow, TeamRow
from oncall.reach import Channel, Quiet, Rules
from oncall.terms import Kind

SCHEDULE, ESCALATION = "schedule", "escalation"


@dataclass(frozen=True)
class Written:
    """One version of a document. An empty text: it was taken away."""

    kind: str
    name: str
    version: int
    team: str
    text: str
    since: datetime
    by: str
    why: str


def write(
    session: Session, kind: str, name: str, team: str, text: str, since: datetime, by: str, why: str = ""
) -> Written:
    """Write the next version of a document."""
    about = (DocumentRow.kind == kind, DocumentRow.name == name)
    version = int(session.scalar(select(func.max(DocumentRow.version)).where(*about)) or 0) + 1
    made = Written(kind, name, version, team, text, since, by, why)
    session.execute(insert(DocumentRow).values(**vars(made)))
    return made


def documents(session: Session, kind: str, names: Collection[str] | None = None) -> Mapping[str, Written]:
    """Return the newest version of each document of a kind, or of some of them, that is still there, by name."""
    newest = select(func.max(DocumentRow.id)).where(DocumentRow.kind == kind).group_by(DocumentRow.name)
    newest = newest if names is None else newest.where(DocumentRow.name.in_(names))
    rows = session.scalars(select(DocumentRow).where(DocumentRow.id.in_(newest)).order_by(DocumentRow.name))
    return {row.name: _written(row) for row in rows if row.text}


def versions(session: Session, kind: str, name: str) -> Sequence[Written]:
    """Return every version of a document, oldest first."""
    about = (DocumentRow.kind == kind, DocumentRow.name == name)
    return [_written(row) for row in session.scalars(select(DocumentRow).where(*about).order_by(DocumentRow.version))]


def every_version(session: Session, kind: str) -> Mapping[str, Sequence[Written]]:
    """Return every version of each document of a kind, oldest first, by name. One statement."""
    found: dict[str, list[Written]] = {}
    query = select(DocumentRow).where(DocumentRow.kind == kind).order_by(DocumentRow.name, DocumentRow.version)
    for row in session.scalars(query):
        found.setdefault(row.name, []).append(_written(row))
    return found


def _written(row: DocumentRow) -> Written:
    return Written(row.kind, row.name, row.version, row.team, row.text, row.since, row.by, row.why)


# --- overrides --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Kept:
    """An override as it is kept: of which schedule, and the other half of a swap."""

    override: Override
    schedule: str
    pair: int | None


def put_override(session: Session, schedule: str, override: Override, pair: int | None = None) -> int:
    """Write an override; return its number."""
    same = ("role", "person", "start", "end", "kind", "replaces", "by", "reason")
    said = {name: getattr(override, name) for name in same}
    row = insert(OverrideRow).values(**said, schedule=schedule, pair=pair, created_at=override.created)
    made = session.execute(row)
    return int((made.inserted_primary_key or (0,))[0])  # type: ignore[attr-defined]


def overrides(session: Session, schedule: str | None = None, ends_after: datetime | None = None) -> Sequence[Kept]:
    """Return the overrides of a schedule, or of all, that end after a moment, in the order of their making."""
    query = select(OverrideRow).where(OverrideRow.removed_at.is_(None)).order_by(OverrideRow.id)
    if schedule is not None:
        query = query.where(OverrideRow.schedule == schedule)
    if ends_after is not None:
        query = query.where(OverrideRow.end > ends_after)
    return [_kept(row) for row in session.scalars(query)]


def state(session: Session, schedule: str, now: datetime) -> object:
    """Return what is another one once a schedule is written anew, or an override of it is made, cut or taken away."""
    about = (DocumentRow.kind == SCHEDULE, DocumentRow.name == schedule)
    standing = [(one.override.number, one.override.end) for one in overrides(session, schedule, now)]
    return session.scalar(select(func.max(DocumentRow.version)).where(*about)), standing


def override(session: Session, number: int) -> Kept | None:
    row = session.get(OverrideRow, number)
    return None if row is None or row.removed_at else _kept(row)


def pair_overrides(session: Session, one: int, other: int) -> None:
    """Say that those are the two halves of a swap."""
    for number, pair in ((one, other), (other, one)):
        session.execute(update(OverrideRow).where(OverrideRow.id == number).values(pair=pair))


def cut_override(session: Session, number: int, end: datetime) -> None:
    """End one that is in progress."""
    session.execute(update(OverrideRow).where(OverrideRow.id == number).values(end=end))


def remove_override(session: Session, number: int, at: datetime) -> None:
    """Take away one that has not begun."""
    session.execute(update(OverrideRow).where(OverrideRow.id == number).values(removed_at=at))


def _kept(row: OverrideRow) -> Kept:
    about = (row.id, row.role, row.person, row.start, row.end, row.created_at)
    return Kept(Override(*about, Kind(row.kind), row.by, row.reason, row.replaces), row.schedule, row.pair)


# --- how people are reached -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Way:
    """A person's channel with its address, which is shown to nobody."""

    id: int
    person: str
    kind: str
    label: str
    address: str
    channel: Channel
    trouble: str
    trouble_at: datetime | None
    code: str
    code_until: datetime | None
    tries: int


def ways(session: Session, people: Collection[str]) -> Mapping[str, Sequence[Way]]:
    """Return the channels of those people, in the order in which they made them."""
    found: dict[str, list[Way]] = {}
    query = select(ChannelRow).where(ChannelRow.person.in_(people)).order_by(ChannelRow.id)
    for row in session.scalars(query):
        found.setdefault(row.person, []).append(_way(row))
    return found


def is_used(session: Session, kind: str) -> bool:
    """Is there a channel of that kind?"""
    return session.scalar(select(ChannelRow.id).where(ChannelRow.kind == kind).limit(1)) is not None


def way(session: Session, number: int, *, held: bool = False) -> Way | None:
    """Return a channel; `held`: nobody else changes it until the transaction ends."""
    row = session.get(ChannelRow, number, with_for_update=True if held else None)
    return _way(row) if row else None


def add_way(
    session: Session, person: str, kind: str, label: str, address: str, high: timedelta | None, low: timedelta | None
) -> int:
    values = {"person": person, "kind": kind, "label": label, "address": address, "code": "", "tries": 0, "trouble": ""}
    made = session.execute(
        insert(ChannelRow).values(**values, high_after=_seconds(high), low_after=_seconds(low), verified_at=None)
    )
    return int((made.inserted_primary_key or (0,))[0])  # type: ignore[attr-defined]


def change_way(session: Session, number: int, **values: object) -> None:
    """Change a channel: `verified_at`, `code`, `code_until`, `tries`, `trouble`, `trouble_at`, or its delays."""
    session.execute(update(ChannelRow).where(ChannelRow.id == number).values(values))


def remove_way(session: Session, number: int) -> None:
    session.execute(delete(ChannelRow).where(ChannelRow.id == number))


def rules(session: Session, people: Collection[str]) -> Mapping[str, Rules]:
    """Return how each of those people is reached; who has said nothing has no channel and no quiet hours."""
    known = ways(session, people)
    quiet = {row.person: _quiet(row) for row in session.scalars(select(ReachRow).where(ReachRow.person.in_(people)))}
    return {
        person: Rules(person, tuple(one.channel for one in known.get(person, ())), quiet.get(person))
        for person in people
    }


def zones(session: Session, people: Collection[str]) -> Mapping[str, str]:
    """Return the zone of each person who has said where she lives."""
    rows = session.execute(select(ReachRow.person, ReachRow.zone).where(ReachRow.person.in_(people)))
    return {row.person: row.zone for row in rows if _is_zone(row.zone)}


def set_quiet(session: Session, person: str, zone: str, start: str, end: str) -> None:
    """Keep a person's zone and quiet hours; no hours: never quiet."""
    session.merge(ReachRow(person=person, zone=zone, quiet_from=start, quiet_to=end, away=False))


def quiet_said(session: Session, person: str) -> tuple[str, str, str]:
    """Return zone, start and end as a person has written them."""
    row = session.get(ReachRow, person)
    return (row.zone, row.quiet_from, row.quiet_to) if row else ("", "", "")


def _way(row: ChannelRow) -> Way:
    channel = Channel(str(row.id), row.kind, row.verified_at is not None, _span(row.high_after), _span(row.low_after))
    about = (row.id, row.person, row.kind, row.label, row.address, channel, row.trouble, row.trouble_at)
    return Way(*about, row.code, row.code_until, row.tries)


def _quiet(row: ReachRow) -> Quiet | None:
    if not row.quiet_from or row.quiet_from == row.quiet_to:
        return None
    try:
        return Quiet(time.fromisoformat(row.quiet_from), time.fromisoformat(row.quiet_to), ZoneInfo(row.zone))
    except (ValueError, LookupError, OSError):  # a zone that is no more; who cannot be asked is not left to sleep
        return None


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ValueError, LookupError, OSError):
        return False
    return True


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else int(span.total_seconds())


def _span(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


# --- what has been said already, and what is to be done ---------------------------------------------------------------


def announced(session: Session) -> Collection[str]:
    return set(session.scalars(select(AnnouncedRow.key)))


def announce(session: Session, keys: Collection[str], at: datetime) -> None:
    for key in keys:
        session.merge(AnnouncedRow(key=key[:300], at=at))


def open_task(session: Session, key: str, team: str, title: str, at: datetime) -> bool:
    """Open a task, once; False when it is there already, done or not."""
    if session.scalar(select(TaskRow.id).where(TaskRow.key == key)) is not None:
        return False
    session.execute(insert(TaskRow).values(key=key, team=team, title=title, opened_at=at, done_by=""))
    return True


def tasks(session: Session, teams: Collection[str] | None = None) -> Sequence[TaskRow]:
    """Return what is to be done, of some teams or of all, oldest first."""
    query = select(TaskRow).where(TaskRow.done_at.is_(None)).order_by(TaskRow.id)
    return session.scalars(query if teams is None else query.where(TaskRow.team.in_(teams))).all()


def done_task(session: Session, number: int, by: str, at: datetime) -> None:
    session.execute(update(TaskRow).where(TaskRow.id == number).values(done_at=at, done_by=by))


def pagerduty(session: Session, team: str) -> str:
    """Return the name of the secret by which a team is paged through PagerDuty; empty: it is not."""
    return session.scalar(select(TeamRow.pagerduty).where(TeamRow.team == team)) or ""


def with_pagerduty(session: Session) -> Collection[str]:
    """Return the teams that are paged through PagerDuty."""
    return set(session.scalars(select(TeamRow.team).where(TeamRow.pagerduty != "")))


def set_pagerduty(session: Session, team: str, secret: str) -> None:
    session.merge(TeamRow(team=team, pagerduty=secret, settings={}))
