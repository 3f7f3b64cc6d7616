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
    bake_seconds: float = Field(description="how long it is watched")
    pause: bool = Field(description="afterwards a person says when it goes on")


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
    delay_seconds: float = Field(description="before the first look; the deadline counts from then")


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


class Judge(Out):
    """How errors of the new release are weighed against those of the old one."""

    alpha: float
    tolerance: float
    worst: float = Field(description="percent of failed requests that is too much in any case")
    inconclusive: Literal["go-on", "pause"]


class Before(Out):
    """What the service answered in the time before, where it was counted."""

    minutes: int
    requests: int
    errors: int


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
    keep_seconds: float = Field(description="the base stays warm for so long afterwards, for the way back")
    patience_seconds: float = Field(description="a pause waits so long for a person")
    irreversible: str = Field(description="why it cannot be taken back; empty: it can")
    trial: bool = Field(description="only the first wave, and then back")
    judge: Judge | None = Field(description="nothing: errors are not compared")
    before: Before | None
    metrics: list[str] = Field(description="what is measured besides, by name")


class Preview(Plan):
    """What would happen. Nothing has happened yet."""

    gates: list[Gate]
    blocked: list[str] = Field(description="every reason why it may not go; empty: it may")
    is_head: bool = Field(description="the revision is the default branch's newest")
    values: list[str] = Field(
        description="variables and secrets that are not as they were, and secrets that cannot be had; no secret's value"
    )


class Lane(Out):
    service: str
    environment: str
    hold: Hold | None
