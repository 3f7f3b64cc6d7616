"""What has been measured of a release while it is watched, and what it says so far. Values only."""

from dataclasses import dataclass
from datetime import datetime

from pipelines.analysis import Measurement, MetricRun
from pipelines.evidence import Evidence
from production.metricsport import Tail


@dataclass(frozen=True)
class Counted:
    """What a release had answered in all at the last look, as its target counts."""

    release: int
    requests: int
    errors: int


@dataclass(frozen=True)
class Before:
    """What the service answered in the time before the deploy, minute by minute, oldest first."""

    requests: tuple[int, ...] = ()
    errors: tuple[int, ...] = ()


@dataclass(frozen=True)
class Point:
    """A moment for the plot: what both releases have answered since watching began, and the evidence so far."""

    at: datetime
    percent: int
    new_requests: int
    new_errors: int
    old_requests: int
    old_errors: int
    e: float


@dataclass(frozen=True)
class Proof:
    """Folded look by look. `said` is the last verdict in a sentence with its numbers.

    `alone` counts the looks at which nothing old served beside the new, in whole intervals of `Before`.
    """

    evidence: Evidence = Evidence()
    counted: tuple[Counted, ...] = ()
    pending: tuple[int, int] = (0, 0)  # requests and errors of the new one in an interval that is not over
    pending_old: tuple[int, int] = (0, 0)  # the same of the old one beside it
    since: datetime | None = None  # when that interval began, or the step
    alone: int = 0
    again: tuple[int, int] = (0, 0)  # requests and errors of what serves again after going back
    points: tuple[Point, ...] = ()
    runs: tuple[MetricRun, ...] = ()  # of the metrics, in the order of the file
    earlier: tuple[tuple[str, Measurement], ...] = ()  # how metrics were before the deploy
    tails: tuple[tuple[str, Tail], ...] = ()  # how far logs were read, by metric
    verdict: str = ""  # pass, fail, inconclusive
    said: str = ""

    @property
    def new(self) -> tuple[int, int]:
        """Requests and errors of the new release, with those that are not weighed yet."""
        counted, more = self.evidence, self.pending
        return counted.canary_requests + more[0], counted.canary_errors + more[1]

    @property
    def old(self) -> tuple[int, int]:
        """The same of the old one."""
        counted, more = self.evidence, self.pending_old
        return counted.baseline_requests + more[0], counted.baseline_errors + more[1]


NO_PROOF = Proof()
