"""What comes out of the API about one deploy: how it is going, what was seen of it, and what it asks. Values only."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from portal.api.shapes import Deploy, Hold, Out, Plan, Step


class Started(Out):
    id: int
    already: bool = Field(description="somebody had asked for the very same, and it is that one")
    page: str = Field(description="where people watch it")
    deploy: Deploy


class Done(Out):
    """One step with how far it is."""

    step: Step
    undo: bool
    state: Literal["todo", "doing", "paused", "done", "failed", "left out"]
    began_at: datetime | None
    ended_at: datetime | None
    said: str


class Look(Out):
    """One check on one instance, with its last answer word for word."""

    check: str
    instance: str
    passes: int
    fails: int
    said: str
    took_seconds: float
    at: datetime
    total: int


class Line(Out):
    at: datetime
    text: str
    kind: str
    head: bool
    actor: str


class Pause(Out):
    """A person is asked: go on, look again, or go back."""

    asks: Literal["inconclusive", "irreversible", "strategy", "person"] = Field(
        description="nobody can tell; it failed and cannot be taken back; the strategy says so; a person wants it so"
    )
    why: str
    at: datetime
    until: datetime | None = Field(description="when it goes back by itself; nothing: never")


class Count(Out):
    requests: int
    errors: int


class Proof(Out):
    """What both releases have answered, and what it says."""

    verdict: Literal["", "pass", "fail", "inconclusive"] = Field(description="empty: nothing was weighed yet")
    said: str
    canary: Count
    baseline: Count
    e: float = Field(description="how much better a rise explains what was counted; `bar` and more is a failure")
    bar: float


class Metric(Out):
    name: str
    phase: Literal["successful", "running", "pending", "inconclusive", "error", "failed"]
    said: str


class Terms(Out):
    """On which terms it was asked for."""

    override: str = Field(description="the reason of an emergency")
    hotfix: bool
    ticks: list[str]
    continuous: bool = Field(description="asked for by continuous delivery, not by a person")
    trial: bool
    course: int | None = Field(description="the train or bisect that it belongs to")


class DeployPage(Out):
    deploy: Deploy
    plan: Plan | None = Field(description="bound at the head of the lane; nothing before")
    steps: list[Done]
    checks: list[Look]
    log: list[Line]
    place: int | None = Field(description="how many are before it in the queue; nothing once it has begun")
    queue: list[Deploy]
    hold: Hold | None
    abort_ordered: bool
    pause: Pause | None
    proof: Proof | None = Field(description="nothing: there is nothing to compare with")
    metrics: list[Metric]
    warm_until: datetime | None = Field(description="until then the release before stays warm")
    terms: Terms
    page: str
    position: int = Field(description="of the newest fact when this was read; go on from it at …/events")


class Deploys(Out):
    deploys: list[Deploy]
    before: int | None = Field(description="ask with this for the next page; nothing: there is no more")
