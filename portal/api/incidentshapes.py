"""What goes into and comes out of the API's doors for incidents. Values only; moments are UTC."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from oncall.terms import Severity
from portal.api.asked import Id, In, Note, Word
from portal.api.oncallshapes import Aliased, Moment
from portal.api.shapes import Out


class IncidentsQuery(In):
    open: bool | None = None
    service: Word | None = None
    team: Word | None = None
    mine: bool = Field(False, description="only what you have, or were paged for and nobody has")
    alert: Word | None = Field(None, description="only what has an alert of that key, as POST /incidents gave it")
    before: Id | None = Field(None, description="only smaller numbers, for the next page")
    limit: int = Field(50, ge=1, le=200)


class PageIn(In):
    whom: Word = Field(min_length=1, description="a service (checkout), group:payments or user:ada")
    title: Word = Field(min_length=1)
    severity: Severity = Severity.CRITICAL
    details: Note = ""


class Paging(Out):
    alert: str = Field(description="its key: GET /incidents?alert=… shows what came of it")
    about: str = Field(description="what was understood")


class Incident(Out):
    number: int
    service: str
    team: str
    title: str
    severity: str
    urgency: str
    state: str
    holder: list[str]
    opened_at: datetime
    acknowledged_at: datetime | None
    resolved_at: datetime | None
    last_at: datetime
    alerts: int
    environment: str
    page: str = Field(description="where people look at it")


class Incidents(Out):
    incidents: list[Incident]
    before: int | None = Field(description="for the next page; nothing: that was all")


class Told(Out):
    at: datetime
    kind: str
    actor: str
    text: str
    person: str
    channel: str


class Alert(Out):
    source: str
    key: str
    title: str
    severity: str
    count: int
    first_at: datetime
    last_at: datetime
    resolved_at: datetime | None
    why: str


class Paged(Out):
    """A page, and what came of it."""

    person: str
    why: str = Field(description="paged, called, reminded or exhausted")
    target: str
    kind: str
    due_at: datetime
    attempts: int
    ending: str = Field(description="delivered, refused, withdrawn; empty: it waits")
    said: str
    repeated: bool


class IncidentPage(Out):
    incident: Incident
    responders: list[str]
    roles: dict[str, str]
    until: datetime | None = Field(description="of a snooze or a silence")
    merged_into: int | None
    reason: str
    story: list[Told]
    alerts: list[Alert]
    pages: list[Paged]


class SnoozeIn(Aliased):
    until: Moment | None = None
    lasts: Word | None = Field(None, alias="for", description="from now on: `2h`")
    reason: Note = ""


class ReassignIn(In):
    to: Word = Field(min_length=1, description="ada, user:ada, or me")
    reason: Note = ""


class ResponderIn(In):
    person: Word = Field(min_length=1)
    reason: Note = ""


class NoteIn(In):
    text: Note = Field(min_length=1)


class SeverityIn(In):
    severity: Severity
    reason: Note = ""


class RoleIn(In):
    role: Literal["commander", "scribe", "communications"]
    person: Word = Field("me", description="empty: nobody any more")


class MergeIn(In):
    into: Id
    reason: Note = ""
