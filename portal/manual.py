"""Paging by hand: somebody says that somebody else is needed, and it comes in by the way of all alerts.

So silences, grouping and escalations are the same as for what machines say. Two pages by hand are two incidents.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from catalog import refs
from ledger.errors import Code, Error
from oncall import receiving
from oncall import signal as signals
from oncall.answering import Answering
from oncall.signal import Action
from oncall.terms import Severity, Urgency
from oncall.understanding import OWN
from oncall.watching import plain
from portal.permissions import Person
from portal.services import Services

KINDS = ("component", "group", "user")  # in this order where only a name is said


@dataclass(frozen=True)
class Asked:
    """The key of its alert, by which the incident is found, and what was understood."""

    alert: str
    about: str


def page(services: Services, asks: Person, whom: str, title: str, severity: Severity, details: str = "") -> Asked:
    """Have whoever answers for that paged. Raises Error where that is nobody."""
    if not title.strip():
        raise Error(Code.INVALID, "Say in a few words what is wrong; it is read at night.")
    at, key = services.clock(), f"by-hand:{secrets.token_hex(8)}"
    with services.database.read() as session:
        about = meant(session, whom)
    said = signals.signal(
        OWN,
        key,
        Action.TRIGGER,
        at,
        title=title,
        severity=severity,
        service=about,
        class_=key,  # or it would join what another person has paged for
        details={"by": asks.actor, "details": details},
        client="Fullcycle",
    )
    with services.jobs.transaction() as tx:
        receiving.tell(tx, services.jobs, plain(said), key, at)
    return Asked(key, about)


def meant(session: Session, whom: str) -> str:
    """Return the service, the team or the person that somebody means."""
    known = Answering(session)
    for kind in KINDS:
        try:
            ref = refs.parse(whom.strip(), kind)
        except ValueError as error:
            raise Error(Code.INVALID, f"“{whom[:80]}” names nobody: {error}.") from None
        if ref.kind in KINDS and str(ref) in known:
            return str(ref)
    raise Error(Code.NOT_FOUND, f"Nobody answers for “{whom[:80]}”; write a service, group:team or user:name.")


def first(answering: Answering, about: str, at: datetime) -> Sequence[str]:
    """Return who is paged first for it."""
    for level in answering.of(about).policy.levels:
        people = [one for target in level.targets for one in answering.on_call(target, Urgency.HIGH, at)]
        there = [one.person for one in people if one.at is not None]
        if there:
            return list(dict.fromkeys(there))
    return ()
