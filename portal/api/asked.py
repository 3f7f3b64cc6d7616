"""What goes into the API: bodies and queries, with their limits. A key that is not known is an error: it is a slip."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

LARGEST_ID = 2**63 - 1
LARGEST_RELEASE = 2**31 - 1


def _printable(text: str) -> str:
    if any((ord(sign) < 32 and sign not in "\n\t") or ord(sign) == 127 for sign in text):
        raise ValueError("control characters cannot stand here")
    return text


Word = Annotated[str, Field(max_length=300), AfterValidator(_printable)]
Note = Annotated[str, Field(max_length=2000), AfterValidator(_printable)]
Id = Annotated[int, Field(ge=1, le=LARGEST_ID)]
Number = Annotated[int, Field(ge=1, le=LARGEST_RELEASE)]


class In(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DeployIn(In):
    environment: Word
    revision: Word = Field("", description="branch, tag or commit; empty: the newest of the default branch")
    note: Note = ""
    override: Word = Field("", description="an emergency, and why: what may be overridden does not stop it")
    hotfix: bool = Field(False, description="one approval fewer, everything else as always")
    ticks: Annotated[list[Word], Field(max_length=20)] = Field(
        default_factory=list, description="what of the checklist is done"
    )


class RollbackIn(In):
    environment: Word
    release: Number | None = Field(None, description="its number; nothing: the last healthy one before")
    note: Note = ""


class OrderIn(In):
    reason: Note = Field("", description="why, for the others and the history")


class RepositoryIn(In):
    url: Word = Field(min_length=1)


class TokenIn(In):
    account: Word
    password: Word
    name: Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_printable)] = Field(
        "terminal", description="what the token is for"
    )


class PlanQuery(In):
    environment: Word
    revision: Word = Field("", description="branch, tag or commit; empty: the newest of the default branch")
    release: Number | None = Field(None, description="plan going back to this release instead")
    override: Word = Field("", description="as if it were an emergency, for that reason")
    hotfix: bool = False


class DeploysQuery(In):
    service: Word | None = None
    environment: Word | None = None
    actor: Word | None = Field(None, description="user:default/alice, account:admin, or me")
    running: bool | None = None
    before: Id | None = Field(None, description="only deploys with a smaller id, for the next page")
    limit: int = Field(50, ge=1, le=200)


class EventsQuery(In):
    after: int = Field(0, ge=0, le=LARGEST_ID, description="the last position already seen")
    subject: Word | None = Field(None, description="deploy:12")
    service: Word | None = None
    limit: int = Field(100, ge=1, le=500)


class StreamQuery(In):
    after: int | None = Field(None, ge=0, le=LARGEST_ID, description="the last position already seen")
