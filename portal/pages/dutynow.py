"""The card “On call now” of the home page: who answers for my teams' services, my next shift, and how to change it."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import g
from sqlalchemy.orm import Session

from catalog.brief import Brief
from catalog.groups import Directory
from oncall import board
from oncall.answering import GROUP, Answering
from oncall.board import Line
from portal import auth, myshifts, oncalltelling
from portal.pages import common
from portal.pages.oncall import schedules_of

LINES = 4  # that are shown
NAMED = 2  # teams


def card(session: Session, services: Sequence[Brief], known: Directory) -> Mapping[str, Any]:
    """Return what `dutynow.html` needs. `services`: those of the reader's teams."""
    asks, now = auth.somebody(), common.times().now
    answering = Answering(session, auth.services().oncall.fallback, _known=known)
    lines = board.lines(answering, services, now)
    mine = schedules_of(answering, asks)
    following = next(iter(myshifts.coming(answering, mine, asks.user_ref or "", now)), None)
    is_on = any(one.person == asks.user_ref for line in lines for one in line.first if asks.user_ref)
    is_asked = bool(asks.user_ref) and (following is not None or is_on)
    people = {ref for line in lines for one in line.first for ref in (one.person, one.then)}
    names = {ref: known.people[ref].name for ref in people if ref in known.people}
    g.names = {**g.get("names", {}), **names}
    return {
        "lines": lines[:LINES],
        "more": len(lines) - LINES,
        "following": following,
        "role": _role(following.shift.role, following.roles) if following else "",
        "takes_turns": bool(mine) or any(one.schedule for line in lines for one in line.first),
        "unplanned": _unplanned(lines, known),
        "is_out_of_reach": is_asked and not answering.reached([asks.user_ref or ""]),
        "is_somebody": bool(asks.user_ref),
        "told": oncalltelling,
    }


def _role(role: str, roles: Sequence[str]) -> str:
    said = oncalltelling.role_said(role, roles)
    return said if said == role else f"{said} to answer"


def _unplanned(lines: Sequence[Line], known: Directory) -> list[str]:
    """Return the teams of which everybody is asked, since nobody has written when it is whose turn."""
    teams = [line.team for line in lines if line.is_covered and not any(one.schedule for one in line.first)]
    return [known.groups.get(team, team) for team in dict.fromkeys(teams) if team.startswith(GROUP)][:NAMED]
