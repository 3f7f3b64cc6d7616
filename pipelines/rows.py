"""One deploy as lists show it, and the word for what it is. Values only."""

from dataclasses import dataclass
from datetime import datetime

from catalog import refs
from pipelines.deploy import State

WORDS = (
    *("queued", "going out", "baking", "paused", "healthy", "undoing", "undone", "aborted", "tried", "stuck"),
    "replaced",
)
"""What a deploy is, for people; `word` below is always one of these."""


@dataclass(frozen=True)
class Row:
    """One deploy in a list."""

    id: int
    service: str  # component:default/checkout
    environment: str
    rollback: bool
    release: int
    revision: str
    subject: str
    base: int | None
    word: str  # one of WORDS
    reason: str
    actor: str
    note: str
    requested_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    commits: int | None
    percent: int
    wave: int
    waves: int
    version: int

    @property
    def ended(self) -> bool:
        return self.ended_at is not None

    @property
    def name(self) -> str:
        """The service's short name."""
        return refs.short(self.service)


def word(state: str, ending: str, is_live: bool, baking: bool) -> str:
    if state == State.HEALTHY:
        return "healthy" if is_live else "replaced"
    if state == State.UNDONE:
        return {"aborted": "aborted", "good": "tried", "bad": "tried"}.get(ending, "undone")
    if state in (State.GOING, State.ACTING):
        return "baking" if baking else "going out"
    return state
