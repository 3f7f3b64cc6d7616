"""Scorecards over the API: all components, worst first, and every check of one with its sentence."""

from datetime import datetime
from typing import Annotated, Any, Literal

from apiflask import APIBlueprint
from pydantic import Field

from catalog import query as catalog
from portal import auth, scorechecks, scoring
from portal.api import asking
from portal.api.asked import In, Word
from portal.api.shapes import Out
from portal.scoring import Ranked

bp = APIBlueprint("scorecards", __name__, tag="Scorecards")

Outcome = Literal["passed", "failed", "not applicable"]
OUTCOMES: dict[bool | None, Outcome] = {True: "passed", False: "failed", None: "not applicable"}
LARGEST_PAGE = 100_000


class ScorecardsQuery(In):
    owner: Word = Field("", description="group:default/payments; - for services that name nobody")
    failed: Word = Field("", description="the id of a check that fails")
    page: Annotated[int, Field(ge=1, le=LARGEST_PAGE)] = 1
    limit: Annotated[int, Field(ge=1, le=500)] = 100


class CheckTally(Out):
    id: str
    title: str
    why: str
    weight: Literal["must", "should"]
    passed: int
    of: int = Field(description="how many it applies to")


class Scores(Out):
    service: str
    owner: str | None
    level: str
    passed: int
    of: int
    checks: dict[str, Outcome]


class Scorecards(Out):
    services: list[Scores]
    found: int
    checks: list[CheckTally]
    unjudged: int = Field(description="of these, how many were judged for this answer, for nothing of them is kept yet")
    problems: list[str] = Field(description="checks of installed packages that could not be loaded")


class ScoredCheck(Out):
    id: str
    title: str
    why: str
    weight: Literal["must", "should"]
    outcome: Outcome
    said: str
    since: datetime | None = Field(description="nothing: as of now, and not kept yet")


class ScoreChange(Out):
    check: str
    outcome: Outcome
    said: str
    at: datetime


class Scorecard(Out):
    service: str
    level: str
    passed: int
    of: int
    checks: list[ScoredCheck]
    history: list[ScoreChange]


@bp.get("/scorecards")
@bp.input(ScorecardsQuery, location="query")
@bp.output(Scorecards)
def every(query_data: ScorecardsQuery) -> Any:
    """All scorecards, worst first, and how many pass each check

    As they were when last looked at: every hour, and after a repository has been read. What is new is judged now.
    """
    asked = query_data
    now = asking.now()
    with auth.services().database.read() as session:
        board = scoring.board(session, auth.services().config.mirrors, now, now)
    found = scoring.chosen(board.rows, asked.owner, asked.failed)
    tallies = [
        CheckTally.model_validate({**_check(tally.check), "passed": tally.passed, "of": tally.of})
        for tally in board.tallies
    ]
    return Scorecards(
        services=[_scores(row) for row in found[(asked.page - 1) * asked.limit : asked.page * asked.limit]],
        found=len(found),
        checks=tallies,
        unjudged=board.unjudged,
        problems=list(scorechecks.loaded().problems),
    )


@bp.get("/services/<name>/scorecard")
@bp.output(Scorecard)
def show(name: str) -> Any:
    """One scorecard, as of now: each check with its sentence and since when it is so"""
    with auth.services().database.read() as session:
        page = catalog.entity(session, asking.service(session, name).ref)
        scored = scoring.scored(session, page, auth.services().config.mirrors, asking.now())
    card = scored.card
    checks = [
        ScoredCheck(
            **_check(mark.check),
            outcome=OUTCOMES[mark.passed],
            said=mark.outcome.said,
            since=scored.since.get(mark.check.id),
        )
        for mark in card.marks
    ]
    history = [
        ScoreChange(check=change.check, outcome=OUTCOMES[change.passed], said=change.said, at=change.at)
        for change in scored.history
    ]
    about = {"service": page.about.ref, "level": card.level, "passed": card.passed, "of": card.of}
    return Scorecard(**about, checks=checks, history=history)


def _check(check: Any) -> dict[str, Any]:
    return {"id": check.id, "title": check.title, "why": check.why, "weight": check.weight}


def _scores(row: Ranked) -> Scores:
    return Scores(
        service=row.ref,
        owner=row.owner.ref or None,
        level=row.level,
        passed=row.passed,
        of=row.of,
        checks={check.id: OUTCOMES[passed] for check, passed in row.marks},
    )
