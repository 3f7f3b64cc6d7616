"""What the gates look at, all of it at once, and what each of them says. Values only."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Literal

from pipelines.blockers import Answering, Budget, Incident
from pipelines.change import Change
from pipelines.ci import Status
from pipelines.gatesettings import Gates
from pipelines.plan import ReleaseRef
from pipelines.terms import USUAL, Terms
from pipelines.windows import Closed, Open

Verdict = Literal["good", "warn", "bad", "off"]
NEVER = datetime.min.replace(tzinfo=UTC)
NOTHING_ASKED, ALWAYS = Gates(), Open()


@dataclass(frozen=True)
class Gate:
    """One thing that was looked at. `bad` blocks, `warn` is said and does not, `off` is not connected or not asked."""

    verdict: Verdict
    title: str
    why: str
    kind: str  # its stable name, for programs
    overridable: bool = True  # in an emergency
    until: datetime | None = None  # when it will change by itself
    hint: str = ""  # what can be done about it, and by whom
    overridden: bool = False


@dataclass(frozen=True)
class LockedBy:
    """A lock that counts here; `owner` is who set it, by name."""

    id: int
    hard: bool
    scope: str
    reason: str
    owner: str
    at: datetime
    until: datetime | None = None
    by: str = ""  # who set it, as facts name her
    service: str | None = None


@dataclass(frozen=True)
class Yes:
    """An approval of the very revision, by whoever it is."""

    actor: str
    name: str
    at: datetime


@dataclass(frozen=True)
class Stretch:
    """For how long a revision was healthy somewhere: from when, until when (None: it still serves)."""

    since: datetime
    until: datetime | None = None

    def lasted(self, now: datetime) -> timedelta:
        return (self.until or now) - self.since


@dataclass(frozen=True)
class Situation:
    """What the gates look at. `base` is what serves now; `ahead`: the revision contains all of the base."""

    release: ReleaseRef
    base: ReleaseRef | None
    change: Change
    rollback: bool
    ahead: bool = True
    was_healthy: bool = True  # of a rollback's release: it has been healthy in this environment
    target_known: bool = True
    target_kind: str = "local"
    moved_from: str = ""  # the kind of target on which the base serves, where that is known
    stuck: bool = False  # the last deploy there ended stuck: nobody knows what serves
    held: str = ""  # why the lane is held, empty when it is not
    problems: int = 0  # of the catalog file at this revision, errors only
    taken_away: str = ""  # what this cannot take back once it is out, or, going back, what it leaves behind
    now: datetime = NEVER
    settings: Gates = NOTHING_ASKED
    terms: Terms = USUAL
    asker: str = ""  # who asks, as facts name her
    authors: frozenset[str] = frozenset()  # of the change: people of the catalog, or the mail of who is not in it
    locks: Sequence[LockedBy] = ()
    hours: Open | Closed = ALWAYS
    ci: Mapping[str, Mapping[str, Status]] = field(default_factory=dict)  # revision -> context -> its last word
    soaked: Mapping[str, Sequence[Stretch]] = field(default_factory=dict)  # environment -> when it was healthy there
    approvals: Sequence[Yes] = ()
    quarantine: str = ""  # why the revision is in quarantine, empty when it is not
    incidents: Sequence[Incident] | None = None  # None: not connected
    answering: Answering | None = None
    budget: Budget | None = None


def stretches(deploys: Sequence[tuple[datetime, str, bool]], revision: str) -> tuple[Stretch, ...]:
    """Return every stretch for which a revision was healthy, the newest first.

    `deploys` are the ends of deploys to that environment, the newest first: when, of which revision, and whether it
    ended healthy. One that ended stuck breaks a stretch, too; whoever leaves what serves in place does not belong here.
    """
    found, until = [], None
    for ended, what, healthy in deploys:
        if healthy and what == revision:
            found.append(Stretch(ended, until))
        until = ended
    return tuple(found)


def counted(number: int, one: str, many: str = "", write: Callable[[int], str] = "{:,}".format) -> str:
    """Write a number with its word.

    >>> counted(1, "file"), counted(3000, "file"), counted(2, "person", "people")
    ('1 file', '3,000 files', '2 people')
    """
    return f"{write(number)} {one if number == 1 else many or one + 's'}"


def span(length: timedelta) -> str:
    """Write a duration in at most two units.

    >>> span(timedelta(minutes=90)), span(timedelta(seconds=40))
    ('1 h 30 min', '40 s')
    """
    left, said = max(int(length.total_seconds()), 0), []
    for size, name in ((86400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if left >= size:
            said.append(f"{left // size} {name}")
            left %= size
    return " ".join(said[:2]) or "0 s"
