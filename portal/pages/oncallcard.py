"""The card “On call” of a service's page and of an entity's: who now, until when, who then, and who is behind."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from catalog.groups import Directory
from catalog.query import Service
from oncall import board
from oncall.answering import Answering
from portal import auth, oncalltelling
from portal.pages import common
from portal.pages.rotashared import speak


def card(
    session: Session, ref: str, service: Service | None = None, known: Directory | None = None
) -> Mapping[str, Any]:
    """Return what `oncallcard.html` needs for a component or a team; what the page has read is not read again."""
    answering = Answering(session, auth.services().oncall.fallback, _known=known)
    answering.learn([service] if service else [])
    line = board.line(answering, ref, common.times().now)
    speak(answering)
    reached = answering.reached([one.person for one in line.first if one.person])
    return {
        "line": line,
        "escalation": line.policy.name if line.policy.name in answering.policies else "",
        "reached": reached,
        "is_set_up": bool(answering.schedules or answering.policies),
        "told": oncalltelling,
    }
