"""What comes out of the API besides services and deploys: errors, facts, repositories and people. Values only."""

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from portal.api.shapes import Out


class Fault(Out):
    code: str = Field(description="invalid, unauthenticated, forbidden, not_found, conflict, unavailable or internal")
    message: str
    reasons: list[str]
    number: str = Field("", description="by which the portal's log knows it; only where something broke")


class Error(Out):
    """Every refusal has this shape."""

    error: Fault


class Event(Out):
    position: int
    at: datetime
    kind: str
    subject: str
    actor: str
    service: str | None
    cause: str | None
    data: dict[str, Any]
    hash: str


class Events(Out):
    events: list[Event]
    position: int = Field(description="ask for what came after this")


class Repository(Out):
    id: int
    url: str
    name: str
    default_branch: str | None
    head: str | None
    head_at: datetime | None
    head_subject: str | None
    synced_at: datetime | None
    error: str = Field(description="why it could not be read the last time")


class Problem(Out):
    path: str
    line: int
    column: int
    code: str
    severity: Literal["error", "warning"]
    message: str
    hint: str
    entity: str


class Registered(Out):
    id: int = Field(description="of the repository")


class Me(Out):
    account: str
    name: str
    actor: str
    user: str | None
    role: str
    teams: list[str]


class Token(Out):
    token: str = Field(description="shown this once and never again")
    name: str
    expires_at: datetime
