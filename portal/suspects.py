"""What changed before an incident began: the deploys of its service and of what that uses, the likeliest first.

A judgement is a word with its reason; nobody is accused without one. Read models in, values out.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from pipelines import query
from pipelines.query import Row
from portal import render

BEFORE = timedelta(hours=2)
CLOSE = timedelta(minutes=30)
LONGEST = timedelta(hours=10)  # a deploy that began earlier than this before the two hours is not looked for
MOST = 8
BUSY = 1000  # deploys of everything in that time that are looked through

LIKELY, POSSIBLE, UNLIKELY = "Very likely", "Possible", "Unlikely"
SHOWN = {LIKELY: ("stop", "t-bad"), POSSIBLE: ("ask", "dim"), UNLIKELY: ("ring", "dim")}
_TAKEN_BACK = ("undone", "aborted", "tried")


@dataclass(frozen=True)
class Suspect:
    """A deploy that could have done it. `back`: the release that the service can go back to, if this one serves."""

    row: Row
    word: str
    why: str
    back: int | None = None

    @property
    def icon(self) -> str:
        return SHOWN[self.word][0]

    @property
    def tone(self) -> str:
        return SHOWN[self.word][1]


def suspects(
    session: Session, service: str, uses: Collection[str], began: datetime, environment: str = ""
) -> Sequence[Suspect]:
    """Return what went out in the two hours before, the likeliest first; two statements, and one for a way back."""
    about = {service, *uses}
    rows = query.deploys(session, since=began - BEFORE - LONGEST, until=began, limit=BUSY)
    touching = [
        row
        for row in rows
        if row.service in about
        and (row.started_at or row.ended_at) is not None
        and _moved(row, began) >= began - BEFORE
        and environment in ("", row.environment)
    ]
    found = [judged(row, began, own=row.service == service) for row in touching]
    found.sort(key=lambda one: ((LIKELY, POSSIBLE, UNLIKELY).index(one.word), began - _moved(one.row, began)))
    return _with_way_back(session, newest_first(found)[:MOST])


def newest_first(found: Sequence[Suspect]) -> Sequence[Suspect]:
    """Leave one very likely cause: what came right before; what that replaced is only possible."""
    first = next((one for one in found if one.word == LIKELY), None)
    return [
        replace(one, word=POSSIBLE, why=f"{one.why} A newer one came after it.")
        if one.word == LIKELY and one is not first
        else one
        for one in found
    ]


def _moved(row: Row, began: datetime) -> datetime:
    """Return when it last changed what users get, as far as that was before the trouble began."""
    ends = row.ended_at if row.ended_at is not None and row.ended_at <= began else None
    return ends or row.started_at or row.requested_at


def judged(row: Row, began: datetime, *, own: bool) -> Suspect:
    """Say how likely it is that this deploy did it, and why."""
    gap = began - _moved(row, began)
    when = f"{render.duration(gap)} before it began" if gap >= timedelta(seconds=1) else "right before it began"
    if row.word in _TAKEN_BACK and row.ended_at is not None and row.ended_at <= began:
        return Suspect(row, UNLIKELY, f"It was taken back {when}, so it served nobody any more.")
    if row.ended_at is None or row.ended_at > began:
        why = "It was going out when it began."
        return Suspect(row, LIKELY if own else POSSIBLE, why if own else f"{why} The service uses {row.name}.")
    live = f"Live {when}."
    if own:
        close = gap <= CLOSE
        return Suspect(row, LIKELY if close else POSSIBLE, live if close else f"{live} Nothing was wrong until then.")
    if gap <= CLOSE:
        return Suspect(row, POSSIBLE, f"{live} The service uses {row.name}.")
    return Suspect(row, UNLIKELY, f"{live} The service uses {row.name}, and nothing was wrong until then.")


def _with_way_back(session: Session, found: Sequence[Suspect]) -> Sequence[Suspect]:
    """Add where each service that still runs the suspect can go back to."""
    if not found:
        return ()
    live = query.summaries(session, sorted({one.row.service for one in found}))
    return [_back(session, one, live) for one in found]


def _back(session: Session, one: Suspect, live: Mapping[tuple[str, str], query.Summary]) -> Suspect:
    row = one.row
    serves = live.get((row.service, row.environment))
    if one.word == UNLIKELY or serves is None or serves.live is None or serves.live.deploy_id != row.id:
        return one
    ways = query.way_back(session, row.service, row.environment, limit=1)
    return replace(one, back=ways[0].number) if ways else one
