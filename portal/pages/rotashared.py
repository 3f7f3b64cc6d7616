"""What the pages of one schedule share: its zone, what a form says, who may, and what people are called."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from flask import abort, g
from sqlalchemy.orm import Session

from ledger.errors import Code, Error
from oncall import zones
from oncall.answering import Answering
from oncall.schedule import Schedule
from oncall.terms import PRIMARY
from portal import auth, duty
from portal.pages import common
from portal.render import Times

NAME = "string(maxlength=120)"
LONGEST = 500  # characters of a reason


def heading(answering: Answering, name: str) -> Schedule:
    """Return a schedule, and have this page say its times as the clocks of its zone show them."""
    schedule = answering.schedule(name)
    if schedule is None:
        raise Error(Code.NOT_FOUND, f"There is no schedule {name[:80]}; look at the list of all.")
    g.times = Times(auth.services().clock(), schedule.zone)
    return schedule


def speak(answering: Answering) -> None:
    """Have this page call everybody by name."""
    g.names = {**g.get("names", {}), **{one.ref: one.name for one in answering.known.people.values()}}


def plans_refusal(session: Session, team: str) -> str:
    """Return why the reader may not plan for that team, empty when she may."""
    try:
        duty.plans(auth.services(), session, auth.somebody(), team)
    except Error as error:
        if error.code is not Code.FORBIDDEN:
            raise
        return error.message
    return ""


def moment(said: str) -> datetime | None:
    """Read a moment: aware, or a wall time of the page's zone; None where nothing is said."""
    if not said.strip():
        return None
    try:
        read = datetime.fromisoformat(said.strip()[:40])
        return read.astimezone(UTC) if read.tzinfo else zones.first(read, common.times().zone)
    except (ValueError, OverflowError):
        raise Error(Code.INVALID, f"“{said[:40]}” is no time; write it like 2026-11-26 18:00.") from None


@dataclass(frozen=True)
class Form:
    """What somebody wants to change. `do`: take, put, swap or back; `sure`: it was shown before."""

    do: str = ""
    role: str = PRIMARY
    at: datetime | None = None
    start: datetime | None = None
    end: datetime | None = None
    person: str = ""
    other: datetime | None = None
    reason: str = ""
    number: int = 0
    sure: bool = False

    @classmethod
    def of(cls, said: Mapping[str, str]) -> "Form":
        number = said.get("number", "")
        if number and not (number.isdigit() and len(number) < 18):
            abort(404)
        return cls(
            said.get("do", "")[:10],
            said.get("role", PRIMARY)[:60],
            moment(said.get("at", "")),
            moment(said.get("start", "")),
            moment(said.get("end", "")),
            said.get("person", "")[:300],
            moment(said.get("other", "")),
            said.get("reason", "").strip()[:LONGEST],
            int(number or 0),
            said.get("sure", "") == "1",
        )
