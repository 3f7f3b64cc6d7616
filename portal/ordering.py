"""The orders that people give a deploy: stop, hold, go on, look again. Asks who and may they, for every door."""

from typing import Literal

from ledger.errors import Code, Error
from portal import whose
from portal.permissions import Action, Person, Refused, may
from portal.services import Services

Order = Literal["abort", "resume", "look", "pause"]
LONGEST = 300  # characters of a reason


def give(services: Services, person: Person, deploy_id: int, service: str, order: Order, reason: str) -> None:
    """Order it, for the reason. Raises Error(FORBIDDEN), and Error(CONFLICT) for what came too late."""
    with services.database.read() as session:
        answer = may(person, Action.ABORT, whose.owned_by_ref(session, service))
    if isinstance(answer, Refused):
        raise Error(Code.FORBIDDEN, answer.reason)
    actions = services.actions
    acts = {"abort": actions.abort, "resume": actions.resume, "look": actions.look_again, "pause": actions.pause}
    acts[order](deploy_id, person.actor, services.clock(), reason.strip()[:LONGEST])
