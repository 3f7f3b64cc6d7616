"""Who may do what. Pure: a person, an action and whose service it is go in; Allowed, or a reason, comes out.

Two roles: an admin may do everything; a member may change what a team of hers owns. Whoever is logged in may look.
"""

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    LOOK = "look at"
    DEPLOY = "deploy"
    ROLL_BACK = "roll back"
    ABORT = "stop a deploy of"
    HOLD = "hold deploys of"
    RELEASE = "let deploys go on of"
    APPROVE = "approve a deploy of"
    OVERRIDE = "override the gates of"
    LOCK = "lock"
    LOCK_ALL = "lock more than one service"
    REGISTER = "add repositories"
    MANAGE = "manage accounts"
    DECIDE = "decide about incidents of"
    SILENCE = "silence alerts of"
    INTEGRATE = "make integrations of"
    PLAN = "plan shifts of"


ADMIN_ONLY = frozenset({Action.REGISTER, Action.MANAGE, Action.LOCK_ALL})


@dataclass(frozen=True)
class Person:
    """Who asks. `teams` are the groups of the catalog that count her in (`group:default/payments`)."""

    account: str
    name: str
    user_ref: str | None = None
    role: str = "member"
    teams: frozenset[str] = frozenset()

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"

    @property
    def actor(self) -> str:
        """How facts name her."""
        return self.user_ref or f"account:{self.account}"


@dataclass(frozen=True)
class Owned:
    """A service and whose it is. `people` are those who could do it, by full name, for the refusal."""

    service: str  # checkout
    owner: str | None = None  # group:default/payments, user:default/alice, or None when the catalog does not know
    team: str = ""  # payments
    people: tuple[str, ...] = ()


@dataclass(frozen=True)
class Allowed:
    pass


@dataclass(frozen=True)
class Refused:
    """`reason` is a whole sentence: what, why, and who can."""

    reason: str


def may(person: Person | None, action: Action, owned: Owned | None = None) -> Allowed | Refused:
    """Answer whether `person` may do `action`, to `owned` where the action is about a service."""
    if person is None:
        return Refused("Log in first.")
    if person.is_admin or action is Action.LOOK:
        return Allowed()
    if action in ADMIN_ONLY:
        return Refused(f"Only an admin may {action.value}.")
    if owned is None:
        return Refused(f"Nobody knows whose this is; an admin may {action.value} it.")
    if owned.owner and owned.owner in person.teams | {person.user_ref}:
        return Allowed()
    return Refused(_refusal(action, owned))


def may_lift(person: Person | None, owner: str, owner_name: str, owned: Owned | None) -> Allowed | Refused:
    """Answer whether `person` may lift a lock that `owner` has set; `owned`: on that service, None: on several."""
    if person is not None and (person.is_admin or person.actor == owner):
        return Allowed()
    if owned is None:
        return Refused("Log in first.") if person is None else Refused(f"Only {owner_name} or an admin may lift it.")
    answer = may(person, Action.LOCK, owned)
    if person is None or isinstance(answer, Allowed):
        return answer
    who = f"{owner_name}, {owned.team or owned.owner}" if owned.owner else owner_name
    return Refused(f"Only {who} or an admin may lift it.")


def _refusal(action: Action, owned: Owned) -> str:
    if not owned.owner:
        return f"{owned.service} has no owner in the catalog, so only an admin may {action.value} it."
    said = f"Only {owned.team or owned.owner} may {action.value} {owned.service}."
    return f"{said} Ask {either(owned.people)}." if owned.people else f"{said} Ask an admin."


def either(names: tuple[str, ...], most: int = 3) -> str:
    """Join names as people say them.

    >>> either(("Mara Ilic", "Lin Zhao"))
    'Mara Ilic or Lin Zhao'
    """
    shown = names[:most]
    return shown[0] if len(shown) == 1 else ", ".join(shown[:-1]) + " or " + shown[-1]
