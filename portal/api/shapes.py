"""What comes out of the API, as its document tells it. Values only; durations are seconds, moments are UTC."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

StateWord = Literal[
    "queued",
    "going out",
    "baking",
    "paused",
    "healthy",
    "undoing",
    "undone",
    "aborted",
    "tried",
    "stuck",
    "replaced",
]


class Out(BaseModel):
    """An answer: made of the rooms' own values, field by field; what is not named here stays inside."""

    model_config = ConfigDict(frozen=True, from_attributes=True)


class Release(Out):
    number: int
    revision: str
    subject: str


class Live(Out):
    release: int
    revision: str
    subject: str
    deploy_id: int
    since: datetime


class Waiting(Out):
    """What has been committed and is not live there."""

    head: str
    commits: int
    oldest_at: datetime | None
    measured_at: datetime


class Hold(Out):
    by: str
    reason: str
    at: datetime


class Deploy(Out):
    id: int
    service: str
    name: str
    environment: str
    rollback: bool
    release: int
    revision: str
    subject: str
    base: int | None
    state: StateWord
    reason: str
    actor: str
    note: str
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    ended: bool
    commits: int | None
    percent: int
    wave: int
    waves: int


class Environment(Out):
    name: str
    live: Live | None
    waiting: Waiting | None
    running: Deploy | None
    last: Deploy | None
    queued: int
    hold: Hold | None


class Service(Out):
    ref: str
    name: str
    title: str
    description: str
    owner: str | None
    people: list[str] = Field(description="who answers, by full name")
    repository_id: int
    repository_url: str
    path: str
    head: str | None = Field(description="the default branch's newest revision, as last read")
    stale_since: datetime | None = Field(description="what is shown is older than the catalog file, which is broken")
    stale_revision: str | None = Field(description="the commit that broke the catalog file")
    removed_at: datetime | None = Field(description="since then no file describes it; it is kept for a time")
    removed_revision: str | None = Field(description="the commit that took it out")
    problems: int
    environments: list[Environment]


class Services(Out):
    services: list[Service]


class Wave(Out):
    number: int
    percent: int
    instances: int


class Step(Out):
    kind: str
    release: int
    wave: int
    percent: int
    instances: int
    deadline_seconds: float
    expected_seconds: float
    undo: str


class Check(Out):
    kind: str
    what: list[str]
    passes: int
    every_seconds: float
    deadline_seconds: float


class Commit(Out):
    sha: str
    subject: str
    author: str
    at: datetime
    files: int
    plus: int
    minus: int
    touches: list[str]


class Change(Out):
    commits: list[Commit]
    files: int
    plus: int
    minus: int
    touches: list[str]
    authors: list[str]
    oldest_at: datetime | None
    small: bool
    large: list[str] = Field(description="why it is not small")
    back: bool = Field(description="these commits leave the environment instead of entering it")


class Gate(Out):
    verdict: Literal["good", "warn", "bad", "off"] = Field(description="off: not connected, or nothing is asked")
    title: str
    why: str
    kind: str = Field(description="its stable name")
    overridable: bool = Field(description="in an emergency")
    overridden: bool
    until: datetime | None = Field(description="when it changes by itself")
    hint: str = Field(description="what can be done about it, and by whom")


class Plan(Out):
    """What will happen, frozen."""

    service: str
    environment: str
    release: Release
    base: Release | None
    rollback: bool
    strategy: str
    instances: int
    waves: list[Wave]
    steps: list[Step]
    checks: list[Check]
    change: Change
    expected_seconds: float
    back_seconds: float
    bake_seconds: float


class Preview(Plan):
    """What would happen. Nothing has happened yet."""

    gates: list[Gate]
    blocked: list[str] = Field(description="every reason why it may not go; empty: it may")
    is_head: bool = Field(description="the revision is the default branch's newest")


class Started(Out):
    id: int
    already: bool = Field(description="somebody had asked for the very same, and it is that one")
    page: str = Field(description="where people watch it")
    deploy: Deploy


class Done(Out):
    """One step with how far it is."""

    step: Step
    undo: bool
    state: Literal["todo", "doing", "done", "failed", "left out"]
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
    page: str
    position: int = Field(description="of the newest fact when this was read; go on from it at …/events")


class Deploys(Out):
    deploys: list[Deploy]
    before: int | None = Field(description="ask with this for the next page; nothing: there is no more")


class Lane(Out):
    service: str
    environment: str
    hold: Hold | None
