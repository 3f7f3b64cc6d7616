"""What a durable job is to whoever does it or asks after it: a claim, a place in a lane, a lane that is held."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Claim:
    """The right to do one job until its lease ends. `fence` only grows within a lane (or a lane-less job)."""

    job: int
    kind: str
    key: str
    lane: str | None
    fence: int
    attempt: int  # how often it has been claimed since it last finished, this time included
    payload: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Waiting:
    """A job in a lane, in the order in which they will run. `held`: it waits until the lane is let go."""

    kind: str
    key: str
    rank: int
    begun: bool
    held: bool


@dataclass(frozen=True)
class Hold:
    """Why a lane does not start what queues in it."""

    by: str
    reason: str
    at: datetime


class Lost(Exception):
    """The lease ran out and somebody else may have the job; stop at once and write nothing."""
