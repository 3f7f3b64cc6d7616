"""What pages, the API and the terminal show of deploys: frozen values, read in a fixed small number of queries."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from ledger.errors import Code, Error
from ledger.jobs import Hold, Jobs
from pipelines import store, waiting
from pipelines.change import Change
from pipelines.deploy import OPEN, Deploy, State
from pipelines.plan import ReleaseRef, StepKind
from pipelines.rollback import earlier
from pipelines.rows import WORDS as WORDS
from pipelines.rows import Row as Row
from pipelines.rows import word
from pipelines.story import Line, log
from pipelines.tables import DeployRow, LiveRow, WaitingRow


@dataclass(frozen=True)
class Live:
    """What serves in an environment."""

    service: str
    environment: str
    release: int
    revision: str
    subject: str
    deploy_id: int
    since: datetime


@dataclass(frozen=True)
class Waiting:
    """What has been committed and is not live there."""

    service: str
    environment: str
    head: str
    commits: int
    oldest_at: datetime | None
    measured_at: datetime


@dataclass(frozen=True)
class Summary:
    """One service in one environment, for lists. `running`: the deploy under way; `last`: the newest of all."""

    live: Live | None = None
    waiting: Waiting | None = None
    running: Row | None = None
    last: Row | None = None
    queued: int = 0


@dataclass(frozen=True)
class Page:
    """Everything the page of one deploy shows from our own tables."""

    row: Row
    deploy: Deploy  # the machine's value: plan, step, way_back, watch, story
    asked: store.Asked
    queue: Sequence[Row]  # the lane in order: who runs, who waits
    hold: Hold | None
    log: Sequence[Line]
    abort_ordered: bool

    @property
    def place(self) -> int | None:
        """How many are before this one; None when it has begun."""
        if self.row.word != "queued":
            return None
        return next((index for index, other in enumerate(self.queue) if other.id == self.row.id), None)


_COLUMNS = (  # what its word comes from, and then as the other fields of Row
    DeployRow.state,
    DeployRow.ending,
    DeployRow.doing,
    LiveRow.deploy_id,
    DeployRow.id,
    DeployRow.service,
    DeployRow.environment,
    DeployRow.rollback,
    DeployRow.release,
    DeployRow.revision,
    DeployRow.subject,
    DeployRow.base,
    DeployRow.reason,
    DeployRow.actor,
    DeployRow.note,
    DeployRow.requested_at,
    DeployRow.started_at,
    DeployRow.ended_at,
    DeployRow.commits,
    DeployRow.percent,
    DeployRow.wave,
    DeployRow.waves,
    DeployRow.version,
)

_WORD = [one.name for one in fields(Row)].index("word")
TRIED = ("good", "bad")  # how trials end
HISTORY = 100  # healthy deploys that are looked through for a way back


_WAITING = (  # as the fields of Waiting
    WaitingRow.service,
    WaitingRow.environment,
    WaitingRow.head,
    WaitingRow.commits,
    WaitingRow.oldest_at,
    WaitingRow.measured_at,
)
_SERVES = (  # as the fields of Live
    LiveRow.service,
    LiveRow.environment,
    LiveRow.release,
    LiveRow.revision,
    LiveRow.subject,
    LiveRow.deploy_id,
    LiveRow.since,
)
_LIVE = and_(LiveRow.service == DeployRow.service, LiveRow.environment == DeployRow.environment)
_LISTED = select(*_COLUMNS).outerjoin(LiveRow, _LIVE)


def deploys(
    session: Session,
    *,
    service: str | None = None,
    environment: str | None = None,
    actor: str | None = None,
    running: bool | None = None,
    ended: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: int | None = None,
    limit: int = 50,
) -> Sequence[Row]:
    """Return deploys, newest first. `ended`: healthy, undone, aborted, tried or stuck; `before`: an id to page on."""
    asked: list[ColumnElement[bool]] = []
    if service is not None:
        asked.append(DeployRow.service == service)
    if environment is not None:
        asked.append(DeployRow.environment == environment)
    if actor is not None:
        asked.append(DeployRow.actor == actor)
    if running is not None:
        asked.append(DeployRow.state.in_(OPEN) if running else DeployRow.ended_at.is_not(None))
    if ended is not None:
        wanted = {"aborted": DeployRow.ending == "aborted", "tried": DeployRow.ending.in_(TRIED)}
        asked.append(wanted.get(ended, DeployRow.state == ended))
    if ended == "undone":
        asked.append(DeployRow.ending.not_in(("aborted", *TRIED)))
    if since is not None:
        asked.append(DeployRow.requested_at >= since)
    if until is not None:
        asked.append(DeployRow.requested_at <= until)
    if before is not None:
        asked.append(DeployRow.id < before)
    # By the moment where a moment is asked for, so that one index serves both; ids grow with it anyhow.
    order = () if since is None else (DeployRow.requested_at.desc(),)
    return _rows(session, *asked, limit=limit, order=order)


def summaries(session: Session, services: Sequence[str] | None = None) -> Mapping[tuple[str, str], Summary]:
    """Return, by (service, environment), what a list shows; five queries however many there are."""

    def chosen(column: InstrumentedAttribute[str]) -> ColumnElement[bool]:
        return column.is_not(None) if services is None else column.in_(services)

    lives = {(live.service, live.environment): live for live in _lives(session, chosen(LiveRow.service))}
    waits = {
        (one.service, one.environment): Waiting(*one)
        for one in session.execute(select(*_WAITING).where(chosen(WaitingRow.service)))
    }
    newest = (
        select(func.max(DeployRow.id))
        .where(chosen(DeployRow.service))
        .group_by(DeployRow.service, DeployRow.environment)
    )
    lasts = {(row.service, row.environment): row for row in _rows(session, DeployRow.id.in_(newest), limit=None)}
    open_ones = _rows(session, DeployRow.state.in_(OPEN), chosen(DeployRow.service), limit=None)
    running = {(row.service, row.environment): row for row in open_ones if row.word != "queued"}
    queued: dict[tuple[str, str], int] = {}
    for row in open_ones:
        if row.word == "queued":
            queued[(row.service, row.environment)] = queued.get((row.service, row.environment), 0) + 1
    return {
        key: Summary(lives.get(key), waits.get(key), running.get(key), lasts.get(key), queued.get(key, 0))
        for key in {*lives, *waits, *lasts}
    }


def stuck(session: Session) -> Sequence[Row]:
    """Return the deploys that are stuck with nothing healthy since: each needs a person."""
    later = aliased(DeployRow)
    same = (later.service == DeployRow.service, later.environment == DeployRow.environment, later.id > DeployRow.id)
    mended = select(later.id).where(*same, later.state.in_((State.HEALTHY, State.STUCK)))
    return _rows(session, DeployRow.state == State.STUCK, ~mended.exists(), limit=None)


def returns(session: Session, service: str | None = None) -> Mapping[str, datetime]:
    """Return when each service last went back and came to rest: rolled back by a person, or put back by itself."""
    back = or_(
        and_(DeployRow.rollback, DeployRow.state == State.HEALTHY),
        and_(
            DeployRow.state == State.UNDONE,
            DeployRow.base.is_not(None),
            DeployRow.started_at.is_not(None),
            DeployRow.ending.not_in(TRIED),
        ),
    )
    query = select(DeployRow.service, func.max(DeployRow.ended_at)).where(back).group_by(DeployRow.service)
    rows = session.execute(query if service is None else query.where(DeployRow.service == service))
    return {ref: at for ref, at in rows if at}


def settings(session: Session, service: str, environment: str) -> Mapping[str, Any]:
    """Return the target's settings of what is live there, as they were frozen; empty when nothing is."""
    live = select(LiveRow.deploy_id).where(LiveRow.service == service, LiveRow.environment == environment)
    plan = session.scalar(select(DeployRow.plan).where(DeployRow.id == live.scalar_subquery()))
    return dict(plan["target"]) if plan else {}


