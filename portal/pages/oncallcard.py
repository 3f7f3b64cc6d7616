"""The card “On call” of a service's page and of an entity's: who now, until when, who then, and who is behind."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from oncall import board, query
from oncall.answering import Answering
from portal import auth, oncalltelling
from portal.pages import common


def card(session: Session, ref: str) -> Mapping[str, Any]:
    """Return what `oncallcard.html` needs for a component, a team or a person."""
    services = auth.services()
    answering = Answering(session, services.oncall.fallback)
    line = board.line(answering, ref, common.times().now)
    people = [one.person for one in (*line.first, *line.behind)] + [one.then for one in line.first]
    common.know(session, [one for one in people if one])
    reached = answering.reached([one.person for one in line.first if one.person])
    return {
        "line": line,
        "escalation": line.policy.name if line.policy.name in answering.policies else "",
        "reached": reached,
        "is_set_up": query.has_plans(session),
        "told": oncalltelling,
    }
