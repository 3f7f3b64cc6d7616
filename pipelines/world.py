"""What a deploy touches, and what comes of an act. Values and protocols only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ledger.clock import Clock
from pipelines.deploy import Fact
from production.memorymetrics import MemoryMetrics
from production.metricsport import Metrics
from production.ports import Checker, Target


@dataclass(frozen=True)
class Ports:
    """What the loop touches; targets and their checkers by kind."""

    targets: Mapping[str, Target]
    checkers: Mapping[str, Checker]
    clock: Clock
    metrics: Metrics = field(default_factory=lambda: MemoryMetrics({}))


@dataclass(frozen=True)
class Came:
    """What came of an act; with `again_at`, the same act is due again then."""

    fact: Fact
    again_at: datetime | None = None
