"""One's own channels over the API, and the pager of a whole team. Addresses are shown masked, and codes not at all."""

from datetime import timedelta
from typing import Any

from apiflask import APIBlueprint

from oncall import planstore
from portal import auth, duty
from portal.api import alertshapes as shapes

bp = APIBlueprint("channels", __name__, tag="On-call")

OWN = {403: "A stranger's channels are nobody's business", 409: "Your account stands for nobody in the catalog"}
TRIED = {400: "Every problem is said", **OWN}


@bp.get("/me/channels")
@bp.output(shapes.Channels)
def channels() -> Any:
    """How you are reached"""
    person = auth.somebody().user_ref
    return _told(person) if person else shapes.Channels(channels=[], zone="UTC", quiet_from="", quiet_until="")


def _told(person: str) -> shapes.Channels:
    services = auth.services()
    with services.database.read() as session:
        shown = services.oncall.reaching.channels(session, person)
        zone, start, end = planstore.quiet_said(session, person)
    told = [
        shapes.Channel(
            id=one.way.id,
            kind=one.way.kind,
            label=one.way.label,
            address=one.address,
            verified=one.way.channel.verified,
            high_after_seconds=_seconds(one.way.channel.high),
            low_after_seconds=_seconds(one.way.channel.low),
            trouble=one.way.trouble,
        )
        for one in shown
    ]
    return shapes.Channels(channels=told, zone=zone or "UTC", quiet_from=start, quiet_until=end)


@bp.post("/me/channels")
@bp.input(shapes.ChannelIn, arg_name="asked")
@bp.output(shapes.Channels, 201, description="A code was sent; it counts when the code has come back")
@bp.doc(responses=TRIED)
def add(asked: shapes.ChannelIn) -> Any:
    """Add a way to reach you"""
    asks = auth.somebody()
    person = duty.own(asks)
    delays = (_span(asked.high_after_seconds), _span(asked.low_after_seconds))
    auth.services().oncall.reaching.add(person, asked.kind, asked.label, asked.address, asks.actor, *delays)
    return _told(person), 201


@bp.post("/me/channels/<int:channel_id>/verify")
@bp.input(shapes.CodeIn, arg_name="asked")
@bp.output(shapes.Channels)
@bp.doc(responses=TRIED)
def verify(channel_id: int, asked: shapes.CodeIn) -> Any:
    """Give back the code that came; from then on the channel counts"""
    person = duty.own(auth.somebody())
    auth.services().oncall.reaching.verify(person, duty.number(channel_id), asked.code)
    return _told(person)


@bp.delete("/me/channels/<int:channel_id>")
@bp.output(shapes.Channels)
@bp.doc(responses=OWN)
def remove(channel_id: int) -> Any:
    """Take a channel away"""
    asks = auth.somebody()
    person = duty.own(asks)
    auth.services().oncall.reaching.remove(person, duty.number(channel_id), asks.actor)
    return _told(person)


@bp.put("/me/quiet")
@bp.input(shapes.QuietIn, arg_name="asked")
@bp.output(shapes.Channels)
@bp.doc(responses=TRIED)
def quiet(asked: shapes.QuietIn) -> Any:
    """Say where you live, and when you are not to be disturbed by what can wait"""
    person = duty.own(auth.somebody())
    auth.services().oncall.reaching.set_quiet(person, asked.zone, asked.quiet_from, asked.quiet_until)
    return _told(person)


@bp.get("/oncall/teams/<team>/pager")
@bp.output(shapes.TeamPager)
@bp.doc(responses={400: "That names no team"})
def team_pager(team: str) -> Any:
    """The pager that a whole team has, by the name of its secret"""
    ref = duty.ref(team, "group")
    with auth.services().database.read() as session:
        return shapes.TeamPager(team=ref, pagerduty=planstore.pagerduty(session, ref))


@bp.put("/oncall/teams/<team>/pager")
@bp.input(shapes.PagerIn, arg_name="asked")
@bp.output(shapes.TeamPager)
@bp.doc(responses={400: "That names no team", 403: "Not yours to do"})
def connect(team: str, asked: shapes.PagerIn) -> Any:
    """Have a team paged through PagerDuty, or not any more"""
    services, asks, ref = auth.services(), auth.somebody(), duty.ref(team, "group")
    with services.database.write() as session:
        actor = duty.plans(services, session, asks, ref)
        services.oncall.teams.connect(session, ref, asked.pagerduty.strip(), actor)
    return shapes.TeamPager(team=ref, pagerduty=asked.pagerduty.strip())


def _span(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=seconds)


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()
