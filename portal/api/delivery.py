"""Delivery figures over the API: of everything, of a service or of a team, each week, and what failed."""

from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

from apiflask import APIBlueprint
from pydantic import AfterValidator, Field

from pipelines import benchmarks, dora
from portal import auth, deliveryboard
from portal.api import asking
from portal.api.asked import In, Word
from portal.api.shapes import Out
from portal.deliveryboard import Board, Row

bp = APIBlueprint("delivery", __name__, tag="Delivery")

MOST = 500  # services


def _among(allowed: Collection[int]) -> Callable[[int], int]:
    """A number in an address is text, so a Literal would never fit."""

    def check(told: int) -> int:
        if told not in allowed:
            raise ValueError(f"can be {', '.join(map(str, allowed))}")
        return told

    return check


class DeliveryQuery(In):
    of: Word = Field("", description="a service or a team, by name or reference; empty: everything")
    environment: Annotated[Word, Field(max_length=40)] = Field(
        "", description="empty: production, or where most is deployed to"
    )
    days: Annotated[int, AfterValidator(_among(dora.WINDOWS))] = Field(30, json_schema_extra={"enum": [*dora.WINDOWS]})
    year: Annotated[int, AfterValidator(_among(benchmarks.YEARS))] = Field(
        benchmarks.USUAL,
        description="whose levels the figures are held against",
        json_schema_extra={"enum": [*benchmarks.YEARS]},
    )


class Figures(Out):
    """What nobody can know is nothing, never zero."""

    days: int
    healthy: int = Field(description="deploys that became healthy")
    out: int = Field(description="deploys that users had: healthy, or failed after they had traffic")
    failed: int
    unmended: int = Field(description="of those that failed: nothing has been healthy there since")
    rework: int
    commits: int = Field(description="that the lead time is the median of")
    deploys_per_day: float
    change_failure_rate: float | None = Field(description="0 to 1")
    rework_rate: float | None = Field(description="0 to 1")
    lead_time_seconds: float | None
    recovery_seconds: float | None


class Level(Out):
    year: int
    name: str = Field(description="elite, high, medium or low; empty: below every level of that year")


class Levels(Out):
    """Nothing: the year has no levels, or there is nothing to judge."""

    frequency: Level | None
    lead_time: Level | None
    change_failure_rate: Level | None
    recovery_time: Level | None


class DeliveryWeek(Out):
    first: date = Field(description="its Monday, in UTC")
    figures: Figures


class DeliveryOf(Out):
    ref: str = Field(description="a service's or a team's reference; empty: services that name nobody")
    title: str
    figures: Figures


class DeliveryFailure(Out):
    deploy: int
    service: str
    release: int
    failed: Literal["put back", "stopped", "rolled back", "stuck"]
    why: str
    failed_at: datetime
    rolled_back_by: int | None = Field(description="the deploy by which a person took it back")
    recovery_seconds: float | None
    page: str


class Delivery(Out):
    service: str | None
    team: str | None
    environment: str
    environments: list[str]
    first: date
    last: date = Field(description="the last day that has been counted, in UTC")
    exact: bool = Field(description="if not, medians are right to about a tenth; counts always are")
    figures: Figures
    deploy_days_per_week: float = Field(description="days with a healthy deploy, of the middle week")
    levels: Levels
    before: Figures | None = Field(description="of as many days right before, if the log goes back so far")
    weeks: list[DeliveryWeek]
    services: list[DeliveryOf]
    teams: list[DeliveryOf]
    failures: list[DeliveryFailure] = Field(description="the newest")
    counted_to: int = Field(description="the position of the log up to which it has been counted")


@bp.get("/delivery")
@bp.input(DeliveryQuery, location="query")
@bp.output(Delivery)
@bp.doc(responses={404: "No service and no team has that name"})
def show(query_data: DeliveryQuery) -> Any:
    """How often, how fast, how many failed, how soon mended, and how much was rework

    From the log of deploys alone. Levels are those that DORA published for the year that is asked for.
    """
    asked = query_data
    with auth.services().database.read() as session:
        scope = deliveryboard.named(session, asked.of)
        board = deliveryboard.board(session, scope, asked.environment, asked.days, asked.year, asking.now())
    return told(board)


def told(board: Board) -> Delivery:
    report = board.report
    return Delivery(
        service=board.scope.service or None,
        team=board.scope.team or None,
        environment=board.environment,
        environments=list(board.environments),
        first=report.within.first,
        last=report.within.last,
        exact=report.is_exact,
        figures=_figures(board.figures),
        deploy_days_per_week=board.figures.deploy_days,
        levels=Levels(**{name: _level(band) for name, band in board.levels.items()}),
        before=_figures(report.before) if report.before else None,
        weeks=[DeliveryWeek(first=week.first, figures=_figures(week.figures)) for week in report.weeks],
        services=[_of(row, row.ref) for row in board.by_service(0, MOST)],
        teams=[_of(row, row.title) for row in board.by_team()],
        failures=[_failure(one) for one in report.failures],
        counted_to=report.read.position,
    )


def _of(row: Row, title: str) -> DeliveryOf:
    return DeliveryOf(ref=row.ref, title=title, figures=_figures(row.figures))


def _level(band: benchmarks.Band | None) -> Level | None:
    return Level(year=band.year, name=band.name) if band else None


def _figures(told: dora.Figures) -> Figures:
    same: Mapping[str, Any] = {name: getattr(told, name) for name in Figures.model_fields if hasattr(told, name)}
    return Figures(
        **same,
        deploys_per_day=round(told.per_day, 4),
        change_failure_rate=told.failure_rate,
        lead_time_seconds=_seconds(told.lead),
        recovery_seconds=_seconds(told.recovery),
    )


def _failure(one: dora.Deployed) -> DeliveryFailure:
    return DeliveryFailure.model_validate(
        {
            "deploy": one.id,
            "service": one.service,
            "release": one.release,
            "failed": one.failed,
            "why": dora.FAILURES[one.failed],
            "failed_at": one.failed_at,
            "rolled_back_by": one.failed_by,
            "recovery_seconds": _seconds(one.recovery),
            "page": asking.page_of(one.id),
        }
    )


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()