def waiting_change(session: Session, service: str, environment: str) -> Change | None:
    """Return the commits that wait to go out, as last measured."""
    return waiting.change(session, service, environment)


def lane_order(session: Session, service: str, environment: str) -> Sequence[Row]:
    """Return who runs and who waits, in the order in which they go."""
    rows = _rows(
        session,
        DeployRow.service == service,
        DeployRow.environment == environment,
        DeployRow.state.in_(OPEN),
        limit=None,
    )
    return sorted(rows, key=lambda row: (row.word == "queued", not row.rollback, row.id))


def way_back(session: Session, service: str, environment: str, limit: int = 5) -> Sequence[ReleaseRef]:
    """Return the releases one can go back to, newest first: what served before, without what was rolled back from."""
    rows = _rows(
        session,
        DeployRow.service == service,
        DeployRow.environment == environment,
        DeployRow.state == State.HEALTHY,
        limit=HISTORY,
    )
    known = {row.release: ReleaseRef(row.release, row.revision, row.subject) for row in rows}
    return [known[number] for number in earlier([(row.release, row.rollback) for row in reversed(rows)])][:limit]


def page(session: Session, deploy_id: int, jobs: Jobs) -> Page:
    """Return everything about one deploy. Raises Error(NOT_FOUND)."""
    rows = _rows(session, DeployRow.id == deploy_id, limit=1)
    if not rows:
        raise Error(Code.NOT_FOUND, f"there is no deploy {deploy_id}; the list of all is at /deploys")
    row = rows[0]
    asked, deploy, orders = store.load(session, deploy_id)
    held = jobs.held(session, [asked.lane]).get(asked.lane)
    queue = lane_order(session, row.service, row.environment)
    kinds = {order.kind for order in orders}
    return Page(row, deploy, asked, queue, held, log(session, deploy_id), "abort" in kinds)


def _rows(
    session: Session, *where: ColumnElement[bool], limit: int | None, order: Sequence[ColumnElement[Any]] = ()
) -> list[Row]:
    """Return the deploys for which all of that holds, newest first unless another order goes before."""
    query = _LISTED.where(*where).order_by(*order, DeployRow.id.desc())
    found = []
    for state, ending, doing, live_id, *told in session.execute(query if limit is None else query.limit(limit)):
        told.insert(_WORD, word(state, ending, live_id == told[0], doing == StepKind.BAKE))
        found.append(Row(*told))
    return found


def _lives(session: Session, where: ColumnElement[bool]) -> list[Live]:
    return [Live(*one) for one in session.execute(select(*_SERVES).where(where))]


def live_releases(session: Session, service: str) -> Mapping[str, Live]:
    """Return what serves, by environment."""
    return {live.environment: live for live in _lives(session, LiveRow.service == service)}
