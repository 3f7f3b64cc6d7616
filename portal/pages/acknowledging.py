"""The address in a page: one tap takes the incident as the person it was sent to, without logging in.

Looking changes nothing, because phones and chats open addresses by themselves to preview them; only the button does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, g, render_template
from sqlalchemy.orm import Session
from werkzeug.wrappers import Response

from ledger.errors import Code, Error
from oncall import query
from oncall.answering import Answering
from oncall.incident import ENDED, State
from oncall.query import Page
from portal import auth, incidentbands, incidentlooks
from portal.bands import Band
from portal.pages import common

bp = Blueprint("acknowledging", __name__)

BY_ADDRESS = "by the address in a page"
HOLDS = timedelta(days=7)  # from when it was sent, and never longer than its incident is open


@dataclass(frozen=True)
class Meant:
    """An incident, whom its address was sent to, whether the catalog still knows her, and whether it is too old."""

    page: Page
    person: str
    name: str
    is_known: bool
    is_old: bool

    @property
    def has_ended(self) -> bool:
        """Does the address open nothing any more?"""
        return self.is_old or self.is_over

    @property
    def has_it(self) -> bool:
        told = self.page.incident
        return told.state is State.ACKNOWLEDGED and self.person in told.assigned

    @property
    def is_over(self) -> bool:
        return self.page.incident.state in ENDED

    @property
    def waits(self) -> bool:
        """May this button still take it?"""
        return self.is_known and not self.has_ended and not self.has_it


@bp.get("/ack/<token>")
@auth.public
def show(token: str) -> str:
    """What is wrong, since when and why you: and the button. What has ended tells little."""
    with auth.services().database.read() as session:
        meant = _meant(session, token)
        answering = Answering(session, auth.services().oncall.fallback)
        service = answering.service(meant.page.row.service)
        following = incidentlooks.following(meant.page.incident, answering)
        common.know(session, [meant.person, *meant.page.row.holder, *following])
    mine = [one for one in meant.page.pages if one.person == meant.person]
    at_home = common.service_url(service.ref) if service else ""
    return render_template(
        "acknowledge.html",
        here="",
        token=token,
        meant=meant,
        row=meant.page.row,
        told=meant.page.incident,
        band=_band(meant, following),
        why=incidentbands.why(mine[-1], len(meant.page.incident.policy.levels)) if mine else "",
        runbook=incidentlooks.runbook(meant.page, service, at_home),
        alerts=[alert for alert in meant.page.alerts if alert.resolved_at is None][:5],
    )


@bp.post("/ack/<token>")
@auth.public
def take(token: str) -> Response:
    """Take it as the person the address was sent to. What is over, or hers already, is shown as it is."""
    services = auth.services()
    with services.database.read() as session:
        meant = _meant(session, token)
    if meant.waits:
        try:
            services.oncall.actions.acknowledge(meant.page.row.number, meant.person, BY_ADDRESS)
        except Error as error:  # it ended between the look and the tap
            if error.code is not Code.CONFLICT:
                raise
    return common.back_to("acknowledging.show", token=token)


def _meant(session: Session, token: str) -> Meant:
    number, person, sent = auth.services().oncall.meant(token)
    page = query.page(session, number, others=0)
    known = Answering(session).known
    is_known = person in known.people and person not in known.gone
    # On this page “you” is whom the address was sent to, whoever is logged in.
    g.mine = frozenset({person})
    is_old = auth.services().clock() - (sent or page.row.opened_at) > HOLDS
    return Meant(page, person, known.people[person].name if person in known.people else person, is_known, is_old)


def _band(meant: Meant, following: Sequence[str]) -> Band:
    times, told, row = common.times(), meant.page.incident, meant.page.row
    follows = incidentbands.next_step(told, following, _said, times) if told.state is State.OPEN else ""
    band = incidentbands.incident(row, told, _said, times, follows)
    if meant.is_over:
        took = f"Incident {row.number} has ended, and so has this address."
        return Band(band.kind, band.icon, band.word, took, "Log in to read how it went.")
    if meant.is_old:
        took = f"It was sent more than {HOLDS.days} days ago. Incident {row.number} is still open."
        return Band("warn", "gap", "This address is too old to be used", took, "Log in to take it there.")
    if not meant.is_known:
        return Band(
            "warn", "gap", "This address is nobody’s any more", band.title, f"{meant.name} has left the catalog."
        )
    if meant.has_it:
        again = f"You are asked again {times.moment(told.reminder_at)}." if told.reminder_at else ""
        return Band("good", "ok", "You have it", band.title, f"Nobody else is paged. {again}".strip())
    return band


def _said(who: str) -> str:
    return common.face(who).said
