"""Setting, prolonging and ending silences, for the page and the API alike: what is open is muted and woken with it.

Whoever calls has asked before who may, in the transaction that is handed over.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from ledger import events
from ledger.errors import Code, Error
from oncall import intakestore
from oncall.answering import Answering
from oncall.intakestore import SilenceRow
from oncall.muting import settle
from oncall.silences import LONGEST, How, Silence
from portal import silenceforms
from portal.oncalling import OnCall

AGAIN = timedelta(minutes=1)  # within which the very same silence is a second press of the button


def service_of(silence: Silence) -> str:
    """Return the service that all of what a silence is about belongs to; empty: it asks for none."""
    return next((one.value for one in silence.matchers if one.field == "service" and one.how is How.IS), "")


def keep(session: Session, oncall: OnCall, made: Silence, now: datetime) -> int:
    """Write a silence that was checked, and mute what it covers; return its number. Twice in a minute is once."""
    service = service_of(made)
    values: dict[str, Any] = {
        "kind": made.kind,
        "team": Answering(session, oncall.fallback).of(service).team if service else oncall.fallback,
        "matchers": [str(one) for one in made.matchers],
        "reason": made.reason,
        "by": made.owner,
        "start": made.start,
        "end": made.end,
        "until_resolved": made.incident,
    }
    for row in intakestore.silences(session):
        if _is_same(row, values) and now - row.created_at < AGAIN:
            return row.id
    number = intakestore.add_silence(session, **values, created_at=now)
    told = values | {"words": silenceforms.words(made.matchers)}
    _record(session, "silenced", number, made.owner, now, told, service)
    settle(session, oncall.jobs, oncall.fallback, now)
    return number


def _is_same(row: SilenceRow, values: dict[str, Any]) -> bool:
    return all(getattr(row, name) == values[name] for name in ("kind", "matchers", "reason", "by", "until_resolved"))


def extend(session: Session, oncall: OnCall, row: SilenceRow, length: timedelta, by: str, now: datetime) -> None:
    """Let it last longer, from its end on; raise Error(INVALID) when that is too long."""
    until = max(row.end, now) + length
    if until - now > LONGEST:
        raise Error(Code.INVALID, f"It may last {LONGEST.days} days from now, not longer.")
    intakestore.extend_silence(session, row.id, until)
    _record(session, "silence_extended", row.id, by, now, {"end": until})
    settle(session, oncall.jobs, oncall.fallback, now)


def end(session: Session, oncall: OnCall, row: SilenceRow, by: str, now: datetime) -> None:
    """End it; an incident that it muted goes on at once, and an alert that it kept quiet opens one within a minute."""
    intakestore.end_silences(session, [row.id], now)
    _record(session, "silence_ended", row.id, by, now, {"reason": row.reason})
    settle(session, oncall.jobs, oncall.fallback, now)


def _record(
    session: Session, kind: str, number: int, by: str, now: datetime, data: dict[str, Any], service: str = ""
) -> None:
    said = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in data.items()}
    events.record(session, f"oncall.{kind}", f"silence:{number}", by, now, said, service=service or None)
