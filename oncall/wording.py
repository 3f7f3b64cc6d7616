"""The sentences that people read in pages: why this person, why now. Pure."""

from catalog.refs import short
from oncall.incident import Incident, Kind
from oncall.silences import ENDED


def why_paged(because: str, target: str, level: int, loop: int, incident: Incident) -> str:
    """Say why somebody gets a page, so that she need not look up why it was her."""
    service = short(incident.service) or "this"
    match because:
        case Kind.CALLED:
            return f"Somebody asks you to help with {service}."
        case Kind.REMINDED:
            return f"You have acknowledged this for {service}. Are you still on it?"
        case Kind.EXHAUSTED:
            return f"Nobody came for {service}, at no level of {incident.policy.name}. It waits for anybody."
    if level == 0:
        return f"{service} was given to you."
    again = f", round {loop + 1}" if loop else ""
    why = f"You are {_as(target)}: level {level} of {len(incident.policy.levels)}{again}."
    return why + (f" It pages again, since {incident.reason.split(';')[0]}." if is_back(incident, level, loop) else "")


def is_back(incident: Incident, level: int, loop: int) -> bool:
    """Is it the first page after a silence?"""
    return level == 1 and not loop and ENDED in incident.reason


def _as(target: str) -> str:
    """Say as what somebody is asked.

    >>> _as("payments/primary"), _as("group:default/payments"), _as("user:default/ada")
    ('payments primary', 'on call for payments', 'named in the escalation')
    """
    if target.startswith("user:"):
        return "named in the escalation"
    if target.startswith("everybody in "):
        return f"in {short(target)}"
    return f"on call for {short(target)}" if ":" in target else target.replace("/", " ")
