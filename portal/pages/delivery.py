"""Delivery: how often, how fast, what failed, how soon mended, how much rework; and the deploys behind each figure."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, timedelta
from typing import Any

from flask import Blueprint, g, render_template, request, url_for
from sqlalchemy.orm import Session

from catalog import query as catalog
from pipelines import benchmarks, deliveryquery, dora, query
from pipelines.dora import Stretch
from portal import auth, deliveryboard, deliveryplots
from portal import deliverytelling as telling
from portal.deliveryboard import PRODUCTION, Board, Scope
from portal.deliveryplots import Limit, Point
from portal.pages import common

bp = Blueprint("delivery", __name__)

PAGE = 50  # services
USUAL = 30  # days
LISTED = 200  # deploys behind a figure
FARTHEST = 3  # years from now that a day may lie, or it is a slip


@bp.get("/delivery")
def index() -> str:
    """`days`: a window; `team`, `service`: references; `year`: a report; `by`: what is listed, in pages."""
    days, year = _one_of(request.args.get("days"), dora.WINDOWS, USUAL), _year()
    asked = request.args.get("environment", "").strip()[:40]
    page = _one_of(request.args.get("page"), range(1, 10_000), 1)
    with auth.services().database.read() as session:
        scope = _scope(session)
        board = deliveryboard.board(session, scope, asked, days, year, common.times().now)
        going = query.deploys(session, running=True, limit=100)
        known = [(one.ref, one.name) for one in catalog.services(session) if one.deploy] if not scope.service else []
        g.running = len(going)
    args = _args(board)
    by = "" if scope.service else "service" if scope.team or request.args.get("by") == "service" else "team"
    points = [_point(week, args) for week in board.report.weeks]
    return render_template(
        "delivery.html",
        here="Deploys",
        rooms="Delivery",
        topic="",
        band=telling.band(board),
        late=telling.late(board.report.read, common.times().now),
        board=board,
        args=args,
        by=by,
        tiles=telling.tiles(board, _href(board)),
        points=points,
        plot_top=deliveryplots.top(points),
        plot_reach=deliveryplots.reached(points, _limits(year)),
        paces=telling.PACES,
        bars=deliveryplots.bars(points, telling.weeks(board)),
        leads=deliveryplots.leads(points, _limits(year), "Median lead time of each week, from commit to healthy"),
        limits=_limits(year),
        rows=board.by_team() if by == "team" else board.by_service((page - 1) * PAGE, PAGE) if by else (),
        page=page,
        more=by == "service" and len(board.services) > page * PAGE,
        failures=dora.FAILURES,
        reworks=dora.REWORKS,
        windows=dora.WINDOWS,
        years=benchmarks.YEARS,
        rework_year=benchmarks.REWORK_YEAR,
        levels_source=benchmarks.SOURCE,
        known=sorted(known, key=lambda one: one[1]),
        often=telling.often,
        rate=telling.rate,
        limit_of=telling.limit,
    )


@bp.get("/delivery/deploys")
def behind() -> str:
    """The deploys behind a figure: `since` and `until` are days, `only` is failed or rework; the rest as above."""
    today = common.times().now.astimezone(UTC).date()
    since, until = _day("since", today - USUAL * dora.DAY), _day("until", today)
    environment = request.args.get("environment", "").strip()[:40] or PRODUCTION
    only = request.args.get("only", "")
    with auth.services().database.read() as session:
        scope = _scope(session)
        services = deliveryboard.services_of(session, scope)
        within = Stretch(min(since, until), until)
        failed, rework = only == "failed", only == "rework"
        found = deliveryquery.deploys(
            session, environment, within, services, failed=failed, rework=rework, limit=LISTED + 1
        )
    return render_template(
        "deliverydeploys.html",
        here="Deploys",
        rooms="Delivery",
        topic="",
        scope=scope,
        environment=environment,
        within=within,
        only=only if failed or rework else "",
        rows=found[:LISTED],
        more=len(found) > LISTED,
        args=_scope_args(scope) | {"environment": environment},
        failures=dora.FAILURES,
        reworks=dora.REWORKS,
        middle=dora.middle,
    )


def card(session: Session, ref: str, environment: str) -> Mapping[str, Any]:
    """Return what deliverycard.html shows of a service: the last 30 days in five figures."""
    report = deliveryquery.report(session, environment, USUAL, common.times().now.date(), [ref])
    board = Board(Scope(ref), environment, (), USUAL, benchmarks.USUAL, report, {})
    return {"tiles": telling.tiles(board, _href(board)), "figures": board.figures, "days": USUAL, "args": _args(board)}


# --- what is asked ----------------------------------------------------------------------------------------------------


def _one_of(told: str | None, allowed: Sequence[int], usual: int) -> int:
    return int(told) if told and told.isdecimal() and len(told) < 6 and int(told) in allowed else usual


def _year() -> int:
    return _one_of(request.args.get("year"), tuple(benchmarks.YEARS), benchmarks.USUAL)


def _scope(session: Session) -> Scope:
    return deliveryboard.scope(session, request.args.get("service", "")[:300], request.args.get("team", "")[:300])


def _day(name: str, usual: date) -> date:
    try:
        said = date.fromisoformat(request.args.get(name, ""))
    except ValueError:
        return usual
    return said if abs(said.year - usual.year) <= FARTHEST else usual


def _scope_args(scope: Scope) -> dict[str, str]:
    return {"service": scope.service} if scope.service else {"team": scope.team} if scope.team else {}


def _args(board: Board) -> dict[str, Any]:
    """Return what the addresses of this page's links say."""
    args: dict[str, Any] = {"days": board.days, "environment": board.environment, **_scope_args(board.scope)}
    return args | ({"year": board.year} if board.year != benchmarks.USUAL else {})


def _behind(args: Mapping[str, Any], first: date, last: date, only: str | None = None) -> str:
    asked = {name: args[name] for name in ("environment", "service", "team") if name in args}
    return url_for("delivery.behind", since=first.isoformat(), until=last.isoformat(), only=only, **asked)


def _href(board: Board) -> Callable[[str], str]:
    within, args = board.report.within, _args(board)
    return lambda only: _behind(args, within.first, within.last, only or None)


# --- what is shown ----------------------------------------------------------------------------------------------------


def _point(week: deliveryquery.Week, args: Mapping[str, Any]) -> Point:
    href, failed = (_behind(args, week.first, week.last, only) for only in (None, "failed"))
    return Point(week.first, week.figures, href, failed)


def _limits(year: int) -> Sequence[Limit]:
    """Return where the levels of lead time end."""
    found: dict[timedelta, str] = {}
    for level in benchmarks.YEARS[year].levels:
        if level.lead is not None:
            found.setdefault(level.lead, level.name)
    return [Limit(span, f"{name} in {year}") for span, name in found.items()]
