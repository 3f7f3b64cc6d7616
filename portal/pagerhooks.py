"""The door for PagerDuty's webhooks (V3): what somebody does there becomes a fact here.

A call proves itself by its signature. What is repeated is answered like the first time and ignored; what was done
before a crash is done again, which changes nothing. Nobody here is paged by what comes in by this door.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from flask import Blueprint, request
from flask_limiter import Limiter
from sqlalchemy.orm import Session

from ledger import inbox
from ledger.errors import Code, Error
from oncall import pdwebhook, store
from oncall.answering import Answering
from oncall.incident import ENDED, State
from oncall.pagerdutying import PAGERDUTY
from oncall.pdnames import slug
from oncall.pdwebhook import Heard, Rejected, Repeat, What
from portal import auth, bodies
from portal.chatsettings import kept
from portal.services import Services

bp = Blueprint("pagerhooks", __name__)

SOURCE, THEIRS = "pagerduty.webhook", "pagerduty.incident"  # deliveries, and their names of our incidents
LONGEST_ID = 200  # characters by which a delivery is remembered
LIMITS, REFUSED_LIMITS = "3000 per minute", "60 per minute"
CLOSED = "PagerDuty's webhooks are not connected here: [oncall] pagerduty_webhook_file has their secrets."
DECIDES = (What.ACKNOWLEDGED, What.RESOLVED)
SAID = {
    What.UNACKNOWLEDGED: "nobody has it at PagerDuty any more",
    What.ESCALATED: "PagerDuty has escalated it",
    What.REASSIGNED: "it was reassigned at PagerDuty",
    What.DELEGATED: "it was given to another escalation at PagerDuty",
    What.REOPENED: "it was opened again at PagerDuty; reopen it here, too, if it is not over",
    What.PRIORITY_UPDATED: "its priority was changed at PagerDuty",
    What.RESPONDER_ADDED: "somebody was asked to help at PagerDuty",
    What.RESPONDER_REPLIED: "somebody who was asked to help has answered at PagerDuty",
    What.STATUS_UPDATE_PUBLISHED: "a status update was published at PagerDuty",
}


def install(limiter: Limiter) -> None:
    """Count the calls, and those that are refused more strictly."""
    limiter.limit(LIMITS)(bp)
    limiter.limit(REFUSED_LIMITS, deduct_when=lambda answer: answer.status_code == 403)(bp)


@bp.post("/hooks/pagerduty")
@auth.public
@auth.csrf.exempt  # type: ignore[untyped-decorator]
def receive() -> Any:
    """Take in what was done at PagerDuty."""
    services, now = auth.services(), auth.services().clock()
    secrets = kept(services.config.oncall.pagerduty_webhook_file)
    if not secrets:
        raise Error(Code.NOT_FOUND, CLOSED)
    headers, body = dict(request.headers.items()), bodies.at_most(pdwebhook.BIGGEST)
    if body is None:
        raise Error(Code.INVALID, "PagerDuty never sends that much.")
    verdict = pdwebhook.judged(body, headers, secrets, ())
    if isinstance(verdict, Heard):
        with services.database.read() as session:
            before = inbox.known(session, SOURCE, [one[:LONGEST_ID] for one in verdict.ids])
        known = [one for one in verdict.ids if one[:LONGEST_ID] in before]
        verdict = pdwebhook.judged(body, headers, secrets, known)
    if isinstance(verdict, Rejected):
        raise Error(Code.FORBIDDEN if verdict.forged else Code.INVALID, f"Refused: {verdict.why}.")
    if isinstance(verdict, Repeat):
        return {"message": "This came before; nothing was done again."}, 202
    heard = replace(verdict, incident=_about(services, verdict))
    said = act(services, heard)
    with services.database.write() as session:
        if heard.incident is not None and heard.their_id:
            inbox.receive(session, THEIRS, heard.their_id, {"number": str(heard.incident)}, b"", now)
        for one in verdict.ids:
            inbox.receive(session, SOURCE, one[:LONGEST_ID], {"event": verdict.event}, b"", now)
    return {"message": said}, 202


def _about(services: Services, heard: Heard) -> int | None:
    """Return which incident of ours it is about; notes name it only as PagerDuty does."""
    if heard.incident is not None or not heard.their_id:
        return heard.incident
    with services.database.read() as session:
        kept = inbox.headers(session, THEIRS, heard.their_id)
    return int(kept["number"]) if kept else None


def act(services: Services, heard: Heard) -> str:
    """Let what was done there happen here; return what was made of it."""
    if heard.incident is None:
        return "It is about no incident of ours."
    with services.database.read() as session:
        try:
            incident = store.load(session, heard.incident)
        except Error:
            return "It is about no incident of ours."
        person = _person(session, heard.who)
    by = person or f"{PAGERDUTY}:{slug(heard.who, 'somebody')}"
    if heard.what in DECIDES and heard.is_echo:
        return "Heard; it is what was told from here."
    if heard.what in DECIDES and heard.run not in (None, incident.run):
        return "Heard; that was before it began again."
    return _done(services, heard, incident.state, by, person is not None)


def _person(session: Session, name: str) -> str | None:
    """Return the only person of the catalog who is called like that."""
    known = Answering(session).known
    same = [ref for ref, one in known.people.items() if one.name == name and ref not in known.gone]
    return same[0] if name and len(same) == 1 else None


def _done(services: Services, heard: Heard, state: State, by: str, is_known: bool) -> str:
    number, actions = heard.incident or 0, services.oncall.actions
    reason = f"{heard.who or 'somebody'} did it at PagerDuty"
    note = heard.note if heard.what is What.ANNOTATED else SAID.get(heard.what, "")
    if heard.what is What.REASSIGNED and heard.assigned:
        note += f", to {', '.join(heard.assigned)}"
    acts: Mapping[What, Callable[[], object]] = {
        What.ACKNOWLEDGED: partial(actions.acknowledge, number, by, reason),
        What.RESOLVED: partial(actions.resolve, number, by, reason),
    }
    do = acts.get(heard.what) or (partial(actions.note, number, by, note) if note else None)
    is_echo = heard.what is What.ACKNOWLEDGED and state is State.ACKNOWLEDGED and not is_known
    if do is None or is_echo or (heard.what is What.ACKNOWLEDGED and state in ENDED):
        return "Heard; that changes nothing here."
    try:
        do()
    except Error as error:  # it cannot happen here any more; PagerDuty need not send it again
        if error.code is Code.UNAVAILABLE:
            raise
        return f"Heard; {error.message}"
    return f"Heard; incident {number} knows it."
