"""Metrics that are only remembered: for trying out, for tests, and for talks. Ships with the product."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from production.metricsport import LONGEST_QUERY, Answer, NoData, Sample, Trouble, Unheard, Values
from production.promql import names, near


class MemoryMetrics:
    """Answers what it was told, per source and query; a query it was not told of finds nothing.

    >>> from datetime import UTC
    >>> metrics = MemoryMetrics({"prometheus": ["up"]})
    >>> metrics.tell("prometheus", "up", 0.5, 1.0)
    >>> metrics.query("prometheus", "up", datetime(2026, 3, 2, tzinfo=UTC)).numbers
    (0.5,)
    """

    def __init__(self, sources: Mapping[str, Iterable[str]]) -> None:
        """`sources`: the names of the metrics that each source knows."""
        self._known = {source: set(known) for source, known in sources.items()}
        self._answers: dict[tuple[str, str], list[Answer]] = {}
        self._lock = threading.Lock()
        self.asked: list[tuple[str, str, datetime]] = []

    def tell(self, source: str, promql: str, *answers: Answer | float) -> None:
        """Give the next answers to a query, in their order; the last one stays. A number stands for a single value."""
        given = [answer if isinstance(answer, Answer) else Values((Sample(float(answer)),)) for answer in answers]
        with self._lock:
            self._answers[source, promql] = given

    def query(self, source: str, promql: str, at: datetime) -> Answer:
        if refused := refusal(source, promql, self._known):
            return refused
        with self._lock:
            self.asked.append((source, promql, at))
            told = self._answers.get((source, promql))
            if not told:
                return NoData("the query finds no series")
            return told.pop(0) if len(told) > 1 else told[0]

    def unknown(self, source: str, promql: str) -> Sequence[Unheard] | Trouble:
        if refused := refusal(source, promql, self._known):
            return refused
        known = self._known[source]
        return [Unheard(name, near(name, known)) for name in names(promql) if name not in known]


def refusal(source: str, promql: str, sources: Iterable[str]) -> Trouble | None:
    """Return why no source need be asked at all."""
    known = sorted(sources)
    if source not in known:
        there = f"there are: {', '.join(known)}" if known else "none is set up; add [metrics.prometheus] with its url"
        return Trouble(f"there is no metrics source “{source}”; {there}", permanent=True)
    if len(promql) > LONGEST_QUERY:
        return Trouble(f"the query has {len(promql)} characters; at most {LONGEST_QUERY} are sent", permanent=True)
    return None if promql.strip() else Trouble("the query is empty; write one", permanent=True)
