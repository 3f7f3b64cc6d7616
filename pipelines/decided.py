"""The last decision of continuous delivery, for pages: a fact, written when it is another one than before."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy.orm import Session

from ledger import events
from pipelines.continuous import ON_ITS_WAY, Deploy, Nothing, Wait

KIND = "continuous.decided"
ACTOR = "continuous"


@dataclass(frozen=True)
class Ordered:
    """What was ordered, and as which deploy."""

    deploy: Deploy
    id: int


@dataclass(frozen=True)
class Decided:
    """`revision`: which it is about. `since`: when what it names began; `until`: when it looks again at the latest."""

    word: Literal["deploy", "wait", "nothing"]
    why: tuple[str, ...]
    revision: str
    since: datetime | None
    until: datetime | None
    deploy_id: int | None
    at: datetime


def tell(session: Session, service: str, environment: str, what: Ordered | Wait | Nothing, at: datetime) -> bool:
    """Write a decision down; False when the last one said the same."""
    data = {"environment": environment} | _told(what)
    before = last(session, service, environment)
    if before is None and isinstance(what, Nothing):
        return False  # where there was never anything to decide
    if before is not None and (_same(before, data) or (before.word == "deploy" and data["why"] == [ON_ITS_WAY])):
        return False
    events.record(session, KIND, _subject(service, environment), ACTOR, at, data, service=service)
    return True


def last(session: Session, service: str, environment: str) -> Decided | None:
    """Return what was decided last; None when nothing ever was."""
    found = events.latest(session, subject=_subject(service, environment), kinds=[KIND], limit=1)
    if not found:
        return None
    told = found[0].data
    since, until = (datetime.fromisoformat(told[name]) if told[name] else None for name in ("since", "until"))
    return Decided(told["word"], tuple(told["why"]), told["revision"], since, until, told["deploy"], found[0].at)


def _subject(service: str, environment: str) -> str:
    return f"continuous:{service}@{environment}"


def _told(what: Ordered | Wait | Nothing) -> dict[str, Any]:
    told: dict[str, Any] = {"since": None, "until": None, "deploy": None, "revision": ""}
    match what:
        case Ordered(deploy, deploy_id):
            return told | {"word": "deploy", "why": [deploy.why], "revision": deploy.revision, "deploy": deploy_id}
        case Nothing(why):
            return told | {"word": "nothing", "why": [why]}
        case Wait(why, revision, since, until):
            times = {"since": since and since.isoformat(), "until": until and until.isoformat()}
            return told | {"word": "wait", "why": list(why), "revision": revision} | times


def _same(before: Decided, data: Mapping[str, Any]) -> bool:
    now = tuple(data[name] for name in ("word", "revision", "deploy", "since", "until"))
    times = (moment and moment.isoformat() for moment in (before.since, before.until))
    return before.why == tuple(data["why"]) and now == (before.word, before.revision, before.deploy_id, *times)
