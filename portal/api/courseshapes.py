"""Trains and bisects as they go into the API and come out of it, as its document tells it. Values only."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from portal.api.asked import In, Note, Word
from portal.api.shapes import Out


class TrainIn(In):
    environment: Word
    revision: Word = Field("", description="up to this branch, tag or commit; empty: the newest of the default branch")
    note: Note = ""
    per_car: Annotated[int, Field(ge=1, le=20)] = Field(1, description="commits that go out together, while small")
    ticks: list[Word] = Field(default_factory=list, max_length=50, description="what of the checklist is ticked")


class StopIn(In):
    reason: Note = ""


class Car(Out):
    revision: str = Field(description="the newest of its commits")
    subject: str
    author: str
    commits: int
    files: int
    plus: int
    minus: int
    state: Literal["waiting", "going", "gone", "failed"]
    deploy: int | None
    release: int | None
    why: str


class Suspect(Out):
    revision: str
    subject: str
    author: str
    verdict: Literal["", "good", "bad", "skipped"] = Field(description="empty: not tried, or not needed")
    going: bool
    deploy: int | None
    release: int | None
    why: str


class Course(Out):
    id: int
    kind: Literal["train", "bisect"]
    service: str
    name: str
    environment: str
    actor: str
    note: str
    state: Literal["going", "arrived", "stopped", "found", "unclear"]
    reason: str = Field(description="how it ended; of a bisect that has found it, the commit")
    asked_at: datetime
    ended_at: datetime | None
    waits: list[str] = Field(description="every reason why the next deploy may not go now")
    cars: list[Car] = Field(description="of a train, oldest first")
    suspects: list[Suspect] = Field(description="of a bisect, oldest first")
    culprit: str | None = Field(description="the revision that a bisect has found")
    tries: int | None = Field(description="of a bisect: trials so far")
    most: int | None = Field(description="of a bisect: trials at most")
    percent: int | None = Field(description="of a bisect: the share of the traffic that a trial gets")
    expected_seconds: float = Field(description="about how long it still takes")
    page: str = Field(description="where people watch it")


class Begun(Out):
    id: int
    already: bool = Field(description="somebody had asked for the very same, and it is that one")
    course: Course
